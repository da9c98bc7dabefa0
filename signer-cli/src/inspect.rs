//! `tallymark inspect`: what is in a file of ours, believed by nobody.
//!
//! The kind of a file of ours is told by its first bytes, never by its name. What is not of ours is shown to the collectors.
//! Nothing is verified, and the first line of every output says so: a reader who takes this for a verdict has been warned.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use attest::bundle::{Bundle, BundleFile, BundleFileError, LogEntry, LogEntryError, MAX_BUNDLE_FILE_BYTES};
use attest::entry::{Entry, EntryError, EntryName};
use attest::key::{KeyError, PublicKey};
use attest::statement::Statement;
use serde_json::{Value, json};
use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::proof::{LogProof, LogProofError};
use tlog::vkey::{Vkey, VkeyError};

use crate::args::{InspectArgs, Manner};
use crate::bundle_file::place;
use crate::collector_view;
use crate::entry_view;
use crate::message::{Failure, one_line, print};
use crate::opening_view::{OpeningView, OpeningViewError};
use crate::statement_view;
use crate::status_view;

/// First line of a tlog proof (C2SP tlog-proof).
const PROOF_MARK: &[u8] = b"c2sp.org/tlog-proof@v1\n";
/// First byte of a tagged COSE_Sign1: CBOR tag 18.
const COSE_MARK: u8 = 0xd2;

/// What every bundle has and JSON of other kinds has not.
const MEDIA_TYPE_KEY: &[u8] = b"\"mediaType\"";

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    /// The system refused.
    #[error("cannot read {path}")]
    Io { path: PathBuf, source: std::io::Error },
    /// It begins like one of our kinds and is none.
    #[error("{path} is malformed")]
    Malformed { path: PathBuf, source: Fault },
    /// A private key is nothing to show around.
    #[error("{path} holds a private key")]
    PrivateKey { path: PathBuf },
    /// Larger than anything of ours.
    #[error("{path} is larger than {limit} bytes, want a file of ours")]
    TooLarge { path: PathBuf, limit: usize },
    /// None of our kinds.
    #[error("{path} is of no kind that is known here")]
    Unknown { path: PathBuf },
    /// A model without a bundle file.
    #[error("{path} has no bundle file: it is unsigned")]
    Unsigned { path: PathBuf },
}

impl InspectError {
    /// Whether it is none of our kinds, so that it may be of other people's.
    const fn may_be_others(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Unknown { .. } | Self::Unsigned { .. })
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("as a bundle file")]
    Bundle(#[from] BundleFileError),
    #[error("as a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    #[error("as a log entry")]
    Entry(#[from] EntryError),
    #[error("as a public key")]
    Key(#[from] KeyError),
    #[error("as a log's answer")]
    LogEntry(#[from] LogEntryError),
    #[error("as a tlog proof")]
    Proof(#[from] LogProofError),
    #[error("as a log's key")]
    Vkey(#[from] VkeyError),
}

/// A file of ours, taken apart.
enum Kind {
    Answer(LogEntry),
    Bundles(BundleFile),
    Checkpoint(SignedCheckpoint),
    Entry(Box<Entry>),
    Proof(LogProof),
    PublicKey(PublicKey),
    Vkey(Vkey),
}

/// Runs it; 1 if a line of the openings opens nothing.
pub(crate) fn run(args: &InspectArgs, manner: Manner) -> Result<u8, Failure> {
    let ours = file_of(&args.path).and_then(|path| {
        let bytes = read(&path)?;
        take_apart(&path, &bytes).map(|kind| (path, kind))
    });
    let (path, kind) = match ours {
        Err(error) if error.may_be_others() && args.openings.is_none() => {
            return show_others(args, error).map(|()| 0);
        }
        ours => ours?,
    };
    let openings = match (&args.openings, &kind) {
        (None, _) => None,
        (Some(openings), Kind::Bundles(file)) => Some(OpeningView::of(file, openings)?),
        (Some(_), _) => return Err(OpeningViewError::NoStatements { path }.into()),
    };
    let data = if args.json {
        let mut json = as_json(&path, &kind);
        if let (Some(openings), Some(members)) = (&openings, json.as_object_mut()) {
            members.insert("openings".to_owned(), openings.json());
        }
        format!("{json}\n")
    } else {
        // Bundles lie with a model that can be named; of the other kinds nobody knows which model they belong to.
        let is_model = matches!(kind, Kind::Bundles(_)) && path != args.path;
        let shown = if is_model { one_line(&args.path.display().to_string()) } else { "DIR".to_owned() };
        let text = as_text(&path, &kind, openings.as_ref());
        format!("UNVERIFIED: nothing below was checked. To judge a model: tallymark verify {shown}\n{text}")
    };
    print(&data)?;
    let Some(Err(idle)) = openings.map(|openings| openings.refuse_idle()) else { return Ok(0) };
    // What holds was printed; this is said beside it, and not as a second answer.
    let failure = Failure::from(idle);
    failure.tell(manner, false);
    Ok(failure.exit())
}

/// What collectors see where nothing of ours is; the error if they see nothing either.
fn show_others(args: &InspectArgs, error: InspectError) -> Result<(), Failure> {
    let answers = collector_view::ask(&args.path);
    if answers.is_empty() {
        return Err(error.into());
    }
    let data = if args.json {
        format!("{}\n", collector_view::json(&answers))
    } else {
        format!("UNVERIFIED: this is what files say of themselves.\n{}", collector_view::text(&answers))
    };
    Ok(print(&data)?)
}

/// The file to show: of a model, its bundle file.
fn file_of(path: &Path) -> Result<PathBuf, InspectError> {
    let metadata = path.metadata().map_err(|source| InspectError::Io { path: path.to_owned(), source })?;
    let bundles = place(path);
    match (metadata.is_dir(), bundles.exists()) {
        (_, true) => Ok(bundles),
        (true, false) => Err(InspectError::Unsigned { path: path.to_owned() }),
        (false, false) => Ok(path.to_owned()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InspectError> {
    let io = |source| InspectError::Io { path: path.to_owned(), source };
    if !path.metadata().map_err(io)?.is_file() {
        return Err(InspectError::Unknown { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_BUNDLE_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > MAX_BUNDLE_FILE_BYTES {
        return Err(InspectError::TooLarge { path: path.to_owned(), limit: MAX_BUNDLE_FILE_BYTES });
    }
    Ok(bytes)
}

fn take_apart(path: &Path, bytes: &[u8]) -> Result<Kind, InspectError> {
    let unknown = || InspectError::Unknown { path: path.to_owned() };
    let malformed = |source| InspectError::Malformed { path: path.to_owned(), source };
    if bytes.first() == Some(&COSE_MARK) {
        return Entry::parse(bytes)
            .map(|entry| Kind::Entry(Box::new(entry)))
            .map_err(|error| malformed(error.into()));
    }
    if bytes.starts_with(PROOF_MARK) {
        return LogProof::parse(bytes).map(Kind::Proof).map_err(|error| malformed(error.into()));
    }
    if bytes.first() == Some(&b'{') {
        // A log's answer is no bundle and a bundle no answer; what is neither and has a media type is told as a
        // bundle.
        if let Ok(answer) = LogEntry::parse(bytes.trim_ascii_end()) {
            return Ok(Kind::Answer(answer));
        }
        if !bytes.windows(MEDIA_TYPE_KEY.len()).any(|window| window == MEDIA_TYPE_KEY) {
            return Err(unknown());
        }
        return BundleFile::parse(bytes).map(Kind::Bundles).map_err(|error| malformed(error.into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Err(InspectError::PrivateKey { path: path.to_owned() });
    }
    if text.starts_with("-----BEGIN PUBLIC KEY-----") {
        return PublicKey::from_pem(text).map(Kind::PublicKey).map_err(|error| malformed(error.into()));
    }
    if text.contains("\n\n\u{2014} ") {
        return SignedCheckpoint::parse(bytes).map(Kind::Checkpoint).map_err(|error| malformed(error.into()));
    }
    let line = text.trim_end();
    if let Ok(key) = PublicKey::from_base64(line) {
        return Ok(Kind::PublicKey(key));
    }
    if !line.is_empty() && !line.contains(['\n', ' ']) && line.matches('+').count() >= 2 {
        return line.parse().map(Kind::Vkey).map_err(|error: VkeyError| malformed(error.into()));
    }
    Err(unknown())
}

fn as_text(path: &Path, kind: &Kind, openings: Option<&OpeningView>) -> String {
    let path = one_line(&path.display().to_string());
    match kind {
        Kind::Answer(answer) => format!("{path}: a log's answer\n{}", answer_text(answer)),
        Kind::Bundles(file) => {
            let bundles = file.bundles().count();
            let mut text = format!("{path}: {bundles} {}\n", if bundles == 1 { "bundle" } else { "bundles" });
            for (ordinal, (index, bundle)) in file.indexed_bundles().enumerate() {
                let _ = write!(text, "line {}\n{}", index + 1, bundle_text(bundle));
                text.push_str(&openings.map(|openings| openings.text(ordinal)).unwrap_or_default());
            }
            for (index, snapshot) in file.indexed_snapshots() {
                let _ = write!(text, "line {}\n{}", index + 1, status_view::text(snapshot));
            }
            text
        }
        Kind::Checkpoint(checkpoint) => format!("{path}: a checkpoint\n{}", checkpoint_text(checkpoint)),
        Kind::Entry(entry) => format!("{path}: a log entry\n{}", entry_view::text(entry.payload())),
        Kind::Proof(proof) => format!("{path}: a proof of logging\n{}", proof_text(proof)),
        Kind::PublicKey(key) => {
            format!(
                "{path}: a public key\n  algorithm  {}\n  key id     {}\n  key        {}\n",
                key.algorithm(),
                key.key_id(),
                key.to_base64()
            )
        }
        Kind::Vkey(vkey) => format!("{path}: a log's or witness's key\n{}", vkey_text(vkey)),
    }
}

fn bundle_text(bundle: &Bundle) -> String {
    let mut text = format!("  signer     {} (hint)\n", bundle.hint());
    match Statement::parse(bundle.envelope().payload()) {
        Ok(statement) => text.push_str(&statement_view::text(&statement)),
        Err(error) => {
            let _ = writeln!(text, "  statement  unreadable: {}", one_line(&error.to_string()));
        }
    }
    if let Some(salt) = bundle.salt() {
        let _ = writeln!(text, "  salt       {} of the private entry", salt.to_hex());
    }
    match bundle.log_entry() {
        Some(entry) => text.push_str(&answer_text(entry)),
        None => text.push_str("  logged     no\n"),
    }
    text
}

fn answer_text(answer: &LogEntry) -> String {
    let mut text = match answer.entry() {
        Ok(entry) => {
            let payload = entry.payload();
            let key_id = payload.key().key_id();
            match payload.entry_name() {
                EntryName::Shown { name, version } => {
                    format!("  entry      {name}:{version} by key {key_id}\n")
                }
                EntryName::Private { .. } => format!("  entry      private, by key {key_id}\n"),
            }
        }
        Err(error) => format!("  entry      unreadable: {}\n", one_line(&error.to_string())),
    };
    match answer.proof() {
        Some(proof) => text.push_str(&proof_text(proof)),
        None => text.push_str("  logged     not yet; to log it: tallymark submit\n"),
    }
    text
}

fn proof_text(proof: &LogProof) -> String {
    let inclusion = proof.inclusion();
    let index = inclusion.index().get();
    format!(
        "  logged     #{index}, {} hashes\n{}",
        inclusion.hashes().len(),
        checkpoint_text(proof.checkpoint())
    )
}

fn checkpoint_text(checkpoint: &SignedCheckpoint) -> String {
    let seen: &Checkpoint = checkpoint.unverified();
    let mut text = format!("  log        {}\n", one_line(seen.origin().as_str()));
    let _ = writeln!(text, "  tree       size {}, root {}", seen.head().size().get(), seen.head().root());
    for signature in checkpoint.note().signatures() {
        let name = one_line(signature.name().as_str());
        let _ = writeln!(text, "  signature  {name} {}", signature.key_id());
    }
    text
}

fn vkey_text(vkey: &Vkey) -> String {
    let name = one_line(vkey.name().as_str());
    format!(
        "  name       {name}\n  key id     {}\n  policy     log {}\n",
        vkey.key_id(),
        one_line(&vkey.to_string())
    )
}

/// The bundles, and after them what logs knew.
fn bundles_json(file: &BundleFile) -> Value {
    let snapshots = file.indexed_snapshots().map(|(_, snapshot)| status_view::json(snapshot));
    file.bundles().map(bundle_json).chain(snapshots).collect()
}

fn as_json(path: &Path, kind: &Kind) -> Value {
    let (name, content) = match kind {
        Kind::Answer(answer) => ("log-answer", answer_json(answer)),
        Kind::Bundles(file) => ("bundles", bundles_json(file)),
        Kind::Checkpoint(checkpoint) => ("checkpoint", checkpoint_json(checkpoint)),
        Kind::Entry(entry) => ("entry", entry_view::json(entry.payload())),
        Kind::Proof(proof) => ("proof", proof_json(proof)),
        Kind::PublicKey(key) => (
            "public-key",
            json!({
                "algorithm": key.algorithm().to_string(),
                "key_id": key.key_id().to_string(),
                "public_key": key.to_base64(),
            }),
        ),
        Kind::Vkey(vkey) => (
            "vkey",
            json!({ "name": vkey.name().as_str(), "key_id": vkey.key_id().to_string(), "vkey": vkey.to_string() }),
        ),
    };
    json!({
        "schema_version": 1,
        "verified": false,
        "path": path.display().to_string(),
        "kind": name,
        "content": content,
    })
}

fn bundle_json(bundle: &Bundle) -> Value {
    let statement = match Statement::parse(bundle.envelope().payload()) {
        Ok(statement) => statement_view::json(&statement),
        Err(error) => json!({ "unreadable": error.to_string() }),
    };
    let mut json = json!({
        "hint": bundle.hint().to_string(),
        "statement": statement,
        "log": bundle.log_entry().map(answer_json),
    });
    if let (Some(salt), Some(members)) = (bundle.salt(), json.as_object_mut()) {
        members.insert("entry_salt".to_owned(), salt.to_hex().into());
    }
    json
}

fn answer_json(answer: &LogEntry) -> Value {
    let entry = match answer.entry() {
        Ok(entry) => entry_view::json(entry.payload()),
        Err(error) => json!({ "unreadable": error.to_string() }),
    };
    json!({ "pending": answer.proof().is_none(), "entry": entry, "proof": answer.proof().map(proof_json) })
}

fn proof_json(proof: &LogProof) -> Value {
    let hashes: Vec<_> = proof.inclusion().hashes().iter().map(ToString::to_string).collect();
    json!({
        "index": proof.inclusion().index().get(),
        "hashes": hashes,
        "checkpoint": checkpoint_json(proof.checkpoint()),
    })
}

fn checkpoint_json(checkpoint: &SignedCheckpoint) -> Value {
    let seen = checkpoint.unverified();
    let signatures: Vec<_> = checkpoint
        .note()
        .signatures()
        .iter()
        .map(|one| json!({ "name": one.name().as_str(), "key_id": one.key_id().to_string() }))
        .collect();
    json!({
        "origin": seen.origin().as_str(),
        "tree_size": seen.head().size().get(),
        "root": seen.head().root().to_string(),
        "signatures": signatures,
    })
}
