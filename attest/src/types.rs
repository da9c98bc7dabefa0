//! Every type URI and media type that tallymark writes or reads, each held once.
//!
//! In-toto and SLSA URIs are compared whole, never by prefix: a URI carries its major version and nothing else
//! of it (in-toto attestation, spec/v1). Our own begin with [`TYPE_BASE`].

/// A URI of our own: the base, once, and a literal path.
macro_rules! own {
    ($path:literal) => {
        concat!("https://tallymark.dev/", $path)
    };
}

/// What every URI of our own begins with.
pub const TYPE_BASE: &str = own!("");

/// `_type` of every statement: in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Predicate type of provenance: SLSA v1.
pub const SLSA_PROVENANCE_V1: &str = "https://slsa.dev/provenance/v1";

/// Predicate type of a verdict: SLSA verification summary v1.
pub const SLSA_VERDICT_V1: &str = "https://slsa.dev/verification_summary/v1";

/// Predicate type of an evaluation: in-toto test result v0.1.
pub const TEST_RESULT_V0_1: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Predicate type of a package signature: OpenSSF model signing v1.0.
pub const MODEL_SIGNATURE_V1_0: &str = "https://model_signing/signature/v1.0";

/// Predicate type of a package signature before it had a version: `model_signing` 0.2.
pub const MODEL_DIGESTS_V0_1: &str = "https://model_signing/Digests/v0.1";

/// Predicate type of a dataset manifest.
pub const DATASET_V1: &str = own!("dataset/v1");

/// Predicate type of a format scan.
pub const SCAN_V1: &str = own!("scan/v1");

/// Predicate type of a custody event.
pub const EVENT_V1: &str = own!("event/v1");

/// Name of our member in a verdict, which is a predicate of SLSA.
pub const VERDICT_V1: &str = own!("verdict/v1");

/// Type of a proof about one file of a tree.
pub const FILE_PROOF_V1: &str = own!("file-proof/v1");

/// SLSA `buildType` of everything that turns data, code and base models into a model.
pub const BUILD_TYPE_TRAIN_V1: &str = own!("build/train/v1");

/// SLSA `builder.id` of the signing program on somebody's own machine: it vouches for what it hashed there, and
/// for no isolation at all.
pub const BUILDER_LOCAL_V1: &str = own!("builder/local/v1");

/// SLSA `builder.id` of the signing program when it started the run: it also vouches for what was started, when it ended
/// and that its inputs did not change meanwhile, and still for no isolation.
pub const BUILDER_WRAPPER_V1: &str = own!("builder/local-wrapper/v1");

/// DSSE payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Media type of a Sigstore bundle v0.3, as the bundle itself says it.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Media type of a status snapshot, as the snapshot itself says it.
pub const STATUS_MEDIA_TYPE: &str = "application/vnd.tallymark.status.v1+json";

/// Media type of an entry on its way to a log (RFC 9052 §11.3.1, without the optional parameter).
pub const ENTRY_MEDIA_TYPE: &str = "application/cose";

/// `kindVersion.kind` of our entries in a Rekor `TransparencyLogEntry`.
pub const ENTRY_KIND: &str = "tallymark";

/// `kindVersion.version` of our entries in a Rekor `TransparencyLogEntry`.
pub const ENTRY_KIND_VERSION: &str = "0.0.1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_uris_begin_with_the_base() {
        let builders = [BUILDER_LOCAL_V1, BUILDER_WRAPPER_V1];
        for uri in [DATASET_V1, SCAN_V1, EVENT_V1, VERDICT_V1, FILE_PROOF_V1, BUILD_TYPE_TRAIN_V1]
            .into_iter()
            .chain(builders)
        {
            assert!(uri.len() > TYPE_BASE.len() && uri.starts_with(TYPE_BASE), "{uri}");
        }
    }
}
