//! `sign --oms` and `verify --oms` with the real program: both signatures lie beside one model and neither makes the other false.

#![expect(clippy::expect_used, reason = "a test that cannot set its scene fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        for (path, text) in
            [("model/config.json", "{}\n"), ("model/weights/a.bin", "weights"), ("model/.gitattributes", "x")]
        {
            let path = desk.path(path);
            std::fs::create_dir_all(path.parent().expect("below the desk")).expect("mkdir");
            std::fs::write(path, text).expect("write");
        }
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oms/keys");
        for name in ["p256.pem", "p384.pem", "p521.pem", "p256.pub", "p384.pub", "p521.pub"] {
            let copy = desk.path(name);
            std::fs::copy(keys.join(name), &copy).expect("copy");
            #[cfg(unix)]
            std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("chmod");
        }
        assert!(desk.run(&["keygen", "--key", "key.pem", "--unencrypted"]).status.success());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
        command.current_dir(self.dir.path()).args(args).env_clear().env("HOME", self.path("home"));
        command.output().expect("the program starts")
    }

    /// Signs the model, pending, with more words.
    fn sign(&self, more: &[&str]) -> Output {
        self.run(&[&["sign", "model", "--as", "acme/churn:1", "--pending"][..], more].concat())
    }

    fn verify(&self, key: &str) -> Output {
        self.run(&["verify", "model", "--oms", "--oms-key", key])
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn every_curve_signs_and_the_tree_digest_stays_what_it_was() {
    for curve in ["p256", "p384", "p521"] {
        let desk = Desk::new();
        let before = desk.run(&["hash", "model"]).stdout;
        let key = format!("{curve}.pem");
        let signed = desk.sign(&["--key", "key.pem", "--oms", "--oms-key", &key]);
        assert!(signed.status.success(), "{}", words(&signed));
        assert_eq!(desk.run(&["hash", "model"]).stdout, before);
        let verdict = desk.verify(&format!("{curve}.pub"));
        assert!(verdict.status.success(), "{}", words(&verdict));
        let text = words(&verdict);
        // What is not covered is said.
        for path in [".gitattributes", "model.sig", "tallymark.jsonl", "no log proof"] {
            assert!(text.contains(path), "{path}: {text}");
        }
        std::fs::write(desk.path("model/weights/a.bin"), "Weights").expect("write");
        let verdict = desk.verify(&format!("{curve}.pub"));
        assert_eq!(verdict.status.code(), Some(1), "{}", words(&verdict));
        assert!(words(&verdict).contains("file-changed"), "{}", words(&verdict));
    }
}

#[test]
fn the_signing_key_does_if_it_is_ecdsa_and_not_otherwise() {
    let desk = Desk::new();
    let refused = desk.sign(&["--key", "key.pem", "--oms"]);
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("--oms-key FILE"), "{}", words(&refused));
    assert!(!desk.path("model/model.sig").exists() && !desk.path("model/tallymark.jsonl").exists());
    let signed = desk.sign(&["--key", "p256.pem", "--oms"]);
    assert!(signed.status.success(), "{}", words(&signed));
    assert!(desk.verify("p256.pub").status.success());
}

#[test]
fn a_signature_is_made_again_alike_and_never_replaced() {
    let desk = Desk::new();
    let flags = ["--key", "key.pem", "--oms", "--oms-key", "p256.pem"];
    assert!(desk.sign(&flags).status.success());
    let first = std::fs::read(desk.path("model/model.sig")).expect("a signature");
    assert!(desk.sign(&flags).status.success());
    assert_eq!(std::fs::read(desk.path("model/model.sig")).expect("a signature"), first);
    let other = desk.sign(&["--key", "key.pem", "--oms", "--oms-key", "p384.pem"]);
    assert_eq!(other.status.code(), Some(3), "{}", words(&other));
    assert_eq!(std::fs::read(desk.path("model/model.sig")).expect("a signature"), first);
}

#[test]
fn a_signature_goes_to_its_place_or_outside_the_model() {
    let desk = Desk::new();
    let flags = ["--key", "key.pem", "--oms-key", "p256.pem"];
    let inside = desk.sign(&[&flags[..], &["--oms=model/other.sig"]].concat());
    assert_eq!(inside.status.code(), Some(2), "{}", words(&inside));
    let outside = desk.sign(&[&flags[..], &["--oms=out.sig"]].concat());
    assert!(outside.status.success(), "{}", words(&outside));
    let verdict = desk.run(&["verify", "model", "--oms=out.sig", "--oms-key", "p256.pub"]);
    assert!(verdict.status.success(), "{}", words(&verdict));
}
