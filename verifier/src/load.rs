//! The one module that touches the disk: the bundle file, the trust file, and the scan of the model.
//!
//! In scope: where the files lie, and that each is read once and within bounds. Out of scope: everything that is
//! decided about their bytes, which is [`verify`](crate::verify).

mod evidence;
mod gate;
mod kept;
mod memory;
mod part;
mod pins;

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use attest::bundle::{BundleFile, MAX_BUNDLE_FILE_BYTES, ModelShape, bundle_path_for};
use attest::model_path::ModelPath;
use attest::scan::{self, Act, CacheError, HashCache, Progress, Scan, ScanError, ScanOptions, copy};
use attest::status::Snapshot;
use attest::tree::Tree;
use formats::Rules;

pub use self::evidence::evidence_files;
pub use self::memory::MemoryPlace;
pub use self::pins::LOCK_FILE_NAME;
use crate::contents::VerifiedModel;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::lineage::Evidence;
use crate::oms::now;
use crate::pack::{self, Pack, PackError};
use crate::question::Question;
use crate::refusal::Refusal;
use crate::requirements::{Expectation, MAX_TRUST_BYTES, Requirements};

/// Name of the trust file, in the working directory and in the user's configuration.
pub const TRUST_FILE_NAME: &str = "tallymark.toml";

/// What to verify on this disk, against what.
#[derive(Clone, Debug)]
pub struct Request {
    model: PathBuf,
    bundle: Option<PathBuf>,
    trust: Option<PathBuf>,
    lineage: Vec<PathBuf>,
    fetched: Vec<Snapshot>,
    memory: MemoryPlace,
    expectation: Expectation,
    threads: Option<NonZeroUsize>,
    /// A file of digests that are believed of files which have not changed since.
    cache: Option<PathBuf>,
    /// A directory that does not exist yet, in which a copy is made and judged instead of the model.
    copy: Option<PathBuf>,
}

/// The answer to a [`Request`], with the paths that were looked at.
#[derive(Debug)]
pub struct Verdict {
    model: PathBuf,
    shape: ModelShape,
    bundle: PathBuf,
    trust: Option<PathBuf>,
    memory: Option<PathBuf>,
    cached: Option<u64>,
    result: Result<VerifiedModel, Refusal>,
    absent: Absent,
}

/// What of the files is not here.
#[derive(Debug)]
enum Absent {
    /// All of them are here.
    None,
    /// They were not read; somebody said what they are.
    All,
    /// These; the others were read.
    Some(Vec<ModelPath>),
}

/// The answer about a model that lies elsewhere: what whoever offers it says of its files, judged like a model that is here.
///
/// It is no [`Verdict`], and no [`VerifiedModel`] comes out of it: a word is not a file.
#[derive(Debug)]
pub struct Offer(Verdict);

/// The answer about a model of which only a part is here: what is here is as it was signed, and the rest is listed.
///
/// It is no [`Verdict`], and no [`VerifiedModel`] comes out of it: a part is not the model.
#[derive(Debug)]
pub struct Part(Verdict);

impl Request {
    /// Asks about the model at that path, a directory or a single file, without trust and without expectation.
    #[must_use]
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            bundle: None,
            trust: None,
            lineage: Vec::new(),
            fetched: Vec::new(),
            memory: MemoryPlace::default(),
            expectation: Expectation::default(),
            threads: None,
            cache: None,
            copy: None,
        }
    }

    /// Reads the bundles from that file, and not from the one that belongs to the model.
    #[must_use]
    pub fn bundle(mut self, path: Option<PathBuf>) -> Self {
        self.bundle = path;
        self
    }

    /// Reads the trust file at that path. See [`find_trust`] for where it lies if nobody says.
    #[must_use]
    pub fn trust(mut self, path: Option<PathBuf>) -> Self {
        self.trust = path;
        self
    }

    /// Takes statements about ancestors from these bundle files, and from those in these folders.
    #[must_use]
    pub fn lineage(mut self, paths: Vec<PathBuf>) -> Self {
        self.lineage = paths;
        self
    }

    /// Takes these status snapshots too, which the caller has fetched from their logs for this verdict.
    #[must_use]
    pub fn fetched(mut self, snapshots: Vec<Snapshot>) -> Self {
        self.fetched = snapshots;
        self
    }

    /// Remembers there what was verified, and holds against the model what was verified before.
    #[must_use]
    pub fn memory(mut self, place: MemoryPlace) -> Self {
        self.memory = place;
        self
    }

    /// Expects that name and version.
    #[must_use]
    pub fn expecting(mut self, expectation: Expectation) -> Self {
        self.expectation = expectation;
        self
    }

    /// Hashes with this many threads; one per core otherwise.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The bundle file that is judged, be it beside the model or in a pack; `None` if there is none or it is malformed, which the verdict
    /// tells.
    #[must_use]
    pub fn bundle_file(&self) -> Option<BundleFile> {
        let read = |path: &Path| read_bundle(path).ok();
        let bytes = match &self.bundle {
            Some(path) => read(path)?,
            None if pack::is_one(&self.model) => Pack::open(&self.model).ok()?.bundle().to_vec(),
            None if self.model.is_file() => read(&bundle_path_for(&self.model, ModelShape::SingleFile))?,
            None => read(&bundle_path_for(&self.model, ModelShape::Directory))?,
        };
        BundleFile::parse(&bytes).ok()
    }

    /// Believes the digests in that file of files that have not changed since they were hashed, and puts others in it. It is the word of
    /// whoever can write to the file, of the clock and of the file system; how many files were not read is
    /// [`Verdict::cached`]. Of a copy or a pack every byte is read.
    #[must_use]
    pub fn cache(mut self, path: Option<PathBuf>) -> Self {
        self.cache = path;
        self
    }

    /// Makes a copy in that directory, which must not exist, and judges the copy. It is made only if all but the files passes, and is there
    /// afterwards, whole or not; the bundle file is put with it.
    pub(crate) fn through_copy(mut self, directory: &Path) -> Self {
        self.copy = Some(directory.to_owned());
        self
    }

    /// The same about what lies in that directory, by its own bundle file.
    pub(crate) fn moved_to(&self, directory: &Path) -> Self {
        Self { model: self.place_in(directory), bundle: None, copy: None, ..self.clone() }
    }

    /// Where the model is in a directory that a copy of it was put into: a single file lies there under its own name.
    pub(crate) fn place_in(&self, directory: &Path) -> PathBuf {
        if pack::is_one(&self.model) {
            let pack = Pack::open(&self.model).ok();
            let name = pack.as_ref().and_then(|pack| pack.single_file());
            return name.map_or_else(|| directory.to_owned(), |name| directory.join(name));
        }
        match self.model.file_name().filter(|_| self.model.is_file()) {
            Some(name) => directory.join(name),
            None => directory.to_owned(),
        }
    }

    /// The files of the model, or of the copy that is made of it.
    fn files(
        &self,
        bundle: &[u8],
        rules: &[Rules],
        gate: &OnceCell<Gate>,
        signed: Option<u64>,
        options: &ScanOptions<'_>,
        progress: Progress<'_>,
    ) -> Result<Scan, ScanError> {
        let Some(directory) = &self.copy else {
            return gate::files(&self.model, rules, gate, signed, options, progress);
        };
        scan::Snapshot::take(&self.model)?.within(gate::at_most(signed))?;
        // Copied and then hashed: half of the way each.
        let first = |done, total: u64| progress(done, total.saturating_mul(2));
        let second = |done: u64, total: u64| progress(done.saturating_add(total), total.saturating_mul(2));
        let (place, shape) = match self.model.file_name().filter(|_| self.model.is_file()) {
            Some(name) => {
                fs::create_dir(directory).map_err(|source| unwritten(directory, source))?;
                (directory.join(name), ModelShape::SingleFile)
            }
            None => (directory.clone(), ModelShape::Directory),
        };
        copy(&self.model, &place, &first)?;
        put(&bundle_path_for(&place, shape), bundle)?;
        gate::files(&place, rules, gate, signed, options, &second)
    }

    /// Reads what is needed and verifies. Files of the model are hashed last, and only if all else may still pass.
    #[must_use]
    pub fn verify(&self, progress: Progress<'_>) -> Verdict {
        let (mut memory, cached) = (None, Cell::new(None));
        let (shape, bundle, result) = if pack::is_one(&self.model) {
            let (shape, result) = self.judge_pack(&mut memory, progress);
            (shape, self.bundle.clone().unwrap_or_else(|| self.model.clone()), result)
        } else {
            let shape = if self.model.is_file() { ModelShape::SingleFile } else { ModelShape::Directory };
            let bundle = self.bundle.clone().unwrap_or_else(|| bundle_path_for(&self.model, shape));
            let result = self.judge(&bundle, &mut memory, &cached, progress);
            (shape, bundle, result)
        };
        Verdict {
            model: self.model.clone(),
            shape,
            bundle,
            trust: self.trust.clone(),
            memory,
            cached: cached.get(),
            result,
            absent: Absent::None,
        }
    }

    /// Judges a model that is offered elsewhere. The paths of model and bundle are names for people; `bundle` has the bundle file's
    /// bytes, `None` if there is none, and `files` the tree that the offered digests make.
    #[must_use]
    pub fn judge_offer(&self, bundle: Option<&[u8]>, files: Tree) -> Offer {
        let place =
            self.bundle.clone().unwrap_or_else(|| bundle_path_for(&self.model, ModelShape::Directory));
        let mut memory = None;
        let result = self.without_all(&place, bundle, &mut memory, |_| Ok(files));
        let (model, shape, trust) = (self.model.clone(), ModelShape::Directory, self.trust.clone());
        Offer(Verdict {
            model,
            shape,
            bundle: place,
            trust,
            memory,
            cached: None,
            result,
            absent: Absent::All,
        })
    }

    /// Judges the files of a directory that are here, and lists what was signed and is not. A rule about formats is not met: the gate
    /// looks at models that are whole.
    #[must_use]
    pub fn judge_part(&self, progress: Progress<'_>) -> Part {
        let (shape, mut memory, mut missing) = (ModelShape::Directory, None, Vec::new());
        let place = self.bundle.clone().unwrap_or_else(|| bundle_path_for(&self.model, shape));
        let result = read_bundle(&place).map_err(Refusal::from).and_then(|bytes| {
            self.without_all(&place, Some(&bytes), &mut memory, |signed| {
                let options = ScanOptions::new().threads(self.threads);
                let here = gate::files(&self.model, &[], &OnceCell::new(), signed, &options, progress)?;
                let (tree, absent) = part::completed(here.into_tree(), &bytes);
                missing = absent;
                Ok(tree)
            })
        });
        let (model, bundle, trust) = (self.model.clone(), place, self.trust.clone());
        Part(Verdict {
            model,
            shape,
            bundle,
            trust,
            memory,
            cached: None,
            result,
            absent: Absent::Some(missing),
        })
    }

    /// What was verified before counts here too. Nothing is remembered: nothing was verified.
    fn without_all(
        &self,
        place: &Path,
        bundle: Option<&[u8]>,
        memory: &mut Option<PathBuf>,
        files: impl FnOnce(Option<u64>) -> Result<Tree, ScanError>,
    ) -> Result<VerifiedModel, Refusal> {
        let trust =
            |path| if self.model.is_dir() { read_trust(path, &self.model) } else { parse_trust(path) };
        let requirements = self.trust.as_deref().map(trust).transpose()?;
        let Some(bundle) = bundle else {
            return Err(Failure::BundleMissing { path: place.to_owned() }.into());
        };
        let evidence = evidence::read(&self.lineage)?;
        let expectation = self.expectation_now();
        *memory = self.memory_file(requirements.as_ref())?;
        let (requirements, _) = self.pinned(requirements, bundle)?;
        let question = Question::new(requirements.as_ref(), &expectation).with_evidence(&evidence);
        let Some(path) = memory else { return question.verify(bundle, files) };
        question.remembering(&memory::read(path)?).verify(bundle, files)
    }

    fn expectation_now(&self) -> Expectation {
        match self.expectation.now() {
            Some(_) => self.expectation.clone(),
            None => self.expectation.clone().as_of(now()),
        }
    }

    fn judge(
        &self,
        bundle: &Path,
        place: &mut Option<PathBuf>,
        cached: &Cell<Option<u64>>,
        progress: Progress<'_>,
    ) -> Result<VerifiedModel, Refusal> {
        if let Err(source) = self.model.metadata() {
            return Err(Failure::ModelUnreadable { path: self.model.clone(), source }.into());
        }
        let bytes = read_bundle(bundle)?;
        // Every byte is read unless the caller says otherwise: what a cache of digests says is the word of whoever wrote it.
        let own = self.cache.as_deref().filter(|_| self.copy.is_none());
        let cache = RefCell::new(own.map(HashCache::open).transpose().map_err(of_cache)?);
        let files = |rules: &[Rules], gate: &OnceCell<Gate>, signed| {
            let cache = cache.borrow();
            let options = ScanOptions::new().threads(self.threads).cache(cache.as_ref());
            let scan = self.files(&bytes, rules, gate, signed, &options, progress)?;
            cached.set(cache.as_ref().map(|_| scan.cached() as u64));
            Ok(scan.into_tree())
        };
        let keep = || cache.take().map(HashCache::save).transpose().map(drop).map_err(of_cache);
        self.ask(&bytes, Evidence::new(), place, files, keep)
    }

    /// The same about what is in a pack.
    fn judge_pack(
        &self,
        place: &mut Option<PathBuf>,
        progress: Progress<'_>,
    ) -> (ModelShape, Result<VerifiedModel, Refusal>) {
        let pack = match Pack::open(&self.model) {
            Ok(pack) => pack,
            Err(PackError::Archive { source }) if source.kind() == io::ErrorKind::PermissionDenied => {
                let failure = Failure::ModelUnreadable { path: self.model.clone(), source };
                return (ModelShape::Directory, Err(failure.into()));
            }
            Err(source) => {
                let failure = Failure::PackMalformed { path: self.model.clone(), source: Box::new(source) };
                return (ModelShape::Directory, Err(failure.into()));
            }
        };
        let shape = pack.single_file().map_or(ModelShape::Directory, |_| ModelShape::SingleFile);
        let own = self.bundle.as_deref().map(read_bundle).transpose();
        let result = own.map_err(Refusal::from).and_then(|own| {
            let bundle = own.as_deref().unwrap_or(pack.bundle());
            let files = |rules: &[Rules], gate: &OnceCell<Gate>, signed| {
                self.files_of(&pack, bundle, rules, gate, signed, progress)
            };
            self.ask(bundle, pack.evidence().clone(), place, files, || Ok(()))
        });
        (shape, result)
    }

    /// The files in a pack, which are put into the copy too if one is wanted.
    /// The format gate looks at files on a disk: where none is written it is not asked, and rules that want it are not met.
    fn files_of(
        &self,
        pack: &Pack,
        bundle: &[u8],
        rules: &[Rules],
        gate: &OnceCell<Gate>,
        signed: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<Tree, ScanError> {
        pack.within(gate::at_most(signed))?;
        let Some(directory) = &self.copy else { return pack.tree(None, progress) };
        let first = |done, total: u64| progress(done, total.saturating_mul(2));
        let second = |done: u64, total: u64| progress(done.saturating_add(total), total.saturating_mul(2));
        pack.tree(Some(directory), &first)?;
        let (place, shape) = match pack.single_file() {
            Some(name) => (directory.join(name), ModelShape::SingleFile),
            None => (directory.clone(), ModelShape::Directory),
        };
        put(&bundle_path_for(&place, shape), bundle)?;
        // What was written, and not what was read.
        let options = ScanOptions::new().threads(self.threads);
        gate::files(&place, rules, gate, signed, &options, &second).map(Scan::into_tree)
    }

    /// `keep` is called once the model is verified, and before anything is remembered: a refusal changes no state.
    fn ask(
        &self,
        bytes: &[u8],
        mut evidence: Evidence,
        place: &mut Option<PathBuf>,
        files: impl FnOnce(&[Rules], &OnceCell<Gate>, Option<u64>) -> Result<Tree, ScanError>,
        keep: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<VerifiedModel, Refusal> {
        let requirements = self.trust.as_deref().map(|path| read_trust(path, &self.model)).transpose()?;
        evidence.append(evidence::read(&self.lineage)?);
        let expectation = self.expectation_now();
        *place = self.memory_file(requirements.as_ref())?;
        let (requirements, pins) = self.pinned(requirements, bytes)?;
        let (gate, rules) = (OnceCell::new(), requirements.as_ref().map(Requirements::gate_rules));
        let rules = rules.unwrap_or_default();
        let files = |signed| files(&rules, &gate, signed);
        let question = Question::new(requirements.as_ref(), &expectation);
        let question = question.with_evidence(&evidence).with_snapshots(&self.fetched).through(&gate);
        let model = match place {
            None => {
                let model = question.verify(bytes, files)?;
                keep()?;
                model
            }
            Some(path) => {
                let before = memory::read(path)?;
                let model = question.remembering(&before).verify(bytes, files)?;
                keep()?;
                memory::remember(path, model, &expectation)?
            }
        };
        match pins {
            Some(path) if model.logged().signed().publisher().is_pin() => pins::pin(&path, model),
            _ => Ok(model),
        }
    }

    /// The demands with the signers that were believed on first use, if the trust file wants that, and where these are kept.
    fn pinned(
        &self,
        requirements: Option<Requirements>,
        bundle: &[u8],
    ) -> Result<(Option<Requirements>, Option<PathBuf>), Failure> {
        let pins = self.trust.as_deref().map(pins::file_beside);
        let pins = pins.filter(|_| requirements.as_ref().is_some_and(Requirements::trust_on_first_use));
        let requirements = match (requirements, &pins, BundleFile::parse(bundle)) {
            (Some(requirements), Some(path), Ok(file)) => {
                Some(requirements.with_pins(&pins::read(path)?, &file))
            }
            // A file that does not parse is refused for that.
            (requirements, ..) => requirements,
        };
        Ok((requirements, pins))
    }

    /// The file with what was verified before.
    fn memory_file(&self, requirements: Option<&Requirements>) -> Result<Option<PathBuf>, Failure> {
        match &self.memory {
            MemoryPlace::At(path) => Ok(Some(path.clone())),
            MemoryPlace::AsTrusted if requirements.is_some_and(Requirements::remember) => {
                memory::users_file().map(Some).ok_or(Failure::MemoryNowhere)
            }
            MemoryPlace::AsTrusted | MemoryPlace::Nowhere => Ok(None),
        }
    }
}

fn of_cache(source: CacheError) -> Failure {
    Failure::CacheUnusable { source }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ScanError> {
    fs::write(path, bytes).map_err(|source| unwritten(path, source))
}

fn unwritten(path: &Path, source: io::Error) -> ScanError {
    ScanError::Io { act: Act::Write, path: path.to_owned(), source }
}

impl Offer {
    /// 0 if what is offered is what was signed and may be used, otherwise the exit code of the refusal's class.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// Why it is refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.result().err()
    }

    /// For the reports, which say that nothing was read.
    pub(crate) const fn verdict(&self) -> &Verdict {
        &self.0
    }
}

impl Part {
    /// 0 if what is here is what was signed and the model may be used, otherwise the exit code of the refusal's class.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// Why it is refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.result().err()
    }

    /// The files that are not here, in the order of the tree.
    #[must_use]
    pub fn missing(&self) -> &[ModelPath] {
        self.0.missing().unwrap_or_default()
    }

    /// For the reports, which say what is missing.
    pub(crate) const fn verdict(&self) -> &Verdict {
        &self.0
    }
}

impl Verdict {
    pub(crate) const fn is_offer(&self) -> bool {
        matches!(self.absent, Absent::All)
    }

    /// What is missing, of a part.
    pub(crate) fn missing(&self) -> Option<&[ModelPath]> {
        match &self.absent {
            Absent::Some(missing) => Some(missing),
            Absent::None | Absent::All => None,
        }
    }

    /// The model's path, as it was given.
    #[must_use]
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// Whether the model is a directory or a single file.
    #[must_use]
    pub const fn shape(&self) -> ModelShape {
        self.shape
    }

    /// The bundle file's path.
    #[must_use]
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The trust file's path, if there is one.
    #[must_use]
    pub fn trust(&self) -> Option<&Path> {
        self.trust.as_deref()
    }

    /// The file with what was verified before, if it counted.
    #[must_use]
    pub fn memory(&self) -> Option<&Path> {
        self.memory.as_deref()
    }

    /// How many files were not read, since a cache knew their digests; `None` if there was no cache, or no file was looked at.
    #[must_use]
    pub const fn cached(&self) -> Option<u64> {
        self.cached
    }

    /// The verified model, or why there is none.
    ///
    /// # Errors
    ///
    /// The [`Refusal`], which has the reason.
    pub const fn result(&self) -> Result<&VerifiedModel, &Refusal> {
        self.result.as_ref()
    }

    /// 0 if the model is verified, otherwise the exit code of the refusal's class.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.result.as_ref().err().map_or(0, |refusal| refusal.reason().exit_code())
    }
}

/// Finds the trust file for `model` if none was named: `tallymark.toml` in the working directory, else
/// `tallymark/tallymark.toml` below `$XDG_CONFIG_HOME` or `~/.config`. The first that exists counts, whatever it holds.
///
/// The one in the working directory is passed over if the model is a single file beside it: both may have come in one
/// download, and what came with a model does not say whom to trust. Whoever means it names it.
#[must_use]
pub fn find_trust(model: &Path) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    let here = Some(PathBuf::from(TRUST_FILE_NAME)).filter(|_| !lies_here(model));
    let users = config.map(|dir| dir.join("tallymark").join(TRUST_FILE_NAME));
    [here, users].into_iter().flatten().find(|path| path.symlink_metadata().is_ok())
}

/// Whether the model is a single file in the working directory.
fn lies_here(model: &Path) -> bool {
    let parent = |path: &Path| path.canonicalize().ok()?.parent().map(Path::to_owned);
    model.is_file() && Path::new(".").canonicalize().is_ok_and(|here| parent(model) == Some(here))
}

fn read_trust(path: &Path, model: &Path) -> Result<Requirements, Failure> {
    let unreadable = |source| Failure::TrustUnreadable { path: path.to_owned(), source };
    if lies_inside(path, model).map_err(unreadable)? {
        return Err(Failure::TrustInsideModel { trust: path.to_owned(), model: model.to_owned() });
    }
    parse_trust(path)
}

fn parse_trust(path: &Path) -> Result<Requirements, Failure> {
    let unreadable = |source| Failure::TrustUnreadable { path: path.to_owned(), source };
    let bytes = read_bounded(path, MAX_TRUST_BYTES as u64).map_err(unreadable)?;
    Requirements::parse(&bytes).map_err(|source| Failure::TrustMalformed { path: path.to_owned(), source })
}

/// Whether the trust file, or the link that leads to it, lies in the model's directory.
///
/// # Errors
///
/// What the system says if either is not there or may not be looked at.
pub fn lies_inside(trust: &Path, model: &Path) -> io::Result<bool> {
    let model = model.canonicalize()?;
    let parent = match trust.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize()?,
        _ => Path::new(".").canonicalize()?,
    };
    Ok(parent.starts_with(&model) || trust.canonicalize()?.starts_with(&model))
}

fn read_bundle(path: &Path) -> Result<Vec<u8>, Failure> {
    read_bounded(path, MAX_BUNDLE_FILE_BYTES as u64).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Failure::BundleMissing { path },
            _ => Failure::BundleUnreadable { path, source },
        }
    })
}

/// Reads a regular file, and of one that is too large only one byte more than `limit`: enough for its parser to see
/// that. Anything but a regular file is not opened, since opening a pipe waits for a writer.
///
/// # Errors
///
/// What the system says; [`io::ErrorKind::InvalidInput`] for anything but a regular file.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
