//! Patterns over model names: who may sign what (trust file), who may submit what (admission to a log).
//!
//! ```text
//! acme/churn    that name and no other
//! acme/*        one component: acme/churn, not acme/eu/churn
//! acme/churn-*  `*` may be a part of a component
//! acme/**       one component or more: acme/churn, acme/eu/churn; not acme
//! **            every name
//! ```
//!
//! A pattern always covers the whole name; there is no regular expression and nothing to anchor.

use std::fmt;
use std::str::FromStr;

use crate::model_name::ModelName;

/// Longest pattern, in bytes: as long as the longest name (spec/statement.md).
pub const MAX_PATTERN_BYTES: usize = 128;

/// A pattern over model names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    components: Vec<Component>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Component {
    /// Bytes of one component, in which `*` stands for any number of bytes.
    One(String),
    /// Any number of components, also none; written after a `One("*")`, so that `**` needs at least one.
    Many,
}

/// Why a text is not a name pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A character that no name has, and that is not `*`.
    #[error("character {seen:?} at byte {offset}, wanted one of a-z 0-9 . _ / - *")]
    Character {
        /// What stands there.
        seen: char,
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// Nothing between two slashes, or at either end.
    #[error("an empty component, wanted text between slashes")]
    EmptyComponent,
    /// `**` beside other characters, such as `acme**`.
    #[error("component {component:?}, wanted ** to stand alone between slashes")]
    DoubleStarInside {
        /// The component as written.
        component: String,
    },
    /// Longer than any name.
    #[error("{seen} bytes, wanted at most {MAX_PATTERN_BYTES}")]
    TooLong {
        /// Its length in bytes.
        seen: usize,
    },
}

impl NamePattern {
    /// Whether the pattern covers the whole of `name`.
    #[must_use]
    pub fn matches(&self, name: &ModelName) -> bool {
        let parts: Vec<&str> = name.as_str().split('/').collect();
        covers(
            &self.components,
            &parts,
            |c| *c == Component::Many,
            |c, part| match c {
                Component::One(text) => {
                    covers(text.as_bytes(), part.as_bytes(), |b| *b == b'*', |b, seen| b == seen)
                }
                Component::Many => false,
            },
        )
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong { seen: text.len() });
        }
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._/-*".contains(c);
        if let Some((offset, seen)) = text.char_indices().find(|(_, c)| !known(*c)) {
            return Err(PatternError::Character { seen, offset });
        }
        let mut components = Vec::new();
        for component in text.split('/') {
            match component {
                "" => return Err(PatternError::EmptyComponent),
                "**" => components.extend([Component::One("*".to_owned()), Component::Many]),
                _ if component.contains("**") => {
                    return Err(PatternError::DoubleStarInside { component: component.to_owned() });
                }
                _ => components.push(Component::One(component.to_owned())),
            }
        }
        Ok(Self { text: text.to_owned(), components })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `pattern` covers all of `items`. Going back to the last wildcard alone is enough, so the cost is at most
/// the product of the two lengths.
fn covers<P, T>(
    pattern: &[P],
    items: &[T],
    is_many: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(item) = items.get(next) {
        match pattern.get(at) {
            Some(p) if is_many(p) => {
                retry = Some((at, next));
                at += 1;
            }
            Some(p) if fits(p, item) => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                at = star + 1;
                next = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(is_many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn a_pattern_without_a_star_covers_that_name_alone() {
        assert!(matches("acme/churn", "acme/churn"));
        assert!(!matches("acme/churn", "acme/churn2"));
        assert!(!matches("acme/churn", "acme/chur"));
        assert!(!matches("acme/churn", "xacme/churn"));
        assert!(!matches("acme", "acme/churn"));
    }

    #[test]
    fn one_star_stays_within_its_component() {
        assert!(matches("acme/*", "acme/churn"));
        assert!(!matches("acme/*", "acme/eu/churn"));
        assert!(!matches("acme/*", "acme"));
        assert!(!matches("acme/*", "acme2/churn"));
        assert!(matches("acme/churn-*", "acme/churn-"));
        assert!(matches("acme/*-eu-*", "acme/a-eu-eu-b"));
        assert!(!matches("acme/*-eu", "acme/a-eu-b"));
        assert!(matches("*/churn", "acme/churn"));
    }

    #[test]
    fn two_stars_cover_one_component_or_more() {
        assert!(matches("acme/**", "acme/churn"));
        assert!(matches("acme/**", "acme/eu/churn"));
        assert!(!matches("acme/**", "acme"));
        assert!(!matches("acme/**", "acmes/churn"));
        assert!(matches("**", "acme"));
        assert!(matches("**/churn", "acme/eu/churn"));
        assert!(!matches("**/churn", "churn"));
        assert!(matches("a/**/z/**", "a/b/z/z/y"));
    }

    #[test]
    fn parse_names_what_it_refuses() {
        assert_eq!("acme//x".parse::<NamePattern>(), Err(PatternError::EmptyComponent));
        assert_eq!("".parse::<NamePattern>(), Err(PatternError::EmptyComponent));
        assert_eq!("Acme".parse::<NamePattern>(), Err(PatternError::Character { seen: 'A', offset: 0 }));
        assert_eq!(
            "acme/x**".parse::<NamePattern>(),
            Err(PatternError::DoubleStarInside { component: "x**".to_owned() })
        );
        assert_eq!("a".repeat(129).parse::<NamePattern>(), Err(PatternError::TooLong { seen: 129 }));
    }

    #[test]
    fn a_pattern_of_many_stars_is_decided_in_no_time() {
        let pattern = "*a".repeat(60);
        assert!(!matches(&pattern, &format!("{}b", "a".repeat(127))));
    }
}
