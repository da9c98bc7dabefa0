//! Cosignatures with ML-DSA-44 (c2sp.org/tlog-cosignature v1.1.0-rc.1, algorithm byte 0x06), which a quantum computer does
//! not forge.
//!
//! ```text
//! payload of the signature line, 2428 bytes        message that is signed
//!   0..8     timestamp, u64, big-endian              crate::subtree_message, which names cosigner and log
//!   8..2428  ML-DSA-44 signature (FIPS 204)
//! verifier key: name+id+base64 of: 0x06 ‖ 1312-byte public key
//! ```
//!
//! Pure ML-DSA with an empty context, in its deterministic form (FIPS 204 §3.4): the same statement is the same bytes, so that a
//! witness need not keep what it can write again.
//!
//! Unlike the Ed25519 cosignature this one does not cover extension lines, and it can speak of subtrees.
//!
//! In scope: keys, signing, verifying. Out of scope: keeping the seed, and the policy file, which knows Ed25519 only.

use std::fmt;
use std::str::FromStr;

use merkle::subtree::Subtree;
use merkle::{Hash, TreeHead};
use ml_dsa::{Keypair as _, MlDsa44, Signature, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Cosignature, TimestampError, UnixSeconds};
use crate::checkpoint::Origin;
use crate::signature_line::NoteSignature;
use crate::subtree_message::{SubtreeMessageError, subtree_message};
use crate::text::{TextError, decode_base64, encode_base64};
use crate::vkey::{KeyId, KeyName, KeyNameError, key_id};

/// Bytes of a public key (FIPS 204, table 2).
pub const PUBLIC_KEY_BYTES: usize = 1312;
/// Bytes of a signature (FIPS 204, table 2).
pub const SIGNATURE_BYTES: usize = 2420;
/// Bytes of the seed from which both halves of a key are made (FIPS 204, the input of KeyGen_internal).
pub const SEED_BYTES: usize = 32;

const ALGORITHM: u8 = 0x06;
const PAYLOAD_BYTES: usize = 8 + SIGNATURE_BYTES;

/// An ML-DSA-44 public key together with its name: the verifier key of a cosigner.
#[derive(Clone, Debug, PartialEq)]
pub struct MlDsaVkey {
    name: KeyName,
    key_id: KeyId,
    key: VerifyingKey<MlDsa44>,
}

// A key is its bytes.
impl Eq for MlDsaVkey {}

/// A text that is no such verifier key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MlDsaVkeyError {
    /// A key for something else.
    #[error("key algorithm {byte:#04x} is not ML-DSA-44 cosignature (0x06)")]
    Algorithm {
        /// The first byte of the key material.
        byte: u8,
    },
    /// The third part is not base64.
    #[error("key material is not canonical base64")]
    Base64 {
        /// What the reader saw.
        source: TextError,
    },
    /// The third part encodes nothing at all, not even an algorithm.
    #[error("key material is empty")]
    Empty,
    /// Not eight lower-case hex digits.
    #[error("key id is not eight lower-case hex digits")]
    KeyIdDigits,
    /// The id does not belong to this name and key.
    #[error("key id {seen}, name and key give {wanted}")]
    KeyIdMismatch {
        /// The id in the text.
        seen: KeyId,
        /// The id computed from name, algorithm and key.
        wanted: KeyId,
    },
    /// Not the length of an ML-DSA-44 public key.
    #[error("public key of {seen} bytes, not {PUBLIC_KEY_BYTES}")]
    KeyLength {
        /// Bytes after the algorithm byte.
        seen: usize,
    },
    /// The first part cannot name a key.
    #[error("key name is refused")]
    Name {
        /// Why.
        #[from]
        source: KeyNameError,
    },
    /// Fewer than three parts separated by `+`.
    #[error("not of the form name+id+key")]
    Parts,
}

impl MlDsaVkey {
    /// Names a public key. All 1312-byte strings are keys.
    #[must_use]
    pub fn new(name: KeyName, public_key: &[u8; PUBLIC_KEY_BYTES]) -> Self {
        Self::of_key(name, VerifyingKey::decode(&(*public_key).into()))
    }

    fn of_key(name: KeyName, key: VerifyingKey<MlDsa44>) -> Self {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', ALGORITHM])
            .chain_update(key.encode())
            .finalize()
            .into();
        let [a, b, c, d, ..] = hash;
        Self { name, key_id: KeyId::from_bytes([a, b, c, d]), key }
    }

    /// The name that signature lines of this key carry.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id that signature lines of this key carry.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.key.encode().into()
    }

    /// Whether name and id of a line are those of this key, so that it has to verify.
    #[must_use]
    pub fn signed(&self, line: &NoteSignature) -> bool {
        line.name() == &self.name && line.key_id() == self.key_id
    }
}

impl FromStr for MlDsaVkey {
    type Err = MlDsaVkeyError;

    fn from_str(text: &str) -> Result<Self, MlDsaVkeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(MlDsaVkeyError::Parts);
        };
        let name: KeyName = name.parse()?;
        let seen = key_id(id).ok_or(MlDsaVkeyError::KeyIdDigits)?;
        let material = decode_base64(material).map_err(|source| MlDsaVkeyError::Base64 { source })?;
        let (&byte, public_key) = material.split_first().ok_or(MlDsaVkeyError::Empty)?;
        if byte != ALGORITHM {
            return Err(MlDsaVkeyError::Algorithm { byte });
        }
        let public_key =
            public_key.try_into().map_err(|_| MlDsaVkeyError::KeyLength { seen: public_key.len() })?;
        let vkey = Self::new(name, public_key);
        match vkey.key_id {
            wanted if wanted == seen => Ok(vkey),
            wanted => Err(MlDsaVkeyError::KeyIdMismatch { seen, wanted }),
        }
    }
}

/// The one text that [`MlDsaVkey::from_str`] accepts for this key.
impl fmt::Display for MlDsaVkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[ALGORITHM][..], &self.key.encode()].concat();
        write!(f, "{}+{}+{}", self.name, self.key_id, encode_base64(&material))
    }
}

/// A cosigner's private key with its name.
pub struct MlDsaCosigner {
    key: SigningKey<MlDsa44>,
    vkey: MlDsaVkey,
}

/// Why there is no cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MlDsaCosignError {
    /// Signing draws candidates until one is short enough, and gave up. The odds are below 2^-128 (FIPS 204, appendix C).
    #[error("ML-DSA-44 found no signature")]
    Exhausted,
    /// There is no such statement.
    #[error("nothing that can be cosigned")]
    Message {
        /// Why.
        #[from]
        source: SubtreeMessageError,
    },
}

impl MlDsaCosigner {
    /// Makes both halves of the key from its seed.
    #[must_use]
    pub fn from_seed(name: KeyName, seed: &[u8; SEED_BYTES]) -> Self {
        Self::from_key(name, SigningKey::from_seed(seed.into()))
    }

    /// Names a private key.
    #[must_use]
    pub fn from_key(name: KeyName, key: SigningKey<MlDsa44>) -> Self {
        let vkey = MlDsaVkey::of_key(name, key.verifying_key());
        Self { key, vkey }
    }

    /// The public side of the key.
    #[must_use]
    pub const fn vkey(&self) -> &MlDsaVkey {
        &self.vkey
    }

    /// Cosigns a tree head: at `timestamp`, the largest tree of `origin` that was seen.
    ///
    /// Precondition: the tree is consistent with every one that was cosigned for that origin.
    ///
    /// # Errors
    ///
    /// [`MlDsaCosignError::Exhausted`].
    pub fn cosign(
        &self,
        origin: &Origin,
        head: &TreeHead,
        timestamp: UnixSeconds,
    ) -> Result<NoteSignature, MlDsaCosignError> {
        self.sign(origin, Subtree::whole(head.size()), &head.root(), timestamp)
    }

    /// Cosigns a subtree, with timestamp 0: nothing is said about what is the latest.
    ///
    /// Precondition: the subtree is one of a tree that was cosigned for that origin.
    ///
    /// # Errors
    ///
    /// [`MlDsaCosignError::Exhausted`].
    pub fn cosign_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
    ) -> Result<NoteSignature, MlDsaCosignError> {
        self.sign(origin, subtree, hash, UnixSeconds::NONE)
    }

    fn sign(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: &Hash,
        timestamp: UnixSeconds,
    ) -> Result<NoteSignature, MlDsaCosignError> {
        let message = subtree_message(&self.vkey.name, timestamp, origin, subtree, hash)?;
        let signature = self.key.expanded_key().sign_deterministic(&message, &[]);
        let signature = signature.map_err(|_| MlDsaCosignError::Exhausted)?;
        let payload = [timestamp.get().to_be_bytes().as_slice(), &signature.encode()].concat();
        Ok(NoteSignature::of_parts(self.vkey.name.clone(), self.vkey.key_id, payload))
    }
}

/// Shows the public side only.
impl fmt::Debug for MlDsaCosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MlDsaCosigner").field("name", &self.vkey.name).finish_non_exhaustive()
    }
}

/// Why a signature line is no cosignature by a key over a tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MlDsaCosignatureError {
    /// The signature is not by this key over this statement.
    #[error("ML-DSA-44 cosignature of {name} does not fit")]
    BadSignature {
        /// The cosigner.
        name: KeyName,
    },
    /// A time for a subtree that does not begin at leaf 0.
    #[error("nothing that can be cosigned")]
    Message {
        /// Why.
        #[from]
        source: SubtreeMessageError,
    },
    /// The line carries the name or the id of another key.
    #[error("signature line is by {seen}, not by {wanted}")]
    OtherKey {
        /// The name in the line.
        seen: KeyName,
        /// The name of the key; if it is the same, the ids differ.
        wanted: KeyName,
    },
    /// Not 8 bytes of time and 2420 of signature.
    #[error("cosignature of {seen} bytes, not {PAYLOAD_BYTES}")]
    PayloadLength {
        /// Bytes after the key id.
        seen: usize,
    },
    /// A time that no cosignature can carry.
    #[error("cosignature has a refused time")]
    Timestamp {
        /// What was seen.
        #[from]
        source: TimestampError,
    },
}

/// Verifies that `line` is a cosignature by `vkey` of the tree `head` of `origin`.
///
/// A timestamp of 0 is one that makes no claim of being the latest; see [`Cosignature::timestamp`].
///
/// # Errors
///
/// As [`verify_subtree`].
pub fn verify(
    vkey: &MlDsaVkey,
    line: &NoteSignature,
    origin: &Origin,
    head: &TreeHead,
) -> Result<Cosignature, MlDsaCosignatureError> {
    verify_subtree(vkey, line, origin, Subtree::whole(head.size()), &head.root())
}

/// Verifies that `line` is a cosignature by `vkey` over a subtree of `origin`.
///
/// # Errors
///
/// * [`MlDsaCosignatureError::OtherKey`] if the line has another name or key id;
/// * [`MlDsaCosignatureError::PayloadLength`], [`MlDsaCosignatureError::Timestamp`],
///   [`MlDsaCosignatureError::Message`] if the payload is malformed;
/// * [`MlDsaCosignatureError::BadSignature`] if the signature does not fit.
pub fn verify_subtree(
    vkey: &MlDsaVkey,
    line: &NoteSignature,
    origin: &Origin,
    subtree: Subtree,
    hash: &Hash,
) -> Result<Cosignature, MlDsaCosignatureError> {
    if !vkey.signed(line) {
        let (seen, wanted) = (line.name().clone(), vkey.name.clone());
        return Err(MlDsaCosignatureError::OtherKey { seen, wanted });
    }
    let length = MlDsaCosignatureError::PayloadLength { seen: line.payload().len() };
    let Some((timestamp, signature)) = line.payload().split_first_chunk() else { return Err(length) };
    let Ok(signature) = <[u8; SIGNATURE_BYTES]>::try_from(signature) else { return Err(length) };
    let timestamp = UnixSeconds::new(u64::from_be_bytes(*timestamp))?;
    let message = subtree_message(&vkey.name, timestamp, origin, subtree, hash)?;
    let bad = || MlDsaCosignatureError::BadSignature { name: vkey.name.clone() };
    let signature = Signature::<MlDsa44>::decode(&signature.into()).ok_or_else(bad)?;
    if !vkey.key.verify_with_context(&message, &[], &signature) {
        return Err(bad());
    }
    Ok(Cosignature { witness: vkey.name.clone(), key_id: vkey.key_id, timestamp })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosigner() -> MlDsaCosigner {
        MlDsaCosigner::from_seed("witness.example.org/w1".parse().unwrap(), &[0x40; 32])
    }

    fn head(size: u64) -> TreeHead {
        TreeHead::new(merkle::TreeSize::new(size).unwrap(), Hash::from_bytes([7; 32])).unwrap()
    }

    #[test]
    fn a_vkey_is_written_back_and_nothing_else_is_one() {
        let text = cosigner().vkey().to_string();
        let read: MlDsaVkey = text.parse().unwrap();
        assert_eq!((read.to_string(), &read), (text.clone(), cosigner().vkey()));
        let refused = |text: &str| text.parse::<MlDsaVkey>().unwrap_err();
        assert_eq!(refused("w+00000000"), MlDsaVkeyError::Parts);
        assert_eq!(refused("w+0000000g+Bg=="), MlDsaVkeyError::KeyIdDigits);
        assert_eq!(refused("w+00000000+"), MlDsaVkeyError::Empty);
        assert_eq!(refused("w+00000000+BA=="), MlDsaVkeyError::Algorithm { byte: 4 });
        assert_eq!(refused("w+00000000+BgA="), MlDsaVkeyError::KeyLength { seen: 1 });
        assert!(matches!(refused("w+00000000+Bg"), MlDsaVkeyError::Base64 { .. }));
        let (name, rest) = text.split_once('+').unwrap();
        let other = format!("{name}x+{rest}");
        assert!(matches!(refused(&other), MlDsaVkeyError::KeyIdMismatch { .. }));
    }

    #[test]
    fn a_cosignature_fits_its_own_statement_only() {
        let (cosigner, origin) = (cosigner(), "log.example.org/models".parse().unwrap());
        let time = UnixSeconds::new(1_700_000_000).unwrap();
        let line = cosigner.cosign(&origin, &head(3), time).unwrap();
        assert_eq!(line, cosigner.cosign(&origin, &head(3), time).unwrap(), "deterministic");
        let verified = verify(cosigner.vkey(), &line, &origin, &head(3)).unwrap();
        assert_eq!((verified.timestamp(), verified.witness()), (time, cosigner.vkey().name()));
        let bad = |line: &NoteSignature, origin: &str, head| {
            verify(cosigner.vkey(), line, &origin.parse().unwrap(), &head).unwrap_err()
        };
        let name = cosigner.vkey().name().clone();
        let wrong = MlDsaCosignatureError::BadSignature { name: name.clone() };
        assert_eq!(bad(&line, "log.example.org/model", head(3)), wrong);
        assert_eq!(bad(&line, "log.example.org/models", head(4)), wrong);
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut payload = line.payload().to_vec();
            change(&mut payload);
            NoteSignature::of_parts(name.clone(), line.key_id(), payload)
        };
        for at in [7, 8, 1000, 2427] {
            let flipped = changed(&|payload| payload[at] ^= 1);
            assert_eq!(bad(&flipped, "log.example.org/models", head(3)), wrong, "{at}");
        }
        let longer = changed(&|payload| payload.push(0));
        let length = MlDsaCosignatureError::PayloadLength { seen: 2429 };
        assert_eq!(bad(&longer, "log.example.org/models", head(3)), length);
        let late = changed(&|payload| payload[0] = 0x80);
        assert!(matches!(
            bad(&late, "log.example.org/models", head(3)),
            MlDsaCosignatureError::Timestamp { .. }
        ));
        let other = MlDsaCosigner::from_seed(name, &[0x41; 32]);
        let refused = verify(other.vkey(), &line, &origin, &head(3)).unwrap_err();
        assert!(matches!(refused, MlDsaCosignatureError::OtherKey { .. }));
    }

    #[test]
    fn a_subtree_is_cosigned_without_a_time_and_is_no_cosignature_of_a_tree() {
        let (cosigner, origin) = (cosigner(), "log.example.org/models".parse().unwrap());
        let (subtree, hash) = (Subtree::new(8..13).unwrap(), Hash::from_bytes([7; 32]));
        let line = cosigner.cosign_subtree(&origin, subtree, &hash).unwrap();
        let verified = verify_subtree(cosigner.vkey(), &line, &origin, subtree, &hash).unwrap();
        assert_eq!(verified.timestamp(), UnixSeconds::NONE);
        assert!(verify(cosigner.vkey(), &line, &origin, &head(13)).is_err());
        // A time would make it a claim about the latest tree.
        let mut payload = line.payload().to_vec();
        payload[7] = 1;
        let timed = NoteSignature::of_parts(cosigner.vkey().name().clone(), line.key_id(), payload);
        let refused = verify_subtree(cosigner.vkey(), &timed, &origin, subtree, &hash).unwrap_err();
        assert!(matches!(refused, MlDsaCosignatureError::Message { .. }));
    }
}
