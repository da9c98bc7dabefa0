//! A verdict in words, for people and for programs. Also used by `tallymark verify`, so that both print the same.
//!
//! The words may change between versions; the JSON keys, the codes and the exit codes may not.

mod github;
mod json;
mod junit;
mod lineage;
mod next;
mod place;
mod sarif;
mod summary;
mod table;
mod testimony;
mod text;
mod words;

pub use self::github::{github, markdown};
pub(crate) use self::json::{FileRow, written};
pub use self::json::{SCHEMA_VERSION, json, json_all, offer_json, part_json, usage_json};
pub use self::junit::junit;
pub use self::lineage::lineage_json;
pub(crate) use self::next::quoted;
pub use self::sarif::sarif;
pub use self::summary::summary;
pub use self::table::table;
pub(crate) use self::text::difference_rows;
pub use self::text::{Style, offer_text, part_text, text};
pub use self::words::{cause, plain, size, utc};

use attest::bundle::ModelShape;
use attest::model_path::ModelPath;

use crate::custody::Testimony;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::gate::Waived;
use crate::lineage::Lineage;
use crate::load::Verdict;
use crate::outcome::{Outcome, Outcomes};
use crate::reason::{Class, Step};
use crate::refusal::{LineNote, Refusal};
use crate::requirements::Publisher;
use crate::status::Freshness;

/// What no verification in this version looks at, as code and words. A verdict always says so.
const NEVER_CHECKED: [(&str, &str); 2] = [
    (
        "inputs",
        "that the inputs are what they are called; their digests are signed, their contents are elsewhere",
    ),
    ("behaviour", "behaviour, safety and licence of the model"),
];

/// What nobody can tell without a status of each log: a bundle file from which a line was taken looks whole.
const STALE: (&str, &str) = (
    "withdrawals",
    "withdrawals and later versions that the bundle file does not have (offline, stale: no status snapshot)",
);

/// What a status cannot tell.
const SINCE: (&str, &str) = ("withdrawals", "withdrawals since the status was signed, and later versions");

/// What the newest status of a private model does not tell.
const SINCE_PRIVATE: (&str, &str) = (
    "withdrawals",
    "withdrawals since the status was signed, later versions, and what was logged in the clear or under another salt than the model",
);

/// What a verdict about a single file leaves open: some loaders go on to a second part by its name.
const SIBLINGS: (&str, &str) = ("siblings", "the files beside it; the model is this one file");

/// What a verdict about an offer leaves open.
const OFFERED: (&str, &str) = (
    "contents",
    "the files themselves: their digests are the word of whoever offers them, verify them when they are here",
);

/// What a verdict about a part leaves open.
const PARTIAL: (&str, &str) = ("contents", "the files that are not here; verify all of them when they are");

/// What a cache of digests leaves open.
const CACHED: (&str, &str) = (
    "cached-digests",
    "the bytes of files whose digests came from the cache: they were not read, and its file, the clock and the file system were believed",
);

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

/// The exit code of several verdicts: 0 if every model is verified, otherwise that of the first class in the order of
/// [`Class::ALL`] that any of them has. What is false outweighs what is refused, and that what could not be decided.
#[must_use]
pub fn overall(verdicts: &[Verdict]) -> u8 {
    let classes = verdicts.iter().filter_map(|verdict| verdict.result().err()).map(Refusal::class);
    let first = |class: &Class| Class::ALL.iter().position(|one| one == class);
    classes.min_by_key(first).map_or(0, Class::exit_code)
}

/// The parts of a verdict that verified and refused ones have in common.
struct Common<'a> {
    shape: ModelShape,
    /// Files that were not read, since a cache knew their digests.
    cached: u64,
    facts: &'a Facts,
    outcomes: Outcomes,
    /// The files were not read.
    is_offer: bool,
    /// Of a part, the files that are not here.
    missing: Option<&'a [ModelPath]>,
    refusal: Option<&'a Refusal>,
    notes: &'a [LineNote],
    testimonies: &'a [Testimony],
    warnings: &'a [Failure],
    lineage: Option<&'a Lineage>,
    formats: Option<&'a formats::Report>,
    waived: &'a [Waived],
}

impl<'a> Common<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let (shape, is_offer) = (verdict.shape(), verdict.is_offer());
        let (cached, missing) = (verdict.cached().unwrap_or(0), verdict.missing());
        let mut common = match verdict.result() {
            Ok(model) => Self {
                shape,
                cached,
                facts: model.facts(),
                outcomes: model.outcomes().clone(),
                is_offer,
                missing,
                refusal: None,
                notes: model.notes(),
                testimonies: model.testimonies(),
                warnings: model.warnings(),
                lineage: model.lineage(),
                formats: model.formats(),
                waived: model.waived(),
            },
            Err(refusal) => Self {
                shape,
                cached,
                facts: refusal.facts(),
                outcomes: refusal.outcomes().clone(),
                is_offer,
                missing,
                refusal: Some(refusal),
                notes: refusal.notes(),
                testimonies: refusal.testimonies(),
                warnings: &[],
                lineage: refusal.lineage(),
                formats: refusal.formats(),
                waived: &[],
            },
        };
        if (is_offer || missing.is_some()) && common.outcomes.of(Step::Contents) == Outcome::Pass {
            // A word about files is no look at them, and a part is not all of them.
            common.outcomes.leave_open(Step::Contents);
        }
        common
    }

    /// `verified` or, of files that were not read, `offered`, of a part `partial`; otherwise the class of the refusal.
    fn verdict_code(&self) -> &'static str {
        let passed = match self.missing {
            Some(_) => "partial",
            None if self.is_offer => "offered",
            None => "verified",
        };
        self.refusal.map_or(passed, |refusal| refusal.class().code())
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
        let offered = self.is_offer.then_some(OFFERED).or(self.missing.map(|_| PARTIAL));
        let cached = (self.cached > 0).then_some(CACHED);
        let split_view = no_witness.then_some(SPLIT_VIEW);
        let first_use = self.facts.publisher().is_some_and(Publisher::is_pin).then_some(FIRST_USE);
        let withdrawals = match self.facts.status().freshness() {
            Freshness::Stale => STALE,
            _ if self.facts.salt.is_some() => SINCE_PRIVATE,
            _ => SINCE,
        };
        let own = offered.into_iter().chain(cached).chain(split_view).chain(first_use);
        own.chain(siblings).chain(private).chain(NEVER_CHECKED).chain([withdrawals])
    }
}
