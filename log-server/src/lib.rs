//! The log: takes signed entries, puts them in one order for ever, and proves it to anybody.
//!
//! One entry's way, top to bottom:
//!
//! ```text
//! http        a request: path, method, size, type
//! admission   is this an entry, and signed by the key it carries?   (the only module that knows entries)
//! sequencer   index, tree, durable write, signature, ledger         (one thread)
//! publisher   the new checkpoint becomes visible
//! http        the answer: index, inclusion proof, checkpoint
//! ```
//!
//! The promise is in the order: nothing leaves the process before it is durable, nothing is signed that does not
//! extend what the ledger says was signed before, and a doubt ends the process instead of being papered over.
//! Formats on the wire are C2SP's (signed-note, tlog-checkpoint, tlog-tiles, tlog-proof); the HTTP interface is
//! `spec/log-api.md`.
//!
//! In scope: order, durability, publication. Out of scope: witnesses, and what a statement means. This library is
//! there for the program `tallymark-log` and its tests; nothing else should build on it.

pub mod admission;
pub mod append;
pub mod audit;
#[cfg(feature = "rocksdb")]
pub mod backup;
pub mod care;
pub mod client;
pub mod clock;
pub mod config;
pub mod control;
pub mod damage;
pub mod data_dir;
pub mod descriptors;
pub mod disk;
#[cfg(feature = "rocksdb")]
pub mod doctor;
pub mod export;
pub mod feeder;
#[cfg(feature = "rocksdb")]
pub mod fsck;
pub mod gate;
pub mod hold;
pub mod http;
#[cfg(feature = "rocksdb")]
pub mod import;
#[cfg(feature = "rocksdb")]
pub mod init;
pub mod key_file;
pub mod ledger;
pub mod listener;
pub mod metrics;
pub mod notify;
pub mod opening;
pub mod process;
pub mod proof;
pub mod publisher;
pub mod pulse;
pub mod scrub;
pub mod second_root;
pub mod sequencer;
pub mod serve;
pub mod settings;
pub mod signing;
pub mod site;
mod stall;
pub mod status;
pub mod storage;
pub mod term_index;
#[cfg(feature = "rocksdb")]
pub mod thaw;
pub mod tile_source;
pub mod tls;
