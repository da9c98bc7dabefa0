//! The auditor's eye: reads every entry of one or several logs, and tells the owner of a name who signed in it.
//!
//! Follows spec/monitor.md. One round of one log, [`round`]:
//!
//! 1. fetch the checkpoint; a log of the policy signed it, its quorum cosigned it, and it is young enough ([`seen`]);
//! 2. prove that it extends the last one that was seen; what cannot be is kept as [`evidence`];
//! 3. for each entry bundle that is new: link its tile to the signed root, hash the entries into the tile, read each
//!    entry and verify its signature, compare it with what is watched ([`check`], [`watch`]), by several threads;
//! 4. tell, in the order of the log ([`outbox`], [`sink`]), and only then write down how far it is ([`state`]);
//! 5. compare with what witnesses and other addresses show of the log ([`views`]).
//!
//! In scope: any C2SP tlog-tiles log as far as its tree goes; our [entries](attest::entry) in full. Out of scope: the
//! statements behind the entries, which a log does not hold; who may sign what, which is the verifier's.
//!
//! Memory is bounded whatever the log: a number of bundles at a time, and lists with limits ([`state`], [`lists`]).
//!
//! ```
//! use monitor::lookalike::fold;
//!
//! assert_eq!(fold("acme/churn"), fold("acrne/chum"));
//! ```

pub mod alert;
pub mod check;
pub mod config;
pub mod disk;
pub mod evidence;
pub mod heartbeat;
pub mod journal;
pub mod lists;
pub mod lookalike;
pub mod metrics;
pub mod mirror;
pub mod outbox;
pub mod place;
pub mod reason;
pub mod report;
pub mod round;
pub mod seen;
pub mod sink;
pub mod source;
pub mod span;
pub mod state;
pub mod tree;
pub mod views;
pub mod watch;
