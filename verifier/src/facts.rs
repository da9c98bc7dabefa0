//! What was established about one statement: the material of a report. Each fact is there only if its step held.

use attest::entry::ModelSalt;
use attest::key::PublicKey;
use attest::statement::Statement;
use attest::tree::{Tree, TreeDigest};
use merkle::{InclusionProof, TreeHead};
use tlog::checkpoint::Origin;
use tlog::cosignature::Cosignature;

use crate::requirements::Publisher;
use crate::status::Known;

/// What was established. A fact of a refused statement is true on its own and gives no reason to load the model.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub(crate) statement: Option<Statement>,
    pub(crate) signer: Option<PublicKey>,
    pub(crate) position: Option<Position>,
    pub(crate) log: Option<Origin>,
    pub(crate) cosignatures: Vec<Cosignature>,
    /// Of a private entry that was computed again.
    pub(crate) salt: Option<ModelSalt>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) contents: Option<Contents>,
    pub(crate) status: Known,
}

/// Where the entry is in its log, as far as the proof goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    index: u64,
    head: TreeHead,
}

impl Position {
    pub(crate) fn new(proof: &InclusionProof, head: TreeHead) -> Self {
        Self { index: proof.index().get(), head }
    }

    /// The entry's index, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The tree head that the proof leads to.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }
}

/// The files that were found, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    files: u64,
    total_bytes: u64,
    digest: TreeDigest,
}

impl Contents {
    pub(crate) fn of(tree: &Tree) -> Self {
        Self { files: tree.file_count(), total_bytes: tree.total_bytes(), digest: tree.digest() }
    }

    /// How many files.
    #[must_use]
    pub const fn files(&self) -> u64 {
        self.files
    }

    /// The sum of their sizes, in bytes.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Their tree digest.
    #[must_use]
    pub const fn digest(&self) -> TreeDigest {
        self.digest
    }
}

impl Facts {
    /// Step 2: the statement in the envelope.
    #[must_use]
    pub const fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// Step 3: the key under which its signature verifies.
    #[must_use]
    pub const fn signer(&self) -> Option<&PublicKey> {
        self.signer.as_ref()
    }

    /// Step 5: where the entry is.
    #[must_use]
    pub const fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Step 6: the log that signed the checkpoint.
    #[must_use]
    pub const fn log(&self) -> Option<&Origin> {
        self.log.as_ref()
    }

    /// Step 7: the cosignatures by witnesses of the policy. May be empty where the policy asks for none.
    #[must_use]
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// Step 8: the line of the trust file that admits the signer.
    #[must_use]
    pub const fn publisher(&self) -> Option<&Publisher> {
        self.publisher.as_ref()
    }

    /// Step 8: what logs knew to have been said about it. Nothing if its statement is not believed.
    #[must_use]
    pub const fn status(&self) -> &Known {
        &self.status
    }

    /// Step 9: the files that are here, whether or not they are the signed ones.
    #[must_use]
    pub const fn contents(&self) -> Option<&Contents> {
        self.contents.as_ref()
    }
}
