//! What exactly did not hold about an OMS signature: the observation behind a reason code.

use std::io;
use std::path::PathBuf;

use attest::digest::Sha256Digest;
use attest::oms::{CertificateError, ManifestError, OmsBundleError, OmsSignatureError, OmsStatementError};
use attest::scan::ScanError;
use attest::utc_time::UtcTime;

use super::anchor::AnchorError;
use crate::difference::Difference;
use crate::failure::scan_reason;
use crate::reason::Reason;
use crate::report::utc;

/// One thing that did not hold. What it means is its [`OmsFailure::reason`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OmsFailure {
    /// A certificate of the chain is made in a way that is not checked here.
    #[error("a certificate is not ECDSA over P-256, P-384 or P-521")]
    AlgorithmUnknown,
    /// The key or the authorities are a part of what they are to judge.
    #[error("{} lies inside the model {}", anchor.display(), model.display())]
    AnchorInsideModel {
        /// The file.
        anchor: PathBuf,
        /// The model.
        model: PathBuf,
    },
    /// Neither a key nor authorities.
    #[error("{} is no anchor", path.display())]
    AnchorMalformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: AnchorError,
    },
    /// The file of the key or of the authorities could not be read.
    #[error("cannot read {}", path.display())]
    AnchorUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bundle is not one.
    #[error("OMS bundle does not parse")]
    BundleMalformed {
        /// Where and why.
        source: OmsBundleError,
    },
    /// There is no bundle.
    #[error("no OMS signature at {}", path.display())]
    BundleMissing {
        /// Where it was looked for.
        path: PathBuf,
        /// Whether the model has a bundle file of ours, which says more.
        has_own: bool,
    },
    /// The bundle could not be read.
    #[error("cannot read the OMS bundle {}", path.display())]
    BundleUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate ended before the time that counts.
    #[error("certificate of {subject} ended at {}, and it is {at}", utc(*last))]
    CertificateExpired {
        /// Whose it is.
        subject: String,
        /// The last second of its validity, since 1970.
        last: u64,
        /// The time that counts.
        at: UtcTime,
    },
    /// A certificate begins after the time that counts.
    #[error("certificate of {subject} begins at {}, and it is {at}", utc(*first))]
    CertificateNotYetValid {
        /// Whose it is.
        subject: String,
        /// The first second of its validity, since 1970.
        first: u64,
        /// The time that counts.
        at: UtcTime,
    },
    /// A certificate may not stand where it stands.
    #[error("certificate of {subject} does not do")]
    CertificateUnfit {
        /// Whose it is.
        subject: String,
        /// Why.
        source: CertificateError,
    },
    /// No path to an authority.
    #[error("certificate of {subject} leads to {issuer}, which is not among the authorities given")]
    CertificateUntrusted {
        /// Whose it is.
        subject: String,
        /// Who issued the last certificate that was found.
        issuer: String,
    },
    /// The files are not those in the manifest.
    #[error("{}", summary(differences))]
    FilesDiffer {
        /// All of them, worst kind first; at least one.
        differences: Vec<Difference>,
    },
    /// Fulcio issued the certificate, and its keys are not here.
    #[error("signature is keyless, and Sigstore's keys are not here")]
    Keyless,
    /// The model is a file and the manifest lists a directory, or the other way round.
    #[error("signature covers {signed}, and the model is {here}")]
    ModelShape {
        /// What is signed.
        signed: &'static str,
        /// What lies there.
        here: &'static str,
    },
    /// The model's path could not be read.
    #[error("cannot read the model {}", path.display())]
    ModelUnreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller named nobody.
    #[error("neither a key nor an authority is given")]
    NoAnchor,
    /// The bundle says that another key signed it.
    #[error("bundle names another key, wanted key {wanted}")]
    OtherKey {
        /// Id of the key the caller gave.
        wanted: Sha256Digest,
    },
    /// The bundle is of the other method than the caller's anchor.
    #[error("signed with {seen}, wanted {wanted}")]
    OtherMethod {
        /// What the bundle has.
        seen: &'static str,
        /// What the caller gave.
        wanted: &'static str,
    },
    /// The files could not be read, or are none that could have been signed.
    #[error("the model's files are none that a signature could cover")]
    Scan {
        /// Which, and why.
        source: ScanError,
    },
    /// The signature over the statement is false.
    #[error("statement is not signed by key {key_id}")]
    SignatureInvalid {
        /// Id of the key.
        key_id: Sha256Digest,
        /// Why.
        source: OmsSignatureError,
    },
    /// The payload is no OMS statement, or it contradicts itself.
    #[error("OMS statement does not parse")]
    Statement {
        /// Where and why.
        source: OmsStatementError,
    },
}

impl OmsFailure {
    /// The stable code. The compiler insists on every variant here.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::AlgorithmUnknown => Reason::SignatureAlgorithmUnknown,
            Self::AnchorInsideModel { .. } => Reason::AnchorInsideModel,
            Self::AnchorMalformed { .. } => Reason::AnchorMalformed,
            Self::AnchorUnreadable { .. } => Reason::AnchorUnreadable,
            Self::BundleMalformed { .. } => Reason::OmsBundleMalformed,
            Self::BundleMissing { .. } => Reason::BundleMissing,
            Self::BundleUnreadable { .. } => Reason::BundleUnreadable,
            Self::CertificateExpired { .. } => Reason::CertificateExpired,
            Self::CertificateNotYetValid { .. } => Reason::CertificateNotYetValid,
            Self::CertificateUnfit { .. } => Reason::CertificateUnfit,
            Self::CertificateUntrusted { .. } => Reason::CertificateUntrusted,
            Self::FilesDiffer { differences } => {
                differences.first().map_or(Reason::SubjectMismatch, Difference::reason)
            }
            Self::Keyless => Reason::KeylessNotVerified,
            Self::ModelShape { .. } => Reason::SubjectMismatch,
            Self::ModelUnreadable { .. } => Reason::ModelUnreadable,
            Self::NoAnchor => Reason::NoAnchor,
            Self::OtherKey { .. } | Self::OtherMethod { .. } => Reason::SignerUnexpected,
            Self::Scan { source } => scan_reason(source),
            Self::SignatureInvalid { .. } => Reason::SignatureInvalid,
            Self::Statement { source } => of_statement(source),
        }
    }

    /// The differences between the files and the manifest, if that is what did not hold.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::FilesDiffer { differences } => differences,
            _ => &[],
        }
    }
}

/// What other readers believe has codes of its own.
const fn of_statement(error: &OmsStatementError) -> Reason {
    match error {
        OmsStatementError::Root { .. } => Reason::RootDigestMismatch,
        OmsStatementError::UnknownHash { .. } => Reason::HashUnsupported,
        OmsStatementError::Manifest { source: ManifestError::Repeated { .. } } => Reason::ResourceRepeated,
        OmsStatementError::Name { .. }
        | OmsStatementError::ShardName { .. }
        | OmsStatementError::Manifest {
            source:
                ManifestError::Paths { .. } | ManifestError::ModelAmongFiles | ManifestError::Shards { .. },
        } => Reason::ResourceNameRefused,
        _ => Reason::StatementMalformed,
    }
}

fn summary(differences: &[Difference]) -> String {
    match differences {
        [] => "the files differ from what was signed".to_owned(),
        [one] => format!("1 file differs from what was signed: {}", one.path()),
        [first, ..] => {
            format!("{} files differ from what was signed, first {}", differences.len(), first.path())
        }
    }
}
