//! The program: commands, settings, and what it refuses to start on.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use crate::support::{Client, Desk, Log, NAME, program, shown};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn ran(words: &[&str], desk: &Desk) -> (i32, String) {
    let output = program().arg(words[0]).arg(&desk.dir).args(&words[1..]).output().unwrap();
    (output.status.code().unwrap(), said(&output))
}

#[test]
fn keys_are_encrypted_unless_asked_otherwise_and_for_their_owner_only() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("deep/w");
    let init = program()
        .arg("init")
        .arg(&dir)
        .args(["--name", NAME])
        .env("TALLYMARK_WITNESS_PASSPHRASE", "correct horse")
        .output()
        .unwrap();
    assert!(init.status.success(), "{}", said(&init));
    for name in ["key.pem", "key-ml-dsa.pem"].into_iter().filter(|name| dir.join(name).exists()) {
        assert!(
            std::fs::read_to_string(dir.join(name))
                .unwrap()
                .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        );
        assert_eq!(std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let doctor = |passphrase: &str| {
        program().arg("doctor").arg(&dir).env("TALLYMARK_WITNESS_PASSPHRASE", passphrase).output().unwrap()
    };
    assert_eq!(doctor("correct horse").status.code(), Some(0));
    let wrong = doctor("wrong");
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    let twice = program().arg("init").arg(&dir).args(["--name", NAME, "--unencrypted-key"]).output().unwrap();
    assert_eq!(twice.status.code(), Some(1));
    assert!(said(&twice).contains("not empty"), "{}", said(&twice));
}

#[test]
fn a_log_that_is_added_is_known_to_a_witness_that_runs() {
    let (log, own) = (Log::of("log.example.org/models", 1, 3), Log::of(NAME, 2, 3));
    let desk = Desk::new(&[]);
    let witness = desk.start();
    let mut client = witness.client();
    assert_eq!(client.add(&log.request(0, 3)).status, 404);
    desk.add_log(&log.vkey().to_string(), "1000");
    let known = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        client.add(&log.request(0, 3)).status == 200
    });
    assert!(known);
    assert_eq!(ran(&["add-log", &log.vkey().to_string()], &desk).0, 0, "twice is no fault");
    let (status, words) = ran(&["add-log", &own.vkey().to_string()], &desk);
    assert_eq!(status, 1);
    assert!(words.contains("has the name of this witness"), "{words}");
    let (status, words) = ran(&["add-log", &desk.vkey.to_string()], &desk);
    assert_eq!(status, 2, "a witness is no log: {words}");
    let (status, words) = ran(&["status", "--json"], &desk);
    let told: serde_json::Value = serde_json::from_str(&words).unwrap();
    assert_eq!((status, told["logs"][0]["size"].as_u64()), (0, Some(3)));
}

#[test]
fn lists_of_others_are_read_and_flags_win_over_the_file() {
    let log = Log::of("log.example.org/models", 1, 3);
    let desk = Desk::new(&[]);
    let list = desk.dir.join("../list");
    std::fs::write(&list, format!("logs/v0\n\nvkey {}\nqpd 1\ncontact x\n", log.vkey())).unwrap();
    let config = std::fs::read_to_string(desk.dir.join("witness.toml")).unwrap();
    let set = format!(
        "{config}log-lists = [{:?}]\npath = \"/file\"\nlog-format = \"json\"\n",
        list.display().to_string()
    );
    std::fs::write(desk.dir.join("witness.toml"), &set).unwrap();
    let witness = desk.start();
    assert_eq!(witness.client().post("/file/add-checkpoint", &log.request(0, 3)).unwrap().status, 200);
    witness.kill();
    let witness = desk.start_with(&["--path", "/flag"]);
    assert_eq!(witness.client().post("/flag/add-checkpoint", &log.request(3, 3)).unwrap().status, 200);
    witness.kill();
    std::fs::write(&list, "logs/v1\n").unwrap();
    let (status, words) = ran(&["serve", "--listen", "127.0.0.1:0"], &desk);
    assert_eq!(status, 1);
    assert!(words.contains("logs/v0"), "{words}");
}

#[test]
fn metrics_are_on_the_administration_address_only() {
    let log = Log::of("log.example.org/models", 1, 3);
    let desk = Desk::new(&[&log]);
    let witness = desk.start_with(&["--listen-admin", "127.0.0.1:0"]);
    let mut client = witness.client();
    client.add(&log.request(0, 3));
    assert_eq!(client.get("/metrics").unwrap().status, 404);
    let mut admin = Client::new(witness.admin.unwrap());
    let page = admin.get("/metrics").unwrap().body;
    let line =
        "tallymark_witness_answers_total{route=\"add-checkpoint\",code=\"cosigned\",status=\"200\"} 1\n";
    assert!(page.contains(line) && page.contains("tallymark_witness_cosigned_logs 1\n"), "{page}");
    assert_eq!(admin.post("/add-checkpoint", &log.request(3, 3)).unwrap().status, 404);
    assert_eq!(admin.get("/readyz").unwrap().body, "ok\n");
}

#[test]
fn two_processes_cannot_cosign_from_one_directory() {
    let desk = Desk::new(&[]);
    let witness = desk.start();
    let (status, words) = ran(&["serve", "--listen", "127.0.0.1:0"], &desk);
    assert_eq!(status, 1);
    assert!(words.contains("in use by another process"), "{words}");
    assert!(witness.stop().success());
}

#[test]
fn a_witness_without_its_record_or_with_another_key_does_not_start() {
    let log = Log::of("log.example.org/models", 1, 3);
    let (desk, other) = (Desk::new(&[&log]), Desk::new(&[]));
    let witness = desk.start();
    witness.client().add(&log.request(0, 3));
    witness.kill();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let record = std::fs::read(desk.dir.join("record")).unwrap();
    std::fs::remove_file(desk.dir.join("record")).unwrap();
    let (status, words) = ran(&serve, &desk);
    assert_eq!(status, 5);
    assert!(words.contains("a witness without its record must not cosign"), "{words}");
    std::fs::copy(other.dir.join("record"), desk.dir.join("record")).unwrap();
    let (status, words) = ran(&serve, &desk);
    assert_eq!(status, 1);
    assert!(words.contains("the record of another witness"), "{words}");
    // One bit, anywhere behind the identity.
    for at in (32..record.len()).step_by(7) {
        let mut spoiled = record.clone();
        spoiled[at] ^= 4;
        std::fs::write(desk.dir.join("record"), &spoiled).unwrap();
        let (status, words) = ran(&serve, &desk);
        assert_eq!(status, 1, "byte {at}: {words}");
        assert!(words.contains("damaged in the frame"), "byte {at}: {words}");
    }
    std::fs::write(desk.dir.join("record"), &record).unwrap();
    let key = std::fs::read(desk.dir.join("key.pem")).unwrap();
    std::fs::copy(other.dir.join("key.pem"), desk.dir.join("key.pem")).unwrap();
    let (status, words) = ran(&serve, &desk);
    assert_eq!(status, 1);
    assert!(words.contains("not the key that witness.toml names"), "{words}");
    std::fs::write(desk.dir.join("key.pem"), key).unwrap();
    assert_eq!(shown(&mut desk.start().client(), &log).0, 3);
}

#[test]
fn every_command_has_an_example_and_a_page() {
    let home = tempfile::tempdir().unwrap();
    let man = program().arg("man").arg(home.path()).output().unwrap();
    assert!(man.status.success() && home.path().join("tallymark-witness-serve.1").exists());
    for command in ["init", "add-log", "serve", "status", "doctor", "completions", "man"] {
        let help = program().args([command, "--help"]).output().unwrap();
        assert!(said(&help).contains("Example:\n  tallymark-witness "), "{command}");
    }
}
