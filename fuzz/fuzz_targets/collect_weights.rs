//! Files of a model, read as each of their formats.

#![no_main]

use std::io::Cursor;

use collect::weights::{archive, gguf, keras, npy, onnx, safetensors, sharded};
use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::fits;

fuzz_target!(|input: &[u8]| {
    let file = || Cursor::new(input);
    fits(&archive::read(file(), "file"));
    fits(&gguf::read(file(), "file"));
    fits(&npy::read(file(), "file"));
    fits(&onnx::read(file(), "file"));
    fits(&safetensors::read(file(), "file"));
    fits(&keras::read_config(input, "file"));
    fits(&sharded::read_index(input, "file"));
});
