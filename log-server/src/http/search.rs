//! `GET /api/v1/entries`: the entries that have what was asked for, each with its proof to one checkpoint.
//!
//! A page is taken from one publication: the index knows at least its tree, and nothing beyond its tree is shown.
//! Every entry that the index names is read and compared with the question before it is shown, and its proof is
//! verified; so what is there is true. That nothing was left out is the log's word.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{InclusionProof, LeafHash, LeafIndex};
use serde::Serialize;
use thiserror::Error;

use crate::admission::terms::{Field, TermError, terms};
use crate::http::App;
use crate::http::answer::{Envelope, JSON_MEDIA_TYPE, KindVersion, LogId};
use crate::http::fault;
use crate::http::problem::Problem;
use crate::proof::prove;
use crate::publisher::Publication;
use crate::storage::{Storage, StorageError, Table};
use crate::term_index::{IndexError, Next, Order, Term, TermIndex, Waker, Work};

/// Entries in a page unless said.
const DEFAULT_LIMIT: usize = 20;
/// Most entries in a page: some 300 KiB of JSON for ordinary entries, 1.5 MiB for the largest there are.
const MAX_LIMIT: usize = 100;
/// How long a search waits for the index to reach the published tree; as a rule it is there in milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// The index of a log in service, and what wakes its indexer.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) index: Arc<TermIndex>,
    pub(crate) waker: Option<Waker>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    // The rarest kind first, for the sake of speed.
    terms: Vec<Term>,
    order: Order,
    after: u64,
    before: u64,
    limit: usize,
}

impl Question {
    /// Reads a query: `name=acme%2Fchurn&limit=10`. Percent-encoding is undone in values; everything that is not
    /// known, or there twice, is refused.
    ///
    /// # Errors
    /// [`QuestionError`].
    pub fn parse(query: &str) -> Result<Self, QuestionError> {
        let mut asked: Vec<(Field, Term)> = Vec::new();
        let (mut after, mut before, mut limit) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(QuestionError::NoValue)?;
            let value = percent_decoded(value).ok_or(QuestionError::Encoding)?;
            let number = || number(&value);
            match (name, Field::named(name)) {
                (_, Some(field)) => {
                    if asked.iter().any(|(before, _)| *before == field) {
                        return Err(QuestionError::Twice);
                    }
                    let term = field.term(&value).map_err(|source| QuestionError::Value { field, source })?;
                    asked.push((field, term));
                }
                ("after", None) => set(&mut after, number()?)?,
                ("before", None) => set(&mut before, number()?)?,
                ("limit", None) => set(&mut limit, number()?)?,
                _ => return Err(QuestionError::Unknown),
            }
        }
        if asked.is_empty() {
            return Err(QuestionError::Nothing);
        }
        if after.is_some() && before.is_some() {
            return Err(QuestionError::BothEnds);
        }
        asked.sort_by_key(|(field, _)| match field {
            Field::Digest => 0,
            Field::Input => 1,
            Field::Key => 2,
            Field::Name => 3,
        });
        let limit = match limit.map(usize::try_from) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
            Some(_) => return Err(QuestionError::Limit),
        };
        Ok(Self {
            terms: asked.into_iter().map(|(_, term)| term).collect(),
            order: if after.is_some() { Order::OldestFirst } else { Order::NewestFirst },
            after: after.unwrap_or(0),
            before: before.unwrap_or(u64::MAX),
            limit,
        })
    }

    fn range(&self, size: u64) -> Range<u64> {
        self.after.min(size)..self.before.min(size)
    }

    /// Whether an entry is an answer; `None` if the bytes are no entry.
    fn is_answered_by(&self, entry: &[u8]) -> Option<bool> {
        let has = terms(entry)?;
        Some(self.terms.iter().all(|term| has.contains(term)))
    }
}

fn set(place: &mut Option<u64>, number: u64) -> Result<(), QuestionError> {
    if place.replace(number).is_some() { Err(QuestionError::Twice) } else { Ok(()) }
}

/// A number as this log writes numbers: decimal, no sign, no leading zero.
fn number(text: &str) -> Result<u64, QuestionError> {
    let number: u64 = text.parse().map_err(|_| QuestionError::Number)?;
    if number.to_string() == text { Ok(number) } else { Err(QuestionError::Number) }
}

/// Undoes RFC 3986 percent-encoding; `None` if a `%` is not followed by two hex digits or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from((digit()? << 4) | digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Why a query is no question.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// `after` and `before` at once.
    #[error("after and before at once, want at most one of them")]
    BothEnds,
    /// Percent-encoding that is none.
    #[error("a value is not percent-encoded UTF-8")]
    Encoding,
    /// A limit that is not taken.
    #[error("limit outside 1 to {MAX_LIMIT}")]
    Limit,
    /// No `=` behind a parameter.
    #[error("a parameter without a value")]
    NoValue,
    /// Nothing to look for.
    #[error("nothing to look for, want name, digest, key or input")]
    Nothing,
    /// A number in another spelling.
    #[error("after, before and limit are decimal numbers without sign or leading zero")]
    Number,
    /// A parameter that is there twice.
    #[error("a parameter is there twice")]
    Twice,
    /// A parameter that this log does not know.
    #[error("an unknown parameter, known are name, digest, key, input, after, before and limit")]
    Unknown,
    /// A value that no entry can have.
    #[error("{}: {source}", name_of(*field))]
    Value {
        /// Of which parameter.
        field: Field,
        /// Why not.
        source: TermError,
    },
}

fn name_of(field: Field) -> &'static str {
    match field {
        Field::Digest => "digest",
        Field::Input => "input",
        Field::Key => "key",
        Field::Name => "name",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    log_id: LogId,
    kind_version: KindVersion,
    root_hash: String,
    tree_size: String,
    checkpoint: Envelope<'a>,
    entries: Vec<Hit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hit {
    log_index: String,
    hashes: Vec<String>,
    canonicalized_body: String,
}

/// What the next page is asked for with, beside the question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Cursor {
    After(String),
    Before(String),
}

impl Hit {
    fn new(entry: &[u8], proof: &InclusionProof) -> Self {
        Self {
            log_index: proof.index().get().to_string(),
            hashes: proof.hashes().iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect(),
            canonicalized_body: STANDARD.encode(entry),
        }
    }
}

/// What stops a page.
enum Trouble {
    Index(IndexError),
    Problem(Problem),
}

impl From<IndexError> for Trouble {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

/// `GET /api/v1/entries`.
pub(super) async fn entries(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let Some(search) = app.search.clone() else { return Err(Problem::NotFound) };
    let question = Question::parse(uri.query().unwrap_or_default()).map_err(Problem::Question)?;
    // Taken before the wait, so that whoever was answered before it asked finds its own entry.
    let publication = app.publisher.for_readers().map_err(|_| Problem::NotCosigned)?;
    let size = publication.head().size().get();
    wait_for(&search, size).await?;
    let (storage, vkey) = (Arc::clone(&app.storage), *app.config.vkey().log_id());
    let reading = move || page(&search.index, storage.as_ref(), &vkey, &publication, &question);
    let body = match fault::on_thread(&app.readers, reading).await? {
        Ok(body) => body,
        Err(Trouble::Problem(problem)) => return Err(problem),
        Err(Trouble::Index(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the term index gave no answer");
            return Err(Problem::IndexBehind { indexed: 0, size });
        }
    };
    let headers = [(header::CONTENT_TYPE, JSON_MEDIA_TYPE), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, body).into_response())
}

/// Waits until the index has the published tree, but not for long.
async fn wait_for(search: &Search, size: u64) -> Result<(), Problem> {
    let mut indexed = search.index.subscribe();
    if *indexed.borrow() >= size {
        return Ok(());
    }
    if let Some(waker) = &search.waker {
        waker.wake();
    }
    let reached = tokio::time::timeout(PATIENCE, indexed.wait_for(|indexed| *indexed >= size)).await;
    match reached {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Problem::IndexBehind { indexed: search.index.indexed(), size }),
    }
}

fn page(
    index: &TermIndex,
    storage: &dyn Storage,
    log_id: &[u8; 32],
    publication: &Publication,
    question: &Question,
) -> Result<Vec<u8>, Trouble> {
    let head = publication.head();
    let mut hits = Vec::new();
    let range = question.range(head.size().get());
    let left = index.search(&question.terms, range, question.order, Work::LIMIT, |at| {
        let entry = read_entry(storage, at).map_err(Trouble::Problem)?;
        let damaged = || StorageError::BadRecord { table: Table::Entry, len: entry.len() };
        let answers = question.is_answered_by(&entry).ok_or_else(damaged);
        if answers.map_err(|error| Trouble::Problem(Problem::Storage(error)))? {
            let leaf = LeafHash::of(&entry);
            let at = LeafIndex::new(at).map_err(|_| Trouble::Problem(Problem::NotFound))?;
            let proof = prove(&leaf, at, publication, storage);
            hits.push(Hit::new(&entry, &proof.map_err(|error| Trouble::Problem(Problem::Internal(error)))?));
        }
        Ok::<_, Trouble>(if hits.len() < question.limit { Next::GoOn } else { Next::Stop })
    })?;
    let left = left.filter(|at| match question.order {
        Order::NewestFirst => *at > question.after,
        Order::OldestFirst => *at < head.size().get().min(question.before),
    });
    let page = Page {
        log_id: LogId::of(log_id),
        kind_version: KindVersion::CURRENT,
        root_hash: STANDARD.encode(head.root().as_bytes()),
        tree_size: head.size().get().to_string(),
        checkpoint: Envelope::of(publication),
        entries: hits,
        next: left.map(|at| match question.order {
            Order::NewestFirst => Cursor::Before(at.to_string()),
            Order::OldestFirst => Cursor::After(at.to_string()),
        }),
    };
    // Strings only, so it always serialises.
    Ok(serde_json::to_vec(&page).unwrap_or_default())
}

fn read_entry(storage: &dyn Storage, index: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    storage.entries(index..index + 1, &mut |_, entry| bytes = entry.to_vec()).map_err(Problem::Storage)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_question_is_read_with_its_defaults_and_bounds() {
        let question = Question::parse("name=acme/churn").unwrap();
        assert_eq!(question, Question::parse("&name=acme%2Fchurn&limit=20").unwrap());
        assert_eq!((question.order, question.limit), (Order::NewestFirst, 20));
        assert_eq!((question.range(7), question.range(0)), (0..7, 0..0));
        let question = Question::parse(&format!("input={HEX}&after=3&limit=100&key={HEX}")).unwrap();
        assert_eq!((question.order, question.limit, question.range(7)), (Order::OldestFirst, 100, 3..7));
        assert_eq!((question.range(2), question.terms.len()), (2..2, 2));
        assert_ne!(Question::parse("name=acme").unwrap(), Question::parse("name=acme/").unwrap());
        assert!(Question::parse(&format!("digest={}", &HEX[..40])).is_ok());
    }

    #[test]
    fn what_is_no_question_is_refused_by_what_is_wrong() {
        let value = |field, source| QuestionError::Value { field, source };
        for (query, error) in [
            ("", QuestionError::Nothing),
            ("limit=1", QuestionError::Nothing),
            ("name", QuestionError::NoValue),
            ("name=a&name=b", QuestionError::Twice),
            ("name=a&limit=1&limit=1", QuestionError::Twice),
            ("name=a&limit=0", QuestionError::Limit),
            ("name=a&limit=101", QuestionError::Limit),
            ("name=a&limit=01", QuestionError::Number),
            ("name=a&after=-1", QuestionError::Number),
            ("name=a&before=18446744073709551616", QuestionError::Number),
            ("name=a&after=1&before=2", QuestionError::BothEnds),
            ("name=a&order=up", QuestionError::Unknown),
            ("Name=a", QuestionError::Unknown),
            ("name=%2", QuestionError::Encoding),
            ("name=%ff", QuestionError::Encoding),
            ("name=", value(Field::Name, TermError::Name)),
            ("name=/", value(Field::Name, TermError::Name)),
            ("name=a//", value(Field::Name, TermError::Name)),
            ("name=Acme", value(Field::Name, TermError::Name)),
            ("name=a+b", value(Field::Name, TermError::Name)),
            ("digest=abc", value(Field::Digest, TermError::Length { len: 3 })),
            ("key=", value(Field::Key, TermError::Length { len: 0 })),
        ] {
            assert_eq!(Question::parse(query), Err(error), "{query}");
        }
        let commit = &HEX[..40];
        let refused = Question::parse(&format!("key={commit}"));
        assert_eq!(refused, Err(value(Field::Key, TermError::Length { len: 40 })));
        let refused = Question::parse(&format!("input={}", HEX.to_uppercase()));
        assert_eq!(refused, Err(value(Field::Input, TermError::Digit)));
    }
}
