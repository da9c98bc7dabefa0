//! Makes the cases of `testdata/status`: notes and snapshots of a log of eight entries: `cargo xtask vectors`.
//!
//! A case to refuse is a good one with one text in it replaced, or one part of another.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a generator fails by panicking")]

mod note;
mod snapshot;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).unwrap();
    fs::create_dir_all(&folder).unwrap();
    let world = world::World::new(&folder.join(".."));
    note::write(&world, &folder.join("note"));
    snapshot::write(&world, &folder.join("snapshot"));
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A text with one place in it replaced.
fn edited(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replacen(from, to, 1)
}
