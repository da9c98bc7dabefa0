//! From a statement to a bundle that strangers can verify: one way for every kind of statement.
//!
//! Key and log are found before anything slow begins. Then, with the statement at hand: sign statement and entry; make sure
//! that nothing changed meanwhile; show what will be public, and ask; keep what opens private values; send; verify the
//! answer; write. Until the last step the bundle file is as it was.
//!
//! A statement has no time of the signer's and no random number in it, but for salts that are kept, so signing the same thing
//! again gives the same bytes: a second run after a crash finds the first one's entry in the log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attest::bundle::{Bundle, BundleFile, LogEntry};
use attest::dsse::Envelope;
use attest::entry::{Entry, EntryPayload, ModelSalt};
use attest::key::{PrivateKey, PublicKey};
use attest::statement::Statement;
use attest::tree::Tree;
use tlog::proof::LogProof;

use crate::args::{Manner, PublishArgs};
use crate::bundle_file::{self, Writer, read};
use crate::entry_view;
use crate::key_file;
use crate::message::{Failure, note, one_line, print, warn};
use crate::preview::{self, KeptBack};
use crate::report::Report;
use crate::sign::SignError;
use crate::submit::{Log, confirm, refuse_unsound};

/// Where the bundle goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// Into the bundle file of the model or dataset at this path.
    Beside(&'a Path),
    /// Into this bundle file: what it is about is not here.
    File(&'a Path),
}

impl<'a> Place<'a> {
    /// The bundle file.
    fn path(self) -> PathBuf {
        match self {
            Self::Beside(model) => bundle_file::place(model),
            Self::File(path) => path.to_owned(),
        }
    }

    /// The path that no trust file may lie in.
    const fn model(self) -> &'a Path {
        match self {
            Self::Beside(path) | Self::File(path) => path,
        }
    }
}

/// How to sign and where to publish, found and not yet opened.
pub(crate) struct Publication<'a> {
    publish: &'a PublishArgs,
    place: Place<'a>,
    key: PathBuf,
    log: Option<Log>,
}

/// The same with a key in hand.
pub(crate) struct OpenPublication<'a> {
    publication: Publication<'a>,
    key: Key,
}

/// A dry run needs no private key, so that nobody has to type a passphrase to look.
enum Key {
    Private(PrivateKey),
    Public(PublicKey),
}

/// A statement with its signature and its entry: everything but the log's word.
struct Signed {
    statement: Statement,
    entry: Entry,
    bundle: Bundle,
}

impl<'a> Publication<'a> {
    /// Finds the key's file and the log.
    pub(crate) fn find(publish: &'a PublishArgs, place: Place<'a>) -> Result<Self, Failure> {
        let key = key_file::locate(publish.key.key.as_deref())?;
        let needs_log = !publish.dry_run && !publish.pending;
        let log = if needs_log { Some(Log::find(&publish.log, place.model())?) } else { None };
        Ok(Self { publish, place, key, log })
    }

    /// Reads the bundle file that is there, and the key.
    pub(crate) fn open(self) -> Result<OpenPublication<'a>, Failure> {
        let passphrase = self.publish.key.passphrase_file.as_deref();
        let key = if self.publish.dry_run {
            Key::Public(public_key(&self.key, passphrase)?)
        } else {
            read(&self.place.path())?;
            Key::Private(key_file::read_private(&self.key, passphrase)?)
        };
        Ok(OpenPublication { publication: self, key })
    }

    fn writer(&self) -> Result<Writer, Failure> {
        Ok(Writer::at(self.place.path(), Duration::from_secs(self.publish.log.timeout))?)
    }

    fn tell_next(&self, manner: Manner, command: &str, more: &str) {
        match self.place {
            Place::Beside(path) => {
                note(manner, &format!("next: tallymark {command} {}{more}", path.display()))
            }
            Place::File(path) => note(manner, &format!("next: tallymark inspect {}", path.display())),
        }
    }
}

impl OpenPublication<'_> {
    /// The key that signs; none in a dry run.
    pub(crate) const fn private_key(&self) -> Option<&PrivateKey> {
        match &self.key {
            Key::Private(key) => Some(key),
            Key::Public(_) => None,
        }
    }

    /// Signs, and publishes or keeps or shows, as the arguments say. `contents` are the files that a provenance is about;
    /// `refuse_change` is asked after signing whether what was hashed is still there; `kept` is what the statement leaves out, and
    /// whether the entry is private.
    pub(crate) fn finish(
        self,
        statement: Statement,
        contents: Option<&Tree>,
        kept: &mut KeptBack,
        refuse_change: impl FnOnce() -> Result<(), Failure>,
        manner: Manner,
    ) -> Result<(), Failure> {
        let publication = self.publication;
        let salt = kept.hidden.entry_salt(&statement, read(&publication.place.path())?.as_ref())?;
        let kept = &*kept;
        let key = match self.key {
            Key::Public(key) => {
                let payload = EntryPayload::of(&statement, &key, salt.as_ref());
                return show(publication.publish.json, &statement, &payload, kept, manner);
            }
            Key::Private(key) => key,
        };
        let signed = sign(statement, &key, salt)?;
        refuse_change()?;
        match &publication.log {
            Some(log) => publication.publish(log, &signed, contents, kept, manner),
            None => publication.keep(&signed, contents, kept, manner),
        }
    }
}

impl Publication<'_> {
    fn publish(
        &self,
        log: &Log,
        signed: &Signed,
        contents: Option<&Tree>,
        kept: &KeptBack,
        manner: Manner,
    ) -> Result<(), Failure> {
        let writer = self.writer()?;
        let lines = lines_with(&writer, signed);
        let holds = |bundle: &Bundle| log.judge(bundle, &signed.statement, &signed.entry, contents).is_ok();
        let logged =
            lines.iter().filter(|(_, bundle)| holds(bundle)).find_map(|(_, bundle)| proof_in(bundle));
        if let Some(proof) = logged {
            let report = Report::already_logged(&signed.statement, &signed.entry, proof, writer.path());
            print(&report.show(self.publish.json))?;
            note(manner, "already signed with this key and logged; nothing was done");
            return Ok(());
        }
        // A line with another log's proof stays as it is.
        let pending = lines.iter().find(|(_, bundle)| proof_in(bundle).is_none()).map(|(index, _)| *index);
        confirm(&self.publish.log, log, &[(&signed.statement, signed.entry.payload())], Some(kept), manner)?;
        kept.hidden.save()?;
        let (bundle, logged) = log.complete(&signed.bundle, &signed.statement, &signed.entry, contents)?;
        let path = writer.write(pending, bundle)?;
        print(&Report::logged(&signed.statement, &signed.entry, &logged, &path).show(self.publish.json))?;
        let is_provenance = signed.statement.provenance().is_some();
        self.tell_next(manner, if is_provenance { "verify" } else { "inspect" }, "");
        Ok(())
    }

    fn keep(
        &self,
        signed: &Signed,
        contents: Option<&Tree>,
        kept: &KeptBack,
        manner: Manner,
    ) -> Result<(), Failure> {
        let writer = self.writer()?;
        let lines = lines_with(&writer, signed);
        if !lines.is_empty() {
            // A finished line counts before a pending one.
            let report = match lines.iter().find_map(|(_, bundle)| proof_in(bundle)) {
                Some(proof) => Report::already_logged(&signed.statement, &signed.entry, proof, writer.path()),
                None => Report::already_pending(&signed.statement, &signed.entry, writer.path()),
            };
            print(&report.show(self.publish.json))?;
            note(manner, "already signed with this key; nothing was done");
            return Ok(());
        }
        refuse_unsound(&signed.bundle, &signed.statement, contents)?;
        let table = preview::table(&[(&signed.statement, signed.entry.payload())], Some(kept));
        note(manner, &format!("what will be public once it is submitted:\n{}", table.trim_end()));
        kept.hidden.save()?;
        let path = writer.write(None, signed.bundle.clone())?;
        warn(manner, "this is not logged yet, and no verifier accepts it");
        print(&Report::pending(&signed.statement, &signed.entry, &path).show(self.publish.json))?;
        match self.place {
            Place::Beside(_) => self.tell_next(manner, "submit", " --log URL"),
            Place::File(path) => {
                note(manner, &format!("next: tallymark submit {} --log URL", path.display()))
            }
        }
        Ok(())
    }
}

/// Reads a statement as a verifier will: what we cannot read we do not sign.
pub(crate) fn read_back(bytes: &[u8]) -> Result<Statement, SignError> {
    Statement::parse(bytes).map_err(|error| SignError::Statement { source: error.into() })
}

fn sign(statement: Statement, key: &PrivateKey, salt: Option<ModelSalt>) -> Result<Signed, SignError> {
    let fault = |source| SignError::Entry { source };
    let envelope = Envelope::sign(statement.as_bytes().to_vec(), key)
        .map_err(|error| SignError::Statement { source: error.into() })?;
    let payload = EntryPayload::of(&statement, &key.public_key(), salt.as_ref());
    let entry = Entry::sign(payload, key).map_err(|error| fault(error.into()))?;
    let pending = LogEntry::pending(entry.as_bytes().to_vec()).map_err(|error| fault(error.into()))?;
    let bundle = Bundle::new(envelope, key.public_key().key_id(), Some(pending)).with_salt(salt);
    Ok(Signed { statement, entry, bundle })
}

/// The lines, from 0, that hold this statement with this signature and this entry. Both are functions of statement, key and
/// salt, so a line that differs in them is somebody else's, whatever its hint says.
fn lines_with<'a>(writer: &'a Writer, signed: &Signed) -> Vec<(usize, &'a Bundle)> {
    let same = |bundle: &Bundle| {
        bundle.hint() == signed.bundle.hint()
            && bundle.salt() == signed.bundle.salt()
            && bundle.envelope() == signed.bundle.envelope()
            && bundle.log_entry().is_some_and(|entry| entry.entry_bytes() == signed.entry.as_bytes())
    };
    let bundles = writer.file().into_iter().flat_map(BundleFile::indexed_bundles);
    bundles.filter(|(_, bundle)| same(bundle)).collect()
}

/// The log's word in a line, not verified.
fn proof_in(bundle: &Bundle) -> Option<&LogProof> {
    bundle.log_entry().and_then(LogEntry::proof)
}

/// `--dry-run`: what would be signed, and what of it would be public.
fn show(
    json: bool,
    statement: &Statement,
    payload: &EntryPayload,
    kept: &KeptBack,
    manner: Manner,
) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(statement.as_bytes());
    let data = if json {
        let value = serde_json::json!({
            "schema_version": 1,
            "status": "dry-run",
            "entry": entry_view::json(payload),
            "statement": text,
            "kept_back": kept.json(statement),
        });
        format!("{value}\n")
    } else {
        let public = entry_view::text(payload);
        let text = one_line(&text);
        let table = preview::table(&[(statement, payload)], Some(kept));
        format!(
            "what would be public:\n{table}the log's entry, in full:\n{public}the statement in the bundle, in full:\n{text}\n"
        )
    };
    print(&data)?;
    if kept.hidden.is_on() || kept.hidden.has_new_salt() {
        note(manner, "private values are hidden under new salts each time, until their openings are kept");
    }
    note(manner, "nothing was signed, sent or written");
    Ok(())
}

/// The public key: from the file beside the private one if it is there.
fn public_key(key_path: &Path, passphrase_file: Option<&Path>) -> Result<PublicKey, Failure> {
    let beside = std::fs::read_to_string(key_file::public_path(key_path));
    if let Some(key) = beside.ok().and_then(|pem| PublicKey::from_pem(&pem).ok()) {
        return Ok(key);
    }
    Ok(key_file::read_private(key_path, passphrase_file)?.public_key())
}
