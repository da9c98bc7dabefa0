//! Which run was meant: by id, by the beginning of an id, or by name, and always just one.

use core::fmt;

use crate::excerpt::excerpt;
use crate::mlflow::MlflowError;

/// Most runs that an error lists.
const MAX_LISTED: usize = 10;

/// Most runs that a store gives: as many as an error lists, and one that says there are more.
pub(super) const MAX_CANDIDATES: usize = MAX_LISTED + 1;

/// A run that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    id: String,
    name: String,
}

impl Candidate {
    pub(super) const fn new(id: String, name: String) -> Self {
        Self { id, name }
    }

    /// Its id, as the store has it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name, which others may share; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `wanted` is its id, begins its id, or is its name.
    pub(super) fn answers(&self, wanted: &str) -> bool {
        !wanted.is_empty() && (self.id.starts_with(wanted) || self.name == wanted)
    }
}

/// Runs to choose from: at most ten, and whether there are more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    listed: Vec<Candidate>,
    more: bool,
}

impl Candidates {
    pub(super) fn of(mut runs: Vec<Candidate>) -> Self {
        let more = runs.len() > MAX_LISTED;
        runs.truncate(MAX_LISTED);
        Self { listed: runs, more }
    }

    /// The first ten.
    #[must_use]
    pub fn listed(&self) -> &[Candidate] {
        &self.listed
    }

    /// Whether there are more than those.
    #[must_use]
    pub const fn more(&self) -> bool {
        self.more
    }
}

impl fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.listed.is_empty() {
            return f.write_str("no run");
        }
        for (index, run) in self.listed.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            // With quotes: a store may name its runs as it likes, line ends and all.
            write!(f, "{comma}{:?} named {:?}", excerpt(&run.id), excerpt(&run.name))?;
        }
        f.write_str(if self.more { " and more" } else { "" })
    }
}

/// A candidate and the store that has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) store: usize,
    pub(super) candidate: Candidate,
}

/// The run that was meant.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) store: usize,
    pub(super) run: Candidate,
    /// Another store that has it too.
    pub(super) also_in: Option<usize>,
}

/// The one run among those found that is meant: a whole id wins over everything else.
pub(super) fn choose(mut found: Vec<Found>, wanted: Option<&str>) -> Result<Chosen, MlflowError> {
    if found.iter().any(|found| Some(found.candidate.id()) == wanted) {
        found.retain(|found| Some(found.candidate.id()) == wanted);
    }
    let wanted = || wanted.map(excerpt);
    let Some(first) = found.first() else {
        return Err(MlflowError::Absent { wanted: wanted(), candidates: Candidates::of(Vec::new()) });
    };
    if found.iter().any(|found| found.candidate.id() != first.candidate.id()) {
        let candidates = found.into_iter().map(|found| found.candidate).collect();
        return Err(MlflowError::Ambiguous { wanted: wanted(), candidates: Candidates::of(candidates) });
    }
    Ok(Chosen {
        store: first.store,
        run: first.candidate.clone(),
        also_in: found.get(1).map(|second| second.store),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(runs: &[(usize, &str, &str)]) -> Vec<Found> {
        let of = |&(store, id, name): &(usize, &str, &str)| Found {
            store,
            candidate: Candidate::new(id.to_owned(), name.to_owned()),
        };
        runs.iter().map(of).collect()
    }

    #[test]
    fn a_whole_id_wins_over_a_longer_id_and_over_a_name() {
        let runs = found(&[(0, "ab", "x"), (0, "abc", "y"), (0, "c", "ab")]);
        assert_eq!(choose(runs, Some("ab")).expect("one").run.name(), "x");
    }

    #[test]
    fn one_run_in_two_stores_is_one_run() {
        let chosen = choose(found(&[(0, "ab", "x"), (1, "ab", "x")]), None).expect("one");
        assert_eq!((chosen.store, chosen.also_in), (0, Some(1)));
    }

    #[test]
    fn an_error_lists_ten_runs_at_most_and_escapes_them() {
        let runs: Vec<_> = (0..12).map(|number| (0, format!("{number}"), "a\n\u{1b}b")).collect();
        let runs: Vec<_> = runs.iter().map(|(store, id, name)| (*store, id.as_str(), *name)).collect();
        let error = choose(found(&runs), None).expect_err("twelve");
        let MlflowError::Ambiguous { candidates, .. } = &error else { panic!("{error}") };
        assert_eq!((candidates.listed().len(), candidates.more()), (10, true));
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
}
