//! The list of a dataset's files on the disk: packed with Zstandard, written whole or not at all, read as a stream.
//!
//! In scope: packing and the disk. Out of scope: what a line is ([`attest::manifest`]).

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use attest::dataset::{DatasetError, Document};
use attest::digest::Sha256;
use attest::manifest::{MEDIA_TYPE, ManifestReader, line};
use attest::tree::{FileLeaf, Tree};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress};

use crate::key_file::sync_parent;

/// First bytes of a Zstandard frame (RFC 8878 §3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest window a list may want, in bytes (RFC 8878 §3.1.1.1.2 has every decoder take 8 MiB).
const MAX_WINDOW_BYTES: u64 = 8 << 20;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestFileError {
    /// A file is in the way.
    #[error("{path} is there already and is another list")]
    InTheWay { path: PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: io::Error },
    /// It cannot be named in a statement.
    #[error("the list cannot be named in a statement")]
    Document(#[from] DatasetError),
}

/// A list that is written and not yet under its name.
#[derive(Debug)]
pub(crate) struct NewManifest {
    document: Document,
    /// Where it lies for now and where it shall lie; `None` for a dry run.
    paths: Option<(PathBuf, PathBuf)>,
}

impl NewManifest {
    /// Packs the list of a tree, to be put at `path`, or nowhere.
    ///
    /// # Errors
    /// [`ManifestFileError`].
    pub(crate) fn write(tree: &Tree, path: Option<&Path>) -> Result<Self, ManifestFileError> {
        let io =
            |act| move |path: &Path, source| ManifestFileError::Io { act, path: path.to_owned(), source };
        let Some(path) = path else {
            let packed = pack(tree, io::sink());
            return Ok(Self { document: packed.document()?, paths: None });
        };
        let mut name = std::ffi::OsString::from(format!(".{}.", std::process::id()));
        name.push(path.file_name().unwrap_or_default());
        let new = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&new);
        let file = file.map_err(|source| io("create a file beside")(path, source))?;
        let mut this = Self {
            document: Document::new(MEDIA_TYPE.to_owned(), Sha256::new().finish(), 0)?,
            paths: Some((new.clone(), path.to_owned())),
        };
        let mut packed = pack(tree, io::BufWriter::new(file));
        if packed.error.is_none() {
            packed.error = packed.to.flush().and_then(|()| packed.to.get_ref().sync_all()).err();
        }
        if let Some(source) = packed.error.take() {
            return Err(io("write")(&new, source));
        }
        this.document = packed.document()?;
        if path.exists()
            && digest_of(path).map_err(|source| io("read")(path, source))? != this.document.digest()
        {
            return Err(ManifestFileError::InTheWay { path: path.to_owned() });
        }
        Ok(this)
    }

    /// What a statement says of it.
    pub(crate) const fn document(&self) -> &Document {
        &self.document
    }

    /// Puts it under its name.
    ///
    /// # Errors
    /// [`ManifestFileError::Io`].
    pub(crate) fn keep(mut self) -> Result<Option<PathBuf>, ManifestFileError> {
        let Some((new, path)) = self.paths.take() else { return Ok(None) };
        let io = |source| ManifestFileError::Io { act: "put in place", path: path.clone(), source };
        std::fs::rename(&new, &path).map_err(io)?;
        sync_parent(&path).map_err(io)?;
        Ok(Some(path))
    }
}

impl Drop for NewManifest {
    fn drop(&mut self) {
        if let Some((new, _)) = &self.paths {
            // If it stays it is a hidden file that nobody asks for.
            drop(std::fs::remove_file(new));
        }
    }
}

/// The files of a packed list, one after the other.
///
/// # Errors
/// [`ManifestFileError::Io`] if it cannot be opened or does not begin like one.
pub(crate) fn read(path: &Path) -> Result<ManifestReader<impl io::BufRead>, ManifestFileError> {
    let io = |act| move |source| ManifestFileError::Io { act, path: path.to_owned(), source };
    let file = File::open(path).map_err(io("open"))?;
    let damaged = |error: ruzstd::decoding::errors::FrameDecoderError| {
        io("unpack")(io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    };
    let unpacked = StreamingDecoder::new_with_max_window_size(BufReader::new(file), MAX_WINDOW_BYTES);
    Ok(ManifestReader::new(BufReader::new(unpacked.map_err(damaged)?)))
}

/// Whether the file begins like a packed list.
pub(crate) fn is_packed(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let read = path.is_file().then(|| File::open(path).and_then(|mut file| file.read_exact(&mut magic)));
    matches!(read, Some(Ok(()))) && magic == MAGIC
}

/// Hashes a file.
pub(crate) fn digest_of(path: &Path) -> io::Result<attest::digest::Sha256Digest> {
    let mut hasher = Hashing { to: io::sink(), hasher: Sha256::new(), bytes: 0, error: None };
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.hasher.finish())
}

fn pack<W: Write>(tree: &Tree, to: W) -> Hashing<W> {
    let mut hashing = Hashing { to, hasher: Sha256::new(), bytes: 0, error: None };
    compress(
        Lines { files: tree.files().iter(), rest: Vec::new(), at: 0 },
        &mut hashing,
        CompressionLevel::Fastest,
    );
    hashing
}

/// The lines of a list as a stream.
struct Lines<'a> {
    files: std::slice::Iter<'a, FileLeaf>,
    rest: Vec<u8>,
    at: usize,
}

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() {
            (self.rest, self.at) = (self.files.next().map(line).unwrap_or_default(), 0);
        }
        let read = self.rest.get(self.at..).unwrap_or_default().read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Hashes and counts what goes through. The packer takes no error for an answer, so the first one is kept for later.
struct Hashing<W> {
    to: W,
    hasher: Sha256,
    bytes: u64,
    error: Option<io::Error>,
}

impl<W> Hashing<W> {
    fn document(&self) -> Result<Document, DatasetError> {
        Document::new(MEDIA_TYPE.to_owned(), self.hasher.clone().finish(), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if self.error.is_none() {
            self.error = self.to.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use attest::digest::Sha256Digest;

    use super::*;

    fn tree(files: usize) -> Tree {
        let leaf = |number: usize| {
            let path = format!("part-{:03}/{number:07}.jpg", number % 100).parse().expect("a path");
            FileLeaf::new(path, number as u64, Sha256Digest::of(&number.to_be_bytes()))
        };
        Tree::new((0..files).map(leaf).collect()).expect("a tree")
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("data.manifest.zst");
        for files in [0, 1, 5000] {
            let tree = tree(files);
            let new = NewManifest::write(&tree, Some(&path)).expect("written");
            let document = new.document().clone();
            assert_eq!(new.keep().expect("kept"), Some(path.clone()));
            assert_eq!(digest_of(&path).expect("readable"), document.digest());
            assert_eq!(path.metadata().expect("there").len(), document.bytes());
            assert!(is_packed(&path));
            let read: Vec<FileLeaf> =
                read(&path).expect("readable").map(|file| file.expect("a file")).collect();
            assert_eq!(read, tree.files());
            // The same again is no obstacle, another list is.
            NewManifest::write(&tree, Some(&path)).expect("the same");
            assert!(matches!(
                NewManifest::write(&self::tree(files + 1), Some(&path)),
                Err(ManifestFileError::InTheWay { .. })
            ));
            std::fs::remove_file(&path).expect("remove");
            assert_eq!(dir.path().read_dir().expect("readable").count(), 0);
        }
    }

    #[test]
    fn a_damaged_list_ends_in_an_error() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("data.manifest.zst");
        drop(NewManifest::write(&tree(500), Some(&path)).and_then(NewManifest::keep).expect("kept"));
        let bytes = std::fs::read(&path).expect("readable");
        for end in [3, 10, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..end]).expect("write");
            let read = read(&path).map(|files| files.map(|file| file.map_err(drop)).collect::<Vec<_>>());
            assert!(read.is_err() || read.is_ok_and(|files| files.last() == Some(&Err(()))), "cut at {end}");
        }
    }
}
