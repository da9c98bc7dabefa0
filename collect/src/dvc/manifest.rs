//! The list of the files of a directory, as DVC keeps it in its cache: `files/md5/23/62...1a.dir`.
//!
//! ```text
//! [{"md5": "0cc1...", "relpath": "a.csv"}, {"md5": "92eb...", "relpath": "sub/\u00e4.csv"}]
//! ```
//!
//! The MD5 of exactly this text is the id of the directory: sorted by `relpath`, keys in this order, one space after each comma and
//! colon, no line end, and each character outside of printable ASCII as `\uXXXX`, in two halves beyond the first plane. That is
//! what Python's `json.dumps` writes. So the id is made again from what was read, and a list that was written otherwise, by
//! somebody else, has another one.
//!
//! Source of the format: `dvc_data.hashfile.tree` of dvc-data 3.18. Bounds: [`MAX_MANIFEST_BYTES`].

use std::borrow::Cow;

use attest::model_path::{ModelPath, ModelPathError};
use serde::Deserialize;

use super::md5_id::{ContentKind, Md5Id};

/// Most bytes of a list: that of a million files with names of forty characters.
pub const MAX_MANIFEST_BYTES: u64 = 128 << 20;

/// A file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    path: ModelPath,
    md5: Md5Id,
}

/// The files of a directory, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    files: Vec<ManifestFile>,
}

/// Why bytes are not the list of a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not JSON, or not an array of objects with just `md5` and `relpath`.
    #[error("not a list of md5 and relpath")]
    Json(#[from] serde_json::Error),
    /// A path that leads out of the directory, or is none.
    #[error("entry {index} is no file below the directory")]
    Path {
        /// Which entry, from 0.
        index: usize,
        /// The rule it breaks.
        source: ModelPathError,
    },
    /// Not the MD5 of a file.
    #[error("entry {index} has no md5 of a file")]
    Md5 {
        /// Which entry, from 0.
        index: usize,
    },
    /// One path twice.
    #[error("{path} stands twice in the list")]
    Duplicate {
        /// Which.
        path: ModelPath,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    md5: String,
    relpath: String,
}

impl ManifestFile {
    /// Where it lies, below the directory.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// What DVC knows it by.
    #[must_use]
    pub const fn md5(&self) -> &Md5Id {
        &self.md5
    }
}

impl Manifest {
    /// Reads a list.
    ///
    /// # Errors
    /// Each variant of [`ManifestError`] is one rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let lines: Vec<Line> = serde_json::from_slice(bytes)?;
        let mut files = Vec::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            let path =
                ModelPath::new(line.relpath).map_err(|source| ManifestError::Path { index, source })?;
            let md5: Option<Md5Id> = line.md5.parse().ok();
            let md5 =
                md5.filter(|md5| md5.kind() == ContentKind::File).ok_or(ManifestError::Md5 { index })?;
            files.push(ManifestFile { path, md5 });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for (before, after) in files.iter().zip(files.iter().skip(1)) {
            if before.path == after.path {
                return Err(ManifestError::Duplicate { path: after.path.clone() });
            }
        }
        Ok(Self { files })
    }

    /// The files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// The id that DVC gives to a directory with these files.
    #[must_use]
    pub fn id(&self) -> Md5Id {
        let entries = self.files.iter().enumerate().flat_map(|(index, file)| {
            let open = if index == 0 { "{\"md5\": \"" } else { ", {\"md5\": \"" };
            let path = escaped(file.path.as_str());
            [open.into(), file.md5.hex().into(), "\", \"relpath\": \"".into(), path, "\"}".into()]
        });
        let (open, close): (Cow<'_, str>, Cow<'_, str>) = ("[".into(), "]".into());
        Md5Id::of_list(std::iter::once(open).chain(entries).chain(std::iter::once(close)))
    }
}

/// A text between the quotes of JSON as Python writes it.
fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            ' '..='~' => escaped.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0cc175b9c0f1b6a831c399e269772661";

    fn list(paths: &[&str]) -> Vec<u8> {
        let lines: Vec<_> = paths.iter().map(|path| serde_json::json!({"md5": A, "relpath": path})).collect();
        serde_json::to_vec(&lines).expect("JSON")
    }

    #[test]
    fn texts_are_escaped_as_python_does() {
        for (text, want) in [
            ("a b~", "a b~"),
            ("\"\\", "\\\"\\\\"),
            ("\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}", "\\n\\r\\t\\b\\f\\u0000\\u001f\\u007f"),
            ("\u{e4}\u{20ac}", "\\u00e4\\u20ac"),
            ("\u{1f600}", "\\ud83d\\ude00"),
            ("/<>&'", "/<>&'"),
        ] {
            assert_eq!(escaped(text), want);
        }
    }

    /// The values are what Python 3.11 gives for `hashlib.md5(json.dumps(list, sort_keys=True).encode()).hexdigest()`.
    #[test]
    fn the_id_is_that_of_python_s_text() {
        let id = |paths: &[&str]| Manifest::parse(&list(paths)).expect("a list").id().to_string();
        assert_eq!(id(&[]), "d751713988987e9331980363e24189ce.dir");
        assert_eq!(id(&["a", "b"]), "d824b8f3cd81ad871a17ae10e043ce60.dir");
        // Whatever order they were written in.
        assert_eq!(id(&["b", "a"]), id(&["a", "b"]));
        assert_eq!(id(&["\u{e4}.csv", "sub/\u{1f600}", "\u{ffee}"]), "0b5d67c39d3839d60d7987f39d3872d4.dir");
    }

    #[test]
    fn each_fault_has_its_name() {
        let parse = |text: &str| Manifest::parse(text.as_bytes()).expect_err(text);
        for path in ["../x", "/x", "a/../b", "", "a//b", "a\\b", "."] {
            let text = String::from_utf8(list(&["ok", path])).expect("text");
            assert!(matches!(parse(&text), ManifestError::Path { index: 1, .. }), "{path}");
        }
        assert!(matches!(
            parse(&format!(r#"[{{"md5":"{A}.dir","relpath":"a"}}]"#)),
            ManifestError::Md5 { index: 0 }
        ));
        assert!(matches!(parse(r#"[{"md5":"1e5","relpath":"a"}]"#), ManifestError::Md5 { index: 0 }));
        let twice = String::from_utf8(list(&["a", "b", "a"])).expect("text");
        assert!(matches!(parse(&twice), ManifestError::Duplicate { .. }));
        let good = String::from_utf8(list(&["a"])).expect("text");
        for text in [
            "",
            "{}",
            "[{}]",
            "[1]",
            "null",
            r#"[{"md5":1,"relpath":"a"}]"#,
            &good[..good.len() - 1],
            &format!("{good}[]"),
            &format!(r#"[{{"md5":"{A}","md5":"{A}","relpath":"a"}}]"#),
            &format!(r#"[{{"md5":"{A}","relpath":"a","size":1}}]"#),
            &format!(r#"[{{"md5":"{A}","relpath":"\ud800"}}]"#),
        ] {
            assert!(matches!(parse(text), ManifestError::Json(_)), "{text}");
        }
        assert!(matches!(Manifest::parse(b"[{\"md5\":\"\xff\"}]"), Err(ManifestError::Json(_))));
    }
}
