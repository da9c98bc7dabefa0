//! An add-checkpoint request, as a witness receives it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;
use tlog::witness::AddCheckpointRequest;

fuzz_target!(|input: &[u8]| {
    if let Some(request) = written_back(input, AddCheckpointRequest::parse, AddCheckpointRequest::to_bytes) {
        let (proof, checkpoint) = (request.proof().clone(), request.checkpoint().clone());
        assert_eq!(AddCheckpointRequest::new(request.old(), proof, checkpoint), Ok(request));
    }
});
