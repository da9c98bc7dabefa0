//! Where the model came from: a base model and a dataset, and what is known of these.
//!
//! The model is fine-tuned from `base` on `customers`; the base is pretrained on `crawl`. All statements are in one log.

use attest::dataset::{Dataset, PersonalData};
use attest::digest::Sha256Digest;
use attest::event::{Act, Alias, Event, Identity, Scope};
use attest::model_name::NameVersion;
use attest::provenance::{Extent, Fact, Input, InputDigest, Provenance, Relation, Run, Source, Topic};
use attest::role::Role;
use verifier::Reason;

use super::accept::{LABEL, dataset, tree_input};
use super::case::Case;
use super::standing::{By, Said, lines, of, people};
use super::world::{File, Log, ann, bob, entry, files, publisher, stranger, tree, weights};

pub(crate) const BASE: &str = "acme/base:1.0.0";
const ALL: &str = "lineage = [\"base-model\", \"adapter\", \"dataset\"]";

pub(crate) fn base() -> Vec<File> {
    vec![("model.safetensors", weights(1))]
}

fn customers() -> Vec<File> {
    vec![("2026-01.csv", b"id,left\n1,0\n".to_vec()), ("2026-02.csv", b"id,left\n2,1\n".to_vec())]
}

fn crawl() -> Vec<File> {
    vec![("pages.txt", b"once upon a time\n".to_vec())]
}

/// A model that writes data.
fn writer() -> Vec<File> {
    vec![("model.safetensors", weights(3))]
}

fn base_input() -> Input {
    tree_input(Role::BaseModel, "base", &tree(&base()))
}

fn crawl_input() -> Input {
    tree_input(Role::Dataset, "crawl", &tree(&crawl()))
}

fn made(label: &str, files: &[File], relation: Option<Relation>, inputs: Vec<Input>) -> Said {
    made_in(label, files, relation, inputs, Run::default())
}

fn made_in(label: &str, files: &[File], relation: Option<Relation>, inputs: Vec<Input>, run: Run) -> Said {
    let label: NameVersion = label.parse().unwrap();
    let provenance = Provenance::new(relation, inputs, "0.1.0".parse().unwrap()).unwrap().with_run(run);
    (provenance.to_statement_bytes(label.name(), label.version(), &tree(files)), publisher)
}

/// The model.
pub(crate) fn model() -> Said {
    made(LABEL, &files(), None, vec![dataset(), base_input()])
}

pub(crate) fn base_made() -> Said {
    made(BASE, &base(), None, vec![crawl_input()])
}

fn described(label: &str, files: &[File], change: impl FnOnce(Dataset) -> Dataset) -> Said {
    let label: NameVersion = label.parse().unwrap();
    let tree = tree(files);
    let dataset = change(Dataset::new(Extent::of(&tree), PersonalData::None));
    (dataset.to_statement_bytes(label.name(), label.version(), tree.digest()), publisher)
}

fn customers_described() -> Said {
    described("acme/customers:v4", &customers(), |dataset| dataset)
}

fn crawl_described() -> Said {
    described("acme/crawl:1", &crawl(), |dataset| dataset)
}

pub(crate) fn revocation(label: &str, files: &[File], scope: Scope) -> Said {
    let reason = "poisoned-data".parse().unwrap();
    (of(label, files, &Event::new(Act::Revoke { scope, reason })), ann)
}

fn by(said: Said, key: By) -> Said {
    (said.0, key)
}

/// The model with its own statement, and in the folder a file with the others.
fn told(name: &'static str, why: &'static str, model: Said, others: &[Said]) -> Case {
    let said: Vec<Said> = [model].into_iter().chain(others.iter().cloned()).collect();
    let lines = lines(&said);
    let (own, others) = lines.split_first().expect("the model's own");
    let case = Case::new(name, why, own.clone()).trust(people(""));
    if others.is_empty() { case } else { case.lineage("ancestors.tallymark.jsonl", others.concat()) }
}

fn ruled(case: Case, demands: &str) -> Case {
    case.trust(people(&format!("\n[[require]]\nname = \"acme/*\"\n{demands}\n")))
}

/// Somebody who may sign everything under names of his own.
fn other_publisher() -> String {
    format!("\n[[publisher]]\nname = \"other/*\"\nkeys = [\"{}\"]\n", stranger().public_key().to_base64())
}

/// The model, fine-tuned from one file whose digest somebody gave.
fn model_of_a_file() -> Said {
    let digest = InputDigest::File { digest: Sha256Digest::of(&weights(1)), bytes: None };
    let input = Input::new(Role::BaseModel, "base".parse().unwrap(), Source::Declared, digest).unwrap();
    made(LABEL, &files(), None, vec![dataset(), input])
}

const COMMIT: &str = "86b5e0934494bd15c9632b12f734a8a67f723594";

/// The model, of whose base a name and a revision were written down.
fn model_of_a_revision(revision: &str) -> Said {
    let fact = |key: &str, value: &str| {
        let [about, at] = ["acme/base", "adapter_config.json"].map(str::to_owned);
        Fact::new(Topic::BaseModel, about, key.to_owned(), value.to_owned(), Source::Declared, at).unwrap()
    };
    let facts = vec![fact("name", "acme/base"), fact("revision", revision)];
    let run = Run::new(None, None, facts, Vec::new()).unwrap();
    made_in(LABEL, &files(), Some(Relation::Finetune), vec![dataset()], run)
}

/// That the base is known by this too.
fn aliased(files: &[File], identity: Identity, key: By) -> Said {
    (of(BASE, files, &Event::new(Act::Alias(Alias::new(vec![identity]).unwrap()))), key)
}

fn by_file(key: By) -> Said {
    aliased(&base(), Identity::File(Sha256Digest::of(&weights(1))), key)
}

fn by_commit(key: By) -> Said {
    aliased(&base(), Identity::HfCommit(COMMIT.parse().unwrap()), key)
}

/// The rule asks for base models; Carl, who is the stranger of other cases, may say what a digest means.
fn with_aliases(case: Case) -> Case {
    let carl = stranger().public_key().to_base64();
    let carl = format!(
        "\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{carl}\"]\nmay = [\"alias\", \"reinstate\"]\n"
    );
    let rule = "\n[[require]]\nname = \"acme/*\"\nlineage = [\"base-model\"]\n";
    case.trust(people(&format!("{carl}{rule}"))).at("2026-11-27T12:00:00Z")
}

/// Everything down to the crawl.
fn whole() -> [Said; 3] {
    [base_made(), customers_described(), crawl_described()]
}

/// The line with the signature of another.
fn with_another_signature(line: &str, other: &str) -> String {
    let signature = |line: &str| {
        let (_, after) = line.split_once("\"sig\":\"").expect("a signature");
        after.split_once('"').expect("its end").0.to_owned()
    };
    line.replacen(&signature(line), &signature(other), 1)
}

/// A dataset that a model wrote: the statement about it names the provenance that says so.
fn written() -> (Said, Said) {
    let by_whom = vec![tree_input(Role::BaseModel, "writer", &tree(&writer()))];
    let how = made("acme/customers:v4", &customers(), Some(Relation::Distill), by_whom);
    let digest = Sha256Digest::of(&how.0);
    (described("acme/customers:v4", &customers(), |dataset| dataset.with_transform(digest)), how)
}

fn writer_made() -> Said {
    made("acme/writer:1", &writer(), None, vec![crawl_input()])
}

/// The model and its base, and what the log knew of the base: an event by somebody who may withdraw it, which is not here.
pub(crate) fn with_status_of_the_base(name: &'static str, why: &'static str, time: u64) -> Case {
    let said = [model(), base_made(), revocation(BASE, &base(), Scope::ThisAndDescendants)];
    let entries: Vec<_> = said.iter().map(|(statement, key)| entry(statement, &key())).collect();
    let log = Log::holding(&entries);
    let mut all = lines(&said);
    let snapshot = log.snapshot(tree(&base()).digest().digest(), time).to_json_line();
    all.pop();
    all.push(format!("{}\n", String::from_utf8(snapshot).unwrap()));
    let (own, others) = all.split_first().expect("the model's own");
    Case::new(name, why, own.clone()).trust(people("")).lineage("ancestors.tallymark.jsonl", others.concat())
}

pub(crate) fn accepted() -> Vec<Case> {
    let (described, how) = written();
    let revoked = revocation(BASE, &base(), Scope::ThisAndDescendants);
    let undone = Act::Reinstate { previous: Sha256Digest::of(&revoked.0) };
    let undone: Said = (of(BASE, &base(), &Event::new(undone)), bob);
    let anchor = format!("\n[[anchor]]\ndigest = \"{}\"\n", tree(&base()).digest());
    let folders = lines(&[model(), base_made(), customers_described(), crawl_described()]);
    vec![
        ruled(told("lineage-whole", "every ancestor has a statement that verifies", model(), &whole()), ALL),
        ruled(
            Case::new(
                "lineage-in-folders",
                "the folder has models with their bundle files",
                folders[0].clone(),
            )
            .lineage("base/tallymark.jsonl", folders[1].clone())
            .lineage("customers.tallymark.jsonl", folders[2].clone())
            .lineage("crawl.tallymark.jsonl", folders[3].clone())
            .lineage("base/model.safetensors", weights(1))
            .lineage(".1-0.tallymark.jsonl", "half of one that is being wri"),
            ALL,
        ),
        ruled(
            told(
                "lineage-to-a-depth",
                "the rule asks for what the model was made from, and not for what that was made from",
                model(),
                &[base_made(), customers_described()],
            ),
            &format!("{ALL}\nlineage-depth = 1"),
        ),
        ruled(
            told("lineage-of-base-models", "the rule asks for base models alone", model(), &[base_made()]),
            "lineage = [\"base-model\"]\nlineage-sources = [\"observed\"]\nlineage-relations = [\"pretrain\", \"finetune\"]",
        ),
        with_aliases(told(
            "alias-of-a-file",
            "the base is known by its one file, and somebody says which model that is",
            model_of_a_file(),
            &[base_made(), by_file(stranger)],
        )),
        with_aliases(told(
            "alias-of-a-commit",
            "the base is known by a commit on the hub",
            model_of_a_revision(COMMIT),
            &[base_made(), by_commit(stranger)],
        )),
        told("lineage-unminded", "no rule asks where it came from", model(), &[base_made()]),
        told(
            "lineage-to-an-anchor",
            "nobody signed the base, and the trust file vouches for it",
            model(),
            &[customers_described()],
        )
        .trust(people(&format!("\n[[require]]\nname = \"acme/*\"\n{ALL}\n{anchor}"))),
        ruled(
            told(
                "lineage-through-synthetic-data",
                "a model wrote the dataset, and that model was trained on what the base was",
                model(),
                &[base_made(), described, how, writer_made(), crawl_described()],
            ),
            ALL,
        ),
        told(
            "ancestor-revoked-alone",
            "the base is withdrawn, and not what was made from it",
            model(),
            &[base_made(), revocation(BASE, &base(), Scope::This)],
        ),
        told(
            "ancestor-reinstated",
            "another person took back that the base and what was made from it is withdrawn",
            model(),
            &[base_made(), revoked, undone],
        ),
        told(
            "ancestor-revoked-by-another-publisher",
            "the bytes of the base are withdrawn as a model of somebody who may not speak for the base",
            model(),
            &[base_made(), by(revocation("other/base:1", &base(), Scope::ThisAndDescendants), stranger)],
        )
        .trust(people(&other_publisher())),
        told(
            "ancestor-revoked-by-a-stranger",
            "somebody whom the trust file does not know withdrew the base",
            model(),
            &[base_made(), by(revocation(BASE, &base(), Scope::ThisAndDescendants), stranger)],
        ),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    [unknown(), untrue(), unwanted(), withdrawn(), meaningless(), unread()].concat()
}

fn unknown() -> Vec<Case> {
    let missing = |name, why, others: &[Said]| {
        ruled(told(name, why, model(), others), ALL).refused(Reason::LineageMissing)
    };
    let unpinned = |name, why, model: Said| {
        ruled(told(name, why, model, &whole()), ALL).refused(Reason::LineageUnpinned)
    };
    let hidden = format!("private:{}", "5a".repeat(32));
    let hidden = InputDigest::Private(attest::private_value::Commitment::in_text(&hidden).unwrap());
    let hidden = Input::new(Role::BaseModel, "base".parse().unwrap(), Source::Observed, hidden).unwrap();
    let named = Fact::new(
        Topic::BaseModel,
        "bert-base".to_owned(),
        "name".to_owned(),
        "bert-base".to_owned(),
        Source::Declared,
        "README.md".to_owned(),
    );
    let run = Run::default().with_facts(vec![named.unwrap()]).unwrap();
    let unverified = |name, why, base: Said| {
        ruled(told(name, why, model(), &[base, customers_described(), crawl_described()]), ALL)
            .refused(Reason::LineageUnverified)
    };
    let whole = lines(&[model(), base_made(), customers_described(), crawl_described()]);
    let forged = with_another_signature(&whole[1], &whole[2]);
    vec![
        missing(
            "lineage-missing",
            "no statement about the base",
            &[customers_described(), crawl_described()],
        ),
        missing(
            "lineage-missing-further-on",
            "no statement about the dataset of the base",
            &[base_made(), customers_described()],
        ),
        missing(
            "lineage-base-is-a-dataset",
            "the only statement about the base says that it is a dataset",
            &[described(BASE, &base(), |dataset| dataset), customers_described()],
        ),
        missing(
            "lineage-transform-missing",
            "a dataset names the statement that says how it was made, and that is not there",
            &[base_made(), written().0, writer_made(), crawl_described()],
        ),
        ruled(
            Case::new(
                "lineage-not-given",
                "a rule asks where it came from, and no file says",
                whole[0].clone(),
            ),
            ALL,
        )
        .refused(Reason::LineageMissing),
        ruled(
            told(
                "lineage-missing-at-the-depth",
                "no statement about the dataset of the base, two links away, and the rule asks so far",
                model(),
                &[base_made(), customers_described()],
            ),
            &format!("{ALL}\nlineage-depth = 2"),
        )
        .refused(Reason::LineageMissing),
        told(
            "lineage-anchor-of-the-model",
            "the trust file vouches for the model itself, which says nothing of where it came from",
            model(),
            &[customers_described()],
        )
        .trust(people(&format!(
            "\n[[require]]\nname = \"acme/*\"\n{ALL}\n\n[[anchor]]\ndigest = \"{}\"\n",
            tree(&files()).digest()
        )))
        .refused(Reason::LineageMissing),
        unpinned(
            "lineage-private",
            "the digest of the base is not shown",
            made(LABEL, &files(), None, vec![dataset(), hidden]),
        ),
        unpinned(
            "lineage-base-nobody-names",
            "fine-tuned, and nobody says from what",
            made(LABEL, &files(), Some(Relation::Finetune), vec![dataset()]),
        ),
        unpinned(
            "lineage-base-only-named",
            "the base is a name in a card",
            made_in(LABEL, &files(), Some(Relation::Finetune), vec![dataset()], run),
        ),
        unverified(
            "lineage-by-a-stranger",
            "the base is signed with an unknown key",
            by(base_made(), stranger),
        ),
        unverified(
            "lineage-by-a-key-that-may-not",
            "the base is signed by somebody who may approve it",
            by(base_made(), ann),
        ),
        ruled(Case::new("lineage-forged", "the signature of the base was altered", whole[0].clone()), ALL)
            .lineage("base.tallymark.jsonl", forged)
            .lineage("data.tallymark.jsonl", whole[2..].concat())
            .refused(Reason::LineageUnverified),
    ]
}

fn untrue() -> Vec<Case> {
    let base_from_model =
        made(BASE, &base(), None, vec![tree_input(Role::BaseModel, "churn", &tree(&files()))]);
    let itself =
        made(LABEL, &files(), None, vec![dataset(), tree_input(Role::BaseModel, "churn", &tree(&files()))]);
    let other = made(BASE, &base(), None, vec![tree_input(Role::Dataset, "customers", &tree(&customers()))]);
    let [base_made, customers, crawl] = whole();
    vec![
        ruled(
            told(
                "lineage-cycle",
                "the base was made from the model, it says",
                model(),
                &[base_from_model, customers.clone()],
            ),
            ALL,
        )
        .refused(Reason::LineageCycle),
        ruled(
            told(
                "lineage-cycle-with-itself",
                "the model is its own base",
                itself,
                std::slice::from_ref(&customers),
            ),
            ALL,
        )
        .refused(Reason::LineageCycle),
        ruled(
            told(
                "lineage-disagrees",
                "two provenances of the base name different data",
                model(),
                &[base_made, other, customers, crawl],
            ),
            ALL,
        )
        .refused(Reason::LineageDisagrees),
    ]
}

fn unwanted() -> Vec<Case> {
    let declared = InputDigest::from(&tree(&base()));
    let declared = Input::new(Role::BaseModel, "base".parse().unwrap(), Source::Declared, declared).unwrap();
    vec![
        ruled(
            told(
                "lineage-declared",
                "the digest of the base comes from a text",
                made(LABEL, &files(), None, vec![dataset(), declared]),
                &whole(),
            ),
            &format!("{ALL}\nlineage-sources = [\"observed\", \"imported\"]"),
        )
        .refused(Reason::LineageSourceRefused),
        ruled(
            told("lineage-relation", "fine-tuned, and the rule allows quantised alone", model(), &whole()),
            &format!("{ALL}\nlineage-relations = [\"pretrain\", \"quantize\"]"),
        )
        .refused(Reason::LineageRelationRefused),
    ]
}

fn withdrawn() -> Vec<Case> {
    let poisoned = revocation("acme/crawl:1", &crawl(), Scope::ThisAndDescendants);
    let [base_made, customers, crawl] = whole();
    let own = lines(&[model(), revocation(BASE, &base(), Scope::ThisAndDescendants)]).concat();
    vec![
        told(
            "ancestor-revoked",
            "the data of the base are withdrawn with all that was made from them",
            model(),
            &[base_made.clone(), customers, crawl, poisoned.clone()],
        )
        .refused(Reason::AncestorRevoked),
        told(
            "ancestor-revoked-by-the-only-one-who-speaks",
            "nobody tells of the base but somebody of whose models it is one, and he withdraws it",
            model(),
            &[by(revocation("other/base:1", &base(), Scope::ThisAndDescendants), stranger)],
        )
        .trust(people(&other_publisher()))
        .refused(Reason::AncestorRevoked),
        told(
            "ancestor-revoked-and-else-unknown",
            "nothing is known of the data of the base but that they are withdrawn",
            model(),
            &[base_made, poisoned],
        )
        .refused(Reason::AncestorRevoked),
        Case::new(
            "ancestor-revoked-in-the-bundle-file",
            "the bundle file itself says that the base is withdrawn",
            own,
        )
        .trust(people(""))
        .refused(Reason::AncestorRevoked),
        told(
            "revoked-in-the-evidence",
            "a file beside the model says that it is withdrawn",
            model(),
            &[revocation(LABEL, &files(), Scope::This)],
        )
        .refused(Reason::Revoked),
    ]
}

/// What a digest means, and nobody who counts says so.
fn meaningless() -> Vec<Case> {
    let taken_back = Event::new(Act::Reinstate { previous: Sha256Digest::of(&by_file(stranger).0) });
    let taken_back: Said = (of(BASE, &base(), &taken_back), bob);
    let elsewhere = aliased(&writer(), Identity::File(Sha256Digest::of(&weights(1))), stranger);
    let wrong_form = aliased(&base(), Identity::OmsRoot(Sha256Digest::of(&weights(1))), stranger);
    let of_file = |name, why, said: &[Said]| {
        let others: Vec<Said> =
            [base_made(), writer_made()].into_iter().chain(said.iter().cloned()).collect();
        with_aliases(told(name, why, model_of_a_file(), &others))
    };
    vec![
        of_file("alias-missing", "nobody says what the file is", &[]).refused(Reason::LineageMissing),
        of_file("alias-by-the-maker", "who may sign everything", &[by_file(publisher)])
            .refused(Reason::LineageMissing),
        of_file("alias-taken-back", "by somebody else", &[by_file(stranger), taken_back])
            .refused(Reason::LineageMissing),
        of_file("alias-of-another-form", "the digest stands for a root of OMS", &[wrong_form])
            .refused(Reason::LineageMissing),
        of_file("aliases-disagree", "one digest, two models", &[by_file(stranger), elsewhere])
            .refused(Reason::LineageDisagrees),
        of_file(
            "alias-of-a-withdrawn-base",
            "what is known by its file is withdrawn under its own digest",
            &[by_file(stranger), revocation(BASE, &base(), Scope::ThisAndDescendants)],
        )
        .refused(Reason::AncestorRevoked),
        with_aliases(told(
            "alias-of-a-branch",
            "a branch is no commit",
            model_of_a_revision("main"),
            &[base_made(), by_commit(stranger)],
        ))
        .refused(Reason::LineageUnpinned),
    ]
}

fn unread() -> Vec<Case> {
    let own = lines(&[model()]).concat();
    vec![
        Case::new("lineage-malformed", "one file in the folder is no bundle file", own.clone())
            .lineage("base.tallymark.jsonl", "not a bundle\n")
            .refused(Reason::LineageMalformed),
        Case::new("lineage-folder-without-bundles", "no file in the folder is called one", own.clone())
            .lineage("readme.txt", "nothing here\n")
            .refused(Reason::LineageMalformed),
        Case::new("lineage-folder-missing", "there is no such folder", own)
            .lineage_at("nowhere")
            .refused(Reason::LineageUnreadable),
    ]
}
