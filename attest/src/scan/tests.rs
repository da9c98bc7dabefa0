//! Each rule of the scan on a real directory, most of them hostile ones.
#![cfg(unix)]

mod again;
mod cache;
mod change;
mod copy;
mod hash_cache;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::sync::Mutex;

use tempfile::TempDir;

use super::walk::{Limits, Rules, Walk};
use super::*;

/// A directory that goes away, and short ways to fill and scan it.
struct Model(TempDir);

impl Model {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let model = Self::new();
        for (path, content) in files {
            model.write(path, content.as_bytes());
        }
        model
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, target: &str, link: &str) {
        fs::create_dir_all(self.path(link).parent().unwrap()).unwrap();
        symlink(target, self.path(link)).unwrap();
    }

    fn scan(&self) -> Result<Tree, ScanError> {
        scan_quietly(self.0.path())
    }

    fn refused(&self) -> ScanError {
        self.scan().expect_err("a scan that is refused")
    }
}

fn scan_quietly(root: &Path) -> Result<Tree, ScanError> {
    scan(root, &ScanOptions::new(), &|_, _| ())
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.files().iter().map(|file| file.path().as_str()).collect()
}

#[test]
fn scan_gives_the_example_of_the_specification() {
    let model = Model::with(&[("a.txt", "alpha\n"), ("b/empty", ""), ("b/é.csv", "x,y\n1,2\n")]);
    fs::create_dir(model.path("an-empty-directory")).unwrap();
    let tree = model.scan().unwrap();
    assert_eq!(paths(&tree), ["a.txt", "b/empty", "b/é.csv"]);
    assert_eq!(tree.digest().to_string(), "16a3ee3003db3916b47e026c85a5ac941203efc7c2827d967c4402e76adfe4f4");
}

#[test]
fn a_directory_without_files_is_a_tree_without_leaves() {
    let tree = Model::new().scan().unwrap();
    assert_eq!((tree.file_count(), tree.total_bytes()), (0, 0));
}

#[test]
fn a_single_file_is_one_leaf_with_the_name_the_caller_knows() {
    let model = Model::with(&[("dir/model.gguf", "abc")]);
    model.link("dir/model.gguf", "latest.gguf");
    for (path, name) in [
        ("dir/model.gguf", "model.gguf"),
        ("latest.gguf", "latest.gguf"),
        ("dir/../latest.gguf", "latest.gguf"),
    ] {
        let tree = scan_quietly(&model.path(path)).unwrap();
        assert_eq!(paths(&tree), [name]);
        assert_eq!(tree.files()[0].sha256(), crate::digest::Sha256Digest::of(b"abc"));
        assert_eq!(tree.files()[0].size(), 3);
    }
}

#[test]
fn the_root_itself_may_be_a_link() {
    let model = Model::with(&[("real/a", "1")]);
    model.link("real", "alias");
    assert_eq!(scan_quietly(&model.path("alias")).unwrap(), scan_quietly(&model.path("real")).unwrap());
}

#[test]
fn files_of_every_length_around_blocks_and_pieces_hash_as_they_do_alone() {
    let model = Model::new();
    let piece = 64 * 1024;
    let lengths = [
        0,
        1,
        55,
        56,
        63,
        64,
        65,
        1000,
        piece - 1,
        piece,
        piece + 1,
        3 * piece + 63,
        5 * piece,
        40 * piece + 7,
    ];
    for (at, length) in lengths.into_iter().enumerate() {
        let content: Vec<u8> = (0..length).map(|byte: usize| (byte * (at + 3) % 251) as u8).collect();
        model.write(&format!("{at:02}"), &content);
    }
    for threads in 1..=5 {
        let options = ScanOptions::new().threads(NonZeroUsize::new(threads));
        let tree = scan(model.0.path(), &options, &|_, _| ()).unwrap();
        for (at, file) in tree.files().iter().enumerate() {
            let content = fs::read(model.path(file.path().as_str())).unwrap();
            assert_eq!(file.sha256(), crate::digest::Sha256Digest::of(&content), "{at} with {threads}");
        }
    }
}

#[test]
fn threads_do_not_change_the_tree_and_progress_ends_at_the_total() {
    let model = Model::new();
    for i in 0..40_usize {
        model.write(&format!("d{}/f{i}", i % 4), &vec![i as u8; i * 20_000]);
    }
    let mut trees = [1, 2, 7, 1000].map(|threads| {
        let calls = Mutex::new(Vec::new());
        let options = ScanOptions::new().threads(NonZeroUsize::new(threads));
        let tree =
            scan(model.0.path(), &options, &|done, total| calls.lock().unwrap().push((done, total))).unwrap();
        let mut calls = calls.into_inner().unwrap();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.last(), Some(&(tree.total_bytes(), tree.total_bytes())));
        assert!(calls.iter().all(|(_, total)| *total == tree.total_bytes()));
        tree
    });
    trees.sort_by_key(|tree| tree.digest());
    assert_eq!(trees[0], trees[3]);
    assert_eq!(trees[0].file_count(), 40);
}

#[test]
fn links_are_refused_with_their_path_whatever_they_lead_to() {
    for target in ["a", "sub", ".", "..", "nowhere", "/etc/passwd", "link"] {
        let model = Model::with(&[("a", "1"), ("sub/b", "2")]);
        model.link(target, "sub/link");
        let error = model.refused();
        assert!(
            matches!(&error, ScanError::Symlink { path } if *path == model.path("sub/link")),
            "{error:?}"
        );
        assert!(!error.is_unavailable());
        assert!(error.to_string().contains("sub/link"), "{error}");
    }
}

#[test]
fn pipes_and_sockets_are_refused_without_being_opened() {
    let model = Model::new();
    let made = std::process::Command::new("mkfifo").arg(model.path("pipe")).status().unwrap();
    assert!(made.success());
    // Opening it for reading would wait for a writer for ever.
    let kind_of = |error| match error {
        ScanError::Special { path, kind } => (path.file_name().unwrap().to_str().unwrap().to_owned(), kind),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind_of(model.refused()), ("pipe".to_owned(), SpecialKind::Fifo));
    assert_eq!(
        kind_of(scan_quietly(&model.path("pipe")).unwrap_err()),
        ("pipe".to_owned(), SpecialKind::Fifo)
    );
    let listed = scan_list(model.0.path(), &["pipe".parse().unwrap()], &ScanOptions::new(), &|_, _| ());
    assert_eq!(kind_of(listed.unwrap_err()), ("pipe".to_owned(), SpecialKind::Fifo));

    let model = Model::new();
    let _listener = UnixListener::bind(model.path("socket")).unwrap();
    assert_eq!(kind_of(model.refused()), ("socket".to_owned(), SpecialKind::Socket));
    assert_eq!(
        kind_of(scan_quietly(Path::new("/dev/null")).unwrap_err()),
        ("null".to_owned(), SpecialKind::CharacterDevice)
    );
}

#[test]
fn names_that_are_no_model_paths_are_refused() {
    let model = Model::new();
    fs::write(model.0.path().join(OsStr::from_bytes(b"latin-\xe9")), "").unwrap();
    assert!(matches!(model.refused(), ScanError::NotUtf8 { .. }));
    let model = Model::with(&[("sub/a\\b", "")]);
    let error = model.refused();
    assert!(
        matches!(&error, ScanError::Path { path, source: ModelPathError::BadCharacter { found: '\\', offset: 5 } }
            if *path == model.path("sub/a\\b")),
        "{error:?}"
    );
    let model = Model::with(&[("line\nfeed", "1"), (" ", "2"), ("...", "3")]);
    assert_eq!(paths(&model.scan().unwrap()), [" ", "...", "line\nfeed"]);
}

#[test]
fn messages_escape_what_a_terminal_obeys() {
    let model = Model::new();
    model.link("x", "\u{1b}[2J");
    assert!(!model.refused().to_string().chars().any(char::is_control));
}

#[test]
fn names_that_fall_together_are_refused() {
    for pair in [["Model.bin", "model.bin"], ["é", "e\u{301}"], ["A/x", "a/y"]] {
        let model = Model::with(&[(pair[0], "1"), (pair[1], "2")]);
        assert!(matches!(model.refused(), ScanError::Tree(TreeError::Collision { .. })), "{pair:?}");
    }
}

#[test]
fn unreadable_files_and_directories_are_unavailable_not_skipped() {
    let model = Model::with(&[("sub/a", "1"), ("b", "2")]);
    let path = model.path("b");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, so for root this part says nothing.
    if fs::File::open(&path).is_err() {
        assert!(matches!(model.refused(), ScanError::Io { act: Act::Open, path: seen, .. } if seen == path));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let path = model.path("sub");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        assert!(matches!(model.refused(), ScanError::Io { act: Act::List, path: seen, .. } if seen == path));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let error = scan_quietly(&model.path("missing")).unwrap_err();
    assert!(matches!(error, ScanError::Io { act: Act::Stat, .. }) && error.is_unavailable());
}

/// Reading the first page of one's own memory is an I/O error, even for root.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_fails_is_unavailable() {
    let error = scan_quietly(Path::new("/proc/self/mem")).unwrap_err();
    assert!(matches!(error, ScanError::Io { act: Act::Read, .. }), "{error:?}");
}

/// A file of the kernel's says it is empty, and is not.
#[cfg(target_os = "linux")]
#[test]
fn a_file_longer_than_its_size_is_refused() {
    let error = scan_quietly(Path::new("/proc/self/status")).unwrap_err();
    assert!(matches!(error, ScanError::Changed { .. }), "{error:?}");
}

/// Many files of sysfs give their size as one page, and are shorter.
#[cfg(target_os = "linux")]
#[test]
fn a_file_shorter_than_its_size_is_refused() {
    let path = Path::new("/sys/devices/system/cpu/online");
    let (Ok(metadata), Ok(content)) = (fs::metadata(path), fs::read(path)) else { return };
    assert_ne!(metadata.len(), content.len() as u64);
    let error = scan_quietly(path).unwrap_err();
    assert!(matches!(error, ScanError::Changed { .. }), "{error:?}");
}

#[test]
fn depth_is_bounded() {
    let directories = |depth: usize| vec!["d"; depth].join("/");
    let model = Model::with(&[(&format!("{}/file", directories(MAX_DEPTH - 1)), "1")]);
    assert_eq!(model.scan().unwrap().file_count(), 1);
    fs::create_dir(model.path(&directories(MAX_DEPTH))).unwrap();
    assert!(
        matches!(model.refused(), ScanError::TooDeep { path } if path == model.path(&directories(MAX_DEPTH)))
    );
}

#[test]
fn number_of_files_and_of_directories_is_bounded() {
    let limits = Limits { entries: 3, ..Limits::default() };
    let model = Model::with(&[("a", ""), ("b", ""), ("c/d", "")]);
    let walk = |model: &Model| Walk::of(model.0.path(), Rules::of_tree(limits)).map(|walk| walk.files.len());
    assert!(matches!(walk(&model), Ok(3)));
    model.write("c/e", b"");
    assert!(matches!(walk(&model), Err(ScanError::TooManyFiles { max: 3, .. })));
    let model = Model::new();
    fs::create_dir_all(model.path("a/b/c/d")).unwrap();
    assert!(matches!(walk(&model), Err(ScanError::TooManyFiles { max: 3, .. })));
}

#[test]
fn a_list_of_too_many_files_is_refused_before_any_is_looked_at() {
    let paths = vec!["not-there".parse::<ModelPath>().unwrap(); crate::tree::MAX_FILES + 1];
    let error = scan_list(Path::new("/"), &paths, &ScanOptions::new(), &|_, _| ()).unwrap_err();
    assert!(matches!(error, ScanError::TooManyFiles { max: crate::tree::MAX_FILES, .. }), "{error:?}");
}

#[test]
fn inert_paths_are_left_out_and_told() {
    let model = Model::with(&[
        ("model.bin", "1"),
        ("tallymark.jsonl", "{}\n"),
        ("x.tallymark.jsonl", "{}\n"),
        (".git/config", ""),
        (".cache/huggingface/download/x.metadata", ""),
        ("sub/.DS_Store", ""),
        ("sub/tallymark.jsonl", "not at the root"),
        (".cache/other", "not on the list"),
        (".DS_Store/loaded.py", "a directory of that name is no litter"),
    ]);
    // Nothing below an inert directory is even looked at.
    model.link("/etc/passwd", ".git/link");
    let scan = scan_noting_inert(model.0.path(), &ScanOptions::new(), &|_, _| ()).unwrap();
    assert_eq!(
        paths(scan.tree()),
        [".DS_Store/loaded.py", ".cache/other", "model.bin", "sub/tallymark.jsonl"]
    );
    let inert: Vec<&str> = scan.inert().iter().map(ModelPath::as_str).collect();
    assert_eq!(
        inert,
        [".cache/huggingface", ".git", "sub/.DS_Store", "tallymark.jsonl", "x.tallymark.jsonl"]
    );
}

#[test]
fn a_link_with_an_inert_name_is_still_a_link() {
    for name in [".DS_Store", "tallymark.jsonl"] {
        let model = Model::new();
        model.link("/etc/passwd", name);
        assert!(matches!(model.refused(), ScanError::Symlink { .. }), "{name}");
    }
}

#[test]
fn a_list_is_scanned_as_a_directory_of_just_these_files() {
    let model = Model::with(&[("a", "1"), ("src/b", "2"), ("src/.DS_Store", ""), ("ignored/c", "3")]);
    let list = |paths: &[&str]| {
        let paths: Vec<ModelPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        scan_list(model.0.path(), &paths, &ScanOptions::new(), &|_, _| ()).map(Scan::into_tree)
    };
    let alone = Model::with(&[("a", "1"), ("src/b", "2"), ("src/.DS_Store", "")]);
    assert_eq!(list(&["src/b", "src/.DS_Store", "a"]).unwrap(), alone.scan().unwrap());
    assert_eq!(list(&[]).unwrap().file_count(), 0);
    assert!(matches!(list(&["a", "a"]), Err(ScanError::Tree(TreeError::Duplicate { .. }))));
    assert!(matches!(list(&["gone"]), Err(ScanError::Io { act: Act::Stat, .. })));
    assert!(matches!(list(&["src"]), Err(ScanError::ListedDirectory { .. })));
    model.link("src", "alias");
    model.link("a", "file-alias");
    assert!(matches!(list(&["alias/b"]), Err(ScanError::Symlink { path }) if path == model.path("alias")));
    assert!(matches!(list(&["file-alias"]), Err(ScanError::Symlink { .. })));
}
