//! What readers report to while they read one file.

use std::collections::{BTreeMap, BTreeSet};

use attest::digest::Sha256Digest;

use crate::finding::{Fault, Finding, Place, excerpt};
use crate::not_evaluated::NotEvaluated;
use crate::reason::Reason;
use crate::report::Template;
use crate::rules::Rules;

/// Most findings kept of one file; how many more there were is counted.
pub(crate) const MAX_FINDINGS: usize = 64;

/// Most templates kept of one file; a file with more is refused.
const MAX_TEMPLATES: usize = 64;

/// Most bytes inflated of one file, all archives in it together.
const MAX_INFLATED: u64 = 256 << 20;

/// Deepest nesting of archives.
const MAX_NESTING: usize = 4;

/// A file beside this one that it says is its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Path below the directory of the file that names it.
    pub(crate) path: String,
    /// Bytes that it must have at least.
    pub(crate) len: u64,
}

/// Findings, templates and references of one file.
pub(crate) struct Sink {
    pub(crate) rules: Rules,
    file: String,
    members: Vec<String>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) more: u64,
    /// Reasons of those that are only counted.
    pub(crate) more_reasons: BTreeSet<Reason>,
    pub(crate) templates: Vec<Template>,
    pub(crate) references: Vec<Reference>,
    pub(crate) not_evaluated: BTreeSet<NotEvaluated>,
    /// Shapes of the tensors by name, if somebody asks.
    pub(crate) shapes: Option<BTreeMap<String, Vec<u64>>>,
    inflatable: u64,
}

impl Sink {
    pub(crate) fn new(file: &str, rules: Rules) -> Self {
        Self {
            rules,
            file: file.to_owned(),
            members: Vec::new(),
            findings: Vec::new(),
            more: 0,
            more_reasons: BTreeSet::new(),
            templates: Vec::new(),
            references: Vec::new(),
            not_evaluated: BTreeSet::new(),
            shapes: None,
            inflatable: MAX_INFLATED,
        }
    }

    /// Notes a finding.
    pub(crate) fn add(&mut self, reason: Reason, offset: Option<u64>, what: impl AsRef<str>) {
        if self.findings.len() >= MAX_FINDINGS {
            self.more = self.more.saturating_add(1);
            self.more_reasons.insert(reason);
            return;
        }
        let place = Place::new(self.file.clone(), self.members.clone(), offset);
        self.findings.push(Finding::new(reason, excerpt(what.as_ref()), place));
    }

    /// Notes why a reader stopped.
    pub(crate) fn add_fault(&mut self, fault: &Fault) {
        self.add(fault.reason, fault.offset, &fault.what);
    }

    /// Notes the shape of a tensor, outermost dimension first, if somebody asks and it lies in no archive.
    pub(crate) fn add_shape(&mut self, name: &str, shape: &[u64]) {
        let nested = self.is_nested();
        if let Some(shapes) = self.shapes.as_mut().filter(|_| !nested) {
            shapes.insert(name.to_owned(), shape.to_vec());
        }
    }

    /// Notes a template.
    pub(crate) fn add_template(&mut self, key: &str, text: &[u8]) {
        if self.templates.len() >= MAX_TEMPLATES {
            return self.add(Reason::TooLarge, None, "more than 64 templates");
        }
        let place = Place::new(self.file.clone(), self.members.clone(), None);
        self.templates.push(Template::new(place, excerpt(key), Sha256Digest::of(text), text.len() as u64));
        self.not_evaluated.insert(NotEvaluated::TemplateBehaviour);
    }

    /// Goes into a member; `false`, with a finding, if that is too deep.
    pub(crate) fn enter(&mut self, member: &str) -> bool {
        if self.members.len() >= MAX_NESTING {
            self.add(Reason::TooDeep, None, format!("archives nested more than {MAX_NESTING} deep"));
            return false;
        }
        self.members.push(member.to_owned());
        true
    }

    /// Comes out again.
    pub(crate) fn leave(&mut self) {
        self.members.pop();
    }

    /// Whether what is read lies in an archive.
    pub(crate) fn is_nested(&self) -> bool {
        !self.members.is_empty()
    }

    /// Takes bytes that are to be inflated from what is allowed for the file.
    pub(crate) fn take_inflated(&mut self, count: u64) -> bool {
        match self.inflatable.checked_sub(count) {
            Some(left) => {
                self.inflatable = left;
                true
            }
            None => false,
        }
    }
}
