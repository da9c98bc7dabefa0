//! The token file of a log: what it grants is written back and read again the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use log_server::admission::token_file::Tokens;

fuzz_target!(|input: &[u8]| {
    let Ok(read) = Tokens::parse(input) else { return };
    let written = read.to_bytes();
    let again = Tokens::parse(&written).expect("what was written is read again");
    assert_eq!(again.to_bytes(), written);
    assert_eq!(again.grants().len(), read.grants().len());
    for (one, other) in read.grants().iter().zip(again.grants()) {
        assert_eq!((one.id(), one.expires), (other.id(), other.expires));
        assert_eq!((&one.names, one.class), (&other.names, other.class));
    }
    // Its digest is in the file, and that is not what one shows.
    for grant in read.grants() {
        assert!(read.find(&grant.id().to_string()).is_none(), "an id opens nothing");
    }
});
