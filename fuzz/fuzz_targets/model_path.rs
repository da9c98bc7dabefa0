//! Paths of files inside a model; joined to a folder, one never leads out of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::{Component, Path};

use attest::inert::is_inert;
use attest::model_path::ModelPath;
use tallymark_fuzz::word_written_back;

fuzz_target!(|input: &[u8]| {
    let Some(path) = word_written_back::<ModelPath>(input) else { return };
    let components = Path::new(path.as_str()).components();
    assert!(components.into_iter().all(|component| matches!(component, Component::Normal(_))));
    assert_eq!(path.components().collect::<Vec<_>>().join("/"), path.as_str());
    let _ = is_inert(&path);
});
