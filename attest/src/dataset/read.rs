//! The predicate, taken apart strictly. Unknown members are refused.

use crate::decimal::parse_decimal;
use crate::digest::Sha256Digest;
use crate::excerpt::excerpt;
use crate::form::Form;
use crate::json::{Fields, Located};
use crate::provenance::{Extent, Input, inputs_ascend};
use crate::utc_time::UtcDate;

use super::{DataSource, Dataset, DatasetError, Document, PersonalData};

impl Dataset {
    /// Reads a predicate of type `dataset/v1`.
    pub(crate) fn read(predicate: &Located<'_>) -> Result<Self, DatasetError> {
        let fields = predicate.closed_object(&[
            "form",
            "files",
            "bytes",
            "byContent",
            "manifest",
            "sources",
            "derivedFrom",
            "transform",
            "personalData",
            "collection",
            "datasheet",
            "croissant",
            "licences",
        ])?;
        let form = |seen: &str| (seen == Form::ModelTree.as_str()).then_some(());
        fields.required("form")?.word(form, |_, seen| DatasetError::UnknownForm { seen })?;
        let extent = Extent::claimed(fields.required("files")?.unsigned()?, read_bytes(&fields)?);
        let personal_data = fields
            .required("personalData")?
            .word(PersonalData::from_name, |_, seen| DatasetError::UnknownPersonalData { seen })?;
        let mut dataset = Self::new(extent, personal_data);
        dataset.by_content = fields.optional("byContent").map(|digest| read_sha256(&digest)).transpose()?;
        let document = |key| fields.optional(key).map(|document| read_document(&document)).transpose();
        dataset.manifest = document("manifest")?;
        dataset.datasheet = document("datasheet")?;
        dataset.croissant = document("croissant")?;
        dataset.transform = fields.optional("transform").map(|digest| read_named(&digest)).transpose()?;
        if let Some(sources) = fields.optional("sources") {
            let sources = sources.array()?.iter().map(read_source).collect::<Result<Vec<_>, _>>()?;
            refuse_unsorted("sources", sources.is_empty(), sources.is_sorted_by(|a, b| a < b))?;
            dataset = dataset.with_sources(sources)?;
        }
        if let Some(parents) = fields.optional("derivedFrom") {
            let parents = parents.array()?.iter().map(Input::read).collect::<Result<Vec<_>, _>>()?;
            refuse_unsorted("parents", parents.is_empty(), inputs_ascend(&parents))?;
            dataset = dataset.with_derived_from(parents)?;
        }
        if let Some(licences) = fields.optional("licences") {
            let licences = licences.array()?;
            let licences = licences
                .iter()
                .map(|licence| licence.string().map(str::to_owned))
                .collect::<Result<Vec<_>, _>>()?;
            refuse_unsorted("licences", licences.is_empty(), licences.is_sorted_by(|a, b| a < b))?;
            dataset = dataset.with_licences(licences)?;
        }
        match fields.optional("collection") {
            None => Ok(dataset),
            Some(collection) => {
                let collection = collection.closed_object(&["start", "end"])?;
                let day = |key| read_date(&collection.required(key)?);
                dataset.with_collection(day("start")?, day("end")?)
            }
        }
    }
}

fn refuse_unsorted(what: &'static str, is_empty: bool, ascends: bool) -> Result<(), DatasetError> {
    if is_empty || !ascends { Err(DatasetError::Unsorted { what }) } else { Ok(()) }
}

fn read_document(document: &Located<'_>) -> Result<Document, DatasetError> {
    let fields = document.closed_object(&["mediaType", "digest", "bytes"])?;
    let media_type = fields.required("mediaType")?.string()?.to_owned();
    Document::new(media_type, read_sha256(&fields.required("digest")?)?, read_bytes(&fields)?)
}

fn read_source(source: &Located<'_>) -> Result<DataSource, DatasetError> {
    let fields = source.closed_object(&["uri", "version", "retrievedAt", "licence", "digest"])?;
    let uri = fields.required("uri")?.parsed(|path, source| DatasetError::BadUri { path, source })?;
    let mut source = DataSource::new(uri);
    if let Some(version) = fields.optional("version") {
        source = source.with_version(version.string()?.to_owned())?;
    }
    if let Some(time) = fields.optional("retrievedAt") {
        let time = time.parsed(|path, source| DatasetError::BadTime { path, source })?;
        source = source.with_retrieved_at(time);
    }
    if let Some(licence) = fields.optional("licence") {
        source = source.with_licence(licence.string()?.to_owned())?;
    }
    match fields.optional("digest") {
        Some(digest) => Ok(source.with_digest(read_sha256(&digest)?)),
        None => Ok(source),
    }
}

fn read_date(date: &Located<'_>) -> Result<UtcDate, DatasetError> {
    date.parsed(|path, source| DatasetError::BadDate { path, source })
}

fn read_sha256(digests: &Located<'_>) -> Result<Sha256Digest, DatasetError> {
    let sha256 = digests.closed_object(&["sha256"])?.required("sha256")?;
    sha256.parsed(|path, source| DatasetError::BadDigest { path, source })
}

fn read_named(digest: &Located<'_>) -> Result<Sha256Digest, DatasetError> {
    digest.parsed_by(Sha256Digest::from_named, |path, source| DatasetError::BadDigest { path, source })
}

fn read_bytes(fields: &Fields<'_>) -> Result<u64, DatasetError> {
    let bytes = fields.required("bytes")?;
    let seen = bytes.string()?;
    parse_decimal(seen)
        .ok_or_else(|| DatasetError::BadDecimal { path: bytes.path().clone(), seen: excerpt(seen) })
}
