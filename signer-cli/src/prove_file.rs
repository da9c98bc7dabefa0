//! `tallymark prove-file`: a small proof that a file is in a dataset or model, or that no file of that path is.
//!
//! ```text
//! {"type":"https://tallymark.dev/file-proof/v1",...} LF      the proof
//! {"mediaType":"application/vnd.dev.sigstore...",...} LF     the bundle of the statement it is about, if there is one
//! ```

use std::path::Path;

use attest::bundle::{Bundle, BundleFile};
use attest::file_proof::{FileProof, FileProofBuilder, UnsortedFiles};
use attest::manifest::ManifestError;
use attest::model_path::ModelPath;
use attest::scan::{ScanOptions, scan};
use attest::statement::{Statement, StatementKind};
use attest::tree::TreeDigest;

use crate::args::{Manner, ProveFileArgs};
use crate::bundle_file::{BundleFileError, place, read};
use crate::manifest_file;
use crate::message::{Failure, note, print};
use crate::progress::Progress;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProveFileError {
    /// What was read is no list of files.
    #[error("{path} is no list of files")]
    Manifest { path: std::path::PathBuf, source: ManifestError },
    /// A list in another order proves no absence, and is none of ours.
    #[error("the list is not in order")]
    Unsorted(#[from] UnsortedFiles),
    /// The tree has no such proof; never for files that were read.
    #[error("no proof can be made of this list")]
    Unprovable,
}

/// Runs it.
pub(crate) fn run(args: &ProveFileArgs, manner: Manner) -> Result<(), Failure> {
    let proof = match manifest_file::is_packed(&args.dataset) {
        true => of_manifest(&args.dataset, &args.file)?,
        false => of_directory(args, manner)?,
    };
    let (path, is_named) = match &args.bundle {
        Some(path) => (path.clone(), true),
        None => (place(&args.dataset), false),
    };
    let file = read(&path)?;
    if is_named && file.is_none() {
        return Err(BundleFileError::Missing { path }.into());
    }
    let mut text = String::from_utf8_lossy(&proof.to_bytes()).into_owned();
    text.push('\n');
    match file.as_ref().and_then(|file| statement_about(file, proof.tree_digest())) {
        Some(bundle) => {
            text.push_str(&String::from_utf8_lossy(&bundle.to_json_line()));
            text.push('\n');
        }
        None => note(
            manner,
            "no signed statement about this tree is in the proof; whoever checks it needs one: --bundle",
        ),
    }
    Ok(print(&text)?)
}

/// The first line about that tree that says what it consists of.
pub(crate) fn statement_about(file: &BundleFile, digest: TreeDigest) -> Option<&Bundle> {
    file.bundles().find(|bundle| {
        Statement::parse(bundle.envelope().payload()).is_ok_and(|statement| {
            statement.tree_digest() == digest
                && matches!(statement.kind(), StatementKind::Dataset | StatementKind::Provenance)
        })
    })
}

fn of_manifest(path: &Path, file: &ModelPath) -> Result<FileProof, Failure> {
    let mut builder = FileProofBuilder::new(file.clone());
    for one in manifest_file::read(path)? {
        let one = one.map_err(|source| ProveFileError::Manifest { path: path.to_owned(), source })?;
        builder.push(&one).map_err(ProveFileError::from)?;
    }
    Ok(builder.finish().ok_or(ProveFileError::Unprovable)?)
}

fn of_directory(args: &ProveFileArgs, manner: Manner) -> Result<FileProof, Failure> {
    let options = ScanOptions::new().threads(args.threads);
    let tree =
        Progress::start(manner, 0).part("hashing", |progress| scan(&args.dataset, &options, progress))?;
    let mut builder = FileProofBuilder::new(args.file.clone());
    for file in tree.files() {
        builder.push(file).map_err(ProveFileError::from)?;
    }
    Ok(builder.finish().ok_or(ProveFileError::Unprovable)?)
}
