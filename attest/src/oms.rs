//! OMS, the OpenSSF Model Signing format v1.0: signatures over a directory that other people's tools make and read.
//!
//! Follows spec/oms.md, which has the bytes of every version there was. In scope: the bundle, the statement inside it in
//! its two versions, the manifest and its rules, keys and signatures over three NIST curves, certificates as far as
//! they say who may sign. Out of scope: hashing what lies on a disk ([`crate::scan`]), whose signature is believed (crate
//! `verifier`), Fulcio and Rekor.
//!
//! ```text
//! OmsBundle                 Sigstore bundle v0.3 in JSON
//!   Material                a key's hint, a certificate chain, or a keyless certificate
//!   signature               ECDSA in DER, over the DSSE encoding of
//!   OmsStatement            in-toto statement
//!     Manifest              how files were found and hashed, and one Resource for each file or shard
//! ```
//!
//! An OMS root digest does not cover names, so it is never an identity here: that is the tree digest ([`crate::tree`]).
//!
//! ```
//! use attest::oms::{Curve, OmsPublicKey};
//!
//! let pem = "-----BEGIN PUBLIC KEY-----\n\
//!     MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n\
//!     6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n\
//!     -----END PUBLIC KEY-----\n";
//! assert_eq!(OmsPublicKey::from_pem(pem)?.curve(), Curve::P256);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bundle;
mod certificate;
mod curve;
mod error;
mod hash_type;
mod hasher;
mod manifest;
#[cfg(feature = "keys")]
mod private_key;
mod public_key;
mod resource;
mod serialization;
mod statement;

pub use self::bundle::{KeyClaim, MAX_BUNDLE_BYTES, MAX_CHAIN, Material, OmsBundle};
pub use self::certificate::{Certificate, CertificateError, ChainLink, MAX_CERTIFICATE_BYTES};
pub use self::curve::{Curve, SignatureHash};
pub use self::error::{ManifestError, OmsBundleError, OmsStatementError};
pub use self::hash_type::HashType;
pub(crate) use self::hasher::Hasher;
pub use self::manifest::{MAX_RESOURCES, Manifest};
#[cfg(feature = "keys")]
pub use self::private_key::OmsSigningKey;
pub use self::public_key::{OmsKeyError, OmsPublicKey, OmsSignatureError};
pub use self::resource::{Resource, Shard};
pub use self::serialization::{GIT_PATHS, IgnoredPaths, Method, Serialization, Symlinks};
pub use self::statement::{MAX_STATEMENT_BYTES, OmsStatement, Version};
