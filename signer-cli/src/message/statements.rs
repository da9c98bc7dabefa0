//! The same map for the commands that make statements other than a provenance.

use attest::evaluation::EvaluationError;
use attest::private_value::OpeningError;
use verifier::Class;

use super::table::sentence_as_hint;
use super::{Exit, Failure};
use crate::attest_transform::TransformError;
use crate::check_file::CheckFileError;
use crate::custody::CustodyError;
use crate::dataset::DatasetCommandError;
use crate::eval::EvalError;
use crate::hidden::HiddenError;
use crate::manifest_file::ManifestFileError;
use crate::opening_view::OpeningViewError;
use crate::plausibility::PlausibilityError;
use crate::prove_file::ProveFileError;
use crate::scan::ScanCommandError;
use crate::verdict::VerdictError;

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        use CustodyError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Event(_) => told(Exit::Usage, "event").hint("correct the option that the message names"),
            E::NoPlace { .. } => told(Exit::Usage, "no-bundle-file")
                .hint("name the file that the bundle shall be added to: --out FILE"),
            E::NoFile { .. } => told(Exit::Usage, "no-single-file")
                .hint("name one file of the model, or leave it out: then every file is meant"),
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

impl From<HiddenError> for Failure {
    fn from(error: HiddenError) -> Self {
        use HiddenError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::InsideModel { .. } => told(Exit::Usage, "openings-inside-model")
                .hint("they would be copied with it; name a place outside: --openings FILE"),
            E::Io { .. } => told(Exit::Io, "openings-io").hint("check the path and its permissions"),
            E::Loose { path, .. } => told(Exit::Refused, "openings-readable-by-others")
                .hint(format!("others may have seen what is private; if not: chmod 600 {}", path.display())),
            E::Malformed { .. } | E::NotAFile { .. } => told(Exit::VerifiedFalse, "openings-malformed")
                .hint("fetch the file again, or name another with --openings FILE"),
            E::NoSalt { .. } => told(Exit::Usage, "no-entry-salt").hint(
                "name the model, or a bundle file that has its private entry: --salt-of PATH; or leave --private=entry out",
            ),
            E::PublicEntry => told(Exit::Usage, "entry-public").hint("leave --private=entry out"),
            E::NothingPrivate => told(Exit::Usage, "nothing-private").hint(
                "say what is private: --private for names and places, --private=digests for digests too",
            ),
            E::Value(OpeningError::NoRandomness) => told(Exit::Io, "no-randomness")
                .hint("nothing can be hidden without random bytes; try another machine"),
            E::Value(_) | E::Values(_) => {
                told(Exit::Usage, "value-not-hidden").hint("begin a new file of openings: --openings FILE")
            }
        }
    }
}

impl From<OpeningViewError> for Failure {
    fn from(error: OpeningViewError) -> Self {
        match &error {
            OpeningViewError::OpensNothing { .. } => Self::new(Exit::VerifiedFalse, "opens-nothing", &error)
                .hint("it proves nothing about this bundle; ask for the openings that belong to it"),
            OpeningViewError::NoStatements { .. } => Self::new(Exit::Usage, "no-statements", &error)
                .hint("name the model or its bundle file: tallymark inspect DIR --openings FILE"),
        }
    }
}

impl From<TransformError> for Failure {
    fn from(error: TransformError) -> Self {
        Self::new(Exit::Usage, "parents", &error).hint("name each model it was made from: --parent NAME=DIR")
    }
}

impl From<DatasetCommandError> for Failure {
    fn from(error: DatasetCommandError) -> Self {
        use DatasetCommandError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Dataset(_) => told(Exit::Usage, "dataset").hint("correct the option that the message names"),
            E::Dvc(_) => told(Exit::Refused, "source-dvc")
                .hint("see what DVC recorded: tallymark inspect . ; or name the path instead of --dvc"),
            E::ManifestInside { .. } => told(Exit::Usage, "manifest-inside")
                .hint("a list cannot list itself; name another place with --manifest FILE"),
            E::NotOne { .. } => {
                told(Exit::Usage, "source-dvc").hint("name one output: --dvc data/raw.dvc, or its path")
            }
            E::Unreadable { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
        }
    }
}

impl From<ManifestFileError> for Failure {
    fn from(error: ManifestFileError) -> Self {
        use ManifestFileError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Document(_) => told(Exit::Usage, "dataset").hint("name another place with --manifest FILE"),
            E::InTheWay { path } => told(Exit::Refused, "manifest-exists").hint(format!(
                "it may be of another version; move it, or name another place than {}: --manifest FILE",
                path.display()
            )),
            E::Io { .. } => told(Exit::Io, "manifest-io").hint("check the path and its permissions"),
        }
    }
}

impl From<ProveFileError> for Failure {
    fn from(error: ProveFileError) -> Self {
        Self::new(Exit::VerifiedFalse, "manifest-malformed", &error)
            .hint("fetch the list again, or name the directory itself: tallymark prove-file DIR FILE")
    }
}

impl From<CheckFileError> for Failure {
    fn from(error: CheckFileError) -> Self {
        use CheckFileError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::AbsentAndFile { .. } => told(Exit::Usage, "file-absent")
                .hint("leave out the file to see what the proof shows: tallymark check-file PROOF"),
            E::Malformed { .. } => {
                told(Exit::VerifiedFalse, "proof-malformed").hint("have it made again: tallymark prove-file")
            }
            E::NoStatement { .. } => told(Exit::Refused, "statement-missing")
                .hint("name the bundle file of the dataset: --bundle data/tallymark.jsonl"),
            E::OtherFile { .. } => told(Exit::VerifiedFalse, "file-changed")
                .hint("compare it with the one in the dataset; the proof is about that"),
            E::Proof(_) => told(Exit::VerifiedFalse, "proof-invalid")
                .hint("refuse it; a correct one is made by: tallymark prove-file"),
            E::Statement { failure } => {
                let reason = failure.reason();
                let exit = match reason.class() {
                    Class::VerifiedFalse => Exit::VerifiedFalse,
                    Class::Refused => Exit::Refused,
                    Class::Undecidable => Exit::Undecidable,
                    Class::Io => Exit::Io,
                };
                told(exit, reason.code()).hint(sentence_as_hint(reason.remedy()))
            }
            E::Unreadable { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
        }
    }
}

impl From<ScanCommandError> for Failure {
    fn from(error: ScanCommandError) -> Self {
        use ScanCommandError as E;
        let error = match error {
            E::Gate(formats::GateError::Walk { source }) => return source.into(),
            other => other,
        };
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Gate(formats::GateError::Io { .. }) => {
                told(Exit::Io, "unreadable").hint("check the path and its permissions")
            }
            E::Gate(formats::GateError::NoFiles { .. }) => {
                told(Exit::Undecidable, "no-files").hint("name the directory or file that holds the model")
            }
            E::Gate(_) => told(Exit::Undecidable, "too-many-files")
                .hint("name the directory that holds the model alone: tallymark scan DIR"),
            E::Statement(_) => told(Exit::Refused, "scan-statement")
                .hint("see what was found, without signing it: leave out --attest"),
        }
    }
}

impl From<VerdictError> for Failure {
    fn from(error: VerdictError) -> Self {
        use VerdictError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::IntoPack { .. } => told(Exit::Usage, "out-missing")
                .hint("say where the verdict goes: --out FILE.tallymark.jsonl"),
            E::NoVerifier => told(Exit::Usage, "verifier-missing")
                .hint("say whom others are to know you by: --verifier https://gate.example.org/"),
            E::Summary(_) => told(Exit::Refused, "verdict-statement")
                .hint("see the verdict, without signing it: leave out --attest"),
        }
    }
}

impl From<PlausibilityError> for Failure {
    fn from(error: PlausibilityError) -> Self {
        use PlausibilityError as E;
        let error = match error {
            E::Gate { source: formats::GateError::Walk { source }, .. } => return source.into(),
            other => other,
        };
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Gate { source: formats::GateError::Io { .. }, .. } => {
                told(Exit::Io, "unreadable").hint("check the path and its permissions")
            }
            E::Gate { .. } => told(Exit::Undecidable, "no-headers")
                .hint("name the directory or file that holds the weights"),
            E::NoLink { .. } => told(Exit::Refused, "base-not-in-lineage")
                .hint("see what the model was made from: tallymark lineage DIR; a download may have files that were not signed"),
            E::OtherModel { .. } => told(Exit::Undecidable, "model-changed")
                .hint("compare again when nothing writes to it"),
        }
    }
}
