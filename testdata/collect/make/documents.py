"""Makes testdata/collect/documents: Croissant metadata as MLCommons' own library writes it.

    documents.py

The files here were made with mlcroissant 1.1.1 on Python 3.11. The datasheet beside them, `datasheet.md`, was written by hand: it is a
text for people, and there is no tool.
"""

import json
import pathlib

import mlcroissant as mlc
from mlcroissant._src.core.context import CroissantVersion

HERE = pathlib.Path(__file__).resolve().parent.parent / "documents"

for version in ("1.0", "1.1"):
    distribution = [
        mlc.FileObject(
            id="calls.zip",
            name="calls.zip",
            content_url="https://data.example.org/calls.zip?download=1",
            content_size="1234 B",
            encoding_formats=["application/zip"],
            sha256="657d4ebf182691763c1355225159516f7fb82075ff20b05534f98cee7c201f59",
        ),
        mlc.FileObject(
            id="notes.txt",
            name="notes.txt",
            content_url="https://data.example.org/notes.txt",
            encoding_formats=["text/plain"],
            # As long as an MD5: the specification's own examples have such.
            sha256="0b033707ea49365a5ffdd14615825511",
        ),
        mlc.FileSet(
            id="tables",
            name="tables",
            contained_in=["calls.zip"],
            includes=["tables/*.csv"],
            excludes=["tables/old-*.csv"],
            encoding_formats=["text/csv"],
        ),
    ]
    metadata = mlc.Metadata(
        name="calls",
        description="Calls of customers who left, and of some who stayed.",
        url="https://data.example.org/calls",
        license=["https://creativecommons.org/licenses/by/4.0/"],
        cite_as="@misc{calls, author = {Nobody, N.}, title = {Calls}, year = {2026}}",
        creators=[mlc.Person(name="N. Nobody", email="nobody@example.org")],
        version="1.2.0",
        date_published="2026-01-31",
        distribution=distribution,
        data_collection="Recorded with consent.",
        data_biases=["Only customers of one country.", "Few older than 70."],
        data_limitations=["Not for decisions about single persons."],
        personal_sensitive_information=["Age"],
        data_use_cases=["Training"],
        annotations_per_item="1",
    )
    metadata.ctx.conforms_to = CroissantVersion(f"http://mlcommons.org/croissant/{version}")
    case = HERE / f"croissant-{version.replace('.', '-')}"
    case.mkdir(parents=True, exist_ok=True)
    (case / "croissant.json").write_text(json.dumps(metadata.to_json(), indent=2, default=str) + "\n")
