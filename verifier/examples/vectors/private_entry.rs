//! Entries of version 2: the salt in the bundle, and what counts that is logged under another.

use attest::digest::Sha256Digest;
use attest::entry::ModelSalt;
use attest::evaluation::TestOutcome;
use attest::event::{Act, Event, Scope};
use verifier::Reason;

use super::accept::plain_statement;
use super::case::Case;
use super::lineage::{self, BASE, base, base_made, model};
use super::standing::{Said, approved, evaluation, of, people, promotion, reinstatement, revocation, rule};
use super::world::{INDEX, Log, ann, bob, bundle, entry_under, files, line, publisher, statement};

/// Salts of two models. No secret.
const SALT: ModelSalt = ModelSalt::from_bytes([0x5a; 32]);
const OTHER: ModelSalt = ModelSalt::from_bytes([0x5b; 32]);

/// A statement, and the salt of its entry.
type Told = (Said, Option<ModelSalt>);

fn under(salt: ModelSalt, said: Said) -> Told {
    (said, Some(salt))
}

fn in_the_clear(said: Said) -> Told {
    (said, None)
}

fn provenance() -> Said {
    (plain_statement(), publisher)
}

fn lines(told: &[Told]) -> String {
    each_line(told).concat()
}

/// Each statement as a line, all in one log.
fn each_line(told: &[Told]) -> Vec<String> {
    let entry = |((statement, key), salt): &Told| entry_under(*salt, statement, &key());
    let log = Log::holding(&told.iter().map(entry).collect::<Vec<_>>());
    let line = |(index, ((statement, key), salt)): (u64, &Told)| {
        line(&bundle(statement, &key(), log.answer(index)).with_salt(*salt))
    };
    (INDEX..).zip(told).map(line).collect()
}

/// The private entry of the plain model, and after it what else was said.
fn private(said: &[Told]) -> String {
    lines(&[&[under(SALT, provenance())], said].concat())
}

/// The member of a line that has the salt.
fn member(salt: &str) -> String {
    format!("\"entrySalt\":\"{salt}\",")
}

/// The line of the private entry with another text in the place of its salt's member.
fn with_salt(member_there: &str) -> String {
    let line = private(&[]);
    let member = member(&SALT.to_hex());
    assert_eq!(line.matches(&member).count(), 1);
    line.replace(&member, member_there)
}

pub(crate) fn accepted() -> Vec<Case> {
    let one = rule("approvals = 1");
    let revoked = revocation(ann);
    vec![
        Case::new(
            "private-entry",
            "the log shows a kind and a key, and the bundle has the salt",
            private(&[]),
        ),
        Case::new(
            "private-entry-approved",
            "an approval under the model's salt",
            private(&[under(SALT, approved(ann))]),
        )
        .trust(one.clone()),
        Case::new(
            "private-entry-approved-in-the-clear",
            "an approval whose entry everybody finds",
            private(&[in_the_clear(approved(ann))]),
        )
        .trust(one),
        Case::new(
            "private-entry-reinstated",
            "another person took the revocation back, all under the model's salt",
            private(&[under(SALT, revoked.clone()), under(SALT, reinstatement(&revoked, bob))]),
        )
        .trust(people("")),
        Case::new(
            "private-entry-unminded",
            "an approval under another salt is a note, and nobody asks for one",
            private(&[under(OTHER, approved(ann))]),
        )
        .trust(people("")),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    [false_entries(), out_of_sight(), ancestor_out_of_sight()].concat()
}

fn false_entries() -> Vec<Case> {
    let mismatch = |name, why, bundle: String| Case::new(name, why, bundle).refused(Reason::EntryMismatch);
    let malformed = |name, why, salt: &str| {
        Case::new(name, why, with_salt(&member(salt))).refused(Reason::BundleMalformed)
    };
    let (plain, key) = (plain_statement(), publisher());
    let other = statement("acme/churn:2.1.4", &files(), vec![]);
    let log = Log::holding(&[entry_under(Some(SALT), &other, &key)]);
    let of_another = line(&bundle(&plain, &key, log.answer(INDEX)).with_salt(Some(SALT)));
    let public = lines(&[in_the_clear(provenance())]);
    let salted = public.replace("\"tlogEntries\"", &format!("{}\"tlogEntries\"", member(&SALT.to_hex())));
    vec![
        Case::new(
            "private-entry-without-salt",
            "the entry is private, and the salt was taken out",
            with_salt(""),
        )
        .refused(Reason::EntrySaltMissing),
        Case::new("salt-beside-a-public-entry", "a salt was added to an entry that hides nothing", salted)
            .refused(Reason::EntrySaltUnexpected),
        mismatch(
            "private-entry-salt-altered",
            "one bit of the salt differs",
            with_salt(&member(&SALT.to_hex().replacen("5a", "5b", 1))),
        ),
        mismatch(
            "private-entry-salt-of-another-model",
            "the salt is that of another model's bundle",
            with_salt(&member(&OTHER.to_hex())),
        ),
        mismatch(
            "private-entry-of-another-statement",
            "the entry was made with the same salt for another statement",
            of_another,
        ),
        malformed("private-entry-salt-too-short", "a salt of 31 bytes", &"5a".repeat(31)),
        malformed("private-entry-salt-upper-case", "a salt in upper-case digits", &"5A".repeat(32)),
    ]
}

/// What speaks for a model counts where it is found by whoever watches the model; what speaks against it, everywhere.
fn out_of_sight() -> Vec<Case> {
    let revoked = revocation(ann);
    let withdrawn = |name, why, said: &[Told]| {
        Case::new(name, why, private(said)).trust(people("")).refused(Reason::Revoked)
    };
    let unapproved = |name, why, bundle: String| {
        Case::new(name, why, bundle).trust(rule("approvals = 1")).refused(Reason::ApprovalsInsufficient)
    };
    vec![
        withdrawn(
            "private-entry-revoked",
            "withdrawn under the model's salt",
            &[under(SALT, revoked.clone())],
        ),
        withdrawn(
            "private-entry-revoked-in-the-clear",
            "withdrawn in the clear",
            &[in_the_clear(revoked.clone())],
        ),
        withdrawn(
            "revoked-under-another-salt",
            "withdrawn under another salt",
            &[under(OTHER, revoked.clone())],
        ),
        withdrawn(
            "reinstated-under-another-salt",
            "the revocation was taken back where nobody looks who watches the model",
            &[under(SALT, revoked.clone()), under(OTHER, reinstatement(&revoked, bob))],
        ),
        unapproved(
            "approved-under-another-salt",
            "an approval under another salt than the model's",
            private(&[under(OTHER, approved(ann))]),
        ),
        unapproved(
            "approved-in-private",
            "the model's entry is public and that of its approval is not",
            lines(&[in_the_clear(provenance()), under(SALT, approved(ann))]),
        ),
        Case::new(
            "evaluated-under-another-salt",
            "an evaluation under another salt than the model's",
            private(&[under(OTHER, evaluation(TestOutcome::Passed, bob))]),
        )
        .trust(rule("evaluations = 1"))
        .refused(Reason::EvaluationsInsufficient),
        Case::new(
            "promoted-under-another-salt",
            "promoted to production, then further under another salt: which is the last is not known",
            private(&[under(SALT, promotion("production", bob)), under(OTHER, promotion("retired", bob))]),
        )
        .trust(rule("stage = \"production\"\npromoted = true"))
        .refused(Reason::PromotionMissing),
    ]
}

/// The base is withdrawn, and that is taken back where nobody looks who watches the base.
fn ancestor_out_of_sight() -> Vec<Case> {
    let revoked = lineage::revocation(BASE, &base(), Scope::ThisAndDescendants);
    let undone = Event::new(Act::Reinstate { previous: Sha256Digest::of(&revoked.0) });
    let undone: Said = (of(BASE, &base(), &undone), bob);
    let case = |name, why, others: &[Told]| {
        let lines = each_line(&[&[in_the_clear(model())], others].concat());
        let (own, others) = lines.split_first().expect("the model's own");
        Case::new(name, why, own.clone())
            .trust(people(""))
            .lineage("ancestors.tallymark.jsonl", others.concat())
            .refused(Reason::AncestorRevoked)
    };
    vec![
        case(
            "ancestor-reinstated-under-another-salt",
            "the base is private, its revocation too, and what takes that back has another salt",
            &[under(SALT, base_made()), under(SALT, revoked.clone()), under(OTHER, undone.clone())],
        ),
        case(
            "ancestor-nobody-tells-of-reinstated-in-private",
            "nobody tells where the base is from, so what takes its revocation back has to be in the clear",
            &[in_the_clear(revoked), under(OTHER, undone)],
        ),
    ]
}
