//! safetensors, read as its specification says and stricter than its readers are.
//!
//! ```text
//! u64 length | {"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...,"__metadata__":{"k":"v"}} spaces | tensors
//! ```
//! The tensors lie end to end from the first byte behind the header to the last of the file, each exactly as long as its shape and type
//! say; no name is there twice. The header is JSON without anything behind it but spaces.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream, refuse};

/// Largest header, in bytes. The format allows 100 MB; the largest known has 12.
const MAX_HEADER: u64 = 32 << 20;

/// Most tensors.
const MAX_TENSORS: usize = 1 << 17;

/// Most keys of the metadata.
const MAX_METADATA: usize = 1 << 16;

/// Most dimensions.
const MAX_DIMENSIONS: usize = 32;

/// Whether these first bytes are those of safetensors.
pub(crate) fn is_safetensors(beginning: &[u8]) -> bool {
    let Some((size, rest)) = beginning.split_first_chunk() else { return false };
    // A length that no disk has would rather be the beginning of something else.
    (2..1 << 48).contains(&u64::from_le_bytes(*size)) && rest.first() == Some(&b'{')
}

/// Bits of an element of each type.
const TYPES: [(&str, u64); 20] = [
    ("BOOL", 8),
    ("U8", 8),
    ("I8", 8),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E8M0", 8),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F4", 4),
    ("U16", 16),
    ("I16", 16),
    ("F16", 16),
    ("BF16", 16),
    ("U32", 32),
    ("I32", 32),
    ("F32", 32),
    ("U64", 64),
    ("I64", 64),
    ("F64", 64),
    ("C64", 64),
];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TensorJson {
    dtype: String,
    shape: Shape,
    data_offsets: [u64; 2],
}

/// How many dimensions there are, the first of them, and how many elements; of more elements than 64 bits hold, none.
struct Shape {
    dimensions: usize,
    sizes: Vec<u64>,
    elements: Option<u64>,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of sizes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Shape, A::Error> {
                let mut shape = Shape { dimensions: 0, sizes: Vec::new(), elements: Some(1) };
                while let Some(size) = sizes.next_element::<u64>()? {
                    shape.dimensions = shape.dimensions.saturating_add(1);
                    if shape.dimensions <= MAX_DIMENSIONS {
                        shape.sizes.push(size);
                    }
                    shape.elements = shape.elements.and_then(|product| product.checked_mul(size));
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
}

/// The header: where each tensor lies. What is wrong with a tensor is kept apart from what is wrong with the JSON.
#[derive(Default)]
struct Header {
    ranges: Vec<[u64; 2]>,
    shapes: Vec<(String, Vec<u64>)>,
    fault: Option<(Reason, String)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Header, A::Error> {
                let (mut header, mut names) = (Header::default(), HashSet::new());
                while let Some(name) = entries.next_key::<String>()? {
                    if name == "__metadata__" {
                        let Metadata(twice) = entries.next_value()?;
                        if let Some(key) = twice {
                            header.fault_once(
                                Reason::SafetensorsDuplicate,
                                format!("key {key} of __metadata__"),
                            );
                        }
                    } else {
                        let tensor: TensorJson = entries.next_value()?;
                        header.take(&name, &tensor);
                    }
                    if names.len() > MAX_TENSORS {
                        header.fault_once(Reason::TooLarge, "more than 131072 tensors".to_owned());
                    } else if !names.insert(name.clone()) {
                        header.fault_once(Reason::SafetensorsDuplicate, format!("tensor {name}"));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// `__metadata__`: texts under texts. Holds a key that is there twice.
struct Metadata(Option<String>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Metadata, A::Error> {
                let (mut seen, mut twice) = (BTreeMap::new(), None);
                while let Some((key, value)) = entries.next_entry::<String, String>()? {
                    if seen.len() >= MAX_METADATA {
                        return Err(A::Error::custom("more than 65536 keys of __metadata__"));
                    }
                    if seen.insert(key.clone(), value.len()).is_some() {
                        twice.get_or_insert(key);
                    }
                }
                Ok(Metadata(twice))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Header {
    fn fault_once(&mut self, reason: Reason, what: String) {
        self.fault.get_or_insert((reason, what));
    }

    fn take(&mut self, name: &str, tensor: &TensorJson) {
        let [begin, end] = tensor.data_offsets;
        let element = TYPES.iter().find(|(known, _)| *known == tensor.dtype).map(|(_, bits)| *bits);
        let Some(element) = element else {
            return self
                .fault_once(Reason::SafetensorsHeader, format!("tensor {name} of type {}", tensor.dtype));
        };
        let bits = tensor.shape.elements.and_then(|elements| elements.checked_mul(element));
        let fits = bits.is_some_and(|bits| {
            bits.is_multiple_of(8)
                && end.checked_sub(begin) == Some(bits / 8)
                && tensor.shape.dimensions <= MAX_DIMENSIONS
        });
        if !fits {
            let what = format!("tensor {name} of type {} has bytes {begin} to {end}", tensor.dtype);
            return self.fault_once(Reason::SafetensorsShape, what);
        }
        if self.ranges.len() <= MAX_TENSORS {
            self.ranges.push([begin, end]);
            self.shapes.push((name.to_owned(), tensor.shape.sizes.clone()));
        }
    }
}

/// Reads the header and holds it against the file.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    stream.go_to(0)?;
    let size = stream.u64()?;
    if size > MAX_HEADER || size > stream.left() {
        let what = format!("header of {size} bytes in a file of {}", stream.len());
        return refuse(Reason::SafetensorsHeader, 0, what);
    }
    let header = stream.bytes(size)?;
    let json = header.trim_ascii_end();
    let padding = header.get(json.len()..).unwrap_or_default();
    if !json.starts_with(b"{") || padding.iter().any(|byte| *byte != b' ') {
        return refuse(Reason::SafetensorsHeader, 8, "the header is no JSON object with spaces behind it");
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let parsed = Header::deserialize(&mut reader).and_then(|parsed| reader.end().map(|()| parsed));
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return refuse(Reason::SafetensorsHeader, 8, error.to_string()),
    };
    if let Some((reason, what)) = parsed.fault {
        return refuse(reason, 8, what);
    }
    parsed.shapes.iter().for_each(|(name, shape)| sink.add_shape(name, shape));
    let mut ranges = parsed.ranges;
    ranges.sort_unstable();
    let data = stream.len().saturating_sub(stream.position());
    let mut wanted = 0;
    for [begin, end] in ranges {
        if end > data {
            return refuse(Reason::SafetensorsShape, 8, format!("bytes {begin} to {end} of {data}"));
        }
        if begin < wanted {
            return refuse(
                Reason::SafetensorsOverlap,
                8,
                format!("bytes {begin} to {wanted} are in two tensors"),
            );
        }
        if begin > wanted {
            return refuse(Reason::SafetensorsHole, 8, format!("bytes {wanted} to {begin} are in no tensor"));
        }
        wanted = end;
    }
    if wanted != data {
        return refuse(Reason::SafetensorsHole, 8, format!("bytes {wanted} to {data} are in no tensor"));
    }
    Ok(())
}
