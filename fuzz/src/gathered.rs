use std::path::Path;

use collect::{Collected, MAX_FACTS, MAX_WARNINGS};

/// Holds a collector to its promise: whatever a file says, what comes of it is bounded and fits into a statement.
pub fn fits(collected: &Collected) {
    assert!(collected.facts().len() <= MAX_FACTS, "{} facts", collected.facts().len());
    assert!(collected.warnings().len() <= MAX_WARNINGS, "{} warnings", collected.warnings().len());
    for fact in collected.facts() {
        assert!(fact.to_statement().is_ok(), "not a fact of a statement: {fact:?}");
    }
    for warning in collected.warnings() {
        assert!(!warning.to_string().chars().any(char::is_control), "{:?}", warning.to_string());
    }
}

/// Shows a reader a directory with one file of this name, in memory where the system has room for files there.
pub fn with_file(name: &str, content: &[u8], read: impl FnOnce(&Path)) {
    let shared = Path::new("/dev/shm");
    let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    let dir = base.join(format!("tallymark-fuzz-{}", std::process::id()));
    let path = dir.join(name);
    let made = path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
    if made && std::fs::write(&path, content).is_ok() {
        read(&dir);
    }
    // The same name is used again; a file that stays would be read the next time.
    drop(std::fs::remove_dir_all(&dir));
}
