//! The gate's look at the files, and then their digests as they were when it looked.

use std::cell::OnceCell;
use std::path::Path;

use attest::scan::{Progress, Scan, ScanError, ScanOptions, Snapshot};
use formats::{GateError, Rules};

use crate::gate::Gate;

/// Bytes that a model may have beyond twice those that were signed and still be read to its end, so that each file that differs is
/// named. A file of terabytes in a model of megabytes is not worth the hours.
const LEEWAY: u64 = 1 << 30;

/// How much is read where files of so many bytes were signed; everything where that is not known.
pub(super) fn at_most(signed: Option<u64>) -> Option<u64> {
    signed.map(|signed| signed.saturating_mul(2).saturating_add(LEEWAY))
}

/// Reads the tree of the files; if `rules` has any, after the gate has looked at them. A file that is not afterwards as it was
/// before is [`ScanError::Changed`].
pub(super) fn files(
    model: &Path,
    rules: &[Rules],
    gate: &OnceCell<Gate>,
    signed: Option<u64>,
    options: &ScanOptions<'_>,
    progress: Progress<'_>,
) -> Result<Scan, ScanError> {
    // Before the gate looks: what is hashed in the end must be what it saw.
    let snapshot = Snapshot::take(model)?.within(at_most(signed))?;
    if rules.is_empty() {
        return snapshot.hash(options, progress);
    }
    let mut reports = Vec::new();
    for rules in rules {
        match formats::scan(model, rules) {
            Ok(report) => reports.push(report),
            Err(GateError::Walk { source }) => return Err(source),
            Err(error) => {
                gate.get_or_init(|| Gate::closed(error));
                break;
            }
        }
    }
    let scan = snapshot.hash(options, progress)?;
    gate.get_or_init(|| Gate::of(reports));
    Ok(scan)
}
