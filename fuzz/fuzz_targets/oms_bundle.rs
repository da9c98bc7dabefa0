//! An OMS bundle, and the statement inside it. What we write settles; a manifest that is read names each place once, inside the
//! model, and its root is its own.

#![no_main]

use std::collections::HashSet;

use attest::oms::{OmsBundle, OmsStatement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let payload = match OmsBundle::parse(input) {
        Ok(bundle) => {
            if let Some(written) = bundle.to_json() {
                let again = OmsBundle::parse(&written).expect("what is written is read again");
                assert_eq!(again.to_json().as_deref(), Some(&*written), "written differently the second time");
                assert_eq!(again.payload(), bundle.payload());
            }
            bundle.payload().to_vec()
        }
        // Without base64 around it a statement is reached sooner.
        Err(_) => input.to_vec(),
    };
    let Ok(statement) = OmsStatement::parse(&payload) else { return };
    let manifest = statement.manifest();
    let mut names = HashSet::new();
    for resource in manifest.resources() {
        assert!(names.insert(resource.name()), "{} twice", resource.name());
    }
    let written = OmsStatement::write(statement.name().unwrap_or("model"), manifest).expect("short enough");
    let again = OmsStatement::parse(&written).expect("what is written is read again");
    assert_eq!(again.manifest().root(), manifest.root());
    assert_eq!(again.manifest().resources(), manifest.resources());
});
