//! The files that are here against the files in the manifest. Step 9 of the procedure.
//!
//! The manifest decides what must be here, its ignored paths what may be here besides. Beyond that only the fixed list of
//! [`attest::inert`] and the bundle itself are not minded. All that is not minded is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest::digest::{Sha256, Sha256Digest};
use attest::inert::is_inert;
use attest::model_path::ModelPath;
use attest::oms::{Manifest, Method, Shard};
use attest::scan::{Progress, ScanError, ScanOptions, Survey};
use attest::tree::{FileLeaf, Tree};

use super::failure::OmsFailure;
use crate::difference::{Difference, differences};

/// What was compared, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    files: usize,
    bytes: u64,
    left_out: Vec<LeftOut>,
}

impl Contents {
    /// How many files were hashed.
    #[must_use]
    pub const fn files(&self) -> usize {
        self.files
    }

    /// Their bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What lies here and is covered by nothing, sorted by path; a directory stands for all below it.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

/// A path that is here and not covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    path: ModelPath,
    by: LeftOutBy,
}

impl LeftOut {
    /// The path.
    #[must_use]
    pub const fn path(&self) -> &ModelPath {
        &self.path
    }

    /// Who left it out.
    #[must_use]
    pub const fn by(&self) -> LeftOutBy {
        self.by
    }
}

/// Why a path is not covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/oms.md")]
pub enum LeftOutBy {
    /// The method cuts files in pieces, and a file without bytes has none.
    Method,
    /// The signature itself.
    Signature,
    /// The signer, in the signed list of ignored paths, or as every signer of that version did.
    Signer,
    /// The fixed list of spec/tree-digest.md.
    Specification,
}

impl LeftOutBy {
    /// The word for it in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Signature => "signature",
            Self::Signer => "signer",
            Self::Specification => "specification",
        }
    }
}

/// Reads what lies at `model`, and compares.
pub(super) fn compare(
    manifest: &Manifest,
    model: &Path,
    signature_file: &Path,
    options: &ScanOptions,
    progress: Progress<'_>,
) -> Result<(Contents, Vec<Difference>), OmsFailure> {
    let serialization = manifest.serialization();
    let scan = |source| OmsFailure::Scan { source };
    let signed = Listed::of(manifest, single_file_name(manifest, model)?);
    let beside = path_inside(signature_file, model);
    let left_out_by = |path: &ModelPath, is_file: bool| {
        if signed.concerns(path) {
            None
        } else if is_file && beside.as_ref() == Some(path) {
            Some(LeftOutBy::Signature)
        } else if serialization.ignored().cover(path) {
            Some(LeftOutBy::Signer)
        } else if is_inert(path) && (is_file || is_inert_below(path)) {
            Some(LeftOutBy::Specification)
        } else {
            None
        }
    };
    let survey = Survey::of(model, serialization.symlinks(), &|path, kind| {
        left_out_by(path, kind.is_file()).is_some()
    })
    .map_err(scan)?;
    let mut left_out: Vec<LeftOut> = survey
        .left_out()
        .iter()
        .map(|path| {
            let by = left_out_by(path, true).unwrap_or(LeftOutBy::Specification);
            LeftOut { path: path.clone(), by }
        })
        .collect();

    let pieces = match serialization.method() {
        Method::Files => None,
        Method::Shards { bytes } => Some(bytes),
    };
    let contents = survey.hash(serialization.hash(), pieces, options, progress).map_err(scan)?;
    let mut here = Vec::with_capacity(contents.len());
    let (mut files, mut bytes) = (0, 0_u64);
    for content in contents {
        if pieces.is_some() && content.size() == 0 && !signed.concerns(content.path()) {
            left_out.push(LeftOut { path: content.path().clone(), by: LeftOutBy::Method });
            continue;
        }
        files += 1;
        bytes = bytes.saturating_add(content.size());
        here.push(leaf(content.path(), content.digests()));
    }
    left_out.sort_by(|a, b| a.path.cmp(&b.path));
    let tree = |leaves| Tree::new(leaves).map_err(|source| scan(ScanError::Tree(source)));
    let differences = differences(&tree(signed.leaves())?, &tree(here)?);
    Ok((Contents { files, bytes, left_out }, differences))
}

/// The files of a manifest with the digests of each.
struct Listed<'a> {
    files: BTreeMap<&'a ModelPath, Vec<(Option<Shard>, Sha256Digest)>>,
    directories: BTreeSet<&'a str>,
    single: Option<(ModelPath, Sha256Digest)>,
}

impl<'a> Listed<'a> {
    /// `name` is what a single file is called here.
    fn of(manifest: &'a Manifest, name: Option<ModelPath>) -> Self {
        let mut listed = Self { files: BTreeMap::new(), directories: BTreeSet::new(), single: None };
        for resource in manifest.resources() {
            let digest = resource.stand_in();
            match (resource.path(), &name) {
                (Some(path), _) => {
                    listed.files.entry(path).or_default().push((resource.shard(), digest));
                    let slashes = path.as_str().match_indices('/');
                    listed.directories.extend(slashes.filter_map(|(slash, _)| path.as_str().get(..slash)));
                }
                (None, Some(name)) => listed.single = Some((name.clone(), digest)),
                (None, None) => {}
            }
        }
        // In the order of their bytes, whatever order the manifest has.
        listed.files.values_mut().for_each(|shards| shards.sort());
        listed
    }

    /// Whether the path is a file of the manifest, or a directory on the way to one.
    fn concerns(&self, path: &ModelPath) -> bool {
        self.files.contains_key(path)
            || self.directories.contains(path.as_str())
            || self.single.as_ref().is_some_and(|(single, _)| single == path)
    }

    fn leaves(&self) -> Vec<FileLeaf> {
        let files = self.files.iter().map(|(path, shards)| {
            let digests: Vec<Sha256Digest> = shards.iter().map(|(_, digest)| *digest).collect();
            leaf(path, &digests)
        });
        let single = self.single.iter().map(|(path, digest)| leaf(path, &[*digest]));
        files.chain(single).collect()
    }
}

/// A file for the list of differences. OMS signs no size, so one byte stands for a file that is not empty; of several
/// shards the digest over their digests stands for the content.
fn leaf(path: &ModelPath, digests: &[Sha256Digest]) -> FileLeaf {
    let digest = match digests {
        [digest] => *digest,
        several => {
            let mut hasher = Sha256::new();
            several.iter().for_each(|digest| hasher.update(digest.as_bytes()));
            hasher.finish()
        }
    };
    FileLeaf::new(path.clone(), u64::from(digest != Sha256Digest::of(b"")), digest)
}

/// Whether the whole directory at `path` is on the fixed list.
fn is_inert_below(path: &ModelPath) -> bool {
    // A name that is on the list for files only does not cover what lies below it.
    ModelPath::new(format!("{path}/x")).is_ok_and(|below| is_inert(&below))
}

/// What a model that is a single file is called here; refuses one shape where the other was signed.
fn single_file_name(manifest: &Manifest, model: &Path) -> Result<Option<ModelPath>, OmsFailure> {
    let name = model.file_name().and_then(|name| name.to_str()).and_then(|name| ModelPath::new(name).ok());
    match (manifest.is_single_file(), model.is_file(), manifest.resources()) {
        (true, true, _) => Ok(name),
        (false, false, _) => Ok(None),
        // OMS v1.0 has the file's name where `model_signing` has a dot.
        (false, true, [only]) if only.path() == name.as_ref() => Ok(None),
        (true, false, _) => Err(OmsFailure::ModelShape { signed: "a single file", here: "a directory" }),
        (false, true, _) => {
            Err(OmsFailure::ModelShape { signed: "files of a directory", here: "a single file" })
        }
    }
}

/// The path of `file` below `model`, if it lies there.
fn path_inside(file: &Path, model: &Path) -> Option<ModelPath> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = parent.canonicalize().ok()?.join(file.file_name()?);
    let below = file.strip_prefix(model.canonicalize().ok()?).ok()?;
    ModelPath::new(below.to_str()?).ok()
}
