//! Everything that is tested from outside, in one program so that RocksDB is linked once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod admission;
mod care;
mod cases;
mod doctor;
mod doubt;
mod export;
mod hostile_requests;
mod http;
mod kill;
mod manager;
mod metrics;
mod opening;
mod pages;
mod program;
mod search;
mod service;
mod signers;
mod status;
mod support;
mod tls;
mod witnessed;
