//! Writes `testdata/oms/accept` and `testdata/oms/reject`: OMS signatures of ours, one fault each in what is to be refused.
//!
//! `cargo run -p verifier --example vectors_oms -- testdata/oms`. The key lies in `testdata/oms/keys`; signatures are
//! deterministic, so a second run gives the same bytes. What `model_signing` wrote lies in `peer` and is never touched.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a generator that fails must stop")]

use std::fs;
use std::path::{Path, PathBuf};

use attest::digest::{Sha256, Sha256Digest};
use attest::oms::{OmsBundle, OmsSigningKey};
use serde_json::{Value, json};
use verifier::Reason;

const CONFIG: &[u8] = b"{\"layers\":2}\n";
const WEIGHTS: &[u8] = b"0123456789";

/// A model, its bundle and what is done to them. The key is `keys/p256.pub` unless said otherwise.
struct Case {
    name: &'static str,
    why: &'static str,
    reason: Option<Reason>,
    files: Vec<(&'static str, &'static [u8])>,
    links: Vec<(&'static str, &'static str)>,
    statement: Vec<u8>,
    bundle: fn(String) -> String,
    key: Option<&'static str>,
}

fn resource(name: &str, content: &[u8]) -> Value {
    json!({"name": name, "algorithm": "sha256", "digest": Sha256Digest::of(content).to_string()})
}

fn root(resources: &[Value]) -> String {
    let mut hasher = Sha256::new();
    for resource in resources {
        let digest: Sha256Digest = resource["digest"].as_str().unwrap().parse().unwrap();
        hasher.update(digest.as_bytes());
    }
    hasher.finish().to_string()
}

fn statement_of(serialization: Value, resources: &[Value]) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {"resources": resources, "serialization": serialization},
        "predicateType": "https://model_signing/signature/v1.0",
        "subject": [{"digest": {"sha256": root(resources)}, "name": "model"}],
    })
}

fn files(ignored: &[&str]) -> Value {
    json!({"allow_symlinks": false, "hash_type": "sha256", "ignore_paths": ignored, "method": "files"})
}

fn listed(resources: &[Value]) -> Value {
    statement_of(files(&["model.sig"]), resources)
}

fn usual() -> [Value; 2] {
    [resource("config.json", CONFIG), resource("weights.bin", WEIGHTS)]
}

fn case(name: &'static str, why: &'static str, reason: Option<Reason>, statement: &Value) -> Case {
    Case {
        name,
        why,
        reason,
        files: vec![("config.json", CONFIG), ("weights.bin", WEIGHTS)],
        links: Vec::new(),
        statement: serde_json::to_vec(statement).unwrap(),
        bundle: |bundle| bundle,
        key: Some("p256.pub"),
    }
}

fn links_followed() -> Value {
    json!({"allow_symlinks": true, "hash_type": "sha256", "ignore_paths": ["model.sig"], "method": "files"})
}

fn cases() -> Vec<Case> {
    let good = listed(&usual());
    let with = |change: fn(&mut Case), mut case: Case| {
        change(&mut case);
        case
    };
    let false_root = {
        let mut statement = good.clone();
        statement["subject"][0]["digest"]["sha256"] = Sha256Digest::of(b"other").to_string().into();
        statement
    };
    let [config, weights] = usual();
    vec![
        case("usual", "the minimal recipe, compact and sorted", None, &good),
        case(
            "other-order",
            "resources in another order than that of their names",
            None,
            &listed(&[weights.clone(), config.clone()]),
        ),
        with(
            |case| case.files.extend([(".github/run.py", &b"1"[..]), (".cache/huggingface/a.lock", b"")]),
            case(
                "left-out",
                "what the signer and the specification leave out is listed",
                None,
                &statement_of(files(&[".github", "model.sig"]), &usual()),
            ),
        ),
        with(
            |case| case.links.push(("copy.bin", "weights.bin")),
            case(
                "link-to-file",
                "a link to a file of the model, where links are followed",
                None,
                &statement_of(
                    links_followed(),
                    &[config.clone(), resource("copy.bin", WEIGHTS), weights.clone()],
                ),
            ),
        ),
        with(
            |case| {
                case.files.push(("behind/evil.bin", b"2"));
                case.links.push(("sub", "behind"));
            },
            case(
                "link-to-directory",
                "a link to a directory, whose contents other tools never hash",
                Some(Reason::SymlinkFound),
                &statement_of(
                    links_followed(),
                    &[resource("behind/evil.bin", b"2"), config.clone(), weights.clone()],
                ),
            ),
        ),
        with(
            |case| case.links.push(("out", "/etc/hostname")),
            case(
                "link-out",
                "a link that leads out of the model",
                Some(Reason::SymlinkFound),
                &statement_of(links_followed(), &usual()),
            ),
        ),
        with(
            |case| case.links.push(("copy.bin", "weights.bin")),
            case("link", "a link where none is allowed", Some(Reason::SymlinkFound), &good),
        ),
        case(
            "repeated",
            "one name twice; other tools take the last",
            Some(Reason::ResourceRepeated),
            &listed(&[config.clone(), resource("weights.bin", b"good"), weights.clone()]),
        ),
        case(
            "climbs",
            "a name that leads out of the model",
            Some(Reason::ResourceNameRefused),
            &listed(&[config.clone(), resource("../weights.bin", WEIGHTS)]),
        ),
        case(
            "dot-name",
            "./ before a name; other tools take it for the same file",
            Some(Reason::ResourceNameRefused),
            &listed(&[config.clone(), resource("./weights.bin", WEIGHTS)]),
        ),
        case(
            "case-collision",
            "two names that some file systems take for one",
            Some(Reason::ResourceNameRefused),
            &listed(&[config.clone(), resource("Weights.bin", WEIGHTS), weights.clone()]),
        ),
        case(
            "root",
            "a root digest that is not that of the resources",
            Some(Reason::RootDigestMismatch),
            &false_root,
        ),
        case("no-resource", "a manifest without a file", Some(Reason::StatementMalformed), &listed(&[])),
        case(
            "ignored-and-listed",
            "a file that is listed and ignored",
            Some(Reason::StatementMalformed),
            &statement_of(files(&["weights.bin"]), &usual()),
        ),
        case(
            "ignores-all",
            "an ignored path that covers everything",
            Some(Reason::StatementMalformed),
            &statement_of(files(&["."]), &usual()),
        ),
        case(
            "another-hash",
            "a hash function that OMS does not have",
            Some(Reason::HashUnsupported),
            &statement_of(
                json!({"allow_symlinks": false, "hash_type": "sha512", "method": "files"}),
                &usual(),
            ),
        ),
        case(
            "symlinks-as-text",
            "allow_symlinks as a text",
            Some(Reason::StatementMalformed),
            &statement_of(
                json!({"allow_symlinks": "false", "hash_type": "sha256", "method": "files"}),
                &usual(),
            ),
        ),
        with(
            |case| case.files[1].1 = b"0123456788",
            case("changed", "one byte of a file is another", Some(Reason::FileChanged), &good),
        ),
        with(
            |case| case.files.truncate(1),
            case("missing", "a file is gone", Some(Reason::FileMissing), &good),
        ),
        with(
            |case| case.files[1].0 = "model.bin",
            case(
                "renamed",
                "a file has another name; the root digest is the same",
                Some(Reason::FileRenamed),
                &good,
            ),
        ),
        with(
            |case| case.files.push(("evil.py", b"1")),
            case("unexpected", "a file that nobody signed", Some(Reason::FileUnexpected), &good),
        ),
        with(
            |case| case.bundle = |bundle| bundle.replace("\"sig\":\"ME", "\"sig\":\"MF"),
            case("signature", "a signature of other bytes", Some(Reason::SignatureInvalid), &good),
        ),
        with(
            |case| case.key = Some("p384.pub"),
            case(
                "other-key",
                "the bundle names another key than the caller",
                Some(Reason::SignerUnexpected),
                &good,
            ),
        ),
        with(
            |case| case.key = None,
            case("no-anchor", "nobody says whom to believe", Some(Reason::NoAnchor), &good),
        ),
        with(
            |case| case.key = Some("p256.pem"),
            case(
                "anchor",
                "a private key where a public one is wanted",
                Some(Reason::AnchorMalformed),
                &good,
            ),
        ),
        with(
            |case| case.key = Some("none.pub"),
            case(
                "anchor-gone",
                "the key that is to be believed is not there",
                Some(Reason::AnchorUnreadable),
                &good,
            ),
        ),
        with(
            |case| {
                case.files.push(("signer.pub", b"x"));
                case.key = Some("../reject/anchor-inside/model/signer.pub");
            },
            case(
                "anchor-inside",
                "the key that is to be believed came with the model",
                Some(Reason::AnchorInsideModel),
                &good,
            ),
        ),
        with(
            |case| case.bundle = |bundle| bundle.replacen('{', "{\"mediaType\":\"x\",", 1),
            case("key-twice", "a key of the bundle twice", Some(Reason::OmsBundleMalformed), &good),
        ),
        with(
            |case| case.bundle = |bundle| bundle.replace("v0.3+json", "v0.2+json"),
            case("media-type", "a bundle of another version", Some(Reason::OmsBundleMalformed), &good),
        ),
        with(
            |case| case.bundle = |bundle| keyless(&bundle),
            case(
                "keyless",
                "a certificate that only Sigstore's keys could date",
                Some(Reason::KeylessNotVerified),
                &good,
            ),
        ),
        with(
            |case| case.bundle = |bundle| rsa(&bundle),
            case(
                "rsa",
                "a certificate of a kind that is not checked here",
                Some(Reason::SignatureAlgorithmUnknown),
                &good,
            ),
        ),
    ]
}

/// The material of a bundle in the place of its key.
fn with_material(bundle: &str, material: Value) -> String {
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    bundle["verificationMaterial"] = material;
    bundle.to_string()
}

fn der(name: &str) -> String {
    let text = fs::read_to_string(keys().join(name)).unwrap();
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

fn keyless(bundle: &str) -> String {
    with_material(bundle, json!({"certificate": {"rawBytes": der("leaf.crt")}, "tlogEntries": [{}]}))
}

fn rsa(bundle: &str) -> String {
    with_material(bundle, json!({"x509CertificateChain": {"certificates": [{"rawBytes": der("rsa.crt")}]}}))
}

fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oms/keys")
}

impl Case {
    fn write(&self, out: &Path, key: &OmsSigningKey) {
        let kind = if self.reason.is_some() { "reject" } else { "accept" };
        let folder = out.join(kind).join(self.name);
        let put = |path: PathBuf, bytes: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for (path, bytes) in &self.files {
            put(folder.join("model").join(path), bytes);
        }
        for (path, target) in &self.links {
            #[cfg(unix)]
            std::os::unix::fs::symlink(target, folder.join("model").join(path)).unwrap();
            #[cfg(not(unix))]
            panic!("no symbolic links here: {path} to {target}");
        }
        let bundle = OmsBundle::sign(self.statement.clone(), key).to_json().unwrap();
        let bundle = (self.bundle)(String::from_utf8(bundle).unwrap());
        put(folder.join("model/model.sig"), bundle.as_bytes());
        put(folder.join("case.toml"), self.describe().as_bytes());
    }

    fn describe(&self) -> String {
        let mut lines = vec![format!("why = \"{}\"", self.why), "model = \"model\"".to_owned()];
        if self.name == "rsa" {
            lines.push("ca = \"../../keys/root.crt\"".to_owned());
        } else if let Some(key) = self.key {
            lines.push(format!("key = \"../../keys/{key}\""));
        }
        match self.reason {
            None => lines.extend(["verdict = \"verified\"".to_owned(), "exit = 0".to_owned()]),
            Some(reason) => lines.extend([
                format!("verdict = \"{}\"", reason.class()),
                format!("reason = \"{reason}\""),
                format!("exit = {}", reason.exit_code()),
                format!("step = {}", reason.step().number()),
            ]),
        }
        lines.join("\n") + "\n"
    }
}

fn main() {
    let out = PathBuf::from(std::env::args_os().nth(1).expect("usage: vectors_oms OUT"));
    let pem = fs::read_to_string(keys().join("p256.pem")).unwrap();
    let key = OmsSigningKey::from_pem(&pem, None).unwrap();
    for kind in ["accept", "reject"] {
        drop(fs::remove_dir_all(out.join(kind)));
    }
    cases().iter().for_each(|case| case.write(&out, &key));
}
