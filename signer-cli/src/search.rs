//! `tallymark search`: what a log has, believed only as far as it is proven.
//!
//! Every hit is checked before it is printed: the inclusion proof leads from the entry's bytes to a checkpoint that the
//! policy accepts, the entry is signed by the key inside, and it has what was asked for. What cannot be checked is
//! whether the log left something out, and the words say so.
//!
//! In scope: the question, pages, checks. Out of scope: HTTP ([`crate::log_client`]).

use std::fmt::Write as _;
use std::time::Duration;

use attest::digest::Sha256Digest;
use attest::entry::{Entry, EntryError, EntryPayload};
use attest::model_name::ModelName;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{Hash, InclusionProof, LeafHash, LeafIndex};
use serde::Deserialize;
use serde_json::json;
use tlog::checkpoint::{CheckpointError, SignedCheckpoint};
use tlog::policy::Policy;
use tlog::proof::{LogProof, ProofError};

use crate::args::{Manner, SearchArgs};
use crate::entry_view;
use crate::log_client::{LogClient, LogError};
use crate::message::{Failure, note, print};
use crate::sign::SignError;
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
    /// The pages never end.
    #[error("the log's answer has no end after {pages} pages")]
    Endless { pages: usize },
}

/// One thing to look for, as typed: `name=acme/churn`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Digest(Vec<u8>),
    Input(Vec<u8>),
    Key(Sha256Digest),
    Name(ModelName),
    /// With its `/`.
    Prefix(String),
}

/// Why a word is no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TermError {
    #[error("want 64 lower-case hex digits, or 40 for a git commit")]
    Digest,
    #[error("want name=, digest=, input= or key=, and a value")]
    Field,
    #[error("want 64 lower-case hex digits, as `tallymark inspect KEY.pub` shows them")]
    Key,
    #[error("want a name such as acme/churn, or a prefix such as acme/")]
    Name,
}

impl std::str::FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        let (field, value) = text.split_once('=').ok_or(TermError::Field)?;
        match field {
            "digest" => Ok(Self::Digest(digest(value)?)),
            "input" => Ok(Self::Input(digest(value)?)),
            "key" => value.parse().map(Self::Key).map_err(|_| TermError::Key),
            "name" => match value.strip_suffix('/') {
                Some(above) => {
                    above.parse::<ModelName>().map_err(|_| TermError::Name)?;
                    Ok(Self::Prefix(value.to_owned()))
                }
                None => value.parse().map(Self::Name).map_err(|_| TermError::Name),
            },
            _ => Err(TermError::Field),
        }
    }
}

fn digest(text: &str) -> Result<Vec<u8>, TermError> {
    // A commit of 40 digits is read as a digest that ends in zeros, and cut.
    let whole = if text.len() == 40 { format!("{text}{}", "0".repeat(24)) } else { text.to_owned() };
    let digest: Sha256Digest = whole.parse().map_err(|_| TermError::Digest)?;
    Ok(digest.as_bytes().iter().take(text.len() / 2).copied().collect())
}

impl Term {
    fn field(&self) -> &'static str {
        match self {
            Self::Digest(_) => "digest",
            Self::Input(_) => "input",
            Self::Key(_) => "key",
            Self::Name(_) | Self::Prefix(_) => "name",
        }
    }

    fn value(&self) -> String {
        match self {
            Self::Digest(bytes) | Self::Input(bytes) => entry_view::hex(bytes),
            Self::Key(key_id) => key_id.to_string(),
            Self::Name(name) => name.to_string(),
            Self::Prefix(prefix) => prefix.clone(),
        }
    }

    /// Whether an entry has it: asked of the entry, not of the log.
    fn is_in(&self, payload: &EntryPayload) -> bool {
        match self {
            Self::Digest(wanted) => {
                payload.statement().as_bytes() == wanted.as_slice()
                    || payload.subjects().iter().any(|subject| subject.digest() == wanted)
            }
            Self::Input(wanted) => payload.inputs().iter().any(|input| input.digest() == wanted),
            Self::Key(wanted) => payload.key().key_id() == *wanted,
            Self::Name(wanted) => payload.name() == wanted,
            Self::Prefix(wanted) => payload.name().as_str().starts_with(wanted),
        }
    }
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
    let (hits, end) = all_pages(args, &client, &policy)?;
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
            let _ = writeln!(text, "#{} {}:{}", hit.index, payload.name(), payload.version());
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

fn all_pages(
    args: &SearchArgs,
    client: &LogClient,
    policy: &Policy,
) -> Result<(Vec<Proven>, End), SearchError> {
    let mut hits: Vec<Proven> = Vec::new();
    let mut cursor = args.oldest_first.then(|| Cursor::After("0".to_owned()));
    for _ in 0..MAX_PAGES {
        let wanted = args.limit.saturating_sub(hits.len() as u64).min(PAGE);
        let mut query: Vec<(&str, String)> =
            args.terms.iter().map(|term| (term.field(), term.value())).collect();
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
            let proven = hit.verify(&checkpoint, policy, &args.terms)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_term_is_read_and_sent_as_it_was_typed() {
        for text in [
            "name=acme/churn".to_owned(),
            "name=acme/".to_owned(),
            format!("digest={HEX}"),
            format!("input={}", &HEX[..40]),
            format!("key={HEX}"),
        ] {
            let term: Term = text.parse().expect("a term");
            assert_eq!(format!("{}={}", term.field(), term.value()), text);
        }
    }

    #[test]
    fn what_is_no_term_is_refused_by_what_is_wrong() {
        for (text, error) in [
            ("acme/churn", TermError::Field),
            ("model=acme", TermError::Field),
            ("name=", TermError::Name),
            ("name=/", TermError::Name),
            ("name=Acme", TermError::Name),
            ("digest=abc", TermError::Digest),
            ("input=", TermError::Digest),
            ("key=abc", TermError::Key),
        ] {
            assert_eq!(text.parse::<Term>(), Err(error), "{text}");
        }
        assert_eq!(format!("key={}", &HEX[..40]).parse::<Term>(), Err(TermError::Key));
    }
}
