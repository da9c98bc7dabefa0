//! `tallymark lineage --base PATH`: whether the model can have come out of a base that is here, by the headers of both.
//!
//! In scope: that the headers are those of the files with the digests in the lineage. Out of scope: the comparison (crate `formats`).

use std::path::{Path, PathBuf};

use attest::role::Role;
use attest::scan::{ScanOptions, Snapshot};
use attest::tree::TreeDigest;
use formats::GateError;
use formats::outline::{Outline, Plausibility};
use verifier::Lineage;

use crate::args::Manner;
use crate::message::Failure;
use crate::progress::Progress;

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlausibilityError {
    /// The headers could not be read.
    #[error("the headers of {} could not be read", path.display())]
    Gate { path: PathBuf, source: GateError },
    /// Other files than those in the lineage.
    #[error("{} has tree digest {found}, and nothing that the model was made from has", path.display())]
    NoLink { path: PathBuf, found: TreeDigest },
    /// It was not verified what the model is.
    #[error("{} is not the model that was verified", path.display())]
    OtherModel { path: PathBuf },
}

/// What the model's headers say beside those of each base, in one line each.
pub(crate) fn compare(
    model: &Path,
    bases: &[PathBuf],
    lineage: &Lineage,
    manner: Manner,
) -> Result<Vec<String>, Failure> {
    let (digest, child) = outline(model, manner)?;
    let Some(root) = lineage.nodes().first().filter(|root| root.digest() == digest.digest()) else {
        return Err(PlausibilityError::OtherModel { path: model.to_owned() }.into());
    };
    let relation = root.accounts().iter().find_map(|account| account.relation());
    let mut lines = Vec::new();
    for path in bases {
        let (found, base) = outline(path, manner)?;
        let is_it = |role: Role| matches!(role, Role::BaseModel | Role::Adapter);
        let link = lineage
            .links_of(0)
            .iter()
            .filter(|link| is_it(link.role()))
            .find(|link| lineage.parent(link).is_some_and(|node| node.digest() == found.digest()));
        let Some(link) = link else {
            return Err(PlausibilityError::NoLink { path: path.clone(), found }.into());
        };
        let answer = match relation {
            Some(relation) => child.came_of(&base, relation),
            None => Plausibility::Unknown("nobody says how it came out of it".to_owned()),
        };
        let way = relation.map_or_else(String::new, |relation| format!(" as {relation}"));
        lines.push(format!("{} {}{way}: {answer}", link.role(), link.name()));
    }
    Ok(lines)
}

/// The headers, and the digest of the files they are from: a file that changes in between is an error.
fn outline(path: &Path, manner: Manner) -> Result<(TreeDigest, Outline), Failure> {
    let snapshot = Snapshot::take(path)?;
    let outline =
        formats::outline(path).map_err(|source| PlausibilityError::Gate { path: path.to_owned(), source })?;
    let mut progress = Progress::start(manner, snapshot.total_bytes());
    let scan = progress.part("headers", |progress| snapshot.hash(&ScanOptions::new(), progress))?;
    Ok((scan.tree().digest(), outline))
}
