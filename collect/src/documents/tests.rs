use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;
use crate::Privacy;

const SHA256: &str = "657d4ebf182691763c1355225159516f7fb82075ff20b05534f98cee7c201f59";

/// A dataset with one file that says `members`, and this before it.
fn dataset(head: &str, members: &str) -> String {
    format!(
        r#"{{"@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0", "name": "d", {head}
        "distribution": [{{"@type": "cr:FileObject", "@id": "f", {members}}}]}}"#
    )
}

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    collected.warnings().iter().map(crate::Warning::reason).collect()
}

fn values(collected: &Collected, key: &str) -> Vec<String> {
    collected.facts().iter().filter(|fact| fact.key() == key).map(|fact| fact.value().to_text()).collect()
}

fn read_croissant(text: &str) -> Collected {
    croissant(text.as_bytes(), "c.json")
}

#[test]
fn a_checksum_is_believed_if_it_has_its_length() {
    let whole = format!(r#""sha256": "{SHA256}""#);
    let collected = read_croissant(&dataset("", &whole));
    assert_eq!(collected.warnings(), []);
    assert_eq!(values(&collected, "digest"), [format!("sha256:{SHA256}")]);
    let upper = whole.replace(SHA256, &SHA256.to_uppercase());
    assert_eq!(values(&read_croissant(&dataset("", &upper)), "digest"), [format!("sha256:{SHA256}")]);
    for members in [
        r#""sha256": "0b033707ea49365a5ffdd14615825511""#,
        r#""sha256": "sha256""#,
        r#""sha256": "c764ffdeee4894b3002337c5b1e70ecf6f514c00""#,
        r#""md5": "abc""#,
        r#""sha256": """#,
        r#""contentUrl": "x""#,
    ] {
        assert_eq!(reasons(&read_croissant(&dataset("", members))), [WarningReason::WeakDigest], "{members}");
    }
    let md5 = read_croissant(&dataset("", r#""md5": "0b033707ea49365a5ffdd14615825511""#));
    assert_eq!(values(&md5, "digest"), ["md5:0b033707ea49365a5ffdd14615825511"]);
}

#[test]
fn a_file_may_lack_a_checksum_if_it_changes_or_lies_in_another() {
    assert_eq!(read_croissant(&dataset(r#""isLiveDataset": true,"#, r#""name": "f""#)).warnings(), []);
    assert_eq!(read_croissant(&dataset("", r#""containedIn": {"@id": "a.zip"}"#)).warnings(), []);
    assert_eq!(
        reasons(&read_croissant(&dataset(r#""isLiveDataset": false,"#, r#""name": "f""#))),
        [WarningReason::WeakDigest]
    );
}

#[test]
fn a_property_has_many_spellings_and_one_meaning() {
    let md5 = r#""md5": "0b033707ea49365a5ffdd14615825511""#;
    for head in [
        r#""license": "mit","#,
        r#""sc:license": ["mit"],"#,
        r#""https://schema.org/license": {"@id": "mit"},"#,
        r#""license": {"@type": "sc:CreativeWork", "name": "MIT", "url": "mit"},"#,
        r#""license": {"@value": "mit", "@language": "en"},"#,
    ] {
        let collected = read_croissant(&dataset(head, md5));
        assert_eq!(
            (collected.warnings(), values(&collected, "license")),
            (&[][..], vec!["mit".to_owned()]),
            "{head}"
        );
    }
    let twice = dataset(r#""license": "mit", "sc:license": "bsd","#, md5);
    assert_eq!(reasons(&read_croissant(&twice)), [WarningReason::Disagreement]);
    let odd = dataset(r#""license": [[["mit"]]],"#, md5);
    assert_eq!(reasons(&read_croissant(&odd)), [WarningReason::NotRead]);
}

#[test]
fn each_fault_of_croissant_has_its_reason() {
    let good = dataset("", r#""md5": "0b033707ea49365a5ffdd14615825511""#);
    for (text, reason) in [
        (good.replace("sc:Dataset", "sc:Person"), WarningReason::Malformed),
        (good.replace("croissant/1.0", "croissant/2.0"), WarningReason::UnknownVersion),
        (good.replace("conformsTo", "conforms"), WarningReason::UnknownVersion),
        (good.replace("croissant/1.0", "croissant/RAI/1.0"), WarningReason::UnknownVersion),
        (good.replace(r#""name": "d","#, ""), WarningReason::Malformed),
        (good.replace("cr:FileObject", "cr:RecordSet"), WarningReason::Malformed),
        (good.replace(r#""@id": "f","#, ""), WarningReason::Malformed),
        (good.replace(r#""name": "d","#, r#""name": "d", "name": "e","#), WarningReason::Malformed),
        (good.replace('}', ""), WarningReason::Malformed),
        (format!("[{good}]"), WarningReason::Malformed),
        (format!("{}{}", "[".repeat(100), "]".repeat(100)), WarningReason::TooLarge),
        (String::new(), WarningReason::Malformed),
    ] {
        assert_eq!(reasons(&read_croissant(&text)), [reason], "{text}");
    }
    assert_eq!(reasons(&croissant(b"{\"name\": \"\xff\"}", "c")), [WarningReason::Malformed]);
    let several = good.replace(
        r#""http://mlcommons.org/croissant/1.0""#,
        r#"["http://mlcommons.org/croissant/RAI/1.0", "https://mlcommons.org/croissant/1.1/"]"#,
    );
    assert_eq!(values(&read_croissant(&several), "format"), ["Croissant 1.1"]);
}

#[test]
fn people_are_personal_and_addresses_keep_no_secrets() {
    let head = r#""creator": [{"@type": "sc:Person", "name": "N", "email": "n@example.org"}], "citeAs": "N, 2026", "url": "https://u:p@example.org/?t=1","#;
    let collected = read_croissant(&dataset(
        head,
        r#""containedIn": "a", "contentUrl": "https://u:p@example.org/x?sig=1""#,
    ));
    let personal: Vec<_> =
        collected.facts().iter().filter(|fact| fact.privacy() == Privacy::Personal).collect();
    assert_eq!(personal.iter().map(|fact| fact.key()).collect::<Vec<_>>(), ["citation", "author"]);
    assert_eq!(values(&collected, "uri"), ["https://example.org/", "https://example.org/x"]);
}

#[test]
fn where_a_dataset_came_from_is_kept() {
    let collected = read_croissant(&dataset(
        r#""prov:wasDerivedFrom": [{"@id": "urn:a"}, "urn:b"],"#,
        r#""containedIn": "a""#,
    ));
    assert_eq!(values(&collected, "derived-from"), ["urn:a", "urn:b"]);
}

#[test]
fn a_datasheet_that_is_no_text_is_hashed_and_not_looked_into() {
    let collected = datasheet(b"%PDF-1.7\n\xff\xfe", "d.pdf");
    assert_eq!(reasons(&collected), [WarningReason::NotRead]);
    assert!(collected.facts().is_empty());
    assert_eq!(values(&datasheet(b"", "d.md"), "missing-section").len(), 7);
}

#[test]
fn a_document_is_hashed_whatever_is_in_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("d.md");
    std::fs::write(&path, b"\xff").expect("write");
    symlink("d.md", dir.path().join("link.md")).expect("a link");
    for path in [&path, &dir.path().join("link.md")] {
        let collected = read(path, DocumentKind::Datasheet);
        assert_eq!(
            values(&collected, "digest"),
            [format!("sha256:{}", attest::digest::Sha256Digest::of(b"\xff"))]
        );
        assert_eq!(collected.files().len(), 1);
    }
    for (name, reason) in [
        ("gone", WarningReason::Absent),
        (".", WarningReason::Malformed),
        ("pipe", WarningReason::Malformed),
        ("large", WarningReason::TooLarge),
    ] {
        let path = dir.path().join(name);
        match name {
            "pipe" => {
                assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo").success())
            }
            "large" => {
                std::fs::File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file")
            }
            _ => {}
        }
        let collected = read(&path, DocumentKind::ModelCard);
        assert_eq!((reasons(&collected), collected.facts().len()), (vec![reason], 0), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (datasheet(&bytes, "a"), croissant(&bytes, "a"));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,40}", members in "[a-c0-9:\\[\\]{}\",@]{0,40}") {
        let _ = datasheet(format!("# Uses\n{text}\n---\n<h1>{text}").as_bytes(), "a");
        let _ = read_croissant(&dataset("", &members));
        let _ = read_croissant(&dataset(&members, r#""md5": """#));
    }
}
