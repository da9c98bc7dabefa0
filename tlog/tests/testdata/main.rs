//! Every case under `testdata/`, one module per noun.
//!
//! A case to refuse lies in a folder that is named by the error: the variants from the outside in, joined by full stops.
//! `reject` is refused by the parser, `untrusted` parses and is refused on opening. No case is named here: the folders are
//! listed, and an empty one fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod cases;
mod checkpoint;
mod cosignature;
mod entry_bundle;
mod note;
mod policy;
mod proof;
mod status;
mod subtree_message;
mod tile;
mod vkey;
mod witness;
