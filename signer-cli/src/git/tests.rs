use super::list::{Kind, Tracked, read_tracked};
use super::*;

/// Runs the real git to build a fixture; independent of the caller's configuration.
fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", "-C"])
        .arg(dir)
        .args(args)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .expect("git is installed where the tests run");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub(crate) fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    git(dir.path(), &["init", "-q", "."]);
    std::fs::create_dir(dir.path().join("src")).expect("mkdir");
    std::fs::write(dir.path().join("src/train.py"), "print()\n").expect("write");
    std::fs::write(dir.path().join(".gitignore"), "*.log\n").expect("write");
    git(dir.path(), &["add", "-A"]);
    git(dir.path(), &["commit", "-q", "-m", "first"]);
    dir
}

fn names(checkout: &Checkout) -> Vec<&str> {
    checkout.files().as_ref().expect("hashable").iter().map(ModelPath::as_str).collect()
}

#[test]
fn clean_checkout_has_commit_tree_and_its_files() {
    let dir = repository();
    let checkout = read_checkout(&dir.path().join("src")).expect("a checkout");
    assert_eq!(checkout.root(), dir.path().canonicalize().expect("exists"));
    assert_eq!((checkout.commit().len(), checkout.tree().len()), (40, 40));
    assert_ne!(checkout.commit(), checkout.tree());
    assert!(!checkout.is_dirty());
    assert_eq!(names(&checkout), [".gitignore", "src/train.py"]);
}

#[test]
fn untracked_file_is_listed_and_makes_it_dirty_but_an_ignored_one_does_neither() {
    let dir = repository();
    std::fs::write(dir.path().join("noise.log"), "x").expect("write");
    assert!(!read_checkout(dir.path()).expect("a checkout").is_dirty());
    std::fs::write(dir.path().join("new.py"), "x").expect("write");
    let checkout = read_checkout(dir.path()).expect("a checkout");
    assert!(checkout.is_dirty());
    assert_eq!(names(&checkout), [".gitignore", "new.py", "src/train.py"]);
}

#[test]
fn deleted_file_is_not_listed() {
    let dir = repository();
    std::fs::remove_file(dir.path().join("src/train.py")).expect("remove");
    let checkout = read_checkout(dir.path()).expect("a checkout");
    assert!(checkout.is_dirty());
    assert_eq!(names(&checkout), [".gitignore"]);
}

#[test]
fn change_that_git_was_told_to_overlook_is_dirty() {
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        let dir = repository();
        git(dir.path(), &["update-index", flag, "src/train.py"]);
        std::fs::write(dir.path().join("src/train.py"), "evil()\n").expect("write");
        assert!(read_checkout(dir.path()).expect("a checkout").is_dirty(), "{flag}");
    }
}

#[test]
fn symlink_nested_repository_and_odd_name_leave_no_tree() {
    let dir = repository();
    std::os::unix::fs::symlink("src", dir.path().join("link")).expect("symlink");
    let files = read_checkout(dir.path()).expect("a checkout").files;
    assert_eq!(files, Err(Unhashable::Symlink { path: "link".to_owned() }));

    let dir = repository();
    std::fs::create_dir(dir.path().join("nested")).expect("mkdir");
    git(&dir.path().join("nested"), &["init", "-q", "."]);
    std::fs::write(dir.path().join("nested/file"), "x").expect("write");
    git(&dir.path().join("nested"), &["add", "-A"]);
    git(&dir.path().join("nested"), &["commit", "-q", "-m", "inner"]);
    let files = read_checkout(dir.path()).expect("a checkout").files;
    assert_eq!(files, Err(Unhashable::Submodule { path: "nested/".to_owned() }));
    git(dir.path(), &["add", "nested"]);
    let files = read_checkout(dir.path()).expect("a checkout").files;
    assert_eq!(files, Err(Unhashable::Submodule { path: "nested".to_owned() }));

    let dir = repository();
    std::fs::write(dir.path().join("back\\slash"), "x").expect("write");
    let files = read_checkout(dir.path()).expect("a checkout").files;
    assert_eq!(files, Err(Unhashable::Name { path: "back\\slash".to_owned() }));
}

#[test]
fn directory_without_repository_or_without_commit_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let refused = read_checkout(dir.path()).expect_err("no repository");
    assert!(matches!(&refused, GitError::Failed { act: "rev-parse", .. }), "{refused}");
    git(dir.path(), &["init", "-q", "."]);
    let refused = read_checkout(dir.path()).expect_err("no commit");
    assert!(matches!(&refused, GitError::Failed { act: "rev-parse", .. }), "{refused}");
}

#[test]
fn repository_cannot_run_a_program_of_its_choice() {
    let dir = repository();
    let outside = tempfile::tempdir().expect("a temporary directory");
    let ran = outside.path().join("ran");
    let program = format!("touch '{}'; cat", ran.display());
    std::fs::write(dir.path().join(".gitattributes"), "* filter=evil\n").expect("write");
    git(dir.path(), &["config", "core.fsmonitor", &program]);
    git(dir.path(), &["config", "filter.evil.clean", &program]);
    git(dir.path(), &["config", "filter.evil.process", &program]);
    git(dir.path(), &["config", "filter.evil.required", "true"]);
    let hook = dir.path().join(".git/hooks/post-index-change");
    std::fs::create_dir_all(dir.path().join(".git/hooks")).expect("mkdir");
    std::fs::write(&hook, format!("#!/bin/sh\n{program}\n")).expect("write");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    // Same length, new time: git must look inside, and would do so through the filter.
    std::fs::write(dir.path().join("src/train.py"), "evil()!\n").expect("write");
    assert!(read_checkout(dir.path()).expect("a checkout").is_dirty());
    assert!(!ran.exists(), "git ran the repository's program");
}

#[test]
fn replacement_ref_does_not_lend_a_commit_another_tree() {
    let dir = repository();
    let good = read_checkout(dir.path()).expect("a checkout");
    std::fs::write(dir.path().join("src/train.py"), "evil()\n").expect("write");
    git(dir.path(), &["commit", "-q", "-a", "-m", "second"]);
    let evil = read_checkout(dir.path()).expect("a checkout");
    git(dir.path(), &["reset", "-q", "--soft", good.commit()]);
    git(dir.path(), &["replace", good.commit(), evil.commit()]);
    let seen = read_checkout(dir.path()).expect("a checkout");
    assert_eq!((seen.commit(), seen.tree()), (good.commit(), good.tree()));
    assert!(seen.is_dirty());
}

#[test]
fn repository_cannot_have_a_change_overlooked_by_its_time() {
    let dir = repository();
    // Another inode with the same size and time, as an archive unpacks it.
    let write = |text: &str| {
        let new = dir.path().join("new");
        std::fs::write(&new, text).expect("write");
        let file = std::fs::File::options().write(true).open(&new).expect("open");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).expect("set the time");
        std::fs::rename(new, dir.path().join("src/train.py")).expect("rename");
    };
    git(dir.path(), &["config", "core.checkStat", "minimal"]);
    git(dir.path(), &["config", "core.trustctime", "false"]);
    write("print()\n");
    git(dir.path(), &["update-index", "--refresh"]);
    write("evil()!\n");
    assert!(read_checkout(dir.path()).expect("a checkout").is_dirty());
}

#[test]
fn repository_cannot_point_elsewhere() {
    let dir = repository();
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let path = elsewhere.path().to_str().expect("UTF-8");
    git(dir.path(), &["config", "core.worktree", path]);
    let refused = read_checkout(dir.path()).expect_err("work tree elsewhere");
    assert!(matches!(refused, GitError::WorkTreeElsewhere { .. } | GitError::Failed { .. }), "{refused}");
}

#[test]
fn tracked_record_of_another_form_is_refused() {
    let good = b"H 100644 7898 0\ta b";
    let read = read_tracked(good).expect("well formed");
    assert_eq!(read, Tracked { path: b"a b".to_vec(), kind: Kind::File, unwatched: false });
    for bad in [&b"H 100644 7898 0 a"[..], b"H 040000 7898 0\ta", b"H 100644 7898 0\t", b"", b"HH 100644\ta"]
    {
        assert!(
            matches!(read_tracked(bad), Err(GitError::AnswerMalformed { .. })),
            "{}",
            String::from_utf8_lossy(bad)
        );
    }
}
