//! What must have been said about a model before it is used: one `[[require]]` of the trust file.

use attest::event::EventLabel;
use attest::model_name::ModelName;
use attest::name_pattern::NamePattern;
use serde::Deserialize;
use toml::Spanned;

use super::error::RequirementsError;
use super::formats_demand::FormatsDemand;
use super::label::{Label, Span};
use super::lineage_demand::{LineageDemand, Words};

/// Demands on the models whose names a pattern covers.
#[derive(Clone, Debug)]
pub struct Rule {
    pattern: NamePattern,
    stage: Option<EventLabel>,
    approvals: u8,
    approver_roles: Vec<EventLabel>,
    evaluations: u8,
    promoted: bool,
    refuse_superseded: bool,
    checkpoint_age: Option<u64>,
    status_age: Option<u64>,
    lineage: Option<LineageDemand>,
    formats: Option<FormatsDemand>,
    mode: Mode,
    line: usize,
}

/// What follows if a rule is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "it is kept or it is not")]
pub enum Mode {
    /// The model is refused.
    Enforce,
    /// The verdict says so and is what it would be without the rule: for trying a rule out.
    Warn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RuleTable {
    pub(super) name: Spanned<String>,
    stage: Option<Label>,
    #[serde(default)]
    approvals: u8,
    #[serde(default)]
    approver_roles: Vec<Label>,
    #[serde(default)]
    evaluations: u8,
    #[serde(default)]
    promoted: bool,
    #[serde(default)]
    refuse_superseded: bool,
    checkpoint_age: Option<Span>,
    status_age: Option<Span>,
    lineage: Option<Words>,
    lineage_depth: Option<u8>,
    lineage_sources: Option<Words>,
    lineage_relations: Option<Words>,
    formats: Option<String>,
    formats_only: Option<Words>,
    mode: Option<Mode>,
}

impl Rule {
    pub(super) fn read(table: RuleTable, line: usize) -> Result<Self, RequirementsError> {
        let pattern =
            table.name.get_ref().parse().map_err(|source| RequirementsError::Pattern { line, source })?;
        let mut approver_roles: Vec<EventLabel> =
            table.approver_roles.into_iter().map(Label::into_inner).collect();
        approver_roles.sort_unstable();
        approver_roles.dedup();
        let lineage = LineageDemand::read(
            table.lineage.as_ref(),
            table.lineage_depth,
            table.lineage_sources.as_ref(),
            table.lineage_relations.as_ref(),
            line,
        )?;
        let formats = FormatsDemand::read(table.formats.as_deref(), table.formats_only.as_ref(), line)?;
        let this = Self {
            pattern,
            stage: table.stage.map(Label::into_inner),
            approvals: table.approvals,
            approver_roles,
            evaluations: table.evaluations,
            promoted: table.promoted,
            refuse_superseded: table.refuse_superseded,
            checkpoint_age: table.checkpoint_age.map(Span::seconds),
            status_age: table.status_age.map(Span::seconds),
            lineage,
            formats,
            mode: table.mode.unwrap_or(Mode::Enforce),
            line,
        };
        if this.promoted && this.stage.is_none() {
            return Err(RequirementsError::NoStage { line });
        }
        if !this.demands_something() {
            return Err(RequirementsError::NoDemand { line });
        }
        Ok(this)
    }

    const fn demands_something(&self) -> bool {
        self.approvals > 0
            || !self.approver_roles.is_empty()
            || self.evaluations > 0
            || self.promoted
            || self.refuse_superseded
            || self.checkpoint_age.is_some()
            || self.status_age.is_some()
            || self.lineage.is_some()
            || self.formats.is_some()
    }

    /// The names it is about.
    #[must_use]
    pub const fn pattern(&self) -> &NamePattern {
        &self.pattern
    }

    /// The stage it is for; every stage if there is none.
    #[must_use]
    pub const fn stage(&self) -> Option<&EventLabel> {
        self.stage.as_ref()
    }

    /// How many people must have approved, none of them the one who signed the provenance.
    #[must_use]
    pub const fn approvals(&self) -> u8 {
        self.approvals
    }

    /// Roles of which each must have one of these people. Sorted.
    #[must_use]
    pub fn approver_roles(&self) -> &[EventLabel] {
        &self.approver_roles
    }

    /// How many people must have signed an evaluation that passed, none of them the one who signed the provenance.
    #[must_use]
    pub const fn evaluations(&self) -> u8 {
        self.evaluations
    }

    /// Whether the last promotion must be the one to the stage.
    #[must_use]
    pub const fn promoted(&self) -> bool {
        self.promoted
    }

    /// Whether a model that another one replaced is refused.
    #[must_use]
    pub const fn refuse_superseded(&self) -> bool {
        self.refuse_superseded
    }

    /// How old the youngest cosignature may be, in seconds.
    #[must_use]
    pub const fn checkpoint_age(&self) -> Option<u64> {
        self.checkpoint_age
    }

    /// How old the status of each log of the policy may be, in seconds.
    #[must_use]
    pub const fn status_age(&self) -> Option<u64> {
        self.status_age
    }

    /// What must be known of where it comes from.
    #[must_use]
    pub const fn lineage(&self) -> Option<&LineageDemand> {
        self.lineage.as_ref()
    }

    /// Of which formats the files must be.
    #[must_use]
    pub const fn formats(&self) -> Option<&FormatsDemand> {
        self.formats.as_ref()
    }

    /// What follows if it is not kept.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The line of the trust file with its name, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Whether it is about a model of that name that is to be used at that stage. Without a stage every rule is: who does
    /// not say what a model is for must not be let off the strictest.
    pub(crate) fn applies(&self, name: &ModelName, stage: Option<&EventLabel>) -> bool {
        let at_stage = match (&self.stage, stage) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        };
        at_stage && self.pattern.matches(name)
    }
}
