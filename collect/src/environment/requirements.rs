//! `requirements.txt`, plain or with hashes.
//!
//! Follows pip 25's documentation of the format, and PEP 508 for each requirement.
//!
//! ```text
//! # a comment                                    to the end of the line, at its beginning or after white space
//! numpy==2.4.6 ; python_version >= "3.11" \      a backslash at the end joins the next line
//!     --hash=sha256:...
//! torch[extra]>=2.0,<3                           extras, versions
//! pkg @ https://example.org/pkg-1.0.whl          from a place
//! -r other.txt    -c limits.txt    -e ./local    named in a warning, and not followed
//! --index-url https://pypi.org/simple            options of the whole file
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `version` | package | the version of a single `==` or `===` without a star |
//! | `requirement` | package | any other condition on the version, as it is written |
//! | `marker`, `extras` | package | what follows `;`, what stands in square brackets |
//! | `uri` | package | what follows `@`; without credentials, personal if it tells of a machine |
//! | `digest` | package | each `--hash` |
//! | `index` | (empty) | `--index-url`, `--extra-index-url`, `--find-links`; without credentials, personal if it tells of a machine |
//!
//! A requirement with a hash was written by a tool, most likely, and pins the bytes: it is imported. One without is declared.
//! Variables (`${TOKEN}`) are not filled in. Bounds: 20,000 requirements; the size of the file is the caller's. In scope: one
//! file. Out of scope: the files it includes, and what pip would choose.

use attest::provenance::Source;

use super::sheet::{Sheet, line, utf8};
use crate::excerpt::excerpt;
use crate::{Collected, WarningReason};

/// Options that name another place of files.
const INDEX_OPTIONS: [&str; 4] = ["--index-url", "-i", "--extra-index-url", "--find-links"];
/// The short form of the last.
const FIND_LINKS: &str = "-f";
/// Options that take in something that is not read here.
const INCLUDES: [&str; 6] = ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"];
/// Options that change how a package is chosen, and say nothing about which.
const IGNORED: [&str; 9] = [
    "--no-index",
    "--no-binary",
    "--only-binary",
    "--prefer-binary",
    "--require-hashes",
    "--pre",
    "--trusted-host",
    "--use-feature",
    "--no-deps",
];

/// Reads requirements that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Declared);
    if let Some(text) = utf8(bytes, &mut sheet) {
        for (number, logical) in logical_lines(text) {
            entry(&logical, &line(number), &mut sheet);
        }
    }
    sheet.finish()
}

/// Lines joined at their backslashes and without comments, with the number of the first of them.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut open) = (Vec::new(), None::<(usize, String)>);
    for (index, line) in text.lines().enumerate() {
        let (number, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        // A comment ends even a line that is to be continued.
        let is_comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\').filter(|_| !is_comment) {
            Some(before) => {
                joined.push_str(before);
                open = Some((number, joined));
            }
            None => {
                if is_comment && !joined.is_empty() {
                    joined.push(' ');
                }
                joined.push_str(line);
                lines.push((number, joined));
            }
        }
    }
    lines.extend(open);
    let without = lines.into_iter().map(|(number, line)| (number, without_comment(&line).trim().to_owned()));
    without.filter(|(_, line)| !line.is_empty()).collect()
}

/// What stands before a comment: `#` at the beginning or after white space.
fn without_comment(line: &str) -> &str {
    let is_comment = |at: &usize| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(char::is_whitespace)
    };
    let at = line.match_indices('#').map(|(at, _)| at).find(is_comment);
    at.and_then(|at| line.get(..at)).unwrap_or(line)
}

fn entry(entry: &str, place: &str, sheet: &mut Sheet) {
    if entry.starts_with('-') {
        option(entry, place, sheet);
    } else {
        requirement(entry, place, sheet);
    }
}

/// An option and its value, joined by `=` or white space, or by nothing after a single letter.
fn option(entry: &str, place: &str, sheet: &mut Sheet) {
    let end = entry.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(entry.len());
    let end = if entry.starts_with("--") { end } else { end.min(2) };
    let (name, value) = entry.split_at_checked(end).unwrap_or((entry, ""));
    let value = value.trim_start_matches(['=', ' ', '\t']);
    if INDEX_OPTIONS.contains(&name) || name == FIND_LINKS {
        sheet.uri("", "index", value, place);
    } else if INCLUDES.contains(&name) {
        let text = format!("{name} {:?} is not followed", excerpt(value));
        sheet.warn(WarningReason::NotRead, place, text);
    } else if !IGNORED.contains(&name) {
        sheet.warn(WarningReason::Malformed, place, format!("option {:?} is not known", excerpt(name)));
    }
}

fn requirement(entry: &str, place: &str, sheet: &mut Sheet) {
    let Some((specifier, hashes)) = split_options(entry) else {
        let text = format!("{:?} has an option that is not known", excerpt(entry));
        return sheet.warn(WarningReason::Malformed, place, text);
    };
    let Some(parts) = Requirement::parse(specifier) else {
        // A path or an address alone, or no requirement at all.
        let is_place = specifier.contains("://") || specifier.starts_with(['.', '/', '~']);
        let reason = if is_place { WarningReason::NotRead } else { WarningReason::Malformed };
        return sheet.warn(reason, place, format!("{:?} names no package", excerpt(specifier)));
    };
    sheet.grade(if hashes.is_empty() { Source::Declared } else { Source::Imported });
    let Some(about) = sheet.package(parts.name, place) else { return };
    match (parts.uri, pinned(parts.condition)) {
        (Some(uri), _) => {
            sheet.uri(&about, "uri", uri, place);
            hashes_in(uri).for_each(|hash| sheet.hash(&about, &hash, place));
        }
        (None, Some(version)) => sheet.version(&about, version, place),
        (None, None) => sheet.text(&about, "requirement", parts.condition, place),
    }
    for (key, text) in [("extras", parts.extras), ("marker", parts.marker)] {
        if let Some(text) = text {
            sheet.text(&about, key, text, place);
        }
    }
    hashes.iter().for_each(|hash| sheet.hash(&about, hash, place));
}

/// The hashes behind the `#` of an address, where pip looks for them: `sha256=` and digits.
fn hashes_in(uri: &str) -> impl Iterator<Item = String> {
    let fragment = uri.split_once('#').map_or("", |(_, fragment)| fragment);
    let pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
    let is_hash = |name: &str| ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"].contains(&name);
    pairs.filter(move |(name, _)| is_hash(name)).map(|(name, hex)| format!("{name}:{hex}"))
}

/// A requirement and its hashes; `None` if it has another option than `--hash`.
fn split_options(entry: &str) -> Option<(&str, Vec<&str>)> {
    let at = entry.find(" --").or_else(|| entry.find("\t--")).unwrap_or(entry.len());
    let (specifier, options) = entry.split_at_checked(at)?;
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        hashes.push(match word.strip_prefix("--hash")? {
            "" => words.next()?,
            value => value.strip_prefix('=')?,
        });
    }
    Some((specifier.trim(), hashes))
}

/// The parts of a requirement.
struct Requirement<'a> {
    name: &'a str,
    extras: Option<&'a str>,
    condition: &'a str,
    uri: Option<&'a str>,
    marker: Option<&'a str>,
}

impl<'a> Requirement<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = text.find(|c: char| !is_inside(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        super::name::normalise(name)?;
        let rest = rest.trim_start();
        let (extras, rest) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (extras, rest) = rest.split_once(']')?;
                (Some(extras.trim()), rest.trim_start())
            }
            None => (None, rest),
        };
        if let Some(uri) = rest.strip_prefix('@') {
            // An address may hold a semicolon; one that ends it has white space in front.
            let (uri, marker) = match uri.split_once(" ;") {
                Some((uri, marker)) => (uri, Some(marker.trim())),
                None => (uri, None),
            };
            return Some(Self { name, extras, condition: "", uri: Some(uri.trim()), marker });
        }
        let (condition, marker) = match rest.split_once(';') {
            Some((condition, marker)) => (condition, Some(marker.trim())),
            None => (rest, None),
        };
        let condition = condition.trim();
        let condition = condition.strip_prefix('(').and_then(|c| c.strip_suffix(')')).unwrap_or(condition);
        let is_condition = condition.is_empty() || condition.starts_with(['=', '<', '>', '!', '~']);
        is_condition.then_some(Self { name, extras, condition, uri: None, marker })
    }
}

/// The version that a condition demands and no other.
fn pinned(condition: &str) -> Option<&str> {
    let version = condition.strip_prefix("===").or_else(|| condition.strip_prefix("=="))?.trim();
    (!version.contains([',', '*', '=', '<', '>', ' '])).then_some(version)
}
