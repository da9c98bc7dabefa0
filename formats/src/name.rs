//! What a name promises. It never decides what a file is; it is held against it.

use crate::format::Format;

/// Formats of a name's ending.
const PROMISES: [(&[&str], &[Format]); 17] = [
    (&["safetensors"], &[Format::Safetensors]),
    (&["gguf"], &[Format::Gguf]),
    (&["onnx"], &[Format::Onnx]),
    (&["onnx_data", "data"], &[Format::OnnxData]),
    (&["npy"], &[Format::Npy]),
    (&["npz"], &[Format::Npz]),
    (&["json"], &[Format::Json]),
    (&["jsonl", "ndjson"], &[Format::Text, Format::Json]),
    (&["model", "spm", "tiktoken", "bpe"], &[Format::SentencePiece, Format::Text]),
    (&["png", "jpg", "jpeg", "gif", "webp"], &[Format::Image]),
    (
        &["pt", "pth", "ckpt", "bin"],
        &[Format::Torch, Format::TorchLegacy, Format::TorchScript, Format::TorchExport, Format::Pickle],
    ),
    (&["pkl", "pickle", "joblib", "dill"], &[Format::Pickle, Format::Compressed]),
    (&["pt2"], &[Format::TorchExport]),
    (&["h5", "hdf5"], &[Format::Hdf5]),
    (&["keras"], &[Format::Keras]),
    (&["nemo", "tar"], &[Format::Tar, Format::Compressed]),
    (&["pb"], &[Format::SavedModel]),
];

/// Endings of texts.
const TEXTS: [&str; 23] = [
    "txt", "md", "markdown", "rst", "yaml", "yml", "toml", "cfg", "ini", "csv", "tsv", "jinja", "jinja2",
    "vocab", "merges", "license", "cff", "bib", "dict", "lock", "log", "prompt", "template",
];

/// Endings of what Python runs or imports.
const PYTHON: [&str; 9] = ["py", "pyc", "pyo", "pyw", "pyi", "pyx", "pyd", "egg", "whl"];

/// Whether Python runs or imports a file of that name, whatever it holds.
pub(crate) fn is_python(name: &str) -> bool {
    ending(name).is_some_and(|ending| PYTHON.contains(&ending.as_str()))
}

/// Whether a file of that name is read as YAML.
pub(crate) fn is_yaml(name: &str) -> bool {
    matches!(ending(name).as_deref(), Some("yaml" | "yml"))
}

/// Whether a file of that name is read as JSON.
pub(crate) fn is_json(name: &str) -> bool {
    ending(name).as_deref() == Some("json")
}

/// Whether a file of that name is a template.
pub(crate) fn is_template(name: &str) -> bool {
    matches!(ending(name).as_deref(), Some("jinja" | "jinja2"))
}

/// Whether a file of that name may be the data of an ONNX file: nothing else claims it.
pub(crate) fn may_be_onnx_data(name: &str) -> bool {
    ending(name)
        .is_none_or(|ending| formats(&ending).is_none_or(|formats| formats.contains(&Format::OnnxData)))
}

/// What is wrong with the name of a file of that format, in words.
pub(crate) fn disagreement(name: &str, format: Format) -> Option<String> {
    if format == Format::Unknown || format == Format::OnnxData {
        return None;
    }
    let Some(ending) = ending(name) else {
        return (format != Format::Text).then(|| format!("{format} in a file whose name has no ending"));
    };
    if TEXTS.contains(&ending.as_str()) {
        return (!matches!(format, Format::Text | Format::Json))
            .then(|| format!("{format} in a file called .{ending}"));
    }
    match formats(&ending) {
        Some(promised) if promised.contains(&format) => None,
        // What is refused for itself needs no known ending besides.
        None if !format.is_listed() && !format.is_torch() => None,
        _ => Some(format!("{format} in a file called .{ending}")),
    }
}

fn formats(ending: &str) -> Option<&'static [Format]> {
    PROMISES.iter().find(|(endings, _)| endings.contains(&ending)).map(|(_, formats)| *formats)
}

/// What stands behind the last dot, in lower case. A number, or a version such as `v3`, counts as no ending of its own.
fn ending(name: &str) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let (stem, ending) = name.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = |text: &str| {
        text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if is_number(ending) || is_version(ending) {
        return self::ending(stem);
    }
    Some(ending.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_is_held_against_the_content() {
        for (name, format, agrees) in [
            ("model.safetensors", Format::Safetensors, true),
            ("model.SafeTensors", Format::Safetensors, true),
            ("model.bin", Format::Safetensors, false),
            ("model.safetensors", Format::Json, false),
            ("a/tokenizer.model.v3", Format::SentencePiece, true),
            ("LICENSE-2.0", Format::Text, true),
            ("README", Format::Text, true),
            (".gitattributes", Format::Text, true),
            ("README", Format::Gguf, false),
            ("notes.txt", Format::Json, true),
            ("notes.txt", Format::Npy, false),
            ("run.sh", Format::Text, false),
            ("model.pth", Format::Text, false),
            ("model.pth", Format::Torch, true),
            ("model.xyz", Format::Torch, false),
            ("model.xyz", Format::Pickle, true),
        ] {
            assert_eq!(disagreement(name, format).is_none(), agrees, "{name} {format}");
        }
    }

    #[test]
    fn python_is_known_by_its_names() {
        assert!(is_python("modeling_x.py") && is_python("a/B.PY") && is_python("x.cpython-312.pyc"));
        assert!(!is_python("py") && !is_python(".py.txt") && !is_python("a.py/b.txt"));
    }
}
