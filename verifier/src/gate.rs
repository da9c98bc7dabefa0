//! Whether loading the files can run code: what the format gate (crate `formats`, spec/formats.md) found, held against the rules of
//! the trust file. Part of step 9 of the procedure.
//!
//! The gate looks at the files before they are hashed, and they are hashed as they were then: whoever calls sees to that, and hands
//! the reports over in a [`Gate`]. Without a report that a rule asks for nothing is a yes.

use std::sync::Arc;

use attest::event::EventLabel;
use attest::model_name::ModelName;
use formats::{FileReport, GateError, Report, Rules};

use crate::failure::Failure;
use crate::requirements::{FormatsDemand, Mode, Requirements};
use crate::standing::Judgement;

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

    /// What a rule demands and is not so.
    fn broken(&self, demand: &FormatsDemand, line: usize) -> Vec<Failure> {
        let Some(report) = self.report(demand.rules()) else {
            return vec![Failure::FormatsUnknown { source: self.error.clone(), line }];
        };
        report.files().iter().filter_map(|file| refused(file, demand, line)).collect()
    }
}

/// What the rules for models of that name at that stage say, and the report they go by. `gate` is `None` if nobody looked.
pub(crate) fn judge(
    gate: Option<&Gate>,
    requirements: &Requirements,
    name: &ModelName,
    stage: Option<&EventLabel>,
) -> (Judgement, Option<Arc<Report>>) {
    let (mut judgement, mut shown) = (Judgement::default(), None);
    let nobody = Gate::default();
    let gate = gate.unwrap_or(&nobody);
    for rule in requirements.rules().iter().filter(|rule| rule.applies(name, stage)) {
        let Some(demand) = rule.formats() else { continue };
        let broken = gate.broken(demand, rule.line());
        shown = shown.or_else(|| gate.report(demand.rules()).cloned());
        match rule.mode() {
            Mode::Enforce => judgement.refused.extend(broken),
            Mode::Warn => judgement.warned.extend(broken),
        }
    }
    (judgement, shown)
}

fn refused(file: &FileReport, demand: &FormatsDemand, line: usize) -> Option<Failure> {
    let (path, format) = (file.path().to_owned(), file.format());
    let found = match file.findings() {
        [] if demand.allows(format) => return None,
        [] => "a format that the rule does not name".to_owned(),
        [first, ..] => {
            // Findings beyond those that are kept are counted.
            let more = (file.findings().len() as u64 - 1).saturating_add(file.omitted());
            let and = if more > 0 { format!(", and {more} more") } else { String::new() };
            format!("{}: {} at {}{and}", first.reason().code(), first.what(), first.place())
        }
    };
    Some(Failure::FormatRefused { path, format, found, line })
}
