//! What the files are, where a rule asks: the format gate is part of the verdict.

use verifier::Reason;

use super::accept::{LABEL, dataset, logged};
use super::case::Case;
use super::world::{File, plain_trust, publisher, statement};

/// One tensor of four bytes, as spec/formats.md has it.
fn safetensors() -> Vec<u8> {
    let header = br#"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}   "#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(&[1, 2, 3, 4]);
    bytes
}

pub(crate) fn harmless() -> Vec<File> {
    vec![("config.json", b"{\"layers\":2}\n".to_vec()), ("model.safetensors", safetensors())]
}

pub(crate) fn with(path: &'static str, bytes: &[u8]) -> Vec<File> {
    let mut files: Vec<File> = harmless().into_iter().filter(|(other, _)| *other != path).collect();
    files.push((path, bytes.to_vec()));
    files
}

/// Names a function of the system, and would call it when it is loaded.
pub(crate) const PICKLE: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";

fn case(name: &'static str, why: &'static str, files: Vec<File>, demands: &str) -> Case {
    let bundle = logged(&statement(LABEL, &files, vec![dataset()]), &publisher());
    let trust = format!("{}\n[[require]]\nname = \"acme/*\"\n{demands}\n", plain_trust());
    Case::new(name, why, bundle).files(files).trust(trust)
}

pub(crate) fn accepted() -> Vec<Case> {
    vec![
        case("formats-strict", "weights and texts that can run nothing", harmless(), "formats = \"strict\""),
        case(
            "formats-named",
            "every file is of a format that the rule names",
            harmless(),
            "formats = \"strict\"\nformats-only = [\"safetensors\", \"json\"]",
        ),
        case(
            "formats-only-warn",
            "a pickle, and the rule is tried out",
            with("model.pkl", PICKLE),
            "formats = \"strict\"\nmode = \"warn\"",
        ),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    let auto_map = br#"{"auto_map":{"AutoModel":"net.Net"}}"#;
    let refused = |case: Case| case.refused(Reason::FormatRefused);
    [
        case(
            "format-pickle",
            "a pickle that names a function",
            with("model.pkl", PICKLE),
            "formats = \"strict\"",
        ),
        case(
            "format-pickle-by-another-name",
            "a pickle in a file that is called text",
            with("notes.txt", PICKLE),
            "formats = \"torch\"",
        ),
        case(
            "format-auto-map",
            "a configuration that names a class of the model's own",
            with("config.json", auto_map),
            "formats = \"strict\"",
        ),
        case(
            "format-not-named",
            "JSON is allowed by the gate, and not by the rule",
            harmless(),
            "formats = \"strict\"\nformats-only = [\"safetensors\"]",
        ),
    ]
    .map(refused)
    .to_vec()
}
