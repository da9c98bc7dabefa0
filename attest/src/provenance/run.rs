use crate::digest::Sha256Digest;
use crate::utc_time::UtcTime;

use super::fact::MAX_FACT_TEXT_BYTES;
use super::{Fact, InputName, MAX_FACTS, ProvenanceError};

/// Most by-products of one run.
pub const MAX_BYPRODUCTS: usize = 64;
/// Most arguments of an entry point.
pub const MAX_ARGS: usize = 1024;

/// What is known of the run that made a model, beyond its inputs. Empty for a model that was signed without one.
///
/// | where in SLSA provenance | what |
/// |---|---|
/// | `externalParameters.entrypoint` | program and arguments as they were started |
/// | `internalParameters.facts` | [`Fact`]s |
/// | `runDetails.metadata` | `startedOn`, `finishedOn`: both or neither |
/// | `runDetails.byproducts` | [`Byproduct`]s |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    entrypoint: Option<Entrypoint>,
    span: Option<(UtcTime, UtcTime)>,
    facts: Vec<Fact>,
    byproducts: Vec<Byproduct>,
}

/// What was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrypoint {
    program: String,
    args: Vec<String>,
}

impl Entrypoint {
    /// A program and its arguments, as they were started or as a redaction left them.
    ///
    /// # Errors
    /// [`ProvenanceError::BadEntrypoint`] for more than [`MAX_ARGS`] arguments, an empty program, a text longer than
    /// [`MAX_FACT_TEXT_BYTES`], or one with a control character.
    pub fn new(program: String, args: Vec<String>) -> Result<Self, ProvenanceError> {
        let bad = |text: &String| text.len() > MAX_FACT_TEXT_BYTES || text.chars().any(char::is_control);
        if program.is_empty() || args.len() > MAX_ARGS || bad(&program) || args.iter().any(bad) {
            return Err(ProvenanceError::BadEntrypoint);
        }
        Ok(Self { program, args })
    }

    /// What was started.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// With what.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }
}

/// What a by-product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the build type's version")]
pub enum ByproductRole {
    /// What the run printed.
    TrainingLog,
    /// A tracker's record of the run: a database, a lock file.
    TrackerRun,
    /// Which files the run opened.
    ReadSet,
    /// By what the code differed from its commit.
    Patch,
    /// A card, a datasheet.
    Document,
}

impl ByproductRole {
    /// All of them, in the order in which statements list them.
    pub const ALL: [Self; 5] =
        [Self::TrainingLog, Self::TrackerRun, Self::ReadSet, Self::Patch, Self::Document];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrainingLog => "training-log",
            Self::TrackerRun => "tracker-run",
            Self::ReadSet => "read-set",
            Self::Patch => "patch",
            Self::Document => "document",
        }
    }

    /// The role of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A file that the run left beside the model, or that facts were read from.
///
/// ```json
/// {"name":"dvc.lock","digest":{"sha256":"bb20..."},"annotations":{"role":"tracker-run","bytes":"512"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Byproduct {
    role: ByproductRole,
    name: InputName,
    digest: Sha256Digest,
    bytes: u64,
}

impl Byproduct {
    /// A file with this content.
    #[must_use]
    pub const fn new(role: ByproductRole, name: InputName, digest: Sha256Digest, bytes: u64) -> Self {
        Self { role, name, digest, bytes }
    }

    /// What it is.
    #[must_use]
    pub const fn role(&self) -> ByproductRole {
        self.role
    }

    /// What the signer calls it.
    #[must_use]
    pub const fn name(&self) -> &InputName {
        &self.name
    }

    /// SHA-256 of its content.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Run {
    /// A run with what it started, when, and what is known of it. Facts and by-products are sorted, and what is there
    /// twice is there once.
    ///
    /// # Errors
    /// [`ProvenanceError::TooManyFacts`], [`ProvenanceError::TooManyByproducts`],
    /// [`ProvenanceError::DuplicateByproduct`] if two of one role and name differ, and
    /// [`ProvenanceError::EndBeforeStart`].
    pub fn new(
        entrypoint: Option<Entrypoint>,
        span: Option<(UtcTime, UtcTime)>,
        mut facts: Vec<Fact>,
        mut byproducts: Vec<Byproduct>,
    ) -> Result<Self, ProvenanceError> {
        facts.sort();
        facts.dedup();
        byproducts.sort();
        byproducts.dedup();
        if facts.len() > MAX_FACTS {
            return Err(ProvenanceError::TooManyFacts { seen: facts.len() });
        }
        if byproducts.len() > MAX_BYPRODUCTS {
            return Err(ProvenanceError::TooManyByproducts { seen: byproducts.len() });
        }
        for (before, after) in byproducts.iter().zip(byproducts.iter().skip(1)) {
            if (before.role, &before.name) == (after.role, &after.name) {
                return Err(ProvenanceError::DuplicateByproduct { name: after.name.clone() });
            }
        }
        if span.is_some_and(|(started, finished)| finished < started) {
            return Err(ProvenanceError::EndBeforeStart);
        }
        Ok(Self { entrypoint, span, facts, byproducts })
    }

    /// The same run, with further facts.
    ///
    /// # Errors
    /// As [`Run::new`].
    pub fn with_facts(self, facts: Vec<Fact>) -> Result<Self, ProvenanceError> {
        Self::new(self.entrypoint, self.span, [self.facts, facts].concat(), self.byproducts)
    }

    /// What was started, if the signer started it.
    #[must_use]
    pub const fn entrypoint(&self) -> Option<&Entrypoint> {
        self.entrypoint.as_ref()
    }

    /// When it began and ended, by the signer's clock.
    #[must_use]
    pub const fn span(&self) -> Option<(UtcTime, UtcTime)> {
        self.span
    }

    /// What is known of it, sorted.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Files it left or that facts were read from, sorted.
    #[must_use]
    pub fn byproducts(&self) -> &[Byproduct] {
        &self.byproducts
    }
}
