//! Which log's word counts: the policy that an answer is checked against before anything is written.
//!
//! It comes from `--log-key`, which makes a policy of one log and no witness, or from the trust file that a
//! verifier would use. Publishers in a trust file say whom *others* believe; for checking our own bundle the
//! only publisher is our key.
//!
//! In scope: finding the policy. Out of scope: what a policy means ([`tlog::policy`]) and the trust file's format
//! ([`verifier::requirements`]).

use std::path::{Path, PathBuf};

use attest::key::PublicKey;
use attest::model_name::ModelName;
use tlog::policy::{Policy, PolicyError};
use tlog::vkey::{Vkey, VkeyError};
use verifier::load::{find_trust, lies_inside, read_bounded};
use verifier::requirements::{MAX_TRUST_BYTES, Requirements, RequirementsError, Right};

use crate::args::LogArgs;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The trust file lies inside the model it would judge.
    #[error("trust file {path} lies inside the model")]
    InsideModel { path: PathBuf },
    /// The system refused.
    #[error("cannot read trust file {path}")]
    Io { path: PathBuf, source: std::io::Error },
    /// `--log-key` is no log's key.
    #[error("--log-key is not a log's key")]
    LogKey { source: LogKeyFault },
    /// The trust file is not one.
    #[error("{path} is not a trust file")]
    Malformed { path: PathBuf, source: RequirementsError },
    /// Neither was given or found.
    #[error("no log key is known, so no answer of a log could be checked")]
    Missing,
}

/// What is wrong with `--log-key`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogKeyFault {
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Requirements(#[from] RequirementsError),
    #[error(transparent)]
    Vkey(#[from] VkeyError),
}

/// The policy for a model at `model`: from `--log-key`, else from the trust file named or found.
///
/// # Errors
/// [`TrustError::Missing`] if there is neither; else as the variants say.
pub(crate) fn policy(args: &LogArgs, model: &Path) -> Result<Policy, TrustError> {
    // If both came from the environment the narrower one counts.
    if let Some(key) = &args.log_key {
        return policy_of_key(key).map_err(|source| TrustError::LogKey { source });
    }
    let path = args.trust.clone().or_else(|| find_trust(model)).ok_or(TrustError::Missing)?;
    let io = |source| TrustError::Io { path: path.clone(), source };
    // In a bundle file that is yet to be made lies nothing.
    if model.symlink_metadata().is_ok() && lies_inside(&path, model).map_err(io)? {
        return Err(TrustError::InsideModel { path });
    }
    let bytes = read_bounded(&path, MAX_TRUST_BYTES as u64).map_err(io)?;
    match Requirements::parse(&bytes) {
        Ok(requirements) => Ok(requirements.policy().clone()),
        Err(source) => Err(TrustError::Malformed { path, source }),
    }
}

/// The policy without a model in sight: from the key, else from the trust file named or found.
///
/// # Errors
/// As [`policy`].
pub(crate) fn policy_alone(log_key: Option<&str>, trust: Option<&Path>) -> Result<Policy, TrustError> {
    if let Some(key) = log_key {
        return policy_of_key(key).map_err(|source| TrustError::LogKey { source });
    }
    Ok(requirements(trust)?.policy().clone())
}

/// What the trust file demands, the one named or the one found, without a model in sight.
///
/// # Errors
/// As [`policy`].
pub(crate) fn requirements(trust: Option<&Path>) -> Result<Requirements, TrustError> {
    // No path is a model, so the file in the working directory counts.
    let path = trust.map(Path::to_owned).or_else(|| find_trust(Path::new(""))).ok_or(TrustError::Missing)?;
    let bytes = read_bounded(&path, MAX_TRUST_BYTES as u64)
        .map_err(|source| TrustError::Io { path: path.clone(), source })?;
    Requirements::parse(&bytes).map_err(|source| TrustError::Malformed { path, source })
}

fn policy_of_key(key: &str) -> Result<Policy, LogKeyFault> {
    let vkey: Vkey = key.parse()?;
    Ok(Policy::parse(format!("log {vkey}\nquorum none\n").as_bytes())?)
}

/// What a stranger would demand who trusts this policy, and this key to say this of this name and nothing else.
///
/// # Errors
/// [`LogKeyFault::Requirements`] if the policy cannot stand in a trust file.
pub(crate) fn requirements_for(
    policy: &Policy,
    name: &ModelName,
    key: &PublicKey,
    right: Right,
) -> Result<Requirements, TrustError> {
    // A JSON string of printable text is a TOML basic string.
    let policy = serde_json::Value::from(String::from_utf8_lossy(&policy.to_bytes()));
    let key = key.to_base64();
    let text = format!(
        "version = 1\npolicy = {policy}\n[[publisher]]\nname = \"{name}\"\nkeys = [\"{key}\"]\nmay = [\"{right}\"]\n"
    );
    Requirements::parse(text.as_bytes()).map_err(|source| TrustError::LogKey { source: source.into() })
}

#[cfg(test)]
mod tests {
    use attest::event::EventKind;
    use attest::key::{Algorithm, PrivateKey};
    use attest::statement::StatementKind;

    use super::*;

    /// The log key of tlog.md's example: Ed25519, any 32 bytes that are a point will do.
    fn vkey() -> Vkey {
        let point = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
        Vkey::ed25519("log.example.org/\"odd\\name".parse().expect("a key name"), point.as_bytes())
            .expect("a log key")
    }

    fn args(log_key: Option<String>, trust: Option<PathBuf>) -> LogArgs {
        LogArgs { log: None, log_key, trust, timeout: 1, token_file: None, yes: true }
    }

    #[test]
    fn policy_of_one_key_stands_in_a_trust_file_whatever_its_name() {
        let policy = policy_of_key(&vkey().to_string()).expect("a policy");
        assert_eq!(policy.logs().len(), 1);
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("randomness").public_key();
        let name = "acme/churn".parse().expect("a name");
        // Also those that must be named.
        for right in [Right::Statement(StatementKind::Provenance), Right::Event(EventKind::Waive)] {
            let requirements = requirements_for(&policy, &name, &key, right).expect("requirements");
            assert_eq!(requirements.policy().logs().len(), 1);
            assert!(requirements.publisher_for(&name, &key, right).is_some(), "{right}");
        }
    }

    #[test]
    fn trust_file_inside_the_model_is_refused_even_through_a_link() {
        let model = tempfile::tempdir().expect("a temporary directory");
        let inside = model.path().join("tallymark.toml");
        std::fs::write(&inside, "version = 1\n").expect("write");
        let outside = tempfile::tempdir().expect("a temporary directory");
        let link = outside.path().join("tallymark.toml");
        std::os::unix::fs::symlink(&inside, &link).expect("symlink");
        for path in [inside, link] {
            let refused = policy(&args(None, Some(path)), model.path()).expect_err("inside");
            assert!(matches!(refused, TrustError::InsideModel { .. }), "{refused}");
        }
    }

    #[test]
    fn link_inside_the_model_is_refused_wherever_it_leads() {
        let outside = tempfile::tempdir().expect("a temporary directory");
        let target = outside.path().join("tallymark.toml");
        std::fs::write(&target, "version = 1\n").expect("write");
        let model = tempfile::tempdir().expect("a temporary directory");
        let link = model.path().join("tallymark.toml");
        std::os::unix::fs::symlink(&target, &link).expect("symlink");
        let refused = policy(&args(None, Some(link)), model.path()).expect_err("inside");
        assert!(matches!(refused, TrustError::InsideModel { .. }), "{refused}");
    }

    #[test]
    fn pipe_in_place_of_a_trust_file_is_not_waited_for() {
        let (dir, model) = (tempfile::tempdir(), tempfile::tempdir());
        let (dir, model) = (dir.expect("a temporary directory"), model.expect("a temporary directory"));
        let pipe = dir.path().join("tallymark.toml");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is installed");
        assert!(made.success());
        let refused = policy(&args(None, Some(pipe)), model.path()).expect_err("no file");
        assert!(matches!(refused, TrustError::Io { .. }), "{refused}");
    }

    #[test]
    fn text_that_is_no_key_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for text in ["", "name", "a+b+c", "log.example.org+00000000+AAAA"] {
            let refused = policy(&args(Some(text.to_owned()), None), dir.path()).expect_err("no key");
            assert!(matches!(refused, TrustError::LogKey { .. }), "{text}: {refused}");
        }
    }
}
