//! Where models come from: what else they are known by, and what their headers say.

use serde_json::Value;

use crate::Desk;
use crate::log::TestLog;

/// A file of tensors of one byte each.
fn weights(desk: &Desk, path: &str, tensors: &[(&str, &[u64])]) {
    let (mut header, mut end) = (serde_json::Map::new(), 0_u64);
    for (name, shape) in tensors {
        let begin = end;
        end += shape.iter().product::<u64>();
        let tensor = serde_json::json!({ "dtype": "U8", "shape": shape, "data_offsets": [begin, end] });
        header.insert((*name).to_owned(), tensor);
    }
    let header = Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + usize::try_from(end).expect("small"), 0);
    let path = desk.path(path);
    std::fs::create_dir_all(path.parent().expect("inside the desk")).expect("mkdir");
    std::fs::write(path, bytes).expect("write");
}

fn sign(desk: &Desk, log: &TestLog, model: &str, label: &str, more: &[&str]) {
    let args =
        ["sign", model, "--as", label, "--key", "key.pem", "--log", log.url(), "--log-key", log.vkey()];
    desk.succeed(&[&args[..], more].concat());
}

#[test]
fn headers_speak_for_a_base_or_against_it_and_are_those_of_the_signed_files() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    let base: [(&str, &[u64]); 2] = [("embed.weight", &[10, 4]), ("q.weight", &[8, 4])];
    weights(&desk, "bert/model.safetensors", &base);
    weights(
        &desk,
        "tuned/model.safetensors",
        &[("embed.weight", &[12, 4]), base[1], ("head.weight", &[2, 4])],
    );
    weights(&desk, "other/model.safetensors", &[base[0], ("q.weight", &[9, 4])]);
    sign(&desk, &log, "bert", "acme/bert:1", &[]);
    sign(&desk, &log, "tuned", "acme/tuned:1", &["--base", "bert=bert"]);
    sign(&desk, &log, "other", "acme/other:1", &["--base", "bert=bert"]);
    let lineage = |model: &str, base: &str| {
        let args = ["lineage", model, "--lineage", "bert", "--trust", "trust.toml", "--base", base];
        let output = desk.run(&args);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), err)
    };
    let (code, out, err) = lineage("tuned", "bert");
    let told = "base-model bert as finetune: plausible: 2 of 2 tensors of the base by names and shapes, with 12 rows for 10\n";
    assert!(code == Some(0) && out.ends_with(told), "{out}{err}");
    let (code, out, err) = lineage("other", "bert");
    let told =
        "base-model bert as finetune: implausible: tensor q.weight has shape [9, 4], in the base [8, 4]\n";
    assert!(code == Some(0) && out.ends_with(told), "{out}{err}");
    let (code, _, err) = lineage("tuned", "other");
    assert!(code == Some(3) && err.contains("nothing that the model was made from has"), "{err}");
}

#[test]
fn an_alias_says_which_model_a_file_is() {
    let (desk, log) = (Desk::new(), TestLog::start());
    desk.trust(&log);
    desk.write("one/base.bin", "base");
    sign(&desk, &log, "one", "acme/one:1", &[]);
    let args = [
        "alias",
        "one",
        "--as",
        "acme/one:1",
        "--key",
        "key.pem",
        "--log",
        log.url(),
        "--log-key",
        log.vkey(),
    ];
    desk.refuse(&args, 2, "event");
    let commit = ["--file", "one/base.bin", "--hf-commit", "86b5e0934494bd15c9632b12f734a8a67f723594"];
    let out = desk.succeed(&[&args[..], &commit].concat());
    let content = attest::digest::Sha256Digest::of(b"base");
    assert!(out.contains(&format!("  also       file sha256:{content}\n")), "{out}");
    assert!(out.contains("  also       hfCommit 86b5e0934494bd15c9632b12f734a8a67f723594\n"), "{out}");
    // Who may sign everything may not say what digests mean.
    let output = desk.run(&["verify", "one", "--trust", "trust.toml", "--json"]);
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(seen["notes"][0]["reason"], "signer-unexpected");
}
