use std::collections::{BTreeMap, BTreeSet};

use attest::digest::Sha256Digest;

use crate::finding::{Finding, Place};
use crate::format::Format;
use crate::not_evaluated::NotEvaluated;
use crate::reason::Reason;
use crate::rules::Rules;
use crate::sink::{Reference, Sink};

/// A template that an engine fills in and gives to the model: listed, not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    place: Place,
    key: String,
    digest: Sha256Digest,
    bytes: u64,
}

impl Template {
    pub(crate) const fn new(place: Place, key: String, digest: Sha256Digest, bytes: u64) -> Self {
        Self { place, key, digest, bytes }
    }

    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Under which key, or in which file.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// SHA-256 of its text in UTF-8.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its length, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What one file is, and what was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    path: String,
    size: u64,
    format: Format,
    findings: Vec<Finding>,
    omitted: u64,
    omitted_reasons: BTreeSet<Reason>,
    templates: Vec<Template>,
    references: Vec<Reference>,
    shapes: BTreeMap<String, Vec<u64>>,
    not_evaluated: BTreeSet<NotEvaluated>,
}

impl FileReport {
    pub(crate) fn new(path: &str, size: u64, format: Format, sink: Sink) -> Self {
        Self {
            path: path.to_owned(),
            size,
            format,
            findings: sink.findings,
            omitted: sink.more,
            omitted_reasons: sink.more_reasons,
            templates: sink.templates,
            references: sink.references,
            shapes: sink.shapes.unwrap_or_default(),
            not_evaluated: sink.not_evaluated,
        }
    }

    /// Path below the root of the model.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What it is, by its content.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Why it is refused; empty if it is allowed.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many more findings there were.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }

    /// The reasons of all findings, also of those that are only counted; empty if it is allowed.
    #[must_use]
    pub fn reasons(&self) -> BTreeSet<Reason> {
        self.findings.iter().map(Finding::reason).chain(self.omitted_reasons.iter().copied()).collect()
    }

    /// Templates in it.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// Whether nothing was found in it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes the file as data of an ONNX file beside it, if nothing recognised it before.
    pub(crate) fn take_as_onnx_data(&mut self) {
        self.format = Format::OnnxData;
        self.findings.retain(|finding| finding.reason() != Reason::UnknownFormat);
    }

    /// Shapes of its tensors by name, if they were asked for.
    pub(crate) const fn shapes(&self) -> &BTreeMap<String, Vec<u64>> {
        &self.shapes
    }

    pub(crate) fn references(&self) -> &[Reference] {
        &self.references
    }

    pub(crate) fn refuse(&mut self, reason: Reason, what: String) {
        let place = Place::new(self.path.clone(), Vec::new(), None);
        self.findings.push(Finding::new(reason, what, place));
    }
}

/// What was found in all files of a model, and what was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    rules: Rules,
    files: Vec<FileReport>,
    not_evaluated: BTreeSet<NotEvaluated>,
}

impl Report {
    /// A report on these files. `has_inert` says that there were files beside them that are no part of the model.
    #[must_use]
    pub fn new(rules: Rules, files: Vec<FileReport>, has_inert: bool) -> Self {
        let mut not_evaluated: BTreeSet<_> = NotEvaluated::ALWAYS.into_iter().collect();
        not_evaluated.extend(files.iter().flat_map(|file| file.not_evaluated.iter().copied()));
        if has_inert {
            not_evaluated.insert(NotEvaluated::InertPaths);
        }
        Self { rules, files, not_evaluated }
    }

    /// The rules it was made by.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// The files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Every finding of every file.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.files.iter().flat_map(|file| file.findings.iter())
    }

    /// Every template of every file.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.files.iter().flat_map(|file| file.templates.iter())
    }

    /// What was not looked at; never empty.
    pub fn not_evaluated(&self) -> impl Iterator<Item = NotEvaluated> {
        self.not_evaluated.iter().copied()
    }

    /// Whether there are files and nothing was found in any.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(FileReport::is_allowed)
    }
}
