//! add-checkpoint and sign-subtree: a log asks a witness to cosign (c2sp.org/tlog-witness v1.0.0). The wire only.
//!
//! ```text
//! request                                             answer 200
//!   old 2                                               — witness.example.org/w1 88CAtgAAAABlU/EA…
//!   Zx8UbF5HHooag6PCFM5LqQe486WIjRTMjNPOdbsS75Q=
//!                                                     answer 409, text/x.tlog.size
//!   log.example.org/models                              2
//!   3
//!   Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
//!
//!   — log.example.org/models PTFwEqS8b089h0CM…
//! ```
//!
//! A witness answers, in this order: 400 if [`AddCheckpointRequest::parse`] refuses; 404 for an unknown origin; 403 if
//! the log's signature is missing or bad; 409 with a [`WitnessedSize`] if the old size is not the one it last cosigned;
//! 422 if the consistency proof does not hold, or is not empty where the old size is 0; 200 with an
//! [`AddCheckpointResponse`].
//!
//! sign-subtree asks for a cosignature of some of the leaves of a tree that the witness has cosigned: [`SignSubtreeRequest`].
//!
//! In scope: these texts. Out of scope: HTTP, and what a witness remembers.

mod answer;
mod request;
mod subtree;

pub use answer::{AddCheckpointResponse, AddCheckpointResponseError, WitnessedSize};
pub use request::{AddCheckpointRequest, AddCheckpointRequestError};
pub use subtree::{SignSubtreeRequest, SignSubtreeRequestError};

use crate::text::MAX_NOTE_BYTES;

/// Largest request or answer that is read, in bytes.
pub const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES;

/// Largest request that should be sent, in bytes: the witness that most others are modelled on reads no more. Send the log's
/// own signatures only, not everybody's cosignatures.
pub const MAX_SENT_BYTES: usize = 16 * 1024;
