//! A memory as a file: strict JSON, one line, in one order.

use attest::json::{self, FieldError, Fields, JsonError, Located};
use attest::model_name::NameError;
use attest::tree::TreeDigest;
use merkle::{Hash, TreeHead, TreeSize};
use serde::Serialize;

use super::{MAX_LOGS, MAX_MEMORY_BYTES, MAX_RELEASES, Memory, Release};

/// The version of the file.
const VERSION: u64 = 1;

/// Why bytes are no memory, or there is no room in one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A member is missing, of another type, or unknown.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There is no room for one more, and forgetting is no way out.
    #[error("{MAX_LOGS} logs or {MAX_RELEASES} releases are remembered, and there is room for no more")]
    Full,
    /// No tree of that size has that root.
    #[error("{place}: no tree head")]
    Head {
        /// Where.
        place: String,
    },
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A name or a version label that is none.
    #[error("{place}: no name or version label")]
    Name {
        /// Where.
        place: String,
        /// Why.
        source: NameError,
    },
    /// Something stands twice, or in another order or spelling.
    #[error("not as it is written")]
    Spelling,
    /// A digest or a root that is none.
    #[error("{place}: wanted 64 hex digits")]
    Digest {
        /// Where.
        place: String,
    },
    /// A version of the file that is not read here.
    #[error("version {seen}, wanted {VERSION}")]
    Version {
        /// The number.
        seen: u64,
    },
}

#[derive(Serialize)]
struct FileJson<'a> {
    version: u64,
    logs: Vec<LogJson<'a>>,
    releases: Vec<ReleaseJson<'a>>,
}

#[derive(Serialize)]
struct LogJson<'a> {
    log: &'a str,
    size: String,
    root: String,
}

#[derive(Serialize)]
struct ReleaseJson<'a> {
    name: &'a str,
    log: &'a str,
    version: &'a str,
    tree: String,
    index: String,
    size: String,
    root: String,
}

impl Memory {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`MemoryError`], each variant one rule that the bytes break. A file that is not exactly what [`Self::to_bytes`] writes was
    /// not written by it, or not in full.
    pub fn parse(bytes: &[u8]) -> Result<Self, MemoryError> {
        let value = json::parse(bytes, MAX_MEMORY_BYTES)?;
        let root = Located::root(&value).closed_object(&["version", "logs", "releases"])?;
        let version = root.required("version")?.unsigned()?;
        if version != VERSION {
            return Err(MemoryError::Version { seen: version });
        }
        let mut memory = Self::new();
        for log in root.required("logs")?.array()? {
            let fields = log.closed_object(&["log", "size", "root"])?;
            let origin = fields.required("log")?.string()?.to_owned();
            memory.logs.insert(origin, read_head(&fields)?);
        }
        for release in root.required("releases")?.array()? {
            let place = release.path().to_string();
            let fields =
                release.closed_object(&["name", "log", "version", "tree", "index", "size", "root"])?;
            let named = |source| MemoryError::Name { place: place.clone(), source };
            let name = fields.required("name")?.string()?.parse().map_err(named)?;
            let version = fields.required("version")?.string()?.parse().map_err(named)?;
            let tree = fields.required("tree")?.string()?;
            let tree: TreeDigest = tree.parse().map_err(|_| MemoryError::Digest { place: place.clone() })?;
            let (index, head) = (read_number(&fields, "index")?, read_head(&fields)?);
            let key = (name, fields.required("log")?.string()?.to_owned());
            memory.releases.insert(key, Release { version, tree, index, head });
        }
        if memory.logs.len() > MAX_LOGS || memory.releases.len() > MAX_RELEASES {
            return Err(MemoryError::Full);
        }
        if memory.to_bytes() != bytes {
            return Err(MemoryError::Spelling);
        }
        Ok(memory)
    }

    /// Writes it as one line.
    #[must_use]
    #[expect(clippy::expect_used, reason = "strings, integers and lists of them always have a JSON form")]
    pub fn to_bytes(&self) -> Vec<u8> {
        let logs = self.logs.iter().map(|(log, head)| LogJson {
            log,
            size: head.size().get().to_string(),
            root: head.root().to_string(),
        });
        let releases = self.releases.iter().map(|((name, log), release)| ReleaseJson {
            name: name.as_str(),
            log,
            version: release.version.as_str(),
            tree: release.tree.to_string(),
            index: release.index.to_string(),
            size: release.head.size().get().to_string(),
            root: release.head.root().to_string(),
        });
        let file = FileJson { version: VERSION, logs: logs.collect(), releases: releases.collect() };
        let mut bytes = serde_json::to_vec(&file).expect("no map with keys other than strings");
        bytes.push(b'\n');
        bytes
    }
}

fn read_head(fields: &Fields<'_>) -> Result<TreeHead, MemoryError> {
    let root = fields.required("root")?;
    let place = root.path().to_string();
    let size = read_number(fields, "size")?;
    let digest: TreeDigest =
        root.string()?.parse().map_err(|_| MemoryError::Digest { place: place.clone() })?;
    let root = Hash::from_bytes(*digest.digest().as_bytes());
    let head = TreeSize::new(size).ok().and_then(|size| TreeHead::new(size, root).ok());
    head.ok_or(MemoryError::Head { place })
}

/// A decimal as text: an index may be larger than what JSON's numbers hold everywhere.
fn read_number(fields: &Fields<'_>, key: &str) -> Result<u64, MemoryError> {
    let field = fields.required(key)?;
    let text = field.string()?;
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| MemoryError::Head { place: field.path().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let head =
            |size, byte| TreeHead::new(TreeSize::new(size).unwrap(), Hash::from_bytes([byte; 32])).unwrap();
        let (tree, index) = ("ab".repeat(32).parse().unwrap(), 4);
        let release = Release { version: "2.1.3".parse().unwrap(), tree, index, head: head(7, 1) };
        let mut memory = Memory::new();
        memory.logs.insert("log.example.org/models".to_owned(), head(9, 2));
        memory.releases.insert(("acme/churn".parse().unwrap(), "log.example.org/models".to_owned()), release);
        memory
    }

    #[test]
    fn what_is_written_is_read_again() {
        for memory in [Memory::new(), memory()] {
            assert_eq!(Memory::parse(&memory.to_bytes()).unwrap(), memory);
        }
    }

    #[test]
    fn half_a_file_is_no_memory() {
        let bytes = memory().to_bytes();
        for end in 0..bytes.len() {
            assert!(Memory::parse(&bytes[..end]).is_err(), "the first {end} bytes");
        }
    }

    #[test]
    fn what_a_hand_changed_is_refused() {
        let text = String::from_utf8(memory().to_bytes()).unwrap();
        let changes = [
            ("\"version\":1", "\"version\":2"),
            ("\"size\":\"9\"", "\"size\":\"09\""),
            ("\"size\":\"9\"", "\"size\":9"),
            ("\"index\":\"4\"", "\"index\":\"-4\""),
            ("acme/churn", "Acme"),
            ("\"releases\":[", "\"pins\":[],\"releases\":["),
            ("abababab", "ABABABAB"),
            ("0202", "02"),
            ("\"logs\":[{", "\"logs\": [{"),
            ("\"releases\":[{", "\"releases\":[{\"name\":\"acme/a\",\"name\":\"acme/b\","),
        ];
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            assert!(Memory::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} to {to}");
        }
    }
}
