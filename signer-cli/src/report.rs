//! What `sign` and `submit` say when they are done: the same facts as text or JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use attest::entry::Entry;
use attest::statement::Statement;
use verifier::LoggedStatement;

use crate::message::one_line;
use crate::statement_view;

/// How far a statement has come.
#[derive(Debug)]
enum Stage {
    /// Signed now and logged.
    Logged(Place),
    /// Found signed and logged; nothing was done.
    AlreadyLogged(Place),
    /// Signed now, not sent.
    Pending,
    /// Found signed and pending; nothing was done.
    AlreadyPending,
}

/// Where in which log.
#[derive(Debug)]
struct Place {
    /// `None` if it was not verified now, so that nobody has established which log it is.
    origin: Option<String>,
    index: u64,
    tree_size: u64,
}

/// The outcome for one statement.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    statement: &'a Statement,
    entry: &'a Entry,
    stage: Stage,
    bundle: PathBuf,
}

impl<'a> Report<'a> {
    /// Logged now, and verified.
    pub(crate) fn logged(
        statement: &'a Statement,
        entry: &'a Entry,
        logged: &LoggedStatement,
        bundle: &Path,
    ) -> Self {
        let place = Place {
            origin: Some(logged.origin().as_str().to_owned()),
            index: logged.position().index(),
            tree_size: logged.position().head().size().get(),
        };
        Self { statement, entry, stage: Stage::Logged(place), bundle: bundle.to_owned() }
    }

    /// The same statement by the same key was there with a proof.
    pub(crate) fn already_logged(
        statement: &'a Statement,
        entry: &'a Entry,
        proof: &tlog::proof::LogProof,
        bundle: &Path,
    ) -> Self {
        let place = Place {
            origin: None,
            index: proof.inclusion().index().get(),
            tree_size: proof.checkpoint().unverified().head().size().get(),
        };
        Self { statement, entry, stage: Stage::AlreadyLogged(place), bundle: bundle.to_owned() }
    }

    /// Signed and not sent.
    pub(crate) fn pending(statement: &'a Statement, entry: &'a Entry, bundle: &Path) -> Self {
        Self { statement, entry, stage: Stage::Pending, bundle: bundle.to_owned() }
    }

    /// The same statement by the same key was there without a proof.
    pub(crate) fn already_pending(statement: &'a Statement, entry: &'a Entry, bundle: &Path) -> Self {
        Self { statement, entry, stage: Stage::AlreadyPending, bundle: bundle.to_owned() }
    }

    /// As text, or as one line of JSON.
    pub(crate) fn show(&self, json: bool) -> String {
        if json { format!("{}\n", self.json()) } else { self.text() }
    }

    fn text(&self) -> String {
        let payload = self.entry.payload();
        let mut text = statement_view::text(self.statement);
        let _ = writeln!(text, "  key        {}", payload.key().key_id());
        let place = |place: &Place| {
            let origin = place.origin.as_deref().map(|origin| format!("{origin} ")).unwrap_or_default();
            format!("{origin}#{} in a tree of {}", place.index, place.tree_size)
        };
        let _ = match &self.stage {
            Stage::Logged(at) => writeln!(text, "  logged     {}", one_line(&place(at))),
            Stage::AlreadyLogged(at) => writeln!(text, "  logged     before: {}", one_line(&place(at))),
            Stage::Pending => writeln!(text, "  logged     not yet"),
            Stage::AlreadyPending => writeln!(text, "  logged     not yet; it was signed before"),
        };
        let _ = writeln!(text, "  bundle     {}", one_line(&self.bundle.display().to_string()));
        text
    }

    fn json(&self) -> serde_json::Value {
        let (status, place) = match &self.stage {
            Stage::Logged(place) => ("logged", Some(place)),
            Stage::AlreadyLogged(place) => ("already-logged", Some(place)),
            Stage::Pending => ("pending", None),
            Stage::AlreadyPending => ("already-pending", None),
        };
        let log = place.map(|place| {
            serde_json::json!({ "origin": place.origin, "index": place.index, "tree_size": place.tree_size })
        });
        serde_json::json!({
            "schema_version": 1,
            "status": status,
            "statement": statement_view::json(self.statement),
            "key_id": self.entry.payload().key().key_id().to_string(),
            "log": log,
            "bundle": self.bundle.display().to_string(),
        })
    }
}
