//! testdata/witness-exchange: the bytes of a whole conversation, and of the record after it.
#![cfg(feature = "ml-dsa")]

use crate::exchange::exchange;
use crate::support::testdata;

#[test]
fn the_conversation_is_byte_for_byte_that_of_the_cases() {
    let home = tempfile::tempdir().unwrap();
    let files = exchange(home.path());
    let folder = testdata("witness-exchange");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut made: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    made.sort();
    assert_eq!(names.iter().collect::<Vec<_>>(), made);
    for (name, bytes) in &files {
        assert!(std::fs::read(folder.join(name)).unwrap() == *bytes, "{name} differs");
    }
}
