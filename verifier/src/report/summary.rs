//! A verdict as something to sign: a verification summary of SLSA (spec/verdict.md).

use std::iter::once;

use attest::digest::Sha256Digest;
use attest::event::EventLabel;
use attest::provenance::SourceUri;
use attest::utc_time::UtcTime;
use attest::verdict::{Policy, Summary, SummaryError, Verifier};

use super::Common;
use crate::contents::VerifiedModel;
use crate::custody::Testimony;
use crate::load::Verdict;

/// What there is to sign; `None` of a model that is not verified. `rules` is what the trust file is called, by its content if nobody
/// says.
///
/// # Errors
///
/// [`SummaryError::TooMany`] if the verdict went by more statements than a summary names.
pub fn summary(
    verdict: &Verdict,
    verifier: Verifier,
    time: UtcTime,
    resource: SourceUri,
    rules: Option<SourceUri>,
) -> Result<Option<Summary>, SummaryError> {
    let Ok(model) = verdict.result() else { return Ok(None) };
    let trust = model.basis().trust();
    let policy = match rules {
        Some(uri) => Policy::new(uri, trust),
        None => Policy::by_content(trust),
    };
    // Codes are labels, by the table and by a test.
    let code = |code: &str| code.parse::<EventLabel>().ok();
    let not_checked = Common::of(verdict).not_checked().filter_map(|(one, _)| code(one)).collect();
    let warned = model.warnings().iter().filter_map(|failure| code(failure.reason().code())).collect();
    let summary = Summary::new(verifier, time, resource, policy, statements(model), not_checked)?;
    let summary = summary.with_warned(warned)?;
    Ok(Some(match model.basis().stage() {
        Some(stage) => summary.for_stage(stage.clone()),
        None => summary,
    }))
}

/// All that the verdict went by: about the model, and about what it was made from.
fn statements(model: &VerifiedModel) -> Vec<Sha256Digest> {
    let own = once(model.logged().signed().statement().digest());
    let said = model.testimonies().iter().map(|one: &Testimony| one.statement().digest());
    let nodes = model.lineage().into_iter().flat_map(|lineage| lineage.nodes());
    let told = nodes.flat_map(|node| {
        let accounts = node.accounts().iter().map(|account| account.statement());
        accounts.chain(node.withdrawals().iter().map(|withdrawal| withdrawal.statement()))
    });
    let links = model.lineage().into_iter().flat_map(|lineage| lineage.links());
    own.chain(said).chain(told).chain(links.filter_map(|link| link.alias())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CACHED, FIRST_USE, NEVER_CHECKED, OFFERED, PARTIAL, PRIVATE, SIBLINGS, SPLIT_VIEW};

    #[test]
    fn every_code_that_a_verdict_can_have_is_a_label() {
        let own = [SIBLINGS, OFFERED, PARTIAL, CACHED, FIRST_USE, PRIVATE, SPLIT_VIEW];
        let codes = NEVER_CHECKED.iter().chain(&own).map(|(code, _)| *code);
        for code in codes.chain(crate::Reason::ALL.iter().map(|reason| reason.code())) {
            assert!(code.parse::<EventLabel>().is_ok(), "{code}");
        }
    }
}
