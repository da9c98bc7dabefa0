//! Documents about a model or its data: model cards, datasheets, Croissant metadata. Each is hashed, and what a machine can read of it
//! is lifted.
//!
//! | Document | Source of the format | What is lifted |
//! |---|---|---|
//! | model card | Mitchell et al., 2019; as the Hugging Face hub has it | the YAML at its head, see [`crate::hugging_face`] |
//! | datasheet | Gebru et al., "Datasheets for Datasets", 2021 | which of its seven sections are there |
//! | Croissant | MLCommons Croissant 1.0 and 1.1, RAI 1.0 | see [`croissant()`] |
//!
//! | Topic, about | Key | From |
//! |---|---|---|
//! | document: file | `digest`, `kind` | the bytes, observed |
//! | document: file | `section`, `missing-section` | headings of a datasheet, declared |
//! | data: name | `name`, `version`, `description`, `license`, `uri`, `published`, `format`, `live`, `derived-from`, `usage` | Croissant, declared |
//! | data: name | `citation`, `author`, `publisher` | Croissant, declared, personal |
//! | data: name | `collection`, `biases`, `limitations`, `sensitive`, ... | Croissant: `rai:`, declared, see [`croissant()`] |
//! | data: `name/file` | `digest`, `uri`, `size`, `media-type`, `contained-in`, `includes`, `excludes` | Croissant: `distribution`, declared |
//!
//! Bounds: 16 MiB a document. In scope: files that the caller names. Out of scope: whether a document is true, or good; other
//! documents that it links to.

mod croissant;
mod datasheet;

use std::path::Path;

use attest::provenance::Source;

use crate::folder::read_at;
use crate::notes::Notes;
use crate::reading::MAX_TEXT_FILE_BYTES;
use crate::{Collected, Topic, WarningReason, hugging_face};

/// What this source is called.
const SOURCE: &str = "documents";

/// What kind of document a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DocumentKind {
    /// Metadata of a dataset, for machines.
    Croissant,
    /// Questions about a dataset and their answers, for people.
    Datasheet,
    /// About a model.
    ModelCard,
}

impl DocumentKind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Croissant => "croissant",
            Self::Datasheet => "datasheet",
            Self::ModelCard => "model-card",
        }
    }
}

/// Reads the document at `path`. It may be a link: the caller named it.
#[must_use]
pub fn read(path: &Path, kind: DocumentKind) -> Collected {
    let mut collected = Collected::new(SOURCE);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        collected.warn(WarningReason::Malformed, SOURCE, "a path that does not end with a name in UTF-8");
        return collected;
    };
    // Past a link, so that the bounded reading, which follows none, reads its end.
    let end = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(bytes) = read_at(&end, name, MAX_TEXT_FILE_BYTES, &mut collected) {
        let digest = collected.files().last().map(|file| file.sha256().to_string()).unwrap_or_default();
        let mut notes = Notes::new(&mut collected, name, Source::Observed);
        notes
            .subject(Topic::Document, name, "")
            .text("kind", kind.as_str())
            .digest("digest", "sha256", &digest);
        collected.absorb(match kind {
            DocumentKind::Croissant => croissant(&bytes, name),
            DocumentKind::Datasheet => datasheet(&bytes, name),
            DocumentKind::ModelCard => hugging_face::card(&bytes, name),
        });
    }
    collected
}

/// Reads a datasheet called `name`: any text with headings.
#[must_use]
pub fn datasheet(bytes: &[u8], name: &str) -> Collected {
    let mut collected = Collected::new(SOURCE);
    datasheet::note(bytes, name, &mut Notes::new(&mut collected, name, Source::Declared));
    collected
}

/// Reads Croissant metadata called `name`.
///
/// ```json
/// {"@context": {"@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/"},
///  "@type": "sc:Dataset", "name": "calls", "conformsTo": "http://mlcommons.org/croissant/1.1",
///  "license": "https://creativecommons.org/licenses/by/4.0/", "citeAs": "...", "rai:dataBiases": "...",
///  "distribution": [
///   {"@type": "cr:FileObject", "@id": "calls.zip", "contentUrl": "https://example.org/calls.zip", "sha256": "6f1c..."},
///   {"@type": "cr:FileSet", "@id": "tables", "containedIn": {"@id": "calls.zip"}, "includes": "*.csv"}]}
/// ```
///
/// It is JSON-LD, in which one thing can be said in many ways. Read are the ways that the specification and its tools use: a
/// property by its name, with `sc:`, `cr:`, `dct:`, `rai:` or `prov:` before it, or by its full IRI. Nothing is expanded, and no context is fetched.
/// A `sha256` of other than 64 hex digits, as in examples of the specification itself, is [`WarningReason::WeakDigest`], and so is a
/// file without any checksum that is neither live nor inside of another one. Records and fields are not read.
#[must_use]
pub fn croissant(bytes: &[u8], name: &str) -> Collected {
    let mut collected = Collected::new(SOURCE);
    croissant::note(bytes, &mut Notes::new(&mut collected, name, Source::Declared));
    collected
}

#[cfg(test)]
mod tests;
