//! Files that today's tools wrote, and what is learned of them.

use std::os::unix::fs::symlink;

use crate::common::{assert_as_pictured, assert_tool_agrees, cases, fact, reasons, testdata, text};
use collect::weights;

#[test]
fn files_of_the_tools_say_what_the_tools_say() {
    for case in cases("weights") {
        let collected = weights::read(&case.join("model"));
        assert_tool_agrees(&collected, &case.join("tool.txt"));
        assert_as_pictured(&case, &collected);
    }
}

#[test]
fn a_single_file_is_named_by_its_name_alone() {
    let path = testdata("weights/gguf-quantised/model/tiny-Q8_0.gguf");
    let collected = weights::read(&path);
    assert!(collected.warnings().is_empty(), "{}", text(&collected));
    assert!(collected.facts().iter().any(|fact| fact.about() == "tiny-Q8_0.gguf"));
    assert_eq!(fact(&collected, "architecture").as_deref(), Some("llama"));
}

#[test]
fn links_are_reported_and_not_followed_but_for_the_root() {
    let dir = tempfile::tempdir().expect("a directory");
    let target = testdata("weights/safetensors-numpy/model");
    symlink(target.join("model.safetensors"), dir.path().join("model.safetensors")).expect("a link");
    let collected = weights::read(dir.path());
    use collect::WarningReason::{Absent, NotRead};
    assert_eq!(reasons(&collected), [Absent, NotRead]);
    let root = dir.path().join("root");
    symlink(&target, &root).expect("a link");
    assert_eq!(text(&weights::read(&root)), text(&weights::read(&target)));
    let single = weights::read(&dir.path().join("model.safetensors"));
    assert!(single.warnings().is_empty(), "{}", text(&single));
}
