//! Pictures, by their first bytes. What they show is not looked at.

/// Whether these first bytes are those of PNG, JPEG, GIF or WebP.
pub(crate) fn is_image(beginning: &[u8]) -> bool {
    let is_webp = beginning.starts_with(b"RIFF") && beginning.get(8..12) == Some(b"WEBP");
    let magics: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"];
    is_webp || magics.iter().any(|magic| beginning.starts_with(magic))
}
