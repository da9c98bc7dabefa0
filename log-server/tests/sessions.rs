//! Everything that is tested from outside, in one program so that RocksDB is linked once.

mod http;
mod kill;
mod opening;
mod program;
mod support;
