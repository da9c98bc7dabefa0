//! The gate's look at the files, and then their digests as they were when it looked.

use std::cell::OnceCell;
use std::path::Path;

use attest::digest::Sha256Digest;
use attest::oms::HashType;
use attest::scan::{Content, Progress, ScanError, ScanOptions, scan};
use attest::tree::{FileLeaf, Tree};
use formats::{GateError, Rules, Scanned};

use crate::gate::Gate;

/// Reads the tree of the files; if `rules` has any, after the gate has looked at them. A file that is not afterwards as it was
/// before is [`ScanError::Changed`].
pub(super) fn files(
    model: &Path,
    rules: &[Rules],
    gate: &OnceCell<Gate>,
    options: &ScanOptions<'_>,
    progress: Progress<'_>,
) -> Result<Tree, ScanError> {
    let (mut reports, mut before) = (Vec::new(), None);
    for rules in rules {
        match formats::scan(model, rules) {
            Ok(Scanned { report, survey }) => {
                reports.push(report);
                // The first: what it saw is what nobody had looked at yet.
                before.get_or_insert(survey);
            }
            Err(GateError::Walk { source }) => return Err(source),
            Err(error) => {
                gate.get_or_init(|| Gate::closed(error));
                return scan(model, options, progress);
            }
        }
    }
    let Some(survey) = before else { return scan(model, options, progress) };
    let contents = survey.hash(HashType::Sha256, None, options, progress)?;
    gate.get_or_init(|| Gate::of(reports));
    Ok(Tree::new(contents.iter().map(leaf).collect())?)
}

fn leaf(content: &Content) -> FileLeaf {
    // A file that is not cut in pieces has one digest, an empty one that of nothing.
    let digest = content.digests().first().copied().unwrap_or_else(|| Sha256Digest::of(b""));
    FileLeaf::new(content.path().clone(), content.size(), digest)
}
