//! Steps 2 to 4: statement, signature, entry. A hostile publisher signs what no signer of ours would write; a hostile
//! courier cannot sign at all.

use attest::bundle::{Bundle, LogEntry};
use attest::dsse::Envelope;
use attest::key::PrivateKey;
use verifier::Reason;

use super::{edit, edit_first, value};
use crate::accept::{approval, dataset, logged, plain, plain_statement};
use crate::case::Case;
use crate::world::{INDEX, Log, bundle, entry, files, line, publisher, statement, stranger, weights};

/// The log's answer for the entry of the plain statement.
fn plain_answer() -> LogEntry {
    Log::holding(&[entry(&plain_statement(), &publisher())]).answer(INDEX)
}

/// A payload that the publisher signed, beside an entry that says something else: no entry can be made from it.
fn signed(payload: &str) -> String {
    line(&bundle(payload.as_bytes(), &publisher(), plain_answer()))
}

/// An envelope with a payload and a signature over another.
fn unsigned(payload: &[u8]) -> String {
    let genuine = Envelope::sign(plain_statement(), &publisher()).unwrap();
    let envelope = Envelope::new(payload.to_vec(), genuine.signature().to_vec()).unwrap();
    line(&Bundle::new(envelope, publisher().public_key().key_id(), Some(plain_answer())))
}

fn signed_by(key: &PrivateKey, hint: &PrivateKey) -> String {
    let envelope = Envelope::sign(plain_statement(), key).unwrap();
    line(&Bundle::new(envelope, hint.public_key().key_id(), Some(plain_answer())))
}

/// The plain bundle with another entry, which its log does hold.
fn with_entry(entry: Vec<u8>) -> String {
    line(&bundle(&plain_statement(), &publisher(), Log::holding(&[entry]).answer(INDEX)))
}

pub(super) fn cases() -> Vec<Case> {
    let text = String::from_utf8(plain_statement()).unwrap();
    let malformed = |name, why, payload: String| {
        Case::new(name, why, signed(&payload)).refused(Reason::StatementMalformed)
    };
    let weights_digest = attest::digest::Sha256Digest::of(&weights(7)).to_string();
    let last = text.rsplit("\"name\":\"tokenizer/vocab.txt\"").next().unwrap();
    let vocab_digest = value(last, "sha256");
    let dataset_digest = value(text.split_once("\"name\":\"customers\"").unwrap().1, "sha256");
    let mut cases = vec![
        Case::new(
            "statement-of-another-kind",
            "a signed statement, but of a kind that is not read",
            signed(&edit(&text, "https://slsa.dev/provenance/v1", "https://model_signing/signature/v1.0")),
        )
        .refused(Reason::ProvenanceMissing),
        Case::new("event-alone", "an approval without a provenance makes no model signed", approval())
            .refused(Reason::ProvenanceMissing),
        Case::new(
            "statement-of-unknown-kind",
            "a predicate type that begins like a known one",
            signed(&edit(&text, "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v1.1")),
        )
        .refused(Reason::ProvenanceMissing),
        malformed(
            "statement-path-climbs",
            "a file subject above the model",
            edit(&text, "tokenizer/vocab.txt", "../tokenizer/vocab.txt"),
        ),
        malformed(
            "statement-path-absolute",
            "a file subject from the root",
            edit(&text, "tokenizer/vocab.txt", "/tokenizer/vocab.txt"),
        ),
        malformed(
            "statement-path-backslash",
            "a file subject with another system's separator",
            edit(&text, "tokenizer/vocab.txt", "tokenizer\\\\vocab.txt"),
        ),
        malformed(
            "statement-paths-differ-in-form",
            "two file subjects that are one name in Unicode NFC",
            edit(&edit(&text, "tokenizer/vocab.txt", "caf\u{e9}"), "config.json", "cafe\u{301}"),
        ),
        malformed(
            "statement-paths-differ-in-case",
            "two file subjects that are one name where case is folded",
            edit(&text, "tokenizer/vocab.txt", "CONFIG.json"),
        ),
        malformed(
            "statement-files-are-another-tree",
            "a file digest that does not go into the tree digest",
            edit(&text, &weights_digest, vocab_digest),
        ),
        malformed(
            "statement-external-parameter",
            "a parameter that no reader knows could change the claim",
            edit(&text, "\"externalParameters\":{", "\"externalParameters\":{\"unknown\":true,"),
        ),
        malformed(
            "statement-duplicate-member",
            "one member twice, deep inside",
            edit_first(&text, "\"form\":\"file\"", "\"form\":\"file\",\"form\":\"file\""),
        ),
        malformed(
            "statement-float",
            "a number with an exponent",
            edit(&text, "\"files\":3", "\"files\":3e0"),
        ),
        malformed(
            "statement-integer-too-large",
            "a number above 2^53",
            edit(&text, "\"files\":3", "\"files\":9007199254740993"),
        ),
        malformed("statement-not-json", "a payload of one word", "hello".to_owned()),
        malformed("statement-trailing-bytes", "something after the statement", format!("{text}{{}}")),
        malformed(
            "statement-inputs-unnamed",
            "an input that is not among the parameters",
            edit(&text, "{\"dataset\":[\"customers\"]}", "{}"),
        ),
        malformed("statement-without-subject", "about nothing", without_subjects(&text)),
        Case::new(
            "dataset-digest-swapped",
            "the statement names another dataset than the one that was signed",
            unsigned(edit(&text, dataset_digest, &weights_digest).as_bytes()),
        )
        .refused(Reason::SignatureInvalid),
        Case::new(
            "payload-reencoded",
            "the same statement with a space more",
            unsigned(edit_first(&text, "{", "{ ").as_bytes()),
        )
        .refused(Reason::SignatureInvalid),
        Case::new(
            "version-raised",
            "a statement about an older version, relabelled",
            unsigned(edit(&text, "2.1.3", "2.1.4").as_bytes()),
        )
        .refused(Reason::SignatureInvalid),
        Case::new(
            "signature-of-another-key",
            "a stranger's signature under a trusted key id",
            signed_by(&stranger(), &publisher()),
        )
        .refused(Reason::SignatureInvalid),
        Case::new(
            "hint-of-another-key",
            "a key id that is neither trusted nor the entry's",
            signed_by(&publisher(), &stranger()),
        )
        .refused(Reason::KeyHintMismatch),
    ];
    cases.push({
        let plain = plain();
        let sig = value(&plain, "sig");
        let other = if sig.starts_with('A') { "B" } else { "A" };
        Case::new(
            "signature-altered",
            "the first bits of the signature",
            edit(&plain, sig, &format!("{other}{}", &sig[1..])),
        )
        .refused(Reason::SignatureInvalid)
    });
    cases.extend(entries());
    cases
}

fn without_subjects(text: &str) -> String {
    let (before, after) = text.split_once("\"subject\":[").unwrap();
    let (_, after) = after.split_once("}}],").unwrap();
    format!("{before}\"subject\":[],{after}")
}

fn entries() -> Vec<Case> {
    let genuine = entry(&plain_statement(), &publisher());
    let other = statement("acme/churn:2.1.2", &files(), vec![dataset()]);
    let altered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut entry = genuine.clone();
        change(&mut entry);
        with_entry(entry)
    };
    // A header of one byte for the protected map's length, 0x58 0x26, in three bytes: 0x59 0x00 0x26.
    let longer = [&genuine[..2], &[0x59, 0], &genuine[3..]].concat();
    assert_eq!(genuine[2..4], [0x58, 0x26], "the protected header");
    let mismatch = |name, why, line| Case::new(name, why, line).refused(Reason::EntryMismatch);
    let malformed = |name, why, line| Case::new(name, why, line).refused(Reason::EntryMalformed);
    vec![
        mismatch(
            "entry-of-another-statement",
            "the entry of an older version, with its valid proof",
            with_entry(entry(&other, &publisher())),
        ),
        mismatch(
            "entry-of-another-key",
            "an entry for the same statement, by a stranger",
            with_entry(entry(&plain_statement(), &stranger())),
        ),
        malformed("entry-not-canonical", "a length in more bytes than needed", with_entry(longer)),
        malformed("entry-trailing-byte", "a byte after the entry", altered(&|entry| entry.push(0))),
        malformed(
            "entry-cut-short",
            "the last byte is missing",
            altered(&|entry| entry.truncate(entry.len() - 1)),
        ),
        malformed(
            "entry-unprotected-header",
            "something that nobody signs",
            altered(&|entry| {
                let at = 2 + 2 + 0x26;
                assert_eq!(entry[at], 0xa0, "the empty map");
                entry.splice(at..=at, [0xa1, 0, 0]);
            }),
        ),
        malformed(
            "entry-unknown-algorithm",
            "an algorithm number that we do not know",
            altered(&|entry| entry[6] = 0x33),
        ),
        Case::new(
            "entry-signature-altered",
            "the last bit of the entry's own signature",
            altered(&|entry| *entry.last_mut().unwrap() ^= 1),
        )
        .refused(Reason::EntrySignatureInvalid),
        mismatch(
            "entry-key-id-altered",
            "a key id in the entry that is not that of its key",
            altered(&|entry| entry[12] ^= 1),
        ),
        Case::new(
            "stranger",
            "signed and logged without fault, by a key that is not trusted",
            logged(&plain_statement(), &stranger()),
        )
        .refused(Reason::SignerUnexpected),
    ]
}
