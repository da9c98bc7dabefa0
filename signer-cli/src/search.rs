//! `tallymark search`: what a log has, believed only as far as it is proven.
//!
//! Every hit is checked before it is printed: the inclusion proof leads from the entry's bytes to a checkpoint that the
//! policy accepts, the entry is signed by the key inside, and it has what was asked for. What cannot be checked is
//! whether the log left something out, and the words say so.
//!
//! A private entry has commitments in the place of name and digests. Who has its salt computes them, and asks for these as digests.
//!
//! In scope: the question, pages, checks. Out of scope: HTTP ([`crate::log_client`]).

mod term;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use attest::entry::{Entry, EntryError, EntryName, ModelSalt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{Hash, InclusionProof, LeafHash, LeafIndex};
use serde::Deserialize;
use serde_json::json;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::policy::Policy;
use tlog::proof::{LogProof, ProofError};

pub(crate) use self::term::Term;
use crate::args::{Manner, SearchArgs};
use crate::entry_view;
use crate::log_client::{LogClient, LogError};
use crate::message::{Failure, note, print};
use crate::sign::SignError;
use crate::submit::find_file;
use crate::trust::policy_alone;

/// Hits in one page: the most a log gives.
const PAGE: u64 = 100;
/// Pages of one search: a log that never comes to an end is left.
const MAX_PAGES: usize = 100_000;

/// Why a search has no answer that could be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    /// The log could not be asked, or would not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Not a page of hits.
    #[error("the log's answer is not a page of entries: {what}")]
    Malformed { what: &'static str },
    /// The checkpoint is none.
    #[error("the checkpoint of the page does not parse")]
    Checkpoint { source: CheckpointError },
    /// An entry is not one, or not signed by its key.
    #[error("entry {index} of the log's answer does not hold")]
    Entry { index: u64, source: EntryError },
    /// An entry is not proven.
    #[error("the log's answer does not prove entry {index}")]
    Proof { index: u64, source: ProofError },
    /// An entry that nobody asked for.
    #[error("entry {index} of the log's answer has not what was asked for")]
    NotAsked { index: u64 },
    /// Entries out of order: one twice, or the log goes in circles.
    #[error("entry {index} of the log's answer is out of order")]
    Order { index: u64 },
    /// No line has a salt.
    #[error("no line of {path} has a private entry, so there is no salt")]
    NoSalt { path: PathBuf },
    /// A commitment is to one whole value.
    #[error("a salt is given, and besides key= there is not one of name=, digest= and input=, whole")]
    OneWithSalt,
    /// The pages never end.
    #[error("the log's answer has no end after {pages} pages")]
    Endless { pages: usize },
}

#[derive(Deserialize)]
struct Page {
    checkpoint: Envelope,
    entries: Vec<Hit>,
    next: Option<Cursor>,
}

#[derive(Deserialize)]
struct Envelope {
    envelope: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hit {
    log_index: String,
    hashes: Vec<String>,
    canonicalized_body: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Cursor {
    After(String),
    Before(String),
}

/// An entry that is in the log: made only by [`Hit::verify`].
struct Proven {
    index: u64,
    entry: Entry,
    tree_size: u64,
}

impl Hit {
    fn verify(
        &self,
        checkpoint: &SignedCheckpoint,
        policy: &Policy,
        terms: &[Term],
    ) -> Result<Proven, SearchError> {
        let malformed = |what| SearchError::Malformed { what };
        let index: u64 = self.log_index.parse().map_err(|_| malformed("an index"))?;
        let at = LeafIndex::new(index).map_err(|_| malformed("an index"))?;
        let bytes = STANDARD.decode(&self.canonicalized_body).map_err(|_| malformed("an entry in base64"))?;
        let hash = |text: &String| Hash::from_slice(&STANDARD.decode(text).ok()?);
        let hashes: Option<Vec<Hash>> = self.hashes.iter().map(hash).collect();
        let inclusion = InclusionProof::new(at, hashes.ok_or(malformed("a hash in base64"))?);
        let inclusion = inclusion.map_err(|_| malformed("an inclusion proof"))?;
        let proof = LogProof::new(inclusion, checkpoint.clone());
        let proven = proof
            .verify(&LeafHash::of(&bytes), policy)
            .map_err(|source| SearchError::Proof { index, source })?;
        let entry = Entry::parse(&bytes).and_then(|entry| entry.verify().map(|()| entry));
        let entry = entry.map_err(|source| SearchError::Entry { index, source })?;
        if !terms.iter().all(|term| term.is_in(entry.payload())) {
            return Err(SearchError::NotAsked { index });
        }
        Ok(Proven { index, entry, tree_size: proven.checkpoint().head().size().get() })
    }
}

/// Runs `tallymark search`.
pub(crate) fn run(args: &SearchArgs, manner: Manner) -> Result<(), Failure> {
    let policy = policy_alone(args.log_key.as_deref(), args.trust.as_deref())?;
    let addresses: Vec<&str> = policy.logs().iter().filter_map(|log| log.url()).collect();
    let url = match (&args.log, addresses.as_slice()) {
        (Some(url), _) => url.as_str(),
        (None, [url]) => *url,
        (None, _) => return Err(SignError::NoLog.into()),
    };
    let client = LogClient::new(url, Duration::from_secs(args.timeout)).map_err(SearchError::from)?;
    let (hits, end) = answers(args, &questions(args)?, &client, &policy)?;
    if args.json {
        let entries: Vec<_> = hits
            .iter()
            .map(|hit| {
                json!({
                    "index": hit.index,
                    "tree_size": hit.tree_size,
                    "entry": entry_view::json(hit.entry.payload()),
                    "entry_bytes": STANDARD.encode(hit.entry.as_bytes()),
                })
            })
            .collect();
        // What is listed is verified; that nothing is missing is not, and cannot be.
        let more = end == End::Limit;
        let value = json!({
            "schema_version": 1, "verified": true, "complete": null, "more": more, "entries": entries,
        });
        print(&format!("{value:#}\n"))?;
    } else {
        let mut text = String::new();
        for hit in &hits {
            let payload = hit.entry.payload();
            let _ = match payload.entry_name() {
                EntryName::Shown { name, version } => writeln!(text, "#{} {name}:{version}", hit.index),
                EntryName::Private { .. } => writeln!(text, "#{} private", hit.index),
            };
            text.push_str(&entry_view::text(payload));
        }
        print(&text)?;
    }
    let found = match hits.len() {
        0 => "no entry".to_owned(),
        1 => "1 entry, proven".to_owned(),
        count => format!("{count} entries, each proven"),
    };
    note(
        manner,
        &match end {
            End::Limit => format!("{found}; there may be more: --limit N"),
            End::OfLog => format!("{found}; that none was left out is the log's word"),
        },
    );
    Ok(())
}

/// Where a search came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// As many entries as were wanted, and the log has gone on looking.
    Limit,
    /// The log says that there is nothing more.
    OfLog,
}

/// The terms as they were typed, and with a salt whatever stands for them in private entries.
fn questions(args: &SearchArgs) -> Result<Vec<Vec<Term>>, Failure> {
    let mut questions = vec![args.terms.clone()];
    let Some(path) = &args.salt_of else { return Ok(questions) };
    let (path, file) = find_file(path)?;
    let mut salts: Vec<&ModelSalt> = Vec::new();
    for salt in file.bundles().filter_map(|bundle| bundle.salt()) {
        if !salts.contains(&salt) {
            salts.push(salt);
        }
    }
    if salts.is_empty() {
        return Err(SearchError::NoSalt { path }.into());
    }
    let (keys, others): (Vec<&Term>, Vec<&Term>) =
        args.terms.iter().partition(|term| matches!(term, Term::Key(_)));
    let [one] = others.as_slice() else { return Err(SearchError::OneWithSalt.into()) };
    for hidden in salts.into_iter().flat_map(|salt| one.under(salt)) {
        questions.push(keys.iter().map(|key| (*key).clone()).chain([hidden]).collect());
    }
    if questions.len() == 1 {
        return Err(SearchError::OneWithSalt.into());
    }
    Ok(questions)
}

/// The entries that answer to any of the questions, each once.
fn answers(
    args: &SearchArgs,
    questions: &[Vec<Term>],
    client: &LogClient,
    policy: &Policy,
) -> Result<(Vec<Proven>, End), SearchError> {
    let (mut hits, mut end) = (Vec::new(), End::OfLog);
    for terms in questions {
        let (found, its_end) = all_pages(args, terms, client, policy)?;
        hits.extend(found);
        if its_end == End::Limit {
            end = End::Limit;
        }
    }
    hits.sort_by_key(|hit| hit.index);
    hits.dedup_by_key(|hit| hit.index);
    if !args.oldest_first {
        hits.reverse();
    }
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    if hits.len() > limit {
        hits.truncate(limit);
        end = End::Limit;
    }
    Ok((hits, end))
}

fn all_pages(
    args: &SearchArgs,
    terms: &[Term],
    client: &LogClient,
    policy: &Policy,
) -> Result<(Vec<Proven>, End), SearchError> {
    let mut hits: Vec<Proven> = Vec::new();
    let mut cursor = args.oldest_first.then(|| Cursor::After("0".to_owned()));
    for _ in 0..MAX_PAGES {
        let wanted = args.limit.saturating_sub(hits.len() as u64).min(PAGE);
        let mut query: Vec<(&str, String)> = terms.iter().map(|term| (term.field(), term.value())).collect();
        query.push(("limit", wanted.to_string()));
        match cursor.take() {
            None => {}
            Some(Cursor::After(at)) => query.push(("after", at)),
            Some(Cursor::Before(at)) => query.push(("before", at)),
        }
        let answer = client.search(&query)?;
        let page: Page = serde_json::from_slice(&answer)
            .map_err(|_| SearchError::Malformed { what: "its JSON has another shape" })?;
        let checkpoint = SignedCheckpoint::parse(page.checkpoint.envelope.as_bytes());
        let checkpoint = checkpoint.map_err(|source| SearchError::Checkpoint { source })?;
        if page.entries.len() as u64 > wanted {
            return Err(SearchError::Malformed { what: "more entries than were asked for" });
        }
        for hit in &page.entries {
            let proven = hit.verify(&checkpoint, policy, terms)?;
            let follows = hits.last().is_none_or(|before| {
                if args.oldest_first { before.index < proven.index } else { before.index > proven.index }
            });
            if !follows {
                return Err(SearchError::Order { index: proven.index });
            }
            hits.push(proven);
        }
        match page.next {
            Some(next) if (hits.len() as u64) < args.limit => cursor = Some(next),
            Some(_) => return Ok((hits, End::Limit)),
            None => return Ok((hits, End::OfLog)),
        }
    }
    Err(SearchError::Endless { pages: MAX_PAGES })
}
