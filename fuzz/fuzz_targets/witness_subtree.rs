//! A sign-subtree request, as a witness receives it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;
use tlog::witness::SignSubtreeRequest;

fuzz_target!(|input: &[u8]| {
    if let Some(request) = written_back(input, SignSubtreeRequest::parse, SignSubtreeRequest::to_bytes) {
        let (proof, checkpoint) = (request.proof().clone(), request.checkpoint().clone());
        assert_eq!(SignSubtreeRequest::new(request.subtree(), *request.hash(), proof, checkpoint), Ok(request));
    }
});
