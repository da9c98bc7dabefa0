//! The write side: one entry in, one proof out.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::admission::gate::{Gate, Pass};
use crate::admission::token::Class;
use crate::admission::{self, Candidate, Refusal};
use crate::client::Client;
use crate::http::App;
use crate::http::answer::{self, Form};
use crate::http::authorization;
use crate::http::body;
use crate::http::fault;
use crate::http::problem::Problem;
use crate::http::workers::Tell;
use crate::proof::prove;
use crate::publisher::Publication;
use crate::sequencer::{Answer, Novelty, QueueError};

/// `POST /api/v1/entries`.
pub(super) async fn entry(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<Response, Problem> {
    let form = Form::accepted(&headers).ok_or(Problem::NotAcceptable)?;
    let until = Until::asked(uri.query());
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(admission::is_entry_media_type) {
        return Err(Problem::MediaType);
    }
    let pass = app.gate.enter(client, authorization::shown(&headers)).map_err(Problem::Denied)?;
    let bytes = body::read(&headers, body, admission::MAX_SIGNED_BYTES, app.body_timeout).await?;
    let entry = bytes.clone();
    let answer = submit(&app, pass, move |gate, pass| gate.admit_signed(pass, bytes)).await?;
    let status = match answer.novelty() {
        Novelty::New => StatusCode::CREATED,
        Novelty::Duplicate => StatusCode::OK,
    };
    let publication = match until {
        Until::Published => Arc::clone(answer.publication()),
        // The request's own time is the limit; the entry stays.
        Until::Cosigned => {
            let confirmed = app.publisher.until_cosigned(answer.index().tree_size().get());
            confirmed.await.map_err(|_| Problem::NotCosigned)?
        }
    };
    let body = finish(&app, &answer, &publication, form, &entry).await?;
    Ok((status, [(header::CONTENT_TYPE, form.media_type())], body).into_response())
}

/// `POST /add`, on a log made for conformance tests: any bytes in, the index as decimal text out.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let pass = app.gate.enter(client, authorization::shown(&headers)).map_err(Problem::Denied)?;
    let bytes = body::read(&headers, body, admission::MAX_RAW_BYTES, app.body_timeout).await?;
    let answer = submit(&app, pass, move |gate, _| gate.admit_raw(bytes)).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, answer.index().get().to_string()).into_response())
}

/// When a submission is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// A quorum of witnesses confirmed a tree that has the entry.
    Cosigned,
    /// The entry is in the published tree.
    Published,
}

impl Until {
    /// `until=cosigned` among the parameters of the query; anything else means nothing here.
    fn asked(query: Option<&str>) -> Self {
        let is_asked = query.is_some_and(|query| query.split('&').any(|pair| pair == "until=cosigned"));
        if is_asked { Self::Cosigned } else { Self::Published }
    }
}

/// Admits an entry off the reactor and waits until it is published.
///
/// The place in the queue is taken before the signature is verified, so that a full log refuses cheaply. A
/// client that goes away before that takes the entry back; afterwards it does not.
async fn submit<F>(app: &App, pass: Pass, admit: F) -> Result<Answer, Problem>
where
    F: FnOnce(&Gate, &Pass) -> Result<Candidate, Refusal> + Send + 'static,
{
    if !app.is_ready() {
        return Err(Problem::NotReady);
    }
    // Kept until the answer is there, like the place.
    let _bulk = match pass.class() {
        Class::Normal => None,
        Class::Bulk => Some(app.bulk.try_acquire().map_err(|_| Problem::Queue(QueueError::BulkFull))?),
    };
    let place = app.queue.reserve().map_err(Problem::Queue)?;
    let gate = Arc::clone(&app.gate);
    let admit = move || {
        admit(&gate, &pass).map_err(|refusal| match refusal {
            Refusal::Denied(denial) => Problem::Denied(denial),
            refusal => Problem::Entry(refusal),
        })
    };
    let queue = |candidate, tell: Tell<Answer>| {
        place.hand_over(candidate, Box::new(|answer| drop(tell.send(answer.map_err(Problem::Queue)))));
    };
    app.verifiers.run(admit, queue).await.unwrap_or(Err(Problem::Queue(QueueError::Stopped)))
}

/// Builds the answer and verifies its proof.
async fn finish(
    app: &Arc<App>,
    answer: &Answer,
    shown: &Arc<Publication>,
    form: Form,
    entry: &[u8],
) -> Result<Vec<u8>, Problem> {
    let (leaf, index, publication) = (*answer.leaf(), answer.index(), Arc::clone(shown));
    let proof = match answer.novelty() {
        // All its tiles are in memory.
        Novelty::New if Arc::ptr_eq(shown, answer.publication()) => {
            prove(&leaf, index, &publication, app.storage.as_ref())
        }
        Novelty::Duplicate | Novelty::New => {
            let storage = Arc::clone(&app.storage);
            let proving = move || prove(&leaf, index, &publication, storage.as_ref());
            fault::on_thread(&app.readers, proving).await?
        }
    };
    let proof = proof.map_err(Problem::Internal)?;
    match form {
        Form::Json => Ok(answer::json(app.config.vkey(), entry, &proof, shown)),
        Form::Proof => answer::proof(proof, shown).map_err(Problem::Checkpoint),
    }
}
