//! What a model was made from, as found on this disk: datasets, base models and code, hashed here and now.
//!
//! A model and its inputs may not contain one another: writing the signature into the one would change the
//! other. Code is the exception that people need, since a training script writes beside itself: a model may lie
//! inside the checkout as long as git does not list its files as code.

use std::path::{Path, PathBuf};

use attest::model_path::ModelPath;
use attest::provenance::{Checkout, Fact, Input, InputDigest, Source, Topic, WorkTreeState};
use attest::role::Role;
use attest::scan::{HashCache, Scan, ScanError, ScanOptions, Snapshot, scan_list};
use attest::tree::Tree;

use crate::args::{Manner, MaterialArgs, NamedPath};
use crate::git::{self, GitError};
use crate::message::{Failure, warn};
use crate::progress::Progress;
use crate::sign::SignError;

/// What a statement calls its code: a model is made by one checkout.
const CODE_NAME: &str = "code";

/// The model and its inputs, found and known not to overlap; nothing hashed yet.
pub(crate) struct Materials<'a> {
    model: Snapshot,
    named: Vec<(Role, &'a NamedPath, Snapshot)>,
    code: Option<git::Checkout>,
}

/// The same, hashed.
pub(crate) struct Hashed {
    /// The model.
    pub(crate) model: Scan,
    /// What it was made from.
    pub(crate) inputs: Vec<Input>,
    /// What of it was not read now, but believed to be as it was when it was hashed before.
    pub(crate) cached: Vec<Fact>,
    code: Option<git::Checkout>,
    scans: Vec<Scan>,
}

impl<'a> Materials<'a> {
    /// Looks at everything once without reading contents.
    pub(crate) fn find(model: &'a Path, args: &'a MaterialArgs, manner: Manner) -> Result<Self, Failure> {
        let data = args.data.iter().map(|input| (Role::Dataset, input));
        let base = args.base.iter().map(|input| (Role::BaseModel, input));
        let adapters = args.adapter.iter().map(|input| (Role::Adapter, input));
        let named: Vec<_> = data.chain(base).chain(adapters).collect();
        let resolved = resolve(model)?;
        for (_, input) in &named {
            refuse_overlap(model, &resolved, input)?;
        }
        let code = args.code.as_deref().map(|dir| read_code(dir, model, &resolved, manner)).transpose()?;
        let model = Snapshot::take(model)?;
        let look = |(role, input): (Role, &'a NamedPath)| Ok((role, input, Snapshot::take(&input.path)?));
        let named = named.into_iter().map(look).collect::<Result<_, ScanError>>()?;
        Ok(Self { model, named, code })
    }

    /// Hashes everything, with one progress bar over all of it but the code, which is small.
    pub(crate) fn hash(self, args: &MaterialArgs, manner: Manner) -> Result<Hashed, Failure> {
        let cache = args.hash_cache.as_deref().map(HashCache::open).transpose()?;
        let options = ScanOptions::new().threads(args.threads).cache(cache.as_ref());
        let snapshots = [&self.model].into_iter().chain(self.named.iter().map(|(_, _, snapshot)| snapshot));
        let total = snapshots.fold(0, |sum: u64, one| sum.saturating_add(one.total_bytes()));
        let mut progress = Progress::start(manner, total);
        let mut cached = Vec::new();
        let model = progress.part("model", |progress| self.model.hash(&options, progress))?;
        cached.extend(cached_fact(Topic::Identity, "", &model)?);
        let mut inputs = Vec::with_capacity(self.named.len() + 1);
        let mut scans = Vec::with_capacity(self.named.len());
        for (role, input, snapshot) in self.named {
            let name = input.name.as_str();
            let scan = progress.part(name, |progress| snapshot.hash(&options, progress))?;
            let topic = if role == Role::Dataset { Topic::Data } else { Topic::BaseModel };
            cached.extend(cached_fact(topic, name, &scan)?);
            let digest = InputDigest::from(scan.tree());
            inputs.push(Input::new(role, input.name.clone(), Source::Observed, digest)?);
            scans.push(scan);
        }
        if let Some(code) = &self.code {
            let scan = match code.files() {
                Ok(files) => Some(scan_list(code.root(), files, &options, &|_, _| {})?),
                Err(_) => None,
            };
            if let Some(scan) = &scan {
                cached.extend(cached_fact(Topic::Code, "", scan)?);
            }
            inputs.push(code_input(code, scan.as_ref().map(Scan::tree))?);
        }
        cache.map(HashCache::save).transpose()?;
        Ok(Hashed { model, inputs, cached, code: self.code, scans })
    }
}

/// That digests of files were taken from a cache, and of how many.
fn cached_fact(topic: Topic, about: &str, scan: &Scan) -> Result<Option<Fact>, Failure> {
    if scan.cached() == 0 {
        return Ok(None);
    }
    let value = format!("{} of {}", scan.cached(), scan.tree().file_count());
    let (about, key, at) = (about.to_owned(), "digests-from-cache".to_owned(), "hash cache".to_owned());
    Ok(Some(Fact::new(topic, about, key, value, Source::Imported, at)?))
}

impl Hashed {
    /// Refuses if anything that was hashed is no longer what it was.
    pub(crate) fn refuse_change(&self) -> Result<(), Failure> {
        [&self.model].into_iter().chain(&self.scans).try_for_each(refuse_change)?;
        // Git was asked before the model was hashed, and the code was hashed after it.
        Ok(self.code.as_ref().map_or(Ok(()), git::Checkout::refuse_change)?)
    }
}

/// Refuses if a file is no longer what it was when it was hashed.
///
/// # Errors
/// [`SignError::Changed`]; else what kept us from looking.
pub(crate) fn refuse_change(scan: &Scan) -> Result<(), Failure> {
    scan.refuse_change().map_err(|error| match error {
        ScanError::Changed { path } => SignError::Changed { path }.into(),
        other => other.into(),
    })
}

fn resolve(path: &Path) -> Result<PathBuf, SignError> {
    path.canonicalize().map_err(|source| SignError::Unreadable { path: path.to_owned(), source })
}

fn refuse_overlap(model: &Path, resolved: &Path, input: &NamedPath) -> Result<(), SignError> {
    let found = resolve(&input.path)?;
    let (model, path) = (model.to_owned(), input.path.clone());
    if found.starts_with(resolved) {
        return Err(SignError::InputInsideModel { input: path, model });
    }
    if resolved.starts_with(&found) {
        return Err(SignError::ModelInsideInput { model, input: path });
    }
    Ok(())
}

/// Asks git about the checkout, and refuses if the model's files are among its files.
fn read_code(dir: &Path, model: &Path, resolved: &Path, manner: Manner) -> Result<git::Checkout, Failure> {
    resolve(dir)?;
    let code = git::read_checkout(dir)?;
    if code.root().starts_with(resolved) {
        return Err(SignError::CodeInsideModel { code: dir.to_owned(), model: model.to_owned() }.into());
    }
    match code.files() {
        Ok(files) => {
            let inside = |file: &&ModelPath| code.root().join(file.as_str()).starts_with(resolved);
            if let Some(file) = files.iter().find(inside) {
                let file = file.as_str().to_owned();
                return Err(SignError::ModelInsideCode { model: model.to_owned(), file }.into());
            }
        }
        Err(why) => {
            let dir = dir.display();
            warn(manner, &format!("the code in {dir} has no tree digest, only git's ids: {why}"));
        }
    }
    if code.is_dirty() {
        warn(
            manner,
            &format!("the code in {} differs from its commit, and the statement says so", dir.display()),
        );
    }
    Ok(code)
}

fn code_input(code: &git::Checkout, tree: Option<&Tree>) -> Result<Input, Failure> {
    let malformed = |_| GitError::AnswerMalformed { act: "rev-parse", want: "an object id" };
    let state = if code.is_dirty() { WorkTreeState::Dirty } else { WorkTreeState::Clean };
    let commit = code.commit().parse().map_err(malformed)?;
    let checkout = Checkout::new(commit, code.tree().parse().map_err(malformed)?, state)?;
    let checkout = match tree {
        Some(tree) => checkout.with_sources(tree),
        None => checkout,
    };
    let name = CODE_NAME.parse().map_err(SignError::CodeName)?;
    Ok(Input::new(Role::Code, name, Source::Observed, InputDigest::Code(checkout))?)
}

#[cfg(test)]
mod tests {
    use attest::scan::scan_noting_inert;

    use super::*;
    use crate::git::tests::repository;

    #[test]
    fn code_that_was_edited_while_the_model_was_hashed_is_noticed() {
        let dir = repository();
        let checkout = || git::read_checkout(dir.path()).expect("a checkout");
        let model = tempfile::tempdir().expect("a temporary directory");
        let hashed = || Hashed {
            model: scan_noting_inert(model.path(), &ScanOptions::new(), &|_, _| {}).expect("a scan"),
            inputs: Vec::new(),
            cached: Vec::new(),
            code: Some(checkout()),
            scans: Vec::new(),
        };
        let before = hashed();
        before.refuse_change().expect("nothing changed");
        std::fs::write(dir.path().join("src/train.py"), "other()\n").expect("write");
        assert_eq!(before.refuse_change().expect_err("it changed").code(), "changed-while-signing");
        hashed().refuse_change().expect("dirty from the beginning");
    }
}
