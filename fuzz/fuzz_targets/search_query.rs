//! The query of a search: whatever it means, it means it percent-encoded too, in any order.

#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use log_server::http::search::Question;

fuzz_target!(|input: &[u8]| {
    let Ok(query) = std::str::from_utf8(input) else { return };
    let read = Question::parse(query);
    // Only what parses has to mean the same; a `%` that is half an escape would become a whole one.
    let Ok(read) = read else { return };
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(encoded).collect();
    pairs.reverse();
    assert_eq!(Question::parse(&pairs.join("&")).expect("the same question"), read);
    pairs.push(pairs.first().expect("a question asks something").clone());
    assert!(Question::parse(&pairs.join("&")).is_err(), "nothing may be asked twice");
});

/// Every byte of the value as `%XX`.
fn encoded(pair: &str) -> String {
    let (name, value) = pair.split_once('=').expect("every pair has a value");
    let mut text = format!("{name}=");
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).expect("two digits follow");
                u8::from_str_radix(digits, 16).expect("hexadecimal")
            }
            byte => byte,
        };
        write!(text, "%{byte:02X}").expect("a string grows");
    }
    text
}
