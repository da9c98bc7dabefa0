//! Datasets.

use attest::dataset::{DataSource, Dataset, Document, PersonalData};
use attest::digest::Sha256Digest;
use attest::provenance::{Extent, Input, InputDigest, Source};
use attest::role::Role;
use attest::tree::{FileLeaf, Tree};

use super::{Kind, edit};

fn tree() -> Tree {
    let file = |path: &str, content: &[u8]| {
        FileLeaf::new(path.parse().unwrap(), content.len() as u64, Sha256Digest::of(content))
    };
    Tree::new(vec![file("a.csv", b"x,y\n"), file("b.csv", b"1,2\n")]).unwrap()
}

fn bytes(dataset: &Dataset) -> Vec<u8> {
    let (name, version) = ("acme/customers".parse().unwrap(), "v4".parse().unwrap());
    dataset.to_statement_bytes(&name, &version, tree().digest())
}

fn document(media_type: &str, content: &[u8]) -> Document {
    Document::new(media_type.to_owned(), Sha256Digest::of(content), content.len() as u64).unwrap()
}

fn full() -> Dataset {
    let parent = Input::new(
        Role::Dataset,
        "customers-raw".parse().unwrap(),
        Source::Observed,
        InputDigest::Tree { digest: tree().digest(), extent: None },
    );
    let sources = vec![
        DataSource::new("https://data.example.org/public".parse().unwrap()),
        DataSource::new("s3://company-data/v4".parse().unwrap())
            .with_version("4".to_owned())
            .unwrap()
            .with_retrieved_at("2026-11-20T07:00:00Z".parse().unwrap())
            .with_licence("internal".to_owned())
            .unwrap()
            .with_digest(Sha256Digest::of(b"archive")),
    ];
    Dataset::new(Extent::of(&tree()), PersonalData::Present)
        .with_by_content(Sha256Digest::of(b"contents"))
        .with_manifest(document("application/vnd.tallymark.manifest.v1+zstd", b"manifest"))
        .with_sources(sources)
        .unwrap()
        .with_derived_from(vec![parent.unwrap()])
        .unwrap()
        .with_transform(Sha256Digest::of(b"cleaning"))
        .with_collection("2024-01-01".parse().unwrap(), "2026-10-31".parse().unwrap())
        .unwrap()
        .with_datasheet(document("text/markdown", b"# Datasheet\n"))
        .with_croissant(document("application/ld+json", b"{}"))
        .with_licences(vec!["LicenseRef-internal".to_owned(), "CC-BY-4.0".to_owned()])
        .unwrap()
}

pub(super) fn kind() -> Kind {
    let many = |count: u32| {
        (0..count).map(|n| format!("{{\"uri\":\"s3://b/{n:03}\"}}")).collect::<Vec<_>>().join(",")
    };
    let licences = (0..65).map(|n| format!("\"L{n:02}\"")).collect::<Vec<_>>().join(",");
    let personal = "\"personalData\":\"unknown\"";
    Kind {
        prefix: "dataset",
        canonical: vec![
            ("full", bytes(&full())),
            ("bare", bytes(&Dataset::new(Extent::of(&tree()), PersonalData::Unknown))),
        ],
        accept: vec![edit(
            "subject-annotation",
            "bare",
            "\"version\":\"v4\"",
            "\"version\":\"v4\",\"owner\":\"x\"",
        )],
        reject: vec![
            (
                "Dataset.UnknownForm",
                edit(
                    "other-form",
                    "bare",
                    "\"form\":\"model-tree/v1\",\"files\"",
                    "\"form\":\"file\",\"files\"",
                ),
            ),
            ("Dataset.UnknownPersonalData", edit("perhaps-personal", "bare", "\"unknown\"", "\"perhaps\"")),
            (
                "Dataset.Field.MissingKey",
                edit("nothing-about-people", "bare", ",\"personalData\":\"unknown\"", ""),
            ),
            ("Dataset.Field.MissingKey", edit("no-size", "bare", "\"files\":2,", "")),
            (
                "Dataset.Field.MissingKey",
                edit("collection-without-end", "full", ",\"end\":\"2026-10-31\"", ""),
            ),
            (
                "Dataset.Field.UnknownKey",
                edit("salted", "bare", personal, format!("{personal},\"salted\":true")),
            ),
            (
                "Dataset.Field.UnknownKey",
                edit(
                    "document-elsewhere",
                    "full",
                    "{\"mediaType\":\"text/markdown\"",
                    "{\"location\":\"https://example.org\",\"mediaType\":\"text/markdown\"",
                ),
            ),
            (
                "Dataset.Field.UnknownKey",
                edit("content-second-digest", "full", "\"byContent\":{", "\"byContent\":{\"md5\":\"00\","),
            ),
            ("Dataset.Field.WrongType", edit("files-as-text", "bare", "\"files\":2", "\"files\":\"2\"")),
            ("Dataset.BadDecimal", edit("bytes-with-zero", "bare", "\"bytes\":\"8\"", "\"bytes\":\"08\"")),
            (
                "Dataset.BadDigest.NoAlgorithm",
                edit("transform-without-algorithm", "full", "\"transform\":\"sha256:", "\"transform\":\""),
            ),
            (
                "Dataset.BadDigest.BadLength",
                edit(
                    "short-content-digest",
                    "full",
                    "\"byContent\":{\"sha256\":\"",
                    "\"byContent\":{\"sha256\":\"0",
                ),
            ),
            ("Dataset.BadTime", edit("retrieved-on-a-day", "full", "2026-11-20T07:00:00Z", "2026-11-20")),
            (
                "Dataset.BadDate",
                edit("collected-at-a-moment", "full", "\"2024-01-01\"", "\"2024-01-01T00:00:00Z\""),
            ),
            ("Dataset.BadDate", edit("thirty-first-of-september", "full", "2026-10-31", "2026-09-31")),
            ("Dataset.EndBeforeStart", edit("collected-backwards", "full", "2026-10-31", "2023-12-31")),
            (
                "Dataset.BadUri.Credentials",
                edit("token-in-source", "full", "https://data.example.org", "https://x:y@data.example.org"),
            ),
            ("Dataset.BadWord", edit("licence-with-escape", "full", "\"CC-BY-4.0\"", "\"CC\\u001b[2J\"")),
            ("Dataset.BadWord", edit("empty-version", "full", "\"version\":\"4\"", "\"version\":\"\"")),
            ("Dataset.BadWord", edit("no-media-type", "full", "\"text/markdown\"", "\"\"")),
            (
                "Dataset.ParentRole",
                edit("made-from-a-model", "full", "\"role\":\"dataset\"", "\"role\":\"base-model\""),
            ),
            ("Dataset.Parents.UnknownSource", edit("parent-guessed", "full", "\"observed\"", "\"guessed\"")),
            (
                "Dataset.Unsorted",
                edit("no-licences", "bare", personal, format!("{personal},\"licences\":[]")),
            ),
            (
                "Dataset.Unsorted",
                edit("licence-twice", "full", "\"CC-BY-4.0\",", "\"CC-BY-4.0\",\"CC-BY-4.0\","),
            ),
            ("Dataset.Unsorted", edit("no-sources", "bare", personal, format!("\"sources\":[],{personal}"))),
            (
                "Dataset.Unsorted",
                edit(
                    "sources-swapped",
                    "full",
                    "https://data.example.org/public",
                    "t://data.example.org/public",
                ),
            ),
            (
                "Dataset.Unsorted",
                edit("no-parents", "bare", personal, format!("\"derivedFrom\":[],{personal}")),
            ),
            (
                "Dataset.TooManySources",
                edit("too-many-sources", "bare", personal, format!("\"sources\":[{}],{personal}", many(257))),
            ),
            (
                "Dataset.TooManyLicences",
                edit("too-many-licences", "bare", personal, format!("{personal},\"licences\":[{licences}]")),
            ),
            (
                "FurtherSubjects",
                edit(
                    "with-a-file",
                    "bare",
                    "],\"predicateType\"",
                    ",{\"name\":\"a.csv\",\"digest\":{\"sha256\":\"50d0c480e8df2d834ca22bff6d4416afcad85438911bcf356f682d6cbc892454\"},\"annotations\":{\"form\":\"file\",\"bytes\":\"13\"}}],\"predicateType\"",
                ),
            ),
        ],
    }
}
