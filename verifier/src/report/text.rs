//! The verdict for people: steps, facts, what was not checked, one line that says it, and what to type next.

use std::fmt::{self, Write as _};

use attest::statement::Statement;

use super::words::{cause, plain, size, utc};
use super::{Common, next, testimony};
use crate::custody::Testimony;
use crate::difference::Difference;
use crate::facts::Contents;
use crate::failure::{Failure, span};
use crate::gate::Waived;
use crate::lineage::{Fault, Lineage, Link, Node, State};
use crate::load::{Offer, Part, Verdict};
use crate::outcome::Outcome;
use crate::reason::{Class, Step};
use crate::refusal::Refusal;
use crate::status::KnownLog;

/// Differences and failures that are listed; whoever has another thousand is not helped by the list.
const MAX_LISTED: usize = 20;

/// Whether escape sequences may be used. Nothing is said by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a boolean with words")]
pub enum Style {
    /// With ANSI colours.
    Colour,
    /// Without.
    Plain,
}

impl Style {
    pub(crate) fn green(self, word: &str) -> String {
        self.paint(word, 32)
    }

    pub(crate) fn red(self, word: &str) -> String {
        self.paint(word, 31)
    }

    /// ANSI "select graphic rendition" with a foreground colour, and back.
    fn paint(self, word: &str, colour: u8) -> String {
        match self {
            Self::Colour => format!("\x1b[{colour}m{word}\x1b[0m"),
            Self::Plain => word.to_owned(),
        }
    }
}

/// Lists the first differences, an empty line before them; nothing if there is none.
pub(crate) fn difference_rows(differences: &[Difference]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = write_differences(&mut text, differences);
    text
}

fn write_differences(text: &mut String, differences: &[Difference]) -> fmt::Result {
    if !differences.is_empty() {
        writeln!(text)?;
    }
    for difference in differences.iter().take(MAX_LISTED) {
        let path = plain(difference.path().as_str());
        writeln!(text, "  {:<15} {path}", difference.reason().code())?;
        match difference {
            Difference::Changed { expected, found, .. } => {
                writeln!(text, "    signed {expected}\n    here   {found}")?;
            }
            Difference::Missing { expected, .. } => writeln!(text, "    signed {expected}")?,
            Difference::Renamed { now, content, .. } => {
                writeln!(text, "    signed {content}\n    now at {}", plain(now.as_str()))?;
            }
            Difference::Unexpected { found, .. } => writeln!(text, "    here   {found}")?,
        }
    }
    match differences.len().checked_sub(MAX_LISTED) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(text, "  and {more} more; --json lists them all"),
    }
}

/// Writes the verdict for people, in ASCII, each line ended by LF.
#[must_use]
pub fn text(verdict: &Verdict, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    // Writing to a String cannot fail.
    let _: fmt::Result = page.verdict(verdict);
    page.text
}

/// Writes what is known of an offer, as [`text`] does.
#[must_use]
pub fn offer_text(offer: &Offer, style: Style) -> String {
    text(offer.verdict(), style)
}

/// Writes what is known of a part, as [`text`] does.
#[must_use]
pub fn part_text(part: &Part, style: Style) -> String {
    text(part.verdict(), style)
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn verdict(&mut self, verdict: &Verdict) -> fmt::Result {
        let common = Common::of(verdict);
        if common.outcomes.of(Step::Read) == Outcome::Fail {
            self.step(verdict, &common, Step::Read, Outcome::Fail)?;
            return self.conclusion(verdict, &common);
        }
        for (step, outcome) in common.outcomes.iter() {
            self.step(verdict, &common, step, outcome)?;
        }
        for warning in common.warnings {
            let mark = self.style.red("!!");
            writeln!(self.text, "  {mark}  {:<13} {}: {}", "only warned", warning.reason(), cause(warning))?;
        }
        for note in common.notes {
            let line = note.line();
            match note.failure() {
                Some(failure) => {
                    writeln!(self.text, "  note: line {line}: {}: {}", failure.reason(), cause(failure))?;
                }
                None => writeln!(self.text, "  note: line {line} verifies too")?,
            }
        }
        for one in common.lineage.iter().flat_map(|lineage| lineage.set_aside()) {
            let (place, failure) = (plain(&one.place().to_string()), one.failure());
            writeln!(self.text, "  note: {place}: {}: {}", failure.reason(), cause(failure))?;
        }
        if let Some(differences) = common.refusal.and_then(|refusal| refusal.failure().differences()) {
            self.text.push_str(&difference_rows(differences));
        }
        self.facts(verdict, &common)?;
        writeln!(self.text, "\nnot checked:")?;
        for (_, words) in common.not_checked() {
            writeln!(self.text, "  {words}")?;
        }
        self.conclusion(verdict, &common)
    }

    fn step(&mut self, verdict: &Verdict, common: &Common<'_>, step: Step, outcome: Outcome) -> fmt::Result {
        let failures: Vec<&Failure> = common
            .refusal
            .iter()
            .flat_map(|refusal| std::iter::once(refusal.failure()).chain(refusal.also()))
            .filter(|failure| failure.reason().step() == step)
            .collect();
        if failures.is_empty() {
            let (mark, words) = match outcome {
                Outcome::Pass => (self.style.green("ok"), established(verdict, common, step)),
                Outcome::Fail => (self.style.red("NO"), "failed".to_owned()),
                Outcome::Unknown if step == Step::Contents && common.is_offer && common.refusal.is_none() => {
                    (
                        "--".to_owned(),
                        format!("{}, by the word of whoever offers them", established(verdict, common, step)),
                    )
                }
                Outcome::Unknown
                    if step == Step::Contents && common.refusal.is_none() && common.missing.is_some() =>
                {
                    let (all, missing) = (
                        common.facts.contents().map_or(0, Contents::files),
                        common.missing.map_or(0, <[_]>::len),
                    );
                    let here = all.saturating_sub(missing as u64);
                    ("--".to_owned(), format!("{here} of {all} files are here, as they were signed"))
                }
                Outcome::Unknown => ("--".to_owned(), "not looked at".to_owned()),
            };
            return writeln!(self.text, "  {mark}  {:<13} {words}", step.code());
        }
        let mark = self.style.red("NO");
        for failure in failures.iter().take(MAX_LISTED) {
            writeln!(self.text, "  {mark}  {:<13} {}: {}", step.code(), failure.reason(), cause(failure))?;
        }
        match failures.len().checked_sub(MAX_LISTED) {
            None | Some(0) => Ok(()),
            Some(more) => {
                writeln!(self.text, "  {mark}  {:<13} and {more} more; --json lists them all", step.code())
            }
        }
    }

    fn facts(&mut self, verdict: &Verdict, common: &Common<'_>) -> fmt::Result {
        let facts = common.facts;
        let mut rows: Vec<(&str, String)> = Vec::new();
        // What a statement says is worth a line only if the key that is shown said it.
        let statement = facts.statement().filter(|_| facts.signer().is_some());
        if let Some(statement) = statement {
            rows.push(("model", named(statement)));
            rows.push(("digest", format!("model-tree/v1 {}", statement.tree_digest())));
        }
        if let Some(contents) = facts.contents() {
            rows.push(("files", format!("{}, {} bytes", contents.files(), contents.total_bytes())));
        }
        if let Some(report) = common.formats {
            let refused = report.files().iter().filter(|file| !file.is_allowed()).count();
            let (all, rules) = (report.files().len(), report.rules().id());
            rows.push(("formats", format!("{} allowed, {refused} refused by {rules}", all - refused)));
            rows.extend(common.waived.iter().map(waived_row));
        }
        if let Some(key) = facts.signer() {
            rows.push(("signer", format!("{} {}", key.algorithm(), key.key_id())));
        }
        if let (Some(log), Some(position)) = (facts.log(), facts.position()) {
            let (index, size) = (position.index(), position.head().size());
            rows.push(("log", format!("{} entry {index}, tree size {size}", plain(log.as_str()))));
        }
        rows.extend(facts.status().logs().iter().map(|known| ("status", status_row(known))));
        for cosignature in facts.cosignatures() {
            let time = utc(cosignature.timestamp().get());
            rows.push(("witness", format!("{} at {time}", plain(cosignature.witness().as_str()))));
        }
        if let Some(provenance) = statement.and_then(Statement::provenance) {
            rows.push(("relation", provenance.relation().to_string()));
            for input in provenance.inputs() {
                let name = plain(input.name().as_str());
                let place = format!("{name}  {}  {}", input.digest(), input.source());
                rows.push((input.role().as_str(), place));
                if let Some(checkout) = input.digest().checkout() {
                    rows.push(("commit", format!("{}  {}", checkout.commit(), checkout.state().as_str())));
                }
            }
        }
        rows.extend(common.lineage.and_then(lineage_row));
        let remembered = verdict.memory().filter(|_| common.refusal.is_none());
        rows.extend(remembered.map(|path| ("remembered in", plain(&path.to_string_lossy()))));
        rows.extend(common.testimonies.iter().map(testimony::row));
        if !rows.is_empty() {
            writeln!(self.text)?;
        }
        for (label, value) in rows {
            writeln!(self.text, "  {label:<14} {value}")?;
        }
        Ok(())
    }

    fn conclusion(&mut self, verdict: &Verdict, common: &Common<'_>) -> fmt::Result {
        let subject = match (common.refusal, common.facts.statement()) {
            (None, Some(statement)) => format!("{}  {}", named(statement), statement.tree_digest()),
            // A name from a statement that is not believed does not head a verdict.
            _ => plain(&verdict.model().to_string_lossy()),
        };
        match common.refusal {
            None => {
                let word = match common.missing {
                    Some(_) => "PARTIAL",
                    None if common.is_offer => "OFFERED",
                    None => "VERIFIED",
                };
                writeln!(self.text, "\n{subject}  {}", self.style.green(word))?;
                let missing = common.missing.unwrap_or_default();
                for path in missing.iter().take(MAX_LISTED) {
                    writeln!(self.text, "  not here  {}", plain(path.as_str()))?;
                }
                if let Some(more @ 1..) = missing.len().checked_sub(MAX_LISTED) {
                    writeln!(self.text, "  and {more} more")?;
                }
            }
            Some(refusal) => self.no(&subject, refusal)?,
        }
        // What the refusal names already is not said a second time.
        let named: Vec<_> = common
            .refusal
            .iter()
            .flat_map(|refusal| std::iter::once(refusal.failure()).chain(refusal.also()))
            .filter_map(Failure::adverse_statement)
            .collect();
        let is_new = |testimony: &&Testimony| !named.contains(&testimony.statement().digest());
        for testimony in common.testimonies.iter().filter(|one| one.is_adverse()).filter(is_new) {
            let (label, value) = testimony::row(testimony);
            let mark = self.style.red("AGAINST IT");
            writeln!(self.text, "  {mark}  {label} {value}")?;
        }
        for command in next::commands(verdict) {
            writeln!(self.text, "  {command}")?;
        }
        Ok(())
    }

    fn no(&mut self, subject: &str, refusal: &Refusal) -> fmt::Result {
        let (reason, class) = (refusal.reason(), refusal.class());
        let word = self.style.red(word(class));
        writeln!(self.text, "\n{subject}  {word}: {reason} (exit code {})", class.exit_code())?;
        writeln!(self.text, "  {}", reason.remedy())
    }
}

/// What a class of refusals is called on a screen.
pub(super) const fn word(class: Class) -> &'static str {
    match class {
        Class::VerifiedFalse => "FALSE",
        Class::Refused => "REFUSED",
        Class::Undecidable => "UNDECIDED",
        Class::Io => "NOT READ",
    }
}

/// How much of the lineage is known. Where nothing is known of it but the digests above there is nothing to add.
fn lineage_row(lineage: &Lineage) -> Option<(&'static str, String)> {
    let is_bare = |link: &Link| matches!(lineage.fault(link), Some(Fault::Missing | Fault::Unpinned));
    if lineage.links().iter().all(is_bare) {
        return None;
    }
    let deepest = lineage.nodes().iter().map(Node::depth).max().unwrap_or(0);
    let counts = State::ALL.into_iter().map(|state| (lineage.count(state), state.as_str()));
    let counts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let links = lineage.links().len();
    let noun = if links == 1 { "link" } else { "links" };
    Some(("lineage", format!("{links} {noun}, at most {deepest} deep: {}", counts.join(", "))))
}

/// A file that the gate refuses and that passed all the same.
fn waived_row(waived: &Waived) -> (&'static str, String) {
    let codes: Vec<&str> = waived.reasons().iter().map(|reason| reason.code()).collect();
    let (path, until, by) = (plain(waived.path()), waived.until(), waived.by());
    ("waived", format!("{path}  {}  until {until}  by {by}", codes.join(", ")))
}

fn named(statement: &Statement) -> String {
    format!("{}:{}", statement.name(), statement.version())
}

/// What a step that passed has established, in a few words.
fn established(verdict: &Verdict, common: &Common<'_>, step: Step) -> String {
    let facts = common.facts;
    let words = match step {
        Step::Read => Some(plain(&verdict.bundle().to_string_lossy())),
        Step::Statement => facts.statement().map(|s| format!("{} of {}", s.kind(), named(s))),
        Step::Signature => {
            facts.signer().map(|key| format!("{} key {}", key.algorithm(), short(&key.key_id())))
        }
        Step::Entry => Some(match facts.salt {
            None => "computed again from the statement: the same bytes".to_owned(),
            Some(_) => "private; computed again from statement and salt: the same bytes".to_owned(),
        }),
        Step::Inclusion => facts
            .position()
            .map(|p| format!("entry {} is in the tree of size {}", p.index(), p.head().size())),
        Step::Checkpoint => facts.log().map(|log| format!("signed by {}", plain(log.as_str()))),
        Step::Witnesses => Some(match facts.cosignatures().len() {
            0 => "none required by the policy".to_owned(),
            1 => "1 cosignature meets the quorum".to_owned(),
            n => format!("{n} cosignatures meet the quorum"),
        }),
        Step::Requirements => facts.publisher().map(|publisher| {
            if publisher.is_pin() {
                return format!("{} is believed to this key, which signed it first", publisher.pattern());
            }
            let trust = verdict.trust().map(|path| plain(&path.to_string_lossy())).unwrap_or_default();
            format!("{} may be signed by this key: {trust} line {}", publisher.pattern(), publisher.line())
        }),
        Step::Contents => facts.contents().map(|contents| {
            let noun = if contents.files() == 1 { "file" } else { "files" };
            let (files, bytes) = (contents.files(), size(contents.total_bytes()));
            match common.cached {
                0 => format!("{files} {noun}, {bytes}, all as signed"),
                cached => format!(
                    "{files} {noun}, {bytes}, all as signed; {cached} by the cache of digests, not read"
                ),
            }
        }),
    };
    words.unwrap_or_default()
}

/// How well it is known that nothing is missing, by one log.
fn status_row(known: &KnownLog) -> String {
    let (log, time) = (plain(known.origin().as_str()), utc(known.time()));
    let age = match (known.is_fetched(), known.age()) {
        (true, _) => "online".to_owned(),
        (false, Some(age)) => format!("snapshot {} old", span(age)),
        (false, None) => "snapshot of unknown age".to_owned(),
    };
    let events = match known.mentions() {
        0 => "no event about it".to_owned(),
        1 => "1 event about it".to_owned(),
        n => format!("{n} events about it"),
    };
    format!("{age}: {log} at {time}, {events}")
}

/// The first 16 of 64 hex digits: enough to tell the keys on one page apart. Whole digests are in the facts.
fn short(digest: &attest::digest::Sha256Digest) -> String {
    digest.to_string().chars().take(16).chain("..".chars()).collect()
}
