//! Every file of the corpus with every byte changed and cut at every length: a report comes out, and what is refused for its content
//! is not washed by its name.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use formats::{Format, Rules, inspect};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if !path.ends_with("case.toml") {
            found.push(path);
        }
    }
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let mut found = Vec::new();
    files(&testdata.join("formats/refused"), &mut found);
    files(&testdata.join("formats/allowed"), &mut found);
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    found.into_iter().map(|path| (name(&path), fs::read(&path).expect("a file"))).collect()
}

/// Files larger than this are changed at fewer places.
const SMALL: usize = 600;

#[test]
fn any_byte_changed_and_any_cut_gives_a_report() {
    for (name, bytes) in corpus().into_iter().filter(|(_, bytes)| bytes.len() < SMALL) {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                inspect(&name, &mut Cursor::new(&changed), &Rules::with_torch()).expect("memory is read");
            }
            inspect(&name, &mut Cursor::new(&bytes[..at]), &Rules::strict()).expect("memory is read");
        }
    }
}

#[test]
fn a_whole_safetensors_file_cut_anywhere_is_refused() {
    for (name, bytes) in
        corpus().into_iter().filter(|(name, bytes)| name.ends_with(".safetensors") && bytes.len() < SMALL)
    {
        let allowed = |bytes: &[u8]| {
            inspect(&name, &mut Cursor::new(bytes), &Rules::strict()).expect("memory is read").is_allowed()
        };
        if allowed(&bytes) {
            assert!((0..bytes.len()).all(|end| !allowed(&bytes[..end])), "{name}");
        }
    }
}

/// A file of zeros but for its two ends, which counts the bytes that are read of it.
struct Sparse {
    head: Vec<u8>,
    tail: Vec<u8>,
    len: u64,
    at: u64,
    read: u64,
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX).min(into.len());
        for byte in &mut into[..count] {
            let from_end = self.len - self.at;
            let tail_at =
                (self.tail.len() as u64).checked_sub(from_end).and_then(|at| usize::try_from(at).ok());
            let head = usize::try_from(self.at).ok().and_then(|at| self.head.get(at));
            *byte = tail_at.and_then(|at| self.tail.get(at)).or(head).copied().unwrap_or(0);
            self.at += 1;
        }
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.len.saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// CRC-32, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

/// Headers of a stored member.
fn headers(name: &str, size: u32, crc: u32, at: u32) -> [Vec<u8>; 2] {
    let numbers = [crc.to_le_bytes(), size.to_le_bytes(), size.to_le_bytes()].concat();
    let len = u16::try_from(name.len()).expect("short").to_le_bytes();
    let local =
        [&b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0"[..], &numbers, &len, b"\0\0", name.as_bytes()].concat();
    let central = [
        &b"PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0\x21\0"[..],
        &numbers,
        &len,
        &[0; 12],
        &at.to_le_bytes(),
        name.as_bytes(),
    ]
    .concat();
    [local, central]
}

#[test]
fn a_torch_file_of_two_gibibytes_is_read_without_its_tensors() {
    const TENSOR: u32 = 2 << 30;
    let count = (TENSOR / 4).to_le_bytes();
    let pickle = [
        &b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ"[..],
        &count,
        b"tQ.",
    ]
    .concat();
    let size = u32::try_from(pickle.len()).expect("small");
    let [first, first_entry] = headers("a/data.pkl", size, crc32(&pickle), 0);
    let mut head = [first, pickle].concat();
    let at = u32::try_from(head.len()).expect("small");
    let [second, second_entry] = headers("a/data/0", TENSOR, 0, at);
    head.extend(second);
    let directory_at = u32::try_from(head.len()).expect("small") + TENSOR;
    let directory = [first_entry, second_entry].concat();
    let len = u32::try_from(directory.len()).expect("small").to_le_bytes();
    let end = [&b"PK\x05\x06\0\0\0\0\x02\0\x02\0"[..], &len, &directory_at.to_le_bytes(), b"\0\0"].concat();
    let tail = [directory, end].concat();
    let mut file = Sparse { len: u64::from(directory_at) + tail.len() as u64, head, tail, at: 0, read: 0 };
    let report = inspect("pytorch_model.bin", &mut file, &Rules::with_torch()).expect("memory is read");
    assert_eq!((report.format(), report.is_allowed()), (Format::Torch, true), "{:?}", report.findings());
    assert!(file.read < 1 << 18, "{} bytes read", file.read);
}
