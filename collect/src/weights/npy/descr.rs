//! Types of NumPy: how long an element is, and whether it is a Python object.

use super::literal::Literal;
use crate::weights::totals;

/// What is known of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descr {
    /// Length of an element; that of a pointer for an object.
    pub(super) bytes: u64,
    pub(super) has_objects: bool,
}

impl Descr {
    /// Reads a type: `<f4`, or a list of fields `('name', type)` and `('name', type, (2, 3))`.
    pub(super) fn parse(literal: &Literal) -> Option<Self> {
        match literal {
            Literal::Text(text) => Self::simple(text),
            Literal::List(fields) => {
                let mut sum = Self { bytes: 0, has_objects: false };
                for field in fields {
                    let field = Self::field(field)?;
                    sum.bytes = sum.bytes.checked_add(field.bytes)?;
                    sum.has_objects |= field.has_objects;
                }
                Some(sum)
            }
            // A type within a type, with a shape: `('<f4', (2,))`.
            Literal::Tuple(parts) => match parts.as_slice() {
                [kind, shape] => Self::parse(kind)?.times(shape),
                _ => None,
            },
            _ => None,
        }
    }

    fn field(field: &Literal) -> Option<Self> {
        let Literal::Tuple(parts) = field else { return None };
        let is_name = |name: &Literal| match name {
            Literal::Text(_) => true,
            // A title and a name.
            Literal::Tuple(names) => names.len() == 2,
            _ => false,
        };
        match parts.as_slice() {
            [name, kind] if is_name(name) => Self::parse(kind),
            [name, kind, shape] if is_name(name) => Self::parse(kind)?.times(shape),
            _ => None,
        }
    }

    fn times(self, shape: &Literal) -> Option<Self> {
        let number = |literal: &Literal| match literal {
            Literal::Number(number) => Some(*number),
            _ => None,
        };
        let shape = match shape {
            Literal::Tuple(dimensions) => dimensions.iter().map(number).collect::<Option<Vec<_>>>()?,
            single => vec![number(single)?],
        };
        Some(Self { bytes: self.bytes.checked_mul(totals::elements(&shape)?)?, ..self })
    }

    /// Byte order, a letter, a number of bytes, and a unit for dates.
    fn simple(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['<', '>', '|', '=']).unwrap_or(text);
        let (kind, rest) = text.split_at_checked(1)?;
        if kind == "O" {
            return matches!(rest, "" | "4" | "8").then_some(Self { bytes: 8, has_objects: true });
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, unit) = rest.split_at_checked(end)?;
        let count: u64 = digits.parse().ok()?;
        let has_unit = unit.starts_with('[') && unit.ends_with(']');
        let bytes = match (kind, count) {
            ("b", 1) | ("i" | "u", 1 | 2 | 4 | 8) | ("f", 2 | 4 | 8 | 12 | 16) => count,
            ("c", 8 | 16 | 24 | 32) | ("S" | "a" | "V", _) => count,
            ("U", _) => count.checked_mul(4)?,
            ("M" | "m", 8) => {
                return (unit.is_empty() || has_unit).then_some(Self { bytes: 8, has_objects: false });
            }
            _ => return None,
        };
        unit.is_empty().then_some(Self { bytes, has_objects: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<u64> {
        Descr::parse(&Literal::parse(text).expect("a literal")).map(|descr| descr.bytes)
    }

    #[test]
    fn lengths_of_types_are_known() {
        let cases = [
            ("'<f4'", Some(4)),
            ("'|b1'", Some(1)),
            ("'>i8'", Some(8)),
            ("'<U10'", Some(40)),
            ("'|S5'", Some(5)),
            ("'<M8[ns]'", Some(8)),
            ("'<c16'", Some(16)),
            ("[('x', '<f4'), ('y', '<i2', (2, 3)), ('', '|V2')]", Some(18)),
            ("[(('title', 'x'), '<f8')]", Some(8)),
            ("'<f3'", None),
            ("'f'", None),
            ("'<f4[ns]'", None),
            ("'é4'", None),
            ("''", None),
            ("[('x',)]", None),
            ("[('x', '<f8', (4294967296, 4294967296))]", None),
            ("3", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(bytes(text), wanted, "{text}");
        }
        let objects = Descr::parse(&Literal::parse("[('a', '|O')]").expect("a literal"));
        assert!(objects.is_some_and(|descr| descr.has_objects));
    }
}
