//! What the first bytes say.

/// Bytes that are looked at: a block of tar.
pub(crate) const SNIFFED: u64 = 512;

/// Machine code and byte code, in words.
pub(crate) fn executable(beginning: &[u8]) -> Option<&'static str> {
    let magics: [(&[u8], &str); 11] = [
        (b"\x7fELF", "ELF"),
        (b"\xfe\xed\xfa\xce", "Mach-O"),
        (b"\xfe\xed\xfa\xcf", "Mach-O"),
        (b"\xce\xfa\xed\xfe", "Mach-O"),
        (b"\xcf\xfa\xed\xfe", "Mach-O"),
        (b"\xca\xfe\xba\xbe", "Mach-O or Java"),
        (b"\x00asm", "WebAssembly"),
        (b"BC\xc0\xde", "LLVM"),
        (b"dex\n", "Dalvik"),
        (b"!<arch>\n", "a library of objects"),
        (b"MZ", "a program of Windows"),
    ];
    magics.iter().find(|(magic, _)| beginning.starts_with(magic)).map(|(_, words)| *words)
}

/// Byte code of Python: two bytes of version, a line end, and four bytes of flags of which few are used.
pub(crate) fn is_python_byte_code(beginning: &[u8]) -> bool {
    matches!(beginning, [_, _, b'\r', b'\n', 0..=3, 0, 0, 0, ..])
}

/// Whether a pickle of protocol 2 or later begins here. Others have no magic.
pub(crate) fn is_pickle(beginning: &[u8]) -> bool {
    matches!(beginning, [0x80, 0..=9, ..])
}

/// Whether a zip begins here.
pub(crate) fn is_zip(beginning: &[u8]) -> bool {
    [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK\x07\x08", b"PK\x01\x02"]
        .iter()
        .any(|magic| beginning.starts_with(magic))
}
