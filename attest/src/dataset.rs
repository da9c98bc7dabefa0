//! A dataset, `dataset/v1`: how large it is, where it came from, what is known of it.
//!
//! Follows spec/dataset.md. In scope: the predicate, read strictly and written in one way. Out of scope: the subject around
//! it, which is the dataset's tree digest ([`crate::statement`]), and the list of its files, which is a file of its own and
//! is named here by its digest.
//!
//! ```json
//! {"form":"model-tree/v1","files":48213,"bytes":"912345678901",
//!  "manifest":{"mediaType":"application/vnd.tallymark.manifest.v1+zstd","digest":{"sha256":"71fa..."},"bytes":"2097152"},
//!  "sources":[{"uri":"s3://company-data/v4","retrievedAt":"2026-11-20T07:00:00Z"}],
//!  "personalData":"present","collection":{"start":"2024-01-01","end":"2026-10-31"},"licences":["CC-BY-4.0"]}
//! ```

mod document;
mod error;
mod read;
mod source;
mod write;

use crate::digest::Sha256Digest;
use crate::provenance::{Extent, Input, refuse_duplicates, sort_inputs};
use crate::role::Role;
use crate::utc_time::UtcDate;

pub use document::Document;
pub use error::DatasetError;
pub use source::DataSource;

/// Most sources of one dataset.
pub const MAX_SOURCES: usize = 256;

/// Most licences of one dataset.
pub const MAX_LICENCES: usize = 64;

/// Longest licence, version or media type, in bytes.
pub const MAX_WORD_BYTES: usize = 256;

/// Whether a dataset holds data about people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the predicate's version")]
pub enum PersonalData {
    /// Somebody looked, and there is none.
    None,
    /// There may be.
    Possible,
    /// There is.
    Present,
    /// Nobody says.
    Unknown,
}

impl PersonalData {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Possible, Self::Present, Self::Unknown];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
            Self::Present => "present",
            Self::Unknown => "unknown",
        }
    }

    /// The answer of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == name)
    }
}

impl core::fmt::Display for PersonalData {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a dataset, beyond its tree digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    extent: Extent,
    by_content: Option<Sha256Digest>,
    manifest: Option<Document>,
    sources: Vec<DataSource>,
    derived_from: Vec<Input>,
    transform: Option<Sha256Digest>,
    personal_data: PersonalData,
    collection: Option<(UtcDate, UtcDate)>,
    datasheet: Option<Document>,
    croissant: Option<Document>,
    licences: Vec<String>,
}

impl Dataset {
    /// A dataset of that size.
    #[must_use]
    pub const fn new(extent: Extent, personal_data: PersonalData) -> Self {
        Self {
            extent,
            by_content: None,
            manifest: None,
            sources: Vec::new(),
            derived_from: Vec::new(),
            transform: None,
            personal_data,
            collection: None,
            datasheet: None,
            croissant: None,
            licences: Vec::new(),
        }
    }

    /// Adds the digest of the tree of its contents, by which content can be shown to be absent.
    #[must_use]
    pub fn with_by_content(self, digest: Sha256Digest) -> Self {
        Self { by_content: Some(digest), ..self }
    }

    /// Adds the list of its files.
    #[must_use]
    pub fn with_manifest(self, manifest: Document) -> Self {
        Self { manifest: Some(manifest), ..self }
    }

    /// Adds where it came from, sorted and once each.
    ///
    /// # Errors
    /// [`DatasetError::TooManySources`].
    pub fn with_sources(self, mut sources: Vec<DataSource>) -> Result<Self, DatasetError> {
        sources.sort();
        sources.dedup();
        if sources.len() > MAX_SOURCES {
            return Err(DatasetError::TooManySources { seen: sources.len() });
        }
        Ok(Self { sources, ..self })
    }

    /// Adds the datasets it was made from, sorted.
    ///
    /// # Errors
    /// [`DatasetError::ParentRole`] for an input of another role, [`DatasetError::Parents`] for what a provenance refuses too.
    pub fn with_derived_from(self, parents: Vec<Input>) -> Result<Self, DatasetError> {
        if let Some(other) = parents.iter().find(|parent| parent.role() != Role::Dataset) {
            return Err(DatasetError::ParentRole { role: other.role() });
        }
        let derived_from = sort_inputs(parents);
        refuse_duplicates(&derived_from)?;
        Ok(Self { derived_from, ..self })
    }

    /// Adds the statement digest of the provenance that says how it was made.
    #[must_use]
    pub fn with_transform(self, statement: Sha256Digest) -> Self {
        Self { transform: Some(statement), ..self }
    }

    /// Adds when its data were collected: first and last day.
    ///
    /// # Errors
    /// [`DatasetError::EndBeforeStart`].
    pub fn with_collection(self, start: UtcDate, end: UtcDate) -> Result<Self, DatasetError> {
        if end < start {
            return Err(DatasetError::EndBeforeStart);
        }
        Ok(Self { collection: Some((start, end)), ..self })
    }

    /// Adds its datasheet.
    #[must_use]
    pub fn with_datasheet(self, datasheet: Document) -> Self {
        Self { datasheet: Some(datasheet), ..self }
    }

    /// Adds its Croissant metadata.
    #[must_use]
    pub fn with_croissant(self, croissant: Document) -> Self {
        Self { croissant: Some(croissant), ..self }
    }

    /// Adds under which licences it is given, sorted and once each.
    ///
    /// # Errors
    /// [`DatasetError::BadWord`], [`DatasetError::TooManyLicences`].
    pub fn with_licences(self, mut licences: Vec<String>) -> Result<Self, DatasetError> {
        licences.sort();
        licences.dedup();
        if licences.len() > MAX_LICENCES {
            return Err(DatasetError::TooManyLicences { seen: licences.len() });
        }
        licences.iter().try_for_each(|licence| refuse_word("licence", licence))?;
        Ok(Self { licences, ..self })
    }

    /// How large it is.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// Digest of the tree of its contents.
    #[must_use]
    pub const fn by_content(&self) -> Option<Sha256Digest> {
        self.by_content
    }

    /// The list of its files.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Document> {
        self.manifest.as_ref()
    }

    /// Where it came from, sorted.
    #[must_use]
    pub fn sources(&self) -> &[DataSource] {
        &self.sources
    }

    /// The datasets it was made from, sorted by name.
    #[must_use]
    pub fn derived_from(&self) -> &[Input] {
        &self.derived_from
    }

    /// Statement digest of the provenance that says how it was made.
    #[must_use]
    pub const fn transform(&self) -> Option<Sha256Digest> {
        self.transform
    }

    /// Whether it holds data about people.
    #[must_use]
    pub const fn personal_data(&self) -> PersonalData {
        self.personal_data
    }

    /// First and last day of the collection.
    #[must_use]
    pub const fn collection(&self) -> Option<(UtcDate, UtcDate)> {
        self.collection
    }

    /// Its datasheet.
    #[must_use]
    pub const fn datasheet(&self) -> Option<&Document> {
        self.datasheet.as_ref()
    }

    /// Its Croissant metadata.
    #[must_use]
    pub const fn croissant(&self) -> Option<&Document> {
        self.croissant.as_ref()
    }

    /// Under which licences it is given, sorted.
    #[must_use]
    pub fn licences(&self) -> &[String] {
        &self.licences
    }
}

/// Refuses a word that is empty, longer than [`MAX_WORD_BYTES`], or could not be shown.
fn refuse_word(what: &'static str, word: &str) -> Result<(), DatasetError> {
    if word.is_empty() || word.len() > MAX_WORD_BYTES || word.chars().any(char::is_control) {
        return Err(DatasetError::BadWord { what, text: crate::excerpt::excerpt(word) });
    }
    Ok(())
}
