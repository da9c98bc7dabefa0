//! What a scan of file formats found, `scan/v1`, and what it did not look at.
//!
//! Follows spec/formats.md. In scope: the predicate, read strictly and written in one way. Out of scope: the subject around it
//! ([`crate::statement`]), the scan itself (crate `formats`), and whether its answer is enough (crate `verifier`).
//!
//! ```json
//! {"scanner":{"name":"tallymark","version":"0.1.0"},"rules":"formats/v1","result":"refused",
//!  "files":2,"bytes":"104","formats":[{"format":"json","files":1},{"format":"pickle","files":1}],
//!  "findings":[{"reason":"pickle-global","what":"os system","file":"model.pkl","offset":"2"}],
//!  "notEvaluated":["tensor-values","weight-behaviour"]}
//! ```
//! Reasons, formats and what was not evaluated are labels: a reader that does not know one still reads the statement, and goes by the
//! result. A scan that claims to have evaluated everything is refused.

mod error;
mod finding;
mod read;
mod write;

use crate::provenance::Extent;

pub use error::FormatScanError;
pub use finding::{ListedTemplate, ScanFinding, ScanPlace};

/// Most findings that a statement repeats; how many more there were is a number.
pub const MAX_FINDINGS: usize = 1024;

/// Most templates.
pub const MAX_TEMPLATES: usize = 256;

/// Most formats, exceptions, and things not evaluated.
pub const MAX_LABELS: usize = 64;

/// Longest label, in bytes.
pub const MAX_LABEL_BYTES: usize = 64;

/// Longest text of a finding or template, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;

/// What a scan of a model's files found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatScan {
    scanner: (String, String),
    rules: String,
    exceptions: Vec<String>,
    extent: Extent,
    formats: Vec<(String, u64)>,
    findings: Vec<ScanFinding>,
    omitted: u64,
    templates: Vec<ListedTemplate>,
    not_evaluated: Vec<String>,
}

impl FormatScan {
    /// A scan by a program of that name and version, by those rules, of so many files of each format. Formats and what was not
    /// evaluated are sorted.
    ///
    /// # Errors
    /// [`FormatScanError::BadLabel`], [`FormatScanError::TooMany`], [`FormatScanError::FormatTwice`],
    /// [`FormatScanError::FileCount`] if the formats are not those of all files, [`FormatScanError::NothingLeftOut`].
    pub fn new(
        scanner: (String, String),
        rules: String,
        extent: Extent,
        mut formats: Vec<(String, u64)>,
        mut not_evaluated: Vec<String>,
    ) -> Result<Self, FormatScanError> {
        formats.sort();
        not_evaluated.sort();
        not_evaluated.dedup();
        for text in [&scanner.0, &scanner.1, &rules] {
            refuse_name(text)?;
        }
        let labels = formats.iter().map(|(format, _)| format).chain(&not_evaluated);
        labels.into_iter().try_for_each(|label| refuse_label(label))?;
        refuse_many("formats", formats.len(), MAX_LABELS)?;
        refuse_many("things not evaluated", not_evaluated.len(), MAX_LABELS)?;
        if !formats.is_sorted_by(|one, next| one.0 < next.0) {
            return Err(FormatScanError::FormatTwice);
        }
        let counted =
            formats.iter().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count).filter(|_| *count > 0));
        if counted != Some(extent.files()) || extent.files() == 0 {
            return Err(FormatScanError::FileCount { files: extent.files() });
        }
        if not_evaluated.is_empty() {
            return Err(FormatScanError::NothingLeftOut);
        }
        Ok(Self {
            scanner,
            rules,
            exceptions: Vec::new(),
            extent,
            formats,
            findings: Vec::new(),
            omitted: 0,
            templates: Vec::new(),
            not_evaluated,
        })
    }

    /// Adds what was allowed beyond the rules, sorted and once each.
    ///
    /// # Errors
    /// [`FormatScanError::BadLabel`], [`FormatScanError::TooMany`].
    pub fn with_exceptions(self, mut exceptions: Vec<String>) -> Result<Self, FormatScanError> {
        exceptions.sort();
        exceptions.dedup();
        exceptions.iter().try_for_each(|label| refuse_label(label))?;
        refuse_many("exceptions", exceptions.len(), MAX_LABELS)?;
        Ok(Self { exceptions, ..self })
    }

    /// Adds what was found, sorted and once each, of which the first [`MAX_FINDINGS`] are kept; `omitted` were left out before. What is left
    /// out is counted.
    #[must_use]
    pub fn with_findings(self, mut findings: Vec<ScanFinding>, omitted: u64) -> Self {
        findings.sort();
        findings.dedup();
        let more = findings.len().saturating_sub(MAX_FINDINGS) as u64;
        findings.truncate(MAX_FINDINGS);
        // JSON holds integers up to 2^53.
        let omitted = omitted.saturating_add(more).min(crate::json::MAX_INTEGER);
        Self { findings, omitted, ..self }
    }

    /// Adds the templates that were found, sorted and once each.
    ///
    /// # Errors
    /// [`FormatScanError::TooMany`].
    pub fn with_templates(self, mut templates: Vec<ListedTemplate>) -> Result<Self, FormatScanError> {
        templates.sort();
        templates.dedup();
        refuse_many("templates", templates.len(), MAX_TEMPLATES)?;
        Ok(Self { templates, ..self })
    }

    /// Name and version of the program that scanned.
    #[must_use]
    pub fn scanner(&self) -> (&str, &str) {
        (&self.scanner.0, &self.scanner.1)
    }

    /// By which rules.
    #[must_use]
    pub fn rules(&self) -> &str {
        &self.rules
    }

    /// What was allowed beyond them, ascending.
    #[must_use]
    pub fn exceptions(&self) -> &[String] {
        &self.exceptions
    }

    /// How many files and bytes were looked at.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// How many files there are of each format, ascending.
    #[must_use]
    pub fn formats(&self) -> &[(String, u64)] {
        &self.formats
    }

    /// What was found, ascending.
    #[must_use]
    pub fn findings(&self) -> &[ScanFinding] {
        &self.findings
    }

    /// How many more findings there were.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }

    /// The templates that were found, ascending.
    #[must_use]
    pub fn templates(&self) -> &[ListedTemplate] {
        &self.templates
    }

    /// What was not looked at, ascending; never empty.
    #[must_use]
    pub fn not_evaluated(&self) -> &[String] {
        &self.not_evaluated
    }

    /// Whether nothing was found. Computed, and held against what a statement says.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.findings.is_empty() && self.omitted == 0
    }

    /// The result, as statements spell it.
    #[must_use]
    pub fn result(&self) -> &'static str {
        if self.is_allowed() { "allowed" } else { "refused" }
    }
}

/// Refuses a label that is not 1 to 64 bytes of `[a-z0-9-]`.
fn refuse_label(label: &str) -> Result<(), FormatScanError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if label.is_empty() || label.len() > MAX_LABEL_BYTES || !label.bytes().all(is_plain) {
        return Err(FormatScanError::BadLabel { label: crate::excerpt::excerpt(label) });
    }
    Ok(())
}

/// Refuses a name of a program, a version or rules that is not 1 to 64 bytes of `[a-zA-Z0-9._+/-]`.
fn refuse_name(name: &str) -> Result<(), FormatScanError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+/-".contains(&byte);
    if name.is_empty() || name.len() > MAX_LABEL_BYTES || !name.bytes().all(is_plain) {
        return Err(FormatScanError::BadLabel { label: crate::excerpt::excerpt(name) });
    }
    Ok(())
}

/// Refuses a text that is empty, longer than [`MAX_TEXT_BYTES`], or could not be shown.
fn refuse_text(text: &str) -> Result<(), FormatScanError> {
    if text.is_empty() || text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
        return Err(FormatScanError::BadText { text: crate::excerpt::excerpt(text) });
    }
    Ok(())
}

const fn refuse_many(what: &'static str, seen: usize, max: usize) -> Result<(), FormatScanError> {
    if seen > max {
        return Err(FormatScanError::TooMany { what, seen, max });
    }
    Ok(())
}
