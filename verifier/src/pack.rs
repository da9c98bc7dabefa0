//! A pack: a model and all that it takes to judge it, in one file, for machines that no network reaches.
//!
//! ```text
//! tallymark-pack.json            {"schema_version":1,"single_file":null}, or the file's name in place of null
//! lineage/NNNN.tallymark.jsonl   bundle files about what the model was made from, any number
//! bundle.tallymark.jsonl         the model's own bundle file
//! model/PATH                     the files of the model
//! ```
//!
//! The archive is a tar file, ustar with long names as GNU tar writes them, not compressed, with regular files alone, in this order. Follows
//! spec/pack.md. It holds no trust file: what comes with a model does not say whom to trust.
//!
//! An archive is read twice: its headers first, so that a malformed one is refused before anything else, then the files, which are hashed as
//! they come and written nowhere.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use attest::bundle::{BundleFile, BundleFileError, FILE_NAME, MAX_BUNDLE_FILE_BYTES};
use attest::digest::Sha256Digest;
use attest::inert::is_inert;
use attest::model_path::{ModelPath, ModelPathError};
use attest::scan::{Act, Progress, ScanError};
use attest::tree::{FileLeaf, MAX_FILES, Tree};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, Entry, EntryType, Header};

use crate::lineage::{Evidence, MAX_EVIDENCE_BYTES, MAX_EVIDENCE_FILES};

/// Name of the first entry: what a pack is known by.
const MANIFEST: &str = "tallymark-pack.json";
const BUNDLE: &str = "bundle.tallymark.jsonl";
const LINEAGE: &str = "lineage/";
const MODEL: &str = "model/";
/// Longest manifest, bytes.
const MAX_MANIFEST_BYTES: u64 = 4096;
const BUFFER_BYTES: usize = 256 * 1024;
/// Version of the layout.
const SCHEMA_VERSION: u32 = 1;

/// What kind of model is in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema_version: u32,
    single_file: Option<String>,
}

/// Why a file is no pack that can be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A bundle file in it is none.
    #[error("{name} is no bundle file")]
    Bundle {
        /// The entry.
        name: String,
        /// Where and why.
        source: BundleFileError,
    },
    /// The manifest is none.
    #[error("{MANIFEST} does not parse")]
    Manifest {
        /// Where and why.
        source: serde_json::Error,
    },
    /// Another version of the layout.
    #[error("pack of version {seen}, want {SCHEMA_VERSION}")]
    Version {
        /// What it says.
        seen: u32,
    },
    /// No manifest, bundle file or model.
    #[error("no {wanted} in it")]
    Missing {
        /// What there should be.
        wanted: &'static str,
    },
    /// A name that no entry has, or that stands in another place.
    #[error("entry {name:?}, which does not belong there")]
    Misplaced {
        /// The name.
        name: String,
    },
    /// A link, a directory or a device.
    #[error("entry {name:?} is no regular file")]
    NotAFile {
        /// The name.
        name: String,
    },
    /// A name that no file of a model has.
    #[error("entry {name:?} cannot be part of a model")]
    Path {
        /// The name.
        name: String,
        /// The rule it breaks.
        source: ModelPathError,
    },
    /// A single file beside others, or another than the manifest names.
    #[error("the manifest names one file, {wanted:?}, and there is {seen:?}")]
    NotSingle {
        /// The name in the manifest.
        wanted: String,
        /// The entry.
        seen: String,
    },
    /// More than is ever read.
    #[error("more than {limit} bytes of {what}")]
    TooLong {
        /// What.
        what: &'static str,
        /// How many.
        limit: u64,
    },
    /// More files than a model has.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// Not a tar file, or one that breaks off.
    #[error("archive does not parse")]
    Archive {
        /// What the reader said.
        source: io::Error,
    },
}

/// The parts of a pack that are held in memory.
#[derive(Debug)]
pub(crate) struct Pack {
    path: PathBuf,
    single_file: Option<String>,
    bundle: Vec<u8>,
    evidence: Evidence,
    total_bytes: u64,
}

/// Where in a pack an entry may stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Manifest,
    Lineage,
    Bundle,
    Model,
}

/// Whether the file begins as a pack does. One that cannot be read is none: whoever reads it next says why.
#[must_use]
pub fn is_one(path: &Path) -> bool {
    let mut start = [0; MANIFEST.len() + 1];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start.strip_prefix(MANIFEST.as_bytes()) == Some(&[0])
}

impl Pack {
    /// Reads everything but the model's files, of which it reads the headers.
    pub(crate) fn open(path: &Path) -> Result<Self, PackError> {
        let archive = |source| PackError::Archive { source };
        let mut reader = Archive::new(File::open(path).map_err(archive)?);
        let (mut at, mut files, mut lineage_bytes) = (None, 0_usize, 0_u64);
        let (mut manifest, mut bundle): (Option<Manifest>, Option<Vec<u8>>) = (None, None);
        let (mut evidence, mut lineage, mut total_bytes) = (Evidence::new(), 0_usize, 0_u64);
        for entry in reader.entries_with_seek().map_err(archive)? {
            let mut entry = entry.map_err(archive)?;
            let name = name_of(&entry)?;
            let part = part_of(&name).filter(|part| at.is_none_or(|at| *part >= at));
            let Some(part) = part.filter(|part| at.is_some() || *part == Part::Manifest) else {
                return Err(PackError::Misplaced { name });
            };
            match part {
                Part::Manifest if manifest.is_some() => return Err(PackError::Misplaced { name }),
                Part::Manifest => {
                    let bytes = read(&mut entry, "the manifest", MAX_MANIFEST_BYTES)?;
                    let parsed: Manifest =
                        serde_json::from_slice(&bytes).map_err(|source| PackError::Manifest { source })?;
                    if parsed.schema_version != SCHEMA_VERSION {
                        return Err(PackError::Version { seen: parsed.schema_version });
                    }
                    manifest = Some(parsed);
                }
                Part::Lineage => {
                    let bytes = read(&mut entry, "a bundle file", MAX_BUNDLE_FILE_BYTES as u64)?;
                    (lineage, lineage_bytes) = (lineage + 1, lineage_bytes + bytes.len() as u64);
                    if lineage > MAX_EVIDENCE_FILES {
                        return Err(PackError::TooMany { what: "bundle files", limit: MAX_EVIDENCE_FILES });
                    }
                    if lineage_bytes > MAX_EVIDENCE_BYTES as u64 {
                        let limit = MAX_EVIDENCE_BYTES as u64;
                        return Err(PackError::TooLong { what: "bundle files", limit });
                    }
                    let file = BundleFile::parse(&bytes)
                        .map_err(|source| PackError::Bundle { name: name.clone(), source })?;
                    evidence.add(&name, file);
                }
                Part::Bundle if bundle.is_some() => return Err(PackError::Misplaced { name }),
                Part::Bundle => {
                    bundle = Some(read(&mut entry, "the bundle file", MAX_BUNDLE_FILE_BYTES as u64)?)
                }
                Part::Model => {
                    let path = model_path(&name)?;
                    files += 1;
                    let single = manifest.as_ref().and_then(|manifest| manifest.single_file.as_ref());
                    if let Some(wanted) = single.filter(|single| files > 1 || path.as_str() != *single) {
                        return Err(PackError::NotSingle { wanted: wanted.clone(), seen: path.to_string() });
                    }
                    if files > MAX_FILES {
                        return Err(PackError::TooMany { what: "files", limit: MAX_FILES });
                    }
                    total_bytes = total_bytes.saturating_add(entry.size());
                }
            }
            at = Some(part);
        }
        let manifest = manifest.ok_or(PackError::Missing { wanted: MANIFEST })?;
        let bundle = bundle.ok_or(PackError::Missing { wanted: BUNDLE })?;
        if files == 0 && manifest.single_file.is_some() {
            return Err(PackError::Missing { wanted: "model" });
        }
        let (path, single_file) = (path.to_owned(), manifest.single_file);
        Ok(Self { path, single_file, bundle, evidence, total_bytes })
    }

    /// The name of the model's one file, if it is one.
    pub(crate) fn single_file(&self) -> Option<&str> {
        self.single_file.as_deref()
    }

    pub(crate) fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Refuses what has more bytes than that, before one of them is read.
    pub(crate) fn within(&self, most: Option<u64>) -> Result<(), ScanError> {
        match (most, self.total_bytes) {
            (Some(most), found) if found > most => {
                Err(ScanError::TooManyBytes { path: self.path.clone(), found, most })
            }
            _ => Ok(()),
        }
    }

    /// Reads all files into a tree; below `to`, if there is one, they are written too, in a directory that is made and that nobody else can enter.
    pub(crate) fn tree(&self, to: Option<&Path>, progress: Progress<'_>) -> Result<Tree, ScanError> {
        let changed = || ScanError::Changed { path: self.path.clone() };
        let broken = |source| ScanError::Io { act: Act::Read, path: self.path.clone(), source };
        let mut archive = Archive::new(File::open(&self.path).map_err(broken)?);
        let (mut leaves, mut done, mut buffer) = (Vec::new(), 0_u64, vec![0; BUFFER_BYTES]);
        if let Some(to) = to {
            make_directory(to).map_err(|source| unwritten(to, source))?;
        }
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            // All of this was as it should be a moment ago.
            let name = name_of(&entry).map_err(|_| changed())?;
            if !name.starts_with(MODEL) {
                continue;
            }
            let path = model_path(&name).map_err(|_| changed())?;
            let mut into = to.map(|to| new_file(to, &path)).transpose()?;
            let (mut hash, mut size) = (Sha256::new(), 0_u64);
            loop {
                let read = match entry.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(broken(error)),
                };
                let piece = buffer.get(..read).unwrap_or_default();
                hash.update(piece);
                if let Some((file, place)) = &mut into {
                    file.write_all(piece).map_err(|source| unwritten(place, source))?;
                }
                (size, done) = (size + read as u64, done + read as u64);
                progress(done, self.total_bytes);
            }
            // An archive that breaks off gives less than it says, and no error.
            if size != entry.size() {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
            leaves.push(FileLeaf::new(path, size, Sha256Digest::from_bytes(hash.finalize().into())));
            if leaves.len() > MAX_FILES {
                return Err(changed());
            }
        }
        Ok(Tree::new(leaves)?)
    }
}

/// Writes a pack.
#[expect(missing_debug_implementations, reason = "the archive's writer has none")]
pub struct PackWriter<W: io::Write>(Builder<W>);

impl<W: io::Write> PackWriter<W> {
    /// Begins with the manifest, the bundle files about ancestors, and the model's own. `single_file` is the name of a model that is one.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: W, single_file: Option<&str>, lineage: &[Vec<u8>], bundle: &[u8]) -> io::Result<Self> {
        let mut this = Self(Builder::new(out));
        let single_file = single_file.map(str::to_owned);
        let manifest = serde_json::to_vec(&Manifest { schema_version: SCHEMA_VERSION, single_file })?;
        this.append(MANIFEST, manifest.len() as u64, manifest.as_slice())?;
        for (number, file) in (1..).zip(lineage) {
            let name = format!("{LINEAGE}{number:04}.{FILE_NAME}");
            this.append(&name, file.len() as u64, file.as_slice())?;
        }
        this.append(BUNDLE, bundle.len() as u64, bundle)?;
        Ok(this)
    }

    /// Adds a file of the model, of which `content` has so many bytes.
    ///
    /// # Errors
    /// What `out` or `content` says; [`io::ErrorKind::UnexpectedEof`] if that has less.
    pub fn add(&mut self, path: &ModelPath, size: u64, content: impl Read) -> io::Result<()> {
        self.append(&format!("{MODEL}{path}"), size, content)
    }

    /// Ends the archive and gives back what it was written to.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }

    /// The same bytes for the same content: no times, no owners.
    fn append(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(size);
        let mut content = content.take(size);
        self.0.append_data(&mut header, name, &mut content)?;
        match content.limit() {
            0 => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn name_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, PackError> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    match entry.header().entry_type() {
        EntryType::Regular => Ok(name),
        _ => Err(PackError::NotAFile { name }),
    }
}

fn part_of(name: &str) -> Option<Part> {
    match name {
        MANIFEST => Some(Part::Manifest),
        BUNDLE => Some(Part::Bundle),
        _ if name.starts_with(LINEAGE) => Some(Part::Lineage),
        _ if name.starts_with(MODEL) => Some(Part::Model),
        _ => None,
    }
}

/// Path of a file below the model's root. What no scan counts has no place in a pack.
fn model_path(name: &str) -> Result<ModelPath, PackError> {
    let misplaced = || PackError::Misplaced { name: name.to_owned() };
    let path = name.strip_prefix(MODEL).ok_or_else(misplaced)?;
    let path =
        ModelPath::from_str(path).map_err(|source| PackError::Path { name: name.to_owned(), source })?;
    if is_inert(&path) { Err(misplaced()) } else { Ok(path) }
}

fn read<R: Read>(entry: &mut Entry<'_, R>, what: &'static str, limit: u64) -> Result<Vec<u8>, PackError> {
    if entry.size() > limit {
        return Err(PackError::TooLong { what, limit });
    }
    let mut bytes = Vec::new();
    entry.take(limit).read_to_end(&mut bytes).map_err(|source| PackError::Archive { source })?;
    // An archive that breaks off gives less than it says, and no error.
    match bytes.len() as u64 == entry.size() {
        true => Ok(bytes),
        false => Err(PackError::Archive { source: io::ErrorKind::UnexpectedEof.into() }),
    }
}

fn unwritten(path: &Path, source: io::Error) -> ScanError {
    ScanError::Io { act: Act::Write, path: path.to_owned(), source }
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A new file below `to`, with the directories on its way.
fn new_file(to: &Path, path: &ModelPath) -> Result<(File, PathBuf), ScanError> {
    let mut place = to.to_owned();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        // Everything below `to` was made by us, so nothing there is a link.
        if parts.peek().is_some() && !place.is_dir() {
            make_directory(&place).map_err(|source| unwritten(&place, source))?;
        }
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&place).map_err(|source| unwritten(&place, source))?;
    Ok((file, place))
}
