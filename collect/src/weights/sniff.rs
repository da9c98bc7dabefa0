//! What a file is by its first bytes, whatever its name says.
//!
//! ```text
//! "GGUF"                                 GGUF
//! "PK\3\4", "PK\5\6"                     zip: torch, keras, npz
//! 0x93 "NUMPY"                           npy
//! 0x89 "HDF\r\n" 0x1a "\n"               HDF5, here or 512, 1024, 2048 ... bytes further
//! u64 up to 100,000,000, then '{'        safetensors
//! 0x08, a number below 128, a field      ONNX: ir_version comes first
//! 0x80, 2 to 5                           pickle; the magic number of torch.save before 1.6 tells that one apart
//! zlib, gzip, bzip2, xz, lz4, zstd       compressed, by joblib or anybody
//! 0x7f "ELF", "MZ"                       a program
//! ```
//! Zip allows anything in front, and so a file may be both. The zip reader refuses such a prefix, and the others hold their own
//! length against the file's; what is called by the one name cannot be whole as the other.

use super::{gguf, npy, safetensors, zip};

/// Bytes that are looked at.
pub(super) const SNIFF_BYTES: u64 = 32;

/// How HDF5 begins.
const HDF5: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// The pickle of the number that torch.save wrote first before it wrote zip files.
const TORCH_LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Compressed streams, by their first bytes. Those of zlib are told from text by [`is_text`].
const COMPRESSED: [(&[u8], &str); 9] = [
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Compressed(&'static str),
    Gguf,
    Hdf5,
    Npy,
    Onnx,
    Pickle,
    Program,
    Safetensors,
    TorchLegacy,
    Zip,
}

/// Recognises a file by its beginning, of [`SNIFF_BYTES`] bytes or all if there are fewer.
pub(super) fn kind(beginning: &[u8]) -> Option<Kind> {
    let begins = |magic: &[u8]| beginning.starts_with(magic);
    if begins(gguf::MAGIC) {
        Some(Kind::Gguf)
    } else if zip::MAGICS.iter().any(|magic| begins(*magic)) {
        Some(Kind::Zip)
    } else if begins(npy::MAGIC) {
        Some(Kind::Npy)
    } else if begins(HDF5) {
        Some(Kind::Hdf5)
    } else if begins(TORCH_LEGACY) {
        Some(Kind::TorchLegacy)
    } else if matches!(beginning, [0x80, 2..=5, ..]) {
        Some(Kind::Pickle)
    } else if begins(b"\x7fELF") || (begins(b"MZ") && !is_text(beginning)) {
        Some(Kind::Program)
    } else if is_safetensors(beginning) {
        Some(Kind::Safetensors)
    } else if is_onnx(beginning) {
        Some(Kind::Onnx)
    } else {
        let compressed = COMPRESSED.iter().find(|(magic, _)| begins(magic) && !is_text(beginning));
        compressed.map(|(_, name)| Kind::Compressed(name))
    }
}

/// Whether HDF5 begins at `beginning`, which is read at a power of two from 512 on.
pub(super) fn is_hdf5(beginning: &[u8]) -> bool {
    beginning.starts_with(HDF5)
}

fn is_safetensors(beginning: &[u8]) -> bool {
    let Some((len, rest)) = beginning.split_first_chunk() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(*len) <= safetensors::MAX_HEADER_BYTES
}

/// Field 1, a number of one byte, and then a tag of a field that a model has.
fn is_onnx(beginning: &[u8]) -> bool {
    let [0x08, version, tag, ..] = beginning else { return false };
    let tags = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    (1..0x80).contains(version) && tags.contains(tag)
}

/// Printable ASCII and line ends only, and more than a magic number of it.
fn is_text(beginning: &[u8]) -> bool {
    beginning.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_taken_for_a_stream() {
        assert_eq!(kind(b"x^2 + 1"), None);
        assert_eq!(kind(b"x\x9c\x03\x00"), Some(Kind::Compressed("zlib")));
        assert_eq!(kind(b"BZh is how bzip2 begins"), None);
        assert_eq!(kind(b"MZ begins a program"), None);
        assert_eq!(kind(b"{\"a\": 1}"), None);
        assert_eq!(kind(b""), None);
        assert_eq!(kind(b"\x08\x0a\x12\x07"), Some(Kind::Onnx));
        assert_eq!(kind(b"\x02\0\0\0\0\0\0\0{}"), Some(Kind::Safetensors));
    }
}
