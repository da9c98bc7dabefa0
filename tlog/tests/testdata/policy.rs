use std::fmt::Write as _;

use tlog::checkpoint::SignedCheckpoint;
use tlog::policy::{MAX_POLICY_BYTES, Policy, PolicyError};

use crate::cases::{list, list_refused};

#[test]
fn accepted_policies_are_written_in_their_canonical_form() {
    let canonical = list("policy/canonical");
    for case in list("policy/accept") {
        let policy = case.accepted(Policy::parse(&case.bytes()));
        let wanted = canonical.iter().find(|other| other.name() == case.name()).unwrap().bytes();
        assert_eq!(policy.to_bytes(), wanted, "{case}");
        assert_eq!(Policy::parse(&wanted), Ok(policy), "{case}");
    }
}

#[test]
fn refused_policies_are_refused_for_their_reason() {
    for case in list_refused("policy/reject") {
        // Without the feature such a key is one of an unknown algorithm.
        if !cfg!(feature = "ml-dsa") && case.to_string().contains("MlDsaVkey") {
            continue;
        }
        case.refused(Policy::parse(&case.bytes()));
    }
}

#[test]
fn a_met_quorum_names_those_who_cosigned() {
    for case in list("policy/quorum-met") {
        let policy = case.accepted(Policy::parse(&case.read("policy")));
        let signed = case.accepted(SignedCheckpoint::parse(&case.read("checkpoint")));
        case.accepted(policy.open(&signed));
        let mut cosigned = String::new();
        for cosignature in case.accepted(policy.quorum_met(&signed)) {
            writeln!(cosigned, "{} {}", cosignature.witness(), cosignature.timestamp()).unwrap();
        }
        assert_eq!(cosigned, case.text("cosigned"), "{case}");
    }
}

#[test]
fn a_missed_quorum_is_refused_for_its_reason() {
    for case in list_refused("policy/untrusted") {
        let policy = case.accepted(Policy::parse(&case.read("policy")));
        let signed = case.accepted(SignedCheckpoint::parse(&case.read("checkpoint")));
        case.refused(policy.quorum_met(&signed));
    }
}

#[test]
fn a_policy_above_64_kib_is_refused() {
    let mut policy = b"quorum none\n".to_vec();
    policy.resize(MAX_POLICY_BYTES, b'\n');
    assert!(Policy::parse(&policy).is_ok());
    policy.push(b'\n');
    assert_eq!(Policy::parse(&policy), Err(PolicyError::TooLong { seen: MAX_POLICY_BYTES + 1 }));
}

#[test]
fn lines_are_counted_from_one() {
    let refused = "# a comment\n\nquorum w\n".parse::<Policy>();
    assert!(matches!(refused, Err(PolicyError::UnknownName { line: 3, .. })), "{refused:?}");
}
