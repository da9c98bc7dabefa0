//! Protocol buffers, written field by field.

/// A number.
pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A message, a text or bytes.
pub(crate) fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [&varint(field << 3 | 2), &varint(content.len() as u64), content].concat()
}

/// Four bytes.
pub(crate) fn fixed32(field: u64, value: [u8; 4]) -> Vec<u8> {
    [&varint(field << 3 | 5)[..], &value].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
    out
}
