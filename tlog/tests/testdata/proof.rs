use merkle::LeafHash;
use tlog::policy::Policy;
use tlog::proof::{LogProof, LogProofError, MAX_EXTRA_BYTES, MAX_LOG_PROOF_BYTES};

use crate::cases::{Case, list, list_refused};

fn parts(case: &Case) -> (LogProof, LeafHash, Policy) {
    let bytes = case.read("log.tlog-proof");
    let proof = case.accepted(LogProof::parse(&bytes));
    assert_eq!(proof.to_bytes(), bytes, "{case}");
    (proof, LeafHash::of(&case.read("entry")), case.accepted(Policy::parse(&case.read("policy"))))
}

#[test]
fn accepted_proofs_verify_and_are_written_back() {
    for case in list("tlog-proof/accept") {
        let (proof, leaf, policy) = parts(&case);
        let verified = case.accepted(proof.verify(&leaf, &policy));
        assert_eq!(*verified.leaf(), leaf, "{case}");
        assert_eq!(verified.index(), proof.inclusion().index(), "{case}");
        assert_eq!(verified.checkpoint().as_bytes(), proof.checkpoint().as_bytes(), "{case}");
        assert_eq!(verified.cosignatures().len(), policy.witnesses().len(), "{case}");
    }
}

#[test]
fn refused_proofs_are_refused_for_their_reason() {
    for case in list_refused("tlog-proof/reject") {
        case.refused(LogProof::parse(&case.bytes()));
    }
}

#[test]
fn untrusted_proofs_are_refused_for_their_reason() {
    for case in list_refused("tlog-proof/untrusted") {
        let (proof, leaf, policy) = parts(&case);
        case.refused(proof.verify(&leaf, &policy));
    }
}

#[test]
fn any_one_bit_change_of_a_proof_is_refused() {
    for case in list("tlog-proof/accept") {
        let (proof, leaf, policy) = parts(&case);
        // Nothing vouches for the extra data, as its accessor says.
        if proof.extra().is_some() {
            continue;
        }
        let bytes = proof.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let verified = LogProof::parse(&changed).map(|proof| proof.verify(&leaf, &policy));
            assert!(!matches!(verified, Ok(Ok(_))), "{case}: bit {bit}");
        }
    }
}

#[test]
fn sizes_are_bounded() {
    let too_long = vec![b'x'; MAX_LOG_PROOF_BYTES + 1];
    assert_eq!(LogProof::parse(&too_long), Err(LogProofError::TooLong { seen: MAX_LOG_PROOF_BYTES + 1 }));
    let (proof, ..) = parts(&list("tlog-proof/accept")[0]);
    let seen = MAX_EXTRA_BYTES + 1;
    assert_eq!(proof.clone().with_extra(vec![0; seen]), Err(LogProofError::ExtraTooLong { seen }));
    assert_eq!(proof.clone().with_extra(Vec::new()), Err(LogProofError::ExtraEmpty));
    let extra = proof.with_extra(vec![0; MAX_EXTRA_BYTES]).unwrap();
    assert_eq!(LogProof::parse(&extra.to_bytes()), Ok(extra));
}
