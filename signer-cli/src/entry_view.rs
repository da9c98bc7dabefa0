//! A log entry for people and programs: the fields that are public for ever, and no others.

use std::fmt::Write as _;

use attest::entry::EntryPayload;

/// As lines, each indented by two.
pub(crate) fn text(payload: &EntryPayload) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line("kind", payload.kind().to_string());
    line("name", payload.name().to_string());
    line("version", payload.version().to_string());
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

/// As JSON.
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
    serde_json::json!({
        "kind": payload.kind().to_string(),
        "name": payload.name().as_str(),
        "version": payload.version().as_str(),
        "statement_digest": payload.statement().to_string(),
        "subjects": subjects,
        "inputs": inputs,
        "public_key": payload.key().to_base64(),
        "key_id": payload.key().key_id().to_string(),
    })
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
