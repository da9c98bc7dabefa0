//! `--oms`: the signature that other people's tools read, beside our own.
//!
//! It covers the same files, less what those tools never look at: the four git names, the attestation files and itself. It
//! is signed before anything is sent, and written after all else was. An existing signature is never replaced: it may be
//! somebody else's.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use attest::key::PrivateKey;
use attest::model_path::ModelPath;
use attest::oms::{
    GIT_PATHS, Manifest, ManifestError, OmsBundle, OmsKeyError, OmsSigningKey, OmsStatement,
    OmsStatementError,
};
use attest::tree::Tree;
use verifier::oms::{SIGNATURE_NAME, signature_path_for};

use crate::args::{Manner, SignArgs};
use crate::key_file::{self, KeyFileError, sync_parent};
use crate::message::{Failure, note};

/// What lies beside a model without being a part of it, and is not there yet when it is hashed.
const BESIDE: [&str; 2] = [".cache/huggingface", "tallymark.jsonl"];

/// Why there is no OMS signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OmsError {
    /// Another signature is there.
    #[error("{path} is another OMS signature already, want a new file")]
    Exists { path: PathBuf },
    /// A place where the signature would be one more file of the model.
    #[error(
        "OMS signature {path} would lie inside the model, want {SIGNATURE_NAME} at its root or a place outside"
    )]
    InsideModel { path: PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// The private key for OMS is none.
    #[error("{path} cannot be used as a private key for OMS")]
    Key { path: PathBuf, source: OmsKeyError },
    /// Nothing to sign, or too much.
    #[error("no OMS manifest can be made of this model")]
    Manifest { source: ManifestError },
    /// The signing key is Ed25519, which OMS does not have.
    #[error("the signing key is Ed25519, and OMS wants ECDSA over P-256, P-384 or P-521")]
    NotEcdsa,
    /// Longer than we write.
    #[error("the OMS statement cannot be written")]
    Statement { source: OmsStatementError },
}

/// Where the OMS signature goes, and the key that was named for it.
pub(crate) struct OmsPlan {
    path: PathBuf,
    key: Option<OmsSigningKey>,
}

/// A signature that is made and not written.
pub(crate) struct OmsSigned {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl OmsPlan {
    /// Looks at place and key before anything is hashed; `None` if no OMS signature is asked for.
    ///
    /// # Errors
    /// [`OmsError::InsideModel`], [`OmsError::Key`], and those of reading a key file.
    pub(crate) fn of(args: &SignArgs) -> Result<Option<Self>, Failure> {
        let Some(given) = &args.oms else { return Ok(None) };
        let usual = signature_path_for(&args.model);
        let path = given.clone().unwrap_or_else(|| usual.clone());
        if path != usual && lies_inside(&path, &args.model) && !is_same(&path, &usual) {
            return Err(OmsError::InsideModel { path }.into());
        }
        let key = args.oms_key.as_deref().map(|key| read_key(args, key)).transpose()?;
        Ok(Some(Self { path, key }))
    }

    /// Signs the tree of the model with the key for OMS, else with the statement's if that is ECDSA.
    ///
    /// # Errors
    /// [`OmsError::NotEcdsa`], [`OmsError::Manifest`], [`OmsError::Statement`], [`OmsError::Exists`].
    pub(crate) fn sign(&self, model: &Path, tree: &Tree, key: &PrivateKey) -> Result<OmsSigned, OmsError> {
        let own = OmsSigningKey::of(key);
        let key = self.key.as_ref().or(own.as_ref()).ok_or(OmsError::NotEcdsa)?;
        let manifest = |source| OmsError::Manifest { source };
        let manifest = match (model.is_file(), tree.files()) {
            (true, [only]) => Manifest::of_single_file(only.sha256()),
            _ => Manifest::of_tree(tree, ignored_paths()).map_err(manifest)?,
        };
        let payload = OmsStatement::write(&model_name(model), &manifest)
            .map_err(|source| OmsError::Statement { source })?;
        // Read as a verifier will: what we cannot read we do not sign.
        OmsStatement::parse(&payload).map_err(|source| OmsError::Statement { source })?;
        let bytes = OmsBundle::sign(payload, key).to_json().unwrap_or_default();
        // The same key and model give the same bytes, so what is there may stay.
        match std::fs::read(&self.path) {
            Ok(there) if there != bytes => Err(OmsError::Exists { path: self.path.clone() }),
            _ => Ok(OmsSigned { path: self.path.clone(), bytes }),
        }
    }
}

impl OmsSigned {
    /// Writes it: whole, under a name that is not inside the model's tree, or not at all.
    ///
    /// # Errors
    /// [`OmsError::Io`], [`OmsError::Exists`].
    pub(crate) fn write(&self, manner: Manner) -> Result<(), OmsError> {
        let path = &self.path;
        let io = |act| move |source| OmsError::Io { act, path: path.clone(), source };
        if std::fs::read(path).is_ok_and(|there| there == self.bytes) {
            note(manner, &format!("OMS signature {} is there already", path.display()));
            return Ok(());
        }
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(OmsError::Exists { path: path.clone() });
            }
            opened => opened.map_err(io("create"))?,
        };
        let written = file.write_all(&self.bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // We created it a moment ago; half a signature is of no use to anybody.
            drop(std::fs::remove_file(path));
            return Err(io("write")(error));
        }
        sync_parent(path).map_err(io("sync the directory of"))?;
        note(manner, &format!("OMS signature written to {}", path.display()));
        Ok(())
    }
}

/// The minimal recipe's: the four git names, the signature, and what else is never a part of the model.
fn ignored_paths() -> Vec<ModelPath> {
    let names = GIT_PATHS.into_iter().chain(BESIDE).chain([SIGNATURE_NAME]);
    names.filter_map(|name| ModelPath::new(name).ok()).collect()
}

/// The last component of the model's path, as other tools have it.
fn model_name(model: &Path) -> String {
    let absolute = model.canonicalize().unwrap_or_else(|_| model.to_owned());
    let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "model".to_owned())
}

fn read_key(args: &SignArgs, path: &Path) -> Result<OmsSigningKey, Failure> {
    let (pem, passphrase) = key_file::read_pem(path, args.publish.key.passphrase_file.as_deref())
        .map_err(|error: KeyFileError| Failure::from(error))?;
    OmsSigningKey::from_pem(&pem, passphrase.as_ref().map(|passphrase| passphrase.as_bytes()))
        .map_err(|source| OmsError::Key { path: path.to_owned(), source }.into())
}

fn lies_inside(path: &Path, model: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (parent.canonicalize(), model.canonicalize()) {
        (Ok(parent), Ok(model)) => model.is_dir() && parent.starts_with(model),
        _ => false,
    }
}

/// Whether two paths of files that need not exist are one place.
fn is_same(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| Some((path.parent()?.canonicalize().ok()?, path.file_name()?.to_owned()));
    place(a).is_some_and(|a| place(b) == Some(a))
}
