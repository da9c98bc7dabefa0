//! What a run used and what it gave: datasets, models, code, under W&B's names.

use crate::excerpt::excerpt;
use crate::imported::{About, Imported};
use crate::wandb::wire::{Message, WireError};
use crate::{Topic, WarningReason};

/// Most addresses of one artifact that become facts.
const MAX_ADDRESSES: usize = 100;

/// Whether the run read an artifact or wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Used,
    Logged,
}

impl Direction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Logged => "logged",
        }
    }
}

/// An artifact of a run.
#[derive(Debug)]
pub(super) struct Artifact {
    direction: Direction,
    name: String,
    kind: String,
    digest: String,
    aliases: Vec<String>,
    contents: Option<Contents>,
    at: String,
}

/// What a manifest lists.
#[derive(Debug, Default)]
struct Contents {
    files: u64,
    bytes: u64,
    /// Of entries that lie elsewhere, at most [`MAX_ADDRESSES`].
    addresses: Vec<String>,
    more_addresses: bool,
    /// An entry whose digest is its own address.
    undigested: Option<String>,
}

impl Artifact {
    /// Reads `ArtifactRecord`: `type` 4, `name` 5, `digest` 6, `aliases` 11, `manifest` 12.
    pub(super) fn logged(record: Message<'_>, at: &str) -> Result<Self, WireError> {
        let text = |number| Ok(record.text(number)?.unwrap_or_default().to_owned());
        Ok(Self {
            direction: Direction::Logged,
            kind: text(4)?,
            name: text(5)?,
            digest: text(6)?,
            aliases: record.texts(11)?.into_iter().map(str::to_owned).collect(),
            contents: record.message(12)?.map(Contents::from_message).transpose()?.flatten(),
            at: at.to_owned(),
        })
    }

    /// Reads `UseArtifactRecord`: `type` 2, `name` 3. It has no digest; the name ends in a version.
    pub(super) fn used(record: Message<'_>, at: &str) -> Result<Self, WireError> {
        let text = |number| Ok(record.text(number)?.unwrap_or_default().to_owned());
        Ok(Self {
            direction: Direction::Used,
            kind: text(2)?,
            name: text(3)?,
            digest: String::new(),
            aliases: Vec::new(),
            contents: None,
            at: at.to_owned(),
        })
    }

    pub(super) fn state(&self, out: &mut Imported) {
        let about = About { topic: self.topic(), name: &self.name, at: &self.at };
        if !self.digest.is_empty() {
            out.weak_digest(
                about,
                &self.digest,
                "is MD5 over a list of paths and MD5s: it stands for no bytes",
            );
        }
        out.text(about, "artifact-type", &self.kind);
        out.text(about, "direction", self.direction.as_str());
        for alias in &self.aliases {
            out.text(about, "alias", alias);
        }
        if let Some(contents) = &self.contents {
            contents.state(about, out);
        }
    }

    fn topic(&self) -> Topic {
        match (self.kind.as_str(), self.direction) {
            ("dataset", _) => Topic::Data,
            ("model", Direction::Logged) => Topic::Identity,
            ("model", Direction::Used) => Topic::BaseModel,
            ("code", _) => Topic::Code,
            _ => Topic::Run,
        }
    }
}

impl Contents {
    /// Reads `ArtifactManifest`: `contents` 4, each with `path` 1, `digest` 2, `ref` 3, `size` 4; `None` if the list is kept in a
    /// file elsewhere, `manifest_file_path` 5.
    fn from_message(manifest: Message<'_>) -> Result<Option<Self>, WireError> {
        if manifest.text(5)?.is_some_and(|path| !path.is_empty()) {
            return Ok(None);
        }
        let mut contents = Self::default();
        for entry in manifest.messages(4) {
            let entry = entry?;
            contents.files = contents.files.saturating_add(1);
            contents.bytes = contents.bytes.saturating_add(entry.number(4)?.unwrap_or_default());
            let Some(address) = entry.text(3)?.filter(|address| !address.is_empty()) else {
                continue;
            };
            if contents.addresses.len() < MAX_ADDRESSES {
                contents.addresses.push(address.to_owned());
            } else {
                contents.more_addresses = true;
            }
            if entry.text(2)? == Some(address) && contents.undigested.is_none() {
                contents.undigested = Some(entry.text(1)?.unwrap_or_default().to_owned());
            }
        }
        Ok(Some(contents))
    }

    fn state(&self, about: About<'_>, out: &mut Imported) {
        out.text(about, "files", &self.files.to_string());
        out.text(about, "bytes", &self.bytes.to_string());
        for address in &self.addresses {
            out.address(about, "uri", address);
        }
        if self.more_addresses {
            let text = format!("more than {MAX_ADDRESSES} addresses in {:?}", excerpt(about.name));
            out.warn(WarningReason::TooLarge, about.at, &text);
        }
        if let Some(path) = &self.undigested {
            let text = format!(
                "{:?} in {:?} was logged without a checksum: its address stands for its digest",
                excerpt(path),
                excerpt(about.name)
            );
            out.warn(WarningReason::WeakDigest, about.at, &text);
        }
    }
}
