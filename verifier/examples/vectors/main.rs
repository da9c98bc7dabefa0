//! Writes `testdata/bundle`: whole verifications, to pass and to be refused, one fault each.
//!
//! `cargo run -p verifier --example vectors -- OUT` writes `OUT/accept` and `OUT/reject`. Keys, log and times are fixed, and
//! every signature scheme here is deterministic, so a second run gives the same bytes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a generator that fails must stop")]

mod accept;
mod bounds;
mod case;
mod formats;
mod lineage;
mod private_entry;
mod reject;
mod standing;
mod status;
mod waivers;
mod world;

use std::path::{Path, PathBuf};

fn main() {
    let out = PathBuf::from(std::env::args_os().nth(1).expect("usage: vectors OUT"));
    write(&out);
}

/// Writes all cases below `out`, in the place of those that are there.
fn write(out: &Path) {
    for (kind, cases) in [("accept", accept::cases()), ("reject", reject::cases())] {
        let folder = out.join(kind);
        remove_cases(&folder);
        cases.iter().for_each(|case| case.write(&folder));
    }
}

/// Removes the folders that hold a case, so that one which is written no more goes away.
fn remove_cases(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.join("case.toml").is_file() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
}
