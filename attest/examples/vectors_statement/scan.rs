//! Scans of file formats.

use attest::digest::Sha256Digest;
use attest::format_scan::{FormatScan, ListedTemplate, ScanFinding, ScanPlace};
use attest::provenance::Extent;
use attest::tree::{FileLeaf, Tree};

use super::{Kind, edit, model};

fn scan(formats: &[(&str, u64)]) -> FormatScan {
    let files: u64 = formats.iter().map(|(_, files)| files).sum();
    let leaf =
        |number: u64| FileLeaf::new(format!("file-{number}").parse().unwrap(), 94, Sha256Digest::of(b""));
    let tree = Tree::new((0..files).map(leaf).collect()).unwrap();
    let formats = formats.iter().map(|(format, files)| ((*format).to_owned(), *files)).collect();
    let scanner = ("tallymark".to_owned(), "0.1.0".to_owned());
    let left_out = ["tensor-values", "weight-behaviour"].map(str::to_owned).to_vec();
    FormatScan::new(scanner, "formats/v1".to_owned(), Extent::of(&tree), formats, left_out).unwrap()
}

fn place(file: &str, members: &[&str], offset: Option<u64>) -> ScanPlace {
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    ScanPlace::new(file.parse().unwrap(), members, offset).unwrap()
}

fn finding(place: ScanPlace, reason: &str, what: &str) -> ScanFinding {
    ScanFinding::new(place, reason.to_owned(), what.to_owned()).unwrap()
}

fn write(scan: &FormatScan) -> Vec<u8> {
    let (name, version, digest) = model();
    scan.to_statement_bytes(&name, &version, digest)
}

pub(super) fn kind() -> Kind {
    let allowed = scan(&[("json", 2), ("safetensors", 2), ("text", 2)]);
    let template = ListedTemplate::new(
        place("tokenizer_config.json", &[], None),
        "chat_template".to_owned(),
        Sha256Digest::of(b"{{ messages }}"),
        14,
    );
    let pickle = place("model.bin", &["archive/data.pkl"], Some(2));
    let refused = scan(&[("json", 1), ("torch", 1)])
        .with_findings(
            vec![
                finding(pickle.clone(), "pickle-global", "os system"),
                finding(pickle, "pickle", "a pickle of PyTorch"),
                finding(place("config.json", &[], None), "auto-map", "auto_map"),
            ],
            3,
        )
        .with_templates(vec![template.unwrap()])
        .unwrap();
    let torch = scan(&[("torch", 1)]).with_exceptions(vec!["torch".to_owned()]).unwrap();
    let template_digest: &'static str = Sha256Digest::of(b"{{ messages }}").to_string().leak();
    let path = "\"file\":\"config.json\"";
    Kind {
        prefix: "scan",
        canonical: vec![("allowed", write(&allowed)), ("refused", write(&refused)), ("torch", write(&torch))],
        accept: vec![
            edit("unknown-reason", "refused", "auto-map", "invented-tomorrow"),
            edit("unknown-format", "torch", "\"format\":\"torch\"", "\"format\":\"invented-tomorrow\""),
        ],
        reject: vec![
            (
                "Scan.Unsorted",
                edit("nothing-left-out", "allowed", "[\"tensor-values\",\"weight-behaviour\"]", "[]"),
            ),
            (
                "Scan.Field.MissingKey",
                edit(
                    "without-left-out",
                    "allowed",
                    ",\"notEvaluated\":[\"tensor-values\",\"weight-behaviour\"]",
                    "",
                ),
            ),
            (
                "Scan.Field.UnknownKey",
                edit("unknown-member", "allowed", "\"rules\":", "\"clean\":true,\"rules\":"),
            ),
            (
                "Scan.Field.UnknownKey",
                edit(
                    "unknown-member-of-finding",
                    "refused",
                    path,
                    "\"ignored\":true,\"file\":\"config.json\"",
                ),
            ),
            ("Scan.Field.WrongType", edit("number-as-size", "torch", "\"bytes\":\"94\"", "\"bytes\":94")),
            (
                "Scan.ResultMismatch",
                edit("refused-called-allowed", "refused", "\"result\":\"refused\"", "\"result\":\"allowed\""),
            ),
            (
                "Scan.ResultMismatch",
                edit("allowed-called-refused", "allowed", "\"result\":\"allowed\"", "\"result\":\"refused\""),
            ),
            (
                "Scan.ResultMismatch",
                edit("result-unknown", "allowed", "\"result\":\"allowed\"", "\"result\":\"clean\""),
            ),
            ("Scan.FileCount", edit("fewer-files", "allowed", "\"files\":6", "\"files\":7")),
            (
                "Scan.FileCount",
                edit("format-of-no-file", "torch", "\"torch\",\"files\":1", "\"torch\",\"files\":0"),
            ),
            (
                "Scan.Unsorted",
                edit("formats-descend", "allowed", "\"format\":\"json\"", "\"format\":\"zip\""),
            ),
            ("Scan.Unsorted", edit("no-exceptions", "torch", "[\"torch\"]", "[]")),
            (
                "Scan.Unsorted",
                edit(
                    "left-out-descends",
                    "allowed",
                    "[\"tensor-values\",\"weight-behaviour\"]",
                    "[\"b\",\"a\"]",
                ),
            ),
            (
                "Scan.Unsorted",
                edit("none-omitted", "refused", "\"omittedFindings\":3", "\"omittedFindings\":0"),
            ),
            ("Scan.BadLabel", edit("label-in-capitals", "refused", "auto-map", "AUTO")),
            ("Scan.BadLabel", edit("rules-with-a-space", "allowed", "formats/v1", "formats v1")),
            ("Scan.BadText", edit("text-with-a-line", "refused", "os system", "os\\nsystem")),
            ("Scan.BadText", edit("empty-text", "refused", "os system", "")),
            (
                "Scan.BadPath.DotComponent",
                edit("path-climbs", "refused", path, "\"file\":\"../config.json\""),
            ),
            (
                "Scan.BadDecimal",
                edit(
                    "offset-with-a-sign",
                    "refused",
                    "\"file\":\"config.json\"",
                    "\"file\":\"config.json\",\"offset\":\"+1\"",
                ),
            ),
            (
                "Scan.BadDigest.BadLength",
                edit("digest-cut", "refused", template_digest, &template_digest[..62]),
            ),
        ],
    }
}
