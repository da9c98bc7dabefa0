//! `tallymark hash`: the tree digest of what lies at a path.

use std::fmt::Write as _;

use attest::scan::{HashCache, ScanOptions, scan_noting_inert};
use attest::tree::Tree;

use crate::args::{HashArgs, Manner};
use crate::message::{Failure, note, one_line, print};
use crate::progress::Progress;

/// Runs it.
pub(crate) fn run(args: &HashArgs, manner: Manner) -> Result<(), Failure> {
    let cache = args.hash_cache.as_deref().map(HashCache::open).transpose()?;
    let options = ScanOptions::new().threads(args.threads).cache(cache.as_ref());
    // The scan finds the total itself; a walk of our own beforehand would be time nobody asked for.
    let scan = |progress: attest::scan::Progress<'_>| scan_noting_inert(&args.path, &options, progress);
    let scan = Progress::start(manner, 0).part("hashing", scan)?;
    if scan.cached() > 0 {
        note(manner, &format!("{} of the digests were taken from the hash cache", scan.cached()));
    }
    cache.map(HashCache::save).transpose()?;
    let tree = scan.into_tree();
    let text = if args.json { json(&tree) } else { text(args, &tree) };
    print(&text)?;
    Ok(())
}

fn text(args: &HashArgs, tree: &Tree) -> String {
    let mut text = String::new();
    if args.files {
        for file in tree.files() {
            let _ = writeln!(text, "{}  {}", file.sha256(), one_line(file.path().as_str()));
        }
    }
    let _ = writeln!(text, "{}  {}", tree.digest(), one_line(&args.path.display().to_string()));
    text
}

fn json(tree: &Tree) -> String {
    let files: Vec<_> = tree
        .files()
        .iter()
        .map(|file| {
            serde_json::json!({
                "path": file.path().as_str(),
                "bytes": file.size(),
                "sha256": file.sha256().to_string(),
            })
        })
        .collect();
    let value = serde_json::json!({
        "schema_version": 1,
        "form": "model-tree/v1",
        "digest": tree.digest().to_string(),
        "root": tree.root().to_string(),
        "bytes": tree.total_bytes(),
        "files": files,
    });
    format!("{value}\n")
}
