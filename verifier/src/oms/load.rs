//! What is asked about a model and its OMS bundle on this disk.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use attest::bundle::{ModelShape, bundle_path_for};
use attest::oms::MAX_BUNDLE_BYTES;
use attest::scan::{Progress, ScanOptions};
use attest::utc_time::UtcTime;

use super::anchor::{Anchor, AnchorError, MAX_ANCHOR_BYTES};
use super::failure::OmsFailure;
use super::{Belief, OmsFacts, OmsRefusal, VerifiedOmsModel, judge};
use crate::load::{lies_inside, read_bounded};

/// Name of the bundle in a model's directory, as other tools have it.
pub const SIGNATURE_NAME: &str = "model.sig";

/// Where the bundle of a model lies if nobody says: `model.sig` in its directory, or for a single file
/// `NAME.model.sig` beside it.
#[must_use]
pub fn signature_path_for(model: &Path) -> PathBuf {
    if model.is_file() {
        let mut name = model.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(SIGNATURE_NAME);
        model.with_file_name(name)
    } else {
        model.join(SIGNATURE_NAME)
    }
}

/// The time of this machine's clock, for certificates; a clock before 1970 or after 9999 is taken for 1970, when no
/// certificate is valid.
#[must_use]
pub fn now() -> UtcTime {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UtcTime::from_unix_seconds(since_1970.as_secs()).unwrap_or(UtcTime::EPOCH)
}

/// The file of what the caller believes.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the two methods that can be decided here")]
pub enum AnchorPath {
    /// Of certificates.
    Authorities(PathBuf),
    /// Of a public key.
    Key(PathBuf),
}

impl AnchorPath {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Authorities(path) | Self::Key(path) => path,
        }
    }
}

/// What to verify on this disk, against what.
#[derive(Clone, Debug)]
pub struct OmsRequest {
    model: PathBuf,
    bundle: Option<PathBuf>,
    anchor: Option<AnchorPath>,
    at: UtcTime,
    threads: Option<NonZeroUsize>,
}

/// The answer to an [`OmsRequest`], with the paths that were looked at.
#[derive(Debug)]
pub struct OmsVerdict {
    model: PathBuf,
    bundle: PathBuf,
    anchor: Option<AnchorPath>,
    at: UtcTime,
    result: Result<VerifiedOmsModel, OmsRefusal>,
}

impl OmsRequest {
    /// Asks about the model at that path, with certificates judged at that time, without an anchor.
    #[must_use]
    pub fn new(model: impl Into<PathBuf>, at: UtcTime) -> Self {
        Self { model: model.into(), bundle: None, anchor: None, at, threads: None }
    }

    /// Reads the bundle from that file, and not from the one that belongs to the model.
    #[must_use]
    pub fn bundle(mut self, path: Option<PathBuf>) -> Self {
        self.bundle = path;
        self
    }

    /// Believes what is in that file.
    #[must_use]
    pub fn anchor(mut self, path: Option<AnchorPath>) -> Self {
        self.anchor = path;
        self
    }

    /// Hashes with this many threads; one per core otherwise.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Reads what is needed and verifies. Files of the model are hashed last, and only if all else holds.
    #[must_use]
    pub fn verify(&self, progress: Progress<'_>) -> OmsVerdict {
        let bundle = self.bundle.clone().unwrap_or_else(|| signature_path_for(&self.model));
        let result = match self.read(&bundle) {
            Ok((bytes, anchor)) => {
                let belief = Belief { anchor: anchor.as_ref(), at: self.at };
                judge(
                    &bytes,
                    belief,
                    &self.model,
                    &bundle,
                    (&ScanOptions::new().threads(self.threads), progress),
                )
            }
            Err(failure) => {
                let mut facts = OmsFacts::nothing();
                facts.outcomes.fail(failure.reason().step());
                Err(OmsRefusal { failure, facts: Box::new(facts) })
            }
        };
        OmsVerdict { model: self.model.clone(), bundle, anchor: self.anchor.clone(), at: self.at, result }
    }

    fn read(&self, bundle: &Path) -> Result<(Vec<u8>, Option<Anchor>), OmsFailure> {
        if let Err(source) = self.model.metadata() {
            return Err(OmsFailure::ModelUnreadable { path: self.model.clone(), source });
        }
        let anchor = self.anchor.as_ref().map(|anchor| read_anchor(anchor, &self.model)).transpose()?;
        let bytes = read_bounded(bundle, MAX_BUNDLE_BYTES as u64).map_err(|source| {
            let path = bundle.to_owned();
            match source.kind() {
                io::ErrorKind::NotFound => {
                    let has_own = own_bundle_of(&self.model).is_file();
                    OmsFailure::BundleMissing { path, has_own }
                }
                _ => OmsFailure::BundleUnreadable { path, source },
            }
        })?;
        Ok((bytes, anchor))
    }
}

/// Where the bundle file of our own format lies.
fn own_bundle_of(model: &Path) -> PathBuf {
    let shape = if model.is_file() { ModelShape::SingleFile } else { ModelShape::Directory };
    bundle_path_for(model, shape)
}

fn read_anchor(anchor: &AnchorPath, model: &Path) -> Result<Anchor, OmsFailure> {
    let path = anchor.path();
    let unreadable = |source| OmsFailure::AnchorUnreadable { path: path.to_owned(), source };
    if lies_inside(path, model).map_err(unreadable)? {
        return Err(OmsFailure::AnchorInsideModel { anchor: path.to_owned(), model: model.to_owned() });
    }
    let bytes = read_bounded(path, MAX_ANCHOR_BYTES as u64).map_err(unreadable)?;
    let malformed = |source: AnchorError| OmsFailure::AnchorMalformed { path: path.to_owned(), source };
    match anchor {
        AnchorPath::Authorities(_) => Anchor::authorities(&bytes).map_err(malformed),
        AnchorPath::Key(_) => Anchor::key(&bytes).map_err(malformed),
    }
}

impl OmsVerdict {
    /// The model's path, as it was given.
    #[must_use]
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// The bundle's path.
    #[must_use]
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The file of what the caller believes, if there is one.
    #[must_use]
    pub const fn anchor(&self) -> Option<&AnchorPath> {
        self.anchor.as_ref()
    }

    /// The time at which certificates were judged.
    #[must_use]
    pub const fn at(&self) -> UtcTime {
        self.at
    }

    /// The verified model, or why there is none.
    ///
    /// # Errors
    ///
    /// The [`OmsRefusal`], which has the reason.
    pub const fn result(&self) -> Result<&VerifiedOmsModel, &OmsRefusal> {
        self.result.as_ref()
    }

    /// 0 if the model is verified, otherwise the exit code of the refusal's class.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.result.as_ref().err().map_or(0, |refusal| refusal.failure().reason().exit_code())
    }
}
