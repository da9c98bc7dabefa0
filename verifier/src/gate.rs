//! Whether loading the files can run code: what the format gate (crate `formats`, spec/formats.md) found, held against the rules of
//! the trust file, and what waivers let pass of it. Part of step 9 of the procedure.
//!
//! The gate looks at the files before they are hashed, and they are hashed as they were then: whoever calls sees to that, and hands
//! the reports over in a [`Gate`]. Without a report that a rule asks for nothing is a yes.
//!
//! A waiver (spec/event.md) is held against the digest that the file has in the tree which was hashed, and against the reasons of all
//! its findings. It reaches nothing but these: neither a rule's own list of formats nor any other step.

use std::collections::BTreeSet;
use std::sync::Arc;

use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::model_name::ModelName;
use attest::tree::Tree;
use attest::utc_time::UtcTime;
use formats::{FileReport, GateError, Reason, Report, Rules};

use crate::failure::Failure;
use crate::requirements::{FormatsDemand, Mode, Person, Requirements};
use crate::standing::{Holds, Judgement, Waivers};

/// What the gate found: one report for each set of rules, or why there is none.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    reports: Vec<Arc<Report>>,
    error: Option<Arc<GateError>>,
}

impl Gate {
    /// These reports on the same files.
    #[must_use]
    pub fn of(reports: Vec<Report>) -> Self {
        Self { reports: reports.into_iter().map(Arc::new).collect(), error: None }
    }

    /// The files could not be looked at.
    #[must_use]
    pub fn closed(error: GateError) -> Self {
        Self { reports: Vec::new(), error: Some(Arc::new(error)) }
    }

    fn report(&self, rules: Rules) -> Option<&Arc<Report>> {
        self.reports.iter().find(|report| report.rules() == rules)
    }
}

/// A file that passed by a waiver and not by the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    path: String,
    reasons: Vec<Reason>,
    by: Person,
    statement: Sha256Digest,
    until: UtcTime,
}

impl Waived {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was let pass in it.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Who let it pass.
    #[must_use]
    pub const fn by(&self) -> &Person {
        &self.by
    }

    /// Statement digest of the waiver.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// Until when.
    #[must_use]
    pub const fn until(&self) -> UtcTime {
        self.until
    }
}

/// What the rules make of the files.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    pub(crate) judgement: Judgement,
    /// The report they go by, the first of several.
    pub(crate) report: Option<Arc<Report>>,
    /// Each waiver that was needed, once for each file.
    pub(crate) waived: Vec<Waived>,
}

/// What the rules for models of that name at that stage say of the files in `here`. `gate` is `None` if nobody looked.
pub(crate) fn judge(
    gate: Option<&Gate>,
    requirements: &Requirements,
    name: &ModelName,
    stage: Option<&EventLabel>,
    waivers: &Waivers<'_>,
    here: &Tree,
) -> Passage {
    let mut passage = Passage::default();
    let nobody = Gate::default();
    let gate = gate.unwrap_or(&nobody);
    for rule in requirements.rules().iter().filter(|rule| rule.applies(name, stage)) {
        let Some(demand) = rule.formats() else { continue };
        let (report, line) = (gate.report(demand.rules()), rule.line());
        let mut broken = Vec::new();
        match report {
            None => broken.push(Failure::FormatsUnknown { source: gate.error.clone(), line }),
            Some(report) => {
                for file in report.files() {
                    let content = content(file, here);
                    match pass(file, demand, line, waivers, content) {
                        Ok(waived) => passage.waived.extend(waived),
                        Err(failure) => broken.push(failure),
                    }
                }
            }
        }
        passage.report = passage.report.or_else(|| report.cloned());
        match rule.mode() {
            Mode::Enforce => passage.judgement.refused.extend(broken),
            Mode::Warn => passage.judgement.warned.extend(broken),
        }
    }
    // Two rules may need one waiver for one file.
    let mut known = BTreeSet::new();
    passage.waived.retain(|one| known.insert((one.path.clone(), one.statement)));
    passage
}

/// What the file that was looked at has as its content in the tree that was hashed.
fn content(file: &FileReport, here: &Tree) -> Option<Sha256Digest> {
    let path = file.path().parse().ok()?;
    here.file(&path).map(|leaf| leaf.sha256())
}

/// The waivers by which the file passes; none if it needs none.
fn pass(
    file: &FileReport,
    demand: &FormatsDemand,
    line: usize,
    waivers: &Waivers<'_>,
    content: Option<Sha256Digest>,
) -> Result<Vec<Waived>, Failure> {
    let (path, format) = (file.path().to_owned(), file.format());
    let mut left = file.reasons();
    if left.is_empty() && demand.allows(format) {
        return Ok(Vec::new());
    }
    let all = waivers.about(content);
    let mut used = Vec::new();
    for given in all.iter().filter(|given| given.holds == Holds::Now) {
        let reasons: Vec<Reason> = left.iter().copied().filter(|reason| given.names(*reason)).collect();
        left.retain(|reason| !given.names(*reason));
        if !reasons.is_empty() {
            let (by, statement, until) = (given.by.clone(), given.statement, given.waiver.expires());
            used.push(Waived { path: path.clone(), reasons, by, statement, until });
        }
    }
    if left.is_empty() {
        if demand.allows(format) {
            return Ok(used);
        }
        let found = "a format that the rule does not name".to_owned();
        return Err(Failure::FormatRefused { path, format, found, line });
    }
    let found = first(file, &left);
    // What was let pass once and is no more is told apart from what never was.
    let mut expired = None;
    for given in &all {
        if let Holds::NoMore(end) = given.holds {
            let before = left.len();
            left.retain(|reason| !given.names(*reason));
            expired = expired.max(Some(end).filter(|_| left.len() < before));
        }
    }
    if let Some(expired) = expired.filter(|_| left.is_empty()) {
        return Err(Failure::WaiverExpired { path, format, found, expired, line });
    }
    let own = all.iter().any(|given| given.holds == Holds::ByMaker);
    let and = if own { "; a waiver by whoever made the model does not count" } else { "" };
    Err(Failure::FormatRefused { path, format, found: format!("{found}{and}"), line })
}

/// The first finding that nobody let pass, and how many more there are.
fn first(file: &FileReport, left: &BTreeSet<Reason>) -> String {
    let mut findings = file.findings().iter().filter(|finding| left.contains(&finding.reason()));
    let Some(first) = findings.next() else {
        // All that is left was only counted.
        let codes: Vec<&str> = left.iter().map(|reason| reason.code()).collect();
        return codes.join(", ");
    };
    let more = (findings.count() as u64).saturating_add(file.omitted());
    let and = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}: {} at {}{and}", first.reason().code(), first.what(), first.place())
}
