//! The number of a bill: made from what it is written from, so that the same statements make the same bytes.

use attest::digest::Sha256;

use crate::bill::Bill;

/// A UUID of version 8 (RFC 9562 §5.8): SHA-256 over what the bill is written from and as what, cut to 122 bits.
pub(crate) fn of(bill: &Bill, format: &str) -> String {
    let mut hasher = Sha256::new();
    let mut take = |text: &str| {
        // Each with its length, so that no two lists of texts run together to the same bytes.
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    take(crate::TOOL_VERSION);
    take(format);
    take(&bill.tree_digest().to_string());
    take(&bill.time().map(|time| time.to_string()).unwrap_or_default());
    for proof in bill.proofs() {
        take(&proof.citation());
        take(&proof.key_id().to_string());
        proof.cosignatures().iter().for_each(|(witness, time)| take(&format!("{witness} {time}")));
    }
    for value in crate::Field::ALL.into_iter().flat_map(|field| bill.values(field)) {
        let parts = [value.about(), value.key(), value.text(), value.grade().as_str(), value.at()];
        parts.into_iter().for_each(&mut take);
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hasher.finish().as_bytes()).for_each(|(byte, hashed)| *byte = *hashed);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    parts.map(|(from, to)| hex.get(from..to).unwrap_or_default()).join("-")
}
