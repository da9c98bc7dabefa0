//! A key in an ssh-agent (draft-ietf-sshm-ssh-agent), asked over its Unix socket.
//!
//! ```text
//! message   u32 BE length ‖ u8 type ‖ content             string: u32 BE length ‖ bytes
//! 11        which keys?
//! 12        u32 count ‖ count × ( string key ‖ string comment )
//! 13        string key ‖ string data ‖ u32 0               sign
//! 14        string signature
//! key       string "ssh-ed25519" ‖ string 32 bytes         signature: string "ssh-ed25519" ‖ string 64 bytes
//! ```
//!
//! An agent signs anything for anybody who can open its socket, so the key must be one that is used for nothing else, and
//! the one guard against a second history is what its user remembers: the log's ledger, the witness's record.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::KeyError;

/// The variable in which an agent's socket is named.
pub const SOCKET_ENV: &str = "SSH_AUTH_SOCK";
const ALGORITHM: &[u8] = b"ssh-ed25519";
/// Far more than the answers that are wanted; an agent with a thousand keys stays below it.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// How long one read or write may take. An agent may ask its owner to confirm.
const PATIENCE: Duration = Duration::from_secs(30);
const PEER: &str = "the ssh-agent";

/// A key that an agent holds.
#[derive(Debug)]
pub struct AgentKey {
    socket: PathBuf,
    public_key: [u8; 32],
}

impl AgentKey {
    /// The key with these 32 bytes, in the agent behind a socket.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`] if the agent does not have it; otherwise as [`keys`].
    pub fn open(socket: PathBuf, public_key: [u8; 32]) -> Result<Self, KeyError> {
        if keys(&socket)?.contains(&public_key) {
            return Ok(Self { socket, public_key });
        }
        Err(KeyError::NoSuchKey { place: socket.display().to_string() })
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub const fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// What the agent returns as the signature over these bytes. The caller verifies it.
    ///
    /// # Errors
    /// [`KeyError::Io`] if the agent could not be asked, [`KeyError::Protocol`] if it says no or something else.
    pub fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], KeyError> {
        let mut question = vec![13];
        let mut key = Vec::new();
        push(&mut key, ALGORITHM);
        push(&mut key, &self.public_key);
        push(&mut question, &key);
        push(&mut question, bytes);
        question.extend([0; 4]);
        let answer = exchange(&self.socket, &question, 14)?;
        let mut rest = &answer[..];
        let signature = string(&mut rest).filter(|_| rest.is_empty()).and_then(tagged::<64>);
        signature.ok_or(KeyError::Protocol { peer: PEER })
    }
}

/// The Ed25519 keys an agent holds.
///
/// # Errors
/// [`KeyError::Io`] if it could not be asked, [`KeyError::Protocol`] if it answers something else.
pub fn keys(socket: &Path) -> Result<Vec<[u8; 32]>, KeyError> {
    let answer = exchange(socket, &[11], 12)?;
    let listed = |mut rest: &[u8]| {
        let mut keys = Vec::new();
        for _ in 0..number(&mut rest)? {
            let (key, _comment) = (string(&mut rest)?, string(&mut rest)?);
            keys.extend(tagged::<32>(key));
        }
        rest.is_empty().then_some(keys)
    };
    listed(&answer).ok_or(KeyError::Protocol { peer: PEER })
}

/// Sends one message and returns the content of the answer, which must be of this type.
fn exchange(socket: &Path, message: &[u8], wanted: u8) -> Result<Vec<u8>, KeyError> {
    let io = |act| move |source| KeyError::Io { act, source };
    let mut stream = UnixStream::connect(socket).map_err(io("connect to the ssh-agent"))?;
    let timed =
        stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    timed.map_err(io("talk to the ssh-agent"))?;
    let mut framed = Vec::new();
    push(&mut framed, message);
    stream.write_all(&framed).map_err(io("ask the ssh-agent"))?;
    let mut len = [0; 4];
    stream.read_exact(&mut len).map_err(io("hear from the ssh-agent"))?;
    let len = u32::from_be_bytes(len) as usize;
    if !(1..=MAX_ANSWER_BYTES).contains(&len) {
        return Err(KeyError::Protocol { peer: PEER });
    }
    let mut answer = vec![0; len];
    stream.read_exact(&mut answer).map_err(io("hear from the ssh-agent"))?;
    // Type 5 is "no": the key is gone, locked, or its owner did not confirm.
    if answer.remove(0) == wanted { Ok(answer) } else { Err(KeyError::Protocol { peer: PEER }) }
}

/// The 32 bytes of an OpenSSH public key file: `ssh-ed25519`, base64 of the key blob, a comment. `None` if it is no Ed25519 key.
#[must_use]
pub fn public_key_of_file(text: &str) -> Option<[u8; 32]> {
    let blob = text.split_whitespace().nth(1)?;
    tagged(&STANDARD.decode(blob).ok()?)
}

/// `string "ssh-ed25519" ‖ string N bytes`.
fn tagged<const N: usize>(mut bytes: &[u8]) -> Option<[u8; N]> {
    let (algorithm, value) = (string(&mut bytes)?, string(&mut bytes)?);
    (algorithm == ALGORITHM && bytes.is_empty()).then(|| value.try_into().ok())?
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(number(rest)?).ok()?;
    let (string, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(string)
}

/// All strings written here are far below 4 GiB.
fn push(into: &mut Vec<u8>, string: &[u8]) {
    into.extend((string.len() as u32).to_be_bytes());
    into.extend_from_slice(string);
}
