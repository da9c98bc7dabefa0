//! Text: UTF-8 without control characters, read to its end.

use crate::not_evaluated::NotEvaluated;
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream};

/// UTF-8 that comes in pieces.
pub(crate) struct Utf8 {
    /// The beginning of a character that the last piece ended in.
    begun: Vec<u8>,
}

impl Utf8 {
    pub(crate) const fn new() -> Self {
        Self { begun: Vec::new() }
    }

    /// Takes a piece; `false` if it is not UTF-8.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !self.begun.is_empty() {
            let Some((next, rest)) = bytes.split_first() else { return true };
            self.begun.push(*next);
            bytes = rest;
            match str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return false,
            }
        }
        match str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                self.begun = bytes.get(error.valid_up_to()..).unwrap_or_default().to_vec();
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the last piece ended with a character.
    pub(crate) const fn is_whole(&self) -> bool {
        self.begun.is_empty()
    }
}

/// Whether all of it is text; then stands at the beginning again. Control characters but tab, line feed, form feed and carriage return
/// are in no text of a model; DEL is, in vocabularies.
pub(crate) fn is_text(stream: &mut Stream<'_>) -> Step<bool> {
    stream.go_to(0)?;
    let mut utf8 = Utf8::new();
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r');
    while stream.left() > 0 {
        let some = stream.some(usize::MAX)?;
        if some.iter().any(is_control) || !utf8.take(some) {
            return Ok(false);
        }
    }
    stream.go_to(0)?;
    Ok(utf8.is_whole())
}

/// What a YAML reader of Python, or Hydra, imports and calls.
const YAML_CODE: [&[u8]; 5] =
    [b"!!python/", b"tag:yaml.org,2002:python/", b"_target_", b"!python/", b"_partial_"];

/// Looks for words that name code in YAML. Names of anchors and quoting cannot hide them from this, which minds no syntax.
pub(crate) fn look_for_code(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    stream.go_to(0)?;
    let longest = YAML_CODE.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut kept = Vec::new();
    loop {
        let at = stream.position().saturating_sub(kept.len() as u64);
        let some = stream.some(usize::MAX)?;
        if some.is_empty() {
            return Ok(());
        }
        kept.extend_from_slice(some);
        // An escape in a quoted key could spell such a word in another way.
        let escaped = kept.windows(2).position(|pair| matches!(pair, b"\\x" | b"\\u" | b"\\U"));
        let found = YAML_CODE
            .iter()
            .find_map(|word| kept.windows(word.len()).position(|window| window == *word))
            .or(escaped);
        if let Some(found) = found {
            let offset = at.saturating_add(found as u64);
            sink.add(Reason::ConfigNamesCode, Some(offset), "a word by which YAML readers import and call");
            return Ok(());
        }
        let keep = kept.len().saturating_sub(longest);
        kept.drain(..keep);
    }
}

/// Notes that what a text says was not looked at.
pub(crate) fn note(sink: &mut Sink) {
    sink.not_evaluated.insert(NotEvaluated::TextMeaning);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use std::io::Cursor;

    #[test]
    fn a_character_may_be_cut_between_pieces_and_not_at_the_end() {
        let mut utf8 = Utf8::new();
        assert!(utf8.take(b"a\xe2") && utf8.take(b"\x82") && utf8.take(b"\xacb") && utf8.is_whole());
        assert!(utf8.take(b"\xe2\x82") && !utf8.is_whole() && !utf8.take(b"a"));
        assert!(!Utf8::new().take(b"\xff"));
    }

    #[test]
    fn a_word_across_two_pieces_is_found() {
        let text = format!("{}_target_: os.system\n", "a: b\n".repeat(3275));
        let mut file = Cursor::new(text.clone().into_bytes());
        let mut sink = Sink::new("a.yaml", Rules::strict());
        look_for_code(&mut Stream::new(&mut file).expect("a stream"), &mut sink).expect("reads");
        let found = sink.findings.first().expect("a finding").place().offset();
        assert_eq!(found, text.find("_target_").map(|at| at as u64));
    }
}
