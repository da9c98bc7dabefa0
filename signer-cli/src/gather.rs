//! From what other tools recorded to what a statement says of a run.
//!
//! In scope: which source is read from where, what of it is left out unless it is allowed by name, and saying so. Out of
//! scope: reading a source (crate `collect`), the form of a fact (crate `attest`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use attest::provenance::{
    Byproduct, ByproductRole, Entrypoint, Fact, MAX_BYPRODUCTS, MAX_FACTS, ProvenanceError, Run,
};
use attest::utc_time::UtcTime;
use collect::documents::DocumentKind;
use collect::registries::Registry;
use collect::{Collected, IncompleteError, Privacy, WarningReason};

use crate::args::{GatherArgs, Manner};
use crate::message::{Failure, warn};

/// Where facts come from, as typed: `dvc`, `mlflow:RUN`, `wandb:wandb/latest-run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FactSource {
    kind: Kind,
    rest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Croissant,
    Datasheet,
    Dvc,
    Environment,
    Hardware,
    HuggingFace,
    Kitfile,
    Mlflow,
    MlflowModel,
    ModelCard,
    Pachyderm,
    SageMaker,
    SitePackages,
    Wandb,
    Weights,
}

/// Every source, and what may or must stand behind its name.
const KINDS: [(&str, Kind, Rest); 15] = [
    ("croissant", Kind::Croissant, Rest::Must),
    ("datasheet", Kind::Datasheet, Rest::Must),
    ("dvc", Kind::Dvc, Rest::May),
    ("environment", Kind::Environment, Rest::May),
    ("hardware", Kind::Hardware, Rest::Never),
    ("huggingface", Kind::HuggingFace, Rest::Must),
    ("kitfile", Kind::Kitfile, Rest::Must),
    ("mlflow", Kind::Mlflow, Rest::May),
    ("mlmodel", Kind::MlflowModel, Rest::Must),
    ("model-card", Kind::ModelCard, Rest::Must),
    ("pachyderm", Kind::Pachyderm, Rest::Must),
    ("sagemaker", Kind::SageMaker, Rest::Must),
    ("site-packages", Kind::SitePackages, Rest::Must),
    ("wandb", Kind::Wandb, Rest::Must),
    ("weights", Kind::Weights, Rest::Must),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    May,
    Must,
    Never,
}

/// Why a text names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FactSourceError {
    #[error(
        "no source `{seen}`, want one of croissant, datasheet, dvc, environment, hardware, huggingface, kitfile, mlflow, mlmodel, model-card, pachyderm, sagemaker, site-packages, wandb, weights"
    )]
    Unknown { seen: String },
    #[error("`{seen}` says not where, want {seen}:PATH")]
    NoPath { seen: String },
    #[error("nothing stands behind `{seen}`")]
    Path { seen: String },
}

impl FromStr for FactSource {
    type Err = FactSourceError;

    fn from_str(text: &str) -> Result<Self, FactSourceError> {
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let seen = || name.to_owned();
        let (_, kind, wants) = KINDS
            .iter()
            .find(|(known, ..)| *known == name)
            .ok_or(FactSourceError::Unknown { seen: seen() })?;
        let rest = rest.filter(|rest| !rest.is_empty()).map(str::to_owned);
        match (wants, &rest) {
            (Rest::Must, None) => Err(FactSourceError::NoPath { seen: seen() }),
            (Rest::Never, Some(_)) => Err(FactSourceError::Path { seen: seen() }),
            _ => Ok(Self { kind: *kind, rest }),
        }
    }
}

/// Most facts of all sources together. The rest of what a statement takes is for what the signer sees itself: variables, the exit
/// status, which inputs were opened or not read anew.
const MAX_GATHERED_FACTS: usize = MAX_FACTS - 1024;

/// Why facts were not gathered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatherError {
    /// Something was left out, and `--strict` forbids it.
    #[error(transparent)]
    Incomplete(#[from] IncompleteError),
    /// MLflow's store cannot be read, or it has no such run.
    #[error("MLflow's records cannot be read")]
    Mlflow(#[from] collect::mlflow::MlflowError),
    /// There is nothing of that kind where it was looked for, and `--strict` forbids that.
    #[error("nothing of {source_name} was found")]
    Nothing { source_name: &'static str },
    /// A fact that a statement does not take.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// More facts than a statement has room for, and `--strict` forbids leaving some out.
    #[error("{source_name} gives {over} facts more than there is room for, want at most {max} of all sources", max = MAX_GATHERED_FACTS)]
    TooManyFacts { source_name: &'static str, over: usize },
    /// The run's log cannot be read.
    #[error("the records of Weights & Biases cannot be read")]
    Wandb(#[from] collect::wandb::WandbError),
}

impl FactSource {
    fn path(&self) -> PathBuf {
        PathBuf::from(self.rest.as_deref().unwrap_or("."))
    }

    fn read(&self) -> Result<Collected, GatherError> {
        let path = self.path();
        Ok(match self.kind {
            Kind::Croissant => collect::documents::read(&path, DocumentKind::Croissant),
            Kind::Datasheet => collect::documents::read(&path, DocumentKind::Datasheet),
            Kind::Dvc => collect::dvc::read(&path),
            Kind::Environment => collect::environment::read(&path),
            Kind::Hardware => collect::hardware::read(Path::new("/")),
            Kind::HuggingFace => collect::hugging_face::read(&path),
            Kind::Kitfile => collect::registries::read(&path, Registry::KitOps),
            Kind::Mlflow => self.read_mlflow()?,
            Kind::MlflowModel => collect::mlflow::read_model(&path)?,
            Kind::ModelCard => collect::documents::read(&path, DocumentKind::ModelCard),
            Kind::Pachyderm => collect::registries::read(&path, Registry::Pachyderm),
            Kind::SageMaker => collect::registries::read(&path, Registry::SageMaker),
            Kind::SitePackages => {
                collect::environment::installed::read(&path, collect::environment::installed::Check::Files)
            }
            Kind::Wandb => collect::wandb::read(&path)?,
            Kind::Weights => collect::weights::read(&path),
        })
    }

    /// `mlflow`, `mlflow:RUN`, `mlflow:RUN@PATH`.
    fn read_mlflow(&self) -> Result<Collected, GatherError> {
        let (run, path) = match self.rest.as_deref().map(|rest| rest.split_once('@').unwrap_or((rest, "."))) {
            None => (None, "."),
            Some((run, path)) => ((!run.is_empty()).then_some(run), path),
        };
        Ok(collect::mlflow::read(Path::new(path), run)?)
    }

    /// What the files are that it was read from.
    const fn role(&self) -> ByproductRole {
        match self.kind {
            Kind::Croissant | Kind::Datasheet | Kind::HuggingFace | Kind::ModelCard => {
                ByproductRole::Document
            }
            _ => ByproductRole::TrackerRun,
        }
    }
}

/// Facts and files, on the way into a statement.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    facts: Vec<Fact>,
    byproducts: Vec<Byproduct>,
    left_out: BTreeMap<String, usize>,
}

impl Gathered {
    /// Reads all sources that were named, and the model's own weights and card.
    ///
    /// # Errors
    /// [`GatherError`].
    pub(crate) fn from_sources(args: &GatherArgs, model: &Path, manner: Manner) -> Result<Self, Failure> {
        let mut gathered = Self::default();
        for source in &args.from {
            gathered.take(source, source.read()?, args, manner)?;
        }
        // Nobody named these two, so that there is nothing for them to read is no gap.
        let own = |kind| FactSource { kind, rest: Some(model.display().to_string()) };
        for source in [own(Kind::Weights), own(Kind::HuggingFace)] {
            let collected = source.read()?;
            let is_absent = |warning: &collect::Warning| warning.reason() == WarningReason::Absent;
            if !collected.facts().is_empty() || !collected.warnings().iter().all(is_absent) {
                gathered.take(&source, collected, args, manner)?;
            }
        }
        Ok(gathered)
    }

    /// Adds what one source gave: public facts, and personal ones that are allowed by name.
    fn take(
        &mut self,
        source: &FactSource,
        collected: Collected,
        args: &GatherArgs,
        manner: Manner,
    ) -> Result<(), GatherError> {
        let nothing = collected.facts().is_empty() && collected.warnings().is_empty();
        if nothing && args.strict {
            return Err(GatherError::Nothing { source_name: collected.source() });
        }
        if nothing {
            warn(manner, &format!("{}: nothing was found", collected.source()));
        }
        let collected = if args.strict { collected.require_whole()? } else { collected };
        for warning in collected.warnings() {
            warn(manner, &format!("{}: {warning}", collected.source()));
        }
        let mut facts = Vec::new();
        for fact in collected.facts() {
            let name = format!("{}.{}", fact.topic().as_str(), fact.key());
            if fact.privacy() == Privacy::Public || args.allow.contains(&name) {
                facts.push(fact.to_statement()?);
            } else {
                *self.left_out.entry(name).or_default() += 1;
            }
        }
        self.take_facts(facts, collected.source(), args.strict, manner)?;
        for file in collected.files() {
            let name = label(collected.source(), file.name());
            let Ok(name) = name.parse() else { continue };
            let byproduct = Byproduct::new(source.role(), name, file.sha256(), file.bytes());
            if !self.byproducts.contains(&byproduct) {
                self.byproducts.push(byproduct);
            }
        }
        if self.byproducts.len() > MAX_BYPRODUCTS {
            let more = self.byproducts.len() - MAX_BYPRODUCTS;
            warn(manner, &format!("{more} files of {} are not listed as by-products", collected.source()));
            self.byproducts.truncate(MAX_BYPRODUCTS);
        }
        Ok(())
    }

    /// Adds the facts of one source, those that there is room for: what comes after a run of days does not fail for their number.
    fn take_facts(
        &mut self,
        mut facts: Vec<Fact>,
        source_name: &'static str,
        strict: bool,
        manner: Manner,
    ) -> Result<(), GatherError> {
        facts.sort();
        facts.dedup();
        let room = MAX_GATHERED_FACTS.saturating_sub(self.facts.len());
        let over = facts.len().saturating_sub(room);
        if over > 0 && strict {
            return Err(GatherError::TooManyFacts { source_name, over });
        }
        if over > 0 {
            warn(
                manner,
                &format!(
                    "{source_name}: {over} facts are left out: {MAX_GATHERED_FACTS} of all sources are signed"
                ),
            );
            facts.truncate(room);
        }
        self.facts.append(&mut facts);
        Ok(())
    }

    /// Adds what the signer saw itself.
    pub(crate) fn push(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// Adds a file that the run left, before all others.
    pub(crate) fn push_byproduct(&mut self, byproduct: Byproduct) {
        self.byproducts.truncate(MAX_BYPRODUCTS - 1);
        self.byproducts.push(byproduct);
    }

    /// How many facts of which kind were left out because they may be about people or machines.
    pub(crate) fn left_out(&self) -> BTreeMap<String, usize> {
        self.left_out.clone()
    }

    /// The run as a statement has it.
    ///
    /// # Errors
    /// [`ProvenanceError`] for too many facts.
    pub(crate) fn into_run(
        self,
        entrypoint: Option<Entrypoint>,
        span: Option<(UtcTime, UtcTime)>,
    ) -> Result<Run, ProvenanceError> {
        Run::new(entrypoint, span, self.facts, self.byproducts)
    }
}

/// A label for a file: letters and digits as they are, the rest as hyphens.
pub(crate) fn label(source: &str, name: &str) -> String {
    let kept =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-') { c } else { '-' };
    let label: String = format!("{source}/{name}").chars().map(kept).collect();
    // Every character is one byte by now. The end of a path tells more than its beginning.
    match label.len().checked_sub(attest::provenance::InputName::MAX_BYTES) {
        None | Some(0) => label,
        Some(over) => format!("x{}", label.get(over + 1..).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Color;
    use attest::provenance::{Source, Topic};

    #[test]
    fn sources_are_read_as_typed() {
        for (name, kind, rest) in KINDS {
            let bare = name.parse::<FactSource>();
            let with = format!("{name}:a:b").parse::<FactSource>();
            let some = FactSource { kind, rest: Some("a:b".to_owned()) };
            match rest {
                Rest::May => assert_eq!((bare, with), (Ok(FactSource { kind, rest: None }), Ok(some))),
                Rest::Must => {
                    assert_eq!(
                        (bare, with),
                        (Err(FactSourceError::NoPath { seen: name.to_owned() }), Ok(some))
                    );
                }
                Rest::Never => {
                    let error = FactSourceError::Path { seen: name.to_owned() };
                    assert_eq!((bare, with), (Ok(FactSource { kind, rest: None }), Err(error)));
                }
            }
        }
        let unknown = "tracker".parse::<FactSource>().expect_err("unknown").to_string();
        // The message lists every source there is.
        assert!(KINDS.iter().all(|(name, ..)| unknown.contains(name)), "{unknown}");
    }

    #[test]
    fn facts_that_a_statement_has_no_room_for_are_left_out_or_an_error() {
        let facts = |from: usize, count| -> Vec<Fact> {
            let key = || "version".to_owned();
            let numbers = (from..from + count).map(|number| number.to_string());
            let fact = |about| {
                Fact::new(Topic::Package, about, key(), "1".to_owned(), Source::Declared, "f".to_owned())
            };
            numbers.map(|about| fact(about).expect("a fact")).collect()
        };
        let manner = Manner { quiet: true, no_progress: true, color: Color::Never };
        let mut gathered = Gathered::default();
        let two = |a: Vec<Fact>, b: Vec<Fact>| [a, b].concat();
        let twice = two(facts(0, 10_000), facts(0, 10_000));
        gathered.take_facts(twice, "environment", true, manner).expect("what is there twice counts once");
        let refused = gathered.take_facts(facts(10_000, 10_000), "dvc", true, manner);
        assert!(matches!(
            refused,
            Err(GatherError::TooManyFacts { source_name: "dvc", over }) if over == 20_000 - MAX_GATHERED_FACTS
        ));
        gathered.take_facts(facts(10_000, 10_000), "dvc", false, manner).expect("a warning");
        assert_eq!(gathered.facts.len(), MAX_GATHERED_FACTS);
        facts(20_000, 1024).into_iter().for_each(|fact| gathered.push(fact));
        assert!(gathered.into_run(None, None).is_ok());
    }

    #[test]
    fn every_name_of_a_file_becomes_a_label() {
        let long = "a/".repeat(300);
        for name in ["dvc.lock", "a b\u{1b}é", "", &long] {
            let label = label("dvc", name);
            assert!(label.parse::<attest::provenance::InputName>().is_ok(), "{label}");
        }
    }
}
