//! sign-subtree: only of trees that this witness cosigned.
#![cfg(feature = "ml-dsa")]

use merkle::subtree::Subtree;
use tlog::cosignature::ml_dsa;
use tlog::note::NoteSignature;

use crate::support::{Desk, Log, path_of};

const ORIGIN: &str = "log.example.org/models";

#[test]
fn a_subtree_of_a_cosigned_tree_is_cosigned_without_a_time() {
    let log = Log::of(ORIGIN, 1, 14);
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    client.add(&log.request(0, 14));
    let cosigned = client.get(&path_of(&log)).unwrap().body;
    for range in [8..13, 0..14, 0..8, 4..6, 13..14] {
        let subtree = Subtree::new(range.clone()).unwrap();
        let body =
            format!("subtree {} {}\n{}\n{cosigned}", range.start, range.end, log.subtree_proof(subtree, 14));
        let answer = client.post("/sign-subtree", &body).unwrap();
        assert_eq!(answer.status, 200, "{range:?}: {}", answer.body);
        let line: NoteSignature = answer.body.strip_suffix('\n').unwrap().parse().unwrap();
        let origin = ORIGIN.parse().unwrap();
        let verified =
            ml_dsa::verify_subtree(&desk.ml_dsa, &line, &origin, subtree, &log.subtree_hash(subtree))
                .unwrap();
        assert_eq!(verified.timestamp().get(), 0);
    }
}

#[test]
fn each_fault_has_its_status() {
    let log = Log::of(ORIGIN, 1, 14);
    let desk = Desk::new(&[&log]);
    let witness = desk.start();
    let mut client = witness.client();
    client.add(&log.request(0, 14));
    let cosigned = client.get(&path_of(&log)).unwrap().body;
    let subtree = Subtree::new(8..13).unwrap();
    let proof = log.subtree_proof(subtree, 14);
    let mut ask = |above: &str, checkpoint: &str| {
        let answer = client.post("/sign-subtree", &format!("{above}\n{checkpoint}")).unwrap();
        (answer.status, answer.code().1.to_owned())
    };
    let is = |status, code: &str| (status, code.to_owned());
    let good = format!("subtree 8 13\n{proof}");
    assert_eq!(ask(&good.replace("8 13", "7 13"), &cosigned), is(400, "malformed"));
    assert_eq!(ask(&good.replace("8 13", "8 15"), &cosigned), is(400, "malformed"));
    let stranger = cosigned.replace("log.example.org/models\n14", "log.example.org/other\n14");
    assert_eq!(ask(&good, &stranger), is(404, "unknown-origin"));
    // The log's signature alone; another tree under our lines; one good line of ours beside one that is not.
    assert_eq!(ask(&good, &log.checkpoint(14)), is(403, "not-cosigned"));
    assert_eq!(ask(&good, &cosigned.replace("\n14\n", "\n15\n")), is(403, "not-cosigned"));
    let lines: Vec<&str> = cosigned.lines().collect();
    let (ed25519, ml_dsa) = (lines[lines.len() - 2], lines[lines.len() - 1]);
    let text = &cosigned[..cosigned.find("\n\n").unwrap() + 2];
    assert_eq!(ask(&good, &format!("{text}{ed25519}\n")).0, 200);
    assert_eq!(ask(&good, &format!("{text}{ml_dsa}\n")).0, 200);
    let spoiled = ml_dsa.replacen("AAAA", "AAAB", 1);
    let spoiled =
        if spoiled == ml_dsa { format!("{}{}", &ml_dsa[..ml_dsa.len() - 8], "AAAAAAA=") } else { spoiled };
    assert_eq!(ask(&good, &format!("{text}{ed25519}\n{spoiled}\n")), is(403, "not-cosigned"));
    assert_eq!(ask(&format!("subtree 8 12\n{proof}"), &cosigned), is(422, "proof"));
    let short =
        proof.lines().take(proof.lines().count() - 1).map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(ask(&format!("subtree 8 13\n{short}"), &cosigned), is(422, "proof"));
}

#[test]
fn without_an_ml_dsa_key_there_is_no_such_path() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("w");
    let mut init = crate::support::program();
    init.arg("init").arg(&dir).args(["--name", "w", "--unencrypted-key", "--no-ml-dsa", "--json"]);
    let made: serde_json::Value = serde_json::from_slice(&init.output().unwrap().stdout).unwrap();
    assert!(made["vkey-ml-dsa"].is_null() && !dir.join("key-ml-dsa.pem").exists());
}
