//! HTTP/1.1 as far as a load generator needs it: requests that are one slice of bytes, answers found in a buffer.
//!
//! In scope: the two requests of a submission, finding where an answer ends. Out of scope: chunked answers, which no log
//! here sends for these requests; such an answer is [`Broken`].

/// Largest answer taken, bytes: an entry bundle of a conformance log is 16 MiB at most.
pub const MAX_ANSWER_BYTES: usize = 17 * 1024 * 1024;

/// What the server sent is no answer that a log gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server did not answer in HTTP/1.1 with a content-length")]
pub struct Broken;

/// Where an answer lies in the bytes received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    body: (usize, usize),
    closes: bool,
}

impl Answer {
    /// Looks for one whole answer at the start of `bytes`; `None` while there is not enough of it.
    ///
    /// # Errors
    /// [`Broken`] if no further byte could make it an answer.
    pub fn find(bytes: &[u8]) -> Result<Option<Self>, Broken> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() > 16 * 1024 { Err(Broken) } else { Ok(None) };
        };
        let head = bytes.get(..end).ok_or(Broken)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let status = lines.next().and_then(|line| line.strip_prefix(b"HTTP/1.1 ")).ok_or(Broken)?;
        let status = number(status.get(..3).ok_or(Broken)?).ok_or(Broken)?;
        let (mut length, mut closes) = (None, false);
        for line in lines {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Err(Broken) };
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"content-length") {
                length = number(value);
            } else if name.eq_ignore_ascii_case(b"connection") {
                closes = value.eq_ignore_ascii_case(b"close");
            }
        }
        let length = usize::try_from(length.ok_or(Broken)?).map_err(|_| Broken)?;
        if length > MAX_ANSWER_BYTES {
            return Err(Broken);
        }
        let body = (end + 4, end + 4 + length);
        let status = u16::try_from(status).map_err(|_| Broken)?;
        Ok((bytes.len() >= body.1).then_some(Self { status, body, closes }))
    }

    /// The status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.status
    }

    /// The body, of the bytes it was found in.
    #[must_use]
    pub fn body(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.body.0..self.body.1).unwrap_or_default()
    }

    /// Where the next answer would begin.
    #[must_use]
    pub const fn end(self) -> usize {
        self.body.1
    }

    /// Whether the server closes the connection after it.
    #[must_use]
    pub const fn closes(self) -> bool {
        self.closes
    }
}

/// Digits and nothing else, as a number.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The index in the JSON form of an answer: `{"logIndex":"17",…`.
#[must_use]
pub fn index_of_json(body: &[u8]) -> Option<u64> {
    let rest = body.strip_prefix(b"{\"logIndex\":\"")?;
    number(rest.get(..rest.iter().position(|byte| *byte == b'"')?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_once_it_is_whole() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabcHTTP";
        for cut in 0..43 {
            assert_eq!(Answer::find(&text[..cut]), Ok(None), "{cut}");
        }
        let answer = Answer::find(text).unwrap().unwrap();
        assert_eq!((answer.status(), answer.body(text), answer.end()), (201, &b"abc"[..], text.len() - 4));
        assert!(!answer.closes());
        let last = Answer::find(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        assert!(last.unwrap().unwrap().closes());
    }

    #[test]
    fn what_is_no_answer_is_broken() {
        for text in [
            &b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(Answer::find(text), Err(Broken), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!((number(b""), number(b"+1"), number(b"1 ")), (None, None, None));
        assert_eq!(index_of_json(b"{\"logIndex\":\"17\",\"x\""), Some(17));
        assert_eq!(index_of_json(b"{\"logIndex\":17}"), None);
    }
}
