//! What is claimed about a model: tree digest, statement, envelope, log entry, bundle, keys.
//!
//! Bottom to top: a [`digest`] and the names of things ([`model_path`], [`model_name`]); the [`tree`] digest
//! that identifies a model; the [`statement`] about it, signed as a [`dsse`] envelope with a [`key`]; the log
//! [`entry`] computed from the statement; the [`bundle`] that carries all of it to a verifier.
//!
//! In scope: every format of the claim, read strictly and written back byte for byte, and [`scan`], which turns
//! a directory into a tree.
//!
//! Out of scope: the log's own formats (crate `tlog`; only [`bundle`], [`entry`] and [`status`] know that there is a log),
//! the decision whether a claim is to be believed (crate `verifier`), the network (the programs).
//!
//! ```
//! use attest::digest::Sha256Digest;
//! use attest::tree::{FileLeaf, Tree};
//!
//! let weights = FileLeaf::new("model.safetensors".parse()?, 3, Sha256Digest::of(b"abc"));
//! let tree = Tree::new(vec![weights])?;
//! assert_eq!(tree.file_count(), 1);
//! println!("{}", tree.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bundle;
mod compact_json;
pub mod content_tree;
pub mod dataset;
mod decimal;
pub mod digest;
pub mod dsse;
pub mod entry;
pub mod evaluation;
pub mod event;
mod excerpt;
pub mod file_proof;
pub mod form;
pub mod format_scan;
pub mod inert;
pub mod json;
pub mod key;
pub mod manifest;
pub mod model_name;
pub mod model_path;
pub mod name_pattern;
pub mod oms;
pub mod private_value;
pub mod provenance;
pub mod role;
pub mod scan;
pub mod statement;
pub mod status;
pub mod tree;
pub mod types;
pub mod utc_time;
pub mod verdict;
