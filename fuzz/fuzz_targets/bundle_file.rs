//! The file of bundles beside a model: untouched lines are written back byte for byte.

#![no_main]

use attest::bundle::{Bundle, BundleFile};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    let Some(file) = written_back(input, BundleFile::parse, BundleFile::to_bytes) else { return };
    for line in file.lines() {
        match (line.bundle(), line.snapshot()) {
            (Some(bundle), None) => assert_eq!(Bundle::parse(line.as_bytes()).as_ref(), Ok(bundle)),
            (None, Some(snapshot)) => assert_eq!(snapshot.to_json_line(), line.as_bytes()),
            _ => panic!("a line is a bundle or a snapshot"),
        }
    }
    let first = file.bundles().next().expect("a bundle file has a bundle").clone();
    if let Ok(longer) = file.with(first) {
        let bytes = longer.to_bytes();
        assert!(bytes.starts_with(input));
        assert_eq!(BundleFile::parse(&bytes), Ok(longer));
    }
});
