//! PEM as RFC 7468 has writers write it, and nothing looser.
//!
//! In scope: one block, LF or CRLF, base64 lines of 64 characters. Out of scope: text around the block, headers,
//! several blocks in one file; a reader that skips what it does not know can be made to see another key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

/// RFC 7468 section 13: SubjectPublicKeyInfo.
pub(crate) const PUBLIC_KEY: &str = "PUBLIC KEY";
/// RFC 7468 section 10: PKCS#8.
#[cfg(feature = "keys")]
pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";
/// RFC 7468 section 11: PKCS#8 under PBES2.
pub(super) const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// Characters on every line but the last.
const LINE: usize = 64;

/// Whether a PEM text begins as a private key that needs a passphrase.
///
/// Looks at the first line only, so that a program knows whether to ask; reading the key is what decides.
#[must_use]
pub fn is_encrypted(text: &str) -> bool {
    label(text) == Some(ENCRYPTED_PRIVATE_KEY)
}

/// RFC 7468 section 5: an X.509 certificate.
pub(crate) const CERTIFICATE: &str = "CERTIFICATE";

/// The label in the first line.
pub(super) fn label(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

/// Takes the bytes out of the one block in `text`, which must have the label `wanted`.
pub(crate) fn decode(text: &str, wanted: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let found = label(text).ok_or(KeyError::BadPem { line: 1 })?;
    if found != wanted {
        return Err(KeyError::PemLabel { found: found.to_owned(), wanted });
    }
    let mut lines = text.lines().zip(1..).skip(1).peekable();
    // Sized ahead, so that no copy of a secret is left behind by growing.
    let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
    while let Some((body, line)) = lines.next_if(|(body, _)| !body.starts_with('-')) {
        if body.is_empty() || body.len() > LINE || !base64.len().is_multiple_of(LINE) {
            return Err(KeyError::BadPem { line });
        }
        base64.push_str(body);
    }
    let (end, line) = lines.next().ok_or_else(|| KeyError::BadPem { line: text.lines().count() })?;
    let end_label = end.strip_prefix("-----END ").and_then(|end| end.strip_suffix("-----"));
    if end_label != Some(wanted) {
        return Err(KeyError::BadPem { line });
    }
    if let Some((_, line)) = lines.next() {
        return Err(KeyError::BadPem { line });
    }
    let mut bytes = Zeroizing::new(vec![0; base64.len() / 4 * 3 + 3]);
    let len =
        STANDARD.decode_slice(base64.as_bytes(), &mut bytes).map_err(|_| KeyError::BadPem { line: 2 })?;
    bytes.truncate(len);
    Ok(bytes)
}

/// Writes one block, with LF.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(bytes));
    let mut text = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / LINE + 80));
    text.push_str(&["-----BEGIN ", label, "-----\n"].concat());
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&["-----END ", label, "-----\n"].concat());
    text
}
