//! Inflating, up to a bound that the caller sets.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use crate::stream::{Step, Stream};

/// What lies around the deflated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// Nothing.
    None,
    /// Two bytes and a checksum, RFC 1950.
    Zlib,
}

/// Deflate makes no more than this of one byte, so more is not set aside.
const MAX_RATIO: u64 = 1032;

/// Inflates at most `most` bytes from where the stream stands, and stops there or at the end of what is deflated, behind which the stream
/// then stands. `None` if it is not deflated.
pub(crate) fn inflate(stream: &mut Stream<'_>, wrapping: Wrapping, most: u64) -> Step<Option<Vec<u8>>> {
    let most = most.min(stream.left().saturating_mul(MAX_RATIO));
    let mut content = vec![0; usize::try_from(most).unwrap_or(0)];
    let mut state = Box::<DecompressorOxide>::default();
    let mut written = 0;
    loop {
        let (at, left) = (stream.position(), stream.left());
        let input = stream.some(usize::MAX)?;
        let is_last = input.len() as u64 == left;
        let mut flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        flags |= if is_last { 0 } else { inflate_flags::TINFL_FLAG_HAS_MORE_INPUT };
        flags |= if wrapping == Wrapping::Zlib { inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
        let (status, read, more) = decompress(&mut state, input, &mut content, written, flags);
        let taken_all = read == input.len();
        written += more;
        match status {
            TINFLStatus::NeedsMoreInput if taken_all && !is_last => {}
            TINFLStatus::Done | TINFLStatus::HasMoreOutput => {
                stream.go_to(at.saturating_add(read as u64))?;
                content.truncate(written);
                return Ok(Some(content));
            }
            _ => return Ok(None),
        }
    }
}
