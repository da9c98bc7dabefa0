//! The digest of a tree's contents, whatever their paths: what `byContent` of a dataset holds (spec/dataset.md).
//!
//! ```text
//! leaf data  0x02 | SHA-256 of a content, 32 bytes
//! root       RFC 6962 tree hash of the leaves, ascending, each content once
//! digest     SHA-256("content-tree/v1" LF | u64 leaf count | root, 32 bytes)
//! ```

use merkle::{Frontier, LeafHash};

use crate::digest::{Sha256, Sha256Digest};
use crate::tree::Tree;

/// First byte of leaf data; a path's begins with 1.
const KIND_CONTENT: u8 = 2;

/// First bytes of what the digest hashes.
const DIGEST_PREFIX: &[u8] = b"content-tree/v1\n";

/// Computes the digest of the contents of a tree.
#[must_use]
#[expect(clippy::expect_used, reason = "a tree has at most MAX_FILES files")]
pub fn digest(tree: &Tree) -> Sha256Digest {
    let mut contents: Vec<_> = tree.files().iter().map(|file| file.sha256().to_bytes()).collect();
    contents.sort_unstable();
    contents.dedup();
    let mut frontier = Frontier::new();
    for content in contents {
        let mut data = [KIND_CONTENT; 1 + Sha256Digest::LEN];
        data.iter_mut().skip(1).zip(content).for_each(|(to, from)| *to = from);
        frontier.append(LeafHash::of(&data)).expect("MAX_FILES is less than the largest tree size");
    }
    let head = frontier.head();
    let mut hasher = Sha256::new();
    hasher.update(DIGEST_PREFIX);
    hasher.update(&head.size().get().to_be_bytes());
    hasher.update(head.root().as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::FileLeaf;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let leaf = |(path, content): &(&str, &str)| {
            let digest = Sha256Digest::of(content.as_bytes());
            FileLeaf::new(path.parse().expect("a path"), content.len() as u64, digest)
        };
        Tree::new(files.iter().map(leaf).collect()).expect("a tree")
    }

    #[test]
    fn paths_and_repetitions_do_not_matter_and_contents_do() {
        let one = digest(&tree(&[("a", "x"), ("b", "y")]));
        assert_eq!(digest(&tree(&[("b", "x"), ("a", "y"), ("c", "x")])), one);
        assert_ne!(digest(&tree(&[("a", "x"), ("b", "z")])), one);
        assert_ne!(digest(&tree(&[("a", "x")])), one);
    }

    /// Computed with Python's hashlib.
    #[test]
    fn digests_are_those_of_the_page() {
        assert_eq!(digest(&tree(&[])).to_string(), EMPTY);
        assert_eq!(digest(&tree(&[("a", "alpha\n"), ("b", "")])).to_string(), TWO);
    }

    const EMPTY: &str = "3e4345ad876f5ec4451555a7d85d7486b658337bbed61bb38014acd4dcca9453";
    const TWO: &str = "b381bcfdc0380551fcfdd5cd494760ea5427501dcfc06008827136feac02bc5c";
}
