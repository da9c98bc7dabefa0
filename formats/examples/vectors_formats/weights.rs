//! safetensors, GGUF, arrays of NumPy: right, and with one fault each.

use crate::case::Case;
use crate::pickles::CALL;
use crate::zip::{Member, member, zip};

/// A safetensors file with this header.
pub(crate) fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

/// One with a tensor of two by three floats.
pub(crate) fn one_tensor() -> Vec<u8> {
    safetensors(
        r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}   "#,
        24,
    )
}

pub(crate) fn add(cases: &mut Vec<Case>) {
    bad_safetensors(cases);
    bad_gguf(cases);
    bad_arrays(cases);
}

fn bad_safetensors(cases: &mut Vec<Case>) {
    let mut push = |name: &str, why: &str, bytes: Vec<u8>, reason| {
        cases.push(Case::refused(
            format!("safetensors-{name}"),
            why,
            ("model.safetensors", bytes),
            "safetensors",
            &[reason],
        ));
    };
    let one = |tensor: &str, data| safetensors(&format!("{{\"w\":{tensor}}}"), data);
    let right = r#"{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"#;
    push(
        "tensor-twice",
        "B52: one tensor twice, of which readers take the last",
        safetensors(&format!("{{\"w\":{right},\"w\":{right}}}"), 24),
        "safetensors-duplicate",
    );
    push(
        "metadata-twice",
        "B52: one key of the metadata twice",
        safetensors(&format!("{{\"__metadata__\":{{\"a\":\"1\",\"a\":\"2\"}},\"w\":{right}}}"), 24),
        "safetensors-duplicate",
    );
    push(
        "two-metadata",
        "B52: the metadata twice",
        safetensors(&format!("{{\"__metadata__\":{{}},\"__metadata__\":{{}},\"w\":{right}}}"), 24),
        "safetensors-duplicate",
    );
    push(
        "member-twice",
        "B52: a tensor with two shapes",
        one(r#"{"dtype":"F32","shape":[2,3],"shape":[6],"data_offsets":[0,24]}"#, 24),
        "safetensors-header",
    );
    push(
        "member-unknown",
        "B53: a member that tensors do not have",
        one(r#"{"dtype":"F32","shape":[2,3],"data_offsets":[0,24],"code":"echo"}"#, 24),
        "safetensors-header",
    );
    push(
        "member-missing",
        "a tensor without a shape",
        one(r#"{"dtype":"F32","data_offsets":[0,24]}"#, 24),
        "safetensors-header",
    );
    push(
        "type-unknown",
        "a type that does not exist",
        one(r#"{"dtype":"O","shape":[2,3],"data_offsets":[0,24]}"#, 24),
        "safetensors-header",
    );
    push(
        "metadata-number",
        "metadata that is no text",
        safetensors(&format!("{{\"__metadata__\":{{\"a\":1}},\"w\":{right}}}"), 24),
        "safetensors-header",
    );
    push(
        "behind-header",
        "B54: a second value behind the header",
        safetensors(&format!("{{\"w\":{right}}}{{}}"), 24),
        "safetensors-header",
    );
    push(
        "padded-with-lines",
        "a header padded with something else than spaces",
        safetensors(&format!("{{\"w\":{right}}}\n\n"), 24),
        "safetensors-header",
    );
    push(
        "negative",
        "an offset below zero",
        one(r#"{"dtype":"F32","shape":[2,3],"data_offsets":[-1,23]}"#, 24),
        "safetensors-header",
    );
    push(
        "fraction",
        "a shape that is no integer",
        one(r#"{"dtype":"F32","shape":[2.0,3],"data_offsets":[0,24]}"#, 24),
        "safetensors-header",
    );
    push(
        "deep",
        "B58: a header nested ten thousand deep",
        safetensors(&format!("{{\"w\":{}", "[".repeat(10_000)), 24),
        "safetensors-header",
    );
    push(
        "huge-header",
        "B56: a header of two to the sixtieth bytes",
        [&(1_u64 << 40).to_le_bytes()[..], b"{\"w\":1}"].concat(),
        "safetensors-header",
    );
    push(
        "shape",
        "a shape that does not make the bytes",
        one(r#"{"dtype":"F32","shape":[2,4],"data_offsets":[0,24]}"#, 24),
        "safetensors-shape",
    );
    push(
        "shape-overflow",
        "B40: a shape whose product is beyond 64 bits",
        one(r#"{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}"#, 0),
        "safetensors-shape",
    );
    push(
        "backwards",
        "a tensor that ends before it begins",
        one(r#"{"dtype":"F32","shape":[2,3],"data_offsets":[24,0]}"#, 24),
        "safetensors-shape",
    );
    push(
        "outside",
        "a tensor that ends behind the file",
        one(r#"{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}"#, 20),
        "safetensors-shape",
    );
    push(
        "half-byte",
        "three numbers of four bits",
        one(r#"{"dtype":"F4","shape":[3],"data_offsets":[0,1]}"#, 1),
        "safetensors-shape",
    );
    push(
        "overlap",
        "two tensors that share bytes",
        safetensors(
            r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}"#,
            12,
        ),
        "safetensors-overlap",
    );
    push(
        "same-bytes",
        "two tensors of the same bytes",
        safetensors(
            r#"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#,
            8,
        ),
        "safetensors-overlap",
    );
    push(
        "hole",
        "four bytes between two tensors",
        safetensors(
            r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}"#,
            12,
        ),
        "safetensors-hole",
    );
    push(
        "hole-in-front",
        "four bytes in front of the first tensor",
        one(r#"{"dtype":"U8","shape":[4],"data_offsets":[4,8]}"#, 8),
        "safetensors-hole",
    );
    let trailing = [&one_tensor()[..], CALL].concat();
    push("trailing", "B54: a pickle behind the last tensor", trailing, "safetensors-hole");
    cases.push(Case::refused(
        "safetensors-called-bin",
        "safetensors under the name of a PyTorch file",
        ("pytorch_model.bin", one_tensor()),
        "safetensors",
        &["extension-mismatch"],
    ));
    cases.push(Case::refused(
        "empty-safetensors",
        "B63: an empty file under the name of safetensors",
        ("model.safetensors", Vec::new()),
        "text",
        &["extension-mismatch"],
    ));
}

/// Pairs and tensors of a GGUF file.
#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) version: u32,
    pub(crate) pairs: Vec<(&'static str, u32, Vec<u8>)>,
    pub(crate) tensors: Vec<(&'static str, Vec<u64>, u32, u64)>,
    pub(crate) alignment: usize,
    pub(crate) data: usize,
}

/// A text as GGUF has it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn gguf() -> Gguf {
    Gguf {
        version: 3,
        pairs: vec![("general.architecture", 8, text("llama")), ("llama.block_count", 4, vec![2, 0, 0, 0])],
        tensors: vec![("a", vec![32, 2], 8, 0), ("b", vec![4], 0, 96)],
        alignment: 32,
        data: 112,
    }
}

impl Gguf {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.pairs.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.pairs {
            out.extend(text(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        for (name, shape, kind, offset) in &self.tensors {
            out.extend(text(name));
            out.extend(u32::try_from(shape.len()).expect("few").to_le_bytes());
            shape.iter().for_each(|size| out.extend(size.to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
        }
        out.resize(out.len().next_multiple_of(self.alignment) + self.data, 0);
        out
    }
}

fn bad_gguf(cases: &mut Vec<Case>) {
    let mut push = |name: &str, why: &str, reason, change: &dyn Fn(&mut Gguf)| {
        let mut file = gguf();
        change(&mut file);
        cases.push(Case::refused(
            format!("gguf-{name}"),
            why,
            ("model.gguf", file.write()),
            "gguf",
            &[reason],
        ));
    };
    push("version", "a version that does not exist", "gguf-malformed", &|file| file.version = 4);
    push("big-endian", "the high byte first", "gguf-malformed", &|file| file.version = 3 << 24);
    push("key-twice", "B52: one key twice", "gguf-malformed", &|file| {
        file.pairs.push(("general.architecture", 8, text("x")))
    });
    push("name-twice", "B52: one tensor twice", "gguf-malformed", &|file| file.tensors[1].0 = "a");
    push("value-type", "a value of a type that does not exist", "gguf-malformed", &|file| {
        file.pairs[1].1 = 13
    });
    push("tensor-type", "a tensor of a type that does not exist", "gguf-malformed", &|file| {
        file.tensors[0].2 = 5
    });
    push("dimensions", "a tensor of nine dimensions", "gguf-malformed", &|file| {
        file.tensors[1].1 = vec![1; 9]
    });
    push("half-block", "a row of sixteen numbers of a type of thirty-two", "gguf-malformed", &|file| {
        file.tensors[0].1 = vec![16, 4]
    });
    push("overflow", "B40: a shape whose product is beyond 64 bits", "gguf-malformed", &|file| {
        file.tensors[0].1 = vec![1 << 32, 1 << 32, 32]
    });
    push("alignment", "an alignment that is no power of two", "gguf-malformed", &|file| {
        file.pairs.push(("general.alignment", 4, vec![24, 0, 0, 0]))
    });
    push("array-huge", "B56: an array of two to the sixtieth texts", "gguf-malformed", &|file| {
        file.pairs.push((
            "tokenizer.ggml.tokens",
            9,
            [&8_u32.to_le_bytes()[..], &(1_u64 << 60).to_le_bytes()].concat(),
        ));
    });
    push("overlap", "two tensors that share bytes", "gguf-layout", &|file| file.tensors[1].3 = 64);
    push("hole", "thirty-two bytes between two tensors", "gguf-layout", &|file| file.tensors[1].3 = 128);
    push("outside", "a tensor that ends behind the file", "gguf-layout", &|file| file.data = 100);
    push("trailing", "B54: bytes behind the last tensor", "gguf-layout", &|file| file.data = 160);
    let mut many = gguf().write();
    many[8..16].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    cases.push(Case::refused(
        "gguf-count",
        "B56: two to the fortieth tensors",
        ("model.gguf", many),
        "gguf",
        &["gguf-malformed"],
    ));
    let cut = gguf().write()[..50].to_vec();
    cases.push(Case::refused(
        "gguf-cut",
        "B54: cut in the middle of a key",
        ("model.gguf", cut),
        "gguf",
        &["gguf-malformed"],
    ));
}

/// An array with this header.
pub(crate) fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    raw_array(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), data)
}

fn raw_array(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned();
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let len = u16::try_from(header.len()).expect("short");
    [b"\x93NUMPY\x01\x00", &len.to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn bad_arrays(cases: &mut Vec<Case>) {
    let objects = array("'|O'", "(1,)", CALL);
    cases.push(Case::refused(
        "npy-objects",
        "an array of objects is a pickle",
        ("a.npy", objects.clone()),
        "npy",
        &["pickle", "pickle-global"],
    ));
    let fields = array("[('x', '<f4'), ('y', '|O')]", "(1,)", CALL);
    cases.push(Case::refused(
        "npy-objects-in-fields",
        "objects in one field of a type",
        ("a.npy", fields),
        "npy",
        &["pickle", "pickle-global"],
    ));
    let mut push = |name: &str, why: &str, bytes: Vec<u8>| {
        cases.push(Case::refused(format!("npy-{name}"), why, ("a.npy", bytes), "npy", &["npy-malformed"]));
    };
    push("short", "fewer numbers than the shape says", array("'<f4'", "(3,)", &[0; 8]));
    push("trailing", "B54: bytes behind the numbers", array("'<f4'", "(3,)", &[0; 16]));
    push(
        "overflow",
        "B40: a shape whose product is beyond 64 bits",
        array("'<f8'", "(4611686018427387904, 4611686018427387904)", &[]),
    );
    push(
        "keys-in-another-order",
        "a header that NumPy does not write",
        raw_array("{'shape': (3,), 'descr': '<f4', 'fortran_order': False, }", &[0; 12]),
    );
    push(
        "key-twice",
        "B52: the type twice, of which Python takes the last",
        raw_array("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (3,), }", &[0; 12]),
    );
    push("expression", "a shape that has to be computed", array("'<f4'", "(1+2,)", &[0; 12]));
    push(
        "version",
        "a version that does not exist",
        [b"\x93NUMPY\x04\x00", &array("'<f4'", "(3,)", &[0; 12])[8..]].concat(),
    );
    cases.push(Case::refused(
        "npz-objects",
        "an array of objects among others",
        ("a.npz", zip(&[member("a.npy", &array("'<f4'", "(3,)", &[0; 12])), member("b.npy", &objects)])),
        "npz",
        &["pickle", "pickle-global"],
    ));
    let deflated = Member { deflated: true, ..member("b.npy", &objects) };
    cases.push(Case::refused(
        "npz-objects-deflated",
        "the same, deflated",
        ("a.npz", zip(&[deflated])),
        "npz",
        &["pickle", "pickle-global"],
    ));
    cases.push(Case::refused(
        "npz-with-pickle",
        "a pickle among arrays",
        ("a.npz", zip(&[member("a.npy", &array("'<f4'", "(3,)", &[0; 12])), member("b.pkl", CALL)])),
        "zip",
        &["extension-mismatch", "format-not-allowed", "pickle", "pickle-global"],
    ));
    cases.push(Case::refused(
        "npz-no-array",
        "text under the name of an array",
        ("a.npz", zip(&[member("a.npy", b"text\n")])),
        "npz",
        &["npy-malformed"],
    ));
}
