//! From a root to the list of files: what is there, of which kind, how long, and in which state.

use std::collections::HashSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::disk::{self, Stamp};
use super::hugging_face::CacheRepository;
use super::{MAX_DEPTH, ScanError};
use crate::inert;
use crate::model_path::ModelPath;
use crate::tree::MAX_FILES;

/// A regular file of the model, not yet opened.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) path: ModelPath,
    pub(super) stamp: Stamp,
    /// Where the bytes lie if not at the root's `path`. Boxed twice, since there are millions of files and few of these.
    pub(super) elsewhere: Option<Box<Box<Path>>>,
}

/// A directory of the model, in the state in which it was listed.
#[derive(Debug)]
struct FoundDirectory {
    /// Below the root; the root itself is `None`.
    path: Option<ModelPath>,
    stamp: Stamp,
}

/// What a walk may meet before it stops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most files, and most directories.
    pub(super) entries: usize,
    /// Most components of a path.
    pub(super) depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: MAX_FILES, depth: MAX_DEPTH }
    }
}

/// What a walk takes and what it leaves out.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// Asked for everything that lies in a directory, with its metadata; what is left out is neither followed nor entered.
    pub(super) leaves_out: &'a dyn Fn(&ModelPath, &Metadata) -> bool,
    pub(super) links: Links,
    pub(super) limits: Limits,
}

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Those of a Hugging Face cache.
    InCache,
    /// Those, and links to regular files below the root.
    InCacheOrModel,
}

impl Rules<'_> {
    /// Those of the tree digest.
    pub(super) fn of_tree(limits: Limits) -> Self {
        Self { leaves_out: &is_inert, links: Links::InCache, limits }
    }
}

fn is_inert(path: &ModelPath, metadata: &Metadata) -> bool {
    inert::is_inert_found(path, metadata.is_file())
}

/// Everything found below a root.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) root: PathBuf,
    pub(super) files: Vec<FoundFile>,
    /// Sorted, since directories are listed in order.
    pub(super) left_out: Vec<ModelPath>,
    directories: Vec<FoundDirectory>,
}

impl Walk {
    /// Walks a directory, or takes a single file.
    pub(super) fn of(root: &Path, rules: Rules<'_>) -> Result<Self, ScanError> {
        let metadata = disk::stat_followed(root)?;
        let mut walk =
            Self { root: root.to_owned(), files: Vec::new(), left_out: Vec::new(), directories: Vec::new() };
        if metadata.is_dir() {
            walk.descend(&metadata, rules)?;
        } else {
            walk.take_single(&metadata)?;
        }
        Ok(walk)
    }

    /// Takes the files listed, which must all be there.
    pub(super) fn of_list(root: &Path, paths: &[ModelPath]) -> Result<Self, ScanError> {
        if paths.len() > MAX_FILES {
            return Err(ScanError::TooManyFiles { path: root.to_owned(), max: MAX_FILES });
        }
        let mut walk =
            Self { root: root.to_owned(), files: Vec::new(), left_out: Vec::new(), directories: Vec::new() };
        let mut known_directories = HashSet::new();
        for path in paths {
            if inert::is_inert(path) {
                walk.left_out.push(path.clone());
                continue;
            }
            for directory in path.ancestors() {
                if known_directories.insert(directory) {
                    let on_disk = root.join(directory);
                    let metadata = disk::stat(&on_disk)?;
                    if !metadata.is_dir() {
                        return Err(refusal(on_disk, &metadata));
                    }
                }
            }
            let on_disk = root.join(path.as_str());
            let metadata = disk::stat(&on_disk)?;
            if !metadata.is_file() {
                return Err(refusal(on_disk, &metadata));
            }
            walk.files.push(FoundFile { path: path.clone(), stamp: Stamp::of(&metadata), elsewhere: None });
        }
        walk.left_out.sort_unstable();
        Ok(walk)
    }

    /// Where the bytes of a file lie.
    pub(super) fn on_disk(&self, file: &FoundFile) -> PathBuf {
        file.elsewhere.as_ref().map_or_else(|| self.root.join(file.path.as_str()), |path| path.to_path_buf())
    }

    /// Looks at every directory again: a file that came or went since it was listed has left its mark there.
    pub(super) fn recheck_directories(&self) -> Result<(), ScanError> {
        self.directories.iter().try_for_each(|directory| {
            let (path, metadata) = match &directory.path {
                None => (self.root.clone(), disk::stat_followed(&self.root)?),
                Some(path) => {
                    let path = self.root.join(path.as_str());
                    let metadata = disk::stat(&path)?;
                    (path, metadata)
                }
            };
            if Stamp::of(&metadata) == directory.stamp { Ok(()) } else { Err(ScanError::Changed { path }) }
        })
    }

    /// A root that is a file: one leaf, named as the caller names it, read where it really lies.
    fn take_single(&mut self, metadata: &Metadata) -> Result<(), ScanError> {
        if !metadata.is_file() {
            return Err(refusal(self.root.clone(), metadata));
        }
        // A path that ends in `..` has no name, but is no file either.
        let name = self.root.file_name().unwrap_or_default();
        let path = self.model_path(None, name, &self.root)?;
        let elsewhere = Some(Box::new(disk::resolve(&self.root)?.into_boxed_path()));
        self.files.push(FoundFile { path, stamp: Stamp::of(metadata), elsewhere });
        Ok(())
    }

    /// Lists the root and every directory below it, parents first; no recursion, so depth costs no stack.
    fn descend(&mut self, root: &Metadata, rules: Rules<'_>) -> Result<(), ScanError> {
        let cache = CacheRepository::of_snapshot(&self.root)?;
        let limits = rules.limits;
        let followed = Followed {
            cache: cache.as_ref(),
            model: match rules.links {
                Links::InCache => None,
                Links::InCacheOrModel => Some(disk::resolve(&self.root)?),
            },
        };
        let mut to_list = vec![FoundDirectory { path: None, stamp: Stamp::of(root) }];
        while let Some(directory) = to_list.pop() {
            let parent = directory.path.as_ref();
            let directory_on_disk =
                parent.map_or_else(|| self.root.clone(), |path| self.root.join(path.as_str()));
            let depth = parent.map_or(0, |path| path.components().count());
            if depth >= limits.depth {
                return Err(ScanError::TooDeep { path: directory_on_disk });
            }
            for name in disk::list(&directory_on_disk)? {
                let on_disk = directory_on_disk.join(&name);
                let metadata = disk::stat(&on_disk)?;
                let path = self.model_path(parent, &name, &on_disk)?;
                if (rules.leaves_out)(&path, &metadata) {
                    self.left_out.push(path);
                } else if metadata.is_dir() {
                    to_list.push(FoundDirectory { path: Some(path), stamp: Stamp::of(&metadata) });
                } else {
                    self.take(path, on_disk, &metadata, &followed)?;
                }
                if self.files.len() > limits.entries
                    || self.directories.len() + to_list.len() > limits.entries
                {
                    return Err(ScanError::TooManyFiles { path: self.root.clone(), max: limits.entries });
                }
            }
            self.directories.push(directory);
        }
        self.left_out.sort_unstable();
        Ok(())
    }

    /// Takes what is no directory: a regular file, or a link to one that is followed.
    fn take(
        &mut self,
        path: ModelPath,
        on_disk: PathBuf,
        metadata: &Metadata,
        followed: &Followed<'_>,
    ) -> Result<(), ScanError> {
        let (stamp, elsewhere) = match (followed.cache, &followed.model) {
            _ if metadata.is_file() => (Stamp::of(metadata), None),
            (None, Some(model)) if metadata.is_symlink() => {
                let target = follow_below(model, &on_disk)?;
                (Stamp::of(&disk::stat(&target)?), Some(Box::new(target.into_boxed_path())))
            }
            (Some(cache), _) if metadata.is_symlink() => {
                let blob = cache.follow(&on_disk)?;
                // The link itself may be an attestation that was fetched along with the model.
                if inert::is_inert_file(&path) {
                    self.left_out.push(path);
                    return Ok(());
                }
                (Stamp::of(&disk::stat(&blob)?), Some(Box::new(blob.into_boxed_path())))
            }
            _ => return Err(refusal(on_disk, metadata)),
        };
        self.files.push(FoundFile { path, stamp, elsewhere });
        Ok(())
    }

    fn model_path(
        &self,
        parent: Option<&ModelPath>,
        name: &std::ffi::OsStr,
        on_disk: &Path,
    ) -> Result<ModelPath, ScanError> {
        let name = name.to_str().ok_or_else(|| ScanError::NotUtf8 { path: on_disk.to_owned() })?;
        let text = match parent {
            None => name.to_owned(),
            Some(parent) => format!("{parent}/{name}"),
        };
        ModelPath::new(text).map_err(|source| ScanError::Path { path: on_disk.to_owned(), source })
    }
}

/// Where links may lead.
struct Followed<'a> {
    cache: Option<&'a CacheRepository>,
    /// The root without any link in it.
    model: Option<PathBuf>,
}

/// Follows a link to a regular file below the root.
///
/// A link to a directory is never followed: other tools take it for signed and never look at what lies behind it.
fn follow_below(model: &Path, link: &Path) -> Result<PathBuf, ScanError> {
    let target = disk::resolve(link)?;
    let metadata = disk::stat(&target)?;
    if metadata.is_dir() {
        Err(ScanError::LinkToDirectory { path: link.to_owned() })
    } else if !metadata.is_file() {
        Err(refusal(target, &metadata))
    } else if !target.starts_with(model) {
        Err(ScanError::LinkOutsideModel { path: link.to_owned() })
    } else {
        Ok(target)
    }
}

/// Why something that is not the regular file or the directory wanted is refused.
fn refusal(path: PathBuf, metadata: &Metadata) -> ScanError {
    if metadata.is_symlink() {
        ScanError::Symlink { path }
    } else if metadata.is_dir() {
        ScanError::ListedDirectory { path }
    } else {
        ScanError::Special { path, kind: disk::special_kind(metadata.file_type()) }
    }
}
