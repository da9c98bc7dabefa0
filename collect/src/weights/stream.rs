//! A file read from front to back, where every length is held against what is left before anything is allocated for it.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::WarningReason;

/// A file of known length and the place in it.
#[derive(Debug)]
pub(crate) struct Stream<R> {
    inner: BufReader<R>,
    position: u64,
    /// Length of the file when it was opened. It may shrink since; then reading fails.
    len: u64,
    /// No byte from here on is read: the bound of a header, never beyond `len`.
    end: u64,
}

/// Why bytes were not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("ends at byte {len}, want {wanted} bytes from byte {at} on")]
    Short { at: u64, wanted: u64, len: u64 },
    #[error("header runs past byte {limit}, which is as far as one is read")]
    TooLong { limit: u64 },
}

impl StreamError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::Io(_) => WarningReason::Unreadable,
            Self::Short { .. } => WarningReason::Malformed,
            Self::TooLong { .. } => WarningReason::TooLarge,
        }
    }
}

impl<R: Read + Seek> Stream<R> {
    /// Stands at the first byte.
    pub(crate) fn new(mut inner: R) -> Result<Self, StreamError> {
        let len = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        Ok(Self { inner: BufReader::new(inner), position: 0, len, end: len })
    }

    /// Reads no byte at or after `limit`.
    pub(crate) fn bound(self, limit: u64) -> Self {
        Self { end: self.len.min(limit), ..self }
    }

    /// Length of the whole file, in bytes.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Offset of the next byte.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Errs if fewer than `wanted` bytes are left.
    fn demand(&self, wanted: u64) -> Result<(), StreamError> {
        // The position never passes the end, so neither subtraction wraps.
        if wanted <= self.end - self.position {
            Ok(())
        } else if wanted <= self.len - self.position {
            Err(StreamError::TooLong { limit: self.end })
        } else {
            Err(StreamError::Short { at: self.position, wanted, len: self.len })
        }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StreamError> {
        self.demand(N as u64)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// The next `count` bytes; the caller has bounded the count, the file's length does too.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, StreamError> {
        self.demand(count)?;
        let mut bytes = Vec::new();
        let read = self.inner.by_ref().take(count).read_to_end(&mut bytes)? as u64;
        if read != count {
            return Err(StreamError::Short { at: self.position, wanted: count, len: self.position + read });
        }
        self.position += count;
        Ok(bytes)
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Result<u8, StreamError> {
        self.array().map(u8::from_le_bytes)
    }

    /// A little-endian number of two bytes.
    pub(crate) fn u16(&mut self) -> Result<u16, StreamError> {
        self.array().map(u16::from_le_bytes)
    }

    /// A little-endian number of four bytes.
    pub(crate) fn u32(&mut self) -> Result<u32, StreamError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian number of eight bytes.
    pub(crate) fn u64(&mut self) -> Result<u64, StreamError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Leaves out `count` bytes, which must be there.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), StreamError> {
        self.demand(count)?;
        self.go_to(self.position + count)
    }

    /// Stands at `position`, which is within the file or its very end.
    pub(crate) fn go_to(&mut self, position: u64) -> Result<(), StreamError> {
        if position > self.end {
            let wanted = position - self.position.min(position);
            return Err(StreamError::Short { at: self.position, wanted, len: self.end });
        }
        // A short way is taken inside the buffer.
        match position.checked_sub(self.position).map(i64::try_from) {
            Some(Ok(forward)) => self.inner.seek_relative(forward)?,
            _ => self.inner.seek(SeekFrom::Start(position)).map(drop)?,
        }
        self.position = position;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn no_byte_is_read_past_the_end_or_the_bound() {
        let mut stream = Stream::new(Cursor::new(b"\x01\x02\x00\x03\x00\x00\x00abc")).expect("a stream");
        assert_eq!(stream.u8().expect("a byte"), 1);
        assert_eq!(stream.u16().expect("two bytes"), 2);
        assert_eq!(stream.u32().expect("four bytes"), 3);
        assert!(matches!(stream.u64(), Err(StreamError::Short { at: 7, wanted: 8, len: 10 })));
        assert!(matches!(stream.bytes(u64::MAX), Err(StreamError::Short { .. })));
        assert!(matches!(stream.skip(u64::MAX), Err(StreamError::Short { .. })));
        assert!(matches!(stream.go_to(11), Err(StreamError::Short { .. })));
        assert_eq!(stream.bytes(3).expect("three bytes"), b"abc");
        stream.go_to(10).expect("the end");
        stream.go_to(3).expect("back");
        let mut stream = stream.bound(8);
        assert!(matches!(stream.bytes(6), Err(StreamError::TooLong { limit: 8 })));
        assert_eq!(stream.bytes(5).expect("five bytes"), b"\x03\x00\x00\x00a");
    }
}
