//! What arrives in a destination: the bytes that were judged, or nothing.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use attest::scan::{ScanOptions, scan};
use attest::tree::Tree;
use verifier::copy::{Delivered, deliver};
use verifier::load::Request;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle").join(name)
}

fn request(model: &Path) -> Request {
    Request::new(model).trust(Some(case("accept/plain/trust.toml")))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.path().is_dir() {
            copy(&file.path(), &to.join(file.file_name()));
        } else {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

fn tree(dir: &Path) -> Tree {
    scan(dir, &ScanOptions::new(), &|_, _| {}).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_verified_model_arrives_in_an_absent_and_in_an_empty_directory() {
    let room = tempfile::tempdir().unwrap();
    let model = case("accept/plain/model");
    let mounted = room.path().join("mounted");
    fs::create_dir(&mounted).unwrap();
    // What a run that was killed left.
    fs::create_dir(mounted.join(".tallymark-part")).unwrap();
    fs::write(mounted.join(".tallymark-part/evil.py"), b"x").unwrap();
    fs::create_dir(room.path().join(".absent.tallymark-part")).unwrap();
    for place in [room.path().join("absent"), mounted] {
        let delivered = deliver(&request(&model), &place, &|_, _| {}).unwrap();
        assert!(matches!(delivered, Delivered::Copied { .. }));
        assert_eq!(names(&place), names(&model));
        assert_eq!(tree(&place), tree(&model));
        assert!(fs::metadata(place.join("config.json")).unwrap().permissions().readonly());
        // A start that is repeated finds it, and what was changed since.
        let again = deliver(&request(&model), &place, &|_, _| {}).unwrap();
        assert!(matches!(&again, Delivered::Found(verdict) if verdict.exit_code() == 0));
        fs::write(place.join("x.py"), b"x").unwrap();
        let again = deliver(&request(&model), &place, &|_, _| {}).unwrap();
        assert!(matches!(&again, Delivered::Found(verdict) if verdict.exit_code() == 1));
    }
    assert_eq!(names(room.path()), ["absent", "mounted"]);
}

#[test]
fn of_a_model_that_is_refused_nothing_arrives() {
    let room = tempfile::tempdir().unwrap();
    let mounted = room.path().join("mounted");
    fs::create_dir(&mounted).unwrap();
    for refused in
        ["reject/byte-appended/model", "reject/unsigned-module/model", "reject/symbolic-link/model"]
    {
        for place in [room.path().join("absent"), mounted.clone()] {
            let delivered = deliver(&request(&case(refused)), &place, &|_, _| {}).unwrap();
            assert!(
                matches!(&delivered, Delivered::Refused(verdict) if verdict.exit_code() == 1),
                "{refused}"
            );
        }
        assert_eq!(names(room.path()), ["mounted"], "{refused}");
        assert_eq!(names(&mounted), [""; 0], "{refused}");
    }
}

/// R15: somebody rewrites, renames and links as fast as he can while a loader's copy is made, again and again.
/// The model is bad while it is copied, and good from then on until it is judged.
#[test]
fn what_was_copied_is_judged_and_not_what_the_model_is_by_then() {
    let room = tempfile::tempdir().unwrap();
    let (model, place) = (room.path().join("model"), room.path().join("place"));
    copy(&case("accept/plain/model"), &model);
    let weights = model.join("model.safetensors");
    let good = fs::read(&weights).unwrap();
    let mut evil = good.clone();
    *evil.last_mut().unwrap() ^= 1;
    fs::write(&weights, &evil).unwrap();
    let is_mended = AtomicBool::new(false);
    // The first half of the way is the copying.
    let mend = |done: u64, total: u64| {
        if done * 2 >= total && !is_mended.swap(true, Ordering::Relaxed) {
            fs::write(&weights, &good).unwrap();
        }
    };
    let delivered = deliver(&request(&model), &place, &mend).unwrap();
    assert!(is_mended.load(Ordering::Relaxed), "nobody said that the copy was made");
    assert!(matches!(delivered, Delivered::Refused(_)), "{delivered:?}");
    assert!(!place.exists());
}

#[test]
fn a_loader_never_gets_a_byte_that_was_not_signed_from_a_model_that_changes_all_the_time() {
    copies_of_a_changing_model(1000);
}

/// The same, longer: `cargo test --release -p verifier --test copy -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_loaders_never_get_a_byte_that_was_not_signed() {
    copies_of_a_changing_model(10_000);
}

fn copies_of_a_changing_model(copies: usize) {
    let room = tempfile::tempdir().unwrap();
    let model = room.path().join("model");
    copy(&case("accept/plain/model"), &model);
    let signed = tree(&model);
    let good = fs::read(model.join("model.safetensors")).unwrap();
    let mut evil = good.clone();
    *evil.last_mut().unwrap() ^= 1;
    fs::write(room.path().join("evil"), &evil).unwrap();
    let stop = AtomicBool::new(false);
    let (mut arrived, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let weights = model.join("model.safetensors");
            let (spare, extra) = (room.path().join("spare"), model.join("sitecustomize.py"));
            let rest = || std::thread::sleep(std::time::Duration::from_micros(500));
            // Each of these may fail while the other side looks; that is part of the game.
            while !stop.load(Ordering::Relaxed) {
                drop(fs::write(&weights, &evil));
                // What is bad for a while is copied whole.
                rest();
                drop(fs::write(&weights, &good));
                drop(fs::write(&spare, &evil));
                drop(fs::rename(&spare, &weights));
                drop(fs::remove_file(&weights));
                drop(symlink(room.path().join("evil"), &weights));
                drop(fs::remove_file(&weights));
                drop(fs::hard_link(room.path().join("evil"), &weights));
                drop(fs::remove_file(&weights));
                drop(fs::write(&extra, b"import os"));
                drop(fs::remove_file(&extra));
                drop(fs::write(&weights, &good));
                rest();
            }
        });
        for number in 0..copies {
            let place = room.path().join(format!("copy-{number}"));
            match deliver(&request(&model), &place, &|_, _| {}).unwrap() {
                Delivered::Copied { .. } => {
                    arrived += 1;
                    assert_eq!(tree(&place), signed);
                    fs::remove_dir_all(&place).unwrap();
                }
                Delivered::Found(_) => unreachable!("the place is new"),
                Delivered::Refused(_) => {
                    refused += 1;
                    assert!(!place.exists());
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(arrived > 0 && refused > 0, "{arrived} arrived, {refused} refused: nothing was tried");
    println!("{copies} copies: {arrived} arrived as signed, {refused} were refused");
}
