//! From a root to the list of files: what is there, of which kind, how long, and in which state.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::directory::{Directory, Name};
use super::disk::{self, Seen, Stamp, io};
use super::hugging_face::CacheRepository;
use super::{Act, FileKind, MAX_DEPTH, ScanError};
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
    /// Asked for everything that lies in a directory; what is left out is neither followed nor entered.
    pub(super) leaves_out: &'a dyn Fn(&ModelPath, FileKind) -> bool,
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

fn is_inert(path: &ModelPath, kind: FileKind) -> bool {
    inert::is_inert_found(path, kind.is_file())
}

/// What a walk meets, in the order of paths.
#[derive(Debug)]
pub(super) enum Met {
    /// A directory that is entered, before what lies in it; the root itself has no path. In the state in which it is listed.
    Directory(Option<ModelPath>, Stamp),
    File(FoundFile),
    LeftOut(ModelPath),
}

/// Where the files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A root that is a directory.
    Directory,
    /// A root that is a file.
    File,
    /// A list below a root.
    List,
}

/// Everything found below a root.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) root: PathBuf,
    pub(super) origin: Origin,
    /// In the order of paths, or as they were listed.
    pub(super) files: Vec<FoundFile>,
    /// Sorted.
    pub(super) left_out: Vec<ModelPath>,
    /// Of a root that is a directory.
    directories: Vec<(Option<ModelPath>, Stamp)>,
}

impl Walk {
    /// Walks a directory, or takes a single file.
    pub(super) fn of(root: &Path, rules: Rules<'_>) -> Result<Self, ScanError> {
        let mut walk = Self::nothing_below(root, Origin::File);
        visit(root, rules, &mut |met| {
            match met {
                Met::Directory(path, stamp) => {
                    walk.origin = Origin::Directory;
                    walk.directories.push((path, stamp));
                }
                Met::File(file) => walk.files.push(file),
                Met::LeftOut(path) => walk.left_out.push(path),
            }
            Ok(())
        })?;
        walk.left_out.sort_unstable();
        Ok(walk)
    }

    fn nothing_below(root: &Path, origin: Origin) -> Self {
        let (files, left_out, directories) = (Vec::new(), Vec::new(), Vec::new());
        Self { root: root.to_owned(), origin, files, left_out, directories }
    }

    /// Takes the files listed, which must all be there.
    pub(super) fn of_list(root: &Path, paths: &[ModelPath]) -> Result<Self, ScanError> {
        if paths.len() > MAX_FILES {
            return Err(ScanError::TooManyFiles { path: root.to_owned(), max: MAX_FILES });
        }
        let mut walk = Self::nothing_below(root, Origin::List);
        let mut known_directories = HashSet::new();
        for path in paths {
            if inert::is_inert(path) {
                walk.left_out.push(path.clone());
                continue;
            }
            for directory in path.ancestors() {
                if known_directories.insert(directory) {
                    let on_disk = root.join(directory);
                    let seen = disk::look(&on_disk)?;
                    if !seen.is_directory() {
                        return Err(refusal(on_disk, seen.kind));
                    }
                }
            }
            let on_disk = root.join(path.as_str());
            let seen = disk::look(&on_disk)?;
            if !seen.is_file() {
                return Err(refusal(on_disk, seen.kind));
            }
            walk.files.push(FoundFile { path: path.clone(), stamp: seen.stamp, elsewhere: None });
        }
        walk.left_out.sort_unstable();
        Ok(walk)
    }

    /// Puts the files into the order of paths. A walk meets them so, unless names change their kind meanwhile.
    pub(super) fn sort(&mut self) {
        if !self.files.is_sorted_by(|a, b| a.path <= b.path) {
            self.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// Where the bytes of a file lie.
    pub(super) fn on_disk(&self, file: &FoundFile) -> PathBuf {
        file.elsewhere.as_ref().map_or_else(|| self.root.join(file.path.as_str()), |path| path.to_path_buf())
    }

    /// Whether [`Walk::recheck_directories`] notices that another file lies in the place of this one.
    pub(super) fn is_in_listed_directory(&self, file: &FoundFile) -> bool {
        file.elsewhere.is_none() && self.origin == Origin::Directory
    }

    /// Looks at every directory again: a file that came or went since it was listed has left its mark there.
    pub(super) fn recheck_directories(&self) -> Result<(), ScanError> {
        self.directories.iter().try_for_each(|(path, stamp)| {
            let (path, seen) = match path {
                None => (self.root.clone(), disk::look_followed(&self.root)?),
                Some(path) => {
                    let path = self.root.join(path.as_str());
                    let seen = disk::look(&path)?;
                    (path, seen)
                }
            };
            if seen.stamp == *stamp { Ok(()) } else { Err(ScanError::Changed { path }) }
        })
    }
}

/// A directory on the way, and what of it has not been met yet.
struct Level {
    path: Option<ModelPath>,
    directory: Directory,
    names: std::vec::IntoIter<Name>,
}

impl Level {
    /// Lists an open directory; gives the state in which it was before.
    fn list(root: &Path, path: Option<ModelPath>, directory: Directory) -> Result<(Self, Stamp), ScanError> {
        let listed = directory.look().and_then(|seen| Ok((seen.stamp, directory.list()?)));
        let (stamp, names) = listed.map_err(|source| io(Act::List, &on_disk(root, path.as_ref()))(source))?;
        Ok((Self { path, directory, names: names.into_iter() }, stamp))
    }

    /// The path of a name in it.
    fn path_of(&self, root: &Path, name: &OsStr) -> Result<ModelPath, ScanError> {
        let place = || on_disk(root, self.path.as_ref()).join(name);
        let name = name.to_str().ok_or_else(|| ScanError::NotUtf8 { path: place() })?;
        let text = match &self.path {
            None => name.to_owned(),
            Some(parent) => [parent.as_str(), name].join("/"),
        };
        ModelPath::new(text).map_err(|source| ScanError::Path { path: place(), source })
    }
}

fn on_disk(root: &Path, path: Option<&ModelPath>) -> PathBuf {
    path.map_or_else(|| root.to_owned(), |path| root.join(path.as_str()))
}

/// Walks a directory in the order of paths, so that two walks meet the same fault first; or takes a single file. Of the open
/// directories there are at most as many as a path has components.
pub(super) fn visit(
    root: &Path,
    rules: Rules<'_>,
    meet: &mut dyn FnMut(Met) -> Result<(), ScanError>,
) -> Result<(), ScanError> {
    let seen = disk::look_followed(root)?;
    if !seen.is_directory() {
        return meet(Met::File(single(root, &seen)?));
    }
    let cache = CacheRepository::of_snapshot(root)?;
    let model = match rules.links {
        Links::InCache => None,
        Links::InCacheOrModel => Some(disk::resolve(root)?),
    };
    let followed = Followed { cache: cache.as_ref(), model };
    let (mut files, mut directories) = (0, 1);
    let opened = Directory::open(root).map_err(io(Act::List, root))?;
    let (level, stamp) = Level::list(root, None, opened)?;
    meet(Met::Directory(None, stamp))?;
    let mut levels = vec![level];
    while let (depth, Some(level)) = (levels.len(), levels.last_mut()) {
        let Some(Name { name, .. }) = level.names.next() else {
            levels.pop();
            continue;
        };
        let place = || on_disk(root, level.path.as_ref()).join(&name);
        let seen = level.directory.look_at(&name).map_err(|source| io(Act::Stat, &place())(source))?;
        let path = level.path_of(root, &name)?;
        if (rules.leaves_out)(&path, seen.kind) {
            meet(Met::LeftOut(path))?;
        } else if seen.is_directory() {
            if depth >= rules.limits.depth {
                return Err(ScanError::TooDeep { path: on_disk(root, Some(&path)) });
            }
            directories += 1;
            let opened = level.directory.enter(&name);
            let opened = opened.map_err(|source| io(Act::List, &on_disk(root, Some(&path)))(source))?;
            let (below, stamp) = Level::list(root, Some(path.clone()), opened)?;
            meet(Met::Directory(Some(path), stamp))?;
            levels.push(below);
        } else {
            let met = take(path, place, &seen, &followed)?;
            files += usize::from(matches!(met, Met::File(_)));
            meet(met)?;
        }
        if files.max(directories) > rules.limits.entries {
            return Err(ScanError::TooManyFiles { path: root.to_owned(), max: rules.limits.entries });
        }
    }
    Ok(())
}

/// A root that is a file: one leaf, named as the caller names it, read where it really lies.
fn single(root: &Path, seen: &Seen) -> Result<FoundFile, ScanError> {
    if !seen.is_file() {
        return Err(refusal(root.to_owned(), seen.kind));
    }
    // A path that ends in `..` has no name, but is no file either.
    let name = root.file_name().unwrap_or_default();
    let name = name.to_str().ok_or_else(|| ScanError::NotUtf8 { path: root.to_owned() })?;
    let path = ModelPath::new(name).map_err(|source| ScanError::Path { path: root.to_owned(), source })?;
    let elsewhere = Some(Box::new(disk::resolve(root)?.into_boxed_path()));
    Ok(FoundFile { path, stamp: seen.stamp, elsewhere })
}

/// Takes what is no directory: a regular file, or a link to one that is followed.
fn take(
    path: ModelPath,
    place: impl FnOnce() -> PathBuf,
    seen: &Seen,
    followed: &Followed<'_>,
) -> Result<Met, ScanError> {
    if seen.is_file() {
        return Ok(Met::File(FoundFile { path, stamp: seen.stamp, elsewhere: None }));
    }
    let link = place();
    let target = match (followed.cache, &followed.model) {
        (None, Some(model)) if seen.is_symlink() => follow_below(model, &link)?,
        (Some(cache), _) if seen.is_symlink() => {
            let blob = cache.follow(&link)?;
            // The link itself may be an attestation that was fetched along with the model.
            if inert::is_inert_file(&path) {
                return Ok(Met::LeftOut(path));
            }
            blob
        }
        _ => return Err(refusal(link, seen.kind)),
    };
    let stamp = disk::look(&target)?.stamp;
    Ok(Met::File(FoundFile { path, stamp, elsewhere: Some(Box::new(target.into_boxed_path())) }))
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
    let seen = disk::look(&target)?;
    if seen.is_directory() {
        Err(ScanError::LinkToDirectory { path: link.to_owned() })
    } else if !seen.is_file() {
        Err(refusal(target, seen.kind))
    } else if !target.starts_with(model) {
        Err(ScanError::LinkOutsideModel { path: link.to_owned() })
    } else {
        Ok(target)
    }
}

/// Why something that is not the regular file or the directory wanted is refused.
fn refusal(path: PathBuf, kind: FileKind) -> ScanError {
    match kind {
        FileKind::Symlink => ScanError::Symlink { path },
        FileKind::Directory => ScanError::ListedDirectory { path },
        FileKind::Special(kind) => ScanError::Special { path, kind },
        // Who asks wanted a directory.
        FileKind::Regular => ScanError::Special { path, kind: super::SpecialKind::Other },
    }
}
