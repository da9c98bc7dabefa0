//! What proves a value: a statement, who signed it, and its entry in a log.

use attest::digest::Sha256Digest;
use attest::statement::StatementKind;
use attest::utc_time::UtcTime;
use merkle::LeafHash;
use verifier::LoggedStatement;

/// A verified statement, reduced to what a reader needs to find and check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    kind: StatementKind,
    statement: Sha256Digest,
    key_id: Sha256Digest,
    algorithm: String,
    pattern: String,
    origin: String,
    index: u64,
    leaf: LeafHash,
    tree_size: u64,
    root: String,
    cosignatures: Vec<(String, UtcTime)>,
}

impl Proof {
    /// The proof that a logged statement is. It can be had from nothing else.
    #[must_use]
    pub fn of(logged: &LoggedStatement) -> Self {
        let signed = logged.signed();
        let statement = signed.statement();
        let time = |seconds| UtcTime::from_unix_seconds(seconds);
        let mut cosignatures: Vec<_> = logged
            .cosignatures()
            .iter()
            .filter_map(|one| Some((one.witness().to_string(), time(one.timestamp().get())?)))
            .collect();
        cosignatures.sort();
        Self {
            kind: statement.kind(),
            statement: statement.digest(),
            key_id: signed.key().key_id(),
            algorithm: signed.key().algorithm().to_string(),
            pattern: signed.publisher().pattern().to_string(),
            origin: logged.origin().to_string(),
            index: logged.position().index(),
            leaf: logged.leaf(),
            tree_size: logged.position().head().size().get(),
            root: logged.position().head().root().to_string(),
            cosignatures,
        }
    }

    /// What kind of statement it is.
    #[must_use]
    pub const fn kind(&self) -> StatementKind {
        self.kind
    }

    /// The statement digest.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// The key that signed it.
    #[must_use]
    pub const fn key_id(&self) -> Sha256Digest {
        self.key_id
    }

    /// That key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The name pattern of the trust file under which the key may sign.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The entry's index in it.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The entry's leaf hash.
    #[must_use]
    pub const fn leaf(&self) -> &LeafHash {
        &self.leaf
    }

    /// Size of the tree that the proof leads to.
    #[must_use]
    pub const fn tree_size(&self) -> u64 {
        self.tree_size
    }

    /// That tree's root.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Witnesses that saw that tree, and when.
    #[must_use]
    pub fn cosignatures(&self) -> &[(String, UtcTime)] {
        &self.cosignatures
    }

    /// The time by which the entry was in the log: the earliest that a witness tells.
    #[must_use]
    pub fn logged_by(&self) -> Option<UtcTime> {
        self.cosignatures.iter().map(|(_, time)| *time).min()
    }

    /// In one line: `log.example.org/2026 #17, leaf 5a8f…`.
    #[must_use]
    pub fn citation(&self) -> String {
        format!(
            "{} statement sha256:{}, log {} entry {} leaf {}, tree of {} root {}",
            self.kind, self.statement, self.origin, self.index, self.leaf, self.tree_size, self.root
        )
    }
}
