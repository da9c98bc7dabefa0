//! The same map for the commands that make statements other than a provenance.

use attest::evaluation::EvaluationError;

use super::{Exit, Failure};
use crate::attest_transform::TransformError;
use crate::custody::CustodyError;
use crate::eval::EvalError;

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        use CustodyError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Event(_) => told(Exit::Usage, "event").hint("correct the option that the message names"),
            E::NoPlace { .. } => told(Exit::Usage, "no-bundle-file")
                .hint("name the file that the bundle shall be added to: --out FILE"),
            E::NothingThere { .. } => told(Exit::Usage, "neither-path-nor-digest")
                .hint("a digest is 64 lower-case hex digits; to see a model's: tallymark hash DIR"),
            E::Receiver { .. } => told(Exit::Usage, "no-public-key")
                .hint("name the file with .pub that tallymark keygen wrote, or the key id"),
            E::Unreadable { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
        }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        use EvalError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Ambiguous { name, .. } => told(Exit::Usage, "metric-ambiguous")
                .hint(format!("say on which data: --threshold 'DATA/{name}>=NUMBER'")),
            E::Evaluation(EvaluationError::OutcomeAndThreshold { .. }) => told(Exit::Refused, "evaluation")
                .hint("leave out --result, and the result is FAILED; or leave out the threshold"),
            E::Evaluation(_) | E::Name(_) => {
                told(Exit::Refused, "evaluation").hint("correct what the message names, and run it again")
            }
            E::NoMetric { .. } => told(Exit::Usage, "metric-unknown")
                .hint("write it as it stands in the results, such as --threshold 'hellaswag/acc,none>=0.5'"),
            E::Results { .. } => told(Exit::Refused, "results-unread")
                .hint("give the results file of lm-evaluation-harness, or one like {\"auc\": 0.91}; NaN is no number of JSON"),
        }
    }
}

impl From<TransformError> for Failure {
    fn from(error: TransformError) -> Self {
        Self::new(Exit::Usage, "parents", &error).hint("name each model it was made from: --parent NAME=DIR")
    }
}
