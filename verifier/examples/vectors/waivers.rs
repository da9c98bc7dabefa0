//! Files that the format gate refuses, and somebody who let them pass.

use attest::digest::Sha256Digest;
use attest::event::{Act, Event, Scope, Waiver};
use attest::key::PrivateKey;
use verifier::Reason;

use super::accept::{LABEL, dataset};
use super::case::Case;
use super::formats::{PICKLE, harmless, with};
use super::standing::{By, Said, lines, of};
use super::world::{File, ann, bob, publisher, publisher_p256, statement, stranger, trust};

/// Before every waiver of the cases ends.
const DAY: &str = "2026-11-27T12:00:00Z";
const END: &str = "2027-02-27T12:00:00Z";

fn model() -> Vec<File> {
    with("model.pkl", PICKLE)
}

/// What the gate finds in it.
const CODES: [&str; 2] = ["pickle", "pickle-global"];

fn waiver(codes: &[&str]) -> Waiver {
    let codes = codes.iter().map(|code| code.parse().unwrap()).collect();
    Waiver::new(codes, "reviewed".parse().unwrap(), END.parse().unwrap()).unwrap()
}

fn in_pickle(codes: &[&str]) -> Waiver {
    waiver(codes).in_file(Sha256Digest::of(PICKLE))
}

fn said(waiver: Waiver, key: By) -> Said {
    (of(LABEL, &model(), &Event::new(Act::Waive(waiver))), key)
}

/// The maker may sign everything, by either key, and so may Bob; Ann may waive and take back.
fn people(demands: &str) -> String {
    let maker = trust("", "none", "acme/*", &[publisher().public_key(), publisher_p256().public_key()]);
    let person = |key: PrivateKey, words: &str| {
        let key = key.public_key().to_base64();
        format!("\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\n{words}\n")
    };
    format!(
        "{maker}person = \"maker\"\nmay = [\"provenance\", \"waive\"]\n{}{}\n[[require]]\nname = \"acme/*\"\n{demands}\n",
        person(ann(), "person = \"ann\"\nmay = [\"waive\", \"reinstate\", \"revoke\"]"),
        person(bob(), "person = \"bob\""),
    )
}

fn case(name: &'static str, why: &'static str, files: Vec<File>, waived: &[Said]) -> Case {
    let own: Said = (statement(LABEL, &files, vec![dataset()]), publisher);
    let all: Vec<Said> = [own].into_iter().chain(waived.iter().cloned()).collect();
    Case::new(name, why, lines(&all).concat()).files(files).trust(people("formats = \"strict\"")).at(DAY)
}

pub(crate) fn accepted() -> Vec<Case> {
    let split = [said(in_pickle(&CODES[..1]), ann), said(in_pickle(&CODES[1..]), ann)];
    vec![
        case(
            "waiver-for-a-file",
            "a pickle that somebody let pass",
            model(),
            &[said(in_pickle(&CODES), ann)],
        ),
        case("waiver-for-the-model", "whatever file it is found in", model(), &[said(waiver(&CODES), ann)]),
        case("waivers-together", "each lets one of two findings pass", model(), &split),
        case("waiver-not-needed", "and nothing is refused", harmless(), &[]),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    let refused = |case: Case| case.refused(Reason::FormatRefused);
    let one = |name, why, waived: Said| case(name, why, model(), &[waived]);
    let good = || said(in_pickle(&CODES), ann);
    let taken_back = Event::new(Act::Reinstate { previous: Sha256Digest::of(&good().0) });
    let taken_back: Said = (of(LABEL, &model(), &taken_back), ann);
    let later = Event::new(Act::Waive(in_pickle(&CODES)));
    let later = later.with_effective_from("2026-12-01T00:00:00Z".parse().unwrap()).unwrap();
    let revoked = Event::new(Act::Revoke { scope: Scope::This, reason: "defect".parse().unwrap() });
    let revoked: Said = (of(LABEL, &model(), &revoked), ann);
    let elsewhere = (of(LABEL, &harmless(), &Event::new(Act::Waive(waiver(&CODES)))), ann as By);
    let other_name = (of("acme/other:1", &model(), &Event::new(Act::Waive(waiver(&CODES)))), ann as By);
    vec![
        refused(one("waiver-by-the-maker", "by his other key", said(in_pickle(&CODES), publisher_p256))),
        refused(one("waiver-not-named", "by one who may sign everything", said(in_pickle(&CODES), bob))),
        refused(one(
            "waiver-by-a-stranger",
            "by a key that nobody trusts",
            said(in_pickle(&CODES), stranger),
        )),
        refused(one(
            "waiver-for-another-file",
            "by the digest of another file",
            said(waiver(&CODES).in_file(Sha256Digest::of(b"another")), ann),
        )),
        refused(one("waiver-of-one-finding", "and there are two", said(in_pickle(&CODES[..1]), ann))),
        refused(one("waiver-of-another-model", "about another tree", elsewhere)),
        refused(one("waiver-of-another-name", "about the same tree", other_name)),
        refused(one("waiver-not-begun", "it will hold later", (of(LABEL, &model(), &later), ann))),
        refused(case("waiver-taken-back", "by the one who gave it", model(), &[good(), taken_back])),
        refused(
            one("waiver-and-named-formats", "the rule's own list stands", good())
                .trust(people("formats = \"strict\"\nformats-only = [\"safetensors\", \"json\"]")),
        ),
        one("waiver-expired", "the day after its end", good())
            .at("2027-02-28T12:00:00Z")
            .refused(Reason::WaiverExpired),
        case(
            "waiver-of-a-withdrawn-model",
            "it opens the gate and nothing else",
            model(),
            &[good(), revoked],
        )
        .refused(Reason::Revoked),
    ]
}
