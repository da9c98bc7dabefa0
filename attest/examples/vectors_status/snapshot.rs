//! Snapshots: to accept, malformed, and those that show nothing.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use merkle::{Frontier, LeafHash};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};

use crate::world::{MODEL, OTHER, UNKNOWN, World};
use crate::{edited, put};

pub(crate) fn write(world: &World, folder: &Path) {
    let text = |subject: &str, checkpoint| {
        String::from_utf8(world.snapshot(subject, checkpoint).to_json_line()).unwrap()
    };
    let good = |name: &str, text: &str| put(&folder.join("accept").join(name), text);
    let example = text(MODEL, Some(world.checkpoint()));
    good("example.json", &example);
    good("without-checkpoint.json", &text(MODEL, None));
    good("one-mention.json", &text(OTHER, None));
    let none = text(UNKNOWN, None);
    good("nothing-said.json", &none);

    let reject = |reason: &str, name: &str, text: &str| {
        put(&folder.join("reject").join(reason).join(name), text);
    };
    let mention = |index: u64| {
        let start = example.find(&format!("{{\"logIndex\":\"{index}\"")).unwrap();
        let end = start + example[start..].find('}').unwrap() + 1;
        example[start..end].to_owned()
    };
    reject("MediaType", "version-2.json", &edited(&example, "status.v1", "status.v2"));
    reject("Field", "unknown-member.json", &edited(&example, "\"subject\"", "\"age\":1,\"subject\""));
    reject("Field", "no-proof.json", &edited(&example, "\"proof\"", "\"prove\""));
    reject("NotCanonical", "white-space.json", &edited(&example, ",\"proof\"", ", \"proof\""));
    reject(
        "Unsorted",
        "mention-twice.json",
        &edited(&example, &mention(4), &format!("{},{}", mention(4), mention(4))),
    );
    let swapped = edited(
        &example,
        &format!("{},{}", mention(4), mention(5)),
        &format!("{},{}", mention(5), mention(4)),
    );
    reject("Unsorted", "mentions-swapped.json", &swapped);
    reject(
        "Index.DecimalLeadingZero",
        "index-with-zero.json",
        &edited(&example, "\"logIndex\":\"4\"", "\"logIndex\":\"04\""),
    );
    reject("Digest.BadDigit", "subject-upper-case.json", &edited(&example, MODEL, &MODEL.to_uppercase()));
    let many = vec![mention(1); 1025].join(",");
    reject("TooManyMentions", "a-thousand-and-more.json", &edited(&example, &mention(1), &many));
    let proof = example.split("\"proof\":\"").nth(1).unwrap().split('"').next().unwrap();
    let bytes = STANDARD.decode(proof).unwrap();
    let cut = STANDARD.encode(&bytes[..bytes.len() - 1]);
    reject("Proof.Length", "proof-cut-off.json", &edited(&example, proof, &cut));
    reject("ProofText.Base64", "proof-not-base64.json", &edited(&example, proof, &format!("{proof}!")));
    reject("ProofTooLong", "proof-too-long.json", &edited(&example, proof, &"A".repeat(11_060)));
    reject(
        "Status.Header",
        "status-version-2.json",
        &edited(&example, "tallymark-status/v1", "tallymark-status/v2"),
    );
    reject(
        "Json.DuplicateKey",
        "subject-twice.json",
        &edited(&example, "\"mentions\"", &format!("\"subject\":\"{MODEL}\",\"mentions\"")),
    );

    let refused = |reason: &str, name: &str, text: &str| {
        put(&folder.join("refused").join(reason).join(name), text);
    };
    // The bypass that all this is for: one line of the story is left out.
    refused("OtherMentions", "mention-left-out.json", &edited(&example, &format!(",{}", mention(5)), ""));
    let all = (1..8).filter(|index| *index != 3).map(mention).collect::<Vec<_>>().join(",");
    refused("OtherMentions", "all-left-out.json", &edited(&example, &all, ""));
    refused(
        "OtherMentions",
        "mention-made-up.json",
        &edited(&none, "\"mentions\":[]", &format!("\"mentions\":[{}]", mention(1))),
    );
    let (first, other) = (mention(1), mention(2));
    let renumbered = edited(
        &example,
        &format!("{first},{other}"),
        &format!("{},{other}", first.replace("\"1\"", "\"0\"")),
    );
    refused("OtherMentions", "mention-moved.json", &renumbered);
    let its_proof = none.split("\"proof\":\"").nth(1).unwrap().split('"').next().unwrap();
    let borrowed = edited(&edited(&example, proof, its_proof), &all, "");
    refused("Proof", "proof-of-another-digest.json", &borrowed);
    refused("Proof", "other-subject.json", &edited(&none, UNKNOWN, MODEL));
    // The proof ends in the leaf of this very digest.
    refused("OtherMentions", "said-nothing-of-something.json", &edited(&none, UNKNOWN, OTHER));
    let status = world.text();
    let map = status.lines().nth(4).unwrap();
    let other_map = STANDARD.encode([7; 32]);
    refused("Proof.RootMismatch", "other-map.json", &edited(&example, map, &other_map));
    let beyond = edited(&example, "\"logIndex\":\"7\"", "\"logIndex\":\"8\"");
    refused("BeyondTree", "entry-beyond-the-tree.json", &beyond);
    let mut tree = Frontier::new();
    tree.append(LeafHash::of(b"another tree")).unwrap();
    let checkpoint = Checkpoint::new(world.log.vkey().name().into(), tree.head()).to_string();
    let checkpoint = SignedCheckpoint::parse(&world.signed(&checkpoint)).unwrap();
    refused("OtherCheckpoint", "checkpoint-of-another-tree.json", &text(MODEL, Some(checkpoint)));
}
