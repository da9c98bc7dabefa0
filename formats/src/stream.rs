//! A window on hostile bytes: read in order, never past its end, with little held in memory.

use std::io::{self, Read, Seek, SeekFrom};

use crate::finding::Fault;
use crate::reason::Reason;

/// Anything a file can be read from.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// Bytes held at a time. Pickles are read byte by byte, and one system call for each would be slow.
const BUFFER_BYTES: usize = 1 << 14;

/// Why a reader stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The content is refused.
    Fault(Fault),
    /// The bytes end before the format does; at this offset.
    End(u64),
    /// The system could not read. No judgement on the content.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Result of a reader's step.
pub(crate) type Step<T> = Result<T, Stop>;

/// Refuses the content for one reason.
pub(crate) fn refuse<T>(reason: Reason, offset: u64, what: impl Into<String>) -> Step<T> {
    Err(Stop::Fault(Fault::new(reason, Some(offset), what)))
}

/// Part of a source. Offsets are from the beginning of the part.
pub(crate) struct Stream<'a> {
    source: &'a mut dyn Source,
    start: u64,
    len: u64,
    at: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    taken: usize,
    /// Whether a window may have moved the source.
    is_moved: bool,
}

impl<'a> Stream<'a> {
    /// The whole source.
    pub(crate) fn new(source: &'a mut dyn Source) -> io::Result<Self> {
        let len = source.seek(SeekFrom::End(0))?;
        Self::part(source, 0, len)
    }

    fn part(source: &'a mut dyn Source, start: u64, len: u64) -> io::Result<Self> {
        source.seek(SeekFrom::Start(start))?;
        Ok(Self { source, start, len, at: 0, buffer: Vec::new(), taken: 0, is_moved: false })
    }

    /// A part of this part, which lies within it. This stream then stands where it ends.
    pub(crate) fn window(&mut self, start: u64, len: u64) -> Step<Stream<'_>> {
        let end = start.checked_add(len).filter(|end| *end <= self.len).ok_or(Stop::End(self.len))?;
        self.buffer.clear();
        self.taken = 0;
        self.at = end;
        self.is_moved = true;
        Ok(Stream::part(&mut *self.source, self.start.saturating_add(start), len)?)
    }

    /// Length in bytes.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Offset of the next byte.
    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    /// Bytes that are left.
    pub(crate) const fn left(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    /// Goes to an offset within the part.
    pub(crate) fn go_to(&mut self, offset: u64) -> Step<()> {
        if offset > self.len {
            return Err(Stop::End(self.len));
        }
        self.source.seek(SeekFrom::Start(self.start.saturating_add(offset)))?;
        self.buffer.clear();
        self.taken = 0;
        self.at = offset;
        self.is_moved = false;
        Ok(())
    }

    /// Leaves out `count` bytes.
    pub(crate) fn skip(&mut self, count: u64) -> Step<()> {
        let buffered = self.buffer.len().saturating_sub(self.taken);
        match usize::try_from(count) {
            Ok(count_here) if count_here <= buffered => {
                self.taken += count_here;
                self.at += count;
                Ok(())
            }
            _ => self.go_to(self.at.checked_add(count).ok_or(Stop::End(self.len))?),
        }
    }

    fn fill(&mut self) -> Step<()> {
        if self.is_moved {
            self.go_to(self.at)?;
        }
        let want = usize::try_from(self.left()).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
        self.buffer.resize(want, 0);
        self.taken = 0;
        let mut filled = 0;
        while let Some(rest) = self.buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.buffer.truncate(filled);
        if filled == 0 { Err(Stop::End(self.at)) } else { Ok(()) }
    }

    /// The next bytes, at least one and at most `most`; none at the end.
    pub(crate) fn some(&mut self, most: usize) -> Step<&[u8]> {
        if self.taken >= self.buffer.len() {
            if self.left() == 0 {
                return Ok(&[]);
            }
            self.fill()?;
        }
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(most);
        self.taken += count;
        self.at += count as u64;
        Ok(self.buffer.get(self.taken - count..self.taken).unwrap_or_default())
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Step<u8> {
        let at = self.at;
        self.some(1)?.first().copied().ok_or(Stop::End(at))
    }

    /// Exactly the next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.u8()?;
        }
        Ok(bytes)
    }

    /// The next two bytes, the low one first.
    pub(crate) fn u16(&mut self) -> Step<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// The next four bytes, the low one first.
    pub(crate) fn u32(&mut self) -> Step<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next eight bytes, the low one first.
    pub(crate) fn u64(&mut self) -> Step<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Exactly the next `count` bytes. The caller has held `count` against a bound.
    pub(crate) fn bytes(&mut self, count: u64) -> Step<Vec<u8>> {
        if count > self.left() {
            return Err(Stop::End(self.len));
        }
        let mut bytes = Vec::new();
        let mut left = usize::try_from(count).map_err(|_| Stop::End(self.len))?;
        while left > 0 {
            let at = self.at;
            let some = self.some(left)?;
            if some.is_empty() {
                return Err(Stop::End(at));
            }
            bytes.extend_from_slice(some);
            left -= some.len();
        }
        Ok(bytes)
    }

    /// The first bytes, at most `most`; then stands at the beginning again.
    pub(crate) fn beginning(&mut self, most: u64) -> Step<Vec<u8>> {
        self.go_to(0)?;
        let bytes = self.bytes(most.min(self.len))?;
        self.go_to(0)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_window_ends_where_it_ends_and_not_where_the_file_does() {
        let mut file = Cursor::new(b"0123456789".to_vec());
        let mut stream = Stream::new(&mut file).expect("a stream");
        let mut window = stream.window(2, 3).expect("a window");
        assert_eq!(window.bytes(3).expect("all of it"), b"234");
        assert!(matches!(window.u8(), Err(Stop::End(3))));
        assert!(matches!(window.bytes(1), Err(Stop::End(3))));
        let mut inner = window.window(1, 2).expect("a window in a window");
        assert_eq!(inner.bytes(2).expect("all of it"), b"34");
        assert_eq!((stream.position(), stream.u8().expect("behind the window")), (5, b'5'));
        assert!(stream.window(8, 3).is_err() && stream.window(u64::MAX, 2).is_err());
    }

    #[test]
    fn what_is_skipped_is_not_read_and_the_rest_is() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let mut file = Cursor::new(bytes.clone());
        let mut stream = Stream::new(&mut file).expect("a stream");
        assert_eq!(stream.u8().expect("a byte"), 0);
        stream.skip(20_000).expect("within");
        assert_eq!((stream.position(), stream.u8().expect("a byte")), (20_001, bytes[20_001]));
        stream.skip(5).expect("within the buffer");
        assert_eq!(stream.u8().expect("a byte"), bytes[20_007]);
        assert!(stream.skip(40_000).is_err() && stream.skip(u64::MAX).is_err());
    }
}
