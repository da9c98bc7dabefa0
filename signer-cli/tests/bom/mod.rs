//! Bills of materials of models that the real program signed and a real log holds. Each is compared with its picture in
//! `testdata/bom`, which the tests of crate `bom` hold against the official schemas.
//!
//! `PICTURES=overwrite cargo test -p signer-cli --test loop bom` writes the pictures anew, to be read in review.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Desk;
use crate::log::TestLog;

/// Every way to write a bill, and the name of its picture.
const WRITTEN: [(&[&str], &str); 9] = [
    (&["--format", "cyclonedx-1.7"], "cyclonedx-1.7.json"),
    (&["--format", "cyclonedx-1.6"], "cyclonedx-1.6.json"),
    (&["--format", "spdx-3.0"], "spdx-3.0.json"),
    (&["--format", "markdown"], "bill.md"),
    (&["--format", "html"], "bill.html"),
    (&["--check"], "check.txt"),
    (&["--profile", "seed"], "seed.txt"),
    (&["--profile", "eu-annex-xi"], "eu-annex-xi.txt"),
    (&["--profile", "g7"], "g7.txt"),
];
const TIME: &str = "2026-11-27T08:00:00Z";

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("testdata").join(name)
}

/// A desk whose key is a test key, so that the same signature is made every time.
fn desk(log: &TestLog) -> Desk {
    let desk = Desk::new();
    for (from, to) in [("TEST-ed25519.pem", "key.pem"), ("TEST-ed25519.pub.pem", "key.pem.pub")] {
        std::fs::remove_file(desk.path(to)).expect("the key of the desk");
        let key = std::fs::read_to_string(testdata("keys/accept").join(from)).expect("a test key");
        desk.write(to, &key);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(desk.path("key.pem"), private).expect("a private key");
    }
    desk.trust(log);
    desk
}

/// Copies a directory of the evidence onto the desk.
fn lay(desk: &Desk, from: &str, to: &str) {
    let mut open = vec![(testdata(from), desk.path(to))];
    while let Some((from, to)) = open.pop() {
        std::fs::create_dir_all(&to).expect("mkdir");
        for entry in from.read_dir().expect("a directory of the evidence") {
            let path = entry.expect("readable").path();
            let to = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                open.push((path, to));
            } else {
                std::fs::copy(&path, &to).expect("copied");
            }
        }
    }
}

/// A checkout whose commit is the same every time.
fn checkout(desk: &Desk) {
    desk.write("code/train.py", "print('training')\n");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(desk.path("code")).env("HOME", desk.path("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_AUTHOR_DATE", "2026-11-27T07:00:00Z").env("GIT_COMMITTER_DATE", "2026-11-27T07:00:00Z");
        git.args([
            "-c",
            "user.name=nobody",
            "-c",
            "user.email=nobody@example.org",
            "-c",
            "commit.gpgsign=false",
        ]);
        assert!(git.args(words).output().expect("git").status.success(), "{words:?}");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["remote", "add", "origin", "https://git.example.org/ml/churn"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "train"]);
}

fn attest(desk: &Desk, log: &TestLog, model: &str, more: &[&str]) {
    let args = ["attest", "train", model, "--as", "acme/churn:2026.1", "--key", "key.pem"];
    desk.succeed(&[&args[..], &["--log", log.url(), "--trust", "trust.toml"], more].concat());
}

fn bill(desk: &Desk, model: &str, more: &[&str]) -> String {
    let args = ["bom", model, "--trust", "trust.toml", "--timestamp", TIME];
    desk.succeed(&[&args[..], more].concat())
}

/// Compares with the pictures, or writes them.
#[track_caller]
fn assert_as_pictured(desk: &Desk, model: &str, also: &[&str], case: &str) {
    for (more, name) in WRITTEN {
        let more = [more, also].concat();
        let seen = bill(desk, model, &more);
        assert_eq!(seen, bill(desk, model, &more), "{name}: the same statements make the same bytes");
        let path = testdata("bom").join(case).join(name);
        if std::env::var_os("PICTURES").is_some_and(|value| value == "overwrite") {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
            std::fs::write(&path, &seen).expect("written");
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(seen == wanted, "{} is not what is seen:\n{seen}", path.display());
    }
}

#[test]
fn bom_of_a_model_with_everything_that_tools_recorded() {
    let log = TestLog::start();
    let desk = desk(&log);
    checkout(&desk);
    lay(&desk, "collect/weights/safetensors-sharded/model", "churn");
    for name in ["README.md", "config.json"] {
        let text =
            std::fs::read_to_string(testdata("collect/hugging-face/local").join(name)).expect("a card");
        desk.write(&format!("churn/{name}"), &text);
    }
    for (from, to) in [
        ("collect/mlflow/database", "mlflow"),
        ("collect/wandb/offline", "wandb-run"),
        ("collect/environment/uv-lock/input", "environment"),
        ("collect/documents/croissant-1-1", "sheets"),
        ("collect/documents/datasheet", "sheets"),
        ("collect/registries/sagemaker", "registry"),
    ] {
        lay(&desk, from, to);
    }
    let sources = [
        "--from",
        "mlflow:da4b169de15640df9c0a9f7a101c80b8@mlflow",
        "--from",
        "wandb:wandb-run",
        "--from",
        "environment:environment",
        "--from",
        "croissant:sheets/croissant.json",
        "--from",
        "datasheet:sheets/datasheet.md",
        "--from",
        "sagemaker:registry/model-package.json",
    ];
    let inputs = ["--data", "calls=data", "--base", "acme/base=base", "--code", "code"];
    attest(&desk, &log, "churn", &[&sources[..], &inputs].concat());
    assert_as_pictured(&desk, "churn", &[], "full");
}

#[test]
fn bom_of_a_model_that_was_only_signed() {
    let log = TestLog::start();
    let desk = desk(&log);
    let sign = [
        "sign",
        "model",
        "--as",
        "acme/churn:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--trust",
        "trust.toml",
    ];
    desk.succeed(&sign);
    assert_as_pictured(&desk, "model", &[], "bare");
}

/// What others signed: the owner of the data, who tested the model, who let it out.
#[test]
fn bom_of_a_model_with_what_was_signed_about_its_data_and_after_its_training() {
    let log = TestLog::start();
    let desk = desk(&log);
    let public = ["--key", "key.pem", "--log", log.url(), "--trust", "trust.toml"];
    let signed = |words: &[&str]| desk.succeed(&[words, &public].concat());
    desk.write("DATASHEET.md", "# Motivation\n");
    desk.write("results.json", "{\"test\": {\"auc\": 0.910}}\n");
    let dataset = ["attest", "dataset", "data", "--as", "acme/customers:v4", "--licence", "CC-BY-4.0"];
    let told = ["--datasheet", "DATASHEET.md", "--personal-data", "present", "--derived-from", "raw=base"];
    let from = [
        "--source",
        "https://data.example.org/customers",
        "--collected-from",
        "2024-01-01",
        "--collected-to",
    ];
    signed(&[&dataset[..], &told, &from, &["2026-10-31"]].concat());
    signed(&["attest", "dataset", "base", "--as", "acme/raw:v1"]);
    attest(&desk, &log, "model", &["--data", "train=data", "--base", "bert=base"]);
    let name = ["--as", "acme/churn:2026.1"];
    signed(
        &[&["attest", "eval", "results.json", "--model", "model", "--threshold", "auc>=0.9"][..], &name]
            .concat(),
    );
    signed(&[&["approve", "model", "--stage", "production", "--text", "as agreed"][..], &name].concat());
    signed(&[&["promote", "model", "--stage", "production"][..], &name].concat());
    signed(&[&["deploy", "model", "--environment", "eu-west-1"][..], &name].concat());
    assert_as_pictured(&desk, "model", &["--dataset", "data"], "beside");
    // The bundle file itself will do, as will a copy of it in the model's own.
    let seen = bill(&desk, "model", &["--dataset", "data"]);
    assert_eq!(seen, bill(&desk, "model", &["--dataset", "data/tallymark.jsonl"]));
    let without = bill(&desk, "model", &[]);
    assert_ne!(seen, without);
    // What was signed of other data says nothing of these; a base model is no dataset.
    let args = ["bom", "model", "--trust", "trust.toml", "--timestamp", TIME, "--dataset", "base"];
    let other = desk.run(&args);
    assert_eq!(String::from_utf8_lossy(&other.stdout), without);
    assert!(String::from_utf8_lossy(&other.stderr).contains("base/tallymark.jsonl has no statement"));
}

/// A card whose author means harm: tags, links, ends of cells, text that runs backwards, and texts as long as they may be.
#[test]
fn bom_is_not_steered_by_what_a_model_card_says() {
    let log = TestLog::start();
    let desk = desk(&log);
    let card = format!(
        "---\nlicense: \"</style><script>alert(1)</script>\"\nlicense_link: \"javascript:alert(1)\"\n\
         pipeline_tag: \"`|[x](javascript:alert(1))\"\nlibrary_name: \"]]>--><!--\"\ndatasets:\n- \"a\\u202eb\"\n- \"a/b~c\\\"d'e\"\n\
         base_model: \"](http://x.example)\\u200b\"\nlanguage: \"{}\"\nmodel-index:\n- results:\n  - metrics:\n    - type: \"<img src=x onerror=alert(1)>\"\n      value: 1\n---\n",
        "x".repeat(4000)
    );
    desk.write("model/README.md", &card);
    attest(&desk, &log, "model", &["--data", "train=data"]);
    assert_as_pictured(&desk, "model", &[], "hostile");

    let html = bill(&desk, "model", &["--format", "html"]);
    for bad in [
        "<script",
        "<img",
        "</style><",
        "javascript:alert(1)\"",
        "href=\"h",
        "href=\"j",
        "\u{202e}",
        "\u{200b}",
    ] {
        assert!(!html.contains(bad), "{bad}");
    }
    assert_eq!(html.matches("<style>").count(), 1);
    for (more, name) in WRITTEN {
        let text = bill(&desk, "model", more);
        assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{name}");
    }
    for format in ["html", "markdown"] {
        let text = bill(&desk, "model", &["--format", format]);
        assert!(!text.contains(&"x".repeat(1000)), "{format} shows a text of 4,000 characters");
    }
}

/// What only the program that started the run can have seen.
#[test]
fn bom_of_a_run_that_was_watched_has_its_command_and_log() {
    let log = TestLog::start();
    let desk = desk(&log);
    desk.write("train.sh", "echo weights > out/weights.bin; echo done\n");
    std::fs::create_dir(desk.path("out")).expect("mkdir");
    let run = ["run", "--out", "out", "--as", "acme/churn:1", "--data", "train=data", "--key", "key.pem"];
    desk.succeed(
        &[&run[..], &["--log", log.url(), "--trust", "trust.toml", "--", "sh", "train.sh"]].concat(),
    );
    let text = desk.succeed(&["bom", "out", "--trust", "trust.toml", "--check", "--json"]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let grade = |name: &str| {
        let sections = value["sections"].as_array().expect("sections").iter();
        let mut fields = sections.flat_map(|section| section["fields"].as_array().expect("fields"));
        fields.find(|field| field["field"] == name).expect("a field")["grade"].clone()
    };
    for field in ["command", "run-time", "training-log", "dataset-digest", "digest"] {
        assert_eq!(grade(field), "verified", "{field}");
    }
    assert_eq!((grade("evaluation"), grade("known-bias")), ("missing".into(), "missing".into()));
    // Without --timestamp the time is the end of the run, so that the bill stays the same.
    assert_eq!(
        desk.succeed(&["bom", "out", "--trust", "trust.toml"]),
        desk.succeed(&["bom", "out", "--trust", "trust.toml"])
    );
}

#[test]
fn there_is_no_bill_of_a_model_that_does_not_verify_unless_it_says_so_on_top() {
    let log = TestLog::start();
    let desk = desk(&log);
    desk.succeed(&[
        "sign",
        "model",
        "--as",
        "acme/churn:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--trust",
        "trust.toml",
    ]);
    desk.write("model/config.json", "changed");
    let args = ["bom", "model", "--trust", "trust.toml", "--timestamp", TIME];
    let refused = desk.run(&args);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--unverified"));
    // Nobody is trusted: the exit status of `verify` for that.
    assert_eq!(desk.run(&["bom", "model"]).status.code(), desk.run(&["verify", "model"]).status.code());

    for (more, name) in WRITTEN {
        let text = desk.succeed(&[&args[..], &["--unverified"], more].concat());
        assert!(text.contains("UNVERIFIED"), "{name}");
        assert!(!text.contains("\"citations\""), "{name}");
    }
    let check = desk.succeed(&[&args[..], &["--unverified", "--check", "--json"]].concat());
    let value: Value = serde_json::from_str(&check).expect("JSON");
    assert_eq!((&value["shares"]["verified"], &value["standing"]), (&0.into(), &"unverified".into()));
}

#[test]
fn bom_fails_if_less_is_verified_than_was_asked_for() {
    let log = TestLog::start();
    let desk = desk(&log);
    desk.succeed(&[
        "sign",
        "model",
        "--as",
        "acme/churn:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--trust",
        "trust.toml",
    ]);
    let args = ["bom", "model", "--trust", "trust.toml", "--check"];
    desk.succeed(&[&args[..], &["--require-verified", "5"]].concat());
    assert_eq!(desk.run(&[&args[..], &["--require-verified", "100"]].concat()).status.code(), Some(3));
}

#[test]
fn bom_goes_to_a_file_if_one_is_named() {
    let log = TestLog::start();
    let desk = desk(&log);
    desk.succeed(&[
        "sign",
        "model",
        "--as",
        "acme/churn:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--trust",
        "trust.toml",
    ]);
    let out = bill(&desk, "model", &["--format", "html", "--out", "bill.html"]);
    let written = std::fs::read_to_string(desk.path("bill.html")).expect("written");
    assert_eq!((out.as_str(), written), ("", bill(&desk, "model", &["--format", "html"])));
}
