//! Croissant: see [`super::croissant()`].

use crate::json::Json;
use crate::notes::{Notes, is_hex, member_place};
use crate::{Topic, WarningReason};

/// Prefixes of a property, from the most usual spelling on.
const PREFIXES: [&str; 11] = [
    "",
    "sc:",
    "cr:",
    "dct:",
    "schema:",
    "http://schema.org/",
    "https://schema.org/",
    "http://mlcommons.org/croissant/",
    "https://mlcommons.org/croissant/",
    "http://purl.org/dc/terms/",
    "https://purl.org/dc/terms/",
];
const VERSIONS: [&str; 2] = ["1.0", "1.1"];
/// Properties of the dataset that may be published.
const OF_DATASET: [(&str, &str); 6] = [
    ("version", "version"),
    ("description", "description"),
    ("license", "license"),
    ("published", "datePublished"),
    ("live", "isLiveDataset"),
    ("usage", "usageInfo"),
];
/// Properties that tell of people.
const OF_PEOPLE: [(&str, &str); 3] =
    [("citation", "citeAs"), ("author", "creator"), ("publisher", "publisher")];
/// Terms of RAI 1.0, without `rai:`.
const OF_RAI: [(&str, &str); 20] = [
    ("collection", "dataCollection"),
    ("collection-type", "dataCollectionType"),
    ("collection-missing-data", "dataCollectionMissingData"),
    ("collection-raw-data", "dataCollectionRawData"),
    ("collection-timeframe", "dataCollectionTimeframe"),
    ("imputation", "dataImputationProtocol"),
    ("manipulation", "dataManipulationProtocol"),
    ("preprocessing", "dataPreprocessingProtocol"),
    ("annotation", "dataAnnotationProtocol"),
    ("annotation-platform", "dataAnnotationPlatform"),
    ("annotation-analysis", "dataAnnotationAnalysis"),
    ("annotations-per-item", "annotationsPerItem"),
    ("annotator-demographics", "annotatorDemographics"),
    ("machine-annotation", "machineAnnotationTools"),
    ("maintenance", "dataReleaseMaintenancePlan"),
    ("sensitive", "personalSensitiveInformation"),
    ("social-impact", "dataSocialImpact"),
    ("biases", "dataBiases"),
    ("limitations", "dataLimitations"),
    ("use-cases", "dataUseCases"),
];

/// Notes a dataset.
pub(super) fn note(bytes: &[u8], notes: &mut Notes<'_>) {
    let Some(dataset) = notes.json(bytes) else { return };
    if dataset.object().is_none() || !is_a(&dataset, "Dataset") {
        return notes.warn(WarningReason::Malformed, "", "want one object of type Dataset");
    }
    let Some(version) = version(&dataset, notes) else { return };
    let Some(name) = property(&dataset, "name", "", notes).and_then(Json::scalar) else {
        return notes.warn(WarningReason::Malformed, "name", "a dataset without a name");
    };
    notes.subject(Topic::Data, &name, "").text("name", &name).text("format", format!("Croissant {version}"));
    for (key, term) in OF_DATASET {
        for text in texts(&dataset, term, "", notes) {
            notes.subject(Topic::Data, &name, term).text(key, text);
        }
    }
    for (key, term) in OF_PEOPLE {
        for text in texts(&dataset, term, "", notes) {
            notes.subject(Topic::Data, &name, term).personal().text(key, text);
        }
    }
    for uri in texts(&dataset, "url", "", notes) {
        notes.subject(Topic::Data, &name, "url").location("uri", &uri);
    }
    for (key, term) in OF_RAI {
        let names = [format!("rai:{term}"), format!("http://mlcommons.org/croissant/RAI/{term}")];
        note_extension(&dataset, &names, &name, key, notes);
    }
    let names = ["prov:wasDerivedFrom", "http://www.w3.org/ns/prov#wasDerivedFrom"].map(str::to_owned);
    note_extension(&dataset, &names, &name, "derived-from", notes);
    let is_live = texts(&dataset, "isLiveDataset", "", notes).first().is_some_and(|text| text == "true");
    let distribution = property(&dataset, "distribution", "", notes);
    for (index, resource) in several(distribution).iter().enumerate() {
        note_resource(resource, &name, is_live, &format!("distribution[{index}]"), notes);
    }
}

/// The version of the specification that the dataset says it follows.
fn version(dataset: &Json, notes: &mut Notes<'_>) -> Option<&'static str> {
    let claims = texts(dataset, "conformsTo", "", notes);
    let found = claims.iter().find_map(|claim| {
        let claim = claim.trim_end_matches('/');
        let claim = claim.strip_prefix("http://").or_else(|| claim.strip_prefix("https://"))?;
        let claim = claim.strip_prefix("mlcommons.org/croissant/")?;
        VERSIONS.into_iter().find(|version| *version == claim)
    });
    if found.is_none() {
        notes.warn(WarningReason::UnknownVersion, "conformsTo", "want mlcommons.org/croissant/ 1.0 or 1.1");
    }
    found
}

/// Notes what a vocabulary beside Croissant's own says of the dataset.
fn note_extension(dataset: &Json, names: &[String], about: &str, key: &'static str, notes: &mut Notes<'_>) {
    for name in names {
        for text in said(dataset.get(name), name, notes) {
            notes.subject(Topic::Data, about, name).text(key, text);
        }
    }
}

/// Notes a file or a set of files.
fn note_resource(resource: &Json, dataset: &str, is_live: bool, at: &str, notes: &mut Notes<'_>) {
    let (is_file, is_set) = (is_a(resource, "FileObject"), is_a(resource, "FileSet"));
    if !is_file && !is_set {
        return notes.warn(WarningReason::Malformed, at, "neither a FileObject nor a FileSet");
    }
    let id = resource.get("@id").or_else(|| property(resource, "name", at, notes)).and_then(Json::scalar);
    let Some(id) = id else {
        return notes.warn(WarningReason::Malformed, at, "a resource without an @id");
    };
    let about = format!("{dataset}/{id}");
    for uri in texts(resource, "contentUrl", at, notes) {
        notes.subject(Topic::Data, &about, at).location("uri", &uri);
    }
    let containers = texts(resource, "containedIn", at, notes);
    if is_file {
        note_checksum(resource, &about, is_live || !containers.is_empty(), at, notes);
    }
    for container in containers {
        notes.subject(Topic::Data, &about, at).text("contained-in", container);
    }
    let terms = [
        ("size", "contentSize"),
        ("media-type", "encodingFormat"),
        ("includes", "includes"),
        ("excludes", "excludes"),
    ];
    for (key, term) in terms {
        for text in texts(resource, term, at, notes) {
            notes.subject(Topic::Data, &about, at).text(key, text);
        }
    }
}

fn note_checksum(resource: &Json, about: &str, may_lack: bool, at: &str, notes: &mut Notes<'_>) {
    let sha256 = texts(resource, "sha256", at, notes);
    let md5 = texts(resource, "md5", at, notes);
    if sha256.is_empty() && md5.is_empty() && !may_lack {
        notes.warn(WarningReason::WeakDigest, at, "a file without a checksum");
    }
    for (algorithm, digits, texts) in [("sha256", 64, sha256), ("md5", 32, md5)] {
        for text in texts {
            let hex = text.to_ascii_lowercase();
            if is_hex(&hex, digits) {
                notes.subject(Topic::Data, about, at).digest("digest", algorithm, &hex);
            } else {
                let text = format!("{} characters, want {digits} hex digits", text.chars().count());
                notes.warn(WarningReason::WeakDigest, &member_place(at, algorithm), text);
            }
        }
    }
}

/// Whether a thing is of a type of schema.org or Croissant.
fn is_a(thing: &Json, name: &str) -> bool {
    let types = several(thing.get("@type"));
    types
        .iter()
        .filter_map(Json::text)
        .any(|text| PREFIXES.iter().any(|prefix| text.strip_prefix(prefix) == Some(name)))
}

/// One property, in whichever way its name is spelled; two ways at once are a warning.
fn property<'j>(thing: &'j Json, term: &str, at: &str, notes: &mut Notes<'_>) -> Option<&'j Json> {
    let mut found = PREFIXES.iter().filter_map(|prefix| thing.get(&format!("{prefix}{term}")));
    let first = found.next();
    if found.next().is_some() {
        notes.warn(WarningReason::Disagreement, &member_place(at, term), "spelled in two ways");
    }
    first
}

/// What a property says, as texts.
fn texts(thing: &Json, term: &str, at: &str, notes: &mut Notes<'_>) -> Vec<String> {
    let value = property(thing, term, at, notes);
    said(value, &member_place(at, term), notes)
}

/// A text, a number, a thing by its value, address, id or name; or several of these.
fn said(value: Option<&Json>, at: &str, notes: &mut Notes<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    for value in several(value) {
        let names = ["@value", "url", "sc:url", "@id", "name", "sc:name"];
        let by_name = || names.iter().find_map(|name| value.get(name)?.scalar());
        match value.scalar().or_else(by_name) {
            Some(text) => texts.push(text),
            None if *value == Json::Null => {}
            None => notes.warn(WarningReason::NotRead, at, "a value without a text, an address or a name"),
        }
    }
    texts
}

/// A value, or the several in an array.
fn several(value: Option<&Json>) -> &[Json] {
    match value {
        None => &[],
        Some(Json::Array(values)) => values,
        Some(value) => std::slice::from_ref(value),
    }
}
