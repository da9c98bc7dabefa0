//! A second signature under each checkpoint: ML-DSA-44 (algorithm byte 0x06), which a quantum computer does not forge.
//!
//! The key lies in `DIR/key-ml-dsa.pem`; a log that has none makes no such line. It decides nothing: [`HeadSigner::sign`] of the signer
//! inside has allowed, signed, verified and remembered the head before this one is asked. So the line is one by the log over a
//! head of its one history, at the time of the ledger, and a line that could not be made is left out: the other one stands.
//!
//! Out of scope: verifying it. In policies the key stands as a witness of the log's own name.

use std::path::Path;

use merkle::{ConsistencyProof, TreeHead};
use ml_dsa::{MlDsa44, SigningKey};
use tlog::checkpoint::{Origin, SignedCheckpoint};
use tlog::cosignature::UnixSeconds;
use tlog::cosignature::ml_dsa::{self as cosignature, MlDsaCosigner, MlDsaVkey};
use tlog::status::SignedStatus;
use tlog::vkey::Vkey;
use zeroize::Zeroizing;

use super::status::Draft;
use super::{HeadSigner, SigningError};
use crate::key_file::{self, AtRest, KeyFileError, Passphrase};
use crate::ledger::SignedHead;

/// A signer of heads with a second key beside it.
#[derive(Debug)]
pub struct TwoKeys {
    inner: Box<dyn HeadSigner>,
    second: MlDsaCosigner,
    // Of its last signature.
    time: u64,
}

impl TwoKeys {
    /// The signer, and a key with the name of its first.
    #[must_use]
    pub fn new(inner: Box<dyn HeadSigner>, key: SigningKey<MlDsa44>) -> Self {
        let second = MlDsaCosigner::from_key(inner.vkey().name().clone(), key);
        Self { inner, second, time: 0 }
    }

    fn second(&self, signed: &SignedCheckpoint, head: &TreeHead, time: u64) -> Option<SignedCheckpoint> {
        let origin: Origin = signed.unverified().origin().clone();
        let time = UnixSeconds::new(time).ok()?;
        let line = self.second.cosign(&origin, head, time).ok()?;
        cosignature::verify(self.second.vkey(), &line, &origin, head).ok()?;
        signed.with_signatures(&[line]).ok()
    }
}

impl HeadSigner for TwoKeys {
    fn vkey(&self) -> &Vkey {
        self.inner.vkey()
    }

    fn last(&self) -> &SignedHead {
        self.inner.last()
    }

    fn sign(
        &mut self,
        head: &TreeHead,
        proof: &ConsistencyProof,
        time: u64,
    ) -> Result<SignedCheckpoint, SigningError> {
        let signed = self.inner.sign(head, proof, time)?;
        // A head that was signed before is signed again whatever the clock says; the time of this line never goes back.
        self.time = time.max(self.time).max(self.inner.last().time());
        let both = self.second(&signed, head, self.time);
        if both.is_none() {
            tracing::error!(size = head.size().get(), "the ML-DSA-44 signature was not made");
        }
        Ok(both.unwrap_or(signed))
    }

    // By the first key alone: the line of a cosigner is about a tree, and has no place for the root of a map.
    fn sign_status(&mut self, draft: &Draft) -> Result<SignedStatus, SigningError> {
        self.inner.sign_status(draft)
    }
}

/// Makes a key and writes it to a new file.
///
/// # Errors
/// [`KeyFileError`].
pub fn create(path: &Path, vkey: &Vkey, at_rest: &AtRest) -> Result<MlDsaVkey, KeyFileError> {
    let mut seed = Zeroizing::new([0; cosignature::SEED_BYTES]);
    getrandom::fill(&mut *seed).map_err(|source| KeyFileError::NoRandomness { source })?;
    let key = SigningKey::<MlDsa44>::from_seed((&*seed).into());
    key_file::create(path, &key, at_rest)?;
    Ok(MlDsaCosigner::from_key(vkey.name().clone(), key).vkey().clone())
}

/// The key in a file; `None` if there is no file.
///
/// # Errors
/// [`KeyFileError`].
pub fn read(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, KeyFileError>,
) -> Result<Option<SigningKey<MlDsa44>>, KeyFileError> {
    match path.try_exists() {
        Ok(false) => Ok(None),
        _ => key_file::read(path, passphrase).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use tlog::cosignature::ml_dsa::verify;

    use super::*;
    use crate::ledger::Ledger;
    use crate::signing::LedgeredSigner;

    #[test]
    fn a_checkpoint_has_a_line_by_each_key_and_a_refusal_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let origin: Origin = "log.test/1".parse().unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let vkey = Vkey::ed25519("log.test/1".parse().unwrap(), key.verifying_key().as_bytes()).unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), &vkey, 5).unwrap();
        let inner = LedgeredSigner::of_file(origin.clone(), key, ledger).unwrap();
        let path = dir.path().join("key-ml-dsa.pem");
        assert!(read(&path, || panic!("there is none")).unwrap().is_none());
        let second = create(&path, &vkey, &AtRest::Plain).unwrap();
        let key = read(&path, || panic!("it is not encrypted")).unwrap().unwrap();
        let mut signer = TwoKeys::new(Box::new(inner), key);
        let none = ConsistencyProof::new(vec![]).unwrap();
        let signed = signer.sign(&TreeHead::empty(), &none, 7).unwrap();
        let [first, line] = signed.note().signatures() else { panic!("two lines") };
        assert_eq!(first.key_id(), vkey.key_id());
        let seen = verify(&second, line, &origin, &TreeHead::empty()).unwrap();
        assert_eq!(seen.timestamp().get(), 7);
        assert!(signed.open_with(&[&vkey]).is_ok());
        // The same head again, by a clock that went back: the time of the second line did not.
        let again = signer.sign(&TreeHead::empty(), &none, 6).unwrap();
        let [_, line] = again.note().signatures() else { panic!("two lines") };
        assert_eq!(verify(&second, line, &origin, &TreeHead::empty()).unwrap().timestamp().get(), 7);
        // What the signer inside refuses, no key signs.
        let grown =
            TreeHead::new(merkle::TreeSize::new(1).unwrap(), merkle::Hash::from_bytes([1; 32])).unwrap();
        assert!(signer.sign(&grown, &none, 4).unwrap_err().is_refusal());
    }
}
