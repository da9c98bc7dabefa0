//! `tallymark trust`: the trust file, shown and changed. What somebody typed there by hand stays as he typed it.
//!
//! A change is made in the text, and the new text is read as a verifier reads it before it takes the place of the old one: a file
//! that says something else than was meant is worse than none. The file is replaced as a whole, under a lock of its folder.
//!
//! In scope: publishers. Out of scope: rules, logs and anchors, which are typed; what the file means ([`verifier::requirements`]).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use attest::digest::Sha256Digest;
use attest::key::{KeyError, PublicKey};
use attest::name_pattern::NamePattern;
use tlog::vkey::{Vkey, VkeyError};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TomlError, Value, value};
use verifier::load::{TRUST_FILE_NAME, find_trust, read_bounded};
use verifier::requirements::{MAX_TRUST_BYTES, Publisher, Requirements, RequirementsError};

use crate::args::{Manner, TrustAddArgs, TrustArgs, TrustCommand, TrustListArgs, TrustRemoveArgs};
use crate::message::{Failure, note, one_line, print};

/// Largest public key file, in bytes.
const MAX_KEY_BYTES: u64 = 1 << 14;

/// Why the trust file was not shown or not changed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustFileError {
    /// The key may sign that already.
    #[error("key {key_id} may sign {name} already, by line {line} of {path}")]
    Already { path: PathBuf, name: NamePattern, key_id: Sha256Digest, line: usize },
    /// The system refused.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// The key is none.
    #[error("`{seen}` is neither a public key file nor a key")]
    Key { seen: String, source: KeyError },
    /// `--log-key` is no log's key.
    #[error("--log-key is not a log's key")]
    LogKey { source: VkeyError },
    /// Publishers are written in a way that is not changed here.
    #[error("the publishers of {path} are not written as [[publisher]]")]
    Layout { path: PathBuf },
    /// The file is not one, or would not be one afterwards.
    #[error("{path} is not a trust file")]
    Malformed { path: PathBuf, source: RequirementsError },
    /// There is no trust file.
    #[error("there is no trust file")]
    Missing,
    /// Nothing would be left to believe.
    #[error("{path} would have no publisher left")]
    NobodyLeft { path: PathBuf },
    /// There is nothing of that kind in the file.
    #[error("{path} has no such key for {name}")]
    NotThere { path: PathBuf, name: NamePattern },
    /// The file is TOML to one reader and not to the other.
    #[error("{path} does not parse")]
    Toml { path: PathBuf, source: TomlError },
}

/// Runs it.
pub(crate) fn run(args: &TrustArgs, manner: Manner) -> Result<(), Failure> {
    match &args.what {
        TrustCommand::Add(args) => add(args, manner),
        TrustCommand::List(args) => list(args),
        TrustCommand::Remove(args) => remove(args, manner),
    }
}

fn add(args: &TrustAddArgs, manner: Manner) -> Result<(), Failure> {
    let key = read_key(&args.key)?;
    let path = match found(args.trust.as_deref()) {
        Ok(path) => path,
        // A file that is begun is begun here, where it is found again.
        Err(_) if args.log_key.is_some() && args.trust.is_none() => PathBuf::from(TRUST_FILE_NAME),
        Err(error) => return Err(error.into()),
    };
    let log_key = args.log_key.as_deref();
    change(&path, log_key, |document, requirements| {
        let key_id = key.key_id();
        let same =
            |publisher: &&Publisher| *publisher.pattern() == args.name && publisher.keys().contains(&key);
        if let Some(publisher) = requirements.and_then(|all| all.publishers().iter().find(same)) {
            let (name, line) = (args.name.clone(), publisher.line());
            return Err(TrustFileError::Already { path: path.clone(), name, key_id, line });
        }
        let publishers = publishers(document, &path)?;
        let mut table = Table::new();
        table["name"] = value(args.name.as_str());
        table["keys"] = value(Array::from_iter([key.to_base64()]));
        if let Some(person) = &args.person {
            table["person"] = value(person.as_str());
        }
        if !args.role.is_empty() {
            table["roles"] = value(args.role.iter().map(|role| role.as_str()).collect::<Array>());
        }
        if !args.may.is_empty() {
            table["may"] = value(args.may.iter().map(String::as_str).collect::<Array>());
        }
        table.decor_mut().set_prefix("\n");
        publishers.push(table);
        Ok(())
    })?;
    note(manner, &format!("{}: key {} may sign {}", path.display(), key.key_id(), args.name));
    Ok(())
}

fn remove(args: &TrustRemoveArgs, manner: Manner) -> Result<(), Failure> {
    let path = found(args.trust.as_deref())?;
    let wanted = args.key.as_deref().map(read_key_id).transpose()?;
    let mut removed = Vec::new();
    change(&path, None, |document, _| {
        let publishers = publishers(document, &path)?;
        let is_wanted = |entry: &Value| {
            let key = entry.as_str().and_then(|text| PublicKey::from_base64(text).ok())?;
            wanted.is_none_or(|wanted| wanted == key.key_id()).then(|| key.key_id())
        };
        let mut empty = Vec::new();
        for (number, table) in publishers.iter_mut().enumerate() {
            if table.get("name").and_then(Item::as_str) != Some(args.name.as_str()) {
                continue;
            }
            let keys = table.get_mut("keys").and_then(Item::as_array_mut);
            let keys = keys.ok_or_else(|| TrustFileError::Layout { path: path.clone() })?;
            removed.extend(keys.iter().filter_map(is_wanted));
            keys.retain(|entry| is_wanted(entry).is_none());
            if keys.is_empty() {
                empty.push(number);
            }
        }
        for number in empty.into_iter().rev() {
            publishers.remove(number);
        }
        match (removed.is_empty(), publishers.is_empty()) {
            (true, _) => Err(TrustFileError::NotThere { path: path.clone(), name: args.name.clone() }),
            (false, true) => Err(TrustFileError::NobodyLeft { path: path.clone() }),
            (false, false) => Ok(()),
        }
    })?;
    for key_id in removed {
        note(manner, &format!("{}: key {key_id} may sign {} no more", path.display(), args.name));
    }
    Ok(())
}

fn list(args: &TrustListArgs) -> Result<(), Failure> {
    let path = found(args.trust.as_deref())?;
    let (_, requirements) = read(&path)?;
    let text = if args.json { json(&path, &requirements) } else { text(&path, &requirements) };
    print(&text)?;
    Ok(())
}

fn text(path: &Path, requirements: &Requirements) -> String {
    let mut text = format!("{}\n", one_line(&path.to_string_lossy()));
    // Writing into a string cannot fail.
    for log in requirements.policy().logs() {
        let _ = writeln!(text, "  log        {}", one_line(log.vkey().name().as_str()));
    }
    for publisher in requirements.publishers() {
        let _ = writeln!(text, "  publisher  {}  line {}", publisher.pattern(), publisher.line());
        for key in publisher.keys() {
            let _ = writeln!(text, "    key      {} {}", key.algorithm(), key.key_id());
        }
        for (label, words) in members(publisher) {
            let _ = writeln!(text, "    {label:<8} {}", words.join(", "));
        }
    }
    let rules = requirements.rules().len();
    let _ = writeln!(text, "  rules      {rules}");
    text
}

fn json(path: &Path, requirements: &Requirements) -> String {
    let publisher = |publisher: &Publisher| {
        let keys = publisher.keys().iter();
        serde_json::json!({
            "name": publisher.pattern().as_str(),
            "line": publisher.line(),
            "keys": keys.map(|key| serde_json::json!({
                "algorithm": key.algorithm().to_string(),
                "key_id": key.key_id().to_string(),
            })).collect::<Vec<_>>(),
            "person": publisher.person().map(ToString::to_string),
            "roles": publisher.roles().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "may": publisher.may().map(|may| may.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "term": publisher.term().map(ToString::to_string),
        })
    };
    let logs = requirements.policy().logs().iter();
    let object = serde_json::json!({
        "schema_version": 1,
        "trust": path.to_string_lossy(),
        "logs": logs.map(|log| log.vkey().to_string()).collect::<Vec<_>>(),
        "publishers": requirements.publishers().iter().map(publisher).collect::<Vec<_>>(),
        "rules": requirements.rules().len(),
    });
    format!("{object}\n")
}

/// What a publisher is said to be, as far as the file says something.
fn members(publisher: &Publisher) -> Vec<(&'static str, Vec<String>)> {
    let person = publisher.person().map(|person| ("person", vec![person.to_string()]));
    let roles = publisher.roles().iter().map(ToString::to_string).collect::<Vec<_>>();
    let roles = (!roles.is_empty()).then_some(("roles", roles));
    let may = publisher.may().map(|may| ("may", may.iter().map(ToString::to_string).collect()));
    let term = publisher.term().map(|term| ("term", vec![term.to_string()]));
    [person, roles, may, term].into_iter().flatten().collect()
}

/// The file that is named, or found where a verifier would find it.
fn found(named: Option<&Path>) -> Result<PathBuf, TrustFileError> {
    named.map(Path::to_owned).or_else(|| find_trust(Path::new(""))).ok_or(TrustFileError::Missing)
}

fn read(path: &Path) -> Result<(String, Requirements), TrustFileError> {
    let bytes = read_bounded(path, MAX_TRUST_BYTES as u64).map_err(|source| TrustFileError::Io {
        act: "read",
        path: path.to_owned(),
        source,
    })?;
    let malformed = |source| TrustFileError::Malformed { path: path.to_owned(), source };
    let requirements = Requirements::parse(&bytes).map_err(malformed)?;
    // What parses is UTF-8.
    Ok((String::from_utf8_lossy(&bytes).into_owned(), requirements))
}

/// Changes the file under the lock of its folder; a file that is not there is begun if a log is named.
fn change(
    path: &Path,
    log_key: Option<&str>,
    change: impl FnOnce(&mut DocumentMut, Option<&Requirements>) -> Result<(), TrustFileError>,
) -> Result<(), TrustFileError> {
    // A link is followed, so that the file it leads to is the one that changes.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let io = |act| {
        let path = path.clone();
        move |source| TrustFileError::Io { act, path, source }
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).map_err(io("open the folder of"))?;
    folder.lock().map_err(io("lock the folder of"))?;
    let (text, before) = match (read(&path), log_key) {
        (Err(TrustFileError::Io { source, .. }), Some(vkey)) if source.kind() == ErrorKind::NotFound => {
            let vkey: Vkey = vkey.parse().map_err(|source| TrustFileError::LogKey { source })?;
            let mut begun = DocumentMut::new();
            begun["version"] = value(1);
            begun["policy"] = value(format!("log {vkey}\nquorum none\n"));
            (begun.to_string(), None)
        }
        (read, _) => read.map(|(text, requirements)| (text, Some(requirements)))?,
    };
    let toml = |source| TrustFileError::Toml { path: path.clone(), source };
    let mut document: DocumentMut = text.parse().map_err(toml)?;
    change(&mut document, before.as_ref())?;
    let text = document.to_string();
    Requirements::parse(text.as_bytes())
        .map_err(|source| TrustFileError::Malformed { path: path.clone(), source })?;
    replace(&path, text.as_bytes()).map_err(io("replace"))?;
    folder.sync_all().map_err(io("sync the folder of"))
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = std::ffi::OsString::from(format!(".{}.", std::process::id()));
    name.push(path.file_name().unwrap_or_default());
    let new = path.with_file_name(name);
    let write = || {
        let mut file = File::create_new(&new)?;
        if let Ok(old) = path.metadata() {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().inspect_err(|error| {
        // One of that name is another's.
        if error.kind() != ErrorKind::AlreadyExists {
            drop(std::fs::remove_file(&new));
        }
    })
}

fn publishers<'a>(
    document: &'a mut DocumentMut,
    path: &Path,
) -> Result<&'a mut ArrayOfTables, TrustFileError> {
    let item = document.entry("publisher").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or_else(|| TrustFileError::Layout { path: path.to_owned() })
}

/// The key in the file of that name, or in the words themselves.
fn read_key(text: &str) -> Result<PublicKey, TrustFileError> {
    let path = Path::new(text);
    let content = match path.symlink_metadata() {
        Ok(_) => {
            let bytes = read_bounded(path, MAX_KEY_BYTES);
            let bytes =
                bytes.map_err(|source| TrustFileError::Io { act: "read", path: path.to_owned(), source })?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Err(_) => text.to_owned(),
    };
    let key = PublicKey::from_pem(&content).or_else(|_| PublicKey::from_base64(content.trim_end()));
    key.map_err(|source| TrustFileError::Key { seen: one_line(text), source })
}

/// The same, or a key id.
fn read_key_id(text: &str) -> Result<Sha256Digest, TrustFileError> {
    text.parse().or_else(|_| read_key(text).map(|key| key.key_id()))
}
