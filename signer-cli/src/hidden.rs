//! `--private`: what a statement commits to instead of showing it, and the file that opens it.
//!
//! | hidden | how |
//! |---|---|
//! | names of inputs and of by-products that are paths, places of datasets | a commitment in their place |
//! | paths of the model's files | no file subjects |
//! | arguments that are kept, but for flags | a commitment |
//! | where a fact was found; facts about data, code, base models, documents and people; others that look like a path or an address | a commitment |
//! | of an evaluation: names of its files and data, and its place; of an event: its sentence, and where the rules lie | a commitment |
//! | with `=digests`: digest and size of inputs, digest of an event's rules | a commitment; by-products are not listed |
//! | with `=entry`: name and digests, in the log and not in the statement | a commitment under the model's salt ([`entry`]) |
//!
//! What is left: the model's own name, version, digest and size, and names and values of parameters, metrics and packages.
//!
//! The openings are on the disk before anything is sent. A value that has an opening there keeps it, so that signing the
//! same thing again gives the same bytes, as it does without `--private`.

mod entry;
mod file;

use std::path::{Path, PathBuf};

use attest::evaluation::{Metric, ResultsFile};
use attest::event::EventPolicy;
use attest::private_value::{Commitment, Opening, OpeningError, Openings, OpeningsError, Salt};
use attest::provenance::{Byproduct, Entrypoint, Fact, Input, Run, SourceUri, Topic};
use attest::tree::TreeDigest;

use crate::args::{PrivateArgs, PrivateLevel};
use crate::eval::EvalError;
use crate::message::Failure;
use crate::train::LEFT_OUT;

pub(crate) use self::entry::entry_value;
use self::file::{lies_inside, read, write};
pub(crate) use self::file::{place, read_shared};

/// Why nothing could be hidden or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HiddenError {
    /// What would open the statement would lie with the model, and be copied with it.
    #[error("openings {path} would lie inside the model {model}")]
    InsideModel { path: PathBuf, model: PathBuf },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// Others may have read it.
    #[error("openings {path} have mode {mode:04o}, want 0600")]
    Loose { path: PathBuf, mode: u32 },
    /// Not a file of openings.
    #[error("{path} is no file of openings")]
    Malformed { path: PathBuf, source: OpeningsError },
    /// A link or something else stands in its place.
    #[error("{path} is not a regular file")]
    NotAFile { path: PathBuf },
    /// Something is said in private of a model whose salt is not known, so that nobody would find it with the model's.
    #[error("no private entry about sha256:{} {}", tree.digest(), path.as_ref().map_or_else(|| "is beside it".to_owned(), |path| format!("in {}", path.display())))]
    NoSalt { path: Option<PathBuf>, tree: TreeDigest },
    /// The same of one whose own entry is public.
    #[error("the model's own entry is public, and what is said of it in a private one does not count")]
    PublicEntry,
    /// A place for openings, and nothing that is private.
    #[error("--openings without --private")]
    NothingPrivate,
    /// A value cannot be hidden.
    #[error("a value cannot be hidden")]
    Value(#[from] OpeningError),
    /// Too many values.
    #[error("values cannot be hidden")]
    Values(#[from] OpeningsError),
}

/// What is hidden of one statement. Without `--private` it hides nothing.
#[derive(Default)]
pub(crate) struct Hidden {
    level: Option<PrivateLevel>,
    path: PathBuf,
    model: PathBuf,
    openings: Openings,
    used: std::collections::BTreeSet<Commitment>,
    /// By-products that are not listed.
    unlisted: usize,
    /// `--private=entry`.
    hides_entry: bool,
    /// The salt of the entry was made here.
    has_new_salt: bool,
    salt_of: Option<PathBuf>,
}

impl Hidden {
    /// Reads the openings that are there, so that they are used again.
    ///
    /// # Errors
    /// [`HiddenError`], but for those about values.
    pub(crate) fn begin(args: &PrivateArgs, model: &Path) -> Result<Self, HiddenError> {
        let (level, hides_entry, salt_of) = (args.level(), args.hides_entry(), args.salt_of.clone());
        if level.is_none() && !hides_entry {
            return if args.openings.is_some() {
                Err(HiddenError::NothingPrivate)
            } else {
                Ok(Self { salt_of, ..Self::default() })
            };
        }
        let path = args.openings.clone().unwrap_or_else(|| place(model));
        if lies_inside(&path, model) {
            return Err(HiddenError::InsideModel { path, model: model.to_owned() });
        }
        let openings = read(&path)?.unwrap_or_default();
        let model = model.to_owned();
        Ok(Self { level, hides_entry, salt_of, path, model, openings, ..Self::default() })
    }

    /// Whether anything may be hidden.
    pub(crate) const fn is_on(&self) -> bool {
        self.level.is_some()
    }

    /// How many values are hidden, and how many by-products are not listed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.used.len(), self.unlisted)
    }

    /// Whether the salt of the entry is new, and kept with the openings.
    pub(crate) const fn has_new_salt(&self) -> bool {
        self.has_new_salt
    }

    /// Where the openings are kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn commit(&mut self, value: &str) -> Result<Commitment, HiddenError> {
        let commitment = match self.openings.with_value(value) {
            Some(opening) => opening.commitment(),
            None => {
                let opening = Opening::new(Salt::generate()?, value.to_owned())?;
                let commitment = opening.commitment();
                self.openings.add(opening)?;
                commitment
            }
        };
        self.used.insert(commitment);
        Ok(commitment)
    }

    fn text(&mut self, value: &str) -> Result<String, HiddenError> {
        Ok(if value.is_empty() { String::new() } else { self.commit(value)?.to_string() })
    }

    /// Hides names, and digests if these are to be hidden too.
    pub(crate) fn inputs(&mut self, inputs: Vec<Input>) -> Result<Vec<Input>, HiddenError> {
        if !self.is_on() {
            return Ok(inputs);
        }
        let hide = |input: Input| -> Result<Input, HiddenError> {
            let name = self.commit(input.name().as_str())?.into();
            let digest = match self.level {
                Some(PrivateLevel::Digests) => Some(self.commit(&input.digest_text())?),
                _ => None,
            };
            let input = match input.uri().cloned() {
                Some(uri) => input.with_uri(self.commit(uri.as_str())?.into()),
                None => input,
            };
            let input = input.with_name(name);
            Ok(match digest {
                Some(digest) => input.with_private_digest(digest),
                None => input,
            })
        };
        inputs.into_iter().map(hide).collect()
    }

    /// Hides what the file of results is called. Its digest stays: it is of what the numbers, which are shown, were read from.
    pub(crate) fn results(&mut self, file: ResultsFile) -> Result<ResultsFile, HiddenError> {
        if !self.is_on() {
            return Ok(file);
        }
        let name = self.commit(file.name().as_str())?.into();
        Ok(file.with_name(name))
    }

    /// Hides on what was measured; what was, and how much, stays.
    pub(crate) fn metrics(&mut self, metrics: Vec<Metric>) -> Result<Vec<Metric>, Failure> {
        if !self.is_on() {
            return Ok(metrics);
        }
        let hide = |metric: Metric| -> Result<Metric, Failure> {
            let data = self.text(metric.data())?;
            Ok(metric.with_data(data).map_err(EvalError::from)?)
        };
        metrics.into_iter().map(hide).collect()
    }

    /// Hides where the rules of an event lie, and their digest if digests are to be hidden too.
    pub(crate) fn policy(&mut self, policy: EventPolicy) -> Result<EventPolicy, HiddenError> {
        let uri = policy.uri().cloned().map(|uri| self.place(uri)).transpose()?;
        Ok(match (self.level, policy.digest(), policy.digest_text()) {
            (Some(PrivateLevel::Digests), _, Some(text)) => EventPolicy::private(uri, self.commit(&text)?),
            (_, Some(digest), _) => EventPolicy::new(uri, digest),
            _ => policy,
        })
    }

    /// Hides a sentence for people.
    pub(crate) fn sentence(&mut self, text: &str) -> Result<String, HiddenError> {
        if self.is_on() { self.text(text) } else { Ok(text.to_owned()) }
    }

    /// Hides a place.
    pub(crate) fn place(&mut self, place: SourceUri) -> Result<SourceUri, HiddenError> {
        if self.is_on() { Ok(self.commit(place.as_str())?.into()) } else { Ok(place) }
    }

    /// Hides places.
    pub(crate) fn places(&mut self, places: Vec<SourceUri>) -> Result<Vec<SourceUri>, HiddenError> {
        places.into_iter().map(|place| self.place(place)).collect()
    }

    /// Hides what a run says of names and places.
    pub(crate) fn run(&mut self, run: Run) -> Result<Run, Failure> {
        if !self.is_on() {
            return Ok(run);
        }
        let entrypoint = run.entrypoint().map(|entrypoint| self.entrypoint(entrypoint)).transpose()?;
        let facts = run.facts().iter().map(|fact| self.fact(fact)).collect::<Result<_, Failure>>()?;
        let byproducts = match self.level {
            Some(PrivateLevel::Digests) => {
                self.unlisted = run.byproducts().len();
                Vec::new()
            }
            _ => {
                run.byproducts().iter().map(|one| self.byproduct(one)).collect::<Result<_, HiddenError>>()?
            }
        };
        Ok(Run::new(entrypoint, run.span(), facts, byproducts)?)
    }

    fn entrypoint(&mut self, entrypoint: &Entrypoint) -> Result<Entrypoint, Failure> {
        let program = entrypoint.program();
        let program = if tells_a_place(program) { self.text(program)? } else { program.to_owned() };
        let args = entrypoint.args().iter().map(|arg| self.argument(arg)).collect::<Result<_, _>>()?;
        Ok(Entrypoint::new(program, args)?)
    }

    /// The name of a flag stays, and what was left out is not hidden as well.
    fn argument(&mut self, arg: &str) -> Result<String, HiddenError> {
        let is_flag = arg == "-" || (arg.starts_with("--") || (arg.starts_with('-') && arg.len() == 2));
        match arg.split_once('=') {
            _ if arg == LEFT_OUT => Ok(arg.to_owned()),
            Some((flag, LEFT_OUT)) if is_flag => Ok(format!("{flag}={LEFT_OUT}")),
            Some((flag, value)) if is_flag => Ok(format!("{flag}={}", self.text(value)?)),
            None if is_flag => Ok(arg.to_owned()),
            _ => self.text(arg),
        }
    }

    fn fact(&mut self, fact: &Fact) -> Result<Fact, Failure> {
        let names = matches!(
            fact.topic(),
            Topic::Data | Topic::Code | Topic::BaseModel | Topic::Document | Topic::Custody
        );
        let mut shown = |text: &str| {
            if names || tells_a_place(text) { self.text(text) } else { Ok(text.to_owned()) }
        };
        let (about, value) = (shown(fact.about())?, shown(fact.value())?);
        let at = self.text(fact.at())?;
        Ok(Fact::new(fact.topic(), about, fact.key().to_owned(), value, fact.source(), at)?)
    }

    fn byproduct(&mut self, one: &Byproduct) -> Result<Byproduct, HiddenError> {
        let name = if tells_a_place(one.name().as_str()) {
            self.commit(one.name().as_str())?.into()
        } else {
            one.name().clone()
        };
        Ok(Byproduct::new(one.role(), name, one.digest(), one.bytes()))
    }

    /// Puts the openings on the disk, with those that somebody else put there meanwhile. Before anything is sent: a
    /// commitment that nobody can open is in the log for ever.
    ///
    /// # Errors
    /// [`HiddenError`].
    pub(crate) fn save(&self) -> Result<(), HiddenError> {
        if self.used.is_empty() && !self.has_new_salt {
            return Ok(());
        }
        // A run has made the model meanwhile.
        if lies_inside(&self.path, &self.model) {
            let (path, model) = (self.path.clone(), self.model.clone());
            return Err(HiddenError::InsideModel { path, model });
        }
        let mut all = read(&self.path)?.unwrap_or_default();
        for opening in self.openings.lines() {
            all.add(opening.clone())?;
        }
        write(&self.path, &all.to_bytes())
    }
}

/// Whether a text looks like a path or an address.
fn tells_a_place(text: &str) -> bool {
    text.contains(['/', '\\', '@'])
}

#[cfg(test)]
mod tests {
    use attest::provenance::{InputDigest, Source};
    use attest::role::Role;

    use super::*;

    fn hidden(level: PrivateLevel, dir: &Path) -> Hidden {
        let args = PrivateArgs { private: vec![level], openings: Some(dir.join("o.jsonl")), salt_of: None };
        Hidden::begin(&args, &dir.join("model")).expect("a place")
    }

    fn input() -> Input {
        let digest = attest::digest::Sha256Digest::of(b"x");
        let (name, digest) = ("customers".parse(), InputDigest::File { digest, bytes: Some(1) });
        Input::new(Role::Dataset, name.expect("a name"), Source::Observed, digest).expect("an input")
    }

    #[test]
    fn a_value_keeps_its_commitment_from_one_run_to_the_next() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut first = hidden(PrivateLevel::Digests, dir.path());
        let inputs = first.inputs(vec![input()]).expect("hidden");
        first.save().expect("written");
        let again = hidden(PrivateLevel::Digests, dir.path()).inputs(vec![input()]).expect("hidden");
        assert_eq!(inputs, again);
        let elsewhere = tempfile::tempdir().expect("a temporary directory");
        let other = hidden(PrivateLevel::Digests, elsewhere.path()).inputs(vec![input()]).expect("hidden");
        assert_ne!(inputs, other);
    }

    #[test]
    fn every_commitment_is_opened_by_the_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut hidden = hidden(PrivateLevel::Digests, dir.path());
        let [input] = hidden.inputs(vec![input()]).expect("hidden").try_into().expect("one");
        hidden.save().expect("written");
        let openings = read_shared(&dir.path().join("o.jsonl")).expect("readable");
        let value = |commitment| openings.of(commitment).map(Opening::value).expect("opened").to_owned();
        assert_eq!(value(input.name().commitment().expect("private")), "customers");
        let digest = value(input.digest().commitment().expect("private"));
        assert!(
            digest.starts_with("{\"digest\":{\"sha256\":\"") && digest.ends_with("\"bytes\":\"1\"}"),
            "{digest}"
        );
    }

    #[test]
    fn arguments_are_hidden_and_flags_are_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut hidden = hidden(PrivateLevel::Names, dir.path());
        let mut shown = |arg: &str| hidden.argument(arg).expect("hidden");
        for arg in ["--lr", "-v", "-", LEFT_OUT, "--token=[left out]"] {
            assert_eq!(shown(arg), arg);
        }
        for (arg, begins) in
            [("train.py", "private:"), ("--data=x", "--data=private:"), ("-phunter2", "private:")]
        {
            assert!(shown(arg).starts_with(begins), "{arg}");
            assert!(!shown(arg).contains("hunter2"));
        }
    }

    #[test]
    fn facts_about_names_and_places_are_hidden_and_parameters_are_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut hidden = hidden(PrivateLevel::Names, dir.path());
        let mut shown = |topic, about: &str, value: &str| {
            let [about, value] = [about, value].map(str::to_owned);
            let fact =
                Fact::new(topic, about, "value".to_owned(), value, Source::Imported, "dvc.lock".to_owned());
            let fact = hidden.fact(&fact.expect("a fact")).expect("hidden");
            assert!(fact.at().starts_with("private:"));
            [fact.about(), fact.value()].map(|text| text.starts_with("private:"))
        };
        assert_eq!(shown(Topic::Data, "customers", "v4"), [true, true]);
        assert_eq!(shown(Topic::Code, "", "main"), [false, true]);
        assert_eq!(shown(Topic::Parameter, "lr", "0.1"), [false, false]);
        assert_eq!(shown(Topic::Parameter, "train_file", "/srv/customers.csv"), [false, true]);
        assert_eq!(shown(Topic::Run, "notes", "ask alice@example.org"), [false, true]);
    }

    #[cfg(unix)]
    #[test]
    fn openings_are_their_owners_alone_and_never_lie_in_the_model() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut one = hidden(PrivateLevel::Names, dir.path());
        one.inputs(vec![input()]).expect("hidden");
        one.save().expect("written");
        let path = dir.path().join("o.jsonl");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("chmod");
        assert!(matches!(one.save(), Err(HiddenError::Loose { mode: 0o640, .. })));
        let model = dir.path().join("model");
        std::fs::create_dir(&model).expect("mkdir");
        let args = PrivateArgs {
            private: vec![PrivateLevel::Names],
            openings: Some(model.join("o.jsonl")),
            salt_of: None,
        };
        assert!(matches!(Hidden::begin(&args, &model), Err(HiddenError::InsideModel { .. })));
        assert_eq!(place(&model), dir.path().join("model.openings.jsonl"));
    }
}
