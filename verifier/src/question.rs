//! The procedure, from the bytes of a bundle file to one verdict (spec/verification.md, "Procedure").

use std::borrow::Borrow;
use std::cell::{LazyCell, OnceCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use attest::bundle::{Bundle, BundleFile, BundleFileError};
use attest::digest::Sha256Digest;
use attest::entry::ModelSalt;
use attest::scan::ScanError;
use attest::statement::{Statement, StatementKind};
use attest::status::Snapshot;
use attest::tree::Tree;

use crate::contents::{Basis, VerifiedModel};
use crate::custody::Testimony;
use crate::examination::Examination;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::gate::{self, Gate};
use crate::lineage::{Evidence, Lineage, Pool};
use crate::logged::LoggedStatement;
use crate::memory::{Memory, Seen};
use crate::place::Place;
use crate::planted;
use crate::reason::Step;
use crate::refusal::{LineNote, Refusal};
use crate::requirements::{Expectation, Requirements};
use crate::signature::read_provenance;
use crate::standing::Standing;
use crate::status::{self, Thing};

/// What the caller demands, what he asks, and what he has beside the model.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    requirements: Option<&'a Requirements>,
    expectation: &'a Expectation,
    evidence: Option<&'a Evidence>,
    memory: Option<&'a Memory>,
    gate: Option<&'a OnceCell<Gate>>,
    fetched: &'a [Snapshot],
}

/// Which of several refusals is reported: one of a line that is not about an ancestor before one that is, then the one that came
/// furthest.
type Rank = (bool, Step);

/// The lines of the bundle file that are no provenance, each opened.
type Beside = [(usize, Result<Testimony, Failure>)];

impl<'a> Question<'a> {
    /// Asks with these demands; without any nothing is verified, and all that can be said is.
    #[must_use]
    pub const fn new(requirements: Option<&'a Requirements>, expectation: &'a Expectation) -> Self {
        Self { requirements, expectation, evidence: None, memory: None, gate: None, fetched: &[] }
    }

    /// Takes statements about ancestors, and more about the model, from these files too.
    #[must_use]
    pub const fn with_evidence(self, evidence: &'a Evidence) -> Self {
        Self { evidence: Some(evidence), ..self }
    }

    /// Holds against it what was verified before.
    #[must_use]
    pub const fn remembering(self, memory: &'a Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Takes from there what the format gate found: whoever gives the files puts it there when he does, and sees to it that the
    /// gate looked at those. Rules that ask for it are not met without.
    #[must_use]
    pub const fn through(self, gate: &'a OnceCell<Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Takes these status snapshots too, which the caller has fetched from their logs for this verdict.
    #[must_use]
    pub const fn with_snapshots(self, fetched: &'a [Snapshot]) -> Self {
        Self { fetched, ..self }
    }

    /// Decides whether the files are what a trusted publisher signed and a trusted log holds.
    ///
    /// `bundle_file` has the bytes of the bundle file. `files` gives the tree of the files; it is called at most once, last,
    /// and only if some line may still pass or lacks nothing but trust or a proof of logging. What it is called with is how many bytes
    /// the files of the largest such model have, where that is known: nobody need read on for hours to see that these are others.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], whose [`Reason`](crate::Reason) and [`Class`](crate::Class) are stable. With several lines it is about the
    /// one that came furthest.
    pub fn verify<T: Borrow<Tree>>(
        &self,
        bundle_file: &[u8],
        files: impl FnOnce(Option<u64>) -> Result<T, ScanError>,
    ) -> Result<VerifiedModel, Refusal> {
        planted::reach(Step::Read);
        let file = BundleFile::parse(bundle_file).map_err(|source| Failure::BundleMalformed { source })?;
        let pool =
            self.requirements.map(|requirements| Pool::of(&file, self.evidence, self.fetched, requirements));
        // Hashing is the one expensive step. It happens at the first line that gets so far, and once.
        let here = LazyCell::new(|| files(self.signed_bytes(&file)).map_err(Arc::new));

        let mut verified: Option<VerifiedModel> = None;
        let mut furthest: Option<(Rank, Refusal)> = None;
        let mut notes: Vec<LineNote> = Vec::new();
        let (mut judged, mut beside) = (Vec::new(), Vec::new());
        for (index, bundle) in file.indexed_bundles() {
            let line = index + 1;
            match another_kind(bundle) {
                None => judged.push((line, bundle)),
                Some(kind) => beside.push((line, bundle, kind)),
            }
        }
        if judged.is_empty() {
            // Nothing to judge by: what is wrong with the first of these lines is that it is no provenance.
            judged.extend(beside.drain(..).map(|(line, bundle, _)| (line, bundle)));
        }
        // Once for all judged lines: each costs two signatures and a proof, and a file may have a thousand lines of either sort.
        let opened: Vec<(usize, Result<Testimony, Failure>)> = beside
            .into_iter()
            .map(|(line, bundle, kind)| match judged.is_empty() {
                true => (line, Err(Failure::NotProvenance { kind })),
                false => (line, Testimony::open(Place::new(None, line), bundle, self.requirements)),
            })
            .collect();
        let ancestors = ancestors(&judged);
        for (line, bundle) in judged {
            match self.conclude(line, bundle, &opened, pool.as_ref(), &here) {
                Ok(model) if verified.is_none() => verified = Some(model),
                Ok(_) => notes.push(LineNote::new(line, None)),
                Err(refusal) => {
                    let rank = (!ancestors.contains(&line), refusal.reason().step());
                    match &mut furthest {
                        Some((best, _)) if *best >= rank => notes.extend(refusal.into_note()),
                        best => {
                            let before = best.replace((rank, refusal));
                            notes.extend(before.and_then(|(_, refusal)| refusal.into_note()));
                        }
                    }
                }
            }
        }
        if verified.is_some() {
            notes.extend(furthest.take().and_then(|(_, refusal)| refusal.into_note()));
        }
        let furthest = furthest.map(|(_, refusal)| refusal);
        let (about, salt, lineage) = match (&verified, &furthest) {
            (Some(model), _) => {
                let logged = model.logged();
                (Some(logged.signed().statement()), logged.salt().copied(), model.lineage())
            }
            (None, Some(refusal)) => (refusal.facts().statement(), refusal.facts().salt, refusal.lineage()),
            (None, None) => (None, None, None),
        };
        let salt = salt.as_ref();
        let mut testimonies = Vec::new();
        for (line, opened) in opened {
            match opened.and_then(|testimony| self.concerning(testimony, about, salt)) {
                Ok(testimony) => testimonies.push(testimony),
                Err(failure) => notes.push(LineNote::new(line, Some(failure))),
            }
        }
        if let (Some(about), Some(pool), Some(_)) = (about, &pool, lineage) {
            let from_evidence = elsewhere(about, pool, &testimonies)
                .filter_map(|one| self.concerning(one.clone(), Some(about), salt).ok());
            testimonies.extend(from_evidence.collect::<Vec<_>>());
        }
        // A line that tells where an ancestor came from has its place in the lineage.
        let is_told = |line: usize| {
            let ancestors = lineage.iter().flat_map(|lineage| lineage.nodes().iter().skip(1));
            let mut places = ancestors.flat_map(|node| node.accounts()).map(|account| account.place());
            places.any(|place| place.file().is_none() && place.line() == line)
        };
        notes.retain(|note| !is_told(note.line()));
        notes.sort_by_key(LineNote::line);
        match (verified, furthest) {
            (Some(model), _) => Ok(model.with_notes(notes).with_testimonies(testimonies)),
            (None, Some(refusal)) => Err(refusal.with_notes(notes).with_testimonies(testimonies)),
            // A bundle file without a line does not parse.
            (None, None) => Err(Failure::BundleMalformed { source: BundleFileError::Empty }.into()),
        }
    }

    fn concerning(
        &self,
        testimony: Testimony,
        about: Option<&Statement>,
        salt: Option<&ModelSalt>,
    ) -> Result<Testimony, Failure> {
        match (about, self.requirements) {
            (Some(about), Some(requirements)) => {
                testimony.concerns(about, salt, requirements).map(|()| testimony)
            }
            // Nothing is known that it could be about.
            _ => Err(Failure::NotProvenance { kind: testimony.statement().kind() }),
        }
    }

    /// Steps 2 to 8 of one line, as far as they need no other.
    fn open(&self, bundle: &Bundle) -> Result<LoggedStatement, Failure> {
        read_provenance(bundle)?;
        LoggedStatement::open(bundle, self.requirements.ok_or(Failure::NoTrust)?, self.expectation)
    }

    /// How many bytes the files have of the largest model that the files may yet turn out to be. A line that cannot pass has no say:
    /// anybody can add one.
    fn signed_bytes(&self, file: &BundleFile) -> Option<u64> {
        let mut most = None;
        for bundle in file.bundles() {
            let Ok(statement) = read_provenance(bundle) else { continue };
            let may_pass = self.open(bundle).map_or_else(
                |failure| {
                    Examination::of(0, bundle, self.requirements, self.expectation, failure)
                        .leaves_contents_open()
                },
                |_| true,
            );
            if may_pass {
                let files = statement.files()?.files();
                most = most.max(Some(files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size()))));
            }
        }
        most
    }

    /// Takes one line through all steps.
    fn conclude<T: Borrow<Tree>, F: FnOnce() -> Result<T, Arc<ScanError>>>(
        &self,
        line: usize,
        bundle: &Bundle,
        beside: &Beside,
        pool: Option<&Pool<'_>>,
        here: &LazyCell<Result<T, Arc<ScanError>>, F>,
    ) -> Result<VerifiedModel, Refusal> {
        let opened = self.open(bundle).and_then(|logged| match (self.requirements, pool) {
            (Some(requirements), Some(pool)) => Ok((logged, requirements, pool)),
            _ => Err(Failure::NoTrust),
        });
        match opened {
            Ok((logged, requirements, pool)) => {
                let about = logged.signed().statement();
                let lineage = Lineage::of(about.tree_digest().digest(), pool, self.expectation.now());
                let own: Vec<&Testimony> =
                    beside.iter().filter_map(|(_, opened)| opened.as_ref().ok()).collect();
                let others: Vec<&Testimony> = elsewhere(about, pool, own.iter().copied()).collect();
                let said = own.iter().chain(&others).copied();
                let concerns = |one: &&Testimony| one.concerns(about, logged.salt(), requirements).is_ok();
                let seen = Seen::of(&logged, said.clone().filter(concerns));
                let standing = Standing::of(&logged, said, &lineage, requirements, self.expectation);
                let (mut judgement, waivers) = (standing.judge(), standing.waivers());
                judgement.refused.extend(seen.fork());
                let stage = self.expectation.stage().or(requirements.stage());
                let (known, against) = {
                    let heard: Vec<&Testimony> = own.iter().chain(&others).copied().collect();
                    let name = about.name();
                    let label = format!("{name}:{}", about.version());
                    let thing = Thing::new(about.tree_digest().digest(), label).under(logged.salt());
                    status::weigh(&thing, pool, &heard, self.expectation.now(), |log, mention, kind| {
                        status::may_sign(requirements, &status::WEIGHTY, name, (log, mention, kind))
                    })
                };
                judgement.refused.extend(against);
                let rules = known.judge(requirements, about.name(), stage);
                judgement.refused.extend(rules.refused);
                judgement.warned.extend(rules.warned);
                let facts = Facts { status: known.clone(), ..logged.facts() };
                let remembered = self.memory.map(|memory| memory.against(&seen, self.expectation));
                judgement.refused.extend(remembered.into_iter().flatten());
                // Files are not hashed for a model that may not be used whatever they are.
                let refused = std::mem::take(&mut judgement.refused);
                if let Some(examination) = Examination::of_standing(line, facts.clone(), refused) {
                    return Err(examination.into_refusal().with_lineage(lineage));
                }
                let opened = match &**here {
                    Ok(tree) => {
                        let basis = Basis::new(requirements.digest(), stage.cloned());
                        let tree = tree.borrow();
                        VerifiedModel::open(&logged, line, basis, tree).map(|model| (model, tree))
                    }
                    Err(source) => Err(Failure::Scan { source: Arc::clone(source) }),
                };
                match opened {
                    Ok((model, tree)) => {
                        let gate = self.gate.and_then(OnceCell::get);
                        let passage = gate::judge(gate, requirements, about.name(), stage, &waivers, tree);
                        judgement.warned.extend(passage.judgement.warned);
                        let model = model.with_warnings(judgement.warned).with_lineage(lineage);
                        let model = model.with_formats(passage.report).with_waived(passage.waived);
                        let model = model.with_status(known);
                        let mut refused = passage.judgement.refused.into_iter();
                        match refused.next() {
                            Some(cause) => Err(model.refused(cause, refused.collect())),
                            None => Ok(model),
                        }
                    }
                    Err(failure) => {
                        let here = (**here).as_ref().ok().map(Borrow::borrow);
                        let examination = Examination::of_contents(line, facts, here, failure);
                        Err(examination.into_refusal().with_lineage(lineage))
                    }
                }
            }
            Err(failure) => {
                let mut examination =
                    Examination::of(line, bundle, self.requirements, self.expectation, failure);
                if examination.leaves_contents_open() {
                    examination.contents(here);
                }
                Err(examination.into_refusal())
            }
        }
    }
}

/// The lines about something that another line was made from. Nobody's signature is checked for that: it decides which refusal is
/// reported, and no verdict.
fn ancestors(judged: &[(usize, &Bundle)]) -> BTreeSet<usize> {
    let read = |bundle: &Bundle| {
        let statement = read_provenance(bundle).ok()?;
        let subject = statement.tree_digest().digest();
        let inputs = statement.inputs().iter().filter_map(|input| input.digest().sha256());
        // What names itself is no ancestor of another.
        let inputs: Vec<_> = inputs.filter(|input| *input != subject).collect();
        Some((subject, inputs))
    };
    let statements: Vec<_> =
        judged.iter().filter_map(|(line, bundle)| Some((*line, read(bundle)?))).collect();
    let named: BTreeSet<_> = statements.iter().flat_map(|(_, (_, inputs))| inputs).collect();
    let is_named =
        |(line, (subject, _)): &(usize, (Sha256Digest, _))| named.contains(subject).then_some(*line);
    statements.iter().filter_map(is_named).collect()
}

/// What the evidence says of the same tree, but for what the bundle file says too.
fn elsewhere<'p, 'o>(
    about: &Statement,
    pool: &'p Pool<'_>,
    own: impl IntoIterator<Item = &'o Testimony>,
) -> impl Iterator<Item = &'p Testimony> {
    let identity = |one: &Testimony| (one.statement().digest(), one.logged().signed().key().key_id());
    let mut known: BTreeSet<_> = own.into_iter().map(identity).collect();
    let lines = pool.about(about.tree_digest().digest());
    lines
        .filter(|line| line.is_testimony() && line.place().file().is_some())
        .filter_map(|line| line.open(pool.requirements()).ok())
        .filter(move |one| known.insert(identity(one)))
}

/// The kind of the line's statement if it is read here and is no provenance.
fn another_kind(bundle: &Bundle) -> Option<StatementKind> {
    match read_provenance(bundle) {
        Err(Failure::NotProvenance { kind }) => Some(kind),
        _ => None,
    }
}
