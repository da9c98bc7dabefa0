//! Steps 4 to 7: inclusion, checkpoint, witnesses.

use attest::bundle::LogEntry;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use verifier::Reason;

use super::{edit, edit_first, value};
use crate::accept::{approval, pending, plain, plain_statement, trust_two_of_three, witnessed};
use crate::case::Case;
use crate::world::{INDEX, Log, bundle, entry, line, publisher};

fn plain_log() -> Log {
    Log::holding(&[entry(&plain_statement(), &publisher())])
}

/// The plain statement with what `log` answers for the entry at `index`, but always with the plain entry.
fn answered(log: &Log, index: u64) -> String {
    let entry = entry(&plain_statement(), &publisher());
    let answer = LogEntry::logged(entry, *log.vkey().log_id(), log.proof(index)).unwrap();
    line(&bundle(&plain_statement(), &publisher(), answer))
}

/// Base64 of 32 bytes, the first of which is changed.
fn altered(base64: &str) -> String {
    let mut bytes = STANDARD.decode(base64).unwrap();
    bytes[0] ^= 1;
    STANDARD.encode(bytes)
}

pub(super) fn cases() -> Vec<Case> {
    [inclusion(), checkpoint(), witnesses()].concat()
}

fn inclusion() -> Vec<Case> {
    let plain = plain();
    let hashes = plain.split_once("\"hashes\":[").unwrap().1.split_once(']').unwrap().0;
    let list: Vec<&str> = hashes.split(',').collect();
    let first = list[0].trim_matches('"');
    let root = value(&plain, "rootHash").to_owned();
    let invalid = |name, why, line: String| Case::new(name, why, line).refused(Reason::InclusionProofInvalid);
    let inconsistent =
        |name, why, line: String| Case::new(name, why, line).refused(Reason::LogFieldsInconsistent);
    vec![
        Case::new(
            "log-forked",
            "the model and its approval are in two trees of one size, both signed by the log",
            format!("{plain}{}", approval()),
        )
        .refused(Reason::LogForked),
        Case::new("pending", "signed, and not sent to a log yet", pending()).refused(Reason::NotLogged),
        Case::new("no-log-entry", "no material about a log at all", {
            let (before, after) = plain.split_once("\"tlogEntries\":[").unwrap();
            let (_, after) = after.split_once("}]").unwrap();
            format!("{before}\"tlogEntries\":[]{after}")
        })
        .refused(Reason::NotLogged),
        invalid(
            "index-of-another-entry",
            "the index of the entry before",
            plain.replace("\"logIndex\":\"4\"", "\"logIndex\":\"3\""),
        ),
        invalid(
            "index-outside-tree",
            "an index that is the tree's size",
            plain.replace("\"logIndex\":\"4\"", "\"logIndex\":\"7\""),
        ),
        invalid("proof-hash-dropped", "a hash too few", edit(&plain, hashes, &list[1..].join(","))),
        invalid(
            "proof-hash-repeated",
            "a hash too many",
            edit(&plain, hashes, &format!("{},{hashes}", list[0])),
        ),
        invalid("proof-hash-altered", "one bit of one hash", edit(&plain, first, &altered(first))),
        invalid(
            "proof-hashes-reordered",
            "the hashes in another order",
            edit(&plain, hashes, &format!("{},{},{}", list[1], list[0], list[2])),
        ),
        invalid(
            "proof-of-another-entry",
            "the valid proof of the entry before",
            answered(&plain_log(), INDEX - 1),
        ),
        invalid(
            "proof-of-another-tree",
            "a checkpoint of the same log without the entry",
            answered(&Log::holding(&[b"another".to_vec()]), INDEX),
        ),
        invalid(
            "checkpoint-root-altered",
            "one bit of the root, in the checkpoint and beside it",
            plain.replace(&root, &altered(&root)),
        ),
        inconsistent(
            "index-copy-differs",
            "the index outside the proof",
            edit_first(&plain, "\"logIndex\":\"4\"", "\"logIndex\":\"3\""),
        ),
        inconsistent(
            "root-copy-differs",
            "the root beside the checkpoint",
            edit_first(&plain, &root, &altered(&root)),
        ),
        inconsistent(
            "size-copy-differs",
            "the size beside the checkpoint",
            edit(&plain, "\"treeSize\":\"7\"", "\"treeSize\":\"8\""),
        ),
        inconsistent("log-id-of-another-key", "a log id that no signature line has", {
            let id = value(&plain, "keyId");
            edit(&plain, id, &altered(id))
        }),
    ]
}

fn checkpoint() -> Vec<Case> {
    let plain = plain();
    let log = plain_log();
    let signature =
        plain.rsplit_once("log.example.org/models ").unwrap().1.split_once('\\').unwrap().0.to_owned();
    let root = value(&plain, "rootHash").to_owned();
    let invalid =
        |name, why, line: String| Case::new(name, why, line).refused(Reason::CheckpointSignatureInvalid);
    let malformed = |name, why, line: String| Case::new(name, why, line).refused(Reason::CheckpointMalformed);
    let held = [entry(&plain_statement(), &publisher())];
    let mut id = *log.vkey().log_id();
    id[31] ^= 1;
    vec![
        invalid("checkpoint-signature-altered", "the last bits of the log's signature", {
            let mut bytes = STANDARD.decode(&signature).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            edit(&plain, &signature, &STANDARD.encode(bytes))
        }),
        invalid("checkpoint-of-a-forged-tree", "a tree of one's own under the log's old signature", {
            let forged = Log::holding(&[held[0].clone(), b"one more".to_vec()]);
            let text = answered(&forged, INDEX);
            let own = text.rsplit_once("log.example.org/models ").unwrap().1.split_once('\\').unwrap().0;
            edit(&text, own, &signature)
        }),
        invalid(
            "checkpoint-extended",
            "a line below the root that the log did not sign",
            edit(&plain, &format!("{root}\\n\\n"), &format!("{root}\\nextension\\n\\n")),
        ),
        invalid(
            "checkpoint-by-another-key",
            "somebody else's key under the log's origin",
            answered(&Log::of("log.example.org/models", 12, &held), INDEX),
        ),
        malformed(
            "checkpoint-size-with-zero",
            "a tree size with a leading zero",
            edit(&plain, "models\\n7\\n", "models\\n07\\n"),
        ),
        malformed(
            "checkpoint-crlf",
            "a checkpoint with carriage returns",
            edit(&plain, "models\\n7\\n", "models\\r\\n7\\r\\n"),
        ),
        malformed("checkpoint-without-signature", "a checkpoint that nobody signed", {
            let (before, after) = plain.split_once("\\n\\n\u{2014}").unwrap();
            format!("{before}\\n\\n{}", after.split_once("\\n").unwrap().1)
        }),
        Case::new(
            "log-unknown",
            "a log that the policy does not list",
            answered(&Log::of("other.example.org/log", 11, &held), INDEX),
        )
        .refused(Reason::LogUnknown),
        Case::new("log-id-of-another-log", "a log id that shares four bytes with the log's", {
            let answer = LogEntry::logged(held[0].clone(), id, log.proof(INDEX)).unwrap();
            line(&bundle(&plain_statement(), &publisher(), answer))
        })
        .refused(Reason::LogIdMismatch),
    ]
}

fn witnesses() -> Vec<Case> {
    let witnessed_twice = witnessed(&[21, 23]);
    let cosignature = witnessed_twice.rsplit_once("w23 ").unwrap().1.split_once('\\').unwrap().0.to_owned();
    let later = {
        let mut bytes = STANDARD.decode(&cosignature).unwrap();
        bytes[11] ^= 1; // the last byte of the time, after the key id
        edit(&witnessed_twice, &cosignature, &STANDARD.encode(bytes))
    };
    let insufficient = |name, why, line: String| {
        Case::new(name, why, line).trust(trust_two_of_three()).refused(Reason::CosignaturesInsufficient)
    };
    vec![
        insufficient("quorum-missed", "one of two witnesses", witnessed(&[22])),
        insufficient("no-cosignature", "no witness at all", witnessed(&[])),
        insufficient(
            "cosignature-of-a-stranger",
            "one of two, and one that the policy does not know",
            witnessed(&[22, 29]),
        ),
        insufficient("cosignature-twice", "one witness counted twice", witnessed(&[22, 22])),
        Case::new(
            "cosignature-altered",
            "the time in a cosignature, though the other would be enough for some",
            later.clone(),
        )
        .trust(trust_two_of_three())
        .refused(Reason::CosignatureInvalid),
        Case::new(
            "cosignature-altered-unneeded",
            "a false line by a witness that the quorum does not need",
            {
                let three = witnessed(&[21, 22, 23]);
                let own = three.rsplit_once("w23 ").unwrap().1.split_once('\\').unwrap().0.to_owned();
                let false_line = later.rsplit_once("w23 ").unwrap().1.split_once('\\').unwrap().0;
                edit(&three, &own, false_line)
            },
        )
        .trust(trust_two_of_three())
        .refused(Reason::CosignatureInvalid),
    ]
}
