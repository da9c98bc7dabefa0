//! testdata/json, and properties of the strict JSON reader.

mod case_files;

use attest::json::{self, JsonError};
use proptest::prelude::*;
use serde_json::{Value, json};

const PLENTY: usize = 1 << 20;

#[test]
fn accepted_documents_read_as_serde_json_reads_them() {
    for case in case_files::files("json/accept") {
        let bytes = std::fs::read(&case).unwrap();
        let ours = json::parse(&bytes, PLENTY)
            .unwrap_or_else(|error| panic!("{}: {error}", case_files::name(&case)));
        assert_eq!(ours, serde_json::from_slice::<Value>(&bytes).unwrap(), "{}", case_files::name(&case));
    }
}

#[test]
fn refused_documents_are_refused_for_their_reason() {
    for case in case_files::files("json/reject") {
        let bytes = std::fs::read(&case).unwrap();
        let error = json::parse(&bytes, PLENTY).expect_err(case_files::name(&case));
        assert_eq!(
            case_files::reason(&error),
            case_files::expected_reason(&case),
            "{}: {error}",
            case_files::name(&case)
        );
    }
}

#[test]
fn parse_refuses_one_byte_more_than_allowed() {
    assert_eq!(json::parse(b"[10]", 4), Ok(json!([10])));
    assert_eq!(json::parse(b"[10]", 3), Err(JsonError::TooLarge { len: 4, max: 3 }));
}

#[test]
fn parse_refuses_one_value_more_than_allowed() {
    let document = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
    let parse = |values| json::parse(document(values).as_bytes(), 1 << 24);
    assert!(parse(json::MAX_VALUES).is_ok());
    assert_eq!(parse(json::MAX_VALUES + 1), Err(JsonError::TooManyValues));
}

#[test]
fn errors_say_where() {
    let refuse = |text: &str| json::parse(text.as_bytes(), PLENTY).expect_err(text);
    let key = || "a".to_owned();
    assert_eq!(refuse(r#"{"a":1,"a":2}"#), JsonError::DuplicateKey { key: key(), offset: 10 });
    let long = "k".repeat(65);
    let error = refuse(&format!(r#"{{"{long}":1,"{long}":2}}"#));
    assert!(matches!(error, JsonError::DuplicateKey { key, .. } if key == "k".repeat(64)));
    assert_eq!(refuse("{\n \"a\":1,\n \"a\":2}"), JsonError::DuplicateKey { key: key(), offset: 14 });
    assert_eq!(refuse("[0,\n1.5]"), JsonError::Float { offset: 7 });
    assert_eq!(refuse("[0,9007199254740993]"), JsonError::IntegerOutOfRange { offset: 19 });
    assert_eq!(refuse(&"[".repeat(65)), JsonError::TooDeep { offset: 65 });
    assert_eq!(refuse("[]\n ]"), JsonError::TrailingData { offset: 4 });
    assert_eq!(refuse("[\n1,]"), JsonError::Syntax { line: 2, column: 3 });
    assert_eq!(json::parse(b"[\"\xff\"]", PLENTY), Err(JsonError::NotUtf8 { offset: 2 }));
}

#[test]
fn errors_never_quote_control_characters_raw() {
    let error = json::parse(br#"{"\u001b[2J":1,"\u001b[2J":1}"#, PLENTY).expect_err("a duplicate");
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
}

/// Documents within the limits: integers only, unique keys.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=(1_i64 << 53)).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_within_the_limits_is_read_as_it_is(document in documents()) {
        let text = document.to_string();
        prop_assert_eq!(json::parse(text.as_bytes(), text.len()), Ok(document));
    }

    /// Whatever this reader takes, the usual reader takes too, and sees the same.
    #[test]
    fn any_bytes_are_refused_or_read_alike(text in r#"[\[\]{}",:0-9eE.\-+ta-f\\u\n ]{0,24}"#) {
        if let Ok(value) = json::parse(text.as_bytes(), PLENTY) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
        }
    }

    #[test]
    fn a_repeated_key_is_refused_wherever_it_stands(document in documents(), key in any::<String>()) {
        let key = Value::from(key);
        let text = format!("[{document},{{{key}:{document},{key}:{document}}}]");
        let refused = matches!(json::parse(text.as_bytes(), PLENTY), Err(JsonError::DuplicateKey { .. }));
        prop_assert!(refused);
    }
}
