//! What happened to the files between their hashing and the signature.

use super::*;

fn model() -> Model {
    Model::with(&[("a", "alpha"), ("sub/b", "be")])
}

fn hashed(root: &Path) -> Scan {
    let snapshot = Snapshot::take(root).unwrap();
    snapshot.hash(&ScanOptions::new(), &|_, _| ()).unwrap()
}

fn changed(before: &Scan) -> PathBuf {
    match before.refuse_change().expect_err("it changed") {
        ScanError::Changed { path } => path,
        other => panic!("{other}"),
    }
}

#[test]
fn a_snapshot_counts_the_bytes_and_hashes_what_it_saw() {
    let model = model();
    let snapshot = Snapshot::take(model.0.path()).unwrap();
    assert_eq!(snapshot.total_bytes(), 7);
    let scan = snapshot.hash(&ScanOptions::new(), &|_, _| ()).unwrap();
    assert_eq!(*scan.tree(), model.scan().unwrap());
    scan.refuse_change().expect("nothing changed");
}

#[test]
fn a_file_that_changed_between_snapshot_and_hashing_is_refused() {
    let model = model();
    let snapshot = Snapshot::take(model.0.path()).unwrap();
    model.write("sub/b", b"bee");
    let error = snapshot.hash(&ScanOptions::new(), &|_, _| ()).unwrap_err();
    assert!(matches!(&error, ScanError::Changed { path } if *path == model.path("sub/b")), "{error:?}");
}

#[test]
fn a_file_rewritten_with_as_many_bytes_is_noticed_even_with_its_time_set_back() {
    let model = model();
    let scan = hashed(model.0.path());
    let before = fs::metadata(model.path("sub/b")).unwrap().modified().unwrap();
    model.write("sub/b", b"BE");
    fs::File::options().write(true).open(model.path("sub/b")).unwrap().set_modified(before).unwrap();
    assert_eq!(changed(&scan), model.path("sub/b"));
}

#[test]
fn a_file_that_came_or_went_is_noticed() {
    let model = model();
    let scan = hashed(model.0.path());
    for new in ["0", "sub/b-", "z", "new/file"] {
        model.write(new, b"");
        assert_eq!(changed(&scan), model.path(new));
        fs::remove_file(model.path(new)).unwrap();
    }
    scan.refuse_change().expect("an empty directory is nothing");
    fs::remove_file(model.path("sub/b")).unwrap();
    assert_eq!(changed(&scan), model.path("sub/b"));
    fs::remove_file(model.path("a")).unwrap();
    assert_eq!(changed(&scan), model.path("a"));
}

#[test]
fn a_file_replaced_by_an_equal_one_is_noticed() {
    let (model, elsewhere) = (model(), Model::with(&[("a", "alpha")]));
    let scan = hashed(model.0.path());
    fs::rename(elsewhere.path("a"), model.path("a")).unwrap();
    assert_eq!(changed(&scan), model.path("a"));
}

#[test]
fn a_file_that_became_a_directory_or_a_link_is_noticed() {
    for link in [false, true] {
        let model = model();
        let scan = hashed(model.0.path());
        fs::remove_file(model.path("a")).unwrap();
        if link {
            symlink("sub/b", model.path("a")).unwrap();
        } else {
            fs::create_dir(model.path("a")).unwrap();
        }
        assert_eq!(changed(&scan), model.path("a"));
    }
}

#[test]
fn a_root_that_is_a_file_and_a_list_are_looked_at_too() {
    let model = model();
    let path = model.path("sub/b");
    let options = ScanOptions::new();
    let listed = ["sub/b".parse().unwrap(), "a".parse().unwrap()];
    let scans = [hashed(&path), scan_list(model.0.path(), &listed, &options, &|_, _| ()).unwrap()];
    scans.iter().for_each(|scan| scan.refuse_change().expect("nothing changed"));
    fs::write(&path, "bee").unwrap();
    scans.iter().for_each(|scan| assert_eq!(changed(scan), path));
}

#[test]
fn what_a_scan_leaves_out_may_change() {
    let model = model();
    fs::create_dir(model.path(".git")).unwrap();
    let scan = hashed(model.0.path());
    for path in [".git/index", "tallymark.jsonl", "sub/.DS_Store"] {
        model.write(path, b"x");
    }
    scan.refuse_change().expect("nothing of the model changed");
}

#[test]
fn files_are_met_in_the_order_of_the_tree() {
    let model = Model::with(&[("a/x", ""), ("a-", ""), ("a.b", ""), ("a0", ""), ("b", "")]);
    let walk = Walk::of(model.0.path(), Rules::of_tree(Limits::default())).unwrap();
    let met: Vec<&str> = walk.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(met, ["a-", "a.b", "a/x", "a0", "b"]);
    assert_eq!(paths(&model.scan().unwrap()), met);
}
