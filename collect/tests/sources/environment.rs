//! Locks and environments that today's tools wrote, and what is learned of them.

use crate::common::{assert_as_pictured, assert_tool_agrees, cases, testdata, text};
use collect::environment::installed::{self, Check};
use collect::environment::{self, os_release};

#[test]
fn files_of_the_tools_say_what_the_tools_say() {
    for case in cases("environment") {
        let (input, name) =
            (case.join("input"), case.file_name().expect("a name").to_string_lossy().into_owned());
        let collected = if name.starts_with("installed-") {
            installed::read(&input.join("env"), Check::Files)
        } else if name.starts_with("os-release-") {
            os_release::read(&input.join("os-release"))
        } else {
            environment::read(&input)
        };
        assert_tool_agrees(&collected, &case.join("tool.txt"));
        assert_as_pictured(&case, &collected);
    }
}

#[test]
fn the_directory_of_packages_may_be_named_itself() {
    let env = testdata("environment/installed-uv/input/env");
    let inner = installed::read(&env.join("lib/python3.11/site-packages"), Check::Records);
    assert_eq!(text(&inner), text(&installed::read(&env, Check::Files)));
}
