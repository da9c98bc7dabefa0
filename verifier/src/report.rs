//! A verdict in words, for people and for programs. Also used by `tallymark verify`, so that both print the same.
//!
//! The words may change between versions; the JSON keys, the codes and the exit codes may not.

mod json;
mod lineage;
mod next;
mod testimony;
mod text;
mod words;

pub(crate) use self::json::{FileRow, written};
pub use self::json::{SCHEMA_VERSION, json, usage_json};
pub use self::lineage::lineage_json;
pub(crate) use self::next::quoted;
pub(crate) use self::text::difference_rows;
pub use self::text::{Style, text};
pub use self::words::{cause, plain, size, utc};

use attest::bundle::ModelShape;

use crate::custody::Testimony;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::lineage::Lineage;
use crate::load::Verdict;
use crate::outcome::{Outcome, Outcomes};
use crate::reason::Step;
use crate::refusal::{LineNote, Refusal};
use crate::requirements::Publisher;

/// What no verification in this version looks at, as code and words. A verdict always says so.
const NEVER_CHECKED: [(&str, &str); 3] = [
    (
        "inputs",
        "that the inputs are what they are called; their digests are signed, their contents are elsewhere",
    ),
    ("behaviour", "behaviour, safety and licence of the model"),
    ("withdrawals", "withdrawals and later versions that the bundle file does not have"),
];

/// What a verdict about a single file leaves open: some loaders go on to a second part by its name.
const SIBLINGS: (&str, &str) = ("siblings", "the files beside it; the model is this one file");

/// What nobody told the verifier.
const FIRST_USE: (&str, &str) = (
    "first-use",
    "that the first signer of the name is its publisher; nobody said so, it was believed when it was first seen",
);

/// What a statement commits to and does not show.
const PRIVATE: (&str, &str) = (
    "private",
    "what is behind each private:...; only who has its opening knows (tallymark inspect --openings)",
);

/// What only a quorum of witnesses can tell.
const SPLIT_VIEW: (&str, &str) =
    ("split-view", "that the log shows everybody the same tree; the policy asks for no witness");

/// The parts of a verdict that verified and refused ones have in common.
struct Common<'a> {
    shape: ModelShape,
    facts: &'a Facts,
    outcomes: &'a Outcomes,
    refusal: Option<&'a Refusal>,
    notes: &'a [LineNote],
    testimonies: &'a [Testimony],
    warnings: &'a [Failure],
    lineage: Option<&'a Lineage>,
    formats: Option<&'a formats::Report>,
}

impl<'a> Common<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let shape = verdict.shape();
        match verdict.result() {
            Ok(model) => Self {
                shape,
                facts: model.facts(),
                outcomes: model.outcomes(),
                refusal: None,
                notes: model.notes(),
                testimonies: model.testimonies(),
                warnings: model.warnings(),
                lineage: model.lineage(),
                formats: model.formats(),
            },
            Err(refusal) => Self {
                shape,
                facts: refusal.facts(),
                outcomes: refusal.outcomes(),
                refusal: Some(refusal),
                notes: refusal.notes(),
                testimonies: refusal.testimonies(),
                warnings: &[],
                lineage: refusal.lineage(),
                formats: refusal.formats(),
            },
        }
    }

    fn not_checked(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let no_witness =
            self.outcomes.of(Step::Witnesses) == Outcome::Pass && self.facts.cosignatures().is_empty();
        let siblings = (self.shape == ModelShape::SingleFile).then_some(SIBLINGS);
        let is_private = self.facts.statement().is_some_and(|statement| {
            let mut inputs = statement.inputs().iter();
            inputs.any(|input| input.name().commitment().is_some() || input.digest().commitment().is_some())
        });
        let private = is_private.then_some(PRIVATE);
        let first_use = self.facts.publisher().is_some_and(Publisher::is_pin).then_some(FIRST_USE);
        no_witness
            .then_some(SPLIT_VIEW)
            .into_iter()
            .chain(first_use)
            .chain(siblings)
            .chain(private)
            .chain(NEVER_CHECKED)
    }
}
