//! What somebody is told: one screen for people, one line of JSON for programs.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use attest::digest::Sha256Digest;
use attest::utc_time::UtcTime;
use merkle::LeafHash;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::seen::Concern;
use crate::watch::{Facts, Find};

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Somebody should look.
    Alert,
    /// All is well, or says what is not: told at intervals, so that silence means something.
    Heartbeat,
    /// What was wrong with a log no longer is.
    Resolved,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Alert {
    /// What kind of message.
    pub kind: Kind,
    /// The same for the same thing, whenever it is told: 32 hex digits.
    pub id: String,
    /// When it was seen.
    pub at: String,
    /// The log.
    pub log: String,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What was watched for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<String>,
    /// Keys that were expected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// The entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryFacts>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where the evidence is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The next command, if it is nothing to worry about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge: Option<String>,
}

/// An entry in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EntryFacts {
    /// Where it is.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: String,
    /// The kind of statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version label, if it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What was signed, if that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

impl EntryFacts {
    /// What an entry says.
    #[must_use]
    pub fn of(index: u64, leaf: &LeafHash, facts: &Facts) -> Self {
        Self {
            index,
            leaf: leaf.to_string(),
            kind: Some(facts.kind.to_string()),
            name: facts.name.clone(),
            version: facts.version.clone(),
            key: Some(facts.key_id.to_string()),
            statement: facts.statement.map(|statement| statement.to_string()),
        }
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn at(seconds: u64) -> String {
    UtcTime::from_unix_seconds(seconds).unwrap_or(UtcTime::EPOCH).to_string()
}

/// 128 bits of what makes a message the same as another.
fn id(parts: &[&str]) -> String {
    let mut id = Sha256Digest::of(parts.join("\n").as_bytes()).to_string();
    id.truncate(32);
    id
}

impl Alert {
    /// About an entry.
    #[must_use]
    pub fn of_entry(origin: &str, find: &Find, dir: &Path) -> Self {
        let leaf = find.leaf.to_string();
        let entry = match &find.facts {
            Some(facts) => EntryFacts::of(find.index, &find.leaf, facts),
            None => EntryFacts { index: find.index, leaf: leaf.clone(), ..EntryFacts::default() },
        };
        let id = id(&["entry", origin, &leaf]);
        Self {
            kind: Kind::Alert,
            acknowledge: Some(acknowledge(dir, &id)),
            id,
            at: at(now()),
            log: origin.to_owned(),
            reasons: find.reasons.clone(),
            watched: find.labels.clone(),
            expected: find.expected.iter().map(ToString::to_string).collect(),
            entry: Some(entry),
            detail: find.detail.clone(),
            evidence: None,
        }
    }

    /// About a log.
    #[must_use]
    pub fn of_concern(origin: &str, concern: &Concern, dir: &Path) -> Self {
        let id = id(&["log", origin, concern.reason.code(), &concern.detail]);
        Self {
            kind: Kind::Alert,
            acknowledge: Some(acknowledge(dir, &id)),
            at: at(now()),
            log: origin.to_owned(),
            reasons: vec![concern.reason],
            watched: Vec::new(),
            expected: Vec::new(),
            entry: None,
            detail: Some(concern.detail.clone()),
            evidence: concern.evidence.as_ref().map(|_| evidence_name(&id)),
            id,
        }
    }

    /// That something about a log is over.
    #[must_use]
    pub fn resolved(origin: &str, reason: Reason, id: &str) -> Self {
        Self {
            kind: Kind::Resolved,
            id: id.to_owned(),
            at: at(now()),
            log: origin.to_owned(),
            reasons: vec![reason],
            watched: Vec::new(),
            expected: Vec::new(),
            entry: None,
            detail: None,
            evidence: None,
            acknowledge: None,
        }
    }

    /// That the monitor works, and how far it is.
    #[must_use]
    pub fn heartbeat(detail: String, reasons: Vec<Reason>) -> Self {
        let at = at(now());
        Self {
            kind: Kind::Heartbeat,
            id: id(&["heartbeat", &at]),
            at,
            log: String::new(),
            reasons,
            watched: Vec::new(),
            expected: Vec::new(),
            entry: None,
            detail: Some(detail),
            evidence: None,
            acknowledge: None,
        }
    }

    /// One line of JSON, without its line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        // All members are text, numbers and lists of them, which always have a form in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One line for people.
    #[must_use]
    pub fn subject(&self) -> String {
        let kind = if self.kind == Kind::Resolved { "over: " } else { "" };
        let name = self.entry.as_ref().and_then(|entry| entry.name.as_deref());
        format!("{kind}{} {}", self.codes().join(", "), name.unwrap_or(&self.log))
    }

    /// One screen for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<11}{value}");
        };
        match self.kind {
            Kind::Heartbeat => {
                let detail = self.detail.as_deref().unwrap_or_default();
                return format!("tallymark-monitor is watching, {}\n{detail}", self.at);
            }
            Kind::Resolved => {
                let reasons = self.codes().join(", ");
                return format!("RESOLVED {reasons} of {}, {}\n  was alert {}\n", self.log, self.at, self.id);
            }
            Kind::Alert => {}
        }
        if let Some(entry) = &self.entry {
            if !self.watched.is_empty() {
                line("watched", &self.watched.join(", "));
            }
            let keys: Vec<String> = self.expected.iter().map(|key| short(key)).collect();
            line(
                "expected",
                &if keys.is_empty() { "nobody in particular".to_owned() } else { keys.join(", ") },
            );
            let dash = "something that cannot be read".to_owned();
            let what = match (&entry.key, &entry.kind, &entry.name, &entry.version) {
                (Some(key), Some(kind), Some(name), Some(version)) => {
                    format!("{} signed a statement ({kind}) about {name}:{version}", short(key))
                }
                (Some(key), Some(kind), Some(name), None) => {
                    format!("{} signed a statement ({kind}) about {name}", short(key))
                }
                (Some(key), Some(kind), None, _) => {
                    format!("{} signed a statement ({kind}) about something that is not shown", short(key))
                }
                _ => dash,
            };
            line("appeared", &what);
            line("where", &format!("entry {} of {}", entry.index, self.log));
            if let Some(statement) = &entry.statement {
                line("statement", statement);
            }
        } else {
            line("log", &self.log);
        }
        line("when", &format!("seen {}", self.at));
        if let Some(detail) = &self.detail {
            line("seen", detail);
        }
        if let Some(evidence) = &self.evidence {
            line("evidence", evidence);
        }
        let titles: String = self.reasons.iter().map(|reason| format!("  {}\n", reason.title())).collect();
        let advice: String = self.reasons.iter().map(|reason| format!("  {}\n", reason.advice())).collect();
        let known = self
            .acknowledge
            .as_ref()
            .map_or_else(String::new, |command| format!("  If you know about it:  {command}\n"));
        let codes = self.codes().join(", ");
        format!("ALERT {codes}  {}\n\n{titles}\n{text}\nwhat to do\n{advice}{known}", self.id)
    }

    /// The codes of its reasons.
    #[must_use]
    pub fn codes(&self) -> Vec<&'static str> {
        self.reasons.iter().map(|reason| reason.code()).collect()
    }
}

/// The name of an evidence file below the directory.
#[must_use]
pub fn evidence_name(id: &str) -> String {
    format!("evidence/{id}.fork")
}

fn acknowledge(dir: &Path, id: &str) -> String {
    format!("tallymark-monitor acknowledge {} {id}", dir.display())
}

fn short(key: &str) -> String {
    format!("key {}..", key.get(..16).unwrap_or(key))
}
