//! Reads every file under `testdata/statement`; see the README there for the form of a case.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cases;

use attest::digest::Sha256Digest;
use attest::dsse::MAX_PAYLOAD_BYTES;
use attest::entry::EntryPayload;
use attest::key::PublicKey;
use attest::private_value::{Opening, Openings, Salt};
use attest::provenance::{
    Checkout, Extent, Fact, Input, InputDigest, MAX_FACTS, Provenance, ProvenanceError, Relation, Run,
    Source, Topic, WorkTreeState,
};
use attest::role::Role;
use attest::statement::{MAX_FILE_SUBJECTS, Predicate, Statement};
use attest::tree::{FileLeaf, Tree};
use cases::{every_case_is_refused, files};
use proptest::prelude::*;

fn read(case: &cases::Case) -> Statement {
    Statement::parse(&case.bytes).unwrap_or_else(|error| panic!("{}: {error:?}", case.name))
}

fn tree_of(paths: impl IntoIterator<Item = String>) -> Tree {
    let leaf = |path: String| {
        let digest = Sha256Digest::of(path.as_bytes());
        FileLeaf::new(path.parse().unwrap(), path.len() as u64, digest)
    };
    Tree::new(paths.into_iter().map(leaf).collect()).unwrap()
}

fn pretrained() -> Provenance {
    Provenance::new(None, Vec::new(), "0.1.0".parse().unwrap()).unwrap()
}

#[test]
fn what_we_write_is_read_and_written_back() {
    for case in files("statement/canonical") {
        let statement = read(&case);
        let (name, version, digest) = (statement.name(), statement.version(), statement.tree_digest());
        let written = match statement.predicate() {
            Predicate::Provenance(provenance) => {
                let tree = statement.files().unwrap();
                assert_eq!(digest, tree.digest(), "{}", case.name);
                provenance.to_statement_bytes(name, version, tree)
            }
            Predicate::Dataset(dataset) => dataset.to_statement_bytes(name, version, digest),
            Predicate::Evaluation(evaluation) => evaluation.to_statement_bytes(name, version, digest),
            Predicate::Event(event) => event.to_statement_bytes(name, version, digest),
            Predicate::Scan(scan) => scan.to_statement_bytes(name, version, digest),
            Predicate::Verdict(summary) => summary.to_statement_bytes(name, version, digest),
            other => panic!("{}: {other:?}", case.name),
        };
        assert_eq!(written, case.bytes, "{}", case.name);
        assert_eq!(statement.as_bytes(), case.bytes, "{}", case.name);
        assert_eq!(statement.digest(), Sha256Digest::of(&case.bytes), "{}", case.name);
    }
}

#[test]
fn private_statements_hide_the_example_under_salts_that_everybody_knows() {
    let [example, names, digests] =
        ["canonical/example.json", "accept/private-names.json", "accept/private-digests.json"].map(|name| {
            let (folder, name) = name.split_once('/').unwrap();
            files(&format!("statement/{folder}")).into_iter().find(|case| case.name.ends_with(name)).unwrap()
        });
    let example = read(&example);
    let provenance = example.provenance().unwrap();
    let commit = |salt: u8, value: &str| {
        Opening::new(Salt::from_bytes([salt; 32]), value.to_owned()).unwrap().commitment()
    };
    let hidden = |hides_digests: bool| {
        let inputs = (1..).zip(provenance.inputs()).map(|(salt, input)| {
            let mut hidden = input.clone().with_name(commit(salt, input.name().as_str()).into());
            if let Some(uri) = input.uri() {
                hidden = hidden.with_uri(commit(salt + 64, uri.as_str()).into());
            }
            if hides_digests {
                hidden = hidden.with_private_digest(commit(salt + 128, &input.digest_text()));
            }
            hidden
        });
        let (relation, version) = (Some(provenance.relation()), provenance.tool_version().clone());
        let provenance = Provenance::new(relation, inputs.collect(), version).unwrap();
        let (name, version, tree) = (example.name(), example.version(), example.files().unwrap());
        provenance.to_statement_bytes_without_files(name, version, tree)
    };
    for (case, written) in [(&names, hidden(false)), (&digests, hidden(true))] {
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&case.bytes), "{}", case.name);
        assert_eq!(read(case).inputs().len(), 3);
        assert!(read(case).inputs().iter().all(|input| input.name().commitment().is_some()));
    }
    // The log finds inputs of the one and learns of none of the other.
    let key = files("keys/accept").into_iter().find(|case| case.name.ends_with("TEST-ed25519.pub.pem"));
    let key = PublicKey::from_pem(std::str::from_utf8(&key.unwrap().bytes).unwrap()).unwrap();
    let inputs = |case| EntryPayload::from_statement(&read(case), &key).inputs().len();
    assert_eq!((inputs(&names), inputs(&digests)), (4, 0));
}

#[test]
fn example_of_an_opening_opens_what_its_page_says() {
    let bytes = files("private-value").into_iter().next().unwrap().bytes;
    let openings = Openings::parse(&bytes).unwrap();
    let [opening] = openings.lines() else { panic!("one line") };
    let page = "private:d625cf625c929087ff6ad4937fde9deac3a73875bb03f48df771b6b2fda9065c";
    assert_eq!((opening.commitment().to_string().as_str(), opening.value()), (page, "customers"));
}

#[test]
fn every_accept_case_is_read_and_kept_as_it_is() {
    for case in files("statement/accept") {
        assert_eq!(read(&case).as_bytes(), case.bytes, "{}", case.name);
    }
}

#[test]
fn every_reject_case_is_refused_for_its_reason() {
    every_case_is_refused("statement/reject", Statement::parse);
}

#[test]
fn a_statement_cut_short_is_refused() {
    for case in files("statement/canonical") {
        for end in 0..case.bytes.len() {
            assert!(Statement::parse(&case.bytes[..end]).is_err(), "{} cut at {end}", case.name);
        }
    }
}

#[test]
fn facts_are_sorted_once_each_and_bounded() {
    let fact = |number: usize| {
        let [about, key, value, at] = [format!("p{number:05}"), "value".into(), "1".into(), "x".into()];
        Fact::new(Topic::Parameter, about, key, value, Source::Imported, at).unwrap()
    };
    let run = |facts| Run::new(None, None, facts, Vec::new());
    let facts: Vec<Fact> = (0..MAX_FACTS).rev().map(fact).chain([fact(0)]).collect();
    let provenance = pretrained().with_run(run(facts).unwrap());
    assert_eq!(provenance.run().facts().len(), MAX_FACTS);
    let (name, version) = ("acme/churn".parse().unwrap(), "1".parse().unwrap());
    let bytes = provenance.to_statement_bytes(&name, &version, &tree_of(["a".to_owned()]));
    assert_eq!(Statement::parse(&bytes).unwrap().provenance(), Some(&provenance));
    let seen = MAX_FACTS + 1;
    assert_eq!(run((0..seen).map(fact).collect()), Err(ProvenanceError::TooManyFacts { seen }));
}

#[test]
fn files_are_listed_up_to_the_limit_and_not_beyond() {
    let (name, version) = ("acme/churn".parse().unwrap(), "1".parse().unwrap());
    for (count, listed) in [(0, true), (1, true), (MAX_FILE_SUBJECTS, true), (MAX_FILE_SUBJECTS + 1, false)] {
        let tree = tree_of((0..count).map(|index| format!("part-{index}")));
        let bytes = pretrained().to_statement_bytes(&name, &version, &tree);
        let statement = Statement::parse(&bytes).unwrap();
        assert_eq!(statement.files(), listed.then_some(&tree), "{count} files");
        assert_eq!(statement.tree_digest(), tree.digest(), "{count} files");
        assert_eq!(statement.extent().map(Extent::files), Some(count as u64));
    }
}

#[test]
fn files_whose_names_are_longer_than_a_payload_are_not_listed() {
    let (name, version) = ("acme/churn".parse().unwrap(), "1".parse().unwrap());
    let long = |index: usize| format!("{index:04}{}", "/aaaaaaa".repeat(511));
    let tree = tree_of((0..MAX_FILE_SUBJECTS).map(long));
    let bytes = pretrained().to_statement_bytes(&name, &version, &tree);
    assert!(bytes.len() < MAX_PAYLOAD_BYTES);
    let statement = Statement::parse(&bytes).unwrap();
    assert_eq!(statement.files(), None);
    assert_eq!(statement.tree_digest(), tree.digest());
}

#[test]
fn one_file_subject_more_than_the_limit_is_refused() {
    let tree = tree_of((0..MAX_FILE_SUBJECTS).map(|index| format!("part-{index}")));
    let (name, version) = ("acme/churn".parse().unwrap(), "1".parse().unwrap());
    let bytes = pretrained().to_statement_bytes(&name, &version, &tree);
    let text = String::from_utf8(bytes).unwrap();
    let file = r#"{"name":"z","digest":{"sha256":"00"},"annotations":{"form":"file","bytes":"0"}}"#;
    let longer = text.replacen("],\"predicateType\"", &format!(",{file}],\"predicateType\""), 1);
    let error = Statement::parse(longer.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "4097 file subjects, want at most 4096");
}

#[test]
fn relation_follows_from_the_base_model_unless_it_is_given() {
    let base = || input(Role::BaseModel, "bert-base", tree_of(["w".to_owned()]));
    let relation = |given, inputs| Provenance::new(given, inputs, "1".parse().unwrap()).unwrap().relation();
    assert_eq!(relation(None, vec![]), Relation::Pretrain);
    assert_eq!(relation(None, vec![base()]), Relation::Finetune);
    for given in Relation::ALL {
        assert_eq!(relation(Some(given), vec![base()]), given);
    }
}

#[test]
fn code_comes_with_a_checkout_and_nothing_else_does() {
    let tree = tree_of(["train.py".to_owned()]);
    let id = || "8c7d0f3e5a1b2c3d4e5f60718293a4b5c6d70812".parse().unwrap();
    let checkout = InputDigest::Code(Checkout::new(id(), id(), WorkTreeState::Dirty).unwrap());
    for role in Role::ALL {
        let plain = Input::new(role, "x".parse().unwrap(), Source::Observed, InputDigest::from(&tree));
        let code = Input::new(role, "x".parse().unwrap(), Source::Observed, checkout.clone());
        let refused = Err(ProvenanceError::RoleAndDigest { role, name: "x".parse().unwrap() });
        let (good, bad) = if role == Role::Code { (code, plain) } else { (plain, code) };
        assert!(good.is_ok(), "{role}");
        assert_eq!(bad, refused, "{role}");
    }
}

fn input(role: Role, name: &str, tree: Tree) -> Input {
    Input::new(role, name.parse().unwrap(), Source::Observed, InputDigest::from(&tree)).unwrap()
}

fn any_source() -> impl Strategy<Value = Source> {
    prop::sample::select(&Source::ALL[..])
}

/// Any input but its name, which has to be unique within its role.
fn any_input() -> impl Strategy<Value = (Role, InputDigest, Source, Option<String>)> {
    let tree = || prop::collection::btree_set("[a-z]{1,8}", 0..4).prop_map(tree_of);
    let git_id = "[0-9a-f]{40}";
    let plain = (prop::sample::select(&Role::ALL[1..]), tree(), any::<Option<u64>>(), 0..3).prop_map(
        |(role, tree, bytes, shape)| match shape {
            0 => (role, InputDigest::from(&tree)),
            1 => (role, InputDigest::Tree { digest: tree.digest(), extent: None }),
            _ => (role, InputDigest::File { digest: tree.digest().digest(), bytes }),
        },
    );
    let code = (git_id, git_id, any::<bool>(), prop::option::of(tree())).prop_map(
        |(commit, tree_id, is_dirty, sources)| {
            let state = if is_dirty { WorkTreeState::Dirty } else { WorkTreeState::Clean };
            let checkout = Checkout::new(commit.parse().unwrap(), tree_id.parse().unwrap(), state).unwrap();
            let checkout = match &sources {
                Some(sources) => checkout.with_sources(sources),
                None => checkout,
            };
            (Role::Code, InputDigest::Code(checkout))
        },
    );
    (prop_oneof![plain, code], any_source(), prop::option::of("s3://[!-~]{0,20}"))
        .prop_map(|((role, digest), source, uri)| (role, digest, source, uri))
}

proptest! {
    #[test]
    fn any_provenance_is_read_back_and_written_the_same(
        inputs in prop::collection::vec(any_input(), 0..12),
        relation in prop::sample::select(&Relation::ALL[..]),
        paths in prop::collection::btree_set("[a-w\\u{e9}\"\\t ]{1,8}(/[0-9]{1,3})?x", 0..6),
    ) {
        let inputs = inputs.into_iter().enumerate().map(|(index, (role, digest, source, uri))| {
            let input = Input::new(role, format!("input-{index}").parse().unwrap(), source, digest).unwrap();
            match uri.and_then(|uri| uri.parse().ok()) {
                Some(uri) => input.with_uri(uri),
                None => input,
            }
        });
        let provenance = Provenance::new(Some(relation), inputs.collect(), "0.1.0".parse().unwrap()).unwrap();
        let (name, version) = ("acme/churn".parse().unwrap(), "1".parse().unwrap());
        let tree = tree_of(paths);
        let bytes = provenance.to_statement_bytes(&name, &version, &tree);
        let statement = Statement::parse(&bytes).unwrap();
        prop_assert_eq!(statement.provenance(), Some(&provenance));
        prop_assert_eq!(statement.files(), Some(&tree));
        prop_assert_eq!((statement.name(), statement.version()), (&name, &version));
    }
}
