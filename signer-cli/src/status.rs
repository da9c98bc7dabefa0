//! `tallymark status`: what a log knows to have been said about a model, checked and put beside it.
//!
//! Which digests are asked for is what the entries of the provenances in the bundle file are about; of a private one that is a
//! commitment, and the log is not told the digest: nobody's signature is checked for that, since a
//! wrong digest gives a snapshot that nobody needs. What the log answers is checked as a verifier checks it before anything is
//! written.
//!
//! In scope: asking, checking, writing. Out of scope: HTTP ([`crate::log_client`]), what a snapshot is (crate `attest`), what it
//! means for a model (crate `verifier`).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use attest::bundle::{Bundle, BundleFile};
use attest::digest::Sha256Digest;
use attest::form::Form;
use attest::statement::Statement;
use attest::status::{Mention, Snapshot, SnapshotError, SnapshotRefused};
use serde_json::json;
use tlog::policy::{Policy, PolicyOpenError};
use verifier::load::{Request, find_trust};

use crate::args::{Manner, StatusArgs, VerifyArgs};
use crate::bundle_file::{self, BundleFileError, Writer, place};
use crate::log_client::{LogClient, LogError};
use crate::message::{Failure, note, print};
use crate::sign::SignError;
use crate::status_view;
use crate::trust::{policy_alone, requirements};

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    /// The log could not be asked, or would not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Not a snapshot.
    #[error("the log's answer is not a status snapshot")]
    Malformed { source: SnapshotError },
    /// Not what was asked for.
    #[error("the log's answer is about another digest")]
    NotAsked,
    /// No statement in the bundle file says what a model is.
    #[error("{path} has no provenance, so there is nothing to ask for")]
    NoModel { path: String },
    /// It shows nothing.
    #[error("the log's answer does not show what it says")]
    Refused { source: SnapshotRefused },
    /// Not signed by the log.
    #[error("the log's answer is not signed by a log of the policy")]
    Signature { source: PolicyOpenError },
}

/// Runs it: 3 if the log knows of an event whose statement is not in the bundle file.
pub(crate) fn run(args: &StatusArgs, manner: Manner) -> Result<u8, Failure> {
    let path = args.bundle.clone().unwrap_or_else(|| place(&args.model));
    let file = bundle_file::read(&path)?.ok_or_else(|| BundleFileError::Missing { path: path.clone() })?;
    let policy = policy_alone(args.log_key.as_deref(), args.trust.as_deref())?;
    let client = client(&policy, args.log.as_deref(), args.timeout)?;
    let snapshots = fetch_all(&client, &policy, &file, &path)?;
    let missing: Vec<&Mention> = snapshots.iter().flat_map(|one| missing(one, &file)).collect();
    if !args.dry_run {
        let mut writer = Writer::at(path, Duration::from_secs(args.timeout))?;
        writer.write_snapshots(snapshots.clone())?;
    }
    if args.json {
        let missing: Vec<u64> = missing.iter().map(|mention| mention.index().get()).collect();
        let statuses: Vec<_> = snapshots.iter().map(status_view::json).collect();
        let value = json!({
            "schema_version": 1, "verified": true, "written": !args.dry_run, "status": statuses, "missing": missing,
        });
        print(&format!("{value:#}\n"))?;
    } else {
        print(&snapshots.iter().map(status_view::text).collect::<String>())?;
    }
    for mention in &missing {
        let (index, key) = (mention.index(), mention.key_id());
        note(
            manner,
            &format!("entry {index} by key {key} is not in the bundle file; ask whoever has that key for it"),
        );
    }
    if missing.is_empty() {
        note(manner, &format!("next: tallymark verify {}", args.model.display()));
    }
    Ok(if missing.is_empty() { 0 } else { 3 })
}

/// The log at that address, or at the only one of the policy.
pub(crate) fn client(policy: &Policy, url: Option<&str>, timeout: u64) -> Result<LogClient, Failure> {
    let addresses: Vec<&str> = policy.logs().iter().filter_map(|log| log.url()).collect();
    let url = match (url, addresses.as_slice()) {
        (Some(url), _) => url,
        (None, [url]) => *url,
        (None, _) => return Err(SignError::NoLog.into()),
    };
    Ok(LogClient::new(url, Duration::from_secs(timeout)).map_err(StatusError::from)?)
}

/// What the log knows of each model that the bundle file has a provenance of, checked.
pub(crate) fn fetch_all(
    client: &LogClient,
    policy: &Policy,
    file: &BundleFile,
    path: &Path,
) -> Result<Vec<Snapshot>, StatusError> {
    let digests: BTreeSet<Sha256Digest> = file.bundles().filter_map(subject).collect();
    if digests.is_empty() {
        return Err(StatusError::NoModel { path: path.display().to_string() });
    }
    digests.iter().map(|digest| fetch(client, policy, digest)).collect()
}

/// What the entry of a provenance is about.
fn subject(bundle: &Bundle) -> Option<Sha256Digest> {
    let statement = Statement::parse(bundle.envelope().payload()).ok()?;
    statement.provenance()?;
    let digest = statement.tree_digest().digest();
    Some(bundle.salt().map_or(digest, |salt| salt.subject(Form::ModelTree, digest.as_bytes())))
}

/// What each log of the policy that has an address knows now of the models in the bundle file of what is to be verified. A file or a
/// policy that cannot be read is left to the verdict, which says what is wrong with it.
///
/// # Errors
/// What a log does not answer, or answers falsely: who wants to know now is not told what was known before.
pub(crate) fn fetch_online(args: &VerifyArgs, request: &Request) -> Result<Vec<Snapshot>, Failure> {
    let trust = args.trust.clone().or_else(|| find_trust(&args.model));
    let Ok(requirements) = requirements(trust.as_deref()) else { return Ok(Vec::new()) };
    let Some(file) = request.bundle_file() else { return Ok(Vec::new()) };
    let policy = requirements.policy();
    let mut urls: Vec<&str> = policy.logs().iter().filter_map(|log| log.url()).collect();
    urls.sort_unstable();
    urls.dedup();
    let mut all = Vec::new();
    for url in urls {
        let client = client(policy, Some(url), args.timeout)?;
        all.extend(fetch_all(&client, policy, &file, &args.model)?);
    }
    Ok(all)
}

fn fetch(client: &LogClient, policy: &Policy, digest: &Sha256Digest) -> Result<Snapshot, StatusError> {
    let answer = client.status(&digest.to_string())?;
    let line = answer.strip_suffix(b"\n").unwrap_or(&answer);
    let snapshot = Snapshot::parse(line).map_err(|source| StatusError::Malformed { source })?;
    if snapshot.subject() != digest {
        return Err(StatusError::NotAsked);
    }
    snapshot.status().open_by(policy).map_err(|source| StatusError::Signature { source })?;
    snapshot.verify().map_err(|source| StatusError::Refused { source })?;
    Ok(snapshot)
}

/// Events of a snapshot whose statements are not in the file.
fn missing<'a>(snapshot: &'a Snapshot, file: &BundleFile) -> impl Iterator<Item = &'a Mention> {
    let logged = |bundle: &Bundle| {
        let digest = Sha256Digest::of(bundle.envelope().payload());
        bundle.salt().map_or(digest, |salt| salt.statement(digest))
    };
    let here: BTreeSet<Sha256Digest> = file.bundles().map(logged).collect();
    snapshot.mentions().iter().filter(move |mention| !here.contains(&mention.statement()))
}
