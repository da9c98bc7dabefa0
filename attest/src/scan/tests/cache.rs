//! Snapshots in the cache of the Hugging Face hub client.

use super::*;

const SNAPSHOT: &str = "hub/models--acme--churn/snapshots/9a3e";
const BLOBS: &str = "hub/models--acme--churn/blobs";

/// A cache with one snapshot: a link at its root, one in a directory, and a file that is none.
fn cache() -> Model {
    let cache = Model::with(&[
        (&format!("{BLOBS}/6f1c"), "weights"),
        (&format!("{BLOBS}/aa00"), "config"),
        (&format!("{SNAPSHOT}/plain.txt"), "plain"),
        ("hub/models--acme--churn/refs/main", "9a3e"),
        ("hub/models--other/blobs/beef", "another repository's"),
        ("outside", "outside"),
    ]);
    cache.link("../../blobs/6f1c", &format!("{SNAPSHOT}/model.safetensors"));
    cache.link("../../../blobs/aa00", &format!("{SNAPSHOT}/sub/config.json"));
    cache
}

#[test]
fn links_into_the_blobs_of_the_repository_are_read_as_the_files_they_lead_to() {
    let cache = cache();
    let copy = Model::with(&[
        ("model.safetensors", "weights"),
        ("sub/config.json", "config"),
        ("plain.txt", "plain"),
    ]);
    let wanted = copy.scan().unwrap();
    assert_eq!(scan_quietly(&cache.path(SNAPSHOT)).unwrap(), wanted);
    assert_eq!(scan_quietly(&cache.path(&format!("{SNAPSHOT}/../9a3e/"))).unwrap(), wanted);
    cache.link(SNAPSHOT, "current");
    assert_eq!(scan_quietly(&cache.path("current")).unwrap(), wanted);
}

#[test]
fn an_attestation_that_was_fetched_along_is_inert() {
    let cache = cache();
    let before = scan_quietly(&cache.path(SNAPSHOT)).unwrap();
    cache.write(&format!("{BLOBS}/77"), b"{}\n");
    cache.link("../../blobs/77", &format!("{SNAPSHOT}/tallymark.jsonl"));
    assert_eq!(scan_quietly(&cache.path(SNAPSHOT)).unwrap(), before);
}

#[test]
fn links_that_lead_elsewhere_are_refused() {
    for target in [
        "../../../../outside",
        "../../refs/main",
        "../../../models--other/blobs/beef",
        "/etc/passwd",
        "plain.txt",
        "sub",
        "../../blobs",
        ".",
        "../../blobs/directory",
        "../../blobs/directory/file",
        "../../blobs/escape",
    ] {
        let cache = cache();
        cache.write(&format!("{BLOBS}/directory/file"), b"");
        cache.link("../../../outside", &format!("{BLOBS}/escape"));
        cache.link(target, &format!("{SNAPSHOT}/link"));
        let error = scan_quietly(&cache.path(SNAPSHOT)).unwrap_err();
        let link = cache.path(SNAPSHOT).join("link");
        assert!(
            matches!(&error, ScanError::LinkOutsideBlobs { path } if *path == link),
            "{target}: {error:?}"
        );
    }
}

#[test]
fn links_that_lead_nowhere_are_unavailable() {
    for target in ["../../blobs/not-downloaded", "link"] {
        let cache = cache();
        cache.link(target, &format!("{SNAPSHOT}/link"));
        let error = scan_quietly(&cache.path(SNAPSHOT)).unwrap_err();
        assert!(matches!(error, ScanError::Io { act: Act::Follow, .. }), "{target}: {error:?}");
    }
}

#[test]
fn what_only_resembles_a_cache_is_no_cache() {
    for (snapshot, blobs) in [
        ("churn/snapshots/9a3e", "churn/blobs"),
        ("models--churn/snapshot/9a3e", "models--churn/blobs"),
        ("models--churn/9a3e", "models--churn/blobs"),
        ("models--churn/snapshots/9a3e/sub", "models--churn/blobs"),
        ("models--churn/snapshots/9a3e", "models--churn/blob"),
    ] {
        let model = Model::with(&[(&format!("{blobs}/6f1c"), "weights")]);
        let up = "../".repeat(snapshot.split('/').count());
        model.link(&format!("{up}{blobs}/6f1c"), &format!("{snapshot}/link"));
        let error = scan_quietly(&model.path(snapshot)).unwrap_err();
        assert!(matches!(error, ScanError::Symlink { .. }), "{snapshot}: {error:?}");
    }
}

#[test]
fn blobs_that_are_a_link_are_no_cache() {
    let cache = cache();
    fs::rename(cache.path(BLOBS), cache.path("moved")).unwrap();
    cache.link("../../moved", BLOBS);
    assert!(matches!(scan_quietly(&cache.path(SNAPSHOT)), Err(ScanError::Symlink { .. })));
}

#[test]
fn the_whole_cache_is_no_model() {
    let cache = cache();
    assert!(matches!(scan_quietly(&cache.path("hub")), Err(ScanError::Symlink { .. })));
}
