//! The monitor from outside: the real program, real sockets, and logs that lie.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod crash;
mod keeps;
mod lies;
mod log;
mod mint;
mod real;
mod support;
mod tells;
mod witnessed;
