//! OMS: the rules of a manifest one by one, and that what we sign is read again under every curve.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use attest::oms::{
    Certificate, ChainLink, Curve, Manifest, ManifestError, Material, OmsBundle, OmsBundleError,
    OmsPublicKey, OmsSigningKey, OmsStatement, OmsStatementError, Version,
};
use attest::tree::{FileLeaf, Tree};
use serde_json::{Value, json};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oms")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(testdata().join(path)).unwrap()
}

fn peer_bundle(case: &str) -> OmsBundle {
    OmsBundle::parse(text(&format!("peer/{case}/model/model.sig")).as_bytes()).unwrap()
}

fn key(curve: &str) -> OmsPublicKey {
    OmsPublicKey::from_pem(&text(&format!("keys/{curve}.pub"))).unwrap()
}

fn manifest() -> Manifest {
    let leaf = |path: &str| FileLeaf::new(path.parse().unwrap(), 1, Sha256Digest::of(path.as_bytes()));
    let tree = Tree::new(["sub/a.json", "sub-x.txt", ".github/ci.yml"].map(leaf).to_vec()).unwrap();
    Manifest::of_tree(&tree, vec![".github".parse().unwrap(), "model.sig".parse().unwrap()]).unwrap()
}

#[test]
fn what_we_sign_is_read_again_and_verifies_under_every_curve() {
    for (name, curve) in [("p256", Curve::P256), ("p384", Curve::P384), ("p521", Curve::P521)] {
        let private = OmsSigningKey::from_pem(&text(&format!("keys/{name}.pem")), None).unwrap();
        assert_eq!((private.curve(), private.public_key()), (curve, key(name)));
        let payload = OmsStatement::write("model", &manifest()).unwrap();
        let written = OmsBundle::sign(payload.clone(), &private).to_json().unwrap();
        let bundle = OmsBundle::parse(&written).unwrap();
        assert_eq!((bundle.payload(), bundle.to_json().as_deref()), (&payload[..], Some(&written[..])));
        bundle.verify_signature(Version::V1_0, &key(name)).unwrap();
        assert!(bundle.verify_signature(Version::V0_1, &key(name)).is_err(), "another encoding");
        assert_eq!(OmsBundle::sign(payload, &private).to_json(), Some(written), "the same bytes again");
    }
}

#[test]
fn the_manifest_of_a_tree_is_in_order_of_bytes_and_leaves_out_what_is_ignored() {
    let payload = OmsStatement::write("model", &manifest()).unwrap();
    let statement = OmsStatement::parse(&payload).unwrap();
    let names: Vec<String> =
        statement.manifest().resources().iter().map(|resource| resource.name()).collect();
    assert_eq!(names, ["sub-x.txt", "sub/a.json"]);
    assert_eq!(OmsStatement::write("model", statement.manifest()).unwrap(), payload);
}

#[test]
fn signatures_of_every_version_verify_as_that_version_alone() {
    for (case, version, name) in [
        ("0.2.0-key-p256", Version::V0_1, "p256"),
        ("0.2.0-key-p521", Version::V0_1, "p521"),
        ("0.2.0-odd-names", Version::V0_1, "p256"),
        ("1.0.1-key-p384", Version::V1_0, "p384"),
        ("1.1.1-key-p521", Version::V1_0, "p521"),
    ] {
        let bundle = peer_bundle(case);
        let statement = OmsStatement::parse(bundle.payload()).unwrap();
        assert_eq!(statement.version(), version, "{case}");
        bundle.verify_signature(version, &key(name)).unwrap();
        let other = if version == Version::V1_0 { Version::V0_1 } else { Version::V1_0 };
        assert!(bundle.verify_signature(other, &key(name)).is_err(), "{case}");
    }
}

fn statement_of(serialization: Value, names: &[&str]) -> Value {
    let digest = Sha256Digest::of(b"x").to_string();
    let resources: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "algorithm": "sha256", "digest": digest})).collect();
    let digests = Sha256Digest::of(b"x").as_bytes().repeat(names.len());
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": Sha256Digest::of(&digests).to_string()}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": serialization, "resources": resources},
    })
}

fn parse(statement: &Value) -> Result<OmsStatement, OmsStatementError> {
    OmsStatement::parse(&serde_json::to_vec(statement).unwrap())
}

fn shards(size: Value) -> Value {
    json!({"method": "shards", "hash_type": "sha256", "allow_symlinks": false, "shard_size": size})
}

fn files() -> Value {
    json!({"method": "files", "hash_type": "sha256", "allow_symlinks": false})
}

#[test]
fn shards_lie_end_to_end() {
    for size in [json!(500), json!(500.0)] {
        parse(&statement_of(shards(size), &["a:500:700", "a:0:500", "b:c:0:3"])).unwrap();
    }
    for names in [
        &["a:0:500", "a:400:700"][..],
        &["a:0:500", "a:600:700"],
        &["a:500:700"],
        &["a:0:501"],
        &["a:0:300", "a:300:700"],
    ] {
        let error = parse(&statement_of(shards(json!(500)), names)).unwrap_err();
        let is_refused =
            matches!(error, OmsStatementError::Manifest { source: ManifestError::Shards { .. } });
        assert!(is_refused, "{names:?}: {error}");
    }
    for name in ["a", "a:0", "a:0:0", "a:5:1", "a:00:5", "a:-1:5", "a:0:+5", "a:0:1e2"] {
        let error = parse(&statement_of(shards(json!(500)), &[name])).unwrap_err();
        assert!(matches!(error, OmsStatementError::ShardName { .. }), "{name}: {error}");
    }
    for size in [json!(0), json!(500.5), json!(-1), json!("500"), json!(1e300)] {
        assert!(parse(&statement_of(shards(size.clone()), &["a:0:1"])).is_err(), "{size}");
    }
}

#[test]
fn a_manifest_means_one_set_of_files() {
    parse(&statement_of(files(), &["a", "b/c"])).unwrap();
    parse(&statement_of(files(), &["."])).unwrap();
    for names in [&["a", "a"][..], &[".", "."], &[".", "a"], &["a", "A"], &["a", "a/b"], &[]] {
        let error = parse(&statement_of(files(), names)).unwrap_err();
        assert!(matches!(error, OmsStatementError::Manifest { .. }), "{names:?}: {error}");
    }
    for name in ["", "/a", "../a", "a/../b", "./a", "a//b", "a\\b", "a\0"] {
        let error = parse(&statement_of(files(), &[name])).unwrap_err();
        assert!(matches!(error, OmsStatementError::Name { .. }), "{name:?}: {error}");
    }
}

#[test]
fn members_that_are_not_known_are_refused() {
    for place in ["", "/predicate", "/predicate/serialization", "/subject/0", "/predicate/resources/0"] {
        let mut statement = statement_of(files(), &["a"]);
        statement.pointer_mut(place).unwrap()["extra"] = json!(1);
        let error = parse(&statement).unwrap_err();
        assert!(matches!(error, OmsStatementError::Field { .. }), "{place}: {error}");
    }
    let mut statement = statement_of(files(), &["a"]);
    statement["predicate"]["resources"][0]["annotations"] = json!({"any": ["thing"]});
    parse(&statement).unwrap();
}

#[test]
fn ignored_paths_are_paths_inside_the_model_and_cover_what_lies_below() {
    let with = |ignored: Value| {
        let mut serialization = files();
        serialization["ignore_paths"] = ignored;
        parse(&statement_of(serialization, &["a"]))
    };
    let statement = with(json!(["b", "c/d", "b"])).unwrap();
    let ignored = statement.manifest().serialization().ignored();
    for (path, covered) in
        [("b", true), ("b/x", true), ("bb", false), ("c", false), ("c/d/e/f", true), ("c/dd", false)]
    {
        assert_eq!(ignored.cover(&path.parse().unwrap()), covered, "{path}");
    }
    for path in [".", "..", "../b", "/", "/b", "", "b/"] {
        assert!(matches!(with(json!([path])), Err(OmsStatementError::IgnoredPath { .. })), "{path:?}");
    }
    assert!(matches!(
        with(json!(["a"])),
        Err(OmsStatementError::Manifest { source: ManifestError::Ignored { .. } })
    ));
}

#[test]
fn a_bundle_has_one_method_and_one_signature() {
    let bundle: Value = serde_json::from_str(&text("accept/usual/model/model.sig")).unwrap();
    let parse = |bundle: &Value| OmsBundle::parse(bundle.to_string().as_bytes());
    parse(&bundle).unwrap();
    let mut two = bundle.clone();
    let signature = two["dsseEnvelope"]["signatures"][0].clone();
    two["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
    assert!(matches!(parse(&two), Err(OmsBundleError::SignatureCount { seen: 2 })));
    let mut none = bundle.clone();
    none["verificationMaterial"] = json!({"tlogEntries": []});
    assert!(matches!(parse(&none), Err(OmsBundleError::Material { seen: 0 })));
    let mut both = bundle.clone();
    both["verificationMaterial"]["certificate"] = json!({"rawBytes": "AA=="});
    assert!(matches!(parse(&both), Err(OmsBundleError::Material { seen: 2 })));
    let mut null = bundle;
    null["dsseEnvelope"]["signatures"][0]["keyid"] = Value::Null;
    parse(&null).unwrap();
}

#[test]
fn a_certificate_says_what_it_may_do() {
    let read =
        |name: &str| Certificate::many_from_pem(&text(&format!("keys/{name}.crt")), 1).unwrap().remove(0);
    let [root, middle, leaf, server, rsa] = ["root", "middle", "leaf", "server", "rsa"].map(read);
    middle.verify_issued_by(&root).unwrap();
    leaf.verify_issued_by(&middle).unwrap();
    assert!(leaf.verify_issued_by(&root).is_err());
    assert!(rsa.key().is_none() && rsa.verify_issued_by(&rsa).is_err());
    leaf.refuse_unfit(ChainLink::Leaf).unwrap();
    middle.refuse_unfit(ChainLink::Authority { below: 0 }).unwrap();
    for (certificate, link) in
        [(&server, ChainLink::Leaf), (&middle, ChainLink::Leaf), (&leaf, ChainLink::Authority { below: 0 })]
    {
        assert!(certificate.refuse_unfit(link).is_err(), "{} {link:?}", certificate.subject());
    }
    assert!(
        matches!(peer_bundle("1.1.1-certificate").material(), Material::Chain(chain) if chain.len() == 3)
    );
}
