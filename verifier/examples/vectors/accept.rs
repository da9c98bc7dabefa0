//! What must be verified.

use attest::bundle::LogEntry;
use attest::event::{Act, Event, Scope};
use attest::key::PrivateKey;
use attest::model_name::NameVersion;
use attest::provenance::{Checkout, Input, InputDigest, Source, WorkTreeState};
use attest::role::Role;
use attest::tree::Tree;

use super::case::Case;
use super::world::{
    File, INDEX, Log, bundle, entry, files, line, plain_trust, publisher, publisher_p256, statement,
    stranger, tree, trust, weights, witness_line,
};
use super::{bounds, formats, lineage, private_entry, standing, status, waivers};

/// The name and version of most cases.
pub(crate) const LABEL: &str = "acme/churn:2.1.3";

/// The dataset of most statements.
pub(crate) fn dataset() -> Input {
    let files: Vec<File> =
        vec![("2026-01.csv", b"id,left\n1,0\n".to_vec()), ("2026-02.csv", b"id,left\n2,1\n".to_vec())];
    tree_input(Role::Dataset, "customers", &tree(&files))
}

pub(crate) fn tree_input(role: Role, name: &str, tree: &Tree) -> Input {
    Input::new(role, name.parse().unwrap(), Source::Observed, InputDigest::from(tree)).unwrap()
}

/// The statement of most cases.
pub(crate) fn plain_statement() -> Vec<u8> {
    statement(LABEL, &files(), vec![dataset()])
}

/// A statement, signed by `key` and logged.
pub(crate) fn logged(statement: &[u8], key: &PrivateKey) -> String {
    let answer = Log::holding(&[entry(statement, key)]).answer(INDEX);
    line(&bundle(statement, key, answer))
}

/// The bundle file of most cases.
pub(crate) fn plain() -> String {
    logged(&plain_statement(), &publisher())
}

/// The plain statement in a log that these witnesses saw.
pub(crate) fn witnessed(witnesses: &[u8]) -> String {
    let statement = plain_statement();
    let log = Log::holding(&[entry(&statement, &publisher())]).seen_by(witnesses);
    line(&bundle(&statement, &publisher(), log.answer(INDEX)))
}

/// A trust file with three witnesses, of which any two are enough.
pub(crate) fn trust_two_of_three() -> String {
    let lines: String = [21, 22, 23].into_iter().map(witness_line).collect();
    trust(&format!("{lines}group g 2 w21 w22 w23\n"), "g", "acme/*", &[publisher().public_key()])
}

/// The same, for what was seen before a time. Witness 23 sees it at 2026-11-18T11:07:03Z, 21 two seconds earlier.
pub(crate) fn seen_before(time: &str) -> String {
    format!("{}logged-before = \"{time}\"\n", trust_two_of_three())
}

/// The statement without its file subjects, as one about more than 4,096 files would be.
pub(crate) fn without_files(statement: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(statement).unwrap();
    let (model, rest) = text.split_once("}},{").expect("file subjects");
    let (_, after) = rest.split_once("}}],").expect("the end of the subjects");
    format!("{model}}}}}],{after}").into_bytes()
}

/// The plain bundle before a log took it.
pub(crate) fn pending() -> String {
    let statement = plain_statement();
    let entry = LogEntry::pending(entry(&statement, &publisher())).unwrap();
    line(&bundle(&statement, &publisher(), entry))
}

fn with_inputs() -> String {
    let label: NameVersion = "acme/base:1.0.0".parse().unwrap();
    let base =
        tree_input(Role::BaseModel, label.name().as_str(), &tree(&[("model.safetensors", weights(1))]));
    let sources = tree(&[("train.py", b"print('train')\n".to_vec())]);
    let id = |digit: &str| digit.repeat(40).parse().unwrap();
    let checkout = Checkout::new(id("a"), id("b"), WorkTreeState::Clean).unwrap().with_sources(&sources);
    let code =
        Input::new(Role::Code, "trainer".parse().unwrap(), Source::Observed, InputDigest::Code(checkout))
            .unwrap();
    logged(&statement(LABEL, &files(), vec![dataset(), base, code]), &publisher())
}

/// An event about the plain model, signed by `key` and logged.
pub(crate) fn event(act: Act, key: &PrivateKey) -> String {
    let label: NameVersion = LABEL.parse().unwrap();
    let statement =
        Event::new(act).to_statement_bytes(label.name(), label.version(), tree(&files()).digest());
    logged(&statement, key)
}

/// A revocation of the plain model.
pub(crate) fn revocation(key: &PrivateKey) -> String {
    let reason = "poisoned-data".parse().unwrap();
    event(Act::Revoke { scope: Scope::ThisAndDescendants, reason }, key)
}

/// The plain model between an approval and a deployment, in one log.
fn with_events() -> String {
    let approve = Act::Approve { stage: Some("production".parse().unwrap()), expires: None };
    let deploy = Act::Deploy { environment: "cluster-7".parse().unwrap() };
    let lines = standing::lines(&[
        (plain_statement(), publisher),
        standing::said(approve, publisher),
        standing::said(deploy, publisher),
    ]);
    [&*lines[1], &*lines[0], &*lines[2]].concat()
}

/// An approval of the plain model.
pub(crate) fn approval() -> String {
    event(Act::Approve { stage: Some("production".parse().unwrap()), expires: None }, &publisher())
}

pub(crate) fn cases() -> Vec<Case> {
    [
        plain_cases(),
        standing::accepted(),
        status::accepted(),
        bounds::accepted(),
        lineage::accepted(),
        formats::accepted(),
        waivers::accepted(),
        private_entry::accepted(),
    ]
    .concat()
}

fn plain_cases() -> Vec<Case> {
    let single: File = ("churn.safetensors", weights(9));
    let single_statement = statement(LABEL, std::slice::from_ref(&single), vec![dataset()]);
    let both_keys = trust("", "none", "acme/**", &[publisher().public_key(), publisher_p256().public_key()]);
    let strangers = logged(&plain_statement(), &stranger());
    let litter: &[u8] = b"left by a file manager";
    vec![
        Case::new("plain", "a directory, one statement with a dataset, no witnesses", plain()),
        Case::new(
            "single-file",
            "a model of one file, with its bundle file beside it",
            logged(&single_statement, &publisher()),
        )
        .single(single),
        Case::new(
            "p256",
            "the statement and the entry are signed with ECDSA",
            logged(&plain_statement(), &publisher_p256()),
        )
        .trust(both_keys),
        Case::new("lineage", "dataset, base model and code among the inputs", with_inputs()),
        Case::new("quorum-met", "two of three witnesses saw the checkpoint", witnessed(&[21, 23]))
            .trust(trust_two_of_three()),
        Case::new(
            "seen-before-the-key-was-lost",
            "two of three witnesses saw the checkpoint a second before the key ceased to count",
            witnessed(&[21, 23]),
        )
        .trust(seen_before("2026-11-18T11:07:04Z")),
        Case::new(
            "foreign-cosignature",
            "a line by a witness that the policy does not know is passed over",
            witnessed(&[29]),
        ),
        Case::new(
            "two-lines",
            "the second of two lines is by a trusted key",
            format!("{strangers}{}", plain()),
        ),
        Case::new(
            "without-file-subjects",
            "a statement that lists no files is compared by tree digest",
            logged(&without_files(&plain_statement()), &publisher()),
        ),
        Case::new(
            "white-space",
            "white space between members and before the line feed means nothing: what is signed lies in strings",
            plain().replacen("{", "{ ", 1).replace('\n', " \t\r\n"),
        ),
        Case::new("inert-litter", "paths on the list of inert paths are not minded", plain())
            .add(".DS_Store", litter)
            .add("tokenizer/desktop.ini", litter)
            .add("other.tallymark.jsonl", litter),
        Case::new(
            "with-events",
            "an approval and a deployment beside the provenance are shown",
            with_events(),
        ),
        Case::new(
            "with-a-strangers-revocation",
            "an event by a key that may not sign the name is a note",
            format!("{}{}", plain(), revocation(&stranger())),
        ),
        Case::new("expected-name", "name and version are those that the caller asked for", plain())
            .trust(plain_trust())
            .expecting(Some("acme/churn"), Some("2.1.3")),
    ]
}
