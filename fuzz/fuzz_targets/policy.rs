//! A log policy. Comments and spacing are not kept; from then on it stays as it is, and judges the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::settles;
use tlog::policy::{Policy, Quorum};

fuzz_target!(|input: &[u8]| {
    let Some(policy) = settles(input, Policy::parse, Policy::to_bytes) else { return };
    for log in policy.logs() {
        let origin = log.vkey().name().into();
        assert!(policy.logs_for_origin(&origin).any(|found| found == log));
    }
    for group in policy.groups() {
        assert!((1..=group.members().len()).contains(&group.threshold()));
        assert!(group.members().iter().all(|member| policy.name_of(*member).is_some()));
    }
    if let Quorum::Of(member) = policy.quorum() {
        assert!(policy.name_of(member).is_some());
    }
});
