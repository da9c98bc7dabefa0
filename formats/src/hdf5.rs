//! HDF5: not on the list, and not read. That a Keras model in it has a Lambda layer is said beside it.

use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stream};

/// The signature; it may also stand at byte 512, 1024, 2048 and so on.
const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// How far is looked for the architecture: it is an attribute of the root, near the beginning.
const LOOKED_AT: u64 = 8 << 20;

/// Whether the signature is where it may be.
pub(crate) fn is_hdf5(stream: &mut Stream<'_>) -> Step<bool> {
    let places = std::iter::once(0).chain((9..40).map(|power| 1_u64 << power));
    let len = stream.len();
    for at in places.take_while(|at| at.saturating_add(8) <= len) {
        stream.go_to(at)?;
        if &stream.array()? == SIGNATURE {
            return Ok(true);
        }
    }
    stream.go_to(0)?;
    Ok(false)
}

/// Looks for a Lambda layer in the text of the architecture.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    let beginning = stream.beginning(LOOKED_AT)?;
    let words: [&[u8]; 2] = [b"\"class_name\": \"Lambda\"", b"\"class_name\":\"Lambda\""];
    let found =
        words.iter().find_map(|word| beginning.windows(word.len()).position(|window| window == *word));
    if let Some(at) = found {
        sink.add(Reason::KerasCode, Some(at as u64), "a layer of class Lambda");
    }
    sink.add(Reason::FormatNotAllowed, None, "HDF5, of which nothing is read");
    Ok(())
}
