//! Load for a log, from outside: entries submitted over many kept-alive connections, readers that verify what they read.
//!
//! Generator and server share the cores of the machine that is measured, so a request costs the generator two system
//! calls and few instructions: one thread drives hundreds of connections by readiness ([`engine`]), and signed entries
//! are made before the measured time ([`entries`]). Every answer that is counted is checked (status, index), and one in
//! a thousand is verified in full ([`check`]).
//!
//! In scope: making load, latency and throughput as a client sees them. Out of scope: starting servers and comparing
//! them (`cargo xtask bench log`), and breaking them (crate `torture`).

pub mod check;
pub mod client;
pub mod disk;
pub mod engine;
pub mod entries;
pub mod histogram;
pub mod proofs;
pub mod readers;
pub mod report;
pub mod wire;
