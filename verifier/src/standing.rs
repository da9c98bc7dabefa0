//! What all that was said about a model amounts to: may it be used? Part of step 8 of the procedure.
//!
//! A standing weighs events and evaluations ([`Testimony`]) against the rules of the trust file. Three questions:
//!
//! * Is it withdrawn? A revocation or a rejection that is in force refuses the model, whether or not any rule asks.
//! * Has it been said to be good, by enough people who are not the one who made it?
//! * Is what we look at recent enough to know?
//!
//! An event is *in force* from its place in the log on, or from the moment it states, until it expires or somebody undoes
//! it. A withdrawal is undone by a `reinstate` that names its statement, lies behind it in the same log, and is by another
//! person: nobody takes back his own alarm alone, and who stole one key cannot either. Where time is not known, what
//! speaks against the model holds and what speaks for it does not.
//!
//! What was said about an ancestor ([`lineage`](crate::lineage)) counts where it says that it is meant for what was made from it.
//!
//! Nothing is known of lines that are not in the bundle file. That is what the age of the checkpoint bounds, and no more.

mod in_force;
mod waivers;

use std::collections::BTreeSet;

use attest::evaluation::TestOutcome;
use attest::event::{Act, Event, EventLabel, Scope};
use attest::model_name::ModelName;
use attest::statement::Predicate;
use attest::utc_time::UtcTime;

pub(crate) use self::in_force::InForce;
pub(crate) use self::waivers::{Holds, Waivers};
use crate::custody::Testimony;
use crate::failure::Failure;
use crate::lineage::Lineage;
use crate::logged::LoggedStatement;
use crate::requirements::{Expectation, Mode, Person, Requirements, Right, Rule};

/// A model in the light of what was said about it.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    provenance: &'a LoggedStatement,
    said: InForce<'a>,
    /// A promotion is logged where nobody looks who watches the model: which one is the last is then not known.
    is_promoted_out_of_sight: bool,
    lineage: &'a Lineage,
    requirements: &'a Requirements,
    stage: Option<&'a EventLabel>,
    now: Option<UtcTime>,
}

/// What the rules say.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// The model may not be used.
    pub(crate) refused: Vec<Failure>,
    /// It could not, if the rules that were not kept were more than tried out.
    pub(crate) warned: Vec<Failure>,
}

impl<'a> Standing<'a> {
    /// What concerns the model of `provenance`, of all testimonies.
    pub(crate) fn of(
        provenance: &'a LoggedStatement,
        testimonies: impl Iterator<Item = &'a Testimony>,
        lineage: &'a Lineage,
        requirements: &'a Requirements,
        expectation: &'a Expectation,
    ) -> Self {
        let about = provenance.signed().statement();
        let now = expectation.now();
        let (mut concerning, mut is_promoted_out_of_sight) = (Vec::new(), false);
        for one in testimonies {
            match one.concerns(about, provenance.salt(), requirements) {
                Ok(()) => concerning.push(one),
                Err(Failure::EntrySaltDiffers) => is_promoted_out_of_sight |= is_promotion(one),
                Err(_) => {}
            }
        }
        let said = InForce::of(concerning, requirements, now);
        let stage = expectation.stage().or(requirements.stage());
        Self { provenance, said, is_promoted_out_of_sight, lineage, requirements, stage, now }
    }

    pub(crate) fn judge(&self) -> Judgement {
        let mut judgement = Judgement { refused: self.withdrawals(), warned: Vec::new() };
        judgement.refused.extend(self.lineage.against());
        let rules = self.requirements.rules().iter();
        for rule in rules.filter(|rule| rule.applies(self.name(), self.stage)) {
            let broken = self.broken(rule);
            match rule.mode() {
                Mode::Enforce => judgement.refused.extend(broken),
                Mode::Warn => judgement.warned.extend(broken),
            }
        }
        judgement
    }

    /// What somebody let pass.
    pub(crate) fn waivers(&self) -> Waivers<'a> {
        Waivers::of(self)
    }

    fn name(&self) -> &ModelName {
        self.provenance.signed().statement().name()
    }

    /// Whoever signed what the model was made from.
    fn maker(&self) -> Person {
        self.requirements.person(self.provenance.signed().key())
    }

    /// Rejections and revocations in force.
    fn withdrawals(&self) -> Vec<Failure> {
        let mut found = Vec::new();
        for (testimony, event) in self.said.events() {
            let by = self.said.person(testimony).to_string();
            let statement = testimony.statement().digest();
            let failure = match event.act() {
                Act::Revoke { scope, reason } => {
                    Failure::Revoked { by, reason: reason.clone(), scope: *scope, statement }
                }
                Act::Reject { stage } if concerns_stage(stage.as_ref(), self.stage) => {
                    Failure::Rejected { by, stage: stage.clone(), statement }
                }
                _ => continue,
            };
            if self.said.speaks_against(testimony, event) {
                found.push(failure);
            }
        }
        found
    }

    /// What a rule demands and is not there.
    fn broken(&self, rule: &Rule) -> Vec<Failure> {
        let line = rule.line();
        let mut broken = Vec::new();
        let approvals = self.approvals(rule);
        let people: BTreeSet<&Person> = approvals.iter().map(|(person, _)| person).collect();
        if people.len() < usize::from(rule.approvals()) {
            let (wanted, found) = (rule.approvals(), people.len());
            broken.push(Failure::ApprovalsInsufficient { wanted, found, line });
        }
        let has_role = |role: &EventLabel| approvals.iter().any(|(_, roles)| roles.contains(&role));
        if let Some(role) = rule.approver_roles().iter().find(|role| !has_role(role)) {
            broken.push(Failure::ApproverRoleMissing { role: role.clone(), line });
        }
        let evaluators = self.evaluators();
        if evaluators.len() < usize::from(rule.evaluations()) {
            let (wanted, found) = (rule.evaluations(), evaluators.len());
            broken.push(Failure::EvaluationsInsufficient { wanted, found, line });
        }
        if let Some(stage) = rule.stage().filter(|_| rule.promoted()) {
            let found = self.promoted_to();
            if found != Some(stage) {
                let (wanted, found) = (stage.clone(), found.cloned());
                broken.push(Failure::PromotionMissing { wanted, found, line });
            }
        }
        if rule.refuse_superseded() {
            broken.extend(self.superseded());
        }
        broken.extend(rule.lineage().into_iter().flat_map(|demand| self.lineage.broken(demand, line)));
        broken.extend(rule.checkpoint_age().and_then(|limit| self.age(limit, line)));
        broken
    }

    /// Who approved the model for what the rule is about, with the roles that the trust file gives them. The maker's own word
    /// does not count, by whichever of his keys.
    fn approvals(&self, rule: &Rule) -> Vec<(Person, Vec<&'a EventLabel>)> {
        let maker = self.maker();
        let counts = |(testimony, event): (&'a Testimony, &'a Event)| {
            let Act::Approve { stage, .. } = event.act() else { return None };
            // An approval for one stage is none for all.
            let fits = stage.is_none() || stage.as_ref() == rule.stage();
            let person = self.said.person(testimony);
            (fits && person != maker && self.said.speaks_for(event)).then(|| (person, self.roles(testimony)))
        };
        self.said.events().filter_map(counts).collect()
    }

    fn roles(&self, testimony: &'a Testimony) -> Vec<&'a EventLabel> {
        let (signed, logged) = (testimony.logged().signed(), testimony.logged());
        let right = Right::to_sign(signed.statement());
        let (log, index) = (logged.origin(), logged.position().index());
        let seen = self.requirements.seen_by(logged.cosignatures());
        let name = signed.statement().name();
        self.requirements
            .publishers_for(name, signed.key(), right)
            .filter(|publisher| publisher.counts_at(log, index, seen))
            .flat_map(|publisher| publisher.roles())
            .collect()
    }

    /// Who signed an evaluation that passed, but for the maker.
    fn evaluators(&self) -> BTreeSet<Person> {
        let maker = self.maker();
        let passed = |one: &&&Testimony| match one.statement().predicate() {
            Predicate::Evaluation(evaluation) => evaluation.outcome() == TestOutcome::Passed,
            _ => false,
        };
        self.said
            .testimonies()
            .iter()
            .filter(passed)
            .map(|one| self.said.person(one))
            .filter(|one| *one != maker)
            .collect()
    }

    /// Where the last promotion that holds brought the model. `None` also if logs have different last ones: which of them
    /// is the later nobody can say.
    fn promoted_to(&self) -> Option<&'a EventLabel> {
        if self.is_promoted_out_of_sight {
            return None;
        }
        let mut last: Vec<(&str, u64, &'a EventLabel)> = Vec::new();
        for (testimony, event) in self.said.events().filter(|(_, event)| self.said.speaks_for(event)) {
            let Act::Promote { stage, .. } = event.act() else { continue };
            let (log, index) = (testimony.logged().origin().as_str(), testimony.logged().position().index());
            match last.iter_mut().find(|(known, ..)| *known == log) {
                Some(known) if known.1 < index => *known = (log, index, stage),
                Some(_) => {}
                None => last.push((log, index, stage)),
            }
        }
        let (_, _, stage) = last.first()?;
        last.iter().all(|(_, _, other)| other == stage).then_some(*stage)
    }

    fn superseded(&self) -> Option<Failure> {
        self.said.events().find_map(|(testimony, event)| match event.act() {
            Act::Supersede { successor } if self.said.speaks_against(testimony, event) => {
                Some(Failure::Superseded { successor: *successor, statement: testimony.statement().digest() })
            }
            _ => None,
        })
    }

    /// How long ago a witness last saw the log in a state that we hold. Only a witness's word counts: the log could write
    /// any time, and so could whoever hands out the file.
    fn age(&self, limit: u64, line: usize) -> Option<Failure> {
        let logged = self.said.testimonies().iter().map(|one| one.logged()).chain([self.provenance]);
        let log = self.provenance.origin();
        let of_this_log = logged.filter(|one| one.origin() == log);
        let newest =
            of_this_log.flat_map(LoggedStatement::cosignatures).map(|seen| seen.timestamp().get()).max();
        let (Some(newest), Some(now)) = (newest, self.now) else {
            return Some(Failure::CheckpointAgeUnknown { line });
        };
        let age = now.unix_seconds().saturating_sub(newest);
        (age > limit).then_some(Failure::CheckpointStale { age, limit, line })
    }
}

fn is_promotion(testimony: &Testimony) -> bool {
    testimony.statement().event().is_some_and(|event| matches!(event.act(), Act::Promote { .. }))
}

/// Whether a word about a stage is one about the stage that is asked for. Without a stage on either side it is.
fn concerns_stage(said: Option<&EventLabel>, asked: Option<&EventLabel>) -> bool {
    match (said, asked) {
        (Some(said), Some(asked)) => said == asked,
        _ => true,
    }
}

/// In words, for a sentence about a revocation.
pub(crate) const fn reach(scope: Scope) -> &'static str {
    match scope {
        Scope::This => "this model",
        Scope::ThisAndDescendants => "this model and what was made from it",
    }
}
