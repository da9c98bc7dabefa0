//! What other tools recorded about a model: trackers, version control, package managers, the weights themselves.
//!
//! One module for each source. Each takes the files that the tool left on the disk and gives [`Collected`]: graded
//! [`Fact`]s, [`Warning`]s, and the digests of the files they were read from, so that a statement can say what it was
//! told and by whom.
//!
//! Every file is hostile: it may be a terabyte, a pipe, nested a million deep, or written by somebody who wants this
//! machine to believe that the data was clean. So each reader is bounded, strict and total; what it cannot read is a
//! warning with a reason code and lowers nothing silently: [`Collected::require_whole`] turns warnings into an error.
//! No module runs a program that lies in the model, follows a link out of it, opens a socket, or unpickles anything.
//!
//! | sources | what they read |
//! |---|---|
//! | [`dvc`] | `dvc.lock`, `dvc.yaml`, `*.dvc`: pipelines and data under version control |
//! | [`mlflow`], [`wandb`] | runs as trackers keep them: database, file store, log |
//! | [`hugging_face`] | cards, configurations, the cache of the hub |
//! | [`documents`] | model cards, datasheets, Croissant |
//! | [`registries`] | what SageMaker, KitOps and Pachyderm export |
//! | [`environment`], [`hardware`] | packages, interpreter, system; the machine |
//! | [`weights`] | the files of the model themselves |
//!
//! Tools that they share, from the disk up: `reading` opens one small file and `hashing` one that is too large to be held; `folder`
//! finds files by name below a directory, `place` walks one whose names a stranger chose; `json`, `yaml` and `rfc3339` are for texts;
//! `excerpt` makes a stranger's text fit to be shown and `location` an address. `notes` (one file at a time, of any grade) and
//! `imported` (a tracker, always imported) turn what was read into facts.
//!
//! The keys of all sources are listed in `collect/README.md`; [`Collected`] prints itself as the pictures in `testdata/collect`
//! are written. [`Fact::to_statement`] gives what `attest` signs.
//!
//! In scope: files to facts. Out of scope: what a fact is worth (the verifier), how it is signed (crate `attest`).

mod collected;
pub mod documents;
pub mod dvc;
pub mod environment;
pub mod evaluation;
mod excerpt;
mod fact;
mod folder;
pub mod hardware;
mod hashing;
pub mod hugging_face;
mod imported;
mod json;
mod location;
pub mod mlflow;
mod notes;
mod place;
mod reading;
pub mod registries;
mod rfc3339;
pub mod wandb;
mod warning;
pub mod weights;
mod yaml;

pub use attest::provenance::Topic;
pub use collected::{Collected, IncompleteError, MAX_FACTS, MAX_WARNINGS, ReadFile};
pub use fact::{Fact, MAX_TEXT_BYTES, Privacy, Value};
pub use reading::{MAX_TEXT_FILE_BYTES, ReadError, Reading};
pub use warning::{Warning, WarningReason};
