//! `tallymark check-file`: what a proof about a file shows, if the statement about its tree is to be believed.
//!
//! The statement is verified as a verifier verifies one: signature, entry, inclusion, checkpoint, quorum, requirements. Of the
//! dataset nothing needs to be here.

use std::path::{Path, PathBuf};

use attest::bundle::{BundleFile, MAX_BUNDLE_FILE_BYTES};
use attest::file_proof::{FileProof, FileProofError, MAX_PROOF_BYTES, ProofRefused, Shown};
use attest::tree::FileLeaf;
use serde_json::json;
use verifier::load::read_bounded;
use verifier::{Expectation, LoggedStatement};

use crate::args::CheckFileArgs;
use crate::bundle_file::{BundleFileError, read};
use crate::manifest_file::digest_of;
use crate::message::{Failure, one_line, print};
use crate::prove_file::statement_about;
use crate::trust::requirements;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckFileError {
    /// There is no file of that path to compare with.
    #[error("the proof shows that {path} is not there, so there is nothing to compare {file} with")]
    AbsentAndFile { path: String, file: PathBuf },
    /// No proof.
    #[error("{path} is no proof about a file")]
    Malformed { path: PathBuf, source: FileProofError },
    /// No statement about the tree.
    #[error("no signed statement about tree {digest}")]
    NoStatement { digest: String },
    /// The file is not the one in the tree.
    #[error("{file} is not the file that the proof is about: {seen}, want {want}")]
    OtherFile { file: PathBuf, seen: String, want: String },
    /// It does not hold.
    #[error("the proof does not hold")]
    Proof(#[from] ProofRefused),
    /// The statement is not to be believed.
    #[error("the statement about the tree does not verify ({})", failure.reason())]
    Statement { failure: Box<verifier::Failure> },
    /// The system refused.
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// Runs it.
pub(crate) fn run(args: &CheckFileArgs) -> Result<(), Failure> {
    let unreadable = |source| CheckFileError::Unreadable { path: args.proof.clone(), source };
    let limit = (MAX_PROOF_BYTES + MAX_BUNDLE_FILE_BYTES) as u64;
    let bytes = read_bounded(&args.proof, limit).map_err(unreadable)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (proof, rest) = bytes.split_at(end);
    let proof = FileProof::parse(proof)
        .map_err(|source| CheckFileError::Malformed { path: args.proof.clone(), source })?;
    // What a proof shows about the tree it names needs no trust, so it comes first: a false one is false for everybody.
    let digest = proof.tree_digest();
    let shown = proof.verify(digest).map_err(CheckFileError::from)?;
    if let Some(path) = &args.file {
        compare(&proof, shown, path)?;
    }

    let file = match &args.bundle {
        Some(path) => Some(read(path)?.ok_or_else(|| BundleFileError::Missing { path: path.clone() })?),
        None => embedded(rest, &args.proof)?,
    };
    let bundle = file.as_ref().and_then(|file| statement_about(file, digest));
    let bundle = bundle.ok_or_else(|| CheckFileError::NoStatement { digest: digest.to_string() })?;
    let requirements = requirements(args.trust.as_deref())?;
    let expectation = Expectation::new(args.name.clone(), None);
    let logged = LoggedStatement::open(bundle, &requirements, &expectation)
        .map_err(|failure| CheckFileError::Statement { failure: Box::new(failure) })?;
    print(&if args.json { as_json(&proof, shown, &logged) } else { as_text(&proof, shown, &logged) })?;
    Ok(())
}

fn embedded(rest: &[u8], path: &Path) -> Result<Option<BundleFile>, BundleFileError> {
    match rest.strip_prefix(b"\n").unwrap_or(rest) {
        [] => Ok(None),
        lines => BundleFile::parse(lines)
            .map(Some)
            .map_err(|source| BundleFileError::Malformed { path: path.to_owned(), source }),
    }
}

/// The file is the one in the tree: as long, and with the same content. What it is called here does not matter.
fn compare(proof: &FileProof, shown: Shown<'_>, path: &Path) -> Result<(), CheckFileError> {
    let Shown::Present(file) = shown else {
        let (path, file) = (proof.path().to_string(), path.to_owned());
        return Err(CheckFileError::AbsentAndFile { path, file });
    };
    let unreadable = |source| CheckFileError::Unreadable { path: path.to_owned(), source };
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(std::io::ErrorKind::InvalidInput.into()));
    }
    let seen = digest_of(path).map_err(unreadable)?;
    if seen != file.sha256() {
        let (seen, want) = (seen.to_string(), file.sha256().to_string());
        return Err(CheckFileError::OtherFile { file: path.to_owned(), seen, want });
    }
    Ok(())
}

fn as_text(proof: &FileProof, shown: Shown<'_>, logged: &LoggedStatement) -> String {
    let statement = logged.signed().statement();
    let word = match shown {
        Shown::Present(_) => "is in",
        Shown::Absent => "is not in",
    };
    let path = one_line(proof.path().as_str());
    let mut text = format!("{path} {word} {}:{}\n", statement.name(), statement.version());
    if let Shown::Present(file) = shown {
        text.push_str(&format!("  content    {} {} bytes\n", file.sha256(), file.size()));
    }
    text.push_str(&format!("  tree       {}\n", proof.tree_digest()));
    text.push_str(&format!("  statement  {} {}\n", statement.kind(), statement.digest()));
    text.push_str(&format!("  signer     {}\n", logged.signed().key().key_id()));
    let log = one_line(logged.origin().as_str());
    text.push_str(&format!("  logged     {log} #{}\n", logged.position().index()));
    if shown == Shown::Absent {
        text.push_str("not checked: that the list of files was in order, which its signer vouches for\n");
    }
    text
}

fn as_json(proof: &FileProof, shown: Shown<'_>, logged: &LoggedStatement) -> String {
    let statement = logged.signed().statement();
    let present = match shown {
        Shown::Present(file) => Some(file),
        Shown::Absent => None,
    };
    let value = json!({
        "schema_version": 1,
        "path": proof.path().as_str(),
        "present": present.is_some(),
        "sha256": present.map(|file| file.sha256().to_string()),
        "bytes": present.map(FileLeaf::size),
        "tree_digest": proof.tree_digest().to_string(),
        "kind": statement.kind().to_string(),
        "name": statement.name().as_str(),
        "version": statement.version().as_str(),
        "statement_digest": statement.digest().to_string(),
        "key_id": logged.signed().key().key_id().to_string(),
        "log": logged.origin().as_str(),
        "log_index": logged.position().index(),
    });
    format!("{value}\n")
}
