//! The part of Python's literals that NumPy writes: texts, whole numbers, truths, tuples, lists, dictionaries.

use core::fmt;

/// Deepest nesting: types within types.
const MAX_DEPTH: usize = 16;

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Number(u64),
    Bool(bool),
    Tuple(Vec<Self>),
    List(Vec<Self>),
    Dict(Vec<(String, Self)>),
}

/// Why a text is no literal.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LiteralError {
    #[error("has at byte {at} what is no literal of Python, or none that NumPy writes")]
    Unexpected { at: usize },
    #[error("is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Literal {
    /// Reads one literal, and white space around it.
    pub(super) fn parse(text: &str) -> Result<Self, LiteralError> {
        let mut reader = Reader { text, rest: text };
        let literal = reader.literal(MAX_DEPTH)?;
        reader.skip_space();
        if reader.rest.is_empty() { Ok(literal) } else { Err(reader.unexpected()) }
    }
}

/// As Python would print it, but always with single quotes; a type of NumPy reads this way.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |literals: &[Self]| literals.iter().map(|l| l.quoted()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Tuple(literals) => write!(f, "({})", joined(literals)),
            Self::List(literals) => write!(f, "[{}]", joined(literals)),
            Self::Dict(_) => f.write_str("{...}"),
        }
    }
}

impl Literal {
    fn quoted(&self) -> String {
        match self {
            Self::Text(text) => format!("'{text}'"),
            other => other.to_string(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    const fn unexpected(&self) -> LiteralError {
        LiteralError::Unexpected { at: self.text.len() - self.rest.len() }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\n', '\r', '\t']);
    }

    /// Takes a token if it comes next, after white space.
    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        let depth = depth.checked_sub(1).ok_or(LiteralError::TooDeep)?;
        self.skip_space();
        match self.rest.bytes().next() {
            Some(b'{') => self.dict(depth),
            Some(b'[') => {
                self.take("[");
                Ok(Literal::List(self.elements("]", depth)?.0))
            }
            Some(b'(') => {
                self.take("(");
                self.tuple(depth)
            }
            Some(b'\'' | b'"') => self.text().map(Literal::Text),
            Some(b'0'..=b'9') => self.number(),
            _ if self.take("True") => Ok(Literal::Bool(true)),
            _ if self.take("False") => Ok(Literal::Bool(false)),
            _ => Err(self.unexpected()),
        }
    }

    /// One element in round brackets without a comma is that element, not a tuple.
    fn tuple(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        let (mut elements, has_comma) = self.elements(")", depth)?;
        match (elements.len(), has_comma) {
            (1, false) => elements.pop().ok_or_else(|| self.unexpected()),
            _ => Ok(Literal::Tuple(elements)),
        }
    }

    /// Elements up to the closing bracket, and whether a comma ends them.
    fn elements(&mut self, close: &str, depth: usize) -> Result<(Vec<Literal>, bool), LiteralError> {
        let (mut elements, mut has_comma) = (Vec::new(), true);
        while !self.take(close) {
            if !has_comma {
                return Err(self.unexpected());
            }
            elements.push(self.literal(depth)?);
            has_comma = self.take(",");
        }
        Ok((elements, has_comma))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        self.take("{");
        let (mut members, mut has_comma) = (Vec::new(), true);
        while !self.take("}") {
            if !has_comma {
                return Err(self.unexpected());
            }
            self.skip_space();
            let key = self.text()?;
            if !self.take(":") {
                return Err(self.unexpected());
            }
            members.push((key, self.literal(depth)?));
            has_comma = self.take(",");
        }
        Ok(Literal::Dict(members))
    }

    /// A text without escapes: NumPy writes none for the names that exist, and other readers differ on them.
    fn text(&mut self) -> Result<String, LiteralError> {
        let quote = self.rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.unexpected())?;
        let inside = self.rest.get(1..).unwrap_or_default();
        let (text, rest) = inside.split_once(quote).ok_or_else(|| self.unexpected())?;
        if text.contains(['\\', '\n', '\r']) {
            return Err(self.unexpected());
        }
        self.rest = rest;
        Ok(text.to_owned())
    }

    /// A whole number; Python 2 wrote an `L` behind it.
    fn number(&mut self) -> Result<Literal, LiteralError> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).ok_or_else(|| self.unexpected())?;
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(self.unexpected());
        }
        let number = digits.parse().map_err(|_| self.unexpected())?;
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(Literal::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_numpy_are_read() {
        let shape =
            |dimensions: &[u64]| Literal::Tuple(dimensions.iter().copied().map(Literal::Number).collect());
        assert_eq!(Literal::parse("()"), Ok(shape(&[])));
        assert_eq!(Literal::parse("(3,)"), Ok(shape(&[3])));
        assert_eq!(Literal::parse("( 3, 4L ) \n"), Ok(shape(&[3, 4])));
        assert_eq!(Literal::parse("(3)"), Ok(Literal::Number(3)));
        let dict = Literal::parse("{'a': \"b'c\", 'd': [True, False], }").expect("a dictionary");
        let list = Literal::List(vec![Literal::Bool(true), Literal::Bool(false)]);
        let text = Literal::Text("b'c".to_owned());
        assert_eq!(dict, Literal::Dict(vec![("a".to_owned(), text), ("d".to_owned(), list)]));
    }

    #[test]
    fn what_numpy_does_not_write_is_refused() {
        for text in [
            "", "{", "{'a'}", "{'a' 1}", "(1 2)", "(,)", "[1,,2]", "-1", "01", "1.0", "'a", "'\\x41'", "x",
            "None", "1 2",
        ] {
            assert!(matches!(Literal::parse(text), Err(LiteralError::Unexpected { .. })), "{text}");
        }
        assert_eq!(Literal::parse(&"[".repeat(17)), Err(LiteralError::TooDeep));
        assert!(Literal::parse("18446744073709551616").is_err());
    }
}
