//! Step 9: the files.

use verifier::Reason;

use crate::accept::{LABEL, dataset, logged, plain, plain_statement, without_files};
use crate::case::Case;
use crate::world::{File, files, publisher, statement, weights};

pub(super) fn cases() -> Vec<Case> {
    [changed(), elsewhere(), unexpected()].concat()
}

fn changed() -> Vec<Case> {
    let case = |name, why| Case::new(name, why, plain()).refused(Reason::FileChanged);
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    let model = "model.safetensors";
    vec![
        case("first-bit-flipped", "one bit in the first byte of the weights").change(model, flip(0)),
        case("middle-bit-flipped", "one bit in the middle of the weights").change(model, flip(48)),
        case("last-bit-flipped", "one bit in the last byte of the weights").change(model, flip(95)),
        case("byte-appended", "one byte more").change(model, |bytes| bytes.push(0)),
        case("byte-cut", "one byte less").change(model, |bytes| bytes.truncate(95)),
        case("file-emptied", "a file of no bytes").change(model, Vec::clear),
        case("copied-over", "one file's bytes also in the place of another's")
            .change("config.json", |bytes| *bytes = weights(7)),
    ]
}

fn elsewhere() -> Vec<Case> {
    let moved = |from: &str, to: &'static str| -> Vec<File> {
        files().into_iter().map(|(path, bytes)| (if path == from { to } else { path }, bytes)).collect()
    };
    let swapped = || -> Vec<File> {
        let [config, model, vocab] = files().try_into().expect("three files");
        vec![(config.0, model.1), (model.0, config.1), vocab]
    };
    let single: File = ("churn.safetensors", weights(9));
    let single_statement = statement(LABEL, &[single], vec![dataset()]);
    vec![
        Case::new("file-removed", "a signed file is gone", plain())
            .files(files().into_iter().skip(1).collect())
            .refused(Reason::FileMissing),
        Case::new("file-renamed", "a loader would read another name", plain())
            .files(moved("model.safetensors", "model-old.safetensors"))
            .refused(Reason::FileRenamed),
        Case::new("file-moved-up", "the same name in another directory", plain())
            .files(moved("tokenizer/vocab.txt", "vocab.txt"))
            .refused(Reason::FileRenamed),
        Case::new("name-in-other-case", "a name that differs in case only", plain())
            .files(moved("config.json", "Config.json"))
            .refused(Reason::FileRenamed),
        Case::new("two-files-swapped", "each file has the other's bytes", plain())
            .files(swapped())
            .refused(Reason::FileRenamed),
        Case::new(
            "single-file-renamed",
            "a model of one file under another name",
            logged(&single_statement, &publisher()),
        )
        .single(("other.safetensors", weights(9)))
        .refused(Reason::FileRenamed),
        Case::new("bundle-of-another-model", "nothing that was signed is here", plain())
            .files(vec![("weights.gguf", weights(8))])
            .refused(Reason::SubjectMismatch),
        Case::new(
            "changed-and-not-listed",
            "a statement that lists no files cannot say which one changed",
            logged(&without_files(&plain_statement()), &publisher()),
        )
        .change("config.json", |bytes| bytes.push(b' '))
        .refused(Reason::SubjectMismatch),
        Case::new("empty-model", "the files are gone, their bundle is still there", plain())
            .files(Vec::new())
            .refused(Reason::SubjectMismatch),
    ]
}

fn unexpected() -> Vec<Case> {
    let case = |name, why, path| {
        Case::new(name, why, plain()).add(path, b"print('hello')\n").refused(Reason::FileUnexpected)
    };
    vec![
        case("unsigned-module", "code that a loader would import", "modeling_churn.py"),
        case("unsigned-hidden-file", "a file that listings leave out", ".hidden"),
        case("unsigned-site-customisation", "code that Python runs at start", "sitecustomize.py"),
        case("unsigned-byte-code", "byte code beside signed sources", "__pycache__/train.cpython-313.pyc"),
        case("unsigned-attributes", "a file of git outside .git", ".gitattributes").change(
            ".gitattributes",
            |bytes| {
                *bytes = b"# nothing
"
                .to_vec()
            },
        ),
        case("unsigned-empty-file", "even a file of no bytes", "added").change("added", Vec::clear),
        case("bundle-file-in-subdirectory", "only the one in the root is inert", "tokenizer/tallymark.jsonl"),
        case("trust-file-in-model", "a trust file is not inert", "tallymark.toml"),
        Case::new("symbolic-link", "a link to a file of the model", plain())
            .link("weights", "model.safetensors")
            .refused(Reason::SymlinkFound),
        Case::new("dangling-link", "a link to nowhere", plain())
            .link("weights", "nowhere")
            .refused(Reason::SymlinkFound),
        Case::new("directory-link", "a link to a directory outside the model", plain())
            .link("more", "..")
            .refused(Reason::SymlinkFound),
        Case::new("file-replaced-by-link", "a signed file's bytes through a link", plain())
            .files(
                files()
                    .into_iter()
                    .map(|(path, bytes)| (if path == "config.json" { ".DS_Store" } else { path }, bytes))
                    .collect(),
            )
            .link("config.json", ".DS_Store")
            .refused(Reason::SymlinkFound),
    ]
}
