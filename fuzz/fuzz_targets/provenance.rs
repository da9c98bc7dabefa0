//! Any provenance that can be put together is written as a statement that reads the same, and has a log
//! entry.

#![no_main]

use attest::digest::Sha256Digest;
use attest::provenance::{Checkout, Input, InputDigest, Provenance, Relation, Source, WorkTreeState};
use attest::role::Role;
use attest::statement::{Predicate, Statement};
use attest::tree::{FileLeaf, Tree};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::has_an_entry;

/// A file: its path and its size.
type File<'a> = (&'a str, u64);

#[derive(Arbitrary, Debug)]
struct Claim<'a> {
    name: &'a str,
    version: &'a str,
    tool: &'a str,
    relation: Option<u8>,
    files: Vec<File<'a>>,
    inputs: Vec<ClaimedInput<'a>>,
}

#[derive(Arbitrary, Debug)]
struct ClaimedInput<'a> {
    role: u8,
    source: u8,
    name: &'a str,
    uri: Option<&'a str>,
    digest: ClaimedDigest<'a>,
}

#[derive(Arbitrary, Debug)]
enum ClaimedDigest<'a> {
    Tree(Vec<File<'a>>),
    BareTree([u8; 32]),
    File([u8; 32], Option<u64>),
    Code { commit: &'a str, tree: &'a str, dirty: bool, sources: Option<Vec<File<'a>>> },
}

fuzz_target!(|claim: Claim<'_>| {
    run(&claim);
});

fn run(claim: &Claim<'_>) -> Option<()> {
    let (name, version) = (claim.name.parse().ok()?, claim.version.parse().ok()?);
    let files = tree(&claim.files)?;
    let inputs: Option<Vec<_>> = claim.inputs.iter().map(input).collect();
    let relation = claim.relation.map(|choice| pick(&Relation::ALL, choice));
    let provenance = Provenance::new(relation, inputs?, claim.tool.parse().ok()?).ok()?;

    let bytes = provenance.to_statement_bytes(&name, &version, &files);
    let statement = Statement::parse(&bytes).expect("a statement just written parses");
    assert_eq!(statement.as_bytes(), bytes);
    assert_eq!((statement.name(), statement.version()), (&name, &version));
    assert_eq!(statement.tree_digest(), files.digest());
    assert_eq!(statement.inputs(), provenance.inputs());
    assert_eq!(statement.predicate(), &Predicate::Provenance(provenance));
    has_an_entry(&statement);
    Some(())
}

fn pick<T: Copy>(all: &[T], choice: u8) -> T {
    all[usize::from(choice) % all.len()]
}

fn tree(files: &[File<'_>]) -> Option<Tree> {
    let leaf = |(path, size): &File<'_>| {
        Some(FileLeaf::new(path.parse().ok()?, *size, Sha256Digest::of(path.as_bytes())))
    };
    Tree::new(files.iter().map(leaf).collect::<Option<_>>()?).ok()
}

fn input(claimed: &ClaimedInput<'_>) -> Option<Input> {
    let digest = match &claimed.digest {
        ClaimedDigest::Tree(files) => InputDigest::from(&tree(files)?),
        ClaimedDigest::BareTree(digest) => InputDigest::Tree {
            digest: attest::tree::TreeDigest::from_digest(Sha256Digest::from_bytes(*digest)),
            extent: None,
        },
        ClaimedDigest::File(digest, bytes) => {
            InputDigest::File { digest: Sha256Digest::from_bytes(*digest), bytes: *bytes }
        }
        ClaimedDigest::Code { commit, tree: object, dirty, sources } => {
            let state = if *dirty { WorkTreeState::Dirty } else { WorkTreeState::Clean };
            let checkout = Checkout::new(commit.parse().ok()?, object.parse().ok()?, state).ok()?;
            InputDigest::Code(match sources {
                Some(files) => checkout.with_sources(&tree(files)?),
                None => checkout,
            })
        }
    };
    let (role, source) = (pick(&Role::ALL, claimed.role), pick(&Source::ALL, claimed.source));
    let input = Input::new(role, claimed.name.parse().ok()?, source, digest).ok()?;
    Some(match claimed.uri {
        Some(uri) => input.with_uri(uri.parse().ok()?),
        None => input,
    })
}
