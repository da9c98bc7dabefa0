//! What the targets share: reading numbers off an input, one change to it, and the tree that has every size.
//!
//! In scope: only what more than one file in `fuzz_targets/` needs. The rule all parsers have in common is
//! [`written_back`].

mod gathered;
mod publication;
mod signed;

pub use gathered::{fits, with_file};
pub use publication::Publication;
pub use signed::has_an_entry;

use merkle::{Hash, LeafHash, NodeId, node_hash};

/// Holds a parser to its promise: what it takes, it writes back byte for byte.
///
/// Hands on the value, so that a target can ask more of it.
pub fn written_back<T, E, B: AsRef<[u8]>>(
    input: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
    write: impl FnOnce(&T) -> B,
) -> Option<T> {
    let value = parse(input).ok()?;
    assert_eq!(
        write(&value).as_ref().escape_ascii().to_string(),
        input.escape_ascii().to_string(),
        "written back differently"
    );
    Some(value)
}

/// The same for a text form: `FromStr` and `Display`.
pub fn text_written_back<T: core::str::FromStr + core::fmt::Display>(input: &[u8]) -> Option<T> {
    let text = core::str::from_utf8(input).ok()?;
    written_back(input, |_| text.parse::<T>(), T::to_string)
}

/// The same for one word, which in a file of `testdata` is followed by a line feed that is no part of it.
pub fn word_written_back<T: core::str::FromStr + core::fmt::Display>(input: &[u8]) -> Option<T> {
    text_written_back(input.strip_suffix(b"\n").unwrap_or(input))
}

/// For a format that has more than one spelling of a value, and one that we write: what is written is read as
/// the same value and written the same again.
pub fn settles<T: PartialEq + core::fmt::Debug, E: core::fmt::Debug, B: AsRef<[u8]>>(
    input: &[u8],
    parse: impl Fn(&[u8]) -> Result<T, E>,
    write: impl Fn(&T) -> B,
) -> Option<T> {
    let value = parse(input).ok()?;
    let written = write(&value);
    let again = parse(written.as_ref()).expect("what is written is read again");
    assert_eq!(again, value, "read again as another value");
    assert!(write(&again).as_ref() == written.as_ref(), "written differently the second time");
    Some(value)
}

/// Takes eight bytes off the front as a number.
pub fn number(input: &mut &[u8]) -> Option<u64> {
    let (first, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(u64::from_be_bytes(*first))
}

/// A tree in which all entries are equal: each level has one hash, so it has every size up to 2^63 − 1 at
/// once.
pub struct UniformTree([Hash; 63]);

impl UniformTree {
    /// Hashes the 63 levels.
    pub fn new() -> Self {
        let mut hash = LeafHash::of(b"").hash();
        Self(core::array::from_fn(|_| {
            let level = hash;
            hash = node_hash(&hash, &hash);
            level
        }))
    }

    /// The leaf that stands everywhere.
    pub fn leaf(&self) -> LeafHash {
        LeafHash::of(b"")
    }

    /// Reads a node, as a proof builder does.
    pub fn get(&self, node: NodeId) -> Result<Hash, core::convert::Infallible> {
        Ok(self.0[usize::from(node.level())])
    }
}

impl Default for UniformTree {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes one change to a list of hashes, chosen by two bytes: a bit flipped, a hash dropped, or a stranger
/// put in.
pub fn changed(hashes: &[Hash], kind: u8, place: u8) -> Vec<Hash> {
    let mut hashes = hashes.to_vec();
    let place = usize::from(place) % (hashes.len() + 1);
    match (kind % 3, hashes.get_mut(place)) {
        (0, Some(hash)) => {
            let mut bytes = hash.to_bytes();
            bytes[usize::from(kind) % 32] ^= 1 << (kind % 8);
            *hash = Hash::from_bytes(bytes);
        }
        (1, Some(_)) => drop(hashes.remove(place)),
        _ => hashes.insert(place, LeafHash::of(b"stranger").hash()),
    }
    hashes
}
