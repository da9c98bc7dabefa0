//! What a `.dvc` file and `dvc.lock` say, read once and used for facts and for targets.

use super::entry::{Entry, LineEnds, Place, Role, entries, warn_of_weak};
use crate::folder::{join, split};
use crate::json::Json;
use crate::notes::{Notes, flat, member_place};
use crate::{Privacy, Topic, WarningReason};

/// The only schema of `dvc.lock` that is known here.
const LOCK_SCHEMA: &str = "2.0";
/// Where DVC looks for parameters unless told otherwise; only those of other files carry the file's name.
const PARAMETER_FILE: &str = "params.yaml";
/// Ends of names of files that are programs. DVC does not tell code from data; a bill of materials must.
const CODE_SUFFIXES: [&str; 14] =
    [".py", ".ipynb", ".sh", ".r", ".R", ".jl", ".rs", ".go", ".c", ".cc", ".cpp", ".java", ".scala", ".sql"];

/// A stage that was run, from `dvc.lock`; or the one stage without a name that a `.dvc` file is.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Empty in a `.dvc` file.
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
    at: String,
    object: Json,
}

/// The one stage of a `.dvc` file called `name`.
pub(super) fn dot_dvc(document: &Json, name: &str, notes: &mut Notes<'_>) -> Option<Stage> {
    if document.object().is_none() {
        notes.warn(WarningReason::Malformed, "", "want an object with outs");
        return None;
    }
    let directory = working_directory(split(name).0, document, "", notes)?;
    let mut found = entries(document.get("outs"), Role::Output, &directory, "outs", notes);
    if found.is_empty() && document.get("outs").is_none() {
        notes.warn(WarningReason::Malformed, "", "no outs");
    }
    // The source of an import is of another repository, where paths of this one mean nothing.
    let dependencies: Vec<Json> = notes
        .elements(document.get("deps"), "deps")
        .iter()
        .filter(|dep| dep.get("repo").is_none())
        .cloned()
        .collect();
    found.extend(entries(Some(&Json::Array(dependencies)), Role::Input, &directory, "deps", notes));
    warn_of_weak(found.iter(), notes);
    Some(Stage { name: String::new(), entries: found, at: String::new(), object: document.clone() })
}

/// The stages of a `dvc.lock` that lies in `directory`; none if it cannot be read. `working` gives what `dvc.yaml` says of a stage's `wdir`.
pub(super) fn lock<'w>(
    document: &Json,
    directory: &str,
    working: impl Fn(&str) -> Option<&'w Json>,
    notes: &mut Notes<'_>,
) -> Option<Vec<Stage>> {
    let schema = document.get("schema").and_then(Json::scalar);
    match (schema.as_deref(), document) {
        (Some(LOCK_SCHEMA), _) => {}
        // An empty lock is one of no stage.
        (None, Json::Null) => return Some(Vec::new()),
        (None, Json::Object(members)) if members.is_empty() => return Some(Vec::new()),
        (None, Json::Object(_)) => {
            notes.warn(WarningReason::UnknownVersion, "", "no schema, as DVC 1 wrote it");
            return None;
        }
        (None, _) => {
            notes.warn(WarningReason::Malformed, "", "want an object with schema and stages");
            return None;
        }
        (Some(_), _) => {
            notes.warn(WarningReason::UnknownVersion, "schema", format!("want schema {LOCK_SCHEMA}"));
            return None;
        }
    }
    let mut stages = Vec::new();
    for (name, object) in notes.members(document.get("stages"), "stages") {
        let at = member_place("stages", name);
        let nothing = Json::Null;
        let definition = working(name).unwrap_or(&nothing);
        let Some(directory) = working_directory(directory, definition, &at, notes) else {
            continue;
        };
        let (deps_at, outs_at) = (member_place(&at, "deps"), member_place(&at, "outs"));
        let mut found = entries(object.get("deps"), Role::Input, &directory, &deps_at, notes);
        found.extend(entries(object.get("outs"), Role::Output, &directory, &outs_at, notes));
        stages.push(Stage { name: name.clone(), entries: found, at, object: object.clone() });
    }
    warn_of_weak(stages.iter().flat_map(|stage: &Stage| &stage.entries), notes);
    Some(stages)
}

/// What `wdir` makes of the directory that a file lies in.
pub(super) fn working_directory(
    directory: &str,
    object: &Json,
    at: &str,
    notes: &mut Notes<'_>,
) -> Option<String> {
    let Some(wdir) = object.get("wdir").and_then(Json::scalar) else {
        return Some(directory.to_owned());
    };
    if wdir.contains("${") {
        notes.warn(WarningReason::NotRead, &member_place(at, "wdir"), "a name made by a template");
        return None;
    }
    let found = join(directory, &wdir);
    if found.is_none() {
        notes.warn(
            WarningReason::Escape,
            &member_place(at, "wdir"),
            "leads out of the directory that was given",
        );
    }
    found
}

/// Notes what a stage says, its entries included.
pub(super) fn note(stage: &Stage, notes: &mut Notes<'_>) {
    for entry in &stage.entries {
        note_entry(entry, &stage.name, notes);
    }
    if stage.name.is_empty() {
        note_import(stage, notes);
        return;
    }
    for command in notes.texts(stage.object.get("cmd"), &member_place(&stage.at, "cmd")) {
        notes.subject(Topic::Run, &stage.name, &stage.at).personal().text("command", command);
    }
    let at = member_place(&stage.at, "params");
    for (file, values) in notes.members(stage.object.get("params"), &at) {
        let at = member_place(&at, file);
        for (key, value) in notes.members(Some(values), &at) {
            for (key, value) in flat(key, value) {
                let about = if file == PARAMETER_FILE { key } else { format!("{file}:{key}") };
                notes.subject(Topic::Parameter, about, &at).text("value", value);
            }
        }
    }
}

fn note_entry(entry: &Entry, stage: &str, notes: &mut Notes<'_>) {
    let (name, location) = match &entry.place {
        Place::Inside(path) => (path.as_str(), None),
        Place::Elsewhere(location) => (location.as_str(), Some(location)),
    };
    let is_code = entry.role == Role::Input && CODE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    let topic = if is_code { Topic::Code } else { Topic::Data };
    let mut subject = notes.subject(topic, name, &entry.at);
    if location.is_some_and(|location| location.privacy() == Privacy::Personal) {
        subject.personal();
    }
    if let Some(md5) = &entry.md5 {
        let algorithm = match entry.line_ends {
            LineEnds::Kept => "md5",
            LineEnds::Unified => "md5-dos2unix",
        };
        subject.digest("digest", algorithm, md5.hex());
    }
    if let Some(location) = location {
        subject.location("uri", location.as_str());
    }
    if let Some(bytes) = entry.bytes {
        subject.text("bytes", bytes.to_string());
    }
    let listed = (!entry.listed.is_empty()).then_some(entry.listed.len());
    if let Some(files) =
        entry.files.map(|files| files.to_string()).or(listed.map(|listed| listed.to_string()))
    {
        subject.text("files", files);
    }
    for (key, name) in
        [("description", "desc"), ("type", "type"), ("etag", "etag"), ("version", "version_id")]
    {
        subject.member(key, &entry.object, name);
    }
    subject.text(if entry.role == Role::Input { "input-of" } else { "output-of" }, stage);
}

/// Notes where the output of a `.dvc` file was imported from.
fn note_import(stage: &Stage, notes: &mut Notes<'_>) {
    let output = stage.entries.iter().find_map(|entry| match (&entry.place, entry.role) {
        (Place::Inside(path), Role::Output) => Some(path.clone()),
        _ => None,
    });
    let Some(output) = output else { return };
    for (index, dependency) in notes.elements(stage.object.get("deps"), "deps").iter().enumerate() {
        let at = format!("deps[{index}]");
        let mut subject = notes.subject(Topic::Data, output.as_str(), at);
        if let Some(repository) = dependency.get("repo") {
            subject.location_member("uri", repository, "url").member("upstream-path", dependency, "path");
            let revision = repository.get("rev_lock").and_then(Json::scalar).unwrap_or_default();
            if !revision.is_empty() {
                subject.commit("revision", &revision);
            }
        } else if let Some(url) = dependency.get("path").and_then(Json::scalar) {
            subject.location("uri", &url);
        }
    }
}
