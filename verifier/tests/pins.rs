//! Trust on first use: who signed a name first is believed about that name, and nobody else afterwards.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "the world of the cases, of which these tests use a part")]
#[path = "../examples/vectors/world.rs"]
mod world;

use std::path::PathBuf;
use std::process::Command;

use attest::bundle::BundleFile;
use attest::key::PrivateKey;
use attest::provenance::{Input, InputDigest, Source};
use attest::role::Role;
use verifier::load::Request;
use verifier::{Expectation, Pins, Reason, Refusal, Requirements, verify};
use world::{
    File, INDEX, Log, bundle, entry, files, line, plain_trust, publisher, statement, stranger, tree, weights,
};

struct Desk {
    dir: tempfile::TempDir,
}

const FIRST_USE: &str = "trust-on-first-use = true\n";

fn signed(statement: &[u8], key: &PrivateKey) -> String {
    line(&bundle(statement, key, Log::holding(&[entry(statement, key)]).answer(INDEX)))
}

impl Desk {
    /// A trust file that believes the log, and publishers of names that these tests do not use.
    fn new(first_use: &str) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        let trust = plain_trust().replace("acme/*", "else/*").replacen(
            "\n[[publisher]]",
            &format!("\n{first_use}[[publisher]]"),
            1,
        );
        std::fs::write(desk.path("trust.toml"), trust).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, folder: &str, bundle: &str) {
        for (path, bytes) in files() {
            let path = self.path(folder).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(self.path(folder).join("tallymark.jsonl"), bundle).unwrap();
    }

    /// The model under that label, signed with that key.
    fn publish(&self, folder: &str, label: &str, key: &PrivateKey) {
        self.put(folder, &signed(&statement(label, &files(), vec![]), key));
    }

    fn command(&self, model: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark-verify"));
        command.current_dir(self.dir.path()).args([model, "--trust", "trust.toml", "--json"]).env_clear();
        command
    }

    fn verify(&self, model: &str) -> (Option<i32>, String) {
        answer(self.command(model))
    }

    fn lock(&self) -> Vec<u8> {
        std::fs::read(self.path("tallymark.lock")).unwrap()
    }
}

fn answer(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), report["reason"].as_str().unwrap_or_default().to_owned())
}

fn verified() -> (Option<i32>, String) {
    (Some(0), String::new())
}

fn refused(reason: Reason) -> (Option<i32>, String) {
    (Some(i32::from(reason.exit_code())), reason.to_string())
}

#[test]
fn the_first_signer_is_believed_and_another_afterwards_is_not() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "acme/churn:1", &publisher());
    desk.publish("two", "acme/churn:2", &stranger());
    assert_eq!(desk.verify("one"), verified());
    let lock = desk.lock();
    let pins = Pins::parse(&lock).unwrap();
    assert_eq!(pins.key(&"acme/churn".parse().unwrap()), Some(&publisher().public_key()));
    assert_eq!(desk.verify("two"), refused(Reason::SignerChanged));
    assert_eq!(desk.lock(), lock);
    assert_eq!(desk.verify("one"), verified());
    // Another name is another first use.
    desk.publish("three", "acme/fraud:1", &stranger());
    assert_eq!(desk.verify("three"), verified());
    assert_eq!(Pins::parse(&desk.lock()).unwrap().iter().count(), 2);
}

/// By the question itself: that a refusal also comes when the pin is written is for two at once.
#[test]
fn a_pinned_name_is_believed_to_its_key_alone() {
    let desk = Desk::new(FIRST_USE);
    let trust = std::fs::read(desk.path("trust.toml")).unwrap();
    let pins = Pins::new().with(&"acme/churn".parse().unwrap(), &publisher().public_key()).unwrap();
    for (key, wanted) in [(publisher(), None), (stranger(), Some(Reason::SignerChanged))] {
        let bundle = signed(&statement("acme/churn:2", &files(), vec![]), &key);
        let file = BundleFile::parse(bundle.as_bytes()).unwrap();
        let requirements = Requirements::parse(&trust).unwrap().with_pins(&pins, &file);
        let verdict =
            verify(bundle.as_bytes(), Some(&requirements), &Expectation::default(), |_| Ok(tree(&files())));
        assert_eq!(verdict.err().map(|refusal| refusal.reason()), wanted);
    }
}

/// Two at once, each the first: while the second reads the files, the other's pin is written.
#[test]
fn a_name_that_is_pinned_meanwhile_is_not_pinned_again() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("two", "acme/churn:2", &stranger());
    let others = Pins::new().with(&"acme/churn".parse().unwrap(), &publisher().public_key()).unwrap();
    let (lock, others) = (desk.path("tallymark.lock"), others.to_bytes());
    let request = Request::new(desk.path("two")).trust(Some(desk.path("trust.toml")));
    let verdict = request.verify(&|_, _| std::fs::write(&lock, &others).unwrap());
    assert_eq!(verdict.result().err().map(Refusal::reason), Some(Reason::SignerChanged));
    assert_eq!(desk.lock(), others);
}

#[test]
fn a_first_use_says_that_it_is_one() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "acme/churn:1", &publisher());
    let output = desk.command("one").output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["signer"]["pinned"], true);
    assert!(report["not_checked"].as_array().unwrap().contains(&"first-use".into()));
}

#[test]
fn without_the_word_of_the_trust_file_nobody_is_believed_for_being_first() {
    let desk = Desk::new("");
    desk.publish("one", "acme/churn:1", &publisher());
    assert_eq!(desk.verify("one"), refused(Reason::SignerUnexpected));
    assert!(!desk.path("tallymark.lock").exists());
}

#[test]
fn a_name_that_a_publisher_covers_is_not_open_to_others() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "else/churn:1", &stranger());
    assert_eq!(desk.verify("one"), refused(Reason::SignerUnexpected));
    desk.publish("one", "else/churn:1", &publisher());
    assert_eq!(desk.verify("one"), verified());
    assert!(!desk.path("tallymark.lock").exists());
}

#[test]
fn what_does_not_hold_pins_nothing() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "acme/churn:1", &stranger());
    std::fs::write(desk.path("one/config.json"), "other bytes").unwrap();
    assert_eq!(desk.verify("one"), refused(Reason::FileChanged));
    assert!(!desk.path("tallymark.lock").exists());
}

#[test]
fn a_first_use_of_the_model_is_none_of_its_ancestors() {
    let desk = Desk::new(FIRST_USE);
    let base: Vec<File> = vec![("model.safetensors", weights(1))];
    let input = InputDigest::from(&tree(&base));
    let input = Input::new(Role::BaseModel, "base".parse().unwrap(), Source::Observed, input).unwrap();
    let trust = std::fs::read_to_string(desk.path("trust.toml")).unwrap();
    let rule = "[[require]]\nname = \"acme/*\"\nlineage = [\"base-model\"]\n";
    std::fs::write(desk.path("trust.toml"), format!("{trust}\n{rule}")).unwrap();
    let (key, base) = (stranger(), statement("acme/base:1", &base, vec![]));
    let model = statement("acme/churn:1", &files(), vec![input]);
    let log = Log::holding(&[entry(&model, &key), entry(&base, &key)]);
    let lines = [(&model, INDEX), (&base, INDEX + 1)];
    let lines = lines.map(|(statement, index)| line(&bundle(statement, &key, log.answer(index))));
    desk.put("one", &lines.concat());
    assert_eq!(desk.verify("one"), refused(Reason::LineageUnverified));
    assert!(!desk.path("tallymark.lock").exists());
}

#[test]
fn pins_that_cannot_be_read_are_never_a_yes() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "acme/churn:1", &publisher());
    for bytes in ["", "version = 1\n[[pin]]\nname = \"acme/churn\"\n", "\u{0}"] {
        std::fs::write(desk.path("tallymark.lock"), bytes).unwrap();
        assert_eq!(desk.verify("one"), refused(Reason::PinsUnreadable), "{bytes}");
        assert_eq!(desk.lock(), bytes.as_bytes());
    }
}

#[test]
fn a_first_use_that_cannot_be_written_down_is_none() {
    let desk = Desk::new(FIRST_USE);
    desk.publish("one", "acme/churn:1", &publisher());
    let command = desk.command("one");
    let mut full = Command::new("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]).arg(command.get_program());
    full.args(command.get_args()).current_dir(desk.dir.path()).env_clear();
    assert_eq!(answer(full), refused(Reason::PinsUnwritten));
    assert!(!desk.path("tallymark.lock").exists());
}
