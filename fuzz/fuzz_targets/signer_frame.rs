//! What comes over the socket of a signing process, in both directions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_server::signing::frame::{Answer, MAX_BODY_BYTES, Question};
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    // A file of `testdata` is a whole frame; its length is not part of the body.
    let body = match input.split_first_chunk::<4>() {
        Some((len, body)) if u32::from_be_bytes(*len) as usize == body.len() => body,
        _ => input,
    };
    let question = written_back(body, Question::decode, Question::encode);
    let answer = written_back(body, Answer::decode, Answer::encode);
    assert!(question.is_none() || answer.is_none(), "a question is never an answer");
    assert!((question.is_none() && answer.is_none()) || body.len() <= MAX_BODY_BYTES);
});
