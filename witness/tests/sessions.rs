//! The witness from outside: real sockets, the real disk, the real program.

mod conflicts;
mod crash;
mod exchange;
mod limits;
mod program;
mod protocol;
mod subtrees;
mod support;
mod vectors;
mod wire;
