"""Holds bills of materials against the validators of those who made the formats: CycloneDX's own, and SPDX's schema."""

import json
import sys

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

spdx_schema, dir = sys.argv[1:]
for name, version in [("cyclonedx-1.7", SchemaVersion.V1_7), ("cyclonedx-1.6", SchemaVersion.V1_6)]:
    with open(f"{dir}/{name}.json") as source:
        error = JsonStrictValidator(version).validate_str(source.read())
    if error is not None:
        sys.exit(f"{name}: {error}")
with open(spdx_schema) as schema, open(f"{dir}/spdx-3.0.json") as bill:
    jsonschema.Draft202012Validator(json.load(schema)).validate(json.load(bill))
print("valid")
