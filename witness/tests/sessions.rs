//! The witness from outside: real sockets, the real disk, the real program.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod conflicts;
mod crash;
mod exchange;
mod held_keys;
mod limits;
mod program;
mod protocol;
mod subtrees;
mod support;
mod vectors;
mod wire;
