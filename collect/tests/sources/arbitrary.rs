//! Bytes of any kind, and real files with bytes changed: no reader panics, and none takes long.

use std::io::Cursor;

use crate::common::real;
use collect::Collected;
use collect::environment::{conda, installed, os_release, pylock, pyvenv, requirements, uv_lock};
use collect::weights::{archive, gguf, keras, npy, onnx, safetensors, sharded};
use proptest::prelude::*;

/// A reader, and a real file that it reads.
type Reader = (fn(&[u8]) -> Collected, &'static str);

const READERS: [Reader; 17] = [
    (|bytes| safetensors::read(Cursor::new(bytes), "f"), "weights/safetensors-numpy/model/model.safetensors"),
    (|bytes| gguf::read(Cursor::new(bytes), "f"), "weights/gguf-quantised/model/tiny-Q8_0.gguf"),
    (|bytes| onnx::read(Cursor::new(bytes), "f"), "weights/onnx-inline/model/model.onnx"),
    (|bytes| onnx::read(Cursor::new(bytes), "f"), "weights/onnx-subgraph/model/model.onnx"),
    (|bytes| archive::read(Cursor::new(bytes), "f"), "weights/torch-zip/model/pytorch_model.bin"),
    (|bytes| archive::read(Cursor::new(bytes), "f"), "weights/npz-deflated/model/weights.npz"),
    (|bytes| archive::read(Cursor::new(bytes), "f"), "weights/npz-stored/model/weights.npz"),
    (|bytes| npy::read(Cursor::new(bytes), "f"), "weights/npy-fields/model/weights.npy"),
    (
        |bytes| sharded::read_index(bytes, "f"),
        "weights/safetensors-sharded/model/model.safetensors.index.json",
    ),
    (
        |bytes| keras::read_config(bytes, "f"),
        "weights/safetensors-sharded/model/model.safetensors.index.json",
    ),
    (|bytes| uv_lock::read(bytes, "f"), "environment/uv-lock/input/uv.lock"),
    (|bytes| pylock::read(bytes, "f"), "environment/pylock/input/pylock.toml"),
    (|bytes| requirements::read(bytes, "f"), "environment/requirements-hashed/input/requirements.txt"),
    (|bytes| conda::read(bytes, "f"), "environment/conda-mlflow/input/conda.yaml"),
    (
        |bytes| installed::read_record(bytes, "f"),
        "environment/installed-pip/input/env/lib/python3.11/site-packages/tiny_demo-1.2.3.dist-info/RECORD",
    ),
    (|bytes| pyvenv::read(bytes, "f"), "environment/installed-pip/input/env/pyvenv.cfg"),
    (|bytes| os_release::read_bytes(bytes, "f"), "environment/os-release-debian/input/os-release"),
];

#[test]
fn every_reader_takes_its_real_file() {
    for (read, name) in READERS {
        assert!(!read(&real(name)).facts().is_empty() || name.ends_with(".json"), "{name}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (read, _) in READERS {
            read(&bytes);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[\\PC\\n\"'\\[\\](){},:;=#\\\\-]{0,200}") {
        for (read, _) in READERS {
            read(text.as_bytes());
        }
    }

    #[test]
    fn bytes_changed_in_a_real_file_never_panic(
        which in 0..READERS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let Some((read, name)) = READERS.get(which) else { return Ok(()) };
        let mut bytes = real(name);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
        read(&bytes[..cut.index(bytes.len())]);
    }
}
