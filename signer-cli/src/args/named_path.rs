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
    #[error("a path without a last component, want NAME=PATH")]
    NoName,
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

/// Reads `NAME=PATH`, or a path that is called as its last component.
pub(super) fn parent(text: &str) -> Result<NamedPath, NamedPathError> {
    if text.contains('=') {
        return text.parse();
    }
    let path = PathBuf::from(text);
    let name = path.file_name().ok_or(NamedPathError::NoName)?.to_string_lossy();
    let name = name.parse().map_err(NamedPathError::Name)?;
    Ok(NamedPath { name, path })
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

    #[test]
    fn a_parent_is_called_as_its_directory_unless_it_is_named() {
        let named =
            |name: &str, path: &str| Ok(NamedPath { name: name.parse().expect("a name"), path: path.into() });
        assert_eq!(parent("models/bert/"), named("bert", "models/bert/"));
        assert_eq!(parent("b=models/bert"), named("b", "models/bert"));
        assert_eq!(parent(".."), Err(NamedPathError::NoName));
        assert!(matches!(parent("models/my model"), Err(NamedPathError::Name(_))));
    }
}
