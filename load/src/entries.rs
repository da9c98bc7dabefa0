//! Entries to submit: raw bytes, and signed entries as publishers make them (`spec/entry.md`), all of them distinct.
//!
//! A signed entry has one subject, four inputs of different roles, a name, a version and one of 64 keys. All digests
//! are hashes of a number, so no two entries share one, and nothing in them compresses. Since roles are in ascending
//! order, any digests leave the encoding deterministic; [`Mint::new`] has one entry of each key read back by the strict
//! parser before any is used.
//!
//! A file of entries made beforehand is `u16 BE length ‖ entry`, again and again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Error, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use attest::entry::Entry;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

/// Publisher keys.
const KEYS: u64 = 64;
/// SPKI of an Ed25519 key (RFC 8410 §4) up to the key.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Roles of the inputs: code, dataset, base model, environment lock, each with the form of its digest.
const INPUTS: [(u8, u8); 4] = [(1, 1), (2, 1), (3, 1), (7, 2)];
/// Records handed to a thread at a time.
const HANDFUL: usize = 256;

/// Makes signed entries.
#[derive(Debug)]
pub struct Mint {
    seed: [u8; 16],
    publishers: Vec<Publisher>,
}

#[derive(Debug)]
struct Publisher {
    key: SigningKey,
    spki: [u8; 44],
    protected: [u8; 38],
}

impl Mint {
    /// New keys and new digests each time.
    ///
    /// # Errors
    /// The system gives no randomness, or the strict parser refuses what is made here.
    pub fn new() -> Result<Self, Error> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(Error::other)?;
        let publishers = (0..KEYS).map(|number| publisher(&seed, number)).collect();
        let mint = Self { seed, publishers };
        for number in 0..KEYS {
            let read = Entry::parse(&mint.entry(number)).map_err(Error::other)?;
            read.verify().map_err(Error::other)?;
        }
        Ok(mint)
    }

    /// The entry with this number, about 570 bytes.
    #[must_use]
    pub fn entry(&self, number: u64) -> Vec<u8> {
        let at = usize::try_from(number % KEYS).unwrap_or_default();
        let Some(publisher) = self.publishers.get(at) else { return Vec::new() };
        let mut digests = (0_u8..).map(|which| {
            Sha256::new()
                .chain_update(self.seed)
                .chain_update(number.to_be_bytes())
                .chain_update([which])
                .finalize()
        });
        let mut digest = |out: &mut Vec<u8>| {
            out.extend([0x58, 32]);
            out.extend(digests.next().unwrap_or_default());
        };
        let mut payload = Vec::with_capacity(512);
        // 1: format version 1; 2: kind 1; 3: statement digest.
        payload.extend([0xa8, 1, 1, 2, 1, 3]);
        digest(&mut payload);
        // 4: one subject, a model tree.
        payload.extend([4, 0x81, 0x82, 1]);
        digest(&mut payload);
        // 5: inputs.
        payload.extend([5, 0x84]);
        for (role, form) in INPUTS {
            payload.extend([0x83, role, form]);
            digest(&mut payload);
        }
        payload.push(6);
        text(&mut payload, &format!("load-{at:02}/model-{}", number / KEYS % 1000));
        payload.push(7);
        text(&mut payload, &format!("2026.11.{}", number / KEYS / 1000));
        payload.extend([8, 0x58, 44]);
        payload.extend(publisher.spki);

        let mut signed = Vec::with_capacity(payload.len() + 64);
        // Sig_structure (RFC 9052 §4.4).
        signed.push(0x84);
        text(&mut signed, "Signature1");
        bytes(&mut signed, &publisher.protected);
        bytes(&mut signed, &[]);
        bytes(&mut signed, &payload);
        let signature = publisher.key.sign(&signed);

        let mut entry = Vec::with_capacity(payload.len() + 112);
        entry.extend([0xd2, 0x84]);
        bytes(&mut entry, &publisher.protected);
        entry.push(0xa0);
        bytes(&mut entry, &payload);
        bytes(&mut entry, &signature.to_bytes());
        entry
    }

    /// Writes `count` entries to a new file, made by all cores.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path, count: u64) -> Result<(), Error> {
        let file = Mutex::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
        let next = std::sync::atomic::AtomicU64::new(0);
        let chunk = 1024;
        let work = || -> Result<(), Error> {
            loop {
                let start = next.fetch_add(chunk, std::sync::atomic::Ordering::Relaxed);
                if start >= count {
                    return Ok(());
                }
                let mut records = Vec::with_capacity(700 * 1024);
                for number in start..count.min(start + chunk) {
                    let entry = self.entry(number);
                    let len = u16::try_from(entry.len()).map_err(Error::other)?;
                    records.extend(len.to_be_bytes());
                    records.extend(entry);
                }
                file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&records)?;
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(Error::other("a thread that made entries ended early")))
            })
        })?;
        file.into_inner().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

fn publisher(seed: &[u8; 16], number: u64) -> Publisher {
    let secret =
        Sha256::new().chain_update(b"publisher").chain_update(seed).chain_update(number.to_be_bytes());
    let key = SigningKey::from_bytes(&secret.finalize().into());
    let mut spki = [0; 44];
    let (head, tail) = spki.split_at_mut(SPKI.len());
    head.copy_from_slice(&SPKI);
    tail.copy_from_slice(key.verifying_key().as_bytes());
    let mut protected = [0; 38];
    // {1: -19, 4: SHA-256 of the SPKI}
    let (head, tail) = protected.split_at_mut(6);
    head.copy_from_slice(&[0xa2, 1, 0x32, 4, 0x58, 32]);
    tail.copy_from_slice(&Sha256::digest(spki));
    Publisher { key, spki, protected }
}

/// A CBOR byte string of up to 65,535 bytes.
fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, 0x40, bytes.len());
    out.extend_from_slice(bytes);
}

/// A CBOR text.
fn text(out: &mut Vec<u8>, text: &str) {
    head(out, 0x60, text.len());
    out.extend_from_slice(text.as_bytes());
}

#[expect(clippy::cast_possible_truncation, reason = "each arm holds what it casts")]
fn head(out: &mut Vec<u8>, major: u8, len: usize) {
    match len {
        0..24 => out.push(major | len as u8),
        24..256 => out.extend([major | 24, len as u8]),
        _ => {
            out.push(major | 25);
            out.extend((len as u16).to_be_bytes());
        }
    }
}

/// Where the entries of a run come from.
#[derive(Debug)]
#[non_exhaustive]
pub enum Source {
    /// Signed entries from a file, read while they are sent.
    File {
        /// Shared by the threads, a handful of records at a time.
        records: Mutex<BufReader<File>>,
    },
    /// Signed entries made while they are sent.
    Mint {
        /// What makes them.
        mint: Mint,
        /// The next one's number.
        next: std::sync::atomic::AtomicU64,
    },
    /// Raw bytes of this length, made while they are sent.
    Raw {
        /// Bytes of each, at least 24.
        len: usize,
        /// Tells runs apart.
        run: u64,
        /// The next one's number.
        next: std::sync::atomic::AtomicU64,
    },
}

impl Source {
    /// Signed entries from a file that [`Mint::write`] made.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(path: &Path) -> Result<Self, Error> {
        Ok(Self::File { records: Mutex::new(BufReader::with_capacity(1 << 20, File::open(path)?)) })
    }

    /// Signed entries, made while they are sent.
    ///
    /// # Errors
    /// As [`Mint::new`].
    pub fn mint() -> Result<Self, Error> {
        Ok(Self::Mint { mint: Mint::new()?, next: 0.into() })
    }

    /// Raw entries of `len` bytes, other ones in each run.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn raw(len: usize) -> Result<Self, Error> {
        Ok(Self::Raw { len: len.max(24), run: getrandom::u64().map_err(Error::other)?, next: 0.into() })
    }

    /// Whether the entries are raw.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        matches!(self, Self::Raw { .. })
    }

    /// Fetches more entries into `into`, which stays empty if there are none left.
    ///
    /// # Errors
    /// The file ends in the middle of a record, or cannot be read.
    pub fn fetch(&self, into: &mut std::collections::VecDeque<Vec<u8>>) -> Result<(), Error> {
        use std::sync::atomic::Ordering::Relaxed;
        match self {
            Self::File { records } => {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                for _ in 0..HANDFUL {
                    let mut len = [0; 2];
                    match records.read_exact(&mut len) {
                        Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                        read => read?,
                    }
                    let mut entry = vec![0; usize::from(u16::from_be_bytes(len))];
                    records.read_exact(&mut entry)?;
                    into.push_back(entry);
                }
            }
            // One at a time: making it must not hold back what is due.
            Self::Mint { mint, next } => into.push_back(mint.entry(next.fetch_add(1, Relaxed))),
            Self::Raw { len, run, next } => {
                let number = next.fetch_add(1, Relaxed);
                let mut entry = Vec::with_capacity(len + 8);
                entry.extend(run.to_be_bytes());
                entry.extend(number.to_be_bytes());
                let mut word = number ^ run;
                while entry.len() < *len {
                    // xorshift64: not zeros, and cheap.
                    word |= 1;
                    word ^= word << 13;
                    word ^= word >> 7;
                    word ^= word << 17;
                    entry.extend(word.to_le_bytes());
                }
                entry.truncate(*len);
                into.push_back(entry);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashSet, VecDeque};

    #[test]
    fn entries_are_what_the_strict_parser_takes_and_all_distinct() {
        let mint = Mint::new().unwrap();
        let mut seen = HashSet::new();
        for number in (0..200).chain([1 << 20, 1 << 40]) {
            let entry = mint.entry(number);
            let read = Entry::parse(&entry).unwrap();
            read.verify().unwrap();
            assert_eq!((read.payload().subjects().len(), read.payload().inputs().len()), (1, 4));
            assert!((400..700).contains(&entry.len()), "{}", entry.len());
            assert!(seen.insert(entry));
        }
    }

    #[test]
    fn a_file_gives_back_every_entry_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entries");
        let mint = Mint::new().unwrap();
        mint.write(&path, 1500).unwrap();
        let source = Source::file(&path).unwrap();
        let mut seen = HashSet::new();
        let mut handful = VecDeque::new();
        while let Ok(()) = source.fetch(&mut handful) {
            if handful.is_empty() {
                break;
            }
            seen.extend(handful.drain(..));
        }
        assert_eq!(seen, (0..1500).map(|number| mint.entry(number)).collect());
    }

    #[test]
    fn a_file_that_ends_in_a_record_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entries");
        std::fs::write(&path, [0, 5, 1, 2]).unwrap();
        assert!(Source::file(&path).unwrap().fetch(&mut VecDeque::new()).is_err());
    }

    #[test]
    fn raw_entries_have_their_length_and_differ() {
        let source = Source::raw(100).unwrap();
        let mut entries = VecDeque::new();
        (0..100).for_each(|_| source.fetch(&mut entries).unwrap());
        assert!(entries.iter().all(|entry| entry.len() == 100));
        assert_eq!(entries.iter().collect::<HashSet<_>>().len(), 100);
    }
}
