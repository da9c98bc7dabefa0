//! Bytes to opcodes: what each is called, and what follows it.
//!
//! Follows the table of Python's `pickletools`, protocols 0 to 5. What it refuses is refused here; so is what it takes and no
//! pickler writes: numbers with spaces or underscores, escapes in a STRING.

use crate::reason::Reason;
use crate::stream::{Step, Stop, Stream, refuse};
use crate::text::Utf8;

/// Longest text that is remembered, in bytes. No module or name on the list is longer; what is longer counts as unknown.
const MAX_TEXT: u64 = 256;

/// Longest line, in bytes: a number of protocol 0, or a text.
const MAX_LINE: usize = 1 << 20;

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Nothing,
    /// So many bytes of number, the low one first.
    Number(u8),
    /// Eight bytes of a double.
    Double,
    /// Text up to the end of its line.
    Line(Line),
    /// Two such texts.
    Names,
    /// A length of so many bytes, then so many bytes of this.
    Long(u8, Content),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Decimal,
    Index,
    Long,
    Float,
    Quoted,
    RawUnicode,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// UTF-8.
    Text,
    /// A string of Python 2: bytes that may be read as text.
    OldText,
    Bytes,
    /// An integer in two's complement.
    Integer,
}

/// An opcode's argument, as far as the machine needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    None,
    Number(i64),
    /// A text that is known; `None` if it is long or not plain.
    Text(Option<String>),
    Names(String, String),
}

/// One opcode where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) at: u64,
    pub(crate) code: u8,
    pub(crate) argument: Argument,
}

macro_rules! opcodes {
    ($($name:ident = $code:literal, $follows:expr;)*) => {
        /// The codes by name.
        pub(crate) mod code {
            $(pub(crate) const $name: u8 = $code;)*
        }

        /// The name of a code, and what follows it.
        const fn describe(code: u8) -> Option<(&'static str, Follows)> {
            use Follows::*;
            match code { $($code => Some((stringify!($name), $follows)),)* _ => None }
        }
    };
}

opcodes! {
    MARK = b'(', Nothing;
    STOP = b'.', Nothing;
    POP = b'0', Nothing;
    POP_MARK = b'1', Nothing;
    DUP = b'2', Nothing;
    FLOAT = b'F', Line(self::Line::Float);
    INT = b'I', Line(self::Line::Decimal);
    BININT = b'J', Number(4);
    BININT1 = b'K', Number(1);
    LONG = b'L', Line(self::Line::Long);
    BININT2 = b'M', Number(2);
    NONE = b'N', Nothing;
    PERSID = b'P', Line(self::Line::Name);
    BINPERSID = b'Q', Nothing;
    REDUCE = b'R', Nothing;
    STRING = b'S', Line(self::Line::Quoted);
    BINSTRING = b'T', Long(4, Content::OldText);
    SHORT_BINSTRING = b'U', Long(1, Content::OldText);
    UNICODE = b'V', Line(self::Line::RawUnicode);
    BINUNICODE = b'X', Long(4, Content::Text);
    APPEND = b'a', Nothing;
    BUILD = b'b', Nothing;
    GLOBAL = b'c', Names;
    DICT = b'd', Nothing;
    EMPTY_DICT = b'}', Nothing;
    APPENDS = b'e', Nothing;
    GET = b'g', Line(self::Line::Index);
    BINGET = b'h', Number(1);
    INST = b'i', Names;
    LONG_BINGET = b'j', Number(4);
    LIST = b'l', Nothing;
    EMPTY_LIST = b']', Nothing;
    OBJ = b'o', Nothing;
    PUT = b'p', Line(self::Line::Index);
    BINPUT = b'q', Number(1);
    LONG_BINPUT = b'r', Number(4);
    SETITEM = b's', Nothing;
    TUPLE = b't', Nothing;
    EMPTY_TUPLE = b')', Nothing;
    SETITEMS = b'u', Nothing;
    BINFLOAT = b'G', Double;
    PROTO = 0x80, Number(1);
    NEWOBJ = 0x81, Nothing;
    EXT1 = 0x82, Number(1);
    EXT2 = 0x83, Number(2);
    EXT4 = 0x84, Number(4);
    TUPLE1 = 0x85, Nothing;
    TUPLE2 = 0x86, Nothing;
    TUPLE3 = 0x87, Nothing;
    NEWTRUE = 0x88, Nothing;
    NEWFALSE = 0x89, Nothing;
    LONG1 = 0x8a, Long(1, Content::Integer);
    LONG4 = 0x8b, Long(4, Content::Integer);
    BINBYTES = b'B', Long(4, Content::Bytes);
    SHORT_BINBYTES = b'C', Long(1, Content::Bytes);
    SHORT_BINUNICODE = 0x8c, Long(1, Content::Text);
    BINUNICODE8 = 0x8d, Long(8, Content::Text);
    BINBYTES8 = 0x8e, Long(8, Content::Bytes);
    EMPTY_SET = 0x8f, Nothing;
    ADDITEMS = 0x90, Nothing;
    FROZENSET = 0x91, Nothing;
    NEWOBJ_EX = 0x92, Nothing;
    STACK_GLOBAL = 0x93, Nothing;
    MEMOIZE = 0x94, Nothing;
    FRAME = 0x95, Number(8);
    BYTEARRAY8 = 0x96, Long(8, Content::Bytes);
    NEXT_BUFFER = 0x97, Nothing;
    READONLY_BUFFER = 0x98, Nothing;
}

/// The name of a code, as `pickletools` has it.
pub(crate) fn name(code: u8) -> Option<&'static str> {
    describe(code).map(|(name, _)| name)
}

fn malformed<T>(at: u64, what: impl Into<String>) -> Step<T> {
    refuse(Reason::PickleMalformed, at, what)
}

/// Reads the next opcode.
pub(crate) fn next(stream: &mut Stream<'_>) -> Step<Token> {
    let at = stream.position();
    let code = stream.u8()?;
    let Some((name, follows)) = describe(code) else {
        return malformed(at, format!("byte 0x{code:02x} is no opcode"));
    };
    let argument = match follows {
        Follows::Nothing => Argument::None,
        Follows::Double => {
            stream.skip(8)?;
            Argument::None
        }
        Follows::Number(bytes) => Argument::Number(number(stream, bytes, code == code::BININT)?),
        Follows::Names => Argument::Names(names(stream)?, names(stream)?),
        Follows::Line(kind) => line_argument(stream, kind, at, name)?,
        Follows::Long(bytes, content) => {
            let signed = matches!(code, code::BINSTRING | code::LONG4);
            let Ok(len) = u64::try_from(number(stream, bytes, signed)?) else {
                return malformed(at, format!("{name} with a negative or too large length"));
            };
            long_argument(stream, len, content, at)?
        }
    };
    Ok(Token { at, code, argument })
}

/// A number of some bytes; what does not fit 63 bits is -1.
fn number(stream: &mut Stream<'_>, bytes: u8, signed: bool) -> Step<i64> {
    Ok(match bytes {
        1 => stream.u8()?.into(),
        2 => stream.u16()?.into(),
        4 if signed => i32::from_le_bytes(stream.array()?).into(),
        4 => stream.u32()?.into(),
        _ => i64::try_from(stream.u64()?).unwrap_or(-1),
    })
}

fn line(stream: &mut Stream<'_>) -> Step<Vec<u8>> {
    let at = stream.position();
    let mut line = Vec::new();
    loop {
        match stream.u8()? {
            b'\n' => return Ok(line),
            _ if line.len() >= MAX_LINE => return malformed(at, "line longer than a mebibyte"),
            byte => line.push(byte),
        }
    }
}

/// The name of a module, class or function.
fn names(stream: &mut Stream<'_>) -> Step<String> {
    let at = stream.position();
    match String::from_utf8(line(stream)?) {
        // Python's unpickler reads UTF-8, its `pickletools` ASCII with escapes.
        Ok(name) if !name.is_ascii() || name.contains('\\') => {
            malformed(at, format!("name {name}, want plain ASCII"))
        }
        Ok(name) if name.len() as u64 <= MAX_TEXT => Ok(name),
        Ok(_) => malformed(at, "name longer than 256 bytes"),
        Err(_) => malformed(at, "name that is not ASCII"),
    }
}

fn line_argument(stream: &mut Stream<'_>, kind: Line, at: u64, name: &str) -> Step<Argument> {
    let line = line(stream)?;
    let bad = || malformed(at, format!("{name} with a line that is none"));
    let digits = |text: &[u8]| {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let value = |text: &[u8]| str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match kind {
        Line::Decimal | Line::Index if !digits(&line) => bad(),
        Line::Decimal if line == b"00" || line == b"01" => Ok(Argument::None),
        Line::Decimal => Ok(value(&line).map_or(Argument::None, Argument::Number)),
        Line::Index => match value(&line) {
            Some(index) => Ok(Argument::Number(index)),
            None => bad(),
        },
        Line::Long => {
            let number = line.strip_suffix(b"L").unwrap_or(&line);
            if digits(number) { Ok(value(number).map_or(Argument::None, Argument::Number)) } else { bad() }
        }
        Line::Float => match str::from_utf8(&line).ok().and_then(|text| text.parse::<f64>().ok()) {
            Some(_) => Ok(Argument::None),
            None => bad(),
        },
        Line::Quoted => match line.as_slice() {
            [b'\'', text @ .., b'\''] | [b'"', text @ .., b'"']
                if text.is_ascii() && !text.contains(&b'\\') =>
            {
                Ok(text_argument(text))
            }
            _ => bad(),
        },
        Line::RawUnicode => match raw_unicode(&line) {
            Some(true) => Ok(text_argument(&line)),
            Some(false) => Ok(Argument::Text(None)),
            None => bad(),
        },
        Line::Name => match str::from_utf8(&line) {
            Ok(text) if text.is_ascii() && !text.contains('\\') => Ok(text_argument(&line)),
            _ => bad(),
        },
    }
}

fn text_argument(text: &[u8]) -> Argument {
    let known = text.len() as u64 <= MAX_TEXT;
    Argument::Text(if known { String::from_utf8(text.to_vec()).ok() } else { None })
}

/// Whether a text of UNICODE stands for itself; `None` if an escape in it is cut short or names no character.
fn raw_unicode(line: &[u8]) -> Option<bool> {
    let (mut plain, mut rest) = (true, line);
    while let [byte, after @ ..] = rest {
        rest = after;
        plain &= byte.is_ascii();
        if *byte != b'\\' {
            continue;
        }
        let [next, after @ ..] = rest else { break };
        rest = after;
        plain &= next.is_ascii();
        let len = match next {
            b'u' => 4,
            b'U' => 8,
            _ => continue,
        };
        plain = false;
        let hex = str::from_utf8(rest.get(..len)?).ok()?;
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let _ = u32::from_str_radix(hex, 16).ok().filter(|value| is_hex && *value <= 0x0010_ffff)?;
        rest = rest.get(len..)?;
    }
    Some(plain)
}

fn long_argument(stream: &mut Stream<'_>, len: u64, content: Content, at: u64) -> Step<Argument> {
    if len > stream.left() {
        return Err(Stop::End(stream.len()));
    }
    match content {
        Content::Bytes => {
            stream.skip(len)?;
            Ok(Argument::None)
        }
        Content::Integer => {
            let number = if len <= 8 { Some(stream.bytes(len)?) } else { None };
            let Some(bytes) = number else {
                stream.skip(len)?;
                return Ok(Argument::None);
            };
            let sign = if bytes.last().is_some_and(|high| high & 0x80 != 0) { 0xff } else { 0 };
            let mut wide = [sign; 8];
            for (to, from) in wide.iter_mut().zip(&bytes) {
                *to = *from;
            }
            Ok(Argument::Number(i64::from_le_bytes(wide)))
        }
        Content::OldText if len <= MAX_TEXT => {
            let bytes = stream.bytes(len)?;
            Ok(Argument::Text(String::from_utf8(bytes).ok().filter(|text| text.is_ascii())))
        }
        Content::OldText => {
            stream.skip(len)?;
            Ok(Argument::Text(None))
        }
        Content::Text if len <= MAX_TEXT => match String::from_utf8(stream.bytes(len)?) {
            Ok(text) => Ok(Argument::Text(Some(text))),
            Err(_) => malformed(at, "text that is not UTF-8"),
        },
        Content::Text => {
            let (mut left, mut utf8) = (len, Utf8::new());
            while left > 0 {
                let some = stream.some(usize::try_from(left).unwrap_or(usize::MAX))?;
                left = left.saturating_sub(some.len() as u64);
                if some.is_empty() || !utf8.take(some) {
                    return malformed(at, "text that is not UTF-8");
                }
            }
            if utf8.is_whole() { Ok(Argument::Text(None)) } else { malformed(at, "text that is not UTF-8") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(bytes: &[u8]) -> Option<Token> {
        next(&mut Stream::new(&mut Cursor::new(bytes)).expect("a stream")).ok()
    }

    fn text(bytes: &[u8]) -> Option<Option<String>> {
        match read(bytes)?.argument {
            Argument::Text(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn a_text_is_known_only_if_it_stands_for_itself() {
        assert_eq!(text(b"Vos\n"), Some(Some("os".to_owned())));
        assert_eq!(text(b"V\\u006fs\n"), Some(None));
        assert_eq!(text(b"V\\\\u006fs\n"), Some(Some("\\\\u006fs".to_owned())));
        assert_eq!(text(b"V\xe9\n"), Some(None));
        assert_eq!(text(b"V\\u00\n"), None);
        assert_eq!(text(b"V\\U00110000\n"), None);
        assert_eq!(text(b"U\x02os"), Some(Some("os".to_owned())));
        assert_eq!(text(b"S'os'\n"), Some(Some("os".to_owned())));
        assert_eq!(text(b"S'o\\x73'\n"), None);
        assert_eq!(text(b"S'os\"\n"), None);
        assert_eq!(text(b"\x8c\x02\xff\xfe"), None);
    }

    #[test]
    fn numbers_are_taken_as_picklers_write_them() {
        assert_eq!(read(b"I-7\n").map(|token| token.argument), Some(Argument::Number(-7)));
        assert_eq!(read(b"I01\n").map(|token| token.argument), Some(Argument::None));
        assert_eq!(read(b"L7L\n").map(|token| token.argument), Some(Argument::Number(7)));
        assert_eq!(read(b"\x8a\x02\xff\xff").map(|token| token.argument), Some(Argument::Number(-1)));
        assert_eq!(read(b"J\xff\xff\xff\xff").map(|token| token.argument), Some(Argument::Number(-1)));
        for bytes in
            [&b"I 7\n"[..], b"I1_0\n", b"I\n", b"g-\n", b"Fone\n", b"\x8b\xff\xff\xff\xff", b"I7", b"\xff"]
        {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
