//! What is wrong with a line that did not verify: every step that can be carried out is, even after one failed.
//!
//! An examination explains a refusal and cannot undo one: it makes none of the types that stand for trust.

use std::borrow::Borrow;
use std::sync::Arc;

use attest::bundle::Bundle;
use attest::key::PublicKey;
use attest::scan::ScanError;
use attest::statement::Statement;
use attest::tree::Tree;

use crate::contents::check_contents;
use crate::facts::{Contents, Facts};
use crate::failure::Failure;
use crate::logged;
use crate::outcome::{Outcome, Outcomes};
use crate::reason::Step;
use crate::refusal::Refusal;
use crate::requirements::{Expectation, Publisher, Requirements, Right};
use crate::signature::{check_signature, read_provenance};

/// One line of the bundle file, step by step.
#[derive(Debug)]
pub(crate) struct Examination {
    line: usize,
    cause: Failure,
    failures: Vec<Failure>,
    outcomes: Outcomes,
    facts: Facts,
}

impl Examination {
    /// Carries out steps 2 to 8. `line` counts from 1; `cause` is why the line was refused.
    pub(crate) fn of(
        line: usize,
        bundle: &Bundle,
        requirements: Option<&Requirements>,
        expectation: &Expectation,
        cause: Failure,
    ) -> Self {
        let (outcomes, facts) = (Outcomes::unknown(), Facts::default());
        let mut this = Self { line, cause, failures: Vec::new(), outcomes, facts };
        this.outcomes.fail(this.cause.reason().step());
        this.outcomes.pass(Step::Read);
        let statement = this.record(Step::Statement, read_provenance(bundle));
        let key = this.signature(bundle, requirements);
        this.log(bundle, statement.as_ref(), key.as_ref(), requirements);
        if let Some(statement) = &statement {
            this.requirements(bundle, statement, key.as_ref(), requirements, expectation);
        }
        this.facts.statement = statement;
        this
    }

    /// A line whose steps up to 8 passed, and whose contents did not.
    pub(crate) fn of_contents(line: usize, facts: Facts, here: Option<&Tree>, cause: Failure) -> Self {
        let mut outcomes = Outcomes::all_pass();
        outcomes.fail(cause.reason().step());
        let facts = Facts { contents: here.map(Contents::of), ..facts };
        Self { line, cause, failures: Vec::new(), outcomes, facts }
    }

    /// A line whose signature and place in the log are as they should be, of a model that may not be used; `None` if nothing is
    /// against it.
    pub(crate) fn of_standing(line: usize, facts: Facts, refused: Vec<Failure>) -> Option<Self> {
        let mut outcomes = Outcomes::all_pass();
        outcomes.leave_open(Step::Contents);
        refused.iter().for_each(|failure| outcomes.fail(failure.reason().step()));
        let mut refused = refused.into_iter();
        let cause = refused.next()?;
        Some(Self { line, cause, failures: refused.collect(), outcomes, facts })
    }

    /// Whether the files are still worth hashing.
    pub(crate) fn leaves_contents_open(&self) -> bool {
        self.facts.statement.is_some()
            && self.cause.leaves_contents_open()
            && self.failures.iter().all(Failure::leaves_contents_open)
    }

    /// Step 9, if the files were read.
    pub(crate) fn contents<T: Borrow<Tree>>(&mut self, here: &Result<T, Arc<ScanError>>) {
        let Some(statement) = &self.facts.statement else { return };
        let checked = match here {
            Ok(tree) => check_contents(statement, tree.borrow()),
            Err(source) => Err(Failure::Scan { source: Arc::clone(source) }),
        };
        self.facts.contents = here.as_ref().ok().map(|tree| Contents::of(tree.borrow()));
        self.record(Step::Contents, checked);
    }

    /// The refusal that this line amounts to.
    pub(crate) fn into_refusal(self) -> Refusal {
        Refusal::of_line(self.line, self.cause, self.failures, self.outcomes, self.facts)
    }

    fn fail(&mut self, failure: Failure) {
        self.outcomes.fail(failure.reason().step());
        self.failures.push(failure);
    }

    fn record<T>(&mut self, step: Step, result: Result<T, Failure>) -> Option<T> {
        match result {
            Ok(value) => {
                self.outcomes.pass(step);
                Some(value)
            }
            Err(failure) => {
                self.fail(failure);
                None
            }
        }
    }

    /// Step 3. Returns the trusted key that the hint names, or else the key in the log entry if it is the named one.
    fn signature(&mut self, bundle: &Bundle, requirements: Option<&Requirements>) -> Option<PublicKey> {
        let hint = bundle.hint();
        let trusted = requirements.and_then(|requirements| requirements.key(&hint)).cloned();
        let embedded = || Some(bundle.log_entry()?.entry().ok()?.payload().key().clone());
        let key = trusted.or_else(embedded)?;
        if key.key_id() != hint {
            self.fail(Failure::KeyHintMismatch { hint, found: key.key_id() });
            return None;
        }
        if self.record(Step::Signature, check_signature(bundle, &key)).is_some() {
            self.facts.signer = Some(key.clone());
        }
        Some(key)
    }

    /// Steps 4 to 7.
    fn log(
        &mut self,
        bundle: &Bundle,
        statement: Option<&Statement>,
        key: Option<&PublicKey>,
        requirements: Option<&Requirements>,
    ) {
        let Some(logged) = bundle.log_entry() else { return self.fail(Failure::NotLogged) };
        let entry = self.needed(logged::read_entry(logged));
        match (&entry, statement, key) {
            (Some(entry), Some(statement), Some(key)) => {
                let checked = logged::check_entry(entry, statement, key, bundle.salt());
                if self.record(Step::Entry, checked).is_some() {
                    self.facts.salt = bundle.salt().copied();
                }
            }
            // Half of the step: it can fail, and it cannot pass.
            (Some(entry), _, _) => {
                if let Err(failure) = logged::check_entry_signature(entry) {
                    self.fail(failure);
                }
            }
            (None, _, _) => {}
        }
        let Some(proof) = logged.proof() else { return self.fail(Failure::NotLogged) };
        if let Some(entry) = &entry {
            self.facts.position =
                self.record(Step::Inclusion, logged::check_inclusion(&entry.leaf_hash(), proof));
        }
        let Some(policy) = requirements.map(Requirements::policy) else { return };
        let checkpoint = proof.checkpoint();
        let opened = self.record(Step::Checkpoint, logged::open_checkpoint(logged, checkpoint, policy));
        self.facts.log = opened.map(|checkpoint| checkpoint.origin().clone());
        self.facts.cosignatures =
            self.record(Step::Witnesses, logged::check_quorum(checkpoint, policy)).unwrap_or_default();
    }

    /// Step 8.
    fn requirements(
        &mut self,
        bundle: &Bundle,
        statement: &Statement,
        key: Option<&PublicKey>,
        requirements: Option<&Requirements>,
        expectation: &Expectation,
    ) {
        self.needed(expectation.check(statement));
        let Some(requirements) = requirements else { return self.fail(Failure::NoTrust) };
        let right = Right::to_sign(statement);
        let seen = requirements.seen_by(&self.facts.cosignatures);
        let admitted = match (key, &self.facts.log, &self.facts.position) {
            (Some(key), Some(log), Some(position)) => requirements
                .admit(statement.name(), key, right)
                .and_then(|_| requirements.admit_at(statement.name(), key, right, log, position, seen))
                .cloned(),
            (Some(key), ..) => requirements.admit(statement.name(), key, right).cloned(),
            (None, ..) => Err(requirements.unexpected(statement.name(), bundle.hint(), right)),
        };
        let publisher: Option<Publisher> = self.needed(admitted);
        // A key that may sign the name, and did not, admits nothing.
        if self.outcomes.of(Step::Signature) == Outcome::Pass && publisher.is_some() {
            self.outcomes.pass(Step::Requirements);
            self.facts.publisher = publisher;
        }
    }

    /// The value, or the failure recorded. Unlike [`Self::record`] it does not say that the step is done.
    fn needed<T>(&mut self, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.fail(failure)).ok()
    }
}
