use core::fmt;

use crate::digest::Sha256Digest;
use crate::private_value::{Commitment, Openings};
use crate::role::Role;
use crate::tree::{Tree, TreeDigest};

use super::read::read_digest_text;
use super::{GitId, InputName, ProvenanceError, Source, SourceUri};

/// Something a model was made from: an element of SLSA's `resolvedDependencies`.
///
/// ```json
/// {"name":"train","uri":"s3://company-data/v4","digest":{"sha256":"c3b0..."},
///  "annotations":{"role":"dataset","form":"model-tree/v1","source":"observed","files":48213,"bytes":"912345678901"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    role: Role,
    name: InputName,
    uri: Option<SourceUri>,
    digest: InputDigest,
    source: Source,
}

impl Input {
    /// Describes an input.
    ///
    /// # Errors
    /// [`ProvenanceError::RoleAndDigest`] unless a [`Checkout`] comes with [`Role::Code`] and nothing else does. A private
    /// digest may be that of anything.
    pub fn new(
        role: Role,
        name: InputName,
        source: Source,
        digest: InputDigest,
    ) -> Result<Self, ProvenanceError> {
        let fits = match digest {
            InputDigest::Code(_) => role == Role::Code,
            InputDigest::Tree { .. } | InputDigest::File { .. } => role != Role::Code,
            InputDigest::Private(_) => true,
        };
        if !fits {
            return Err(ProvenanceError::RoleAndDigest { role, name });
        }
        Ok(Self { role, name, uri: None, digest, source })
    }

    /// Adds where it can be found.
    #[must_use]
    pub fn with_uri(self, uri: SourceUri) -> Self {
        Self { uri: Some(uri), ..self }
    }

    /// Calls it something else.
    #[must_use]
    pub fn with_name(self, name: InputName) -> Self {
        Self { name, ..self }
    }

    /// Shows a commitment instead of its digest and size.
    #[must_use]
    pub fn with_private_digest(self, commitment: Commitment) -> Self {
        Self { digest: InputDigest::Private(commitment), ..self }
    }

    /// Shows what of its name, its place and its digest is private and is opened, and tells whether anything was.
    ///
    /// What is opened is what the signer committed to. If that could not stand in its place, as it is none of ours, it stays
    /// private.
    #[must_use]
    pub fn opened(self, openings: &Openings) -> (Self, bool) {
        let value = |commitment: Option<Commitment>| Some(openings.of(commitment?)?.value());
        let name = value(self.name.commitment()).and_then(|name| name.parse().ok());
        let uri = self.uri.as_ref().and_then(|uri| Commitment::in_text(uri.as_str()));
        let uri = value(uri).and_then(|uri| uri.parse().ok());
        let text = value(self.digest.commitment());
        let digest = text.and_then(|text| read_digest_text(self.role, text)).filter(|digest| {
            let shown = Self { digest: digest.clone(), ..self.clone() };
            digest.commitment().is_none() && text == Some(shown.digest_text().as_str())
        });
        let opened = name.is_some() || uri.is_some() || digest.is_some();
        let (name, uri) = (name.unwrap_or(self.name), uri.or(self.uri));
        (Self { name, uri, digest: digest.unwrap_or(self.digest), ..self }, opened)
    }

    /// As what it went into the model.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What the signer calls it.
    #[must_use]
    pub const fn name(&self) -> &InputName {
        &self.name
    }

    /// Where it can be found.
    #[must_use]
    pub const fn uri(&self) -> Option<&SourceUri> {
        self.uri.as_ref()
    }

    /// What it is.
    #[must_use]
    pub const fn digest(&self) -> &InputDigest {
        &self.digest
    }

    /// How the signer knows.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }
}

/// The digest of an input, by the form it was made in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputDigest {
    /// A directory.
    Tree {
        /// Its tree digest.
        digest: TreeDigest,
        /// How large it is, if the signer knows.
        extent: Option<Extent>,
    },
    /// One file's content.
    File {
        /// Its SHA-256.
        digest: Sha256Digest,
        /// Its size in bytes, if the signer knows.
        bytes: Option<u64>,
    },
    /// A checkout of source code.
    Code(Checkout),
    /// One that the signer knows and does not show ([`crate::private_value`]).
    Private(Commitment),
}

impl InputDigest {
    /// The SHA-256 that identifies it: of a tree or of a file. A checkout may have none, and a private one has none.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256Digest> {
        match self {
            Self::Tree { digest, .. } => Some(digest.digest()),
            Self::File { digest, .. } => Some(*digest),
            Self::Code(checkout) => checkout.sources().map(|(digest, _)| digest.digest()),
            Self::Private(_) => None,
        }
    }

    /// The checkout, if it is one.
    #[must_use]
    pub const fn checkout(&self) -> Option<&Checkout> {
        match self {
            Self::Code(checkout) => Some(checkout),
            Self::Tree { .. } | Self::File { .. } | Self::Private(_) => None,
        }
    }

    /// The commitment that stands in its place, if it is private.
    #[must_use]
    pub const fn commitment(&self) -> Option<Commitment> {
        match self {
            Self::Private(commitment) => Some(*commitment),
            Self::Tree { .. } | Self::File { .. } | Self::Code(_) => None,
        }
    }
}

impl From<&Tree> for InputDigest {
    fn from(tree: &Tree) -> Self {
        Self::Tree { digest: tree.digest(), extent: Some(Extent::of(tree)) }
    }
}

/// Writes the digest that identifies it, named as in-toto names it: `sha256:...`, or `gitCommit:...` for a checkout
/// without a tree digest; or `private:...`.
impl fmt::Display for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.sha256()) {
            (Self::Code(checkout), None) => write!(f, "gitCommit:{}", checkout.commit()),
            (Self::Private(commitment), _) => fmt::Display::fmt(commitment, f),
            (_, sha256) => sha256.iter().try_for_each(|digest| write!(f, "sha256:{digest}")),
        }
    }
}

/// How large a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    files: u64,
    bytes: u64,
}

impl Extent {
    /// Measures a tree.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        Self { files: tree.file_count(), bytes: tree.total_bytes() }
    }

    /// Takes numbers that a statement claims.
    pub(crate) const fn claimed(files: u64, bytes: u64) -> Self {
        Self { files, bytes }
    }

    /// Number of files.
    #[must_use]
    pub const fn files(self) -> u64 {
        self.files
    }

    /// Sum of their sizes, in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

/// Source code in a git work tree.
///
/// The git ids find it; the tree digest of the files as they lay there proves it. A checkout with a symbolic link or
/// a submodule has no tree digest, and its form is then `git`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    commit: GitId,
    tree: GitId,
    state: WorkTreeState,
    sources: Option<(TreeDigest, Option<Extent>)>,
}

/// Whether a work tree holds what its commit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum WorkTreeState {
    /// Index and work tree equal the commit, and no file lies there that git neither tracks nor ignores.
    Clean,
    /// Something differs.
    Dirty,
}

impl WorkTreeState {
    /// The word for it: `clean` or `dirty`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
        }
    }
}

impl Checkout {
    /// Describes a checkout of `commit`, whose tree object is `tree`, without a tree digest.
    ///
    /// # Errors
    /// [`ProvenanceError::MixedGitIds`] if the two ids have different lengths.
    pub fn new(commit: GitId, tree: GitId, state: WorkTreeState) -> Result<Self, ProvenanceError> {
        if commit.as_bytes().len() != tree.as_bytes().len() {
            return Err(ProvenanceError::MixedGitIds { commit, tree });
        }
        Ok(Self { commit, tree, state, sources: None })
    }

    /// Adds the digest of the files as they lay there.
    #[must_use]
    pub fn with_sources(self, sources: &Tree) -> Self {
        self.with_claimed_sources(sources.digest(), Some(Extent::of(sources)))
    }

    /// Adds what a statement claims to be that digest.
    pub(crate) fn with_claimed_sources(self, digest: TreeDigest, extent: Option<Extent>) -> Self {
        Self { sources: Some((digest, extent)), ..self }
    }

    /// Id of the commit.
    #[must_use]
    pub const fn commit(&self) -> &GitId {
        &self.commit
    }

    /// Id of the commit's tree object.
    #[must_use]
    pub const fn tree(&self) -> &GitId {
        &self.tree
    }

    /// Whether the work tree held what the commit holds.
    #[must_use]
    pub const fn state(&self) -> WorkTreeState {
        self.state
    }

    /// Tree digest of the files as they lay there, and how large they were.
    #[must_use]
    pub const fn sources(&self) -> Option<(TreeDigest, Option<Extent>)> {
        self.sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_value::{Opening, Salt};

    /// A dataset of which name, place and digest are private, and the openings in this order.
    fn private() -> (Input, Input, [Opening; 3]) {
        let digest = InputDigest::File { digest: Sha256Digest::of(b"x"), bytes: Some(1) };
        let name = "customers".parse().expect("a name");
        let shown = Input::new(Role::Dataset, name, Source::Observed, digest).expect("an input");
        let shown = shown.with_uri("s3://bucket/customers".parse().expect("a URI"));
        let opening = |salt, value: &str| {
            Opening::new(Salt::from_bytes([salt; 32]), value.to_owned()).expect("a value")
        };
        let openings =
            [opening(1, "customers"), opening(2, "s3://bucket/customers"), opening(3, &shown.digest_text())];
        let [name, uri, digest] = [0, 1, 2].map(|at| openings[at].commitment());
        let hidden = shown.clone().with_name(name.into()).with_uri(uri.into()).with_private_digest(digest);
        (shown, hidden, openings)
    }

    #[test]
    fn what_is_opened_of_an_input_is_shown_and_the_rest_stays_private() {
        let (shown, hidden, openings) = private();
        let mut known = Openings::default();
        assert_eq!(hidden.clone().opened(&known), (hidden.clone(), false));
        for opening in openings {
            assert_ne!(hidden.clone().opened(&known).0, shown);
            known.add(opening).expect("room");
            assert!(hidden.clone().opened(&known).1);
        }
        assert_eq!(hidden.opened(&known), (shown.clone(), true));
        assert_eq!(shown.clone().opened(&known), (shown, false));
    }

    #[test]
    fn a_value_that_could_not_stand_there_opens_nothing() {
        let (shown, ..) = private();
        for text in ["a name with spaces", "{}", r#"{"form":"file","digest":{"sha256":"00"}}"#] {
            let opening = Opening::new(Salt::from_bytes([7; 32]), text.to_owned()).expect("a value");
            let mut known = Openings::default();
            known.add(opening.clone()).expect("room");
            let commitment = opening.commitment();
            let hidden = shown.clone().with_name(commitment.into()).with_private_digest(commitment);
            assert_eq!(hidden.clone().opened(&known), (hidden, false), "{text}");
        }
    }
}
