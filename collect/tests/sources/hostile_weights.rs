//! Real files of weights, each with one fault, and the reason for which it is refused.

use std::io::Cursor;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::{assert_refused, fact, overwritten, position, real, reasons, replaced, testdata, text};
use collect::WarningReason::{Absent, Disagreement, Escape, Malformed, NotRead, TooLarge, UnknownVersion};
use collect::weights::{archive, gguf, keras, npy, onnx, safetensors, sharded};
use collect::{Collected, WarningReason, weights};

const NAME: &str = "model";

fn read_safetensors(bytes: &[u8]) -> Collected {
    safetensors::read(Cursor::new(bytes), NAME)
}

fn read_gguf(bytes: &[u8]) -> Collected {
    gguf::read(Cursor::new(bytes), NAME)
}

fn read_onnx(bytes: &[u8]) -> Collected {
    onnx::read(Cursor::new(bytes), NAME)
}

fn read_zip(bytes: &[u8]) -> Collected {
    archive::read(Cursor::new(bytes), NAME)
}

fn read_npy(bytes: &[u8]) -> Collected {
    npy::read(Cursor::new(bytes), NAME)
}

/// No beginning of a file passes for a whole file but those that are counted.
fn assert_no_prefix_is_whole(bytes: &[u8], read: fn(&[u8]) -> Collected, exceptions: usize, why: &str) {
    assert!(fact(&read(bytes), "format").is_some(), "{why} is whole");
    let taken = (0..bytes.len()).filter(|len| {
        let collected = read(&bytes[..*len]);
        let is_refused = collected.facts().is_empty() && !collected.warnings().is_empty();
        !is_refused
    });
    assert_eq!(taken.count(), exceptions, "{why}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let safetensors = [
        "weights/safetensors-numpy/model/model.safetensors",
        "weights/safetensors-dtypes/model/model.safetensors",
    ];
    for name in safetensors {
        assert_no_prefix_is_whole(&real(name), read_safetensors, 0, name);
    }
    assert_no_prefix_is_whole(&real("weights/gguf-quantised/model/tiny-Q8_0.gguf"), read_gguf, 0, "gguf");
    assert_no_prefix_is_whole(
        &real("weights/gguf-vocabulary/model/vocab.gguf"),
        read_gguf,
        0,
        "gguf vocabulary",
    );
    for name in ["weights/npy-plain/model/weights.npy", "weights/npy-fields/model/weights.npy"] {
        assert_no_prefix_is_whole(&real(name), read_npy, 0, name);
    }
    let zips = [
        "weights/npz-stored/model/weights.npz",
        "weights/npz-deflated/model/weights.npz",
        "weights/torch-zip/model/pytorch_model.bin",
        "weights/torch-script/model/model.pt",
        "weights/torch-export/model/model.pt2",
        "weights/keras-plain/model/model.keras",
    ];
    for name in zips {
        assert_no_prefix_is_whole(&real(name), read_zip, 0, name);
    }
    // Protocol buffers have no end: the model is whole from the first of its operator sets on, and again behind the second.
    assert_no_prefix_is_whole(&real("weights/onnx-inline/model/model.onnx"), read_onnx, 2, "onnx");
    assert_no_prefix_is_whole(
        &real("weights/onnx-subgraph/model/model.onnx"),
        read_onnx,
        0,
        "onnx with graphs inside",
    );
}

/// The header of the real file, changed, in front of its tensors.
fn safetensors_with(change: impl Fn(&str) -> String) -> Vec<u8> {
    let file = real("weights/safetensors-numpy/model/model.safetensors");
    let len =
        usize::try_from(u64::from_le_bytes(file[..8].try_into().expect("eight bytes"))).expect("a length");
    let header = std::str::from_utf8(&file[8..8 + len]).expect("JSON").trim_end();
    let changed = change(header);
    [&(changed.len() as u64).to_le_bytes(), changed.as_bytes(), &file[8 + len..]].concat()
}

#[test]
fn safetensors_of_which_two_readers_may_think_differently_are_refused() {
    let same = safetensors_with(str::to_owned);
    assert!(reasons(&read_safetensors(&same)).is_empty());
    let header = String::from_utf8_lossy(&same).into_owned();
    // The tensors of the real file, in the order of their offsets.
    assert!(header.contains(r#""steps":{"dtype":"I64","shape":[],"data_offsets":[0,8]}"#), "{header}");
    assert!(
        header.contains(r#""linear.weight":{"dtype":"F32","shape":[3,4],"data_offsets":[8,56]}"#),
        "{header}"
    );
    let replace = |from: &'static str, to: &'static str| {
        safetensors_with(move |header| {
            assert!(header.contains(from), "{from} in {header}");
            header.replacen(from, to, 1)
        })
    };
    let cases: [(&str, Vec<u8>, WarningReason); 27] = [
        ("tensor twice", replace("\"linear.bias\"", "\"linear.weight\""), Malformed),
        ("tensor twice by an escape", replace("\"linear.bias\"", "\"linear.w\\u0065ight\""), Malformed),
        ("metadata twice", replace("\"note\"", "\"format\""), Malformed),
        (
            "__metadata__ twice",
            replace("{\"__metadata__\"", "{\"__metadata__\":{},\"__metadata__\""),
            Malformed,
        ),
        ("dtype twice", replace("\"dtype\":\"I64\"", "\"dtype\":\"I64\",\"dtype\":\"I64\""), Malformed),
        ("unknown member", replace("\"dtype\":\"I64\"", "\"dtype\":\"I64\",\"x\":0"), Malformed),
        ("no dtype", replace("\"dtype\":\"I64\",", ""), Malformed),
        (
            "a tensor as a list",
            replace(r#"{"dtype":"I64","shape":[],"data_offsets":[0,8]}"#, r#"["I64",[],[0,8]]"#),
            Malformed,
        ),
        ("unknown type", replace("\"I64\"", "\"I63\""), UnknownVersion),
        ("metadata with a number", replace("\"free text\"", "5"), Malformed),
        ("overlap", replace("[8,56]", "[7,55]"), Malformed),
        ("hole", replace("[8,56]", "[9,57]"), Malformed),
        ("two tensors in one place", replace("[8,56]", "[0,48]"), Malformed),
        ("backwards", replace("[8,56]", "[56,8]"), Malformed),
        ("longer than the shape", replace("[8,56]", "[8,57]"), Malformed),
        ("shape of another length", replace("[3,4]", "[3,5]"), Malformed),
        ("beyond 2^63", replace("[8,56]", "[9223372036854775808,9223372036854775856]"), Malformed),
        ("beyond 2^64", replace("[8,56]", "[8,18446744073709551672]"), Malformed),
        ("a product that overflows", replace("[3,4]", "[4294967296,4294967296]"), Malformed),
        ("an overflow times zero", replace("[3,4]", "[4294967296,4294967296,0]"), Malformed),
        ("a negative dimension", replace("[3,4]", "[-3,-4]"), Malformed),
        ("a fraction", replace("[3,4]", "[3.0,4]"), Malformed),
        ("space in front", safetensors_with(|header| format!(" {header}")), Malformed),
        ("a line feed behind", safetensors_with(|header| format!("{header}\n")), Malformed),
        ("a second value", safetensors_with(|header| format!("{header}{{}}")), Malformed),
        (
            "nested deep",
            safetensors_with(|header| {
                header.replacen("[3,4]", &format!("{}{}", "[".repeat(100), "]".repeat(100)), 1)
            }),
            TooLarge,
        ),
        (
            "many dimensions",
            replace(
                "\"shape\":[]",
                "\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
            ),
            TooLarge,
        ),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_safetensors(&bytes), reason, why);
    }
    let len = |len: u64| overwritten(&same, 0, &len.to_le_bytes());
    assert_refused(&read_safetensors(&len(100_000_001)), TooLarge, "header too long");
    assert_refused(&read_safetensors(&len(u64::MAX)), TooLarge, "header of 2^64 bytes");
    assert_refused(&read_safetensors(&len(100_000_000)), Malformed, "header longer than the file");
    assert_refused(&read_safetensors(&len(0)), Malformed, "no header");
    assert_refused(&read_safetensors(&[&same[..], b"\0"].concat()), Malformed, "a byte too many");
    assert_refused(
        &read_safetensors(&replaced(&same, b"free text", b"free \xffext")),
        Malformed,
        "not UTF-8",
    );
}

#[test]
fn a_name_of_a_megabyte_makes_a_short_warning() {
    let long = "x".repeat(1 << 20);
    let bytes = safetensors_with(|header| header.replacen("linear.bias", &long, 1).replacen("F16", "F15", 1));
    let collected = read_safetensors(&bytes);
    assert_refused(&collected, UnknownVersion, "long name");
    assert!(collected.warnings()[0].text().len() < 500);
}

#[test]
fn a_set_of_shards_is_whole_or_has_no_sums() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let index = "model.safetensors.index.json";
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let file = |name: &str| real(&format!("weights/safetensors-sharded/model/{name}"));
    let restore = || {
        for name in shards.iter().chain([&index]) {
            let _ = std::fs::remove_file(path(name));
            std::fs::write(path(name), file(name)).expect("write");
        }
    };
    let assert_no_sums = |reason: WarningReason, why: &str| {
        let collected = weights::read(dir.path());
        assert!(reasons(&collected).contains(&reason), "{why}: {}", text(&collected));
        assert_eq!(fact(&collected, "parameters"), None, "{why}: {}", text(&collected));
    };
    let with_index = |from: &[u8], to: &[u8]| {
        restore();
        std::fs::write(path(index), replaced(&file(index), from, to)).expect("write");
    };
    restore();
    assert_eq!(fact(&weights::read(dir.path()), "parameters").as_deref(), Some("192"));
    std::fs::remove_file(path(shards[1])).expect("remove");
    assert_no_sums(Absent, "a shard is missing");
    restore();
    std::fs::write(path(shards[1]), &file(shards[1])[..300]).expect("write");
    assert_no_sums(Malformed, "a shard is cut off");
    restore();
    std::fs::remove_file(path(shards[1])).expect("remove");
    symlink(path(shards[0]), path(shards[1])).expect("a link");
    assert_no_sums(Malformed, "a shard is a link");
    with_index(b"layer.2.weight", b"layer.3.weight");
    assert_no_sums(Disagreement, "a tensor of another name");
    let collected =
        sharded::read_index(&replaced(&file(index), b"model-00002-of-", b"../model-002-of"), NAME);
    assert_refused(&collected, Escape, "a shard elsewhere");
    with_index(b"\"total_size\": 768", b"\"total_size\": 769");
    let collected = weights::read(dir.path());
    assert_eq!(reasons(&collected), [Disagreement], "{}", text(&collected));
    let file = file(index);
    (0..file.len()).for_each(|len| drop(sharded::read_index(&file[..len], NAME)));
}

const GGUF: &str = "weights/gguf-quantised/model/tiny-Q8_0.gguf";

/// A string as GGUF has it.
fn gguf_text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// The real file with another pair in front.
fn gguf_with_pair(key: &str, value: &[u8]) -> Vec<u8> {
    let file = real(GGUF);
    let pairs = u64::from_le_bytes(file[16..24].try_into().expect("eight bytes")) + 1;
    let changed = [&file[..16], &pairs.to_le_bytes(), &gguf_text(key), value, &file[24..]].concat();
    gguf_realigned(&changed, &file)
}

/// Moves the tensors to the next multiple of 32 behind a header that has become longer.
fn gguf_realigned(changed: &[u8], original: &[u8]) -> Vec<u8> {
    let grown = changed.len() - original.len();
    let name = b"output_norm.weight";
    // Behind the name: number of dimensions, one dimension, type, offset.
    let end = position(original, name) + name.len() + 4 + 8 + 4 + 8;
    let (data, header) = (&original[end.next_multiple_of(32)..], &changed[..end + grown]);
    let padding = vec![0; header.len().next_multiple_of(32) - header.len()];
    [header, &padding, data].concat()
}

#[test]
fn gguf_with_one_fault_is_refused() {
    let file = real(GGUF);
    let number = |at: usize, number: u64| overwritten(&file, at, &number.to_le_bytes());
    let value = |key: &str| position(&file, key.as_bytes()) + key.len();
    let norm = value("output_norm.weight");
    let attention = value("blk.0.attn_q.weight");
    let word = |at: usize, word: u32| overwritten(&file, at, &word.to_le_bytes());
    let cases: [(&str, Vec<u8>, WarningReason); 29] = [
        ("no magic", replaced(&file, b"GGUF", b"GGUG"), Malformed),
        ("version 1", word(4, 1), UnknownVersion),
        ("version 4", word(4, 4), UnknownVersion),
        ("big-endian", word(4, 3_u32.swap_bytes()), UnknownVersion),
        ("2^60 tensors", number(8, 1 << 60), TooLarge),
        ("a million tensors", number(8, 1 << 20), Malformed),
        ("2^60 pairs", number(16, 1 << 60), TooLarge),
        ("a pair too many", number(16, 26), TooLarge),
        ("key of 2^60 bytes", number(24, 1 << 60), TooLarge),
        ("key longer than the file", number(24, 65_000), Malformed),
        ("text of 2^60 bytes", number(value("general.name") + 4, 1 << 60), TooLarge),
        ("text longer than the file", number(value("general.name") + 4, 5000), Malformed),
        ("text that is not UTF-8", replaced(&file, b"apache-2.0", b"apache-\xff.0"), Malformed),
        ("key twice", replaced(&file, b"general.license", b"general.version"), Malformed),
        ("unknown type of value", word(value("general.name"), 13), UnknownVersion),
        ("truth that is 2", overwritten(&file, value("tokenizer.ggml.add_bos_token") + 4, &[2]), Malformed),
        ("2^60 tokens", number(value("tokenizer.ggml.tokens") + 8, 1 << 60), Malformed),
        ("2^61 scores, which are 2^63 bytes", number(value("tokenizer.ggml.scores") + 8, 1 << 61), Malformed),
        ("2^62 scores, which overflow", number(value("tokenizer.ggml.scores") + 8, 1 << 62), Malformed),
        ("token longer than the file", number(value("tokenizer.ggml.tokens") + 16, 1 << 60), Malformed),
        ("five dimensions", word(norm, 5), TooLarge),
        ("a shape whose product overflows", number(attention + 4, 1 << 62), Malformed),
        ("a row that is no whole block", number(attention + 4, 63), Malformed),
        ("unknown type of tensor", word(norm + 12, 4), UnknownVersion),
        ("a hole", number(norm + 16, 288 + 32), Malformed),
        ("an overlap", number(norm + 16, 0), Malformed),
        ("an offset beyond 2^63", number(norm + 16, 1 << 63), Malformed),
        ("longer tensor than the file", number(norm + 4, 34_000), Malformed),
        ("a byte too many", [&file[..], b"\0"].concat(), Malformed),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_gguf(&bytes), reason, why);
    }
    // Version 2 has the same layout.
    let second = read_gguf(&word(4, 2));
    assert!(second.warnings().is_empty(), "{}", text(&second));
    assert_eq!(fact(&second, "format-version").as_deref(), Some("2"));
}

#[test]
fn gguf_with_another_pair_is_refused_for_that_pair() {
    let word = |kind: u32, value: u32| [kind.to_le_bytes(), value.to_le_bytes()].concat();
    let harmless = gguf_with_pair("general.sampling.top_k", &word(4, 5));
    let collected = read_gguf(&harmless);
    assert!(collected.warnings().is_empty(), "{}", text(&collected));
    let nested = [9_u32.to_le_bytes(); 100].map(|kind| [&kind[..], &1_u64.to_le_bytes()].concat()).concat();
    let nested = [&9_u32.to_le_bytes()[..], &nested].concat();
    let cases: [(&str, Vec<u8>, WarningReason); 6] = [
        ("alignment 0", gguf_with_pair("general.alignment", &word(4, 0)), Malformed),
        ("alignment 3", gguf_with_pair("general.alignment", &word(4, 3)), Malformed),
        ("alignment that is signed", gguf_with_pair("general.alignment", &word(5, 32)), Malformed),
        ("alignment of 2^31", gguf_with_pair("general.alignment", &word(4, 1 << 31)), Malformed),
        ("arrays nested deep", gguf_with_pair("x", &nested), TooLarge),
        ("arrays nested deep and kept", gguf_with_pair("general.x", &nested), TooLarge),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_gguf(&bytes), reason, why);
    }
    let file = real(GGUF);
    let at = position(&file, b"output_norm.weight") - 8;
    let renamed = [&file[..at], &gguf_text("blk.0.attn_q.weight"), &file[at + 8 + 18..]].concat();
    let end = at + 8 + 19 + 24;
    let padding = vec![0; end.next_multiple_of(32) - end];
    let data = &file[(end - 1).next_multiple_of(32)..];
    let twice = [&renamed[..end], &padding, data].concat();
    assert_refused(&read_gguf(&twice), Malformed, "tensor twice");
}

#[test]
fn types_of_ggml_are_those_of_its_package() {
    let table = std::fs::read_to_string(testdata("tables/ggml-types.txt")).expect("the table");
    for line in table.lines() {
        let row: Vec<_> = line.split(' ').collect();
        let [_, name, block, bytes] = row[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let (kind, block, bytes) =
            (u32::try_from(number(row[0])).expect("a type"), number(block), number(bytes));
        // The package is wrong by itself about this one, see the table in the code.
        let bytes = if name == "Q8_1" { 36 } else { bytes };
        // One tensor of two blocks, in a file made by hand.
        let header =
            [b"GGUF", &3_u32.to_le_bytes()[..], &1_u64.to_le_bytes(), &0_u64.to_le_bytes(), &gguf_text("t")];
        let info =
            [&1_u32.to_le_bytes()[..], &(2 * block).to_le_bytes(), &kind.to_le_bytes(), &0_u64.to_le_bytes()];
        let mut file = [header.concat(), info.concat()].concat();
        file.resize(file.len().next_multiple_of(32), 0);
        file.resize((file.len() + usize::try_from(2 * bytes).expect("a size")).next_multiple_of(32), 0);
        let collected = read_gguf(&file);
        assert_eq!(
            fact(&collected, "dtype"),
            Some(format!("{name}={}", 2 * block)),
            "{line}: {}",
            text(&collected)
        );
    }
    let table = std::fs::read_to_string(testdata("tables/ggml-file-types.txt")).expect("the table");
    for line in table.lines() {
        let (number, name) = line.split_once(' ').expect("number and name");
        let number: u32 = number.parse().expect("a number");
        let file = real(GGUF);
        let at = position(&file, b"general.file_type") + 17 + 4;
        let collected = read_gguf(&overwritten(&file, at, &number.to_le_bytes()));
        assert_eq!(fact(&collected, "quantization").expect("a name").to_lowercase(), name.to_lowercase());
    }
}

#[test]
fn types_of_onnx_are_those_of_its_package() {
    let table = std::fs::read_to_string(testdata("tables/onnx-types.txt")).expect("the table");
    for line in table.lines().filter(|line| !line.starts_with("0 ")) {
        let (kind, name) = line.split_once(' ').expect("number and name");
        let kind: u64 = kind.parse().expect("a number");
        let collected = read_onnx(&onnx_with_tensor(&[&number(1, 0), &number(2, kind)]));
        let dtypes: Vec<_> = collected.facts().iter().filter(|fact| fact.key() == "dtype").collect();
        let is_named = dtypes.iter().any(|fact| fact.value().to_text().starts_with(&format!("{name}=")));
        assert!(is_named, "{line}: {}", text(&collected));
    }
}

const ONNX: &str = "weights/onnx-inline/model/model.onnx";
const ONNX_EXTERNAL: &str = "weights/onnx-external/model/model.onnx";

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// The real model with another field behind it.
fn onnx_and(field: &[u8]) -> Vec<u8> {
    [&real(ONNX)[..], field].concat()
}

/// The real model with a tensor in its training information.
fn onnx_with_tensor(tensor: &[&[u8]]) -> Vec<u8> {
    onnx_and(&bytes(20, &bytes(1, &bytes(5, &tensor.concat()))))
}

fn pair(key: &str, value: &str) -> Vec<u8> {
    [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat()
}

#[test]
fn onnx_with_one_fault_is_refused() {
    let file = real(ONNX);
    let float = number(2, 1);
    let good = onnx_with_tensor(&[&number(1, 2), &float, &bytes(8, b"t"), &bytes(9, &[0; 8])]);
    assert!(reasons(&read_onnx(&good)).is_empty(), "{}", text(&read_onnx(&good)));
    assert_eq!(fact(&read_onnx(&good), "parameters").as_deref(), Some("18"));
    let mut deep = bytes(5, &float);
    for _ in 0..60 {
        deep = bytes(1, &bytes(5, &bytes(6, &deep)));
    }
    let many = bytes(1, &[1; 100]);
    let cases: [(&str, Vec<u8>, WarningReason); 22] = [
        ("ir_version twice", onnx_and(&number(1, 10)), Malformed),
        ("graph twice", onnx_and(&bytes(7, b"")), Malformed),
        ("operator set twice", onnx_and(&bytes(8, &number(2, 5))), Malformed),
        ("operator set without a version", onnx_and(&bytes(8, &bytes(1, b"x"))), Malformed),
        ("metadata twice", onnx_and(&bytes(14, &pair("task", "x"))), Malformed),
        ("metadata that is not UTF-8", replaced(&file, b"classify", b"classif\xff"), Malformed),
        ("a group", onnx_and(&varint(30 << 3 | 3)), Malformed),
        ("field number 0", onnx_and(&[0, 0]), Malformed),
        ("a number of eleven bytes", onnx_and(&[[0xf0, 1].as_slice(), &[0x80; 11]].concat()), Malformed),
        ("a field longer than the file", onnx_and(&[0xf2, 1, 100]), Malformed),
        ("a field of 2^60 bytes", onnx_and(&[&[0xf2, 1][..], &varint(1 << 60)].concat()), Malformed),
        ("ir_version as a text", replaced(&file, &[8, 14], &[0x0a, 0]), Malformed),
        ("graphs nested deep", onnx_and(&bytes(20, &bytes(1, &deep))), TooLarge),
        ("a negative dimension", onnx_with_tensor(&[&number(1, u64::MAX), &float]), Malformed),
        (
            "a product that overflows",
            onnx_with_tensor(&[&number(1, 1 << 40), &number(1, 1 << 40), &float]),
            Malformed,
        ),
        ("a hundred dimensions", onnx_with_tensor(&[&many, &float]), TooLarge),
        ("a type of tomorrow", onnx_with_tensor(&[&number(2, 99)]), UnknownVersion),
        ("no type", onnx_with_tensor(&[&number(1, 1)]), UnknownVersion),
        (
            "fewer bytes than the shape",
            onnx_with_tensor(&[&number(1, 2), &float, &bytes(9, &[0; 7])]),
            Malformed,
        ),
        ("no numbers", onnx_with_tensor(&[&number(1, 2), &float]), Malformed),
        ("raw texts", onnx_with_tensor(&[&number(1, 1), &number(2, 8), &bytes(9, &[0; 7])]), Malformed),
        (
            "a name twice",
            onnx_with_tensor(&[&float, &bytes(8, b"a"), &bytes(8, b"b"), &bytes(9, &[0; 4])]),
            Malformed,
        ),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_onnx(&bytes), reason, why);
    }
}

#[test]
fn external_data_stays_beside_the_model() {
    let outside = |location: &str| {
        let external = [bytes(13, &pair("location", location)), number(14, 1)].concat();
        onnx_with_tensor(&[&number(1, 2), &number(2, 1), &bytes(8, b"t"), &external])
    };
    assert!(reasons(&read_onnx(&outside("sub/weights.bin"))).is_empty());
    assert!(reasons(&read_onnx(&outside("./weights.bin"))).is_empty());
    for location in [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "..",
        "",
        "a\\b",
        "C:/b",
        "c:b",
        "a//b",
        "a/./b",
        "a\0b",
        "../",
    ] {
        assert_refused(&read_onnx(&outside(location)), Escape, location);
    }
    // In a constant inside a graph inside a node, which no initializer list shows.
    let tensor =
        [number(1, 2), number(2, 1), bytes(13, &pair("location", "../../etc/passwd")), number(14, 1)]
            .concat();
    let constant = bytes(1, &bytes(5, &bytes(5, &tensor)));
    let hidden = onnx_and(&bytes(25, &bytes(7, &bytes(5, &bytes(6, &constant)))));
    assert_refused(&read_onnx(&hidden), Escape, "hidden in a function");

    let file = real(ONNX_EXTERNAL);
    assert_refused(&read_onnx(&replaced(&file, b"model.onnx.data", b"../../etc/shado")), Escape, "climbs");
    assert_refused(&read_onnx(&replaced(&file, b"48", b"49")), Malformed, "another length than the shape");
    assert_refused(&read_onnx(&replaced(&file, b"48", b"-1")), Malformed, "negative length");
    assert_refused(&read_onnx(&replaced(&file, b"offset", b"length")), Malformed, "length twice");
    assert_refused(&read_onnx(&replaced(&file, b"location", b"locatiom")), Malformed, "no location");
    let far = [bytes(13, &pair("location", "a")), bytes(13, &pair("offset", "9223372036854775808"))].concat();
    assert_refused(&read_onnx(&onnx_with_tensor(&[&number(2, 1), &far])), Malformed, "offset of 2^63");
}

#[test]
fn external_data_is_looked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let (model, data) = (dir.path().join("model.onnx"), dir.path().join("model.onnx.data"));
    std::fs::write(&model, real(ONNX_EXTERNAL)).expect("write");
    assert_eq!(reasons(&weights::read(&model)), [Absent]);
    std::fs::write(&data, [0; 63]).expect("write");
    assert_eq!(reasons(&weights::read(&model)), [Malformed]);
    std::fs::write(&data, [0; 64]).expect("write");
    assert!(reasons(&weights::read(&model)).is_empty());
    std::fs::rename(&data, dir.path().join("elsewhere")).expect("rename");
    symlink("elsewhere", &data).expect("a link");
    assert_eq!(reasons(&weights::read(&model)), [Escape]);
}

const TORCH: &str = "weights/torch-zip/model/pytorch_model.bin";

/// Where the header of a member is in the directory.
fn in_directory(file: &[u8], name: &str) -> usize {
    let mut found =
        file.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02").map(|(at, _)| at);
    let named = |at: &usize| file[at + 46..].starts_with(name.as_bytes());
    found.rfind(named).expect("a member")
}

#[test]
fn zip_files_with_two_meanings_are_refused() {
    let file = real(TORCH);
    let names: Vec<_> = ["data/0", "data/1"].map(|name| format!("pytorch_model/{name}")).into();
    let first = in_directory(&file, &names[0]);
    let second = in_directory(&file, &names[1]);
    let end = file.len() - 22;
    let local = position(&file, names[1].as_bytes());
    assert!(local < second);
    let name = |to: &str| {
        assert_eq!(to.len(), names[1].len());
        replaced(&file, names[1].as_bytes(), to.as_bytes())
    };
    let word = |at: usize, word: u32| overwritten(&file, at, &word.to_le_bytes());
    let half = |at: usize, half: u16| overwritten(&file, at, &half.to_le_bytes());
    let both = |at: usize, number: u16| overwritten(&half(at, number), at + 2, &number.to_le_bytes());
    let flags = u16::from_le_bytes([file[second + 8], file[second + 9]]);
    let encrypted = overwritten(&half(second + 8, flags | 1), local - 30 + 6, &(flags | 1).to_le_bytes());
    let cases: [(&str, Vec<u8>, WarningReason); 18] = [
        ("a name twice", name(&names[0]), Disagreement),
        ("another name in front of the data", overwritten(&file, local, names[0].as_bytes()), Disagreement),
        (
            "another name in the directory",
            overwritten(&file, second + 46, b"pytorch_model/data/2"),
            Disagreement,
        ),
        ("another method in the directory", half(second + 10, 8), Disagreement),
        ("an unknown method", half(second + 10, 14), UnknownVersion),
        ("another CRC-32 in the directory", word(second + 16, 1), Disagreement),
        ("another size in the directory", word(second + 24, 17), TooLarge),
        ("encrypted", encrypted, NotRead),
        ("encrypted in the directory alone", half(second + 8, flags | 1), NotRead),
        ("climbs", name("../../../../etc/pass"), Escape),
        ("absolute", name("/etc/ssl/certs/a.pem"), Escape),
        ("a backslash", name("pytorch_model\\data\\1"), Escape),
        ("not UTF-8", replaced(&file, b"pytorch_model/data/1", b"pytorch_model/data/\xff"), Malformed),
        (
            "a second member in the first",
            word(second + 42, u32::from_le_bytes(file[first + 42..first + 46].try_into().expect("four"))),
            Malformed,
        ),
        ("bytes in front", [b"MZ", &file[..]].concat(), Malformed),
        ("bytes behind", [&file[..], b"x"].concat(), Malformed),
        ("a comment", [&half(end + 20, 1)[..], b"x"].concat(), Malformed),
        ("a number of members that is not the one of zip64", both(end + 8, 1), Disagreement),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_zip(&bytes), reason, why);
    }
}

#[test]
fn the_last_record_of_a_zip_file_is_believed_only_if_it_fits() {
    // numpy writes no record of zip64, unlike torch.
    let file = real("weights/npz-stored/model/weights.npz");
    let end = file.len() - 22;
    let word = |at: usize, word: u32| overwritten(&file, at, &word.to_le_bytes());
    let half = |at: usize, half: u16| overwritten(&file, at, &half.to_le_bytes());
    let both = |number: u16| overwritten(&half(end + 8, number), end + 10, &number.to_le_bytes());
    let cases: [(&str, Vec<u8>, WarningReason); 8] = [
        ("a member fewer", both(1), Malformed),
        ("a member more", both(3), Malformed),
        ("65535 members and no zip64", both(u16::MAX), Malformed),
        ("no member", both(0), Malformed),
        ("several disks", half(end + 8, 1), UnknownVersion),
        ("a directory of 2^32-1 bytes", word(end + 12, u32::MAX), TooLarge),
        ("a directory elsewhere", word(end + 16, 0), Malformed),
        ("a byte of something else", [&file[..end], b"x", &file[end..]].concat(), Malformed),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_zip(&bytes), reason, why);
    }
}

#[test]
fn a_deflated_bomb_is_refused_by_what_it_says_and_by_what_it_holds() {
    let file = real("weights/npz-deflated/model/weights.npz");
    let at = in_directory(&file, "bias.npy");
    let local = position(&file, b"bias.npy") - 30;
    let both = |size: u64| {
        let short = u32::try_from(size).expect("short");
        // The header in front has its sizes in the extra field of zip64, the compressed one second.
        let changed = overwritten(&file, at + 24, &short.to_le_bytes());
        overwritten(&changed, local + 30 + 8 + 4, &size.to_le_bytes())
    };
    assert_refused(&read_zip(&both(0xffff_0000)), TooLarge, "more than deflate can make");
    let collected = read_zip(&both(60_000));
    assert_eq!(
        (reasons(&collected), fact(&collected, "parameters")),
        (vec![Malformed], None),
        "{}",
        text(&collected)
    );
    let collected = read_zip(&both(159));
    assert_eq!(
        (reasons(&collected), fact(&collected, "parameters")),
        (vec![Malformed], None),
        "{}",
        text(&collected)
    );
}

#[test]
fn small_members_are_held_against_their_sum() {
    let file = real("weights/keras-plain/model/model.keras");
    let changed = replaced(&file, b"\"keras_version\": \"3", b"\"keras_version\": \"4");
    let collected = read_zip(&changed);
    assert!(reasons(&collected).contains(&Malformed), "{}", text(&collected));
    assert_eq!(fact(&collected, "producer"), None);
}

#[test]
fn arrays_with_one_fault_are_refused() {
    let file = real("weights/npy-plain/model/weights.npy");
    let cases: [(&str, Vec<u8>, WarningReason); 13] = [
        ("version 4", overwritten(&file, 6, &[4]), UnknownVersion),
        ("header longer than the file", overwritten(&file, 8, &[0xff, 0x7f]), Malformed),
        (
            "a header of 2^32-1 bytes",
            [&b"\x93NUMPY\x02\0\xff\xff\xff\xff"[..], &file[10..]].concat(),
            TooLarge,
        ),
        (
            "descr twice",
            replaced(&file, b"'fortran_order': False, ", b"'descr': '<f4', '':1, \t "),
            Malformed,
        ),
        ("no shape", replaced(&file, b"'shape'", b"'shapf'"), Malformed),
        ("a negative shape", replaced(&file, b"(3, 4)", b"(3,-4)"), Malformed),
        ("a shape of another length", replaced(&file, b"(3, 4)", b"(3, 5)"), Malformed),
        ("an unknown type", replaced(&file, b"'<f4'", b"'<q4'"), UnknownVersion),
        ("an order that is a number", replaced(&file, b"False", b"    0"), Malformed),
        ("an expression", replaced(&file, b"(3, 4)", b"(3*4,)"), Malformed),
        ("not text", replaced(&file, b"(3, 4)", b"(3, \xff)"), Malformed),
        ("Latin-1", replaced(&file, b"'<f4'", "'é4'".as_bytes()), Malformed),
        ("a byte too many", [&file[..], b"\0"].concat(), Malformed),
    ];
    for (why, bytes, reason) in cases {
        assert_refused(&read_npy(&bytes), reason, why);
    }
    let wide = |shape: &str| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let len = u16::try_from(header.len()).expect("short").to_le_bytes();
        [&b"\x93NUMPY\x01\0"[..], &len, header.as_bytes()].concat()
    };
    assert_refused(&read_npy(&wide("4294967296, 4294967296")), Malformed, "a product that overflows");
    assert_refused(&read_npy(&wide("4611686018427387904,")), Malformed, "bytes that overflow");
    assert_refused(&read_npy(&wide(&"1,".repeat(65))), TooLarge, "65 dimensions");
    assert_refused(&read_npy(&wide(&"(".repeat(100))), TooLarge, "nested deep");
}

#[test]
fn code_in_a_configuration_of_keras_is_named_however_deep_it_lies() {
    let lambda =
        r#"{"class_name": "Model", "config": {"layers": [{"config": {"layer": {"class_name": "Lambda"}}}]}}"#;
    let collected = keras::read_config(lambda.as_bytes(), NAME);
    assert_eq!((reasons(&collected), fact(&collected, "code").as_deref()), (vec![NotRead], Some("lambda")));
    let custom = r#"{"class_name": "Evil", "module": "os", "config": {}}"#;
    let collected = keras::read_config(custom.as_bytes(), NAME);
    assert_eq!(
        (reasons(&collected), fact(&collected, "custom-class").as_deref()),
        (vec![NotRead], Some("Evil"))
    );
    let twice = r#"{"class_name": "Sequential", "class_name": "Lambda"}"#;
    assert_refused(&keras::read_config(twice.as_bytes(), NAME), Malformed, "a key twice");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_refused(&keras::read_config(deep.as_bytes(), NAME), TooLarge, "nested deep");
}

#[test]
fn a_file_is_what_it_holds_and_not_what_it_is_called() {
    let dir = tempfile::tempdir().expect("a directory");
    let named = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        weights::read(&path)
    };
    let collected = named("model.safetensors", &real("weights/pickle/model/model.pkl"));
    assert_eq!(reasons(&collected), [Disagreement, NotRead], "{}", text(&collected));
    assert_eq!(fact(&collected, "format").as_deref(), Some("pickle"));
    let collected = named("model.pt", &real(GGUF));
    assert_eq!(reasons(&collected), [Disagreement], "{}", text(&collected));
    assert_refused(&named("model.gguf", b"hello"), Malformed, "a text");
    assert_refused(&named("README.md", b"hello"), Malformed, "no weights");
    assert_refused(&named("empty.bin", b""), Malformed, "nothing");
    let shifted = [&[0; 512][..], &real("weights/keras-h5/model/model.h5")].concat();
    assert_eq!(fact(&named("model.h5", &shifted), "format").as_deref(), Some("hdf5"));
    assert_eq!(reasons(&weights::read(&dir.path().join("nothing"))), [Absent]);
}

#[test]
fn a_directory_with_a_pipe_is_read_without_waiting() {
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("model.safetensors");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    std::fs::write(dir.path().join("model.gguf"), real(GGUF)).expect("write");
    let collected = weights::read(dir.path());
    assert_eq!(reasons(&collected), [Malformed], "{}", text(&collected));
    assert_eq!(fact(&collected, "architecture").as_deref(), Some("llama"));
    assert_eq!(reasons(&weights::read(&pipe)), [Malformed]);
}

#[test]
fn a_directory_is_walked_to_a_depth_and_no_further() {
    let dir = tempfile::tempdir().expect("a directory");
    let deep = dir.path().join(vec!["d"; 70].join("/"));
    std::fs::create_dir_all(&deep).expect("directories");
    std::fs::write(deep.join("model.gguf"), real(GGUF)).expect("write");
    let collected = weights::read(dir.path());
    assert_eq!(reasons(&collected), [Absent, TooLarge], "{}", text(&collected));
    assert!(collected.facts().is_empty());
}
