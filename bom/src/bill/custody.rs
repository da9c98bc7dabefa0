//! What the statements beside the provenance put into the bill: evaluations, custody events, further provenances.

use attest::evaluation::{Evaluation, Metric};
use attest::event::{Act, Event, EventKind, EventPolicy};
use attest::statement::{Predicate, Statement};

use super::{Bill, is_of_an_input};
use crate::field::Field;
use crate::value::Grade;

impl Bill {
    /// Fills in what another statement about the same bytes says.
    pub(super) fn fill_beside(&mut self, statement: &Statement) {
        let Some(proof) = self.proofs.last() else { return };
        let place = format!("{} #{}", proof.origin(), proof.index());
        let key = format!("sha256:{}", proof.key_id());
        match statement.predicate() {
            Predicate::Event(event) => self.event(event, &place, &key),
            Predicate::Evaluation(evaluation) => self.evaluation(evaluation, &place, &key),
            Predicate::Dataset(_) if is_of_an_input(statement, &self.inputs) => {
                self.fill_from_dataset(statement)
            }
            predicate => {
                let kind = predicate.kind().to_string();
                let name = format!("{}:{}", statement.name(), statement.version());
                let mut put = |key: &str, text: String, at: &str| {
                    self.put(Field::OtherStatements, &place, key, text, Grade::Verified, at);
                };
                put("kind", kind, "predicateType");
                put("name", name, "subject[0]");
                put("statement", format!("sha256:{}", statement.digest()), "verifier");
                put("signed-by", key, "verifier");
            }
        }
    }

    /// An event is an act of its signer: that this key said it is what the verifier found. As what somebody acted and what it is
    /// said to mean are words.
    fn event(&mut self, event: &Event, place: &str, signer: &str) {
        let field = match event.kind() {
            EventKind::Approve | EventKind::Reject | EventKind::Waive => Field::Approval,
            EventKind::Promote => Field::Stage,
            EventKind::Transfer | EventKind::Deploy | EventKind::Alias => Field::Transfers,
            EventKind::Supersede | EventKind::Revoke | EventKind::Reinstate => Field::Withdrawal,
        };
        self.put(field, place, "kind", event.kind().as_str(), Grade::Verified, "predicate.kind");
        self.put(field, place, "signed-by", signer, Grade::Verified, "verifier");
        let mut told: Vec<(&str, String, Grade)> = Vec::new();
        let mut tell = |key, text: Option<String>| told.extend(text.map(|text| (key, text, Grade::Verified)));
        match event.act() {
            Act::Approve { stage, .. } | Act::Reject { stage } => {
                tell("stage", stage.as_ref().map(ToString::to_string));
            }
            Act::Promote { stage, .. } => tell("stage", Some(stage.to_string())),
            Act::Transfer { receiver } => tell("receiver", Some(format!("sha256:{receiver}"))),
            Act::Deploy { environment } => tell("environment", Some(environment.to_string())),
            Act::Supersede { successor } => tell("successor", Some(format!("sha256:{successor}"))),
            Act::Revoke { scope, reason } => {
                tell("scope", Some(scope.as_str().to_owned()));
                tell("reason", Some(reason.to_string()));
            }
            Act::Reinstate { previous } => tell("previous", Some(format!("sha256:{previous}"))),
            Act::Alias(alias) => {
                for identity in alias.identities() {
                    tell("also", Some(identity.to_string()));
                }
            }
            Act::Waive(waiver) => {
                tell("file", waiver.file().map(|content| format!("sha256:{content}")));
                let codes: Vec<String> = waiver.findings().iter().map(ToString::to_string).collect();
                tell("findings", Some(codes.join(", ")));
                tell("reason", Some(waiver.reason().to_string()));
            }
        }
        tell("expires", event.act().expires().map(|time| time.to_string()));
        tell("effective-from", event.effective_from().map(|time| time.to_string()));
        tell("policy", event.policy().map(EventPolicy::named_digest));
        for evidence in event.evidence() {
            tell("evidence", Some(format!("sha256:{evidence}")));
        }
        let said = [
            ("actor-role", event.actor_role().map(ToString::to_string)),
            ("text", event.text().map(str::to_owned)),
        ];
        told.extend(said.into_iter().filter_map(|(key, text)| Some((key, text?, Grade::Declared))));
        for (key, text, grade) in told {
            self.put(field, place, key, text, grade, &format!("predicate.{key}"));
        }
    }

    /// The numbers are a tool's. That their file was hashed makes them no truer, so nothing here is more than imported, but for
    /// the data that was tested on.
    fn evaluation(&mut self, evaluation: &Evaluation, place: &str, signer: &str) {
        let results = evaluation.results();
        let file = format!("{} sha256:{}", results.name(), results.digest());
        let mut put = |key: &str, text: String, at: &str| {
            self.put(Field::Evaluation, place, key, text, Grade::Imported, at);
        };
        put("outcome", evaluation.outcome().to_string(), "predicate.result");
        put("results", file, "predicate.configuration");
        put("signed-by", signer.to_owned(), "verifier");
        if let Some(tool) = results.tool() {
            put("tool", tool.to_owned(), "predicate.configuration");
        }
        for input in evaluation.inputs() {
            let key = format!("tested-with-{}", input.role());
            put(&key, format!("{} {}", input.name(), input.digest()), "predicate.configuration");
        }
        for metric in evaluation.metrics() {
            self.metric(metric, results.name().as_str());
        }
    }

    fn metric(&mut self, metric: &Metric, at: &str) {
        let about: Vec<&str> =
            [Some(metric.data()), metric.split(), Some(metric.name())].into_iter().flatten().collect();
        let about = about.join(" ");
        let threshold = metric.threshold().map(|threshold| {
            let met = if metric.is_met() == Some(true) { "met" } else { "missed" };
            format!("{} {}, {met}", threshold.comparator().as_str(), threshold.number())
        });
        let told = [
            ("value", Some(metric.value().to_string())),
            ("dataset", Some(metric.data().to_owned())),
            ("split", metric.split().map(str::to_owned)),
            ("stderr", metric.stderr().map(ToString::to_string)),
            ("threshold", threshold),
        ];
        for (key, text) in told {
            if let Some(text) = text {
                self.put(Field::Metrics, &about, key, text, Grade::Imported, at);
            }
        }
    }
}
