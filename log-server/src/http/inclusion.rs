//! The proof that an entry is in the log, asked for by its index or by its leaf hash.
//!
//! The answer is the one that a duplicate submission gets: the entry itself, and a proof to the newest checkpoint. Its cost
//! is one look-up, one entry and one tile per level of tiles, so a tree of ten million costs what one of a million does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use merkle::{Hash, LeafHash, LeafIndex};

use crate::http::App;
use crate::http::answer::{self, Form};
use crate::http::fault;
use crate::http::problem::Problem;
use crate::proof::prove;
use crate::storage::{Storage, StorageError};

/// What the proof is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Index(LeafIndex),
    Leaf(LeafHash),
}

impl Asked {
    /// Reads `index=` and a decimal number, or `leaf=` and 64 lower-case hex digits: one of them, in one spelling.
    fn parse(query: &str) -> Option<Self> {
        let (name, value) = query.split_once('=')?;
        match name {
            "index" => {
                let index: u64 = value.parse().ok()?;
                // No sign, no leading zero.
                (index.to_string() == value).then_some(())?;
                LeafIndex::new(index).ok().map(Self::Index)
            }
            "leaf" if value.len() == 64 => {
                let mut bytes = [0; 32];
                for (byte, pair) in bytes.iter_mut().zip(value.as_bytes().as_chunks::<2>().0) {
                    *byte = digit(pair[0])? << 4 | digit(pair[1])?;
                }
                Some(Self::Leaf(LeafHash::from_hash(Hash::from_bytes(bytes))))
            }
            _ => None,
        }
    }
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// `GET /api/v1/proof?index=N` or `?leaf=HEX`.
pub(super) async fn proof(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let form = Form::accepted(&headers).ok_or(Problem::NotAcceptable)?;
    // What is no question has no answer; there is one code for that, as for a path that is none.
    let asked = uri.query().and_then(Asked::parse).ok_or(Problem::NotFound)?;
    let worker = Arc::clone(&app);
    let body = fault::on_thread(&app.readers, move || found(&worker, asked, form)).await??;
    Ok(([(header::CONTENT_TYPE, form.media_type()), (header::CACHE_CONTROL, "no-cache")], body)
        .into_response())
}

fn found(app: &App, asked: Asked, form: Form) -> Result<Vec<u8>, Problem> {
    let storage: &dyn Storage = app.storage.as_ref();
    let publication = app.publisher.for_readers().map_err(|_| Problem::NotCosigned)?;
    let index = match asked {
        Asked::Index(index) => Some(index),
        Asked::Leaf(leaf) => storage.find(&[leaf]).map_err(Problem::Storage)?.pop().flatten(),
    };
    // What is stored but not published does not exist yet.
    let index =
        index.filter(|index| index.get() < publication.head().size().get()).ok_or(Problem::NotFound)?;
    let mut entry = None;
    storage
        .entries(index.get()..index.get() + 1, &mut |_, bytes| entry = Some(bytes.to_vec()))
        .map_err(Problem::Storage)?;
    let missing = || Problem::Storage(StorageError::MissingEntry { index: index.get() });
    let entry = entry.ok_or_else(missing)?;
    let leaf = LeafHash::of(&entry);
    // Also where the index of leaves is damaged and named another entry: the proof would be for the wrong one.
    if matches!(asked, Asked::Leaf(wanted) if wanted != leaf) {
        return Err(missing());
    }
    let proof = prove(&leaf, index, &publication, storage).map_err(Problem::Internal)?;
    match form {
        Form::Json => Ok(answer::json(app.config.vkey(), &entry, &proof, &publication)),
        Form::Proof => answer::proof(proof, &publication).map_err(Problem::Checkpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_spelling() {
        let leaf = "00ff".repeat(16);
        assert_eq!(Asked::parse("index=0"), Some(Asked::Index(LeafIndex::new(0).unwrap())));
        assert!(matches!(Asked::parse(&format!("leaf={leaf}")), Some(Asked::Leaf(_))));
        for query in [
            "",
            "index",
            "index=",
            "index=+1",
            "index=01",
            "index=-1",
            "index=9223372036854775808",
            "index=1&index=1",
            "index=%31",
            "Index=1",
            "leaf=00",
            &format!("leaf={}", leaf.to_uppercase()),
            &format!("leaf={leaf}0"),
            &format!("leaf={leaf}&index=1"),
            "size=1",
        ] {
            assert_eq!(Asked::parse(query), None, "{query}");
        }
    }
}
