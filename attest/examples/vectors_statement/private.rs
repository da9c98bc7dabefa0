//! Provenances with private values: the hand-made example, hidden under salts that everybody knows.

use std::fs;
use std::path::Path;

use attest::private_value::{Opening, Salt};
use attest::provenance::{Input, Provenance};
use attest::statement::Statement;

use super::{Kind, edit};

/// The commitment to a value under a salt of one byte 32 times, as it stands in a text.
pub(super) fn hidden<T: From<attest::private_value::Commitment>>(salt: u8, value: &str) -> T {
    Opening::new(Salt::from_bytes([salt; 32]), value.to_owned()).unwrap().commitment().into()
}

/// Hides name and place of the input with that number, from 1, and its digest if `digest` says so.
fn hide(number: u8, input: &Input, digest: bool) -> Input {
    let hidden_input = input.clone().with_name(hidden(number, input.name().as_str()));
    let hidden_input = match input.uri() {
        Some(uri) => hidden_input.with_uri(hidden(64 + number, uri.as_str())),
        None => hidden_input,
    };
    if digest {
        hidden_input.with_private_digest(hidden(128 + number, &input.digest_text()))
    } else {
        hidden_input
    }
}

pub(super) fn kind(folder: &Path) -> Kind {
    let example = Statement::parse(&fs::read(folder.join("canonical/example.json")).unwrap()).unwrap();
    let (shown, tree) = (example.provenance().unwrap(), example.files().unwrap());
    let bytes = |digest| {
        let inputs = (1..).zip(shown.inputs()).map(|(number, input)| hide(number, input, digest)).collect();
        let version = shown.tool_version().clone();
        let provenance = Provenance::new(Some(shown.relation()), inputs, version).unwrap();
        provenance.to_statement_bytes_without_files(example.name(), example.version(), tree)
    };
    let dataset = "\"role\":\"dataset\",\"form\":\"private/v1\",\"source\":\"observed\"";
    let digest = "\"private\":\"a8b9be976f9c9d31bb2512577b46486c900fdab7cec6b3257a963001bb15cd31\"";
    Kind {
        prefix: "private",
        canonical: vec![("names", bytes(false)), ("digests", bytes(true))],
        accept: vec![],
        reject: vec![
            (
                "Provenance.BadDigest.BadLength",
                edit("short", "digests", digest, digest.replace("31\"", "\"")),
            ),
            (
                "Provenance.SizeOfPrivate",
                edit("state", "digests", dataset, format!("{dataset},\"dirty\":false")),
            ),
            (
                "Provenance.SizeOfPrivate",
                edit("size", "digests", dataset, format!("{dataset},\"bytes\":\"16\"")),
            ),
            (
                "Provenance.Field.UnknownKey",
                edit("under-another-form", "digests", dataset, dataset.replace("private/v1", "file")),
            ),
            (
                "Provenance.Field.UnknownKey",
                edit("form-of-sha256", "digests", digest, digest.replace("private", "sha256")),
            ),
            (
                "Provenance.Field.UnknownKey",
                edit("and-sha256", "digests", digest, format!("{digest},\"sha256\":\"{}\"", "0".repeat(64))),
            ),
        ],
    }
}
