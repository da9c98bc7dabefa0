//! Signing tree heads: one function, "sign this head", behind one trait. There is no "sign these bytes". What was said about the
//! entries of a signed tree is signed by the same rule ([`status`]).
//!
//! [`LedgeredSigner`] is the only thing that decides. It keeps the [ledger](crate::ledger) of what was signed before
//! and does, in this order:
//!
//! ```text
//! refuse     a smaller head, another root at the same size, growth that the proof does not show, an earlier time
//! sign       with a key: a file, an agent, a token, or another process    (`HeadKey`)
//! verify     that signature, under the log's own public key
//! remember   the head in the ledger, synced
//! hand out   the checkpoint
//! ```
//!
//! The very same head may be signed again, which a start does. After an error of key or ledger the outcome of the step is
//! unknown and the signer signs nothing any more; whoever starts again reads what the ledger holds.
//!
//! In scope: when to sign. Out of scope: where the key lies (the modules below), witnesses.

use std::fmt;

use ed25519_dalek::SigningKey;
use merkle::{ConsistencyProof, Hash, ProofError, TreeHead};
use thiserror::Error;
use tlog::checkpoint::{Checkpoint, CheckpointError, CheckpointOpenError, Origin, SignedCheckpoint};
use tlog::note::{Note, NoteError, NoteSignature};
use tlog::status::{SignedStatus, StatusError};
use tlog::vkey::{KeyNameError, Vkey};

use crate::ledger::{Ledger, LedgerError, SignedHead};
use status::{AllowedStatus, Draft};

pub mod file;
pub mod frame;
pub mod held;
pub mod ml_dsa;
pub mod place;
pub mod process;
pub mod remote;
pub mod status;

/// Signs the heads of one log, and remembers them.
pub trait HeadSigner: fmt::Debug + Send + 'static {
    /// The log's public key with its name.
    fn vkey(&self) -> &Vkey;

    /// The last head it signed, and when.
    fn last(&self) -> &SignedHead;

    /// Signs `head`, which extends [`HeadSigner::last`] as `proof` shows. Returns once the head is remembered.
    ///
    /// `proof` leads from the last head to this one; it has no hashes if the last one is empty or the same. `time` is in
    /// POSIX seconds.
    ///
    /// # Errors
    /// A refusal ([`SigningError::is_refusal`]) changes nothing. After any other error the outcome is unknown and
    /// every further call answers [`SigningError::Spent`].
    fn sign(
        &mut self,
        head: &TreeHead,
        proof: &ConsistencyProof,
        time: u64,
    ) -> Result<SignedCheckpoint, SigningError>;

    /// Signs a status of a tree that it signed, or of the beginning of one.
    ///
    /// # Errors
    /// Nothing about heads changes, whatever it is.
    fn sign_status(&mut self, draft: &Draft) -> Result<SignedStatus, SigningError>;
}

/// A head that [`LedgeredSigner`] has found good to sign. Nothing else can make one.
#[derive(Debug)]
pub struct AllowedHead<'a> {
    text: String,
    last: &'a SignedHead,
    head: &'a TreeHead,
    proof: &'a ConsistencyProof,
    time: u64,
}

impl AllowedHead<'_> {
    /// The text of the checkpoint, which is what an Ed25519 note signature covers.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The head signed before this one.
    #[must_use]
    pub fn last(&self) -> &SignedHead {
        self.last
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        self.head
    }

    /// What shows that the head extends the last one.
    #[must_use]
    pub fn proof(&self) -> &ConsistencyProof {
        self.proof
    }

    /// When it is signed, POSIX seconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// Where a log's private key is, and how to have it sign.
pub trait HeadKey: fmt::Debug + Send + 'static {
    /// The 32 bytes of the Ed25519 public key (RFC 8032).
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature over the text of an allowed head. The caller verifies it.
    ///
    /// # Errors
    /// [`KeyError`]; whether a signature was made somewhere is then unknown.
    fn sign(&mut self, head: &AllowedHead<'_>) -> Result<[u8; 64], KeyError>;

    /// The Ed25519 signature over the text of an allowed status. The caller verifies it.
    ///
    /// # Errors
    /// [`KeyError`].
    fn sign_status(&mut self, status: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError>;
}

/// A key together with the ledger of what it signed.
#[derive(Debug)]
pub struct LedgeredSigner {
    vkey: Vkey,
    origin: Origin,
    key: Box<dyn HeadKey>,
    ledger: Ledger,
    spent: bool,
    // When it last signed a status since it was made, POSIX seconds.
    status_time: u64,
}

impl LedgeredSigner {
    /// The signer of the log that is called `origin`. The ledger must be that log's.
    ///
    /// # Errors
    /// [`SigningError::Name`] if the origin cannot name a key.
    pub fn new(origin: Origin, key: Box<dyn HeadKey>, ledger: Ledger) -> Result<Self, SigningError> {
        let vkey = Vkey::ed25519(origin.as_str().parse()?, &key.public_key())
            .map_err(|_| SigningError::Key { source: KeyError::NotAKey })?;
        Ok(Self { vkey, origin, key, ledger, spent: false, status_time: 0 })
    }

    /// The signer whose key was read from a file.
    ///
    /// # Errors
    /// As [`LedgeredSigner::new`].
    pub fn of_file(origin: Origin, key: SigningKey, ledger: Ledger) -> Result<Self, SigningError> {
        Self::new(origin, Box::new(file::FileKey::new(key)), ledger)
    }

    /// The six bad transitions, refused. Changes nothing.
    fn allow(&self, head: &TreeHead, proof: &ConsistencyProof, time: u64) -> Result<(), SigningError> {
        let last = self.ledger.last_signed();
        let (size_seen, size_last) = (head.size().get(), last.head().size().get());
        if size_seen < size_last {
            return Err(SigningError::Smaller { size_seen, size_last });
        }
        if size_seen == size_last {
            let (seen, wanted) = (head.root(), last.head().root());
            return match seen == wanted {
                true => no_proof(proof),
                false => Err(SigningError::OtherRoot { size: size_seen, seen, wanted }),
            };
        }
        if time < last.time() {
            return Err(SigningError::TimeGoesBack { time_seen: time, time_last: last.time() });
        }
        if size_last == 0 {
            return no_proof(proof);
        }
        let unproven = |source| SigningError::Unproven { size_seen, size_last, source };
        proof.verify(last.head(), head).map_err(unproven)
    }

    /// Signs, verifies, remembers.
    fn make(
        &mut self,
        head: &TreeHead,
        proof: &ConsistencyProof,
        time: u64,
    ) -> Result<SignedCheckpoint, SigningError> {
        let text = Checkpoint::new(self.origin.clone(), *head).to_string();
        let last = *self.ledger.last_signed();
        let signature = self.key.sign(&AllowedHead { text: text.clone(), last: &last, head, proof, time })?;
        let note = Note::new(&text, &[NoteSignature::ed25519(&self.vkey, signature)])?;
        let checkpoint = SignedCheckpoint::parse(note.as_bytes())?;
        checkpoint.open(&self.vkey)?;
        if head.size() > last.head().size() {
            self.ledger.append(head, time)?;
        }
        Ok(checkpoint)
    }
}

fn no_proof(proof: &ConsistencyProof) -> Result<(), SigningError> {
    match proof.hashes().len() {
        0 => Ok(()),
        hashes => Err(SigningError::ProofNotEmpty { hashes }),
    }
}

impl HeadSigner for LedgeredSigner {
    fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    fn last(&self) -> &SignedHead {
        self.ledger.last_signed()
    }

    fn sign(
        &mut self,
        head: &TreeHead,
        proof: &ConsistencyProof,
        time: u64,
    ) -> Result<SignedCheckpoint, SigningError> {
        if self.spent {
            return Err(SigningError::Spent);
        }
        self.allow(head, proof, time)?;
        let made = self.make(head, proof, time);
        self.spent = made.is_err();
        made
    }

    fn sign_status(&mut self, draft: &Draft) -> Result<SignedStatus, SigningError> {
        self.signed_status(draft)
    }
}

/// Why a key made no signature.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The signing process stands at a head that is neither the last one here nor the one to sign: its ledger and this
    /// log's belong to different histories, or one of them is an old copy.
    #[error("the signing process last signed size {size_there}, the log's own ledger says {size_here}")]
    Elsewhere {
        /// Last size over there.
        size_there: u64,
        /// Last size in the log's ledger.
        size_here: u64,
    },
    /// Its keeper could not be talked to.
    #[error("could not {act}")]
    Io {
        /// What was to be done.
        act: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The public key is not one of Ed25519.
    #[error("the public key is not an Ed25519 key")]
    NotAKey,
    /// The key is not where it is said to be, or not alone.
    #[error("{place}: the log's key is not there, or there is more than one of that name")]
    NoSuchKey {
        /// Where it was looked for.
        place: String,
    },
    /// Its keeper answered what was not asked, or said no.
    #[error("{peer} gave no usable answer")]
    Protocol {
        /// Who.
        peer: &'static str,
    },
    /// The signing process refused.
    #[error("the signing process refused: {reason}")]
    Refused {
        /// Why.
        reason: frame::Reason,
    },
    /// The token or its module failed.
    #[error("the PKCS#11 token failed")]
    Token {
        /// What the module said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl KeyError {
    /// Whether this is a refusal; otherwise the key could not be reached.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Elsewhere { .. } | Self::NoSuchKey { .. } | Self::NotAKey | Self::Refused { .. })
    }
}

/// Why a head was not signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The checkpoint that was made cannot be read back: a fault of the program.
    #[error("the new checkpoint does not read back")]
    Checkpoint {
        /// Why.
        #[from]
        source: CheckpointError,
    },
    /// The key failed.
    #[error("the key made no signature")]
    Key {
        /// Why.
        #[from]
        source: KeyError,
    },
    /// The head could not be remembered.
    #[error("the signing ledger could not be written")]
    Ledger {
        /// Why.
        #[from]
        source: LedgerError,
    },
    /// The origin cannot be the name of a key.
    #[error("the origin cannot name a key")]
    Name {
        /// Why.
        #[from]
        source: KeyNameError,
    },
    /// The checkpoint cannot be put together: a fault of the program.
    #[error("the new checkpoint cannot be put together")]
    Note {
        /// Why.
        #[from]
        source: NoteError,
    },
    /// Refused: a status of a tree that is not proven to be the beginning of the last signed one.
    #[error(
        "the tree of size {size_seen} is not proven to be the beginning of the signed one of size {size_last}"
    )]
    NotBeginning {
        /// Size of the tree of the refused status.
        size_seen: u64,
        /// Size of the last signed head.
        size_last: u64,
        /// Where the proof fails.
        source: ProofError,
    },
    /// Refused: a status of a tree that was not signed.
    #[error("a status was to be signed for size {size_seen}, but only size {size_last} was signed")]
    NotSigned {
        /// Size of the tree of the refused status.
        size_seen: u64,
        /// Size of the last signed head.
        size_last: u64,
    },
    /// Refused: another tree of the same size was signed.
    #[error("root at size {size} is {seen}, but {wanted} was signed")]
    OtherRoot {
        /// Size of both.
        size: u64,
        /// The root that was to be signed.
        seen: Hash,
        /// The root that was signed.
        wanted: Hash,
    },
    /// Refused: a proof where there is nothing to prove.
    #[error("a proof of {hashes} hashes came where none is needed")]
    ProofNotEmpty {
        /// How many hashes.
        hashes: usize,
    },
    /// The key's signature does not verify under the log's public key. It was not used.
    #[error("the key made a signature that does not verify")]
    Signature {
        /// Why.
        #[from]
        source: CheckpointOpenError,
    },
    /// Refused: a larger tree was signed.
    #[error("size {size_seen} was to be signed, but size {size_last} was signed before")]
    Smaller {
        /// Size of the refused head.
        size_seen: u64,
        /// Size of the last signed head.
        size_last: u64,
    },
    /// The status that was made cannot be read back: a fault of the program.
    #[error("the new status does not read back")]
    Status {
        /// Why.
        #[from]
        source: StatusError,
    },
    /// An earlier error left its outcome unknown.
    #[error("nothing is signed after an error whose outcome is unknown")]
    Spent,
    /// Refused: signing time would go back.
    #[error("time {time_seen} was to be signed at, but the last head was signed at {time_last}")]
    TimeGoesBack {
        /// POSIX seconds of the refused head.
        time_seen: u64,
        /// POSIX seconds of the last signed head.
        time_last: u64,
    },
    /// Refused: the proof does not show that the new tree extends the last one.
    #[error("the tree of size {size_seen} is not proven to extend the signed one of size {size_last}")]
    Unproven {
        /// Size of the refused head.
        size_seen: u64,
        /// Size of the last signed head.
        size_last: u64,
        /// Where the proof fails.
        source: ProofError,
    },
}

impl SigningError {
    /// Whether the head was refused, so that nothing changed and nothing is unknown.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotBeginning { .. }
                | Self::NotSigned { .. }
                | Self::OtherRoot { .. }
                | Self::ProofNotEmpty { .. }
                | Self::Smaller { .. }
                | Self::TimeGoesBack { .. }
                | Self::Unproven { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merkle::{Frontier, LeafHash, NodeId, TreeSize};

    /// Leaves, all complete nodes of which can be asked for.
    pub(super) struct Tree {
        leaves: Vec<LeafHash>,
    }

    impl Tree {
        pub(super) fn of(seed: u8, count: u64) -> Self {
            Self {
                leaves: (0..count).map(|n| LeafHash::of(&[&[seed][..], &n.to_be_bytes()].concat())).collect(),
            }
        }

        pub(super) fn head(&self, size: u64) -> TreeHead {
            let mut frontier = Frontier::new();
            for leaf in &self.leaves[..size as usize] {
                frontier.append(*leaf).unwrap();
            }
            frontier.head()
        }

        pub(super) fn proof(&self, old: u64, new: u64) -> ConsistencyProof {
            let (old, new) = (TreeSize::new(old).unwrap(), TreeSize::new(new).unwrap());
            let node = |id: NodeId| {
                let start = (id.index() << id.level()) as usize;
                let mut frontier = Frontier::new();
                for leaf in &self.leaves[start..start + (1 << id.level())] {
                    frontier.append(*leaf).unwrap();
                }
                Ok::<_, std::convert::Infallible>(frontier.root())
            };
            ConsistencyProof::build(old, new, node).unwrap()
        }
    }

    pub(super) fn none() -> ConsistencyProof {
        ConsistencyProof::new(Vec::new()).unwrap()
    }

    pub(super) struct Case {
        _dir: tempfile::TempDir,
        pub(super) signer: LedgeredSigner,
        pub(super) tree: Tree,
    }

    impl Case {
        /// A signer that has signed size 5 of its tree at time 100.
        pub(super) fn at_five() -> Self {
            let key = SigningKey::from_bytes(&[1; 32]);
            Self::with_key(Box::new(file::FileKey::new(key)))
        }

        pub(super) fn failing_at_statuses() -> Self {
            let key = SigningKey::from_bytes(&[1; 32]);
            Self::with_key(Box::new(Wrong { key, calls: 7, fails: true }))
        }

        fn with_key(key: Box<dyn HeadKey>) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let origin: Origin = "log.test/1".parse().unwrap();
            let vkey = Vkey::ed25519("log.test/1".parse().unwrap(), &key.public_key()).unwrap();
            let ledger = Ledger::create(&dir.path().join("ledger"), &vkey, 0).unwrap();
            let signer = LedgeredSigner::new(origin, key, ledger).unwrap();
            let mut case = Self { _dir: dir, signer, tree: Tree::of(0, 20) };
            let _ = case.signer.sign(&case.tree.head(5), &none(), 100);
            case
        }

        /// Tries a head that must be refused, and checks that the good one is still signed after it.
        fn refused(&mut self, head: &TreeHead, proof: &ConsistencyProof, time: u64) -> SigningError {
            let error = self.signer.sign(head, proof, time).unwrap_err();
            assert!(error.is_refusal(), "{error}");
            assert_eq!(self.signer.last().head(), &self.tree.head(5));
            let proof = self.tree.proof(5, 9);
            self.signer.sign(&self.tree.head(9), &proof, 100).unwrap();
            error
        }
    }

    #[test]
    fn a_proven_head_is_signed_and_remembered() {
        let mut case = Case::at_five();
        let checkpoint = case.signer.sign(&case.tree.head(9), &case.tree.proof(5, 9), 101).unwrap();
        let opened = checkpoint.open(case.signer.vkey()).unwrap();
        assert_eq!(opened.head(), &case.tree.head(9));
        assert_eq!((case.signer.last().head(), case.signer.last().time()), (&case.tree.head(9), 101));
    }

    #[test]
    fn the_very_same_head_is_signed_again_with_the_same_bytes() {
        let mut case = Case::at_five();
        let once = case.signer.sign(&case.tree.head(5), &none(), 100).unwrap();
        let again = case.signer.sign(&case.tree.head(5), &none(), 200).unwrap();
        assert_eq!(once.as_bytes(), again.as_bytes());
        assert_eq!(case.signer.last().time(), 100);
    }

    #[test]
    fn a_smaller_head_is_refused() {
        let mut case = Case::at_five();
        for size in [0, 4] {
            let mut case = Case::at_five();
            let error = case.refused(&Tree::of(0, 20).head(size), &none(), 100);
            assert!(matches!(error, SigningError::Smaller { size_last: 5, .. }));
        }
        let error = case.refused(&case.tree.head(4), &case.tree.proof(4, 5), 100);
        assert!(matches!(error, SigningError::Smaller { size_seen: 4, size_last: 5 }));
    }

    #[test]
    fn another_root_at_the_same_size_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&Tree::of(9, 5).head(5), &none(), 100);
        assert!(matches!(error, SigningError::OtherRoot { size: 5, .. }));
    }

    #[test]
    fn growth_without_a_proof_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&case.tree.head(9), &none(), 100);
        assert!(matches!(error, SigningError::Unproven { size_seen: 9, size_last: 5, .. }));
    }

    #[test]
    fn a_proof_for_another_head_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&case.tree.head(9), &case.tree.proof(5, 10), 100);
        assert!(matches!(error, SigningError::Unproven { .. }));
        let mut case = Case::at_five();
        let (forked, proof) = (Tree::of(9, 20).head(9), Tree::of(9, 20).proof(5, 9));
        assert!(matches!(case.refused(&forked, &proof, 100), SigningError::Unproven { .. }));
    }

    #[test]
    fn a_proof_from_another_old_head_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&case.tree.head(9), &case.tree.proof(4, 9), 100);
        assert!(matches!(error, SigningError::Unproven { .. }));
    }

    #[test]
    fn a_proof_where_none_is_needed_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&case.tree.head(5), &case.tree.proof(5, 9), 100);
        assert!(matches!(error, SigningError::ProofNotEmpty { .. }));
    }

    #[test]
    fn a_time_before_the_last_one_is_refused() {
        let mut case = Case::at_five();
        let error = case.refused(&case.tree.head(9), &case.tree.proof(5, 9), 99);
        assert!(matches!(error, SigningError::TimeGoesBack { time_seen: 99, time_last: 100 }));
    }

    /// A key that goes wrong at its second signature.
    #[derive(Debug)]
    struct Wrong {
        key: SigningKey,
        calls: u32,
        fails: bool,
    }

    impl HeadKey for Wrong {
        fn public_key(&self) -> [u8; 32] {
            self.key.verifying_key().to_bytes()
        }

        fn sign(&mut self, head: &AllowedHead<'_>) -> Result<[u8; 64], KeyError> {
            use ed25519_dalek::Signer as _;
            self.calls += 1;
            match (self.calls, self.fails) {
                (2, true) => {
                    let source = std::io::Error::other("asked to fail by a test");
                    Err(KeyError::Io { act: "reach the key", source })
                }
                (2, false) => Ok(self.key.sign(b"other bytes").to_bytes()),
                _ => Ok(self.key.sign(head.text().as_bytes()).to_bytes()),
            }
        }

        fn sign_status(&mut self, _: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError> {
            let source = std::io::Error::other("asked to fail by a test");
            Err(KeyError::Io { act: "reach the key", source })
        }
    }

    #[test]
    fn after_a_key_that_failed_nothing_more_is_signed() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let mut case = Case::with_key(Box::new(Wrong { key, calls: 0, fails: true }));
        let (head, proof) = (case.tree.head(9), case.tree.proof(5, 9));
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Key { .. })));
        assert_eq!(case.signer.last().head().size().get(), 5);
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Spent)));
    }

    #[test]
    fn a_signature_that_does_not_verify_is_neither_used_nor_remembered() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let mut case = Case::with_key(Box::new(Wrong { key, calls: 0, fails: false }));
        let (head, proof) = (case.tree.head(9), case.tree.proof(5, 9));
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Signature { .. })));
        assert_eq!(case.signer.last().head().size().get(), 5);
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Spent)));
    }

    #[test]
    fn after_a_ledger_that_failed_nothing_more_is_signed() {
        let mut case = Case::at_five();
        case.signer.ledger.fail_next_append();
        let (head, proof) = (case.tree.head(9), case.tree.proof(5, 9));
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Ledger { .. })));
        assert!(matches!(case.signer.sign(&head, &proof, 100), Err(SigningError::Spent)));
    }
}
