//! What cannot lie in a repository: pipes, forbidden names, files without permission, long lines.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::model_path::ModelPath;
use attest::scan::{Act, ScanError};
use attest::tree::TreeError;
use tempfile::TempDir;
use verifier::load::Request;
use verifier::{Reason, scan_reason};

fn accepted() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/plain")
}

/// A copy of the plain model that may be written to.
fn copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = accepted().join("model");
    fs::create_dir(dir.path().join("tokenizer")).unwrap();
    for path in ["config.json", "model.safetensors", "tokenizer/vocab.txt", "tallymark.jsonl"] {
        fs::copy(from.join(path), dir.path().join(path)).unwrap();
    }
    dir
}

/// The reason for which the model is refused; `None` if it is verified.
fn reason(model: &Path) -> Option<Reason> {
    let verdict = Request::new(model).trust(Some(accepted().join("trust.toml"))).verify(&|_, _| {});
    verdict.result().err().map(verifier::Refusal::reason)
}

#[test]
fn the_copy_itself_is_verified() {
    assert_eq!(reason(copy().path()), None);
}

#[test]
fn a_pipe_in_the_model_is_found_and_not_opened() {
    let model = copy();
    assert!(Command::new("mkfifo").arg(model.path().join("pipe")).status().unwrap().success());
    assert_eq!(reason(model.path()), Some(Reason::SpecialFileFound));
}

#[test]
fn a_pipe_in_the_place_of_the_bundle_file_is_not_opened() {
    let model = copy();
    let bundle = model.path().join("tallymark.jsonl");
    fs::remove_file(&bundle).unwrap();
    assert!(Command::new("mkfifo").arg(&bundle).status().unwrap().success());
    assert_eq!(reason(model.path()), Some(Reason::BundleUnreadable));
}

#[test]
fn a_name_with_a_backslash_is_refused() {
    let model = copy();
    fs::write(model.path().join("a\\b"), b"").unwrap();
    assert_eq!(reason(model.path()), Some(Reason::PathRefused));
}

#[test]
fn two_names_that_differ_in_case_collide() {
    let model = copy();
    fs::write(model.path().join("CONFIG.json"), b"").unwrap();
    assert_eq!(reason(model.path()), Some(Reason::PathsCollide));
}

#[test]
fn two_names_that_differ_in_unicode_form_collide() {
    let model = copy();
    fs::write(model.path().join("caf\u{e9}"), b"").unwrap();
    fs::write(model.path().join("cafe\u{301}"), b"").unwrap();
    assert_eq!(reason(model.path()), Some(Reason::PathsCollide));
}

#[test]
fn a_file_that_may_not_be_read_is_unreadable() {
    let model = copy();
    let path = model.path().join("config.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&path).is_ok() {
        // Root reads everything: the reason of the error itself is all that can be shown.
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(scan_reason(&ScanError::Io { act: Act::Open, path, source }), Reason::FileUnreadable);
        return;
    }
    assert_eq!(reason(model.path()), Some(Reason::FileUnreadable));
}

#[test]
fn a_cache_that_cannot_be_read_is_never_a_yes() {
    let (model, room) = (copy(), tempfile::tempdir().unwrap());
    let cache = room.path().join("hashes");
    let request = Request::new(model.path()).trust(Some(accepted().join("trust.toml")));
    let request = request.cache(Some(cache.clone()));
    assert!(request.verify(&|_, _| {}).result().is_ok());
    fs::write(&cache, "no cache").unwrap();
    let verdict = request.verify(&|_, _| {});
    assert_eq!(verdict.result().err().map(verifier::Refusal::reason), Some(Reason::CacheUnusable));
}

#[test]
fn every_error_of_a_scan_has_its_reason() {
    let path = || PathBuf::from("p");
    let model_path = || "p".parse::<ModelPath>().unwrap();
    let table = [
        (ScanError::Changed { path: path() }, Reason::ModelUnstable),
        (ScanError::LinkOutsideBlobs { path: path() }, Reason::SymlinkFound),
        (ScanError::NotUtf8 { path: path() }, Reason::PathRefused),
        (ScanError::TooDeep { path: path() }, Reason::PathRefused),
        (ScanError::TooManyFiles { path: path(), max: 1 }, Reason::ModelTooLarge),
        (ScanError::Tree(TreeError::Duplicate { path: model_path() }), Reason::PathRefused),
        (ScanError::Tree(TreeError::TooManyBytes), Reason::ModelTooLarge),
    ];
    for (error, reason) in table {
        assert_eq!(scan_reason(&error), reason, "{error}");
    }
}

#[test]
fn a_line_of_more_than_24_mib_makes_the_bundle_file_malformed() {
    let model = copy();
    let line = [vec![b' '; attest::bundle::MAX_LINE_BYTES], b"{}\n".to_vec()].concat();
    fs::write(model.path().join("tallymark.jsonl"), line).unwrap();
    assert_eq!(reason(model.path()), Some(Reason::BundleMalformed));
}

#[test]
fn a_bundle_file_of_more_than_64_mib_is_malformed() {
    let model = copy();
    let file = fs::File::create(model.path().join("tallymark.jsonl")).unwrap();
    file.set_len(1 << 40).unwrap(); // sparse: no byte of it is on the disk
    assert_eq!(reason(model.path()), Some(Reason::BundleMalformed));
}

#[test]
fn a_git_directory_in_the_root_is_not_minded_and_one_below_is() {
    let model = copy();
    fs::create_dir(model.path().join(".git")).unwrap();
    fs::write(model.path().join(".git/config"), b"").unwrap();
    assert_eq!(reason(model.path()), None);
    fs::create_dir(model.path().join("tokenizer/.git")).unwrap();
    fs::write(model.path().join("tokenizer/.git/config"), b"").unwrap();
    assert_eq!(reason(model.path()), Some(Reason::FileUnexpected));
}

#[test]
fn empty_directories_modes_and_times_are_not_covered() {
    let model = copy();
    fs::create_dir(model.path().join("empty")).unwrap();
    fs::set_permissions(model.path().join("config.json"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(reason(model.path()), None);
}

#[test]
fn a_link_to_the_model_is_followed_once() {
    let model = copy();
    let outside = tempfile::tempdir().unwrap();
    let link = outside.path().join("link");
    std::os::unix::fs::symlink(model.path(), &link).unwrap();
    assert_eq!(reason(&link), None);
}

#[test]
fn a_trust_file_that_is_a_link_into_or_out_of_the_model_is_refused() {
    let model = copy();
    let outside = tempfile::tempdir().unwrap();
    let judge = |trust: PathBuf| {
        let verdict = Request::new(model.path()).trust(Some(trust)).verify(&|_, _| {});
        verdict.result().err().map(verifier::Refusal::reason)
    };
    fs::copy(accepted().join("trust.toml"), model.path().join(".DS_Store")).unwrap();
    let into = outside.path().join("trust.toml");
    std::os::unix::fs::symlink(model.path().join(".DS_Store"), &into).unwrap();
    assert_eq!(judge(into), Some(Reason::TrustInsideModel));
    let out = model.path().join("Thumbs.db");
    std::os::unix::fs::symlink(accepted().join("trust.toml"), &out).unwrap();
    assert_eq!(judge(out), Some(Reason::TrustInsideModel));
}

/// Exit code of the program for the plain model, run in `here` with that configuration directory.
fn exit_code(here: &Path, config: &Path) -> Option<i32> {
    Command::new(env!("CARGO_BIN_EXE_tallymark-verify"))
        .arg(accepted().join("model"))
        .arg("--quiet")
        .current_dir(here)
        .env_remove("TALLYMARK_TRUST")
        .env("XDG_CONFIG_HOME", config)
        .status()
        .unwrap()
        .code()
}

#[test]
fn a_trust_file_nobody_named_is_looked_for_here_and_then_in_the_configuration() {
    let (here, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(exit_code(here.path(), config.path()), Some(3), "no trust");
    fs::create_dir(config.path().join("tallymark")).unwrap();
    fs::copy(accepted().join("trust.toml"), config.path().join("tallymark/tallymark.toml")).unwrap();
    assert_eq!(exit_code(here.path(), config.path()), Some(0), "the user's");
    fs::write(here.path().join("tallymark.toml"), "not a trust file").unwrap();
    assert_eq!(exit_code(here.path(), config.path()), Some(4), "the first that is there counts");
}

#[test]
fn a_trust_file_beside_a_single_file_is_taken_only_if_it_is_named() {
    let download = tempfile::tempdir().unwrap();
    let case = accepted().parent().unwrap().join("single-file");
    for entry in fs::read_dir(&case).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), download.path().join(entry.file_name())).unwrap();
    }
    fs::rename(download.path().join("trust.toml"), download.path().join("tallymark.toml")).unwrap();
    let config = tempfile::tempdir().unwrap();
    let judge = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tallymark-verify"))
            .args(arguments)
            .arg("--quiet")
            .current_dir(download.path())
            .env_remove("TALLYMARK_TRUST")
            .env("XDG_CONFIG_HOME", config.path())
            .status()
            .unwrap()
            .code()
    };
    let model = "churn.safetensors";
    assert_eq!(judge(&[model]), Some(3), "whoever sent the model sent this too");
    assert_eq!(judge(&[model, "--trust", "tallymark.toml"]), Some(0), "the caller named it");
}

#[test]
fn a_cache_of_digests_that_is_none_or_open_to_others_is_not_believed() {
    let (model, elsewhere) = (copy(), tempfile::tempdir().unwrap());
    let verdict = |cache: &Path| {
        let request = Request::new(model.path()).trust(Some(accepted().join("trust.toml")));
        let verdict = request.cache(Some(cache.to_owned())).verify(&|_, _| {});
        (verdict.result().err().map(verifier::Refusal::reason), verdict.cached())
    };
    let cache = elsewhere.path().join("digests");
    // Nothing in the model is large enough to be kept.
    assert_eq!(verdict(&cache), (None, Some(0)));
    fs::write(&cache, b"no cache").unwrap();
    assert_eq!(verdict(&cache), (Some(Reason::CacheUnusable), None));
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(verdict(&cache), (Some(Reason::CacheUnusable), None));
    assert_eq!(verdict(elsewhere.path()), (Some(Reason::CacheUnusable), None));
}
