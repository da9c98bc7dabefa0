//! What a lineage is when it is larger, deeper or more entangled than the cases under `testdata/bundle`.

#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "the world of the cases, of which these tests use a part")]
#[path = "../examples/vectors/world.rs"]
mod world;

use attest::bundle::BundleFile;
use attest::model_name::NameVersion;
use attest::provenance::{Input, InputDigest, Provenance, Relation, Source};
use attest::role::Role;
use attest::scan::ScanError;
use attest::tree::Tree;
use verifier::lineage::{Evidence, MAX_DEPTH, MAX_NODES, State};
use verifier::{Expectation, Question, Reason, Refusal, Requirements, VerifiedModel};

use world::{INDEX, Log, bundle, entry, line, plain_trust, publisher, tree};

/// The tree of the model of that number.
fn model(number: usize) -> Tree {
    tree(&[("model.safetensors", number.to_be_bytes().to_vec())])
}

/// A provenance of that model from those models, signed by the publisher.
fn made_from(number: usize, parents: &[usize]) -> Vec<u8> {
    let input = |parent: &usize| {
        let (name, digest) = (format!("base-{parent}"), InputDigest::from(&model(*parent)));
        Input::new(Role::BaseModel, name.parse().unwrap(), Source::Observed, digest).unwrap()
    };
    let relation = if parents.is_empty() { Relation::Pretrain } else { Relation::Merge };
    let inputs = parents.iter().map(input).collect();
    let provenance = Provenance::new(Some(relation), inputs, "0.1.0".parse().unwrap()).unwrap();
    let label: NameVersion = format!("acme/m{number}:1").parse().unwrap();
    provenance.to_statement_bytes(label.name(), label.version(), &model(number))
}

/// Each statement as a line of one log.
fn lines(statements: &[Vec<u8>]) -> Vec<String> {
    let key = publisher();
    let entries: Vec<Vec<u8>> = statements.iter().map(|statement| entry(statement, &key)).collect();
    let log = Log::holding(&entries);
    let lines = (INDEX..).zip(statements);
    lines.map(|(index, statement)| line(&bundle(statement, &key, log.answer(index)))).collect()
}

fn evidence(lines: &[String]) -> Evidence {
    let mut evidence = Evidence::new();
    for lines in lines.chunks(512) {
        evidence.add("ancestors", BundleFile::parse(lines.concat().as_bytes()).unwrap());
    }
    evidence
}

fn requirements(rule: &str) -> Requirements {
    Requirements::parse(format!("{}\n{rule}", plain_trust()).as_bytes()).unwrap()
}

const DEMANDED: &str = "[[require]]\nname = \"acme/*\"\nlineage = [\"base-model\"]\n";

/// Judges model 0, whose statement is the first.
fn judge(lines: &[String], rule: &str) -> Result<VerifiedModel, Refusal> {
    let (own, others) = lines.split_first().unwrap();
    let (requirements, evidence) = (requirements(rule), evidence(others));
    let expectation = Expectation::default();
    let question = Question::new(Some(&requirements), &expectation).with_evidence(&evidence);
    question.verify(own.as_bytes(), |_| Ok::<_, ScanError>(model(0)))
}

/// A chain of so many links: 0 was made from 1, 1 from 2, and so on.
fn chain(links: usize) -> Vec<String> {
    let made = |number: usize| match number == links {
        true => made_from(number, &[]),
        false => made_from(number, &[number + 1]),
    };
    lines(&(0..=links).map(made).collect::<Vec<_>>())
}

#[test]
fn a_lineage_as_deep_as_may_be_is_followed_to_its_end() {
    let verified = judge(&chain(MAX_DEPTH), DEMANDED).expect("verified");
    let lineage = verified.lineage().unwrap();
    assert_eq!(lineage.nodes().last().map(|node| node.depth()), Some(MAX_DEPTH));
    assert_eq!(lineage.count(State::Verified), MAX_DEPTH);
}

#[test]
fn a_lineage_that_is_too_deep_is_not_cut_off_and_called_good() {
    let too_deep = chain(MAX_DEPTH + 1);
    for rule in [DEMANDED, ""] {
        let refusal = judge(&too_deep, rule).expect_err("refused");
        assert_eq!((refusal.reason(), refusal.also().len()), (Reason::LineageTooDeep, 0), "{rule}");
    }
}

#[test]
fn a_lineage_that_is_too_large_is_not_cut_off_and_called_good() {
    // 64 parents, which have 64 parents each that nobody tells of: 1 + 64 + 4096 things.
    let parents: Vec<usize> = (1..=64).collect();
    let statements: Vec<Vec<u8>> = std::iter::once(made_from(0, &parents))
        .chain(
            parents
                .iter()
                .map(|parent| made_from(*parent, &(parent * 64 + 1..=parent * 64 + 64).collect::<Vec<_>>())),
        )
        .collect();
    let refusal = judge(&lines(&statements), "").expect_err("refused");
    assert_eq!((refusal.reason(), refusal.also().len()), (Reason::LineageTooLarge, 0));
    let lineage = refusal.lineage().unwrap();
    assert_eq!((lineage.nodes().len(), lineage.links().len()), (MAX_NODES, 64 + 4096));
}

#[test]
fn what_many_ways_lead_to_is_looked_at_once() {
    // Forty layers of two, each made from both of the layer below: 2^40 ways.
    let layers = 40;
    let of_layer = |layer: usize| [2 * layer - 1, 2 * layer];
    let mut statements = vec![made_from(0, &of_layer(1))];
    for layer in 1..=layers {
        let parents = if layer < layers { of_layer(layer + 1).to_vec() } else { Vec::new() };
        statements.extend(of_layer(layer).map(|number| made_from(number, &parents)));
    }
    let verified = judge(&lines(&statements), DEMANDED).expect("verified");
    let lineage = verified.lineage().unwrap();
    assert_eq!((lineage.nodes().len(), lineage.links().len()), (1 + 2 * layers, 2 + 4 * (layers - 1)));
}

#[test]
fn the_order_of_the_files_changes_no_verdict() {
    let statements = [made_from(0, &[1, 2]), made_from(1, &[3]), made_from(2, &[3, 1]), made_from(3, &[])];
    let lines = lines(&statements);
    let digests = |lines: &[String]| {
        let verified = judge(lines, DEMANDED).expect("verified");
        let nodes = verified.lineage().unwrap().nodes().iter();
        nodes.map(|node| (node.digest(), node.depth())).collect::<Vec<_>>()
    };
    let turned = [&lines[0], &lines[3], &lines[2], &lines[1]].map(Clone::clone);
    assert_eq!(digests(&lines), digests(&turned));
}

#[test]
fn a_cycle_far_from_the_model_is_found_and_the_walk_ends() {
    let statements = [made_from(0, &[1]), made_from(1, &[2]), made_from(2, &[3]), made_from(3, &[1])];
    let refusal = judge(&lines(&statements), DEMANDED).expect_err("refused");
    assert_eq!((refusal.reason(), refusal.also().len()), (Reason::LineageCycle, 0));
    // Nobody asks, and it is shown all the same.
    let verified = judge(&lines(&statements), "").expect("verified");
    let lineage = verified.lineage().unwrap();
    assert_eq!((lineage.count(State::Broken), lineage.count(State::Verified)), (1, 3));
}

/// The figure of spec/lineage.md: `cargo test --release -p verifier --test lineage -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn five_hundred_things() {
    let made = |number: usize| match number {
        0..=62 => {
            made_from(number, &(number * 8 + 1..=number * 8 + 8).filter(|n| *n < 500).collect::<Vec<_>>())
        }
        _ => made_from(number, &[]),
    };
    let lines = lines(&(0..500).map(made).collect::<Vec<_>>());
    let (own, others) = lines.split_first().unwrap();
    let (requirements, expectation) = (requirements(DEMANDED), Expectation::default());
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let evidence = evidence(others);
        let question = Question::new(Some(&requirements), &expectation).with_evidence(&evidence);
        let verified = question.verify(own.as_bytes(), |_| Ok::<_, ScanError>(model(0))).expect("verified");
        let took = start.elapsed();
        println!("{} things in {} ms", verified.lineage().unwrap().nodes().len(), took.as_millis());
    }
}
