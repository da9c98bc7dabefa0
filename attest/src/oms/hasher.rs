use super::hash_type::HashType;
use crate::digest::{Sha256, Sha256Digest};
use blake2::Digest as _;

/// One of the hash functions of OMS v1.0, over bytes that arrive piece by piece.
pub(crate) enum Hasher {
    Blake2b(Box<blake2::Blake2b512>),
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Hasher {
    /// Starts with nothing hashed.
    pub(crate) fn new(hash: HashType) -> Self {
        match hash {
            HashType::Blake2b => Self::Blake2b(Box::default()),
            HashType::Blake3 => Self::Blake3(Box::default()),
            HashType::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    /// Takes in the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake2b(hasher) => hasher.update(bytes),
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Ends, and gives what stands for the digest of all bytes taken in.
    pub(crate) fn finish(self) -> Sha256Digest {
        match self {
            Self::Blake2b(hasher) => HashType::stand_in(&hasher.finalize()),
            Self::Blake3(hasher) => HashType::stand_in(hasher.finalize().as_bytes()),
            Self::Sha256(hasher) => hasher.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hash: HashType, bytes: &[u8]) -> Sha256Digest {
        let mut hasher = Hasher::new(hash);
        bytes.chunks(2).for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    }

    /// RFC 7693 appendix A; the BLAKE3 paper's test vectors, input of no bytes.
    #[test]
    fn functions_give_what_their_papers_say() {
        let blake2b = "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
                       7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
        let bytes: Vec<u8> = blake2b
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
            .collect();
        assert_eq!(of(HashType::Blake2b, b"abc"), Sha256Digest::of(&bytes));
        let blake3 = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(of(HashType::Blake3, b"").to_string(), blake3);
        assert_eq!(of(HashType::Sha256, b"abc"), Sha256Digest::of(b"abc"));
    }
}
