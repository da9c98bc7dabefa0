//! What is behind the private values of statements, as far as a file opens them: `inspect --openings`.
//!
//! A line of the file opens a value if it hashes to the commitment that the statement has. A line that opens nothing is a
//! claim about nothing, and is said aloud; but for the salt of a private entry, which its owner keeps there too.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use attest::bundle::{Bundle, BundleFile};
use attest::digest::Sha256Digest;
use attest::dsse::MAX_PAYLOAD_BYTES;
use attest::entry::ModelSalt;
use attest::json;
use attest::private_value::{Commitment, Opening, Openings};
use attest::statement::Statement;
use attest::tree::TreeDigest;
use serde_json::Value;

use crate::hidden::{HiddenError, entry_value, read_shared};
use crate::message::one_line;

/// Why not everything that was handed over holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpeningViewError {
    /// A line that belongs to no value of these statements.
    #[error("line {line} of {path} opens nothing in these statements")]
    OpensNothing { path: PathBuf, line: usize },
    /// Only statements have private values.
    #[error("openings are given, and {path} holds no statements")]
    NoStatements { path: PathBuf },
}

/// A file of openings beside the statements of a bundle file.
pub(crate) struct OpeningView {
    path: PathBuf,
    openings: Openings,
    /// Of each line of the bundle file.
    statements: Vec<Vec<PrivateValue>>,
    /// Salts of private entries, each with the digest of what the entry is about.
    salts: Vec<(ModelSalt, TreeDigest)>,
}

/// A commitment, and where in the statement it stands.
struct PrivateValue {
    place: String,
    commitment: Commitment,
}

impl OpeningView {
    /// Reads the openings, and looks for commitments in what was signed.
    ///
    /// # Errors
    /// [`HiddenError::Io`], [`HiddenError::Malformed`].
    pub(crate) fn of(bundles: &BundleFile, path: &Path) -> Result<Self, HiddenError> {
        let statements = bundles.bundles().map(|bundle| find(bundle.envelope().payload())).collect();
        let salt = |bundle: &Bundle| {
            let statement = Statement::parse(bundle.envelope().payload()).ok()?;
            Some((*bundle.salt()?, statement.tree_digest()))
        };
        let salts = bundles.bundles().filter_map(salt).collect();
        Ok(Self { path: path.to_owned(), openings: read_shared(path)?, statements, salts })
    }

    /// For people, of one line of the bundle file, from 0.
    pub(crate) fn text(&self, line: usize) -> String {
        let mut text = String::new();
        let mut closed = BTreeSet::new();
        for private in self.statements.get(line).into_iter().flatten() {
            match self.openings.of(private.commitment) {
                Some(opening) => {
                    let _ = writeln!(text, "  opened     {}", one_line(&private.place));
                    let _ = writeln!(text, "             {}", one_line(opening.value()));
                }
                None => {
                    closed.insert(private.commitment);
                }
            }
        }
        let _ = match closed.len() {
            0 => Ok(()),
            1 => writeln!(text, "  private    1 value that this file does not open"),
            count => writeln!(text, "  private    {count} values that this file does not open"),
        };
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let value = |line: usize, private: &PrivateValue| {
            serde_json::json!({
                "line": line,
                "place": private.place,
                "commitment": private.commitment.to_string(),
                "value": self.openings.of(private.commitment).map(Opening::value),
            })
        };
        let values: Vec<Value> = (1..)
            .zip(&self.statements)
            .flat_map(|(line, found)| found.iter().map(move |private| value(line, private)))
            .collect();
        serde_json::json!({ "values": values, "open_nothing": self.idle_lines().collect::<Vec<_>>() })
    }

    /// Lines of the file, from 1, that open nothing.
    fn idle_lines(&self) -> impl Iterator<Item = usize> {
        let found: BTreeSet<Commitment> =
            self.statements.iter().flatten().map(|private| private.commitment).collect();
        let lines = (1..).zip(self.openings.lines());
        let idle = move |opening: &Opening| !found.contains(&opening.commitment()) && !self.is_salt(opening);
        lines.filter(move |(_, opening)| idle(opening)).map(|(line, _)| line)
    }

    fn is_salt(&self, opening: &Opening) -> bool {
        let is_it = |(salt, tree): &(ModelSalt, TreeDigest)| {
            *salt == ModelSalt::from_bytes(opening.salt().to_bytes()) && opening.value() == entry_value(*tree)
        };
        self.salts.iter().any(is_it)
    }

    /// Refuses a file with a line that opens nothing.
    ///
    /// # Errors
    /// [`OpeningViewError::OpensNothing`].
    pub(crate) fn refuse_idle(&self) -> Result<(), OpeningViewError> {
        match self.idle_lines().next() {
            Some(line) => Err(OpeningViewError::OpensNothing { path: self.path.clone(), line }),
            None => Ok(()),
        }
    }
}

/// All commitments of a statement, in the order of the text. What is no JSON of ours has none.
fn find(payload: &[u8]) -> Vec<PrivateValue> {
    let mut found = Vec::new();
    if let Ok(value) = json::parse(payload, MAX_PAYLOAD_BYTES) {
        walk(&value, &mut "$".to_owned(), &mut found);
    }
    found
}

/// The reader of JSON has bounded the depth.
fn walk(value: &Value, place: &mut String, found: &mut Vec<PrivateValue>) {
    let length = place.len();
    match value {
        Value::String(text) => {
            // The name of a flag stays before the value: `--data=private:...`.
            let value = text.split_once('=').map_or(text.as_str(), |(_, value)| value);
            let commitment = Commitment::in_text(text).or_else(|| Commitment::in_text(value));
            found.extend(commitment.map(|commitment| PrivateValue { place: place.clone(), commitment }));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(place, "[{index}]");
                walk(item, place, found);
                place.truncate(length);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                let _ = write!(place, ".{key}");
                let digest = item.as_str().and_then(|text| text.parse::<Sha256Digest>().ok());
                match digest.filter(|_| key == "private") {
                    Some(digest) => {
                        let commitment = Commitment::from_digest(digest);
                        found.push(PrivateValue { place: place.clone(), commitment });
                    }
                    None => walk(item, place, found),
                }
                place.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commitments_are_found_wherever_a_statement_has_them() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|value| Sha256Digest::of(value));
        let text = format!(
            r#"{{"x":[{{"name":"private:{a}","digest":{{"private":"{b}","sha256":"{a}"}}}}],"y":["--d=private:{c}","private:"]}}"#
        );
        let found: Vec<_> =
            find(text.as_bytes()).into_iter().map(|one| (one.place, one.commitment.digest())).collect();
        // An object's members are in the order of their names.
        let want = [("$.x[0].digest.private", b), ("$.x[0].name", a), ("$.y[0]", c)];
        assert_eq!(found, want.map(|(place, digest)| (place.to_owned(), digest)));
    }
}
