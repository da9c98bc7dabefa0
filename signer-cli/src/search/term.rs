//! What is looked for, and what stands for it in private entries.

use attest::digest::Sha256Digest;
use attest::entry::{EntryName, EntryPayload, ModelSalt};
use attest::model_name::ModelName;

use crate::entry_view;

/// One thing to look for, as typed: `name=acme/churn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Digest(Vec<u8>),
    Input(Vec<u8>),
    Key(Sha256Digest),
    Name(ModelName),
    /// With its `/`.
    Prefix(String),
}

/// Why a word is no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TermError {
    #[error("want 64 lower-case hex digits, or 40 for a git commit")]
    Digest,
    #[error("want name=, digest=, input= or key=, and a value")]
    Field,
    #[error("want 64 lower-case hex digits, as `tallymark inspect KEY.pub` shows them")]
    Key,
    #[error("want a name such as acme/churn, or a prefix such as acme/")]
    Name,
}

impl std::str::FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        let (field, value) = text.split_once('=').ok_or(TermError::Field)?;
        match field {
            "digest" => Ok(Self::Digest(digest(value)?)),
            "input" => Ok(Self::Input(digest(value)?)),
            "key" => value.parse().map(Self::Key).map_err(|_| TermError::Key),
            "name" => match value.strip_suffix('/') {
                Some(above) => {
                    above.parse::<ModelName>().map_err(|_| TermError::Name)?;
                    Ok(Self::Prefix(value.to_owned()))
                }
                None => value.parse().map(Self::Name).map_err(|_| TermError::Name),
            },
            _ => Err(TermError::Field),
        }
    }
}

fn digest(text: &str) -> Result<Vec<u8>, TermError> {
    // A commit of 40 digits is read as a digest that ends in zeros, and cut.
    let whole = if text.len() == 40 { format!("{text}{}", "0".repeat(24)) } else { text.to_owned() };
    let digest: Sha256Digest = whole.parse().map_err(|_| TermError::Digest)?;
    Ok(digest.as_bytes().iter().take(text.len() / 2).copied().collect())
}

impl Term {
    /// What stands for it in entries that are private under this salt; nothing for the prefix of a name.
    pub(super) fn under(&self, salt: &ModelSalt) -> Vec<Self> {
        let bytes = |commitment: Sha256Digest| commitment.to_bytes().to_vec();
        match self {
            Self::Digest(digest) => {
                salt.about(digest).into_iter().map(|one| Self::Digest(bytes(one))).collect()
            }
            Self::Input(digest) => {
                salt.made_from(digest).into_iter().map(|one| Self::Input(bytes(one))).collect()
            }
            Self::Key(_) => vec![self.clone()],
            Self::Name(name) => vec![Self::Digest(bytes(salt.name(name)))],
            Self::Prefix(_) => Vec::new(),
        }
    }

    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::Digest(_) => "digest",
            Self::Input(_) => "input",
            Self::Key(_) => "key",
            Self::Name(_) | Self::Prefix(_) => "name",
        }
    }

    pub(super) fn value(&self) -> String {
        match self {
            Self::Digest(bytes) | Self::Input(bytes) => entry_view::hex(bytes),
            Self::Key(key_id) => key_id.to_string(),
            Self::Name(name) => name.to_string(),
            Self::Prefix(prefix) => prefix.clone(),
        }
    }

    /// Whether an entry has it: asked of the entry, not of the log.
    pub(super) fn is_in(&self, payload: &EntryPayload) -> bool {
        match self {
            Self::Digest(wanted) => {
                let is_named = match payload.entry_name() {
                    EntryName::Shown { .. } => false,
                    EntryName::Private { name, version } => {
                        [name, version].iter().any(|commitment| commitment.as_bytes() == wanted.as_slice())
                    }
                };
                is_named
                    || payload.statement().as_bytes() == wanted.as_slice()
                    || payload.subjects().iter().any(|subject| subject.digest() == wanted)
            }
            Self::Input(wanted) => payload.inputs().iter().any(|input| input.digest() == wanted),
            Self::Key(wanted) => payload.key().key_id() == *wanted,
            Self::Name(wanted) => payload.name() == Some(wanted),
            Self::Prefix(wanted) => payload.name().is_some_and(|name| name.as_str().starts_with(wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_term_is_read_and_sent_as_it_was_typed() {
        for text in [
            "name=acme/churn".to_owned(),
            "name=acme/".to_owned(),
            format!("digest={HEX}"),
            format!("input={}", &HEX[..40]),
            format!("key={HEX}"),
        ] {
            let term: Term = text.parse().expect("a term");
            assert_eq!(format!("{}={}", term.field(), term.value()), text);
        }
    }

    #[test]
    fn a_term_stands_as_commitments_in_private_entries() {
        let salt = ModelSalt::from_bytes([7; 32]);
        let under = |text: String| text.parse::<Term>().expect("a term").under(&salt);
        let name = "acme/churn".parse().expect("a name");
        let hidden = Term::Digest(salt.name(&name).to_bytes().to_vec());
        assert_eq!(under("name=acme/churn".to_owned()), [hidden]);
        assert_eq!(under("name=acme/".to_owned()), []);
        assert_eq!(under(format!("digest={HEX}")).len(), 5);
        assert_eq!(under(format!("input={}", &HEX[..40])).len(), 9);
    }

    #[test]
    fn what_is_no_term_is_refused_by_what_is_wrong() {
        for (text, error) in [
            ("acme/churn", TermError::Field),
            ("model=acme", TermError::Field),
            ("name=", TermError::Name),
            ("name=/", TermError::Name),
            ("name=Acme", TermError::Name),
            ("digest=abc", TermError::Digest),
            ("input=", TermError::Digest),
            ("key=abc", TermError::Key),
        ] {
            assert_eq!(text.parse::<Term>(), Err(error), "{text}");
        }
        assert_eq!(format!("key={}", &HEX[..40]).parse::<Term>(), Err(TermError::Key));
    }
}
