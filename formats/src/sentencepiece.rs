//! Vocabularies of SentencePiece: a message of pieces, each a text with a score.
//!
//! Follows sentencepiece_model.proto: 1 pieces, 2 trainer, 3 normaliser, 4 self-test, 5 denormaliser.

use crate::protobuf::{Fields, Payload};
use crate::reason::Reason;
use crate::stream::{Step, Stop, Stream};

/// Longest piece, in bytes.
const MAX_PIECE: u64 = 1 << 16;

/// Whether all of it is such a vocabulary.
pub(crate) fn is_vocabulary(stream: &mut Stream<'_>) -> Step<bool> {
    stream.go_to(0)?;
    let found = match walk(stream) {
        Ok(pieces) => pieces > 0,
        Err(Stop::Io(error)) => return Err(Stop::Io(error)),
        Err(_) => false,
    };
    stream.go_to(0)?;
    Ok(found)
}

fn walk(stream: &mut Stream<'_>) -> Step<u64> {
    let (mut fields, end, mut pieces) = (Fields::new(Reason::UnknownFormat), stream.len(), 0);
    while let Some((number, payload)) = fields.next(stream, end)? {
        match (number, payload) {
            (1, Payload::Bytes(len)) => {
                let piece_end = stream.position().saturating_add(len);
                let mut has_text = false;
                while let Some((number, payload)) = fields.next(stream, piece_end)? {
                    match (number, payload) {
                        (1, Payload::Bytes(len)) => {
                            fields.text(stream, len, MAX_PIECE)?;
                            has_text = true;
                        }
                        (2, Payload::Fixed32) => stream.skip(4)?,
                        (3, Payload::Varint(kind)) if (1..=6).contains(&kind) => {}
                        _ => return Err(Stop::End(stream.position())),
                    }
                }
                if !has_text {
                    return Err(Stop::End(piece_end));
                }
                pieces += 1;
            }
            (2..=5, Payload::Bytes(len)) => stream.skip(len)?,
            _ => return Err(Stop::End(stream.position())),
        }
    }
    Ok(pieces)
}
