//! The predicate, taken apart strictly. Members that SLSA lets others add are passed over in it, and nowhere below it.

use crate::digest::Sha256Digest;
use crate::event::EventLabel;
use crate::excerpt::excerpt;
use crate::json::{Fields, Located};
use crate::provenance::SourceUri;
use crate::types;

use super::{Policy, Summary, SummaryError, Verifier};

/// The one result.
pub(super) const PASSED: &str = "PASSED";
/// The one level: what is judged here is not how isolated a build was.
pub(super) const LEVEL: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";

impl Summary {
    /// Reads a predicate of type SLSA verification summary v1.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, SummaryError> {
        let fields = predicate.object()?;
        let result = fields.required("verificationResult")?.string()?;
        if result != PASSED {
            return Err(SummaryError::NotPassed { seen: excerpt(result) });
        }
        let levels = fields.required("verifiedLevels")?.array()?;
        let levels = levels.iter().map(Located::string).collect::<Result<Vec<_>, _>>()?;
        if levels != [LEVEL] {
            return Err(SummaryError::OtherLevels);
        }
        let verifier = fields.required("verifier")?.closed_object(&["id", "version"])?;
        let version = verifier.required("version")?.closed_object(&["tallymark"])?.required("tallymark")?;
        let version = version.parsed(|path, source| SummaryError::BadVersion { path, source })?;
        let verifier = Verifier::new(uri(&verifier, "id")?, version);
        let time = fields.required("timeVerified")?;
        let time = time.parsed(|path, source| SummaryError::BadTime { path, source })?;
        let policy = fields.required("policy")?.closed_object(&["uri", "digest"])?;
        let policy = Policy::new(uri(&policy, "uri")?, sha256(&policy)?);
        let inputs = list(&fields.required("inputAttestations")?, "statements", |input| {
            sha256(&input.closed_object(&["digest"])?)
        })?;
        let own = fields.required(types::VERDICT_V1)?;
        let own = own.closed_object(&["stage", "warned", "notChecked"])?;
        let not_checked = list(&own.required("notChecked")?, "things not checked", label)?;
        let resource = uri(&fields, "resourceUri")?;
        let mut summary = Self::new(verifier, time, resource, policy, inputs, not_checked)?;
        if let Some(stage) = own.optional("stage") {
            summary = summary.for_stage(label(&stage)?);
        }
        match own.optional("warned") {
            Some(warned) => summary.with_warned(list(&warned, "warnings", label)?),
            None => Ok(summary),
        }
    }
}

/// A list that is not empty and ascends strictly.
fn list<T: Ord>(
    list: &Located<'_>,
    what: &'static str,
    read: impl Fn(&Located<'_>) -> Result<T, SummaryError>,
) -> Result<Vec<T>, SummaryError> {
    let items = list.array()?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if items.is_empty() || !items.is_sorted_by(|one, next| one < next) {
        return Err(SummaryError::Unsorted { what });
    }
    Ok(items)
}

fn label(text: &Located<'_>) -> Result<EventLabel, SummaryError> {
    text.parsed(|path, source| SummaryError::BadLabel { path, source })
}

fn uri(fields: &Fields<'_>, key: &'static str) -> Result<SourceUri, SummaryError> {
    fields.required(key)?.parsed(|path, source| SummaryError::BadUri { path, source })
}

fn sha256(fields: &Fields<'_>) -> Result<Sha256Digest, SummaryError> {
    let digest = fields.required("digest")?.closed_object(&["sha256"])?.required("sha256")?;
    digest.parsed(|path, source| SummaryError::BadDigest { path, source })
}
