//! CBOR as the entry needs it: definite lengths, small maps with known keys, errors that name the part.
//!
//! What minicbor tolerates beyond deterministic encoding (longer integers than needed) is caught by the caller,
//! who encodes again and compares.

use core::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::error::{EntryError, EntryPlace};

/// Runs `write` on an encoder over a new vector.
#[expect(clippy::expect_used, reason = "a vector takes every write, and no value we write refuses to encode")]
pub(super) fn encoded(
    write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder).expect("writing CBOR to a vector succeeds");
    encoder.into_writer()
}

/// Reads one CBOR item after another.
pub(super) struct Reader<'b> {
    decoder: Decoder<'b>,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes) }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.decoder.position()
    }

    /// Refuses indefinite lengths and, by `wanted`, other types than the part has.
    fn expect_type(&self, place: EntryPlace, wanted: &[Type]) -> Result<(), EntryError> {
        match self.decoder.datatype() {
            Err(_) => Err(EntryError::Truncated { place }),
            Ok(Type::ArrayIndef | Type::MapIndef | Type::BytesIndef | Type::StringIndef) => {
                Err(EntryError::IndefiniteLength { place })
            }
            Ok(seen) if wanted.contains(&seen) => Ok(()),
            Ok(_) => Err(EntryError::WrongType { place }),
        }
    }

    pub(super) fn tag(&mut self, place: EntryPlace) -> Result<u64, EntryError> {
        self.expect_type(place, &[Type::Tag])?;
        self.decoder.tag().map(|tag| tag.as_u64()).map_err(|_| EntryError::Truncated { place })
    }

    /// The header of an array of `min` to `max` elements.
    pub(super) fn array(&mut self, place: EntryPlace, min: u64, max: u64) -> Result<u64, EntryError> {
        self.expect_type(place, &[Type::Array])?;
        let len = self.decoder.array().ok().flatten().ok_or(EntryError::Truncated { place })?;
        within(place, len, min, max)?;
        Ok(len)
    }

    /// The header of a map, with its number of members.
    pub(super) fn map(&mut self, place: EntryPlace) -> Result<u64, EntryError> {
        self.expect_type(place, &[Type::Map])?;
        self.decoder.map().ok().flatten().ok_or(EntryError::Truncated { place })
    }

    pub(super) fn bytes(&mut self, place: EntryPlace) -> Result<&'b [u8], EntryError> {
        self.expect_type(place, &[Type::Bytes])?;
        self.decoder.bytes().map_err(|_| EntryError::Truncated { place })
    }

    /// A byte string of exactly `N` bytes.
    pub(super) fn fixed<const N: usize>(&mut self, place: EntryPlace) -> Result<[u8; N], EntryError> {
        let bytes = self.bytes(place)?;
        let (seen, want) = (bytes.len() as u64, N as u64);
        bytes.try_into().map_err(|_| EntryError::WrongLength { place, seen, min: want, max: want })
    }

    pub(super) fn text(&mut self, place: EntryPlace) -> Result<&'b str, EntryError> {
        self.expect_type(place, &[Type::String])?;
        // Bytes that are there but are no UTF-8 are of the wrong type too: CBOR text is UTF-8 by definition.
        self.decoder.str().map_err(|error| match error.is_end_of_input() {
            true => EntryError::Truncated { place },
            false => EntryError::WrongType { place },
        })
    }

    /// An integer of either sign.
    pub(super) fn int(&mut self, place: EntryPlace) -> Result<i128, EntryError> {
        use Type::{I8, I16, I32, I64, Int, U8, U16, U32, U64};
        self.expect_type(place, &[U8, U16, U32, U64, I8, I16, I32, I64, Int])?;
        self.decoder.int().map(i128::from).map_err(|_| EntryError::Truncated { place })
    }

    /// An integer that `known` turns into what it stands for.
    pub(super) fn code<T>(
        &mut self,
        place: EntryPlace,
        known: impl FnOnce(i128) -> Option<T>,
    ) -> Result<T, EntryError> {
        let seen = self.int(place)?;
        known(seen).ok_or(EntryError::UnknownCode { place, seen })
    }

    /// Nothing may follow.
    pub(super) fn end(&self, place: EntryPlace) -> Result<(), EntryError> {
        match self.decoder.input().len().saturating_sub(self.decoder.position()) {
            0 => Ok(()),
            len => Err(EntryError::TrailingBytes { place, len }),
        }
    }
}

/// A length between its bounds.
pub(super) fn within(place: EntryPlace, seen: u64, min: u64, max: u64) -> Result<(), EntryError> {
    if seen < min || seen > max {
        return Err(EntryError::WrongLength { place, seen, min, max });
    }
    Ok(())
}

/// The keys of one map, which must come in this order, each once, and no other.
pub(super) struct MapKeys {
    place: EntryPlace,
    keys: &'static [i128],
    read: usize,
    left: u64,
}

impl MapKeys {
    /// Reads the map's header.
    pub(super) fn begin(
        reader: &mut Reader<'_>,
        place: EntryPlace,
        keys: &'static [i128],
    ) -> Result<Self, EntryError> {
        let left = reader.map(place)?;
        Ok(Self { place, keys, read: 0, left })
    }

    /// Reads the next key; its value comes next.
    pub(super) fn next(&mut self, reader: &mut Reader<'_>) -> Result<(), EntryError> {
        let place = self.place;
        let want = self.keys.get(self.read).copied();
        if self.left == 0 {
            return want.map_or(Ok(()), |key| Err(EntryError::MissingKey { place, key }));
        }
        let seen = reader.int(place)?;
        if Some(seen) == want {
            self.left -= 1;
            self.read += 1;
            return Ok(());
        }
        if self.keys.iter().take(self.read).any(|key| *key == seen) {
            return Err(EntryError::DuplicateKey { place, key: seen });
        }
        match want {
            Some(want) if self.keys.contains(&seen) => Err(EntryError::MisplacedKey { place, seen, want }),
            _ => Err(EntryError::UnknownKey { place, key: seen }),
        }
    }

    /// All keys were read and the map has no more members.
    pub(super) fn end(mut self, reader: &mut Reader<'_>) -> Result<(), EntryError> {
        self.next(reader)
    }
}
