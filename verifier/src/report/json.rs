//! The verdict for programs: one JSON object with stable keys. Every key is always there; what is not known is null.

use attest::provenance::Input;
use serde::Serialize;

use super::lineage::LineageRow;
use super::testimony::TestimonyRow;
use super::words::cause;
use super::{Common, overall};
use crate::difference::Difference;
use crate::failure::Failure;
use crate::gate::Waived;
use crate::load::{Offer, Part, Verdict};
use crate::refusal::LineNote;
use crate::requirements::Publisher;
use crate::status::KnownLog;

/// Version of the object's shape. Keys may be added under the same number; none is renamed or removed.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    /// `verified`, of an offer `offered`, or the class of the refusal.
    verdict: &'static str,
    exit_code: u8,
    reason: Option<&'static str>,
    message: Option<String>,
    model: String,
    bundle: String,
    trust: Option<String>,
    /// The file with what was verified before; null if nothing is remembered.
    state: Option<String>,
    name: Option<String>,
    version: Option<String>,
    tree_digest: Option<String>,
    signer: Option<Signer>,
    log: Option<Log>,
    cosignatures: Vec<Cosigned>,
    /// `online`, `snapshot` or `offline-stale`: how well it is known that nothing that was said about it is missing.
    freshness: &'static str,
    /// The newest status of each log that there is.
    status: Vec<StatusRow>,
    relation: Option<&'static str>,
    inputs: Vec<InputRow>,
    contents: Option<Contents>,
    steps: Vec<StepRow>,
    failures: Vec<FailureRow>,
    /// What would have been failures if their rules were enforced.
    warnings: Vec<FailureRow>,
    files: Vec<FileRow>,
    notes: Vec<NoteRow>,
    custody: Vec<TestimonyRow>,
    /// Null where the statement about the model is not believed.
    lineage: Option<LineageRow>,
    /// The report of the format gate, as `tallymark scan --format json` has it; null if no rule asked for it.
    formats: Option<serde_json::Value>,
    /// The files that the gate refuses and that passed by a waiver.
    waived: Vec<WaivedRow>,
    not_checked: Vec<&'static str>,
}

#[derive(Serialize)]
struct Signer {
    key_id: String,
    algorithm: String,
    /// Pattern and line of the trust file that admit the key; null if none does.
    pattern: Option<String>,
    trust_line: Option<usize>,
    /// Whether nobody said so, and the key signed the name first.
    pinned: bool,
}

#[derive(Serialize)]
struct Log {
    /// Null if the checkpoint's signature does not verify.
    origin: Option<String>,
    index: u64,
    tree_size: u64,
    root: String,
}

#[derive(Serialize)]
struct Cosigned {
    witness: String,
    /// Seconds since 1970.
    timestamp: u64,
}

#[derive(Serialize)]
struct StatusRow {
    log: String,
    /// Seconds since 1970, by the log's word.
    time: u64,
    /// Null if it is not known.
    age_seconds: Option<u64>,
    tree_size: u64,
    /// How many events mention the model.
    events: usize,
    /// Whether it was fetched for this verdict.
    fetched: bool,
}

#[derive(Serialize)]
struct InputRow {
    role: &'static str,
    name: String,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_tree: Option<&'static str>,
    source: &'static str,
}

#[derive(Serialize)]
struct Contents {
    files: u64,
    bytes: u64,
    tree_digest: String,
    /// How many of the files were not read, since a cache of digests was believed; null if there was none.
    cached: Option<u64>,
    /// The files that are not here; null if nobody asked about a part.
    missing: Option<Vec<String>>,
}

#[derive(Serialize)]
struct StepRow {
    number: u8,
    step: &'static str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct FailureRow {
    reason: &'static str,
    class: &'static str,
    step: u8,
    message: String,
    expected: Option<String>,
    found: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct FileRow {
    reason: &'static str,
    path: String,
    /// Where the signed bytes lie, if they were renamed.
    now: Option<String>,
    expected: Option<String>,
    found: Option<String>,
}

#[derive(Serialize)]
struct NoteRow {
    line: usize,
    /// Null if the line verifies too.
    reason: Option<&'static str>,
    message: Option<String>,
}

#[derive(Serialize)]
struct WaivedRow {
    path: String,
    findings: Vec<&'static str>,
    until: String,
    by: String,
    statement_digest: String,
}

#[derive(Serialize)]
struct WrongUse {
    schema_version: u32,
    verdict: &'static str,
    exit_code: u8,
    reason: &'static str,
    message: &'static str,
}

/// Writes the verdict as one JSON object, indented, with a final LF.
#[must_use]
pub fn json(verdict: &Verdict) -> String {
    written(&report(verdict))
}

#[derive(Serialize)]
struct Reports {
    schema_version: u32,
    /// `verified` if every model is, otherwise `not-verified`.
    verdict: &'static str,
    exit_code: u8,
    models: Vec<Report>,
}

/// Writes what is known of an offer as [`json`] does; its verdict is `offered` at best.
#[must_use]
pub fn offer_json(offer: &Offer) -> String {
    written(&report(offer.verdict()))
}

/// Writes what is known of a part as [`json`] does; its verdict is `partial` at best.
#[must_use]
pub fn part_json(part: &Part) -> String {
    written(&report(part.verdict()))
}

/// Writes several verdicts as one JSON object, whose `models` are objects as [`json`] writes them.
#[must_use]
pub fn json_all(verdicts: &[Verdict]) -> String {
    let exit_code = overall(verdicts);
    written(&Reports {
        schema_version: SCHEMA_VERSION,
        verdict: if exit_code == 0 { "verified" } else { "not-verified" },
        exit_code,
        models: verdicts.iter().map(report).collect(),
    })
}

/// Writes that the command line was wrong; what about it is on standard error.
#[must_use]
pub fn usage_json(exit_code: u8) -> String {
    written(&WrongUse {
        schema_version: SCHEMA_VERSION,
        verdict: "wrong-use",
        exit_code,
        reason: "wrong-use",
        message: "the command line is wrong, see standard error",
    })
}

/// The JSON text in ASCII, so that a name in it cannot steer the terminal it may be printed on. Characters beyond are
/// inside of strings, where an escape means the same.
#[expect(clippy::expect_used, reason = "strings, integers and lists of them always have a JSON form")]
pub(crate) fn written(value: &impl Serialize) -> String {
    let text =
        serde_json::to_string_pretty(value).expect("no map with keys other than strings, no failing type");
    let mut ascii = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if matches!(c, ' '..='~' | '\n') {
            ascii.push(c);
        } else {
            ascii.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii.push('\n');
    ascii
}

fn report(verdict: &Verdict) -> Report {
    let common = Common::of(verdict);
    let (facts, refusal) = (common.facts, common.refusal);
    let statement = facts.statement();
    let provenance = statement.and_then(attest::statement::Statement::provenance);
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    Report {
        schema_version: SCHEMA_VERSION,
        verdict: common.verdict_code(),
        exit_code: verdict.exit_code(),
        reason: refusal.map(|refusal| refusal.reason().code()),
        message: refusal.map(|refusal| cause(refusal.failure())),
        model: path(verdict.model()),
        bundle: path(verdict.bundle()),
        trust: verdict.trust().map(path),
        state: verdict.memory().map(path),
        name: statement.map(|s| s.name().to_string()),
        version: statement.map(|s| s.version().to_string()),
        tree_digest: statement.map(|s| s.tree_digest().to_string()),
        signer: facts.signer().map(|key| Signer {
            key_id: key.key_id().to_string(),
            algorithm: key.algorithm().to_string(),
            pattern: facts.publisher().map(|publisher| publisher.pattern().to_string()),
            trust_line: facts.publisher().filter(|one| !one.is_pin()).map(|publisher| publisher.line()),
            pinned: facts.publisher().is_some_and(Publisher::is_pin),
        }),
        log: facts.position().map(|position| Log {
            origin: facts.log().map(ToString::to_string),
            index: position.index(),
            tree_size: position.head().size().get(),
            root: position.head().root().to_string(),
        }),
        cosignatures: facts
            .cosignatures()
            .iter()
            .map(|c| Cosigned { witness: c.witness().to_string(), timestamp: c.timestamp().get() })
            .collect(),
        freshness: facts.status().freshness().code(),
        status: facts.status().logs().iter().map(StatusRow::of).collect(),
        relation: provenance.map(|p| p.relation().as_str()),
        inputs: provenance.iter().flat_map(|p| p.inputs()).map(InputRow::of).collect(),
        contents: facts.contents().map(|c| Contents {
            files: c.files(),
            bytes: c.total_bytes(),
            tree_digest: c.digest().to_string(),
            cached: verdict.cached(),
            missing: verdict
                .missing()
                .map(|missing| missing.iter().map(|path| path.as_str().to_owned()).collect()),
        }),
        steps: common
            .outcomes
            .iter()
            .map(|(s, o)| StepRow { number: s.number(), step: s.code(), outcome: o.code() })
            .collect(),
        failures: refusal
            .iter()
            .flat_map(|r| std::iter::once(r.failure()).chain(r.also()))
            .map(FailureRow::of)
            .collect(),
        warnings: common.warnings.iter().map(FailureRow::of).collect(),
        files: refusal
            .and_then(|r| r.failure().differences())
            .unwrap_or_default()
            .iter()
            .map(FileRow::of)
            .collect(),
        notes: common.notes.iter().map(NoteRow::of).collect(),
        custody: common.testimonies.iter().map(TestimonyRow::of).collect(),
        lineage: common.lineage.map(LineageRow::of),
        formats: common.formats.map(formats::json),
        waived: common.waived.iter().map(WaivedRow::of).collect(),
        not_checked: common.not_checked().map(|(code, _)| code).collect(),
    }
}

impl StatusRow {
    fn of(known: &KnownLog) -> Self {
        Self {
            log: known.origin().to_string(),
            time: known.time(),
            age_seconds: known.age(),
            tree_size: known.tree_size(),
            events: known.mentions(),
            fetched: known.is_fetched(),
        }
    }
}

impl InputRow {
    fn of(input: &Input) -> Self {
        Self {
            role: input.role().as_str(),
            name: input.name().to_string(),
            digest: input.digest().to_string(),
            commit: input.digest().checkout().map(|checkout| checkout.commit().to_string()),
            work_tree: input.digest().checkout().map(|checkout| checkout.state().as_str()),
            source: input.source().as_str(),
        }
    }
}

impl WaivedRow {
    fn of(waived: &Waived) -> Self {
        Self {
            path: waived.path().to_owned(),
            findings: waived.reasons().iter().map(|reason| reason.code()).collect(),
            until: waived.until().to_string(),
            by: waived.by().to_string(),
            statement_digest: waived.statement().to_string(),
        }
    }
}

impl FailureRow {
    fn of(failure: &Failure) -> Self {
        let reason = failure.reason();
        Self {
            reason: reason.code(),
            class: reason.class().code(),
            step: reason.step().number(),
            message: cause(failure),
            expected: failure.expected(),
            found: failure.found(),
        }
    }
}

impl FileRow {
    pub(crate) fn of(difference: &Difference) -> Self {
        let (expected, found, now) = match difference {
            Difference::Changed { expected, found, .. } => (Some(expected), Some(found), None),
            Difference::Missing { expected, .. } => (Some(expected), None, None),
            Difference::Renamed { content, now, .. } => (Some(content), Some(content), Some(now)),
            Difference::Unexpected { found, .. } => (None, Some(found), None),
        };
        Self {
            reason: difference.reason().code(),
            path: difference.path().to_string(),
            now: now.map(ToString::to_string),
            expected: expected.map(ToString::to_string),
            found: found.map(ToString::to_string),
        }
    }
}

impl NoteRow {
    fn of(note: &LineNote) -> Self {
        Self {
            line: note.line(),
            reason: note.failure().map(|failure| failure.reason().code()),
            message: note.failure().map(|failure| cause(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped_and_means_the_same() {
        let names = ["a\u{9b}31m", "\u{202e}b", "\u{7f}", "\u{1b}[2J", "\u{e9}\u{1f600}\"\\"];
        let text = written(&names);
        assert!(text.chars().all(|c| matches!(c, ' '..='~' | '\n')), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), names);
    }
}
