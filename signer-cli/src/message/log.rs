//! The same map for what has to do with a log: reaching it, what it answers, and what is found in it.

use tlog::proof::ProofError;
use verifier::{Class, Refusal};

use super::table::sentence_as_hint;
use super::{Exit, Failure};
use crate::log_client::LogError;
use crate::log_token::TOKEN_VARIABLE;
use crate::search::SearchError;
use crate::status::StatusError;
use crate::submit::SubmitError;

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        use LogError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        let later = "nothing was written; run the same command again, or let the log wait: tallymark sign --pending, \
                     and later tallymark submit";
        match &error {
            E::AnswerTooLarge { .. } => told(Exit::VerifiedFalse, "log-answer-too-large")
                .hint("nothing was written; check that --log is the address of a tallymark log"),
            E::Setup { .. } => told(Exit::Io, "no-https")
                .hint("install the system's certificates, or set SSL_CERT_FILE")
                .hint("to sign without the log: --pending, and later tallymark submit"),
            E::Busy { .. } => told(Exit::Undecidable, "log-busy").hint(later),
            E::NotAdmitted { code, .. } => {
                let failure = told(Exit::Refused, "log-not-admitted");
                let failure = match code.as_str() {
                    "token-missing" => failure.hint(format!(
                        "ask the log's operator for a token (tallymark-log token new), then --token-file FILE or {TOKEN_VARIABLE}"
                    )),
                    "token-expired" => failure.hint("ask the log's operator for a new token: tallymark-log token new"),
                    "token-invalid" => failure
                        .hint("check that the token is this log's and has not been revoked: tallymark-log token list"),
                    "token-scope" => failure
                        .hint("use a token for this name, or ask the operator: tallymark-log token new --names PATTERN"),
                    "private-not-allowed" => failure
                        .hint("ask the log's operator for private = true beside your key, or sign without --private=entry"),
                    "publisher-not-allowed" => failure
                        .hint("sign with the key that the log knows for this name, or have yours added to its publishers"),
                    _ => failure.hint("the log's operator can explain it"),
                };
                failure.hint(
                    "nothing was written; to sign without the log: --pending, and later tallymark submit",
                )
            }
            E::TokenInClear { .. } => told(Exit::Usage, "token-in-clear")
                .hint("use the log's https:// address; http:// only on this machine"),
            E::Refused { .. } => told(Exit::Refused, "log-refused").hint(
                "nothing was written; the log's own words are above, and its operator can explain them",
            ),
            E::TimedOut { .. } => told(Exit::Undecidable, "log-timed-out")
                .hint("the log may have taken the entry all the same; sending it again is harmless")
                .hint(format!("{later}; to wait longer: --timeout SECONDS")),
            E::Unexpected { .. } => told(Exit::Undecidable, "not-a-log")
                .hint("nothing was written; check that --log is the address of a tallymark log"),
            E::Unreachable { url, .. } => told(Exit::Undecidable, "log-unreachable")
                .hint(format!("is it up? curl {url}/healthz"))
                .hint(later),
            E::Url { .. } => told(Exit::Usage, "log-address")
                .hint("write it like --log https://log.example.org or --log http://127.0.0.1:8080"),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        use SubmitError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        let distrust = "nothing was written; the answer proves nothing, so tell the log's operator";
        match error {
            E::Log(error) => error.into(),
            E::AnswerMalformed { .. } => told(Exit::VerifiedFalse, "log-answer-malformed").hint(distrust),
            E::AnswerNotVerified { ref refusal } => {
                Self::new(refusal_exit(refusal), "log-answer-not-verified", &error)
                    .hint(sentence_as_hint(refusal.reason().remedy()))
                    .hint("nothing was written; the entry itself may be in the log")
                    .hint("compare the log's key with what its operator prints: --log-key VKEY")
            }
            E::Declined => told(Exit::Refused, "declined")
                .hint("nothing was sent and nothing was written; to look first: --dry-run"),
            E::NoModel { .. } => told(Exit::Usage, "model-not-named")
                .hint("name the model, with this file beside it as its bundle file: tallymark submit DIR"),
            E::NothingPending { ref path } => told(Exit::Usage, "nothing-pending")
                .hint(format!("to see what is there: tallymark inspect {}", path.display())),
            E::OtherEntry => told(Exit::VerifiedFalse, "log-answer-other-entry").hint(distrust),
            E::PendingEntry { .. } => told(Exit::VerifiedFalse, "pending-entry")
                .hint("nothing was sent; sign the model again: tallymark sign"),
            E::Unsound { .. } => told(Exit::VerifiedFalse, "pending-unsound")
                .hint("nothing was sent; sign the model again: tallymark sign"),
            E::OtherModel { .. } => told(Exit::VerifiedFalse, "model-changed")
                .hint("nothing was sent; sign the model as it is now: tallymark sign"),
        }
    }
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        use StatusError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        let distrust = "nothing was written; the answer proves nothing, so tell the log's operator";
        match &error {
            E::Log(LogError::Refused { code, .. }) if code == "not-found" => {
                told(Exit::Refused, "log-refused").hint("this log signs no status; it may be older than that")
            }
            E::Log(LogError::Refused { .. }) => {
                told(Exit::Refused, "log-refused").hint("the log's own words are above")
            }
            E::Log(LogError::Busy { .. }) => told(Exit::Undecidable, "log-busy")
                .hint("a log that has just started has no status for a moment; run the same command again"),
            E::Log(LogError::TimedOut { .. }) => {
                told(Exit::Undecidable, "log-timed-out").hint("to wait longer: --timeout SECONDS")
            }
            E::Log(LogError::Unreachable { url, .. }) => {
                told(Exit::Undecidable, "log-unreachable").hint(format!("is it up? curl {url}/healthz"))
            }
            E::Log(LogError::Url { .. }) => told(Exit::Usage, "log-address")
                .hint("write it like --log https://log.example.org or --log http://127.0.0.1:8080"),
            E::Log(_) => told(Exit::Undecidable, "not-a-log")
                .hint("check that --log is the address of a tallymark log"),
            E::Malformed { .. } => told(Exit::VerifiedFalse, "log-answer-malformed").hint(distrust),
            E::NotAsked | E::Refused { .. } => {
                told(Exit::VerifiedFalse, "log-answer-not-verified").hint(distrust)
            }
            E::NoModel { .. } => told(Exit::Usage, "no-provenance")
                .hint("sign the model first: tallymark sign; or name its bundle file with --bundle"),
            E::Signature { .. } => told(Exit::VerifiedFalse, "log-answer-not-verified")
                .hint("compare the log's key with what its operator prints: --log-key VKEY")
                .hint(distrust),
        }
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        use SearchError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        let distrust = "nothing of this answer is believed; tell the log's operator";
        match &error {
            E::Log(LogError::Refused { code, .. }) if code == "not-found" => {
                told(Exit::Refused, "log-refused")
                    .hint("this log has no search; read its entries instead, as monitors do")
            }
            E::Log(LogError::Refused { .. }) => told(Exit::Refused, "log-refused")
                .hint("the log's own words are above; see tallymark search --help"),
            E::Log(LogError::Busy { .. }) => told(Exit::Undecidable, "log-busy")
                .hint("a log that has just started finds nothing for a moment; run the same command again"),
            E::Log(LogError::TimedOut { .. }) => {
                told(Exit::Undecidable, "log-timed-out").hint("to wait longer: --timeout SECONDS")
            }
            E::Log(LogError::Unreachable { url, .. }) => {
                told(Exit::Undecidable, "log-unreachable").hint(format!("is it up? curl {url}/healthz"))
            }
            E::NoSalt { .. } => told(Exit::Usage, "no-entry-salt")
                .hint("name the model, or the bundle file that has its private entry: --salt-of PATH"),
            E::OneWithSalt => told(Exit::Usage, "one-term-with-salt").hint(
                "ask for one name, digest or input, such as name=acme/churn; a prefix has no commitment",
            ),
            E::Log(LogError::Setup { .. }) => {
                told(Exit::Io, "no-https").hint("install the system's certificates, or set SSL_CERT_FILE")
            }
            E::Log(LogError::NotAdmitted { .. }) => told(Exit::Refused, "log-refused")
                .hint("the log's own words are above; see tallymark search --help"),
            E::Log(LogError::TokenInClear { .. }) => told(Exit::Usage, "token-in-clear")
                .hint("use the log's https:// address; http:// only on this machine"),
            E::Log(LogError::Url { .. }) => told(Exit::Usage, "log-address")
                .hint("write it like --log https://log.example.org or --log http://127.0.0.1:8080"),
            E::Log(LogError::AnswerTooLarge { .. }) => told(Exit::VerifiedFalse, "log-answer-too-large")
                .hint("check that --log is the address of a tallymark log"),
            E::Log(LogError::Unexpected { .. }) => told(Exit::Undecidable, "not-a-log")
                .hint("check that --log is the address of a tallymark log"),
            E::Proof { source: ProofError::Quorum { .. }, .. } => told(
                Exit::Undecidable,
                "log-answer-not-witnessed",
            )
            .hint(
                "the checkpoint of a search carries no cosignatures yet; name the log alone: --log-key VKEY",
            ),
            E::Proof { .. } => told(Exit::VerifiedFalse, "log-answer-not-verified")
                .hint("compare the log's key with what its operator prints: --log-key VKEY")
                .hint(distrust),
            E::Malformed { .. } | E::Checkpoint { .. } => {
                told(Exit::VerifiedFalse, "log-answer-malformed").hint(distrust)
            }
            E::Entry { .. } | E::NotAsked { .. } | E::Order { .. } | E::Endless { .. } => {
                told(Exit::VerifiedFalse, "log-answer-not-verified").hint(distrust)
            }
        }
    }
}

fn refusal_exit(refusal: &Refusal) -> Exit {
    match refusal.class() {
        Class::VerifiedFalse => Exit::VerifiedFalse,
        Class::Refused => Exit::Refused,
        Class::Undecidable => Exit::Undecidable,
        Class::Io => Exit::Io,
    }
}
