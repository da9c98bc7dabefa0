//! Private copies, made of good trees and of hostile ones.

use super::*;

fn copied(root: &Path, to: &Path) -> Result<Tree, ScanError> {
    copy(root, to, &|_, _| {})?;
    scan_quietly(to)
}

#[test]
fn a_copy_has_the_files_that_count_and_no_others_and_nobody_else_can_enter_it() {
    let model = Model::with(&[
        ("a", "x"),
        ("sub/deep/b", ""),
        ("sub/c", "y"),
        (".git/config", "z"),
        ("tallymark.jsonl", "w"),
        (".DS_Store", "v"),
    ]);
    fs::set_permissions(model.path("a"), fs::Permissions::from_mode(0o777)).unwrap();
    let place = Model::new();
    assert_eq!(copied(model.0.path(), &place.path("copy")).unwrap(), model.scan().unwrap());
    for (path, mode) in [("copy", 0o700), ("copy/sub/deep", 0o700), ("copy/a", 0o600)] {
        assert_eq!(fs::metadata(place.path(path)).unwrap().permissions().mode() & 0o7777, mode, "{path}");
    }
    assert_eq!(fs::read_dir(place.path("copy")).unwrap().count(), 2);
    // A single file becomes a single file.
    let (from, to) = (model.path("a"), place.path("a"));
    assert_eq!(copied(&from, &to).unwrap(), scan_quietly(&from).unwrap());
}

#[test]
fn a_copy_of_a_cache_has_files_where_the_cache_has_links() {
    let model = Model::with(&[("hub/models--a--b/blobs/6f", "weights")]);
    let snapshot = "hub/models--a--b/snapshots/9a";
    model.link("../../blobs/6f", &format!("{snapshot}/w.bin"));
    let place = Model::new();
    copied(&model.path(snapshot), &place.path("copy")).unwrap();
    assert!(fs::symlink_metadata(place.path("copy/w.bin")).unwrap().is_file());
    assert_eq!(fs::read(place.path("copy/w.bin")).unwrap(), b"weights");
}

#[test]
fn what_no_scan_takes_is_not_copied_and_what_is_there_is_not_written_over() {
    let place = Model::new();
    let linked = Model::with(&[("a", "x")]);
    linked.link("/etc/passwd", "b");
    assert!(matches!(copied(linked.0.path(), &place.path("one")), Err(ScanError::Symlink { .. })));
    let model = Model::with(&[("a", "x")]);
    place.write("two/old", b"old");
    let error = copied(model.0.path(), &place.path("two")).unwrap_err();
    assert!(matches!(error, ScanError::Io { act: Act::Write, .. }), "{error}");
    assert!(!place.path("two/a").exists());
    place.link("elsewhere", "three");
    assert!(copied(&model.path("a"), &place.path("three")).is_err());
    assert!(!place.path("elsewhere").exists());
}
