//! The AI bill of materials: what verified statements say of a model, each field with its proof.
//!
//! Follows `spec/bom.md`. A [`Bill`] has six sections, each a closed list of [`Field`]s. A field has values, each with its
//! [`Grade`] and the log entry that proves who said it and when at the latest; or it is [`Missing`], with the reason. A bill is a
//! view: it is written from statements, nobody signs it, and who doubts a field goes to the statement.
//!
//! | module | writes |
//! |---|---|
//! | [`cyclonedx`] | CycloneDX 1.7 with citations, and 1.6 |
//! | [`spdx`] | SPDX 3.0.1 in JSON-LD, with the AI, Dataset and Build profiles |
//! | [`markdown`], [`html`] | pages for people |
//! | [`lineage`] | where a model comes from, all the way: a tree of text, DOT, SVG |
//! | [`check`] | the share of fields that are verified, imported, declared, missing |
//! | [`profile`] | what the seed's list, EU AI Act Annex XI and the G7's minimum elements ask for, and what is known of it |
//!
//! In scope: which fact stands where, and how it is written so that no value of a statement can steer a reader's program. Out of
//! scope: reading files, the verdict (crate `verifier`), the clock: a bill says the time it is given. The same statements make
//! the same bytes.

pub mod bill;
pub mod check;
mod cited_json;
pub mod cyclonedx;
mod drawing;
pub mod field;
pub mod html;
mod licence;
pub mod lineage;
pub mod markdown;
pub mod profile;
pub mod proof;
mod purl;
mod serial;
mod shown;
pub mod spdx;
pub mod value;

pub use crate::bill::{Bill, Standing};
pub use crate::field::{Field, Missing, Section};
pub use crate::proof::Proof;
pub use crate::value::{Grade, Value};

/// What writes the bill, as the bill says it.
pub(crate) const TOOL_NAME: &str = "tallymark";
/// Its version.
pub(crate) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
