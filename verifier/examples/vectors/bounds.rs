//! Each bound from three sides, just before it, on it and just after it; and thresholds that one party would meet alone.
//!
//! Terms are indices of a log, of publishers' keys alone: a tlog-policy knows no term of a log's or a witness's key.

use attest::event::{Act, Event, Scope};
use verifier::Reason;

use super::accept::{LABEL, plain, witnessed};
use super::case::Case;
use super::standing::{Said, approval, of, people, rule, seen, term, told, witnessed_rule};
use super::world::{ann, files, publisher, publisher_p256, stranger, trust, witness_line};

/// When all this is judged.
const NOW: &str = "2026-11-19T12:00:00Z";
const JUST_BEFORE: &str = "2026-11-19T11:59:59Z";
const JUST_AFTER: &str = "2026-11-19T12:00:01Z";

fn approved_until(name: &'static str, why: &'static str, end: &str) -> Case {
    Case::new(name, why, told(&[approval(None, Some(end), ann)])).trust(rule("approvals = 1")).at(NOW)
}

fn revoked_from(name: &'static str, why: &'static str, begin: &str) -> Case {
    let act = Act::Revoke { scope: Scope::This, reason: "poisoned-data".parse().unwrap() };
    let event = Event::new(act).with_effective_from(begin.parse().unwrap()).unwrap();
    let said: Said = (of(LABEL, &files(), &event), ann);
    Case::new(name, why, told(&[said])).trust(people("")).at(NOW)
}

/// The witness saw it at 2026-11-18T11:07:01Z.
fn seen_until(name: &'static str, why: &'static str, now: &'static str) -> Case {
    Case::new(name, why, seen()).trust(witnessed_rule("checkpoint-age = \"1h\"")).at(now)
}

fn by_term(name: &'static str, why: &'static str, words: &str) -> Case {
    Case::new(name, why, told(&[])).trust(term(words))
}

/// Two operators, one with two keys. Both are wanted.
fn of_two_operators() -> String {
    let lines: String = [21, 22, 23].into_iter().map(witness_line).collect();
    let groups = "group one any w21 w22\ngroup both all one w23\n";
    trust(&format!("{lines}{groups}"), "both", "acme/*", &[publisher().public_key()])
}

pub(crate) fn accepted() -> Vec<Case> {
    let keys = [stranger().public_key(), publisher_p256().public_key(), publisher().public_key()];
    vec![
        by_term(
            "key-from-the-entry-before",
            "the key counts from entry 3 on, and this is 4",
            "from-index = 3",
        ),
        by_term("key-from-this-entry", "the key counts from entry 4 on, and this is 4", "from-index = 4"),
        approved_until("approval-ends-in-a-second", "the approval ends a second after now", JUST_AFTER),
        revoked_from("revocation-begins-in-a-second", "it is withdrawn from a second after now", JUST_AFTER),
        seen_until("checkpoint-age-just-below", "an hour but for a second old", "2026-11-18T12:07:00Z"),
        seen_until("checkpoint-age-exact", "exactly as old as may be", "2026-11-18T12:07:01Z"),
        Case::new("keys-in-another-order", "the key that signed is the last of three", plain())
            .trust(trust("", "none", "acme/*", &keys)),
        Case::new("one-of-each-operator", "one key of each of two operators", witnessed(&[22, 23]))
            .trust(of_two_operators()),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    let nobody = trust(
        &format!("{}group none-of 0 w21\n", witness_line(21)),
        "none-of",
        "acme/*",
        &[publisher().public_key()],
    );
    vec![
        by_term(
            "key-lost-the-entry-before",
            "the key counts until entry 3, and this is 4",
            "until-index = 3",
        )
        .refused(Reason::SignerOutOfTerm),
        approved_until("approval-ends-now", "the approval ends now", NOW)
            .refused(Reason::ApprovalsInsufficient),
        approved_until("approval-ended-a-second-ago", "the approval ended a second ago", JUST_BEFORE)
            .refused(Reason::ApprovalsInsufficient),
        revoked_from("revocation-begins-now", "it is withdrawn from now on", NOW).refused(Reason::Revoked),
        revoked_from("revocation-began-a-second-ago", "it is withdrawn since a second ago", JUST_BEFORE)
            .refused(Reason::Revoked),
        seen_until("checkpoint-age-just-above", "an hour and a second old", "2026-11-18T12:07:02Z")
            .refused(Reason::CheckpointStale),
        Case::new("two-keys-of-one-operator", "both keys of one of two operators", witnessed(&[21, 22]))
            .trust(of_two_operators())
            .refused(Reason::CosignaturesInsufficient),
        Case::new("quorum-of-nobody", "a group of which nobody need sign", plain())
            .trust(nobody)
            .refused(Reason::TrustMalformed),
    ]
}
