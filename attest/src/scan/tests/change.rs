//! Files that change while they are read: the progress callback is the other program.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Longer than one buffer, so that the first callback comes in the middle.
const LONG: usize = 700_000;

/// Scans while `meddle` runs once, after the first buffer.
fn scan_while(model: &Model, meddle: impl Fn() + Sync) -> Result<Tree, ScanError> {
    let done = AtomicBool::new(false);
    scan(model.0.path(), &ScanOptions::new(), &|_, _| {
        if !done.swap(true, Ordering::SeqCst) {
            meddle();
        }
    })
}

fn assert_changed(result: Result<Tree, ScanError>, model: &Model, path: &str) {
    let error = result.expect_err("a change");
    assert!(matches!(&error, ScanError::Changed { path: seen } if *seen == model.path(path)), "{error:?}");
    assert!(error.is_unavailable());
}

fn long_file() -> Model {
    let model = Model::new();
    model.write("weights", &vec![7; LONG]);
    model
}

#[test]
fn nothing_happens_if_nothing_changes() {
    let model = long_file();
    assert_eq!(scan_while(&model, || ()).unwrap(), model.scan().unwrap());
}

#[test]
fn a_file_that_grows_is_refused() {
    let model = long_file();
    let append =
        || OpenOptions::new().append(true).open(model.path("weights")).unwrap().write_all(b"x").unwrap();
    assert_changed(scan_while(&model, append), &model, "weights");
}

#[test]
fn a_file_that_grows_as_fast_as_it_is_read_does_not_keep_the_scan() {
    let model = long_file();
    let append = |_, _| {
        OpenOptions::new().append(true).open(model.path("weights")).unwrap().write_all(&[0; LONG]).unwrap();
    };
    assert_changed(scan(model.0.path(), &ScanOptions::new(), &append), &model, "weights");
}

#[test]
fn a_file_that_shrinks_is_refused() {
    let model = long_file();
    let cut =
        || OpenOptions::new().write(true).open(model.path("weights")).unwrap().set_len(300_000).unwrap();
    assert_changed(scan_while(&model, cut), &model, "weights");
}

#[test]
fn a_file_rewritten_in_place_is_refused_even_if_its_time_is_set_back() {
    let model = long_file();
    let rewrite = || {
        let mut file = OpenOptions::new().write(true).open(model.path("weights")).unwrap();
        let before = file.metadata().unwrap().modified().unwrap();
        file.write_all(b"x").unwrap();
        file.set_modified(before).unwrap();
    };
    assert_changed(scan_while(&model, rewrite), &model, "weights");
}

#[test]
fn a_file_replaced_by_another_is_refused() {
    let model = long_file();
    let elsewhere = Model::new();
    elsewhere.write("weights", &vec![8; LONG]);
    let replace = || fs::rename(elsewhere.path("weights"), model.path("weights")).unwrap();
    assert_changed(scan_while(&model, replace), &model, "weights");
}

/// A file for each lane of a thread, three bytes each, and a shorter one that must wait for its turn.
fn one_more_than_lanes() -> Model {
    Model::with(&[("a", "111"), ("b", "222"), ("c", "333"), ("d", "444"), ("small", "1")])
}

#[test]
fn a_file_replaced_by_a_link_or_a_pipe_before_its_turn_is_refused() {
    for pipe in [false, true] {
        let model = one_more_than_lanes();
        let replace = || {
            let small = model.path("small");
            fs::remove_file(&small).unwrap();
            if pipe {
                assert!(std::process::Command::new("mkfifo").arg(&small).status().unwrap().success());
            } else {
                symlink("a", &small).unwrap();
            }
        };
        let done = AtomicBool::new(false);
        let one = ScanOptions::new().threads(Some(NonZeroUsize::MIN));
        let error = scan(model.0.path(), &one, &|_, _| {
            if !done.swap(true, Ordering::SeqCst) {
                replace();
            }
        })
        .expect_err("a change");
        match error {
            ScanError::Changed { path } if pipe => assert_eq!(path, model.path("small")),
            ScanError::Io { act: Act::Open, path, .. } if !pipe => assert_eq!(path, model.path("small")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn not_a_byte_is_read_of_a_file_that_the_walk_did_not_see() {
    let (model, elsewhere) = (one_more_than_lanes(), Model::with(&[("small", "2")]));
    let most = Mutex::new(0);
    let one = ScanOptions::new().threads(Some(NonZeroUsize::MIN));
    let result = scan(model.0.path(), &one, &|done, _| {
        let mut most = most.lock().unwrap();
        if *most == 0 {
            fs::rename(elsewhere.path("small"), model.path("small")).unwrap();
        }
        *most = done;
    });
    assert_changed(result, &model, "small");
    assert_eq!(most.into_inner().unwrap(), 4 * 3);
}

#[test]
fn a_file_that_comes_or_goes_is_refused() {
    let model = long_file();
    model.write("sub/a", b"");
    assert_changed(scan_while(&model, || model.write("sub/new.py", b"import os")), &model, "sub");
    let gone = scan_while(&model, || fs::remove_file(model.path("sub/new.py")).unwrap());
    assert!(gone.expect_err("a change").is_unavailable());
}
