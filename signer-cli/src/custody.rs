//! `tallymark approve`, `reject`, `promote`, `transfer`, `deploy`, `supersede`, `revoke`, `reinstate`, `waive`,
//! `alias`: custody events.
//!
//! A model that is here is hashed, so that the event is about these files and not about what somebody says of them. A model
//! that is elsewhere is named by its tree digest, and the bundle goes to `--out`.

use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use attest::event::{Act, Alias, Event, EventError, EventPolicy, Identity, Waiver};
use attest::key::{KeyError, PublicKey};
use attest::scan::{Scan, ScanOptions, Snapshot};
use attest::tree::TreeDigest;
use verifier::load::read_bounded;

use crate::args::{AliasArgs, EventArgs, Manner, WaiveArgs, digest};
use crate::hidden::Hidden;
use crate::inputs::refuse_change;
use crate::message::Failure;
use crate::preview::KeptBack;
use crate::progress::Progress;
use crate::publication::{Place, Publication, read_back};

/// Largest file of rules, in bytes.
const MAX_POLICY_BYTES: u64 = 64 << 20;
/// Largest public key file, in bytes.
const MAX_KEY_BYTES: u64 = 1 << 16;

/// Why there is no event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CustodyError {
    /// What was said makes no event.
    #[error("that is no event")]
    Event(#[from] EventError),
    /// A digest, and no file to put the bundle into.
    #[error("{model} is a digest, so there is no bundle file beside it")]
    NoPlace { model: String },
    /// A directory where one file is meant.
    #[error("{path} is no single file")]
    NoFile { path: PathBuf },
    /// Neither a path nor a digest.
    #[error("{text} is neither here nor a digest")]
    NothingThere { text: String },
    /// No public key.
    #[error("{path} holds no public key")]
    Receiver { path: PathBuf, source: KeyError },
    /// The system refused.
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// A model somebody spoke of: files that are here, or a digest.
pub(crate) enum Subject {
    Here { path: PathBuf, snapshot: Snapshot },
    Elsewhere(TreeDigest),
}

/// The same with its digest known.
pub(crate) enum Hashed {
    Here(Box<Scan>),
    Elsewhere(TreeDigest),
}

impl Subject {
    /// Takes a path if there is something at it, else a digest.
    pub(crate) fn find(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        if path.symlink_metadata().is_ok() {
            return Ok(Self::Here { path: path.to_owned(), snapshot: Snapshot::take(path)? });
        }
        match digest(text) {
            Ok(digest) => Ok(Self::Elsewhere(TreeDigest::from_digest(digest))),
            Err(_) => Err(CustodyError::NothingThere { text: text.to_owned() }.into()),
        }
    }

    /// Hashes its files, if they are here.
    pub(crate) fn hash(self, manner: Manner) -> Result<Hashed, Failure> {
        Ok(match self {
            Self::Here { snapshot, .. } => {
                let mut progress = Progress::start(manner, snapshot.total_bytes());
                let scan = progress.part("model", |progress| snapshot.hash(&ScanOptions::new(), progress))?;
                Hashed::Here(Box::new(scan))
            }
            Self::Elsewhere(digest) => Hashed::Elsewhere(digest),
        })
    }
}

impl Hashed {
    /// What it is.
    pub(crate) fn digest(&self) -> TreeDigest {
        match self {
            Self::Here(scan) => scan.tree().digest(),
            Self::Elsewhere(digest) => *digest,
        }
    }

    fn refuse_change(&self) -> Result<(), Failure> {
        match self {
            Self::Here(scan) => refuse_change(scan),
            Self::Elsewhere(_) => Ok(()),
        }
    }
}

/// Signs the event that `act` makes, and publishes it. What `act` hashes is hashed before the model.
pub(crate) fn run(
    args: &EventArgs,
    act: impl FnOnce() -> Result<Act, Failure>,
    manner: Manner,
) -> Result<(), Failure> {
    let subject = Subject::find(&args.model)?;
    let beside = match &subject {
        Subject::Here { path, .. } => Some(path.clone()),
        Subject::Elsewhere(_) => None,
    };
    let place = match (&args.out, &beside) {
        (Some(out), _) => Place::File(out),
        (None, Some(path)) => Place::Beside(path),
        (None, None) => {
            return Err(CustodyError::NoPlace { model: args.model.clone() }.into());
        }
    };
    let publication = Publication::find(&args.publish, place)?;
    let about = beside.as_deref().or(args.out.as_deref()).unwrap_or(Path::new(&args.model));
    let mut kept = KeptBack { hidden: Hidden::begin(&args.private, about)?, ..KeptBack::default() };
    let event = event(args, act()?, &mut kept.hidden)?;
    let open = publication.open()?;
    let (name, version) = (args.name_version.name(), args.name_version.version());
    let hashed = subject.hash(manner)?;
    let statement = read_back(&event.to_statement_bytes(name, version, hashed.digest()))?;
    open.finish(statement, None, &mut kept, || hashed.refuse_change(), manner)
}

fn event(args: &EventArgs, act: Act, hidden: &mut Hidden) -> Result<Event, Failure> {
    let mut event = Event::new(act).with_evidence(args.evidence.clone()).map_err(CustodyError::from)?;
    if let Some(role) = &args.role {
        event = event.with_actor_role(role.clone());
    }
    if let Some(time) = args.effective_from {
        event = event.with_effective_from(time).map_err(CustodyError::from)?;
    }
    if let Some(path) = &args.policy {
        let rules = read(path, MAX_POLICY_BYTES)?;
        let policy = EventPolicy::new(args.policy_uri.clone(), Sha256Digest::of(&rules));
        event = event.with_policy(hidden.policy(policy)?);
    }
    if let Some(text) = &args.text {
        // Too long a text is refused as it was typed.
        event = event.with_text(text.clone()).map_err(CustodyError::from)?;
        event = event.with_text(hidden.sentence(text)?).map_err(CustodyError::from)?;
    }
    Ok(event)
}

/// The key id of a receiver: as typed, or of a public key in a file.
pub(crate) fn receiver(text: &str) -> Result<Sha256Digest, Failure> {
    let path = Path::new(text);
    if path.symlink_metadata().is_err() {
        return Ok(digest(text).map_err(|_| CustodyError::NothingThere { text: text.to_owned() })?);
    }
    let bytes = read(path, MAX_KEY_BYTES)?;
    let pem = String::from_utf8_lossy(&bytes);
    let key = PublicKey::from_pem(&pem).or_else(|_| PublicKey::from_base64(pem.trim_end()));
    let key = key.map_err(|source| CustodyError::Receiver { path: path.to_owned(), source })?;
    Ok(key.key_id())
}

/// What a waiver lets pass; a file that is here is hashed.
pub(crate) fn waiver(args: &WaiveArgs, manner: Manner) -> Result<Act, Failure> {
    let waiver = Waiver::new(args.finding.clone(), args.reason.clone(), args.expires);
    let waiver = waiver.map_err(CustodyError::from)?;
    Ok(Act::Waive(match &args.file {
        Some(file) => waiver.in_file(content(file, manner)?),
        None => waiver,
    }))
}

/// What else a model is known by; a file that is here is hashed.
pub(crate) fn alias(args: &AliasArgs, manner: Manner) -> Result<Act, Failure> {
    let file = args.file.as_deref().map(|file| content(file, manner)).transpose()?;
    let identities = [
        file.map(Identity::File),
        args.oms_root.map(Identity::OmsRoot),
        args.oci_manifest.map(Identity::OciManifest),
        args.hf_commit.clone().map(Identity::HfCommit),
    ];
    let alias = Alias::new(identities.into_iter().flatten().collect()).map_err(CustodyError::from)?;
    Ok(Act::Alias(alias))
}

/// SHA-256 of a file's content: of the file if there is one of that name, else as typed.
fn content(text: &str, manner: Manner) -> Result<Sha256Digest, Failure> {
    let path = Path::new(text);
    if path.symlink_metadata().is_err() {
        return Ok(digest(text).map_err(|_| CustodyError::NothingThere { text: text.to_owned() })?);
    }
    if !path.is_file() {
        return Err(CustodyError::NoFile { path: path.to_owned() }.into());
    }
    let snapshot = Snapshot::take(path)?;
    let mut progress = Progress::start(manner, snapshot.total_bytes());
    let scan = progress.part("file", |progress| snapshot.hash(&ScanOptions::new(), progress))?;
    let file = scan.tree().files().first().map(|file| file.sha256());
    Ok(file.ok_or_else(|| CustodyError::NoFile { path: path.to_owned() })?)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, CustodyError> {
    let unreadable = |source| CustodyError::Unreadable { path: path.to_owned(), source };
    let bytes = read_bounded(path, limit).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}
