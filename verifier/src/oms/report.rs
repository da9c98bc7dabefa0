//! A verdict on an OMS signature in words, for people and for programs.
//!
//! The words may change between versions; the JSON keys, the codes and the exit codes may not.

use std::fmt::{self, Write as _};

use attest::oms::{Method, OmsStatement, Symlinks, Version};
use serde::Serialize;

use super::contents::LeftOutBy;
use super::failure::OmsFailure;
use super::{OmsFacts, OmsRefusal, OmsSigner, OmsVerdict};
use crate::outcome::Outcome;
use crate::reason::{Class, Reason, Step};
use crate::report::{Style, cause, difference_rows, plain, quoted, size, utc, written};

/// Paths that are listed by name; `--json` lists them all.
const MAX_LISTED: usize = 20;

/// The steps an OMS signature goes through. Those of a log are never among them.
const STEPS: [Step; 5] = [Step::Read, Step::Statement, Step::Signature, Step::Requirements, Step::Contents];

/// What no verdict on an OMS signature looks at, as code and words.
const NEVER_CHECKED: [(&str, &str); 4] = [
    (
        "log",
        "whether anybody else can see that this was signed: OMS has no log proof for a key or certificate",
    ),
    ("provenance", "what the model was made from: OMS says nothing of it"),
    ("name", "the model's name and version: OMS has none that a signer is held to"),
    ("behaviour", "behaviour, safety and licence of the model"),
];

/// What a certificate leaves open.
const REVOCATION: (&str, &str) =
    ("revocation", "whether a certificate was revoked, and when the signature was made");

/// What a bundle may carry for other readers.
const EVIDENCE: (&str, &str) = ("evidence", "log entries and timestamps in the bundle");

struct Page<'a> {
    text: String,
    style: Style,
    verdict: &'a OmsVerdict,
    facts: &'a OmsFacts,
    refusal: Option<&'a OmsRefusal>,
}

fn parts(verdict: &OmsVerdict) -> (&OmsFacts, Option<&OmsRefusal>) {
    match verdict.result() {
        Ok(model) => (model.facts(), None),
        Err(refusal) => (refusal.facts(), Some(refusal)),
    }
}

fn not_checked(facts: &OmsFacts) -> impl Iterator<Item = (&'static str, &'static str)> {
    let chain = facts.signer().is_some_and(|signer| signer.subjects().next().is_some());
    let evidence = (facts.unchecked_evidence() > 0).then_some(EVIDENCE);
    evidence.into_iter().chain(chain.then_some(REVOCATION)).chain(NEVER_CHECKED)
}

/// Writes the verdict for people, in ASCII, each line ended by LF.
#[must_use]
pub fn text(verdict: &OmsVerdict, style: Style) -> String {
    let (facts, refusal) = parts(verdict);
    let mut page = Page { text: String::new(), style, verdict, facts, refusal };
    // Writing to a String cannot fail.
    let _: fmt::Result = page.write();
    page.text
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        for step in STEPS {
            self.step(step)?;
        }
        if let Some(refusal) = self.refusal {
            self.text.push_str(&difference_rows(refusal.failure().differences()));
        }
        self.facts()?;
        self.left_out()?;
        writeln!(self.text, "\nnot checked:")?;
        for (_, words) in not_checked(self.facts) {
            writeln!(self.text, "  {words}")?;
        }
        self.conclusion()
    }

    fn step(&mut self, step: Step) -> fmt::Result {
        let outcome = self.facts.outcomes().of(step);
        let (mark, words) = match (outcome, self.refusal) {
            (Outcome::Fail, Some(refusal)) => {
                let failure = refusal.failure();
                (self.style.red("NO"), format!("{}: {}", failure.reason(), cause(failure)))
            }
            (Outcome::Pass, _) => (self.style.green("ok"), self.established(step)),
            _ => ("--".to_owned(), "not looked at".to_owned()),
        };
        writeln!(self.text, "  {mark}  {:<13} {words}", step.code())
    }

    /// What a step that passed has established, in a few words.
    fn established(&self, step: Step) -> String {
        let facts = self.facts;
        let words = match step {
            Step::Read => Some(plain(&self.verdict.bundle().to_string_lossy())),
            Step::Statement => Some(facts.statement().map_or_else(
                || "OMS".to_owned(),
                |statement| format!("OMS {}, {}", version(statement), method(statement)),
            )),
            Step::Signature => facts.signer().map_or(Some("holds".to_owned()), |signer| {
                let id: String = signer.key_id().to_string().chars().take(16).collect();
                Some(format!("ECDSA {} key {id}..", signer.curve()))
            }),
            Step::Requirements => facts.signer().map(|signer| {
                let anchor = self.verdict.anchor().map(|anchor| plain(&anchor.path().to_string_lossy()));
                let anchor = anchor.unwrap_or_default();
                match signer.subjects().count() {
                    0 => format!("the key in {anchor}"),
                    links => format!("{links} certificates to {anchor}, all valid at {}", self.verdict.at()),
                }
            }),
            Step::Contents => facts.contents().map(|contents| {
                let noun = if contents.files() == 1 { "file" } else { "files" };
                format!("{} {noun}, {}, all as signed", contents.files(), size(contents.bytes()))
            }),
            _ => None,
        };
        words.unwrap_or_default()
    }

    fn facts(&mut self) -> fmt::Result {
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let Some(signer) = self.facts.signer() {
            rows.push(("signer", format!("ECDSA {} {}", signer.curve(), signer.key_id())));
            rows.extend(signer.subjects().map(|subject| ("certificate", plain(subject))));
            if let Some(last) = signer.valid_until() {
                rows.push(("valid until", utc(last)));
            }
            // What a statement says is worth a line only if somebody the caller named said it.
            if let Some(statement) = self.facts.statement() {
                rows.extend(statement.name().map(|name| ("called", plain(name))));
                let root = statement.manifest().root();
                rows.push(("root digest", format!("{root}, which covers no names")));
            }
        }
        if !rows.is_empty() {
            writeln!(self.text)?;
        }
        for (label, value) in rows {
            writeln!(self.text, "  {label:<14} {value}")?;
        }
        Ok(())
    }

    fn left_out(&mut self) -> fmt::Result {
        let Some(contents) = self.facts.contents().filter(|contents| !contents.left_out().is_empty()) else {
            return Ok(());
        };
        writeln!(self.text, "\nhere, and covered by nothing:")?;
        for left_out in contents.left_out().iter().take(MAX_LISTED) {
            let why = match left_out.by() {
                LeftOutBy::Method => "empty, which shards cannot cover",
                LeftOutBy::Signature => "the signature",
                LeftOutBy::Signer => "left out by the signer",
                LeftOutBy::Specification => "on the list of inert paths",
            };
            writeln!(self.text, "  {:<34} {why}", plain(left_out.path().as_str()))?;
        }
        match contents.left_out().len().checked_sub(MAX_LISTED) {
            None | Some(0) => Ok(()),
            Some(more) => writeln!(self.text, "  and {more} more; --json lists them all"),
        }
    }

    fn conclusion(&mut self) -> fmt::Result {
        let model = plain(&self.verdict.model().to_string_lossy());
        let Some(refusal) = self.refusal else {
            let word = self.style.green("VERIFIED");
            return writeln!(self.text, "\n{model}  {word} by its OMS signature alone");
        };
        let reason = refusal.failure().reason();
        let word = match reason.class() {
            Class::VerifiedFalse => "FALSE",
            Class::Refused => "REFUSED",
            Class::Undecidable => "UNDECIDED",
            Class::Io => "NOT READ",
        };
        let word = self.style.red(word);
        writeln!(self.text, "\n{model}  {word}: {reason} (exit code {})", reason.exit_code())?;
        let model = quoted(self.verdict.model());
        // The remedy of the table speaks of our own bundle file.
        if let OmsFailure::BundleMissing { path, has_own } = refusal.failure() {
            let path = plain(&path.to_string_lossy());
            writeln!(self.text, "  An OMS signature was looked for at {path}, and none is there.")?;
            if *has_own {
                writeln!(self.text, "  by the bundle it has:   tallymark-verify {model}")?;
            }
            writeln!(
                self.text,
                "  if it lies elsewhere:   tallymark-verify {model} --oms=FILE --oms-key FILE"
            )?;
            return writeln!(
                self.text,
                "  if the model is yours:  tallymark sign {model} --as NAME:VERSION --oms"
            );
        }
        writeln!(self.text, "  {}", reason.remedy())?;
        match reason {
            Reason::NoAnchor => {
                writeln!(self.text, "  with the signer's key:  tallymark-verify {model} --oms --oms-key FILE")
            }
            _ => Ok(()),
        }
    }
}

const fn version(statement: &OmsStatement) -> &'static str {
    match statement.version() {
        Version::V0_1 => "v0.1",
        _ => "v1.0",
    }
}

fn method(statement: &OmsStatement) -> String {
    let serialization = statement.manifest().serialization();
    let count = statement.manifest().resources().len();
    let links = match serialization.symlinks() {
        Symlinks::Followed => ", links to files followed",
        Symlinks::Refused => "",
    };
    match serialization.method() {
        Method::Files => format!("{count} resources{links}"),
        Method::Shards { bytes } => format!("{count} shards of {bytes} bytes{links}"),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    kind: &'static str,
    /// `verified`, or the class of the refusal.
    verdict: &'static str,
    exit_code: u8,
    reason: Option<&'static str>,
    message: Option<String>,
    model: String,
    bundle: String,
    anchor: Option<String>,
    /// The time at which certificates were judged.
    at: String,
    version: Option<&'static str>,
    name: Option<&'a str>,
    root_digest: Option<String>,
    signer: Option<Signer<'a>>,
    files_hashed: Option<usize>,
    bytes_hashed: Option<u64>,
    steps: Vec<StepRow>,
    files: Vec<crate::report::FileRow>,
    left_out: Vec<LeftOutRow<'a>>,
    not_checked: Vec<&'static str>,
}

#[derive(Serialize)]
struct Signer<'a> {
    key_id: String,
    algorithm: String,
    /// From the leaf to the authority; empty if the key itself was given.
    certificates: Vec<&'a str>,
    valid_until: Option<u64>,
}

impl<'a> Signer<'a> {
    fn of(signer: &'a OmsSigner) -> Self {
        Self {
            key_id: signer.key_id().to_string(),
            algorithm: format!("ECDSA {}", signer.curve()),
            certificates: signer.subjects().collect(),
            valid_until: signer.valid_until(),
        }
    }
}

#[derive(Serialize)]
struct StepRow {
    number: u8,
    step: &'static str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct LeftOutRow<'a> {
    path: &'a str,
    by: &'static str,
}

/// Writes the verdict as one JSON object, indented, with a final LF.
#[must_use]
pub fn json(verdict: &OmsVerdict) -> String {
    let (facts, refusal) = parts(verdict);
    let failure = refusal.map(OmsRefusal::failure);
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let statement = facts.statement();
    let report = Report {
        schema_version: crate::report::SCHEMA_VERSION,
        kind: "oms",
        verdict: failure.map_or("verified", |failure| failure.reason().class().code()),
        exit_code: verdict.exit_code(),
        reason: failure.map(|failure| failure.reason().code()),
        message: failure.map(|failure| cause(failure)),
        model: path(verdict.model()),
        bundle: path(verdict.bundle()),
        anchor: verdict.anchor().map(|anchor| path(anchor.path())),
        at: verdict.at().to_string(),
        version: statement.map(version),
        name: statement.and_then(OmsStatement::name),
        root_digest: statement.map(|statement| statement.manifest().root().to_string()),
        signer: facts.signer().map(Signer::of),
        files_hashed: facts.contents().map(|contents| contents.files()),
        bytes_hashed: facts.contents().map(|contents| contents.bytes()),
        steps: STEPS
            .into_iter()
            .map(|step| StepRow {
                number: step.number(),
                step: step.code(),
                outcome: facts.outcomes().of(step).code(),
            })
            .collect(),
        files: failure.map_or_else(Vec::new, |failure| {
            failure.differences().iter().map(crate::report::FileRow::of).collect()
        }),
        left_out: facts.contents().map_or_else(Vec::new, |contents| {
            contents
                .left_out()
                .iter()
                .map(|one| LeftOutRow { path: one.path().as_str(), by: one.by().code() })
                .collect()
        }),
        not_checked: not_checked(facts).map(|(code, _)| code).collect(),
    };
    written(&report)
}
