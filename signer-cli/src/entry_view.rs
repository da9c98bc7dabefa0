//! A log entry for people and programs: the fields that are public for ever, and no others.

use std::fmt::Write as _;

use attest::entry::{EntryName, EntryPayload};
use attest::model_name::{ModelName, VersionLabel};

/// As lines, each indented by two.
pub(crate) fn text(payload: &EntryPayload) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line("kind", payload.kind().to_string());
    match payload.entry_name() {
        EntryName::Shown { name, version } => {
            line("name", name.to_string());
            line("version", version.to_string());
        }
        EntryName::Private { name, version } => {
            line("private", "commitments stand for name, version label and each digest".to_owned());
            line("name", name.to_string());
            line("version", version.to_string());
        }
    }
    line("statement", payload.statement().to_string());
    for subject in payload.subjects() {
        line("subject", format!("{} {}", subject.form(), hex(subject.digest())));
    }
    for input in payload.inputs() {
        line("input", format!("{} {} {}", input.role(), input.form(), hex(input.digest())));
    }
    line("key", payload.key().to_base64());
    line("key id", payload.key().key_id().to_string());
    text
}

/// As JSON. What is private is `null`, with its commitment beside it; in `subjects` and `inputs` `digest` is one too.
pub(crate) fn json(payload: &EntryPayload) -> serde_json::Value {
    let subjects: Vec<_> = payload
        .subjects()
        .iter()
        .map(|one| serde_json::json!({ "form": one.form().to_string(), "digest": hex(one.digest()) }))
        .collect();
    let inputs: Vec<_> = payload
        .inputs()
        .iter()
        .map(|one| {
            serde_json::json!({
                "role": one.role().to_string(),
                "form": one.form().to_string(),
                "digest": hex(one.digest()),
            })
        })
        .collect();
    let mut json = serde_json::json!({
        "kind": payload.kind().to_string(),
        "name": payload.name().map(ModelName::as_str),
        "version": payload.version().map(VersionLabel::as_str),
        "statement_digest": (!payload.is_private()).then(|| payload.statement().to_string()),
        "subjects": subjects,
        "inputs": inputs,
        "public_key": payload.key().to_base64(),
        "key_id": payload.key().key_id().to_string(),
    });
    if let (EntryName::Private { name, version }, Some(members)) =
        (payload.entry_name(), json.as_object_mut())
    {
        let commitments = serde_json::json!({
            "name": name.to_string(),
            "version": version.to_string(),
            "statement": payload.statement().to_string(),
        });
        members.insert("commitments".to_owned(), commitments);
    }
    json
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
