//! Names that look alike: a fold that two of them share.
//!
//! Names are ASCII, lower case and short (`attest::model_name`), so the confusables of UTS 39 fold to very few. A fold is
//! for finding, not for trust: it says that a person may take one for the other.
//!
//! | seen | taken for |
//! |---|---|
//! | `0` | `o` |
//! | `1`, `i` | `l` |
//! | `5` | `s` |
//! | `rn` | `m` |
//! | `vv` | `w` |
//! | `cl` | `d` |
//! | `.`, `_`, `-` | nothing |
//! | a character twice or more | once |
//!
//! `/` stays, so that a component is compared with a component; `*` of a pattern stays too.

use attest::model_name::ModelName;
use attest::name_pattern::NamePattern;

/// Folds a name or a pattern over names.
#[must_use]
pub fn fold(text: &str) -> String {
    text.split('/').map(fold_component).collect::<Vec<_>>().join("/")
}

fn fold_component(component: &str) -> String {
    if component == "**" {
        return component.to_owned();
    }
    let single: String =
        component.chars().filter(|seen| !matches!(seen, '.' | '_' | '-')).map(single).collect();
    // Pairs before repeats, so that `vv` is still there.
    let paired = single.replace("rn", "m").replace("vv", "w").replace("cl", "d");
    let mut folded = String::with_capacity(paired.len());
    for seen in paired.chars() {
        if !folded.ends_with(seen) {
            folded.push(seen);
        }
    }
    // A component of separators alone would be none.
    if folded.is_empty() { component.to_owned() } else { folded }
}

const fn single(seen: char) -> char {
    match seen {
        '0' => 'o',
        '1' | 'i' => 'l',
        '5' => 's',
        other => other,
    }
}

/// A pattern, folded.
#[derive(Clone, Debug)]
pub struct FoldedPattern(Option<NamePattern>);

impl FoldedPattern {
    /// Folds a pattern. One that covers every name looks like nothing.
    #[must_use]
    pub fn of(pattern: &NamePattern) -> Self {
        let has_letters = pattern.as_str().bytes().any(|byte| byte.is_ascii_alphanumeric());
        Self(if has_letters { fold(pattern.as_str()).parse().ok() } else { None })
    }

    /// Whether a folded name looks like one that the pattern covers. A name that it does cover looks like one too.
    #[must_use]
    pub fn covers(&self, folded: &FoldedName) -> bool {
        self.0.as_ref().is_some_and(|pattern| pattern.matches(&folded.0))
    }
}

/// A name, folded.
#[derive(Clone, Debug)]
pub struct FoldedName(ModelName);

impl FoldedName {
    /// Folds a name.
    #[must_use]
    pub fn of(name: &ModelName) -> Self {
        // A fold of a name is a name: no component becomes empty, and none begins with what it did not begin with but at the front.
        Self(fold(name.as_str()).parse().unwrap_or_else(|_| name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(pattern: &str, name: &str) -> bool {
        FoldedPattern::of(&pattern.parse().unwrap()).covers(&FoldedName::of(&name.parse().unwrap()))
    }

    #[test]
    fn names_that_a_person_may_confuse_fold_to_one() {
        for (one, other) in [
            ("acme/churn", "acrne/churn"),
            ("acme/churn", "acme/chum"),
            ("acme/llama", "acme/1lama"),
            ("acme/bert-base", "acme/bert_base"),
            ("acme/bert-base", "acme/bertbase"),
            ("acme/churn", "accme/churn"),
            ("acme/model", "acme/mode1"),
            ("acme/gpt5", "acme/gpts"),
            ("acme/window", "acme/vvindow"),
            ("acme/dog", "acme/clog"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("acme/churn", "acme/chorn"), ("acme/churn", "acmechurn"), ("a/b", "a/c")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_pattern_looks_like_names_of_its_own_shape() {
        assert!(looks("acme/*", "acrne/churn"));
        assert!(looks("acme/**", "acrne/eu/churn"));
        assert!(looks("acme/churn-*", "acme/chum-2"));
        assert!(!looks("acme/*", "acrne/eu/churn"));
        assert!(!looks("acme/churn", "other/churn"));
        assert!(!looks("**", "acme/churn"), "a pattern over everything looks like nothing");
        assert!(looks("acme/-", "acme/-"));
    }
}
