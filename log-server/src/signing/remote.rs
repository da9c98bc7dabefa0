//! A key in another process: `tallymark-log sign-heads`, asked over its Unix socket.
//!
//! That process keeps a ledger of its own and decides for itself. This side keeps the log's ledger as well
//! ([`super::LedgeredSigner`]), verifies what comes back, and keeps in step: the other side may be one head ahead, if a
//! crash came between its ledger and ours, and in no other way different.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use merkle::{ConsistencyProof, TreeHead};
use tlog::checkpoint::Origin;

use super::frame::{self, Answer, Question};
use super::status::AllowedStatus;
use super::{AllowedHead, HeadKey, KeyError};

/// A key that another process holds.
#[derive(Debug)]
pub struct RemoteKey {
    socket: PathBuf,
    public_key: [u8; 32],
    /// The last head that the other side signed; `None` until it is asked.
    at: Option<TreeHead>,
}

/// What a signing process says about itself.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The 32 bytes of its key.
    pub public_key: [u8; 32],
    /// The log it signs for.
    pub origin: Origin,
    /// What it signed last.
    pub head: TreeHead,
}

/// Asks the process behind a socket who it is.
///
/// # Errors
/// [`KeyError::Io`] if it could not be asked, [`KeyError::Protocol`] if it answers something else.
pub fn ask(socket: &Path) -> Result<Remote, KeyError> {
    match exchange(socket, &Question::Last)? {
        Answer::Last { public_key, head, origin, .. } => Ok(Remote { public_key, origin, head }),
        _ => Err(KeyError::Protocol { peer: "the signing process" }),
    }
}

impl RemoteKey {
    /// The key with these 32 bytes, behind a socket. Nobody is asked yet.
    #[must_use]
    pub fn new(socket: PathBuf, public_key: [u8; 32]) -> Self {
        Self { socket, public_key, at: None }
    }

    fn whereabouts(&mut self) -> Result<TreeHead, KeyError> {
        if let Some(at) = self.at {
            return Ok(at);
        }
        let remote = ask(&self.socket)?;
        if remote.public_key != self.public_key {
            return Err(KeyError::NoSuchKey { place: self.socket.display().to_string() });
        }
        self.at = Some(remote.head);
        Ok(remote.head)
    }
}

impl HeadKey for RemoteKey {
    fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    fn sign(&mut self, allowed: &AllowedHead<'_>) -> Result<[u8; 64], KeyError> {
        let (at, head) = (self.whereabouts()?, *allowed.head());
        let proof = if at == head {
            ConsistencyProof::new(Vec::new()).map_err(|_| KeyError::Protocol { peer: "this program" })?
        } else if at == *allowed.last().head() {
            allowed.proof().clone()
        } else {
            return Err(KeyError::Elsewhere {
                size_there: at.size().get(),
                size_here: allowed.last().head().size().get(),
            });
        };
        // Unknown until the answer is here.
        self.at = None;
        match exchange(&self.socket, &Question::Sign { head, time: allowed.time(), proof })? {
            Answer::Signed(signature) => {
                self.at = Some(head);
                Ok(signature)
            }
            Answer::Refused(reason) => Err(KeyError::Refused { reason }),
            Answer::Last { .. } => Err(KeyError::Protocol { peer: "the signing process" }),
        }
    }

    fn sign_status(&mut self, allowed: &AllowedStatus<'_>) -> Result<[u8; 64], KeyError> {
        match exchange(&self.socket, &Question::SignStatus(allowed.draft().clone()))? {
            Answer::Signed(signature) => Ok(signature),
            Answer::Refused(reason) => Err(KeyError::Refused { reason }),
            Answer::Last { .. } => Err(KeyError::Protocol { peer: "the signing process" }),
        }
    }
}

fn exchange(socket: &Path, question: &Question) -> Result<Answer, KeyError> {
    let io = |act| move |source| KeyError::Io { act, source };
    let mut stream = UnixStream::connect(socket).map_err(io("connect to the signing process"))?;
    frame::write(&mut stream, &question.encode()).map_err(io("ask the signing process"))?;
    let body = frame::read(&mut stream).map_err(io("hear from the signing process"))?;
    Answer::decode(&body).map_err(|_| KeyError::Protocol { peer: "the signing process" })
}
