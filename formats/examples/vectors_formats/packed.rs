//! Archives and compressed files: what they hide, and how they lie.

use crate::case::Case;
use crate::pickles::CALL;
use crate::torch;
use crate::zip::{Around, Descriptor, Member, crc32, member, zip, zip_with};

/// Two members that no kind of model has.
fn two() -> Vec<Member> {
    vec![member("a.txt", b"alpha\n"), member("b.txt", b"beta\n")]
}

fn fault(name: &str, why: &str, bytes: Vec<u8>, reason: &'static str) -> Case {
    Case::refused(name, why, ("model.zip", bytes), "zip", &[reason])
}

/// The first of the two members, changed.
fn changed(name: &str, why: &str, reason: &'static str, change: impl FnOnce(&mut Member)) -> Case {
    let mut members = two();
    change(&mut members[0]);
    fault(name, why, zip(&members), reason)
}

/// What stands around the two members, changed.
fn around(name: &str, why: &str, reason: &'static str, change: impl FnOnce(&mut Around)) -> Case {
    let mut around = Around::default();
    change(&mut around);
    fault(name, why, zip_with(&two(), &around), reason)
}

pub(crate) fn add(cases: &mut Vec<Case>) {
    zips(cases);
    zips_around(cases);
    others(cases);
}

fn zips(cases: &mut Vec<Case>) {
    cases.push(fault(
        "zip-plain",
        "a zip in order, and of no kind that is on the list",
        zip(&two()),
        "format-not-allowed",
    ));
    cases.push(changed("zip-slip", "a name that leads out of the archive", "archive-path", |one| {
        one.name = "../a.txt".into()
    }));
    cases.push(changed("zip-absolute", "an absolute name", "archive-path", |one| {
        one.name = "/etc/a.txt".into()
    }));
    cases.push(changed("zip-backslash", "a name that is a path on one system only", "archive-path", |one| {
        one.name = "..\\a.txt".into()
    }));
    cases
        .push(changed("zip-drive", "a name with a drive", "archive-path", |one| one.name = "C:a.txt".into()));
    cases.push(changed("zip-line-in-name", "a line end in a name", "archive-path", |one| {
        one.name = "a\n.txt".into()
    }));
    cases.push(changed("zip-name-twice", "one name twice", "zip-duplicate-name", |one| {
        one.name = "b.txt".into()
    }));
    cases.push(changed(
        "zip-name-twice-but-for-case",
        "two names that some systems merge",
        "zip-duplicate-name",
        |one| one.name = "B.TXT".into(),
    ));
    cases.push(changed(
        "zip-file-and-directory",
        "a file with another below it",
        "zip-duplicate-name",
        |one| one.name = "b.txt/c".into(),
    ));
    cases.push(changed("zip-encrypted", "an encrypted member", "zip-encrypted", |one| one.flags = 1));
    cases.push(changed("zip-strongly-encrypted", "the flag of strong encryption", "zip-encrypted", |one| {
        one.flags = 1 << 6
    }));
    cases.push(changed("zip-masked", "the flag of masked headers", "zip-encrypted", |one| {
        one.flags = 1 << 13
    }));
    cases.push(changed("zip-flag-unknown", "a flag that means nothing", "zip-malformed", |one| {
        one.flags = 1 << 4
    }));
    cases.push(changed(
        "zip-local-name",
        "another name in front of the data than in the directory",
        "zip-header-mismatch",
        |one| one.local_name = Some("c.txt".into()),
    ));
    cases.push(changed(
        "zip-local-size",
        "another size in front of the data",
        "zip-header-mismatch",
        |one| one.local_size = Some(5),
    ));
    cases.push(changed(
        "zip-local-method",
        "another method in front of the data",
        "zip-header-mismatch",
        |one| one.local_method = Some(8),
    ));
    cases.push(changed("zip-descriptor", "another checksum behind the data", "zip-header-mismatch", |one| {
        one.descriptor = Descriptor::Wrong
    }));
    cases.push(changed("zip-method", "a method that is neither stored nor deflated", "zip-method", |one| {
        one.method = Some(9)
    }));
    cases
        .push(changed("zip-link", "a symbolic link", "archive-link", |one| one.attributes = 0o120_777 << 16));
    cases.push(changed("zip-device", "a device", "archive-link", |one| one.attributes = 0o020_666 << 16));
    cases.push(changed("zip-second-name", "an extra field with a second name", "zip-malformed", |one| {
        one.central_extra = b"\x75\x70\x06\0\x01\0\0\0\0c".to_vec()
    }));
    cases.push(changed("zip-half-extra", "half an extra field", "zip-malformed", |one| {
        one.extra = b"\x01".to_vec()
    }));
    cases.push(changed("zip-gap", "bytes between two members", "zip-gap", |one| one.gap = CALL.to_vec()));
    let mut broken = two();
    broken[0].crc = Some(1);
    cases.push(Case::refused(
        "zip-checksum",
        "a checksum that is not that of the content",
        ("model.zip", zip(&broken)),
        "zip",
        &["checksum-mismatch", "format-not-allowed"],
    ));
    let bomb = zip(&[Member { deflated: true, ..member("a.txt", &vec![b'a'; 17 << 20]) }]);
    cases.push(Case::refused(
        "zip-bomb",
        "B56: seventeen mebibytes of one letter, in seventeen kilobytes",
        ("model.zip", bomb),
        "zip",
        &["format-not-allowed", "too-large"],
    ));
    let mut deep = zip(&two());
    for _ in 0..6 {
        deep = zip(&[member("a.zip", &deep)]);
    }
    cases.push(Case::refused(
        "zip-deep",
        "B58: a zip in a zip in a zip, six deep",
        ("model.zip", deep),
        "zip",
        &["format-not-allowed", "too-deep"],
    ));
    let inside = zip(&[member("a.zip", &zip(&[member("model.pkl", CALL)]))]);
    cases.push(Case::refused(
        "zip-pickle-deep",
        "a pickle in a zip in a zip",
        ("model.zip", inside),
        "zip",
        &["format-not-allowed", "pickle", "pickle-global"],
    ));
}

fn zips_around(cases: &mut Vec<Case>) {
    cases.push(around("zip-prefix", "bytes in front of the first member", "zip-gap", |zip| {
        zip.prefix = b"PK\x03\x04junk".to_vec()
    }));
    cases
        .push(around("zip-suffix", "B54: bytes behind the end", "zip-gap", |zip| zip.suffix = CALL.to_vec()));
    cases.push(around("zip-comment", "a comment, in which another end may hide", "zip-gap", |zip| {
        zip.comment = b"PK\x05\x06 or not".to_vec()
    }));
    cases.push(around("zip-count", "one member more than there are", "zip-malformed", |zip| zip.more = 1));
    cases.push(around("zip-entry-twice", "one member twice in the directory", "zip-duplicate-name", |zip| {
        zip.twice = Some(0)
    }));
    cases.push(around(
        "zip64-count",
        "two end records that do not say the same",
        "zip-header-mismatch",
        |zip| zip.zip64 = true,
    ));
    let whole = zip(&two());
    cases.push(fault("zip-cut", "B54: cut in the middle", whole[..60].to_vec(), "zip-gap"));
}

fn others(cases: &mut Vec<Case>) {
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(CALL, 6);
    cases.push(Case::refused(
        "joblib-zlib",
        "joblib with compression: a pickle in zlib",
        ("model.joblib", zlib),
        "compressed",
        &["compressed", "pickle", "pickle-global"],
    ));
    let deflated = miniz_oxide::deflate::compress_to_vec(CALL, 6);
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    gzip.extend(&deflated);
    gzip.extend(crc32(CALL).to_le_bytes());
    gzip.extend((CALL.len() as u32).to_le_bytes());
    cases.push(Case::refused(
        "joblib-gzip",
        "joblib with gzip",
        ("model.joblib", gzip.clone()),
        "compressed",
        &["compressed", "pickle", "pickle-global"],
    ));
    cases.push(Case::refused(
        "gzip-called-txt",
        "gzip under the name of a text",
        ("vocab.txt", gzip),
        "compressed",
        &["compressed", "extension-mismatch", "pickle", "pickle-global"],
    ));
    for (name, magic) in [
        ("joblib-bz2", &b"BZh91AY&SY\0\0\0\0"[..]),
        ("joblib-xz", b"\xfd7zXZ\x00\x00\x04"),
        ("joblib-lz4", b"\x04\x22\x4d\x18\x64\x40\xa7\0\0\0\0"),
        ("joblib-zstd", b"\x28\xb5\x2f\xfd\x20\x00\x01\0\0"),
        ("joblib-lzma", b"\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let file = ("model.joblib", magic.to_vec());
        cases.push(Case::refused(
            name,
            "packed in a way that is not looked into",
            file,
            "compressed",
            &["compressed"],
        ));
    }
    let array =
        [&b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81}b"[..], &[0xff; 64], b"."]
            .concat();
    cases.push(Case::refused(
        "joblib-array",
        "joblib without compression: raw numbers in the middle of a pickle",
        ("model.joblib", array),
        "pickle",
        &["pickle", "pickle-global", "pickle-malformed"],
    ));
    let nemo =
        tar(&[("model_config.yaml", b"_target_: os.system\n", b'0'), ("model_weights.ckpt", CALL, b'0')]);
    cases.push(Case::refused(
        "nemo",
        "NeMo: a tar with a configuration that names code, and a pickle",
        ("model.nemo", nemo),
        "tar",
        &["config-names-code", "format-not-allowed", "pickle", "pickle-global"],
    ));
    for (name, why, member, kind) in [
        ("tar-slip", "a tar whose member leads out of it", "../evil.txt", b'0'),
        ("tar-absolute", "a tar with an absolute name", "/etc/evil.txt", b'0'),
    ] {
        let bytes = tar(&[(member, b"x\n", kind)]);
        cases.push(Case::refused(
            name,
            why,
            ("model.tar", bytes),
            "tar",
            &["archive-path", "format-not-allowed"],
        ));
    }
    let link = tar(&[("link", b"", b'2')]);
    cases.push(Case::refused(
        "tar-link",
        "a tar with a symbolic link",
        ("model.tar", link),
        "tar",
        &["archive-link", "format-not-allowed"],
    ));
    let twice = tar(&[("a.txt", b"x\n", b'0'), ("a.txt", b"y\n", b'0')]);
    cases.push(Case::refused(
        "tar-name-twice",
        "a tar with one name twice",
        ("model.tar", twice),
        "tar",
        &["format-not-allowed", "zip-duplicate-name"],
    ));
    let skops = zip(&[member(
        "schema.json",
        b"{\"__class__\":\"system\",\"__module__\":\"os\",\"__loader__\":\"FunctionNode\"}",
    )]);
    cases.push(Case::refused(
        "skops",
        "skops: types by name",
        ("model.skops", skops),
        "skops",
        &["format-not-allowed"],
    ));
    let inner = zip(&torch::members(&torch::state(3)));
    cases.push(Case::refused(
        "zip-with-torch",
        "a PyTorch file in a zip",
        ("model.zip", zip(&[member("pytorch_model.bin", &inner)])),
        "zip",
        &["format-not-allowed", "pickle"],
    ));
}

/// A tar of ustar.
fn tar(members: &[(&str, &[u8], u8)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content, kind) in members {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].fill(b' ');
        header[156] = *kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(*content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}
