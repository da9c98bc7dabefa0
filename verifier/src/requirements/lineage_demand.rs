//! What a rule of the trust file demands of a lineage, and what the caller vouches for himself.

use attest::digest::Sha256Digest;
use attest::provenance::{Relation, Source};
use attest::role::Role;
use serde::Deserialize;
use toml::Spanned;

use super::error::RequirementsError;

/// The inputs whose lineage can be demanded.
const ROLES: [Role; 3] = [Role::BaseModel, Role::Adapter, Role::Dataset];

/// Which links of a lineage must lead to something that is known, and how well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageDemand {
    roles: Vec<Role>,
    depth: Option<u8>,
    sources: Option<Vec<Source>>,
    relations: Option<Vec<Relation>>,
}

/// A word of a closed list. What it may be is checked where the line is known.
pub(super) type Words = Vec<String>;

impl LineageDemand {
    /// Reads the four members of a rule; `None` if none of them is there.
    pub(super) fn read(
        lineage: Option<&Words>,
        depth: Option<u8>,
        sources: Option<&Words>,
        relations: Option<&Words>,
        line: usize,
    ) -> Result<Option<Self>, RequirementsError> {
        let Some(lineage) = lineage else {
            return match (depth, sources, relations) {
                (None, None, None) => Ok(None),
                // Said of no link, it would demand nothing.
                _ => Err(RequirementsError::NoLineage { line }),
            };
        };
        let role = |word: &str| Role::from_name(word).filter(|role| ROLES.contains(role));
        let roles = words("lineage", lineage, role, line)?;
        let sources =
            sources.map(|all| words("lineage-sources", all, Source::from_name, line)).transpose()?;
        let relations =
            relations.map(|all| words("lineage-relations", all, Relation::from_name, line)).transpose()?;
        if depth == Some(0) {
            return Err(RequirementsError::LineageDepth { line });
        }
        Ok(Some(Self { roles, depth, sources, relations }))
    }

    /// The roles whose links are followed; at least one.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// How many links from the model; as far as they lead if it is not said.
    #[must_use]
    pub const fn depth(&self) -> Option<u8> {
        self.depth
    }

    /// Whether a link that is known like that is good enough.
    #[must_use]
    pub fn accepts(&self, source: Source) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(&source))
    }

    /// Whether a model may have come out of its inputs like that.
    #[must_use]
    pub fn allows(&self, relation: Relation) -> bool {
        self.relations.as_ref().is_none_or(|relations| relations.contains(&relation))
    }
}

/// Reads words of a closed list, at least one.
fn words<T>(
    member: &'static str,
    all: &[String],
    read: impl Fn(&str) -> Option<T>,
    line: usize,
) -> Result<Vec<T>, RequirementsError> {
    if all.is_empty() {
        return Err(RequirementsError::EmptyList { line, member });
    }
    let word = |word: &String| {
        read(word).ok_or_else(|| RequirementsError::LineageWord { line, member, seen: word.clone() })
    };
    all.iter().map(word).collect()
}

/// One `[[anchor]]`: a digest that the caller vouches for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AnchorTable {
    digest: Spanned<String>,
}

impl AnchorTable {
    pub(super) fn read(
        &self,
        line_at: &impl Fn(usize) -> usize,
    ) -> Result<(Sha256Digest, usize), RequirementsError> {
        let line = line_at(self.digest.span().start);
        let text = self.digest.get_ref();
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let digest = digits.parse().map_err(|source| RequirementsError::AnchorDigest { line, source })?;
        Ok((digest, line))
    }
}
