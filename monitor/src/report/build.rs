//! Making a report, and holding one against the log.

use std::collections::BTreeMap;
use std::path::Path;

use attest::key::KeyCache;
use attest::utc_time::UtcTime;
use merkle::TreeHead;
use tlog::checkpoint::SignedCheckpoint;
use tlog::tile::BundleIndex;

use super::{
    FORMAT, Gap, Listed, LogReport, MAX_ENTRIES, Message, Question, Report, ReportError, Unreadable,
};
use crate::alert::{EntryFacts, now};
use crate::check::{EntryKind, check, reason_of};
use crate::journal::{self, GAP_SECONDS, Line, UtcText, What};
use crate::lists::remarks;
use crate::place::Place;
use crate::reason::Reason;
use crate::round::{CHECKPOINT, contradiction, fork};
use crate::seen::{Concern, Seen};
use crate::state::State;
use crate::tree::Tree;
use crate::watch::{WatchTable, Watchlist};

/// What the journal says of one log.
#[derive(Debug, Default)]
struct Past {
    // Each look, and how many entries had been read by then.
    looks: Vec<(UtcTime, u64)>,
    told: Vec<Message>,
}

impl Report {
    /// Makes a report from a monitor's directory and from the logs.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn make(question: &Question, dir: &Path, places: &[Place]) -> Result<Self, ReportError> {
        let Question { from, to, name } = question;
        if to <= from {
            return Err(ReportError::Period { from: *from, to: *to });
        }
        let acknowledged = remarks(dir)?;
        let mut pasts: BTreeMap<String, Past> = BTreeMap::new();
        let unread_lines = journal::read(dir, |line| {
            let Line { at, log, what } = line;
            if at.get() >= *to {
                return;
            }
            let past = pasts.entry(log).or_default();
            match what {
                What::Looked { size } => past.looks.push((at.get(), size)),
                What::Told(told) if at.get() >= *from => {
                    let is_again = past.told.iter().any(|seen| seen.told == told);
                    let acknowledged = acknowledged.get(&told.id).cloned();
                    past.told.extend((!is_again).then_some(Message { at, told, acknowledged }));
                }
                What::Told(_) => {}
            }
        })?;
        let state = State::read(dir).ok();
        let made = UtcText::now();
        let mut logs = Vec::new();
        for place in places {
            let origin = place.demand.origin.as_str();
            let past = pasts.remove(origin).unwrap_or_default();
            let known = state.as_ref().and_then(|state| state.logs.get(origin)?.checkpoint.as_deref());
            let known = known.and_then(|text| SignedCheckpoint::parse(text.as_bytes()).ok());
            logs.push(of_log(question, place, past, known.as_ref(), made)?);
        }
        let (from, to) = (UtcText(*from), UtcText(*to));
        Ok(Self { format: FORMAT.to_owned(), made, from, to, name: name.clone(), logs, unread_lines })
    }

    /// Holds what the report says of each log against the log: its checkpoint is signed and what the log shows extends it, and
    /// the entries of the period under the name are those in the report and no others.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn check(&self, places: &[Place]) -> Result<(), ReportError> {
        for log in &self.logs {
            let place = places.iter().find(|place| place.demand.origin.as_str() == log.origin);
            let place = place.ok_or_else(|| ReportError::UnknownLog { origin: log.origin.clone() })?;
            let concern = |concern| ReportError::Concern { origin: log.origin.clone(), concern };
            let old = place.demand.open(log.checkpoint.as_bytes(), now()).map_err(concern)?;
            let (tree, _) = newest(place, Some(old.checkpoint.signed()))?;
            if log.end > old.checkpoint.head().size().get() {
                return Err(ReportError::Differs { origin: log.origin.clone(), index: log.end });
            }
            let (entries, unreadable) = entries(&log.origin, &tree, &self.name, log.first, log.end)?;
            let seen = entries.iter().map(|entry| (entry.index, Some(entry), None));
            let seen = seen.chain(unreadable.iter().map(|entry| (entry.index, None, Some(entry))));
            let said = log.entries.iter().map(|listed| (listed.entry.index, Some(&listed.entry), None));
            let said = said.chain(log.unreadable.iter().map(|entry| (entry.index, None, Some(entry))));
            let (mut seen, mut said): (Vec<_>, Vec<_>) = (seen.collect(), said.collect());
            seen.sort_by_key(|(index, ..)| *index);
            said.sort_by_key(|(index, ..)| *index);
            if seen != said {
                let differs = seen.iter().zip(&said).find(|(seen, said)| seen != said);
                let behind = || seen.get(said.len()).or(said.get(seen.len())).map_or(log.end, |one| one.0);
                let index = differs.map_or_else(behind, |(seen, said)| seen.0.min(said.0));
                return Err(ReportError::Differs { origin: log.origin.clone(), index });
            }
        }
        Ok(())
    }
}

fn of_log(
    question: &Question,
    place: &Place,
    past: Past,
    known: Option<&SignedCheckpoint>,
    made: UtcText,
) -> Result<LogReport, ReportError> {
    let origin = place.demand.origin.as_str();
    let (tree, seen) = newest(place, known)?;
    let before = past.looks.iter().rev().find(|(at, _)| *at <= question.from);
    let first = before.map_or(0, |(_, size)| *size);
    let end = past.looks.last().map_or(0, |(_, size)| *size).max(first);
    let (entries, unreadable) = entries(origin, &tree, &question.name, first, end)?;
    let listed = entries.into_iter().map(|entry| {
        let look = past.looks.iter().find(|(_, size)| *size > entry.index);
        Listed { entry, seen_by: look.map(|(at, _)| UtcText(*at)) }
    });
    Ok(LogReport {
        origin: origin.to_owned(),
        keys: place.demand.keys().iter().map(ToString::to_string).collect(),
        first,
        end,
        checkpoint: String::from_utf8_lossy(seen.checkpoint.signed().note().as_bytes()).into_owned(),
        entries: listed.collect(),
        unreadable,
        gaps: gaps(&past.looks, question.from, question.to.min(made.get())),
        told: past.told,
    })
}

/// What the log shows now, if it is in order and extends what is known of it.
fn newest<'a>(place: &'a Place, known: Option<&SignedCheckpoint>) -> Result<(Tree<'a>, Seen), ReportError> {
    let origin = place.demand.origin.as_str();
    let failed = |concern| ReportError::Concern { origin: origin.to_owned(), concern };
    let missing = || failed(Concern::new(Reason::LogUnreachable, "no checkpoint is served"));
    let seen = place.demand.fetch(&place.source, CHECKPOINT, now()).map_err(failed)?.ok_or_else(missing)?;
    if let Some(concern) = seen.concerns.first() {
        return Err(failed(concern.clone()));
    }
    let head: TreeHead = *seen.checkpoint.head();
    let tree = Tree::open(&place.source, &head, head.size())
        .map_err(|error| failed(Concern::of(reason_of(&error), &error)))?;
    let Some(known) = known else { return Ok((tree, seen)) };
    let known_head = *known.unverified().head();
    if head.size() < known_head.size() {
        let detail = format!("shows {} entries, had shown {}", head.size(), known_head.size());
        return Err(failed(Concern::new(Reason::CheckpointReplayed, detail)));
    }
    match contradiction(&tree, &known_head).map_err(failed)? {
        None => Ok((tree, seen)),
        Some(proof) => Err(failed(fork(Reason::Fork, &place.demand, proof, known, seen.checkpoint.signed()))),
    }
}

/// The entries from `first` to before `end` under a pattern, each proven to be in the tree, and those that cannot be read.
///
/// # Errors
/// [`ReportError`].
pub fn entries(
    origin: &str,
    tree: &Tree<'_>,
    name: &str,
    first: u64,
    end: u64,
) -> Result<(Vec<EntryFacts>, Vec<Unreadable>), ReportError> {
    let asked = WatchTable { name: Some(name.to_owned()), lookalikes: Some(false), ..WatchTable::default() };
    let watchlist = Watchlist::new(vec![asked])?;
    let mut keys = KeyCache::default();
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    let end = end.min(tree.head().size().get());
    for bundle in first / 256..end.div_ceil(256) {
        let fault = |source| ReportError::Fault { origin: origin.to_owned(), source };
        let index = BundleIndex::new(bundle).map_err(|_| fault(crate::check::Fault::Outside { bundle }))?;
        let checked =
            check(tree, index, first, EntryKind::Tallymark, &watchlist, &mut keys).map_err(fault)?;
        for find in checked.finds.into_iter().filter(|find| find.index < end) {
            match (&find.facts, find.reasons.first()) {
                (Some(facts), _) => entries.push(EntryFacts::of(find.index, &find.leaf, facts)),
                (None, Some(reason)) => {
                    let leaf = find.leaf.to_string();
                    unreadable.push(Unreadable { index: find.index, leaf, reason: *reason });
                }
                (None, None) => {}
            }
        }
        if entries.len() + unreadable.len() > MAX_ENTRIES {
            return Err(ReportError::TooMany { origin: origin.to_owned() });
        }
    }
    Ok((entries, unreadable))
}

/// Where two looks are too far apart, within the period.
fn gaps(looks: &[(UtcTime, u64)], from: UtcTime, to: UtcTime) -> Vec<Gap> {
    let within = looks.iter().map(|(at, _)| *at).filter(|at| *at > from && *at < to);
    // A look shortly before the period covers its beginning.
    let before = looks.iter().rev().map(|(at, _)| *at).find(|at| *at <= from);
    let start = before.unwrap_or(UtcTime::EPOCH);
    let mut gaps = Vec::new();
    let mut last = start;
    for at in within.chain([to]) {
        if at.unix_seconds().saturating_sub(last.unix_seconds()) > GAP_SECONDS {
            gaps.push(Gap { from: UtcText(last.max(from)), to: UtcText(at) });
        }
        last = at;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UtcTime {
        UtcTime::from_unix_seconds(seconds).unwrap()
    }

    fn seen(looks: &[u64], from: u64, to: u64) -> Vec<(u64, u64)> {
        let looks: Vec<_> = looks.iter().map(|seconds| (at(*seconds), 0)).collect();
        let gaps = gaps(&looks, at(from), at(to));
        gaps.iter().map(|gap| (gap.from.get().unix_seconds(), gap.to.get().unix_seconds())).collect()
    }

    #[test]
    fn a_gap_is_where_nobody_looked_for_more_than_ten_minutes() {
        assert_eq!(seen(&[], 10_000, 20_000), [(10_000, 20_000)]);
        assert_eq!(seen(&[9_900, 10_400, 11_000], 10_000, 11_500), []);
        assert_eq!(seen(&[9_900, 10_400, 11_001, 11_300], 10_000, 11_400), [(10_400, 11_001)]);
        assert_eq!(seen(&[10_400], 10_000, 20_000), [(10_000, 10_400), (10_400, 20_000)]);
        assert_eq!(seen(&[9_000, 10_100], 10_000, 10_200), [(10_000, 10_100)]);
    }
}
