//! A status snapshot. It is written back; what it shows is its mentions and no others.

#![no_main]

use attest::status::Snapshot;
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    let Some(snapshot) = written_back(input, Snapshot::parse, Snapshot::to_json_line) else { return };
    assert!(Snapshot::is_meant(input));
    if let Ok(status) = snapshot.verify() {
        let size = status.head().size().get();
        assert!(snapshot.mentions().iter().all(|mention| mention.index().get() < size));
    }
});
