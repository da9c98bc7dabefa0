//! The paths that are no part of a model although they lie inside its directory.
//!
//! The list is short and fixed, and signer and verifier share it: it is part of spec/tree-digest.md. There is no
//! list a signer may choose, because whatever a signer could hide an engine might still load.

use crate::model_path::ModelPath;

/// Names of whole directories (or, for a git worktree, of the file that stands in for one) below the root.
const INERT_AT_ROOT: [&str; 2] = [".cache/huggingface", ".git"];

/// File names that desktop shells strew into any directory. No engine opens them.
const INERT_ANYWHERE: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// The signature of OMS, where its tools write it unless told otherwise.
const OMS_SIGNATURE: &str = "model.sig";

/// The attestation file of a directory; `NAME.tallymark.jsonl` is the one beside a single file NAME.
const ATTESTATION_FILE: &str = "tallymark.jsonl";

/// Whether the file at `path` is left out of the tree of a model.
///
/// ```text
/// .git  .git/**                                  version control, at the root
/// .cache/huggingface  .cache/huggingface/**      download bookkeeping, at the root
/// tallymark.jsonl  *.tallymark.jsonl             our own attestations, at the root
/// model.sig                                      the attestation of OMS, at the root
/// .DS_Store  Thumbs.db  desktop.ini              files, anywhere
/// ```
/// Letters are compared exactly: `.GIT` is an ordinary path.
#[must_use]
pub fn is_inert(path: &ModelPath) -> bool {
    is_inert_tree(path) || is_inert_file(path)
}

/// The same for what lies at `path`: a directory with the name of an inert file is no inert file.
#[must_use]
pub fn is_inert_found(path: &ModelPath, is_file: bool) -> bool {
    is_inert_tree(path) || (is_file && is_inert_file(path))
}

/// Whether `path` and everything below it is left out, whatever kind of file it is.
pub(crate) fn is_inert_tree(path: &ModelPath) -> bool {
    INERT_AT_ROOT.iter().any(|root| {
        path.as_str().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether `path` is left out if it is a regular file.
pub(crate) fn is_inert_file(path: &ModelPath) -> bool {
    let name = path.file_name();
    let at_root = name.len() == path.as_str().len();
    INERT_ANYWHERE.contains(&name) || (at_root && (name == OMS_SIGNATURE || is_attestation_file(name)))
}

fn is_attestation_file(name: &str) -> bool {
    name.strip_suffix(ATTESTATION_FILE).is_some_and(|stem| stem.is_empty() || stem.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inert_paths_are_these_and_no_others() {
        let cases = [
            (".git", true),
            (".git/config", true),
            (".git/hooks/post-checkout", true),
            (".gitattributes", false),
            (".github/workflows/ci.yml", false),
            (".GIT/config", false),
            ("sub/.git/config", false),
            (".git.bak", false),
            (".cache/huggingface", true),
            (".cache/huggingface/download/a.lock", true),
            (".cache/huggingface2/a", false),
            (".cache/other", false),
            (".cache", false),
            ("sub/.cache/huggingface/a", false),
            ("tallymark.jsonl", true),
            ("model.gguf.tallymark.jsonl", true),
            (".tallymark.jsonl", true),
            ("nottallymark.jsonl", false),
            ("Tallymark.jsonl", false),
            ("tallymark.jsonl.bak", false),
            ("tallymark.jsonl/evil.py", false),
            ("sub/tallymark.jsonl", false),
            ("sub/model.gguf.tallymark.jsonl", false),
            ("model.sig", true),
            ("sub/model.sig", false),
            ("model.sig/evil.py", false),
            ("Model.sig", false),
            ("other.sig", false),
            (".DS_Store", true),
            ("a/b/.DS_Store", true),
            ("a/Thumbs.db", true),
            ("desktop.ini", true),
            ("a/Desktop.ini", false),
            (".DS_Store/evil.py", false),
            ("._.DS_Store", false),
            ("__pycache__/a.pyc", false),
        ];
        for (text, inert) in cases {
            assert_eq!(is_inert(&text.parse().expect("a path")), inert, "{text}");
        }
    }
}
