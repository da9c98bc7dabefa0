use std::path::PathBuf;

use attest::provenance::{InputName, InputNameError};

/// `NAME=PATH` of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// What the statement calls it.
    pub(crate) name: InputName,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// Why a text is not `NAME=PATH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NamedPathError {
    #[error("{0}, want NAME=PATH")]
    Name(InputNameError),
    #[error("no path after the first =, want NAME=PATH")]
    NoPath,
    #[error("no = in it, want NAME=PATH")]
    NoSign,
}

impl std::str::FromStr for NamedPath {
    type Err = NamedPathError;

    fn from_str(text: &str) -> Result<Self, NamedPathError> {
        let (name, path) = text.split_once('=').ok_or(NamedPathError::NoSign)?;
        let name = name.parse().map_err(NamedPathError::Name)?;
        if path.is_empty() { Err(NamedPathError::NoPath) } else { Ok(Self { name, path: path.into() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_path_splits_at_the_first_sign() {
        let parsed: NamedPath = "train=a=b".parse().expect("well formed");
        assert_eq!(parsed, NamedPath { name: "train".parse().expect("a name"), path: "a=b".into() });
        assert_eq!("train".parse::<NamedPath>(), Err(NamedPathError::NoSign));
        assert_eq!("=x".parse::<NamedPath>(), Err(NamedPathError::Name(InputNameError::Empty)));
        assert_eq!("x=".parse::<NamedPath>(), Err(NamedPathError::NoPath));
    }
}
