//! What a log and its signing process say to each other (`spec/signer-socket.md`): one question and one answer for each
//! connection, each in one frame.
//!
//! ```text
//! frame      u32 BE length of the body, 1 to 2130 ‖ body
//!
//! question   1                                                        what was signed last?
//!            2 ‖ u64 BE size ‖ 32-byte root ‖ u64 BE time             sign this head
//!              ‖ u8 number of hashes, at most 64 ‖ 32-byte hashes     (consistency proof from the last head)
//!            3 ‖ u64 BE size ‖ 32-byte root ‖ u64 BE time             sign the status of this head
//!              ‖ 32-byte root of the map ‖ u8 number of hashes,
//!              at most 64 ‖ 32-byte hashes                            (consistency proof to the last head)
//! answer     129 ‖ 32-byte public key ‖ u64 BE size ‖ 32-byte root ‖ u64 BE time ‖ u8 length ‖ origin
//!            130 ‖ 64-byte Ed25519 signature over the text of the checkpoint or of the status
//!            255 ‖ u8 reason
//! ```
//!
//! There is no question that has bytes signed: the process makes the text itself, with its own origin.
//!
//! In scope: the bytes, bounded and strict. Out of scope: who may connect, what is signed.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use merkle::{ConsistencyProof, Hash, TreeHead, TreeSize};
use thiserror::Error;
use tlog::checkpoint::Origin;

use super::status::Draft;

/// Most bytes of a body: a question about a status with 64 hashes.
pub const MAX_BODY_BYTES: usize = 1 + 8 + 32 + 8 + 32 + 1 + MAX_HASHES * 32;
const MAX_HASHES: usize = 64;
/// How long a whole frame may take to come or to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the log asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a fourth question is another protocol")]
pub enum Question {
    /// What was signed last, and with which key?
    Last,
    /// Sign this head.
    Sign {
        /// The head.
        head: TreeHead,
        /// POSIX seconds.
        time: u64,
        /// That it extends the last one; no hashes if that is empty or the same.
        proof: ConsistencyProof,
    },
    /// Sign this status.
    SignStatus(Draft),
}

/// What the signing process answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a fourth answer is another protocol")]
pub enum Answer {
    /// What was signed last.
    Last {
        /// The key's 32 bytes (RFC 8032).
        public_key: [u8; 32],
        /// The head.
        head: TreeHead,
        /// POSIX seconds.
        time: u64,
        /// The log it signs for.
        origin: Origin,
    },
    /// The head was not signed.
    Refused(Reason),
    /// The signature over the text of the checkpoint, or of the status.
    Signed([u8; 64]),
}

/// Why a head was not signed. Each is one byte in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The question is not one.
    #[error("the question is malformed")]
    Malformed,
    /// A larger tree was signed.
    #[error("a larger tree was signed")]
    Smaller,
    /// Another tree of this size was signed.
    #[error("another tree of this size was signed")]
    OtherRoot,
    /// The proof does not show that the last head is extended.
    #[error("the tree is not proven to extend the last one that was signed")]
    Unproven,
    /// The time lies before that of the last head.
    #[error("the time lies before that of the last head")]
    TimeGoesBack,
    /// The process met an error and signs nothing any more.
    #[error("it met an error of its own and signs nothing until it is started again")]
    Failed,
    /// The tree of a status was not signed.
    #[error("the tree of the status was not signed")]
    NotSigned,
}

const REASONS: [Reason; 7] = [
    Reason::Malformed,
    Reason::Smaller,
    Reason::OtherRoot,
    Reason::Unproven,
    Reason::TimeGoesBack,
    Reason::Failed,
    Reason::NotSigned,
];

/// A body that is no question or no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a body of {len} bytes is none that this protocol has")]
pub struct Malformed {
    /// Its length.
    pub len: usize,
}

/// Takes a body apart from the front.
struct Parts<'a>(&'a [u8]);

impl Parts<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn head(&mut self) -> Option<TreeHead> {
        let size = TreeSize::new(self.number()?).ok()?;
        TreeHead::new(size, Hash::from_bytes(self.take()?)).ok()
    }

    /// All that is left.
    fn proof(&mut self) -> Option<ConsistencyProof> {
        let [count] = self.take()?;
        let (hashes, rest) = self.0.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != usize::from(count) {
            return None;
        }
        let hashes = hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect();
        ConsistencyProof::new(hashes).ok()
    }
}

impl Question {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly what [`Question::encode`] writes.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Self::parse(body).ok_or(Malformed { len: body.len() })
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut parts = Parts(body);
        match parts.take()? {
            [1] => parts.0.is_empty().then_some(Self::Last),
            [2] => {
                let (head, time) = (parts.head()?, parts.number()?);
                Some(Self::Sign { head, time, proof: parts.proof()? })
            }
            [3] => {
                let (head, time, map) = (parts.head()?, parts.number()?, Hash::from_bytes(parts.take()?));
                Some(Self::SignStatus(Draft::new(head, parts.proof()?, map, time)))
            }
            _ => None,
        }
    }

    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Last => vec![1],
            Self::Sign { head, time, proof } => {
                let mut body = vec![2];
                push_head(&mut body, head, *time);
                push_proof(&mut body, proof);
                body
            }
            Self::SignStatus(draft) => {
                let mut body = vec![3];
                push_head(&mut body, draft.head(), draft.time());
                body.extend_from_slice(draft.map().as_bytes());
                push_proof(&mut body, draft.proof());
                body
            }
        }
    }
}

impl Answer {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] unless it is exactly what [`Answer::encode`] writes.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Self::parse(body).ok_or(Malformed { len: body.len() })
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut parts = Parts(body);
        let answer = match parts.take()? {
            [129] => {
                let (public_key, head, time) = (parts.take()?, parts.head()?, parts.number()?);
                let [len] = parts.take()?;
                let (origin, rest) = parts.0.split_at_checked(usize::from(len))?;
                parts.0 = rest;
                let origin = std::str::from_utf8(origin).ok()?.parse().ok()?;
                Self::Last { public_key, head, time, origin }
            }
            [130] => Self::Signed(parts.take()?),
            [255] => {
                let [code] = parts.take()?;
                Self::Refused(*REASONS.get(usize::from(code).checked_sub(1)?)?)
            }
            _ => return None,
        };
        parts.0.is_empty().then_some(answer)
    }

    /// Writes the body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Last { public_key, head, time, origin } => {
                let mut body = vec![129];
                body.extend_from_slice(public_key);
                push_head(&mut body, head, *time);
                // An origin has at most 255 bytes.
                body.push(origin.as_str().len() as u8);
                body.extend_from_slice(origin.as_str().as_bytes());
                body
            }
            Self::Signed(signature) => [&[130][..], signature].concat(),
            Self::Refused(reason) => {
                let code = REASONS.iter().position(|known| known == reason);
                vec![255, code.map_or(0, |at| at as u8 + 1)]
            }
        }
    }
}

fn push_head(body: &mut Vec<u8>, head: &TreeHead, time: u64) {
    body.extend(head.size().get().to_be_bytes());
    body.extend_from_slice(head.root().as_bytes());
    body.extend(time.to_be_bytes());
}

fn push_proof(body: &mut Vec<u8>, proof: &ConsistencyProof) {
    // A proof has at most 64 hashes.
    body.push(proof.hashes().len() as u8);
    proof.hashes().iter().for_each(|hash| body.extend_from_slice(hash.as_bytes()));
}

/// Writes one frame.
///
/// # Errors
/// What the socket says, and [`io::ErrorKind::TimedOut`] or [`io::ErrorKind::WouldBlock`] after 5 s.
pub fn write(stream: &mut UnixStream, body: &[u8]) -> io::Result<()> {
    let len = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[&len.to_be_bytes()[..], body].concat())
}

/// Reads one frame, at most [`MAX_BODY_BYTES`] long and within 5 s from the first look to the last byte.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a length that no frame has, before anything is read or allocated for it;
/// [`io::ErrorKind::TimedOut`]; what the socket says.
pub fn read(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    let mut len = [0; 4];
    fill(stream, &mut len, end)?;
    let len = u32::from_be_bytes(len) as usize;
    if !(1..=MAX_BODY_BYTES).contains(&len) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {len} bytes")));
    }
    let mut body = vec![0; len];
    fill(stream, &mut body, end)?;
    Ok(body)
}

fn fill(stream: &mut UnixStream, mut into: &mut [u8], end: Instant) -> io::Result<()> {
    while !into.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(into) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => into = into.split_at_mut(read).1,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> TreeHead {
        TreeHead::new(TreeSize::new(9).unwrap(), Hash::from_bytes([7; 32])).unwrap()
    }

    fn questions() -> Vec<Question> {
        let proof = |count| ConsistencyProof::new(vec![Hash::from_bytes([1; 32]); count]).unwrap();
        let sign = |count| Question::Sign { head: head(), time: 5, proof: proof(count) };
        let map = Hash::from_bytes([9; 32]);
        let status = |count| Question::SignStatus(Draft::new(head(), proof(count), map, 5));
        vec![Question::Last, sign(0), sign(3), sign(64), status(0), status(64)]
    }

    fn answers() -> Vec<Answer> {
        let origin = "log.test/1".parse().unwrap();
        let last = Answer::Last { public_key: [3; 32], head: head(), time: 5, origin };
        let refused = REASONS.map(Answer::Refused);
        [vec![last, Answer::Signed([4; 64])], refused.to_vec()].concat()
    }

    #[test]
    fn what_is_written_reads_back_and_nothing_longer_or_shorter_does() {
        for question in questions() {
            let body = question.encode();
            assert!(body.len() <= MAX_BODY_BYTES);
            assert_eq!(Question::decode(&body), Ok(question));
            assert!(Question::decode(&[&body[..], &[0]].concat()).is_err());
            assert!((0..body.len()).all(|len| Question::decode(&body[..len]).is_err()));
        }
        for answer in answers() {
            let body = answer.encode();
            assert!(body.len() <= MAX_BODY_BYTES);
            assert_eq!(Answer::decode(&body), Ok(answer));
            assert!(Answer::decode(&[&body[..], &[0]].concat()).is_err());
            assert!((0..body.len()).all(|len| Answer::decode(&body[..len]).is_err()));
        }
    }

    #[test]
    fn a_question_that_asks_for_anything_else_is_refused() {
        for first in (0..=255).filter(|first| ![1, 2, 3].contains(first)) {
            let mut body = questions()[2].encode();
            body[0] = first;
            assert!(Question::decode(&body).is_err(), "{first}");
        }
        let mut empty_with_a_root = questions()[1].encode();
        empty_with_a_root[8] = 0;
        assert!(Question::decode(&empty_with_a_root).is_err());
        let mut beyond = questions()[1].encode();
        beyond[1] = 0x80;
        assert!(Question::decode(&beyond).is_err());
    }

    #[test]
    fn the_example_on_the_page_is_a_question() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/signer-socket/sign.bin");
        let frame = std::fs::read(path).unwrap();
        let (len, body) = frame.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_be_bytes(*len) as usize, body.len());
        let question = Question::decode(body).unwrap();
        assert_eq!(question.encode(), body);
        let Question::Sign { head, time, proof } = question else { panic!("another question") };
        assert_eq!((head.size().get(), time, proof.hashes().len()), (3, 1_795_737_600, 2));
    }

    #[test]
    fn a_frame_too_long_or_empty_is_refused_by_its_length_alone() {
        for len in [0_u32, MAX_BODY_BYTES as u32 + 1, u32::MAX] {
            let (mut here, mut there) = UnixStream::pair().unwrap();
            there.write_all(&len.to_be_bytes()).unwrap();
            assert_eq!(read(&mut here).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
