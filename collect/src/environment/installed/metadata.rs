//! `METADATA` of an installed package: name and version out of its head.
//!
//! Follows the core metadata specification: fields as in a mail, up to an empty line; behind it a description of any length.

use crate::excerpt::excerpt;

/// Why a file is no metadata.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MetadataError {
    #[error("head is not UTF-8")]
    NotUtf8,
    #[error("no field {field}")]
    Missing { field: &'static str },
    #[error("field {field} twice")]
    Twice { field: &'static str },
    #[error("line {line:?} of the head is no field")]
    NoField { line: String },
}

/// Name and version, as they are spelled.
pub(super) fn parse(bytes: &[u8]) -> Result<(String, String), MetadataError> {
    // The head ends where the description begins, which need not be text.
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let end = end.or_else(|| bytes.windows(4).position(|four| four == b"\r\n\r\n")).unwrap_or(bytes.len());
    let head = bytes.get(..end).unwrap_or(bytes);
    let head = str::from_utf8(head).map_err(|_| MetadataError::NotUtf8)?;
    let (mut name, mut version) = (None, None);
    for line in head.lines().filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            continue; // the field above goes on
        }
        let Some((field, value)) = line.split_once(':') else {
            return Err(MetadataError::NoField { line: excerpt(line) });
        };
        let (place, field) = if field.eq_ignore_ascii_case("Name") {
            (&mut name, "Name")
        } else if field.eq_ignore_ascii_case("Version") {
            (&mut version, "Version")
        } else {
            continue;
        };
        if place.replace(value.trim().to_owned()).is_some() {
            return Err(MetadataError::Twice { field });
        }
    }
    let name = name.ok_or(MetadataError::Missing { field: "Name" })?;
    Ok((name, version.ok_or(MetadataError::Missing { field: "Version" })?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_stand_in_the_head() {
        let text =
            b"Metadata-Version: 2.1\nName: A.b\nSummary: x\n  Name: no\nversion: 1.0\n\nName: other\n\xff";
        assert_eq!(parse(text), Ok(("A.b".to_owned(), "1.0".to_owned())));
        assert_eq!(parse(b"Name: a\r\nVersion: 1\r\n\r\nName: b"), Ok(("a".to_owned(), "1".to_owned())));
        assert_eq!(parse(b"Name: a\n"), Err(MetadataError::Missing { field: "Version" }));
        assert_eq!(parse(b"Name: a\nName: a\nVersion: 1"), Err(MetadataError::Twice { field: "Name" }));
        assert_eq!(parse(b"Name: \xff"), Err(MetadataError::NotUtf8));
        assert!(matches!(parse(b"Name: a\nVersion: 1\nx"), Err(MetadataError::NoField { .. })));
    }
}
