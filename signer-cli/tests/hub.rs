//! `tallymark verify hf://... --no-download` beside a hub of our own on the loopback, which counts what is asked of it.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use attest::digest::Sha256Digest;
use serde_json::{Value, json};

const COMMIT: &str = "9a3e5f0c1d2b4a6978879695a4b3c2d1e0f1a2b3";

/// Answers by path: status, headers, body. A path that is not there is 404.
type Answers = BTreeMap<String, (u16, Vec<(String, String)>, Vec<u8>)>;

/// A hub with one model; ends with the test's process.
struct Hub {
    address: SocketAddr,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answers, asked) = (Arc::new(Mutex::new(Answers::new())), Arc::new(Mutex::new(Vec::new())));
        let (shared, heard) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, heard) = (Arc::clone(&shared), Arc::clone(&heard));
                // A client that went away in the middle is its own affair.
                std::thread::spawn(move || drop(answer(stream.unwrap(), &shared, &heard)));
            }
        });
        Self { address, answers, asked }
    }

    /// The hub with that model, whose files of at least `large` bytes it knows by their digests.
    fn with(model: &Path, large: usize) -> Self {
        let hub = Self::new();
        hub.set("/api/models/acme/churn/revision/v2", json!({ "sha": COMMIT }));
        let mut items = vec![json!({ "type": "directory", "path": "sub", "size": 0, "oid": "00" })];
        for path in files(model) {
            let bytes = fs::read(model.join(&path)).unwrap();
            let mut item = json!({ "type": "file", "path": path, "size": bytes.len(), "oid": "00" });
            if bytes.len() >= large && path != "tallymark.jsonl" {
                let oid = Sha256Digest::of(&bytes).to_string();
                item["lfs"] = json!({ "oid": oid, "size": bytes.len(), "pointerSize": 134 });
            } else {
                hub.file(&path, bytes);
            }
            items.push(item);
        }
        hub.set(&tree(), Value::from(items));
        hub
    }

    fn set(&self, path: &str, body: Value) {
        self.set_all(path, 200, &[], body.to_string().into_bytes());
    }

    fn file(&self, path: &str, bytes: Vec<u8>) {
        self.set_all(&format!("/acme/churn/resolve/{COMMIT}/{path}"), 200, &[], bytes);
    }

    fn set_all(&self, path: &str, status: u16, headers: &[(&str, &str)], body: Vec<u8>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.answers.lock().unwrap().insert(path.to_owned(), (status, headers, body));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let body = self.answers.lock().unwrap()[&tree()].2.clone();
        let mut items: Vec<Value> = serde_json::from_slice(&body).unwrap();
        change(&mut items);
        self.set(&tree(), Value::from(items));
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn verify(&self, words: &[&str]) -> (i32, String, String) {
        verify(&self.url(), &[&["hf://acme/churn@v2", "--no-download"], words].concat(), None)
    }
}

fn tree() -> String {
    format!("/api/models/acme/churn/tree/{COMMIT}?recursive=true")
}

fn answer(
    mut stream: TcpStream,
    answers: &Mutex<Answers>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut said = path.clone();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.to_ascii_lowercase().starts_with("authorization:") {
                said.push_str(" with a token");
            }
            if header.trim().is_empty() {
                break;
            }
        }
        asked.lock().unwrap().push(said);
        let found = answers.lock().unwrap().get(&path).cloned();
        let (status, headers, body) = found.unwrap_or((404, Vec::new(), b"{}".to_vec()));
        let mut whole = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in headers {
            whole.extend(format!("{name}: {value}\r\n").bytes());
        }
        whole.extend(b"\r\n");
        whole.extend(body);
        stream.write_all(&whole)?;
    }
}

/// The paths of all files, with `/` between their parts.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/plain")
}

fn verify(endpoint: &str, words: &[&str], token: Option<&str>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallymark"));
    command.env_clear().env("HF_ENDPOINT", endpoint).current_dir(case());
    command.args(["verify", "--trust", "trust.toml"]).args(words);
    if let Some(token) = token {
        command.env("HF_TOKEN", token);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_model_is_judged_by_the_digests_of_the_hub_and_no_weights_are_asked_for() {
    let hub = Hub::with(&case().join("model"), 1);
    let (code, out, err) = hub.verify(&[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("OFFERED") && !out.contains("VERIFIED"), "{out}");
    assert!(
        out.contains("  --  contents      3 files, 115 B, all as signed, by the word of whoever offers them"),
        "{out}"
    );
    assert!(out.contains(&format!("hf download acme/churn --revision {COMMIT} --local-dir DIR")), "{out}");
    let asked = hub.asked.lock().unwrap().clone();
    let wanted = [
        "/api/models/acme/churn/revision/v2".to_owned(),
        tree(),
        format!("/acme/churn/resolve/{COMMIT}/tallymark.jsonl"),
    ];
    assert_eq!(asked, wanted);
    let (_, out, _) = hub.verify(&["--json"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["verdict"], &said["exit_code"]), (&"offered".into(), &0.into()));
    assert_eq!(said["steps"][8]["outcome"], "unknown");
    assert_eq!(said["not_checked"][0], "contents");
}

#[test]
fn small_files_that_the_hub_has_no_digest_of_are_read() {
    let hub = Hub::with(&case().join("model"), usize::MAX);
    let (code, out, err) = hub.verify(&[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("3 files of 115 bytes on the hub; 3 of them read, 115 bytes"), "{err}");
    // One byte of one of them.
    let path = format!("/acme/churn/resolve/{COMMIT}/config.json");
    let mut bytes = hub.answers.lock().unwrap()[&path].2.clone();
    bytes[0] ^= 1;
    hub.file("config.json", bytes.clone());
    let (code, out, _) = hub.verify(&[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("file-changed"), "{out}");
    // Longer or shorter than the list says.
    bytes.push(0);
    hub.file("config.json", bytes);
    assert_eq!(hub.verify(&[]).0, 4);
    hub.file("config.json", Vec::new());
    assert_eq!(hub.verify(&[]).0, 4);
}

#[test]
fn a_changed_a_missing_and_an_added_file_on_the_hub_are_refused_before_anything_is_fetched() {
    let model = case().join("model");
    let weights =
        |items: &mut Vec<Value>| items.iter().position(|item| item["path"] == "model.safetensors").unwrap();
    let hub = Hub::with(&model, 1);
    hub.change(|items| {
        let at = weights(items);
        items[at]["lfs"]["oid"] = "00".repeat(32).into();
    });
    let (code, out, _) = hub.verify(&[]);
    assert_eq!(code, 1);
    assert!(out.contains("file-changed") && out.contains("model.safetensors"), "{out}");
    let hub = Hub::with(&model, 1);
    hub.change(|items| {
        let at = weights(items);
        drop(items.remove(at));
    });
    assert!(hub.verify(&[]).1.contains("file-missing"));
    let hub = Hub::with(&model, 1);
    hub.change(|items| items.push(json!({ "type": "file", "path": "modeling.py", "size": 2 })));
    hub.file("modeling.py", b"x\n".to_vec());
    let (code, out, _) = hub.verify(&[]);
    assert_eq!(code, 1);
    assert!(out.contains("file-unexpected") && out.contains("modeling.py"), "{out}");
}

#[test]
fn a_model_without_a_bundle_file_or_of_another_name_is_refused() {
    let hub = Hub::with(&case().join("model"), 1);
    let (code, out, _) = hub.verify(&["--name", "acme/other"]);
    assert_eq!(code, 3);
    assert!(out.contains("name-unexpected"), "{out}");
    hub.change(|items| items.retain(|item| item["path"] != "tallymark.jsonl"));
    let (code, out, _) = hub.verify(&[]);
    assert_eq!(code, 3);
    assert!(out.contains(&format!("no bundle file at hf://acme/churn@{COMMIT}/tallymark.jsonl")), "{out}");
}

#[test]
fn the_list_goes_on_over_pages_of_the_same_hub_alone() {
    let hub = Hub::with(&case().join("model"), 1);
    let body = hub.answers.lock().unwrap()[&tree()].2.clone();
    let mut first: Vec<Value> = serde_json::from_slice(&body).unwrap();
    let second = first.split_off(2);
    let next = format!("{}&cursor=x", tree());
    let link = format!("<{}{next}>; rel=\"next\"", hub.url());
    hub.set(&next, Value::from(second));
    hub.set_all(&tree(), 200, &[("link", &link)], Value::from(first.clone()).to_string().into_bytes());
    let (code, out, err) = hub.verify(&[]);
    assert_eq!(code, 0, "{out}{err}");
    let other = Hub::new();
    let link = format!("<{}{next}>; rel=\"next\"", other.url());
    hub.set_all(&tree(), 200, &[("link", &link)], Value::from(first).to_string().into_bytes());
    let (code, _, err) = hub.verify(&[]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("next page at"), "{err}");
    // A page that is its own next one.
    let link = format!("<{}{}>; rel=\"next\"", hub.url(), tree());
    hub.set_all(&tree(), 200, &[("link", &link)], b"[]".to_vec());
    let (code, _, err) = hub.verify(&[]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("more than 1000 pages"), "{err}");
}

#[test]
fn what_is_no_answer_is_never_a_verdict() {
    let revision = "/api/models/acme/churn/revision/v2";
    let model = case().join("model");
    let item = |path: &str| json!([{ "type": "file", "path": path, "size": 1, "lfs": { "oid": "0".repeat(64), "size": 1 } }]);
    let large = json!([{ "type": "file", "path": "w.bin", "size": 17 << 20 }]);
    let other_size =
        json!([{ "type": "file", "path": "w", "size": 2, "lfs": { "oid": "0".repeat(64), "size": 1 } }]);
    for (path, status, body, wanted) in [
        (revision, 404, json!({}), 5),
        (revision, 401, json!({}), 5),
        (revision, 500, json!({}), 5),
        (revision, 200, json!([]), 4),
        (revision, 200, json!({ "sha": "main" }), 4),
        (revision, 200, json!({ "sha": "../../../../../../../../../../../../../xy" }), 4),
        (&tree(), 200, json!({}), 4),
        (&tree(), 200, json!([{ "type": "link", "path": "a" }]), 4),
        (&tree(), 200, item("../a"), 1),
        (&tree(), 200, item("/a"), 1),
        (&tree(), 200, item("a\\b"), 1),
        (&tree(), 200, Value::from([item("A")[0].clone(), item("a")[0].clone()].to_vec()), 1),
        (&tree(), 200, large, 4),
        (&tree(), 200, other_size, 4),
    ] {
        let hub = Hub::with(&model, 1);
        hub.set_all(path, status, &[], body.to_string().into_bytes());
        let (code, out, err) = hub.verify(&[]);
        assert_eq!(code, wanted, "{path} {status} {body}: {out}{err}");
        assert!(out.is_empty() && err.contains("hint: "), "{out}{err}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(verify(&format!("http://{nobody}"), &["hf://acme/churn", "--no-download"], None).0, 5);
    let hub = Hub::with(&model, 1);
    hub.set_all(&tree(), 200, &[], vec![b' '; (16 << 20) + 1]);
    let (code, _, err) = hub.verify(&[]);
    assert_eq!(code, 4);
    assert!(err.contains("more than 16777216 bytes"), "{err}");
}

#[test]
fn redirects_are_followed_a_few_times_and_a_token_stays_with_its_hub() {
    let hub = Hub::with(&case().join("model"), 1);
    let elsewhere = Hub::new();
    let bundle = format!("/acme/churn/resolve/{COMMIT}/tallymark.jsonl");
    let bytes = hub.answers.lock().unwrap()[&bundle].2.clone();
    elsewhere.set_all("/cdn", 200, &[], bytes);
    hub.set_all(&bundle, 302, &[("location", &format!("{}/cdn", elsewhere.url()))], Vec::new());
    let words = ["hf://acme/churn@v2", "--no-download"];
    let (code, out, err) = verify(&hub.url(), &words, Some("hf_abc"));
    assert_eq!(code, 0, "{out}{err}");
    assert!(hub.asked.lock().unwrap().iter().all(|asked| asked.ends_with(" with a token")));
    assert_eq!(*elsewhere.asked.lock().unwrap(), ["/cdn"]);
    hub.set_all(&bundle, 302, &[("location", &bundle)], Vec::new());
    let (code, _, err) = hub.verify(&[]);
    assert_eq!(code, 5, "{err}");
    let (code, _, err) = verify("http://hub.example.org", &words, Some("hf_abc"));
    assert_eq!(code, 2);
    assert!(err.contains("would go unencrypted"), "{err}");
}

#[test]
fn a_verdict_about_files_is_not_given_without_the_files() {
    let hub = Hub::with(&case().join("model"), 1);
    for words in [
        &["hf://acme/churn@v2"][..],
        &["hf://acme/churn@v2", "--no-download", "--bundle", "x"],
        &["hf://../churn", "--no-download"],
        &["model", "--no-download"],
    ] {
        let (code, out, err) = verify(&hub.url(), words, None);
        assert_eq!(code, 2, "{words:?}: {out}{err}");
        assert!(err.contains("hint: "), "{err}");
    }
    assert!(hub.asked.lock().unwrap().is_empty());
}
