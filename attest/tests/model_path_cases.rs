//! testdata/model-path, and that a path is written as it was read.

mod case_files;

use attest::model_path::ModelPath;
use proptest::prelude::*;

#[test]
fn accepted_paths_are_written_back() {
    for case in case_files::files("model-path/accept") {
        let text = std::fs::read_to_string(&case).unwrap();
        let path: ModelPath =
            text.parse().unwrap_or_else(|error| panic!("{}: {error}", case_files::name(&case)));
        assert_eq!(path.to_string(), text);
        assert_eq!(path.components().collect::<Vec<_>>().join("/"), text);
        assert_eq!(path.components().next_back(), Some(path.file_name()));
    }
}

#[test]
fn refused_paths_are_refused_for_their_reason() {
    for case in case_files::files("model-path/reject") {
        let text = std::fs::read_to_string(&case).unwrap();
        let error = text.parse::<ModelPath>().expect_err(case_files::name(&case));
        assert_eq!(
            case_files::reason(&error),
            case_files::expected_reason(&case),
            "{}: {error}",
            case_files::name(&case)
        );
    }
}

#[test]
fn debug_form_escapes_what_a_terminal_obeys() {
    let path: ModelPath = "a\u{1b}[2Jb\nc".parse().unwrap();
    assert_eq!(format!("{path:?}"), r#""a\u{1b}[2Jb\nc""#);
}

#[test]
fn order_is_by_bytes() {
    let mut paths: Vec<ModelPath> =
        ["b", "a/b", "é", "a-b", "B", "a"].iter().map(|text| text.parse().unwrap()).collect();
    paths.sort();
    let texts: Vec<&str> = paths.iter().map(ModelPath::as_str).collect();
    assert_eq!(texts, ["B", "a", "a-b", "a/b", "b", "é"]);
}

proptest! {
    /// Joined to a root, an accepted path stays below it.
    #[test]
    fn no_accepted_path_climbs(text in r"[a./\\\x00é]{0,12}") {
        if let Ok(path) = text.parse::<ModelPath>() {
            prop_assert_eq!(path.as_str(), &text);
            let normal = std::path::Path::new(path.as_str())
                .components()
                .all(|component| matches!(component, std::path::Component::Normal(_)));
            prop_assert!(normal);
            prop_assert_eq!(std::path::Path::new(path.as_str()).components().count(), path.components().count());
        }
    }
}
