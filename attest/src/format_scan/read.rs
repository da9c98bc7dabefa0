//! The predicate, taken apart strictly. Unknown members are refused.

use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::excerpt::excerpt;
use crate::json::{Fields, Located};
use crate::provenance::Extent;

use super::{FormatScan, FormatScanError, ListedTemplate, MAX_FINDINGS, ScanFinding, ScanPlace, refuse_many};

impl FormatScan {
    /// Reads a predicate of type `scan/v1`.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, FormatScanError> {
        let fields = predicate.closed_object(&[
            "scanner",
            "rules",
            "exceptions",
            "result",
            "files",
            "bytes",
            "formats",
            "findings",
            "omittedFindings",
            "templates",
            "notEvaluated",
        ])?;
        let scanner = fields.required("scanner")?.closed_object(&["name", "version"])?;
        let text =
            |fields: &Fields<'_>, key| Ok::<_, FormatScanError>(fields.required(key)?.string()?.to_owned());
        let scanner = (text(&scanner, "name")?, text(&scanner, "version")?);
        let extent =
            Extent::claimed(fields.required("files")?.unsigned()?, decimal(&fields.required("bytes")?)?);
        let formats = list(&fields.required("formats")?, "formats", |format| {
            let format = format.closed_object(&["format", "files"])?;
            Ok((text(&format, "format")?, format.required("files")?.unsigned()?))
        })?;
        let not_evaluated = list(&fields.required("notEvaluated")?, "things not evaluated", read_text)?;
        let mut scan = Self::new(scanner, text(&fields, "rules")?, extent, formats, not_evaluated)?;
        if let Some(exceptions) = fields.optional("exceptions") {
            scan = scan.with_exceptions(list(&exceptions, "exceptions", read_text)?)?;
        }
        let findings = match fields.optional("findings") {
            Some(findings) => list(&findings, "findings", read_finding)?,
            None => Vec::new(),
        };
        refuse_many("findings", findings.len(), MAX_FINDINGS)?;
        let omitted = match fields.optional("omittedFindings") {
            Some(omitted) => Some(omitted.unsigned()?),
            None => None,
        };
        if omitted == Some(0) {
            return Err(FormatScanError::Unsorted { what: "findings that were left out" });
        }
        scan = scan.with_findings(findings, omitted.unwrap_or(0));
        if let Some(templates) = fields.optional("templates") {
            scan = scan.with_templates(list(&templates, "templates", read_template)?)?;
        }
        let seen = fields.required("result")?.string()?;
        if seen != scan.result() {
            return Err(FormatScanError::ResultMismatch { seen: excerpt(seen), wanted: scan.result() });
        }
        Ok(scan)
    }
}

/// A list that is not empty and ascends strictly.
fn list<T: Ord>(
    list: &Located<'_>,
    what: &'static str,
    read: impl Fn(&Located<'_>) -> Result<T, FormatScanError>,
) -> Result<Vec<T>, FormatScanError> {
    let items = list.array()?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if items.is_empty() || !items.is_sorted_by(|one, next| one < next) {
        return Err(FormatScanError::Unsorted { what });
    }
    Ok(items)
}

fn read_text(text: &Located<'_>) -> Result<String, FormatScanError> {
    Ok(text.string()?.to_owned())
}

fn decimal(number: &Located<'_>) -> Result<u64, FormatScanError> {
    let seen = number.string()?;
    parse_decimal(seen)
        .ok_or_else(|| FormatScanError::BadDecimal { path: number.path().clone(), seen: excerpt(seen) })
}

fn read_place(fields: &Fields<'_>) -> Result<ScanPlace, FormatScanError> {
    let file = fields.required("file")?.parsed(|path, source| FormatScanError::BadPath { path, source })?;
    let members = match fields.optional("members") {
        Some(members) => members.array()?.iter().map(read_text).collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    if fields.optional("members").is_some() && members.is_empty() {
        return Err(FormatScanError::Unsorted { what: "members" });
    }
    let offset = fields.optional("offset").map(|offset| decimal(&offset)).transpose()?;
    ScanPlace::new(file, members, offset)
}

fn read_finding(finding: &Located<'_>) -> Result<ScanFinding, FormatScanError> {
    let fields = finding.closed_object(&["reason", "what", "file", "members", "offset"])?;
    let [reason, what] = ["reason", "what"].map(|key| fields.required(key));
    ScanFinding::new(read_place(&fields)?, reason?.string()?.to_owned(), what?.string()?.to_owned())
}

fn read_template(template: &Located<'_>) -> Result<ListedTemplate, FormatScanError> {
    let fields = template.closed_object(&["key", "file", "members", "offset", "digest", "bytes"])?;
    let sha256 = fields.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
    let digest: Sha256Digest = sha256.parsed(|path, source| FormatScanError::BadDigest { path, source })?;
    let key = fields.required("key")?.string()?.to_owned();
    ListedTemplate::new(read_place(&fields)?, key, digest, decimal(&fields.required("bytes")?)?)
}
