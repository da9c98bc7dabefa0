//! The bytes that an ML-DSA-44 cosignature covers: a statement about a subtree, of which a checkpoint is the case that
//! begins at leaf 0 (c2sp.org/tlog-cosignature v1.1.0-rc.1).
//!
//! ```text
//! "subtree/v1\n" 0x00
//! cosigner name    one byte of length, 1 to 255, then the name
//! timestamp        u64, POSIX seconds; 0 makes no claim of being the latest, and is a must unless start is 0
//! log origin       one byte of length, 1 to 255, then the origin
//! start, end       u64 each: leaves [start, end)
//! hash             32 bytes, the root of those leaves
//! ```
//!
//! All integers are big-endian. Unlike the Ed25519 cosignature this one names the cosigner, and does not cover extension
//! lines.
//!
//! In scope: the message. Out of scope: the ML-DSA-44 signature over it, which is in [`crate::cosignature`].

use merkle::Hash;
use merkle::subtree::Subtree;
use thiserror::Error;

use crate::checkpoint::Origin;
use crate::cosignature::UnixSeconds;
use crate::vkey::KeyName;

/// What a message begins with: its name, and a byte that no text has.
const PREFIX: &[u8; 12] = b"subtree/v1\n\0";

/// Why there is no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubtreeMessageError {
    /// A name or an origin does not fit behind one byte of length.
    #[error("name of {seen} bytes, at most 255 wanted")]
    NameTooLong {
        /// Its length in bytes.
        seen: usize,
    },
    /// A time for a subtree that does not begin at leaf 0: it cannot be the latest of anything.
    #[error("timestamp {seen} on a subtree from leaf {start}, 0 wanted")]
    TimestampOfInnerSubtree {
        /// The time.
        seen: UnixSeconds,
        /// Where the subtree begins.
        start: u64,
    },
}

/// Writes the message by which `cosigner` says that the leaves of `subtree` in the log `origin` have the root `hash`.
///
/// # Errors
///
/// * [`SubtreeMessageError::TimestampOfInnerSubtree`] unless `timestamp` is 0 or the subtree begins at leaf 0;
/// * [`SubtreeMessageError::NameTooLong`] if a name has more than 255 bytes.
pub fn subtree_message(
    cosigner: &KeyName,
    timestamp: UnixSeconds,
    origin: &Origin,
    subtree: Subtree,
    hash: &Hash,
) -> Result<Vec<u8>, SubtreeMessageError> {
    if timestamp.get() != 0 && subtree.start() != 0 {
        return Err(SubtreeMessageError::TimestampOfInnerSubtree { seen: timestamp, start: subtree.start() });
    }
    let mut message = PREFIX.to_vec();
    push_name(&mut message, cosigner.as_str())?;
    message.extend(timestamp.get().to_be_bytes());
    push_name(&mut message, origin.as_str())?;
    message.extend(subtree.start().to_be_bytes());
    message.extend(subtree.end().to_be_bytes());
    message.extend(hash.as_bytes());
    Ok(message)
}

fn push_name(message: &mut Vec<u8>, name: &str) -> Result<(), SubtreeMessageError> {
    let length =
        u8::try_from(name.len()).map_err(|_| SubtreeMessageError::NameTooLong { seen: name.len() })?;
    message.push(length);
    message.extend(name.as_bytes());
    Ok(())
}
