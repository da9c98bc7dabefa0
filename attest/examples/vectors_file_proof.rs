//! Makes the cases of `testdata/file-proof`, about the tree of spec/tree-digest.md: `cargo xtask vectors`.

#![expect(clippy::unwrap_used, reason = "a generator fails by panicking")]

use attest::digest::Sha256Digest;
use attest::file_proof::FileProofBuilder;
use attest::tree::{FileLeaf, Tree};

fn main() {
    let folder = std::env::args_os().nth(1).map(std::path::PathBuf::from).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    let file = |(path, content): (&str, &str)| {
        FileLeaf::new(path.parse().unwrap(), content.len() as u64, Sha256Digest::of(content.as_bytes()))
    };
    let files = [("a.txt", "alpha\n"), ("b/empty", ""), ("b/\u{e9}.csv", "x,y\n1,2\n")].map(file);
    let tree = Tree::new(files.to_vec()).unwrap();
    let cases = [("present", "b/empty"), ("absent", "b/f.csv"), ("absent-first", "a"), ("absent-last", "c")];
    for (name, path) in cases {
        let mut builder = FileProofBuilder::new(path.parse().unwrap());
        tree.files().iter().for_each(|file| builder.push(file).unwrap());
        let proof = builder.finish().unwrap().to_bytes();
        std::fs::write(folder.join(format!("{name}.json")), proof).unwrap();
    }
}
