//! All sources as their tools write them; weights, environments and machines also broken, and of bytes of any kind.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod arbitrary;
mod common;
mod environment;
mod evaluation;
mod hardware;
mod hostile_environment;
mod hostile_weights;
mod pictures;
mod weights;
