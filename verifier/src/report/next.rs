//! What to type next, by reason. Commands that exist, with the paths of this verdict in them.

use std::path::Path;

use super::words::plain;
use crate::load::Verdict;
use crate::reason::{Class, Reason, Step};

/// The commands, most likely first; none where a command would not help.
pub(super) fn commands(verdict: &Verdict) -> Vec<String> {
    // What lies elsewhere is fetched first, or not at all; a pack is taken apart first.
    if verdict.is_offer() || verdict.missing().is_some() || verdict.bundle() == verdict.model() {
        return Vec::new();
    }
    let model = quoted(verdict.model());
    let Err(refusal) = verdict.result() else {
        return vec![format!("see what it was made from:  tallymark inspect {model}")];
    };
    let inspect = format!("to look at the bundle:  tallymark inspect {model}");
    match refusal.reason() {
        Reason::BundleMissing => {
            vec![format!("if the model is yours:  tallymark sign {model} --as NAME:VERSION --log URL")]
        }
        Reason::NotLogged => {
            vec![format!("if the model is yours:  tallymark submit {model} --log URL"), inspect]
        }
        Reason::NoTrust => {
            vec![format!("with a trust file:  tallymark-verify {model} --trust FILE"), inspect]
        }
        // There is no bundle to look at.
        reason if reason.step() == Step::Read || reason.class() == Class::Io => Vec::new(),
        _ => vec![inspect],
    }
}

/// A path as a shell word.
pub(crate) fn quoted(path: &Path) -> String {
    let text = plain(&path.to_string_lossy());
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
