//! Which files a verdict is about, as the tools that show code want it: one observation, one place.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Common;
use super::words::{cause, plain};
use crate::failure::Failure;
use crate::load::Verdict;
use crate::reason::Reason;

/// Everything but letters, digits and what a path may show as it is, RFC 3986 section 3.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// How much an observation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The model is not verified because of it.
    Error,
    /// A rule of the trust file only warns of it.
    Warning,
}

impl Weight {
    /// The word in SARIF and in GitHub's commands.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing to say about one file.
pub(super) struct Observation {
    pub(super) reason: Reason,
    pub(super) weight: Weight,
    /// Path of the model, or of a file in it, with `/` between its parts. Text from outside.
    pub(super) path: String,
    /// Printable ASCII.
    pub(super) message: String,
}

/// What a verdict found, in the order of the steps; a file that differs has an observation of its own. Nothing for a verified model
/// without a warning.
pub(super) fn observations(verdict: &Verdict) -> Vec<Observation> {
    let common = Common::of(verdict);
    let model = verdict.model();
    let failures =
        common.refusal.iter().flat_map(|refusal| std::iter::once(refusal.failure()).chain(refusal.also()));
    let mut all = Vec::new();
    for failure in failures {
        match failure.differences() {
            Some(differences) if !differences.is_empty() => {
                all.extend(differences.iter().map(|difference| Observation {
                    reason: difference.reason(),
                    weight: Weight::Error,
                    path: slashed(&model.join(difference.path().as_str())),
                    message: format!("{}: {}", plain(difference.path().as_str()), difference.reason().seen()),
                }));
            }
            _ => all.push(observation(model, failure, Weight::Error)),
        }
    }
    all.extend(common.warnings.iter().map(|warning| observation(model, warning, Weight::Warning)));
    all
}

fn observation(model: &Path, failure: &Failure, weight: Weight) -> Observation {
    Observation { reason: failure.reason(), weight, path: slashed(model), message: cause(failure) }
}

/// A path without `./` in front, which the tools would not find in a checkout.
fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = text.strip_prefix("./").unwrap_or(&text);
    text.strip_suffix('/').unwrap_or(text).to_owned()
}

/// The path as a URI reference, RFC 3986.
pub(super) fn uri(path: &str) -> String {
    utf8_percent_encode(path, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri_reference_without_a_dot_in_front() {
        assert_eq!(uri("a b/c:d%é.bin"), "a%20b/c%3Ad%25%C3%A9.bin");
        assert_eq!(slashed(Path::new("./models/churn/")), "models/churn");
        assert_eq!(slashed(Path::new("/models")), "/models");
    }
}
