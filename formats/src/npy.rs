//! Arrays of NumPy: a header that is a dictionary of Python, then numbers.
//!
//! Follows NEP 1. The header is read as NumPy writes it: three keys in their order, spaces, a line feed. The file is exactly as long as
//! shape and type say. A type with objects means that a pickle follows.

use crate::format::Format;
use crate::pickle;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream, refuse};

/// Largest header, in bytes: beyond it NumPy too wants to be told that the file is trusted.
const MAX_HEADER: usize = 10_000;

/// Deepest nesting of types with fields.
const MAX_NESTING: usize = 8;

/// Reads an array; of objects also the pickle.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    let beginning = stream.beginning(MAX_HEADER as u64 + 12)?;
    let len = stream.len();
    if header(&beginning, len, sink)? {
        let at = data_offset(&beginning).unwrap_or(len).min(len);
        let mut objects = stream.window(at, len.saturating_sub(at))?;
        pickle::read(&mut objects, sink)?;
    }
    Ok(Format::Npy)
}

/// Where the data begins.
fn data_offset(beginning: &[u8]) -> Option<u64> {
    let (len, skipped) = match beginning.get(6..8)? {
        [1, 0] => (u64::from(u16::from_le_bytes(beginning.get(8..10)?.try_into().ok()?)), 10),
        [2 | 3, 0] => (u64::from(u32::from_le_bytes(beginning.get(8..12)?.try_into().ok()?)), 12),
        _ => return None,
    };
    len.checked_add(skipped)
}

/// Holds the header against a file of `len` bytes that begins with `beginning`. Whether the array holds objects, which is a finding.
pub(crate) fn header(beginning: &[u8], len: u64, sink: &mut Sink) -> Step<bool> {
    let malformed = |what: &str| refuse(Reason::NpyMalformed, 0, what);
    let Some(data_at) = data_offset(beginning).filter(|_| beginning.starts_with(b"\x93NUMPY")) else {
        return malformed("no array of version 1, 2 or 3");
    };
    let skipped = if beginning.get(6) == Some(&1) { 10 } else { 12 };
    let Some(text) = usize::try_from(data_at)
        .ok()
        .filter(|end| *end <= MAX_HEADER + 12)
        .and_then(|end| beginning.get(skipped..end))
    else {
        return malformed("header longer than 10000 bytes, or than the file");
    };
    let Some(found) = str::from_utf8(text).ok().and_then(|text| Literal { rest: text }.header()) else {
        return malformed("header that NumPy does not write");
    };
    if found.element.has_objects {
        sink.add(Reason::Pickle, Some(data_at), "an array of objects, which are a pickle");
        return Ok(true);
    }
    let bytes = found.shape.iter().try_fold(found.element.bytes, |product, size| product.checked_mul(*size));
    if bytes.and_then(|bytes| bytes.checked_add(data_at)) != Some(len) {
        return malformed("shape and type do not make the length of the file");
    }
    Ok(false)
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Element {
    bytes: u64,
    has_objects: bool,
}

struct Header {
    element: Element,
    shape: Vec<u64>,
}

/// As much of Python's literals as NumPy writes.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    /// Takes this text if it is next.
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn header(mut self) -> Option<Header> {
        self.take("{'descr': ")?;
        let element = self.element(0)?;
        self.take(", 'fortran_order': ")?;
        self.take("False").or_else(|| self.take("True"))?;
        self.take(", 'shape': ")?;
        let shape = self.shape()?;
        self.take(", }")?;
        let padding = self.rest.strip_suffix('\n')?;
        padding.bytes().all(|byte| byte == b' ').then_some(Header { element, shape })
    }

    /// A text in single quotes, without escapes.
    fn quoted(&mut self) -> Option<&'a str> {
        self.take("'")?;
        let (text, rest) = self.rest.split_once('\'')?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().ok()
    }

    /// `()`, `(3,)`, `(3, 4)`
    fn shape(&mut self) -> Option<Vec<u64>> {
        self.take("(")?;
        let mut sizes = Vec::new();
        while self.take(")").is_none() {
            if !sizes.is_empty() && self.take(" ").is_none() {
                return None;
            }
            sizes.push(self.number()?);
            if self.take(",").is_none() {
                // Only one size has its comma in front of the bracket.
                self.take(")").filter(|()| sizes.len() > 1)?;
                break;
            }
        }
        (sizes.len() <= 64).then_some(sizes)
    }

    /// `'<f4'`, or `[('x', '<f4'), ('y', '<f4', (3,))]`.
    fn element(&mut self, depth: usize) -> Option<Element> {
        if self.rest.starts_with('\'') {
            return plain(self.quoted()?);
        }
        self.take("[").filter(|()| depth < MAX_NESTING)?;
        let mut whole = Element { bytes: 0, has_objects: false };
        loop {
            self.take("(")?;
            self.quoted()?;
            self.take(", ")?;
            let field = self.element(depth + 1)?;
            let repeated = match self.take(", ") {
                Some(()) => {
                    self.shape()?.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?
                }
                None => 1,
            };
            self.take(")")?;
            whole.bytes = whole.bytes.checked_add(field.bytes.checked_mul(repeated)?)?;
            whole.has_objects |= field.has_objects;
            match self.take(", ") {
                Some(()) => {}
                None => return self.take("]").map(|()| whole),
            }
        }
    }
}

/// `<f4`, `|b1`, `<U12`, `<M8[ns]`, `|O`
fn plain(text: &str) -> Option<Element> {
    let text = text.strip_prefix(['<', '>', '|', '='])?;
    let (kind, rest) = text.split_at_checked(1)?;
    if kind == "O" {
        return matches!(rest, "" | "4" | "8").then_some(Element { bytes: 8, has_objects: true });
    }
    let (digits, unit) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let is_time =
        matches!(kind, "m" | "M") && unit.starts_with('[') && unit.ends_with(']') && unit.len() <= 8;
    let count: u64 = digits.parse().ok()?;
    let bytes = match kind {
        "U" => count.checked_mul(4)?,
        "b" | "i" | "u" | "f" | "c" | "S" | "V" | "m" | "M" | "a" => count,
        _ => return None,
    };
    (unit.is_empty() || is_time).then_some(Element { bytes, has_objects: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let len = u16::try_from(header.len()).expect("short");
        [b"\x93NUMPY\x01\x00", &len.to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    fn objects(bytes: &[u8]) -> Option<bool> {
        header(bytes, bytes.len() as u64, &mut Sink::new("a.npy", Rules::strict())).ok()
    }

    #[test]
    fn an_array_is_as_long_as_its_header_says() {
        let head = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }   \n";
        assert_eq!(objects(&file(head, 24)), Some(false));
        assert_eq!(objects(&file(head, 23)), None);
        assert_eq!(objects(&file(head, 25)), None);
        let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 2), }\n";
        assert_eq!(objects(&file(huge, 0)), None);
        let scalar = "{'descr': '|b1', 'fortran_order': True, 'shape': (), }\n";
        assert_eq!(objects(&file(scalar, 1)), Some(false));
    }

    #[test]
    fn objects_are_found_in_fields_too() {
        let fields = "{'descr': [('x', '<f4', (2,)), ('y', [('z', '|O')])], 'fortran_order': False, 'shape': (1,), }\n";
        assert_eq!(objects(&file(fields, 9)), Some(true));
        let plain =
            "{'descr': [('x', '<f4', (2,)), ('y', '<U3')], 'fortran_order': False, 'shape': (2,), }\n";
        assert_eq!(objects(&file(plain, 40)), Some(false));
    }

    #[test]
    fn what_numpy_does_not_write_is_refused() {
        for head in [
            "{'shape': (1,), 'descr': '<f4', 'fortran_order': False, }\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } # O\n",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
            "{'descr': \"<f4\", 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': '<x4', 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': '\\x7cO', 'fortran_order': False, 'shape': (1,), }\n",
            "{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
        ] {
            assert_eq!(objects(&file(head, 4)), None, "{head}");
        }
    }
}
