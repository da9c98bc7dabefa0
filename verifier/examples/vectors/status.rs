//! Whether a line is missing: status snapshots of the log, and bundle files from which something was left out.

use attest::bundle::BundleFile;
use attest::digest::Sha256Digest;
use attest::entry::ModelSalt;
use attest::event::{Act, Event, Scope};
use attest::form::Form;
use attest::status::Snapshot;
use verifier::Reason;

use super::case::Case;
use super::lineage;
use super::reject::{edit, value};
use super::standing::{By, MANY_MAY, Said, and_another_log, of, other_log, people, said};
use super::world::{
    INDEX, Log, ann, bob, bundle, entry, entry_under, files, line, publisher, stranger, tree, trust,
    witness_line,
};

/// When the statuses of the cases were signed: 2026-11-18T00:00:00Z.
const SIGNED: u64 = 1_794_960_000;
/// Ten hours later.
const NOW: &str = "2026-11-18T10:00:00Z";

const RULE: &str = "\n[[require]]\nname = \"acme/*\"\nstatus-age = \"12h\"\n";

fn provenance() -> Said {
    (super::accept::plain_statement(), publisher)
}

fn revocation(key: By) -> Said {
    said(Act::Revoke { scope: Scope::This, reason: "poisoned-data".parse().unwrap() }, key)
}

fn approval(key: By) -> Said {
    said(Act::Approve { stage: None, expires: None }, key)
}

/// All of this in one log.
fn log_of(said: &[Said]) -> Log {
    let entries: Vec<_> = said.iter().map(|(statement, key)| entry(statement, &key())).collect();
    Log::holding(&entries)
}

/// The lines of some of what is in the log, by their numbers.
fn lines(log: &Log, said: &[Said], shown: &[usize]) -> String {
    let one = |number: &usize| {
        let (statement, key) = &said[*number];
        line(&bundle(statement, &key(), log.answer(INDEX + *number as u64)))
    };
    shown.iter().map(one).collect()
}

fn model() -> Sha256Digest {
    tree(&files()).digest().digest()
}

fn text(snapshot: &Snapshot) -> String {
    format!("{}\n", String::from_utf8(snapshot.to_json_line()).unwrap())
}

/// The salt of the model in the cases with private entries. No secret.
const SALT: ModelSalt = ModelSalt::from_bytes([0x5a; 32]);

/// The same as [`known`], all of it private; the snapshot is about what stands for the model under that salt, or about the model.
fn known_in_private(others: &[Said], shown: &[usize], asked: Option<ModelSalt>) -> String {
    let said: Vec<Said> = [provenance()].into_iter().chain(others.iter().cloned()).collect();
    let entries: Vec<_> =
        said.iter().map(|(statement, key)| entry_under(Some(SALT), statement, &key())).collect();
    let log = Log::holding(&entries);
    let one = |number: &usize| {
        let (statement, key) = &said[*number];
        line(&bundle(statement, &key(), log.answer(INDEX + *number as u64)).with_salt(Some(SALT)))
    };
    let lines: String = shown.iter().map(one).collect();
    let hidden = |salt: ModelSalt| salt.subject(Form::ModelTree, model().as_bytes());
    let subject = asked.map_or(model(), hidden);
    format!("{lines}{}", text(&log.snapshot(subject, SIGNED)))
}

/// The provenance and `others` in one log; of these the `shown`, and what the log knew of the model.
fn known(others: &[Said], shown: &[usize]) -> String {
    let said: Vec<Said> = [provenance()].into_iter().chain(others.iter().cloned()).collect();
    let log = log_of(&said);
    format!("{}{}", lines(&log, &said, shown), text(&log.snapshot(model(), SIGNED)))
}

fn case(name: &'static str, why: &'static str, bundle: String) -> Case {
    assert!(BundleFile::parse(bundle.as_bytes()).is_ok(), "{name}");
    Case::new(name, why, bundle).trust(people(RULE)).at(NOW)
}

fn with_witness(bundle: String, name: &'static str, why: &'static str) -> Case {
    let base = trust(&witness_line(21), "w21", "acme/*", &[publisher().public_key()]);
    case(name, why, bundle).trust(format!("{base}{RULE}"))
}

/// The provenance in a log that a witness saw, and the status of the same tree with or without that.
fn witnessed(checkpoint: bool) -> String {
    let log = log_of(&[provenance()]).seen_by(&[21]);
    let snapshot = if checkpoint {
        log.snapshot_with_checkpoint(model(), SIGNED)
    } else {
        log.snapshot(model(), SIGNED)
    };
    format!("{}{}", lines(&log, &[provenance()], &[0]), text(&snapshot))
}

pub(crate) fn accepted() -> Vec<Case> {
    let later = {
        let said = [provenance(), approval(ann)];
        let log = log_of(&said);
        let before = log.first(INDEX + 1).snapshot(model(), SIGNED);
        format!("{}{}", lines(&log, &said, &[0, 1]), text(&before))
    };
    let elsewhere = {
        let foreign = other_log(&[entry(&revocation(ann).0, &ann())]).snapshot(model(), SIGNED);
        format!("{}{}", known(&[], &[0]), text(&foreign))
    };
    let two_of_one_log = {
        let said = [provenance()];
        let log = log_of(&said);
        let old = text(&log.snapshot(model(), SIGNED - 864_000));
        format!("{}{old}{}", lines(&log, &said, &[0]), text(&log.snapshot(model(), SIGNED)))
    };
    let not_his_to_say = {
        let may = "may = [\"revoke\"]";
        let trust = people(RULE).replacen(MANY_MAY, may, 1);
        case(
            "status-event-that-its-key-may-not-sign",
            "an approval is here, by a key that may revoke alone",
            known(&[approval(ann)], &[0, 1]),
        )
        .trust(trust)
    };
    vec![
        not_his_to_say,
        case("status-nothing-said", "the log knows of no event about it, ten hours ago", known(&[], &[0])),
        case(
            "status-all-here",
            "the log knows of two events, and both are here",
            known(&[approval(ann), approval(bob)], &[0, 1, 2]),
        ),
        case(
            "status-event-of-a-stranger",
            "the log knows of an event by a key that says nothing here, and it is not here",
            known(&[revocation(stranger)], &[0]),
        ),
        case(
            "status-approval-not-here",
            "an approval is missing, by a key that can sign nothing else",
            known(&[approval(ann)], &[0]),
        )
        .trust(people(RULE).replacen(MANY_MAY, "may = [\"approve\"]", 1)),
        case("status-before-an-event", "an event here is later than the status", later),
        case(
            "status-of-a-log-nobody-knows",
            "a log that is not in the policy knows of a revocation",
            elsewhere,
        ),
        case("status-older-beside-newer", "the newest of two statuses counts", two_of_one_log),
        case(
            "status-private-all-here",
            "entries are private, the snapshot is about the commitment to the model, and what it names is here",
            known_in_private(&[approval(ann)], &[0, 1], Some(SALT)),
        ),
        with_witness(witnessed(true), "status-witnessed", "the status is that of a tree that a witness saw"),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    [withheld(), false_ones(), unknown()].concat()
}

fn withheld() -> Vec<Case> {
    let reinstated = {
        let revoked = revocation(ann);
        let undone = said(Act::Reinstate { previous: Sha256Digest::of(&revoked.0) }, bob);
        let again = said(Act::Revoke { scope: Scope::This, reason: "defect".parse().unwrap() }, ann);
        known(&[revoked, undone, again], &[0, 1, 2])
    };
    let other_name: Said = {
        let act = Act::Revoke { scope: Scope::This, reason: "unsafe".parse().unwrap() };
        (of("acme/other:1", &files(), &Event::new(act)), ann)
    };
    let demoted = {
        let promotion =
            |stage: &str| said(Act::Promote { stage: stage.parse().unwrap(), expires: None }, bob);
        known(&[promotion("production"), promotion("retired")], &[0, 1])
    };
    let unverified = {
        let all = [provenance(), revocation(ann)];
        let log = log_of(&all);
        let shown = lines(&log, &all, &[1]);
        let broken = edit(&shown, value(&shown, "sig"), value(&lines(&log, &all, &[0]), "sig"));
        format!("{}{broken}{}", lines(&log, &all, &[0]), text(&log.snapshot(model(), SIGNED)))
    };
    let withheld =
        |name, why, bundle| case(name, why, bundle).trust(people("")).refused(Reason::StatusWithheld);
    vec![
        withheld("revocation-left-out", "the log knows of a revocation, and its line was left out", known(&[revocation(ann)], &[0])),
        withheld("second-revocation-left-out", "a revocation that was undone is here, and one that was not is left out", reinstated),
        withheld(
            "revocation-under-another-name-left-out",
            "the same bytes were withdrawn as another model, and the line was left out",
            known(&[other_name], &[0]),
        ),
        withheld("demotion-left-out", "the last of two promotions was left out", demoted),
        withheld(
            "private-revocation-left-out",
            "entries are private, the log knows of an event about the commitment to the model, and its line was left out",
            known_in_private(&[revocation(ann)], &[0], Some(SALT)),
        ),
        withheld("revocation-spoilt", "the line of the revocation is here and does not verify", unverified),
        lineage::with_status_of_the_base(
            "ancestor-revocation-left-out",
            "the log knows of an event about the base model by a key that can withdraw it, and its line was left out",
            SIGNED,
        )
        .refused(Reason::StatusWithheld),
    ]
}

fn false_ones() -> Vec<Case> {
    let said = [provenance(), approval(ann)];
    let log = log_of(&said);
    let shown = lines(&log, &said, &[0, 1]);
    let good = text(&log.snapshot(model(), SIGNED));
    let other = text(&log.snapshot(Sha256Digest::of(b"another model"), SIGNED));
    let invalid = |name, why, line: String| {
        case(name, why, format!("{shown}{line}")).trust(people("")).refused(Reason::StatusInvalid)
    };
    let impostor = Log::of("log.example.org/models", 11, &[]).snapshot(model(), SIGNED);
    let other_map = {
        let map = value(&good, "status").split("\\n").nth(4).unwrap().to_owned();
        edit(&good, &map, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
    };
    let mentions = good.split("\"mentions\":[").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let blind = format!("{shown}{}", text(&log.blind_snapshot(model(), SIGNED)));
    vec![
        invalid(
            "status-signed-by-another-key",
            "a status in the log's name, signed by somebody else",
            text(&impostor),
        ),
        invalid("status-of-another-map", "the root of the map was replaced", other_map),
        invalid(
            "status-dated-later",
            "the time was replaced by a later one",
            edit(&good, "1794960000", "1794980000"),
        ),
        invalid(
            "status-without-its-mention",
            "what the log knew was taken out of its own snapshot",
            edit(&good, &mentions, ""),
        ),
        invalid(
            "status-proof-of-another-digest",
            "the proof is about another digest",
            edit(&edit(&good, value(&good, "proof"), value(&other, "proof")), &mentions, ""),
        ),
        case(
            "status-leaves-out-an-event",
            "the log signed a status without an event that its tree has",
            blind,
        )
        .trust(people(""))
        .refused(Reason::StatusContradicts),
    ]
}

fn unknown() -> Vec<Case> {
    let plain = lines(&log_of(&[provenance()]), &[provenance()], &[0]);
    let foreign = text(&other_log(&[]).snapshot(model(), SIGNED));
    let dated = |time| {
        let log = log_of(&[provenance()]);
        format!("{}{}", lines(&log, &[provenance()], &[0]), text(&log.snapshot(model(), time)))
    };
    let missing = |name, why, bundle: String| case(name, why, bundle).refused(Reason::StatusMissing);
    let stale = |name, why, bundle: String| case(name, why, bundle).refused(Reason::StatusStale);
    vec![
        missing("status-missing", "a rule limits the age of the status, and there is none", plain.clone()),
        missing(
            "status-of-another-log-alone",
            "there is one, of a log that is not in the policy",
            format!("{plain}{foreign}"),
        ),
        missing(
            "status-of-one-log-of-two",
            "the policy has two logs, and there is a status of one",
            known(&[], &[0]),
        )
        .trust(and_another_log(&people(RULE))),
        missing(
            "status-private-asked-in-the-clear",
            "entries are private, and the snapshot is about the digest, of which no entry tells",
            known_in_private(&[approval(ann)], &[0, 1], None),
        ),
        with_witness(
            witnessed(false),
            "status-unwitnessed",
            "the policy wants a witness, and the status has no checkpoint",
        )
        .refused(Reason::StatusMissing),
        stale(
            "status-stale",
            "the status is thirteen hours old, and the rule allows twelve",
            dated(SIGNED - 10_800),
        ),
        stale("status-from-the-future", "the status was signed two hours from now", dated(SIGNED + 43_200)),
    ]
}
