//! Signing a status: which root the map of a tree's entries has (`spec/status.md`).
//!
//! The rule is that for heads: "sign this status", never "sign these bytes". The signer makes the text itself. It refuses a
//! tree that it did not sign a checkpoint for and that is not proven to be the beginning of one, and a time before that of the last
//! head or status. Nothing is remembered beyond the process: two statuses of one tree contradict each other only if
//! their maps differ, and then each of them shows it.
//!
//! A key that fails here leaves nothing unknown about heads, so the log goes on.

use merkle::{ConsistencyProof, Hash, TreeHead};
use tlog::note::{Note, NoteSignature};
use tlog::status::{SignedStatus, Status};

use super::{LedgeredSigner, SigningError, no_proof};

/// A status that is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    head: TreeHead,
    proof: ConsistencyProof,
    map: Hash,
    time: u64,
}

impl Draft {
    /// The entries of the tree of `head` have a map with the root `map`, at `time` in POSIX seconds. `proof` leads from `head` to
    /// the last signed head; it has no hashes if the tree is empty or is that one.
    #[must_use]
    pub const fn new(head: TreeHead, proof: ConsistencyProof, map: Hash, time: u64) -> Self {
        Self { head, proof, map, time }
    }

    /// The tree whose entries are in the map.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// What shows that the tree is the beginning of the last signed one.
    #[must_use]
    pub const fn proof(&self) -> &ConsistencyProof {
        &self.proof
    }

    /// The root of the map.
    #[must_use]
    pub const fn map(&self) -> &Hash {
        &self.map
    }

    /// When it is signed, POSIX seconds.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }
}

/// A status that [`LedgeredSigner`] has found good to sign. Nothing else can make one.
#[derive(Debug)]
pub struct AllowedStatus<'a> {
    text: String,
    draft: &'a Draft,
}

impl AllowedStatus<'_> {
    /// The text of the status, which is what an Ed25519 note signature covers.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it was made of.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        self.draft
    }
}

impl LedgeredSigner {
    /// The bad statuses, refused. Changes nothing.
    fn allow_status(&self, draft: &Draft) -> Result<(), SigningError> {
        let (head, last) = (draft.head(), self.ledger.last_signed());
        let (size_seen, size_last) = (head.size().get(), last.head().size().get());
        let time_last = last.time().max(self.status_time);
        if draft.time() < time_last {
            return Err(SigningError::TimeGoesBack { time_seen: draft.time(), time_last });
        }
        if size_seen > size_last {
            return Err(SigningError::NotSigned { size_seen, size_last });
        }
        if size_seen == size_last && head.root() != last.head().root() {
            let (seen, wanted) = (head.root(), last.head().root());
            return Err(SigningError::OtherRoot { size: size_last, seen, wanted });
        }
        if size_seen == size_last || size_seen == 0 {
            return no_proof(draft.proof());
        }
        let unproven = |source| SigningError::NotBeginning { size_seen, size_last, source };
        draft.proof().verify(head, last.head()).map_err(unproven)
    }

    pub(super) fn signed_status(&mut self, draft: &Draft) -> Result<SignedStatus, SigningError> {
        if self.spent {
            return Err(SigningError::Spent);
        }
        self.allow_status(draft)?;
        let text = Status::new(self.origin.clone(), draft.head, draft.map, draft.time).to_string();
        let signature = self.key.sign_status(&AllowedStatus { text: text.clone(), draft })?;
        let note = Note::new(&text, &[NoteSignature::ed25519(&self.vkey, signature)])?;
        let status = SignedStatus::parse(note.as_bytes())?;
        status.open(&self.vkey)?;
        self.status_time = draft.time;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::HeadSigner as _;
    use crate::signing::tests::{Case, none};
    use merkle::EMPTY_MAP_ROOT;

    const MAP: Hash = Hash::from_bytes([5; 32]);

    fn draft(case: &Case, size: u64, proof: ConsistencyProof, time: u64) -> Draft {
        Draft::new(case.tree.head(size), proof, MAP, time)
    }

    #[test]
    fn the_status_of_the_last_head_is_signed_and_says_what_it_was_made_of() {
        let mut case = Case::at_five();
        let status = case.signer.sign_status(&draft(&case, 5, none(), 100)).unwrap();
        let opened = status.open(case.signer.vkey()).unwrap();
        assert_eq!((opened.status().head(), opened.status().map()), (&case.tree.head(5), &MAP));
        assert_eq!((opened.status().time(), opened.status().origin().as_str()), (100, "log.test/1"));
    }

    #[test]
    fn the_status_of_the_beginning_of_a_signed_tree_is_signed() {
        let mut case = Case::at_five();
        case.signer.sign_status(&draft(&case, 3, case.tree.proof(3, 5), 100)).unwrap();
        let empty = Draft::new(case.tree.head(0), none(), EMPTY_MAP_ROOT, 100);
        case.signer.sign_status(&empty).unwrap();
    }

    #[test]
    fn the_status_of_a_tree_that_was_not_signed_is_refused() {
        let mut case = Case::at_five();
        let refused = |case: &mut Case, draft: &Draft| case.signer.sign_status(draft).unwrap_err();
        let grown = draft(&case, 9, case.tree.proof(5, 9), 100);
        assert!(matches!(refused(&mut case, &grown), SigningError::NotSigned { size_seen: 9, size_last: 5 }));
        let other = Draft::new(crate::signing::tests::Tree::of(9, 5).head(5), none(), MAP, 100);
        assert!(matches!(refused(&mut case, &other), SigningError::OtherRoot { size: 5, .. }));
        let unproven = draft(&case, 3, none(), 100);
        assert!(matches!(refused(&mut case, &unproven), SigningError::NotBeginning { size_seen: 3, .. }));
        let forked = Draft::new(
            crate::signing::tests::Tree::of(9, 5).head(3),
            crate::signing::tests::Tree::of(9, 5).proof(3, 5),
            MAP,
            100,
        );
        assert!(matches!(refused(&mut case, &forked), SigningError::NotBeginning { .. }));
        let more = draft(&case, 5, case.tree.proof(3, 5), 100);
        assert!(matches!(refused(&mut case, &more), SigningError::ProofNotEmpty { .. }));
        // And heads are signed as before.
        case.signer.sign(&case.tree.head(9), &case.tree.proof(5, 9), 100).unwrap();
    }

    #[test]
    fn the_time_of_a_status_does_not_go_back_behind_heads_nor_statuses() {
        let mut case = Case::at_five();
        let early = case.signer.sign_status(&draft(&case, 5, none(), 99)).unwrap_err();
        assert!(matches!(early, SigningError::TimeGoesBack { time_seen: 99, time_last: 100 }));
        case.signer.sign_status(&draft(&case, 5, none(), 150)).unwrap();
        let early = case.signer.sign_status(&draft(&case, 5, none(), 149)).unwrap_err();
        assert!(early.is_refusal() && matches!(early, SigningError::TimeGoesBack { time_last: 150, .. }));
    }

    #[test]
    fn a_key_that_fails_at_a_status_still_signs_heads() {
        let mut case = Case::failing_at_statuses();
        assert!(matches!(
            case.signer.sign_status(&draft(&case, 5, none(), 100)),
            Err(SigningError::Key { .. })
        ));
        case.signer.sign(&case.tree.head(9), &case.tree.proof(5, 9), 100).unwrap();
    }
}
