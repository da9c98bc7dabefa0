//! ONNX, Keras, TensorFlow, vocabularies: right, and with one fault each.

use crate::case::Case;
use crate::pickles::CALL;
use crate::protobuf::{bytes, fixed32, number};
use crate::zip::{member, zip};

/// An ONNX file with one initialiser.
pub(crate) fn onnx(tensor: &[u8]) -> Vec<u8> {
    let node = [bytes(1, b"x"), bytes(2, b"y"), bytes(4, b"Identity")].concat();
    let graph = [bytes(1, &node), bytes(2, b"graph"), bytes(5, tensor)].concat();
    [number(1, 10), bytes(2, b"pytorch"), bytes(7, &graph), bytes(8, &number(2, 21))].concat()
}

/// A tensor in the file.
pub(crate) fn inline() -> Vec<u8> {
    [number(1, 3), number(2, 1), bytes(8, b"w"), bytes(9, &[0; 12])].concat()
}

/// A tensor in another file.
pub(crate) fn outside(location: &str, offset: &str, length: &str) -> Vec<u8> {
    let pair =
        |key: &str, value: &str| bytes(13, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat());
    [
        number(1, 3),
        number(2, 1),
        bytes(8, b"w"),
        pair("location", location),
        pair("offset", offset),
        pair("length", length),
        number(14, 1),
    ]
    .concat()
}

/// A vocabulary of SentencePiece.
pub(crate) fn vocabulary() -> Vec<u8> {
    let piece = |text: &str, kind: u64| {
        bytes(1, &[bytes(1, text.as_bytes()), fixed32(2, (-1.5_f32).to_le_bytes()), number(3, kind)].concat())
    };
    [
        piece("<unk>", 2),
        piece("▁the", 1),
        piece("s", 1),
        bytes(2, &number(4, 3)),
        bytes(3, &bytes(1, b"nmt_nfkc")),
    ]
    .concat()
}

pub(crate) fn add(cases: &mut Vec<Case>) {
    bad_onnx(cases);
    keras(cases);
    tensorflow(cases);
    let broken = [vocabulary(), bytes(1, &bytes(4, b"x"))].concat();
    cases.push(Case::refused(
        "sentencepiece-odd-piece",
        "B53: a piece with a field that pieces do not have",
        ("tokenizer.model", broken),
        "unknown",
        &["unknown-format"],
    ));
    let cut = vocabulary()[..20].to_vec();
    cases.push(Case::refused(
        "sentencepiece-cut",
        "B54: cut in the middle of a piece",
        ("tokenizer.model", cut),
        "unknown",
        &["unknown-format"],
    ));
}

fn bad_onnx(cases: &mut Vec<Case>) {
    let mut push = |name: &str, why: &str, bytes: Vec<u8>, reason| {
        cases.push(Case::refused(format!("onnx-{name}"), why, ("model.onnx", bytes), "onnx", &[reason]));
    };
    let escaping = "onnx-escaping-data";
    push("parent", "data in the directory above", onnx(&outside("../../etc/passwd", "0", "12")), escaping);
    push("absolute", "data at an absolute path", onnx(&outside("/etc/passwd", "0", "12")), escaping);
    push("backslash", "data at a path of another system", onnx(&outside("..\\secret", "0", "12")), escaping);
    push("missing", "data in a file that is not there", onnx(&outside("model.data", "0", "12")), escaping);
    push(
        "offset",
        "B40: an offset beyond 64 bits",
        onnx(&outside("model.data", "99999999999999999999", "12")),
        escaping,
    );
    let nowhere = [number(1, 3), bytes(8, b"w"), number(14, 1)].concat();
    push("nowhere", "data outside, and no place", onnx(&nowhere), escaping);
    let twice = [outside("a.data", "0", "4"), outside("../b", "0", "4")].concat();
    push(
        "two-places",
        "B52: two places for one tensor, of which readers take the last",
        onnx(&twice),
        escaping,
    );
    let inner = [bytes(2, b"inner"), bytes(5, &outside("../x", "0", "4"))].concat();
    let node = [bytes(4, b"If"), bytes(5, &[bytes(1, b"then"), bytes(6, &inner)].concat())].concat();
    let nested =
        [number(1, 10), bytes(7, &[bytes(1, &node), bytes(2, b"g")].concat()), bytes(8, &number(2, 21))]
            .concat();
    push(
        "parent-in-a-branch",
        "data in the directory above, of a tensor in a graph in a node",
        nested,
        escaping,
    );
    let function = bytes(25, &[bytes(1, b"f"), bytes(7, &node)].concat());
    push("parent-in-a-function", "the same in a function", [onnx(&inline()), function].concat(), escaping);
    let mut deep = inline();
    for _ in 0..40 {
        deep = bytes(5, &[bytes(1, b"a"), bytes(6, &bytes(1, &deep))].concat());
    }
    push(
        "deep",
        "B58: graphs nested forty deep",
        [number(1, 10), bytes(7, &bytes(1, &deep)), bytes(8, &number(2, 21))].concat(),
        "onnx-malformed",
    );
    let cut = [onnx(&inline()), vec![0x12, 0x20, 0x61]].concat();
    push("trailing", "B54: half a field behind the last", cut, "onnx-malformed");
    let short = Case::refused(
        "onnx-short-data",
        "data in a file that is too short",
        ("model.onnx", onnx(&outside("model.data", "0", "12"))),
        "onnx",
        &[escaping, "unknown-format"],
    );
    cases.push(short.beside("model.data", vec![1; 8]));
    let washed = Case::refused(
        "onnx-data-is-a-pickle",
        "a pickle that an ONNX file calls its data",
        ("model.onnx", onnx(&outside("pytorch_model.bin", "0", "12"))),
        "onnx",
        &["pickle", "pickle-global"],
    );
    cases.push(washed.beside("pytorch_model.bin", CALL.to_vec()));
}

fn keras(cases: &mut Vec<Case>) {
    let layer = |class: &str, module: &str, registered: &str| {
        format!(
            "{{\"module\":\"{module}\",\"class_name\":\"{class}\",\"config\":{{\"name\":\"l\"}},\"registered_name\":{registered}}}"
        )
    };
    let model = |layer: &str| {
        let config = format!(
            "{{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{{\"layers\":[{layer}]}},\"registered_name\":null}}"
        );
        let weights = [&b"\x89HDF\r\n\x1a\n\x00"[..], &[0; 64]].concat();
        zip(&[
            member("metadata.json", b"{\"keras_version\":\"3.12.0\"}"),
            member("config.json", config.as_bytes()),
            member("model.weights.h5", &weights),
        ])
    };
    let mut push = |name: &str, why: &str, bytes: Vec<u8>, reasons: &[&'static str]| {
        cases.push(Case::refused(format!("keras-{name}"), why, ("model.keras", bytes), "keras", reasons));
    };
    push(
        "plain",
        "layers of Keras alone: its weights are HDF5, which is not read",
        model(&layer("Dense", "keras.layers", "null")),
        &["format-not-allowed"],
    );
    push(
        "lambda",
        "a Lambda layer: code of Python in the configuration",
        model(&layer("Lambda", "keras.layers", "null")),
        &["format-not-allowed", "keras-code"],
    );
    push(
        "module",
        "a class of a module outside Keras",
        model(&layer("Popen", "subprocess", "null")),
        &["format-not-allowed", "keras-code"],
    );
    push(
        "registered",
        "a class that somebody registered",
        model(&layer("Mine", "keras.layers", "\"Custom>Mine\"")),
        &["format-not-allowed", "keras-code"],
    );
    push(
        "serialised-lambda",
        "a function in the place of a name",
        model(&layer("__lambda__", "builtins", "null")),
        &["format-not-allowed", "keras-code"],
    );
    let h5 =
        [&b"\x89HDF\r\n\x1a\n\x00"[..], &[0; 64], b"{\"class_name\": \"Lambda\", \"config\": {}}"].concat();
    cases.push(Case::refused(
        "h5-lambda",
        "Keras in HDF5 with a Lambda layer, where safe mode is not minded",
        ("model.h5", h5),
        "hdf5",
        &["format-not-allowed", "keras-code"],
    ));
    let h5 = [&[0; 512][..], b"\x89HDF\r\n\x1a\n\x00", &[0; 64]].concat();
    cases.push(Case::refused(
        "h5-behind-a-block",
        "HDF5 that begins at byte 512",
        ("model.h5", h5),
        "hdf5",
        &["format-not-allowed"],
    ));
    let json =
        b"{\"class_name\":\"Sequential\",\"config\":[{\"class_name\":\"Lambda\",\"config\":{}}]}".to_vec();
    cases.push(Case::refused(
        "keras-json-lambda",
        "the architecture alone, as JSON",
        ("model.json", json),
        "json",
        &["keras-code"],
    ));
}

fn tensorflow(cases: &mut Vec<Case>) {
    let node = |operator: &str| bytes(1, &[bytes(1, b"n"), bytes(2, operator.as_bytes())].concat());
    let model = |graph: &[u8]| {
        [number(1, 1), bytes(2, &[bytes(1, &bytes(5, b"2.16")), bytes(2, graph)].concat())].concat()
    };
    let mut push = |name: &str, why: &str, bytes: Vec<u8>, reasons: &[&'static str]| {
        cases.push(Case::refused(
            format!("saved-model-{name}"),
            why,
            ("saved_model.pb", bytes),
            "saved-model",
            reasons,
        ));
    };
    push(
        "plain",
        "a graph of harmless operators, of a format that is not on the list",
        model(&node("MatMul")),
        &["format-not-allowed"],
    );
    for operator in ["PyFunc", "EagerPyFunc", "ReadFile", "WriteFile"] {
        let name = operator.to_lowercase();
        push(
            &name,
            &format!("the operator {operator}"),
            model(&[node("MatMul"), node(operator)].concat()),
            &["format-not-allowed", "saved-model-op"],
        );
    }
    let inner = bytes(3, &[bytes(1, b"n"), bytes(2, b"WriteFile")].concat());
    let library = bytes(2, &bytes(1, &[bytes(1, &bytes(1, b"f")), inner].concat()));
    push(
        "function",
        "the operator WriteFile in a function",
        model(&[node("MatMul"), library].concat()),
        &["format-not-allowed", "saved-model-op"],
    );
    push(
        "frozen",
        "a graph without a SavedModel around it",
        [node("MatMul"), node("PyFunc")].concat(),
        &["format-not-allowed", "saved-model-op"],
    );
}
