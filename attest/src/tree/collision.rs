//! Paths that some file system would let fall together.
//!
//! macOS compares names after normalisation and case folding, Windows after case folding, git and Linux by bytes. A
//! tree that holds `Weights.bin` and `weights.bin` is one model here and another, smaller one there, so there is no
//! such tree. Paths are compared as canonical caseless matches (Unicode 16, section 3.13, D145): decomposed, then folded;
//! a second decomposition would find nothing to do. That covers equality under NFC and under case folding alone.
//!
//! Confession: a letter that a later Unicode version gives a lower case is compared exactly until the tables of
//! `unicode-normalization` and `unicase` know it.

use std::borrow::Cow;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use super::TreeError;
use crate::model_path::ModelPath;

/// Refuses the set if two paths, or the directories of two paths, match without being spelled alike; if a path is
/// there twice; or if a path is the directory of another.
///
/// `paths` is sorted. Memory is linear in the bytes of the paths, however many directories they name, and holds no second copy of
/// those that are ASCII.
pub(crate) fn refuse<'a>(paths: impl Iterator<Item = &'a ModelPath>) -> Result<(), TreeError> {
    let mut folded: Vec<(Cow<'_, str>, &ModelPath)> = paths.map(|path| (fold(path.as_str()), path)).collect();
    // Sorted component by component, all paths below one folded directory stand together, behind the directory itself.
    // So a set with a clash has two neighbours that clash. Equal keys keep the order of `paths`: the sort is stable.
    folded.sort_by(|(a, _), (b, _)| ranks(a).cmp(ranks(b)));
    folded.windows(2).try_for_each(|pair| match pair {
        [(fold_a, a), (fold_b, b)] => refuse_pair(fold_a, a, fold_b, b),
        _ => Ok(()),
    })
}

/// Compares two paths as long as their folded components are equal.
fn refuse_pair(fold_a: &str, a: &ModelPath, fold_b: &str, b: &ModelPath) -> Result<(), TreeError> {
    let (mut folds_a, mut folds_b) = (fold_a.split('/'), fold_b.split('/'));
    let (mut names_a, mut names_b) = (a.components(), b.components());
    loop {
        match (folds_a.next(), folds_b.next()) {
            (Some(fold_a), Some(fold_b)) if fold_a.eq_ignore_ascii_case(fold_b) => {
                if names_a.next() != names_b.next() {
                    let (first, second) = if a <= b { (a, b) } else { (b, a) };
                    return Err(TreeError::Collision { first: first.clone(), second: second.clone() });
                }
            }
            (Some(_), Some(_)) => return Ok(()),
            (None, None) => return Err(TreeError::Duplicate { path: a.clone() }),
            (None, Some(_)) => return Err(TreeError::FileAsDirectory { file: a.clone(), below: b.clone() }),
            (Some(_), None) => return Err(TreeError::FileAsDirectory { file: b.clone(), below: a.clone() }),
        }
    }
}

/// The bytes of a folded path in an order in which its components count one by one: no byte of a path comes before `/`. ASCII is
/// folded here.
fn ranks(folded: &str) -> impl Iterator<Item = u8> {
    folded.bytes().map(|byte| if byte == b'/' { 0 } else { byte.to_ascii_lowercase() })
}

/// Folds a path but for its ASCII letters, which whoever compares folds himself; `/` stays where it is, since no character decomposes
/// or folds to it.
fn fold(path: &str) -> Cow<'_, str> {
    if path.is_ascii() {
        Cow::Borrowed(path)
    } else {
        let decomposed: String = path.nfd().collect();
        Cow::Owned(UniCase::unicode(decomposed).to_folded_case())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_folds_to_a_separator() {
        for character in ('\0'..=char::MAX).filter(|c| *c != '/') {
            assert!(!fold(character.encode_utf8(&mut [0; 4])).contains('/'), "{character:?}");
        }
    }

    /// What spares [`fold`] the second decomposition of D145.
    #[test]
    fn folding_leaves_decomposed_text_decomposed() {
        for character in '\u{80}'..=char::MAX {
            let folded = fold(character.encode_utf8(&mut [0; 4])).into_owned();
            assert!(unicode_normalization::is_nfd(&folded), "{character:?}");
        }
    }

    #[test]
    fn paths_are_ordered_component_by_component() {
        let folded = ["a", "A/b", "a/B/c", "a/b-", "a-b", "a.b", "é/x", "é-"];
        for (a, b) in folded.iter().flat_map(|a| folded.map(|b| (*a, b))) {
            let (lower_a, lower_b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
            let components = lower_a.split('/').cmp(lower_b.split('/'));
            assert_eq!(ranks(a).cmp(ranks(b)), components, "{a:?} {b:?}");
        }
    }

    #[test]
    fn composed_and_decomposed_fold_alike() {
        for (a, b) in [
            ("é", "e\u{301}"),
            ("É", "e\u{301}"),
            ("Å", "\u{212b}"),
            ("ß", "SS"),
            ("ς", "Σ"),
            ("\u{345}\u{301}", "\u{301}\u{3b9}"),
            ("K", "\u{212a}"),
        ] {
            assert!(ranks(&fold(a)).eq(ranks(&fold(b))), "{a:?} {b:?}");
        }
    }
}
