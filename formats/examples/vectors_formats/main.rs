//! Writes the corpus of the format gate: `cargo xtask vectors`, into testdata/formats.
//!
//! A sample is harmless: what would call something calls `echo`, nothing here is ever loaded, and every one is some kilobytes. The same bytes
//! come out every time.

#![expect(clippy::expect_used, reason = "a generator fails by panicking")]

mod case;
mod models;
mod packed;
mod pickles;
mod protobuf;
mod texts;
mod torch;
mod trees;
mod weights;
mod zip;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("want one argument, the folder to fill"));
    };
    let mut cases = Vec::new();
    pickles::add(&mut cases);
    torch::add(&mut cases);
    packed::add(&mut cases);
    weights::add(&mut cases);
    models::add(&mut cases);
    texts::add(&mut cases);
    trees::add(&mut cases);
    case::write(&folder, cases)
}
