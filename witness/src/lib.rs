//! The witness: confirms to the world that a log only grows (c2sp.org/tlog-witness), and is never made to say two things.
//!
//! A request goes through these, and each hands on a type that only it can make:
//!
//! ```text
//! bytes --request--> Request --decision, quota, clock--> Latest --record, synced--> Durable --cosigner--> cosignature lines
//!                    signed by a known log                may follow what was before   on the disk
//! ```
//!
//! | module | noun |
//! |---|---|
//! | [`log_list`], [`logs`] | `logs/v0`, and the logs that are known by several such lists |
//! | [`request`], [`decision`], [`quota`] | the checks, in the order of the specification |
//! | [`durable`], [`record`] | what is to be cosigned, and the file that remembers it |
//! | [`recorder`] | the one thread in which checking and writing are one step |
//! | [`cosigner`], [`key_file`] | the keys |
//! | [`http`], [`serve`] | answers, and the connections they go through |
//! | [`config`], [`data_dir`], [`init`], [`doctor`] | a directory and what is in it |
//!
//! In scope: add-checkpoint, sign-subtree, the checkpoint for monitors. Out of scope: the formats, which are [`tlog`]'s; proofs, which
//! are [`merkle`]'s; what entries of a log mean. spec/witness.md is the law.

pub mod config;
pub mod cosigner;
pub mod data_dir;
pub mod decision;
pub mod doctor;
pub mod durable;
pub mod http;
pub mod init;
pub mod key_file;
pub mod log_list;
pub mod logs;
pub mod metrics;
pub mod notify;
pub mod origin_hash;
pub mod process;
pub mod quota;
pub mod record;
pub mod recorder;
pub mod request;
pub mod serve;
mod stall;
