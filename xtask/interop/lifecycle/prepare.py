"""Cleans the raw table: the first stage of the pipeline."""

import csv
import sys

raw, clean = sys.argv[1:]
with open(raw, newline="") as source, open(clean, "w", newline="") as target:
    rows = csv.DictReader(source)
    writer = csv.DictWriter(target, rows.fieldnames)
    writer.writeheader()
    writer.writerows(row for row in rows if all(row.values()))
