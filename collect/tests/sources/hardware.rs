//! Machines as their kernels show them, and what is learned of them.

use std::path::Path;

use crate::common::{assert_as_pictured, assert_tool_agrees, cases, testdata, text};
use collect::{Privacy, hardware};

#[test]
fn recorded_machines_are_described() {
    for case in cases("hardware") {
        let collected = hardware::read(&case.join("root"));
        assert_tool_agrees(&collected, &case.join("tool.txt"));
        assert_as_pictured(&case, &collected);
    }
}

#[test]
fn this_machine_is_described_without_a_warning_on_its_processors() {
    let collected = hardware::read(Path::new("/"));
    assert!(collected.facts().iter().any(|fact| fact.key() == "logical-count"), "{}", text(&collected));
}

#[test]
fn what_tells_one_machine_from_all_others_is_personal() {
    for case in ["cgroup-v2-nvidia", "arm-board"] {
        let collected = hardware::read(&testdata("hardware").join(case).join("root"));
        let is_unique = |key: &str| ["uuid", "bus", "serial"].contains(&key);
        assert!(collected.facts().iter().any(|fact| is_unique(fact.key())), "{case}");
        for fact in collected.facts() {
            assert_eq!(is_unique(fact.key()), fact.privacy() == Privacy::Personal, "{case} {}", fact.key());
        }
    }
}
