//! How much of a bill is proven: the share of fields that are verified, imported, declared, missing.
//!
//! A field counts once, as its weakest thing, and each thing as its strongest value ([`Bill::grade`]). Fields that may well be
//! absent from a whole bill do not count.

use std::fmt::Write as _;

use crate::bill::{Bill, Standing};
use crate::cited_json::Json;
use crate::field::{Field, Section};
use crate::value::Grade;

/// How many fields are how well known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    verified: usize,
    imported: usize,
    declared: usize,
    missing: usize,
}

impl Shares {
    /// Of the fields that count in the whole bill.
    #[must_use]
    pub fn of(bill: &Bill) -> Self {
        Self::over(bill, Field::ALL)
    }

    fn over(bill: &Bill, fields: impl IntoIterator<Item = Field>) -> Self {
        let mut shares = Self::default();
        for field in fields.into_iter().filter(|field| bill.counts(*field)) {
            match bill.grade(field) {
                Some(Grade::Verified) => shares.verified += 1,
                Some(Grade::Imported) => shares.imported += 1,
                Some(Grade::Declared) => shares.declared += 1,
                None => shares.missing += 1,
            }
        }
        shares
    }

    /// Fields that are verified.
    #[must_use]
    pub const fn verified(&self) -> usize {
        self.verified
    }

    /// All that count.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.verified + self.imported + self.declared + self.missing
    }

    /// Whether at least so many per cent are verified.
    #[must_use]
    pub const fn has_verified(&self, percent: u8) -> bool {
        self.verified * 100 >= self.total() * percent as usize
    }

    pub(crate) const fn columns(&self) -> [(&'static str, usize); 4] {
        [
            ("verified", self.verified),
            ("imported", self.imported),
            ("declared", self.declared),
            ("missing", self.missing),
        ]
    }
}

/// Tenths of a per cent, rounded down.
fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000).checked_div(whole).unwrap_or(0);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// The shares and what is missing, for a terminal.
#[must_use]
pub fn text(bill: &Bill) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{}:{} sha256:{}", bill.name(), bill.version(), bill.tree_digest());
    if bill.standing() == Standing::Unverified {
        let _ = writeln!(text, "UNVERIFIED: nothing in this bill was proven");
    }
    let _ = writeln!(
        text,
        "\n{:<22}{:>8}{:>10}{:>10}{:>10}{:>9}",
        "section", "fields", "verified", "imported", "declared", "missing"
    );
    let mut row = |name: &str, shares: Shares| {
        let [(_, verified), (_, imported), (_, declared), (_, missing)] = shares.columns();
        let _ = writeln!(
            text,
            "{name:<22}{:>8}{verified:>10}{imported:>10}{declared:>10}{missing:>9}",
            shares.total()
        );
    };
    for section in Section::ALL {
        row(section.title(), Shares::over(bill, section.fields()));
    }
    let all = Shares::of(bill);
    row("all", all);
    let of_all = all.columns().map(|(word, count)| format!("{word} {}", percent(count, all.total())));
    let _ = writeln!(text, "\n{}", of_all.join(", "));
    let _ = writeln!(text, "\nmissing:");
    for (field, why) in missing(bill) {
        let _ = writeln!(text, "  {:<22} {why}", field.name());
    }
    if bill.unplaced() > 0 {
        let _ = writeln!(text, "\n{} facts of the statement have no place in a bill", bill.unplaced());
    }
    text
}

/// The same for programs, as one JSON object.
#[must_use]
pub fn json(bill: &Bill) -> String {
    let shares = |shares: Shares| {
        Json::Object(shares.columns().map(|(word, count)| (word, Json::Number(count as u64))).to_vec())
    };
    let sections = Section::ALL.into_iter().map(|section| {
        let fields = section.fields().map(|field| field_json(bill, field)).collect();
        Json::Object(vec![
            ("section", Json::text(section.title())),
            ("shares", shares(Shares::over(bill, section.fields()))),
            ("fields", Json::List(fields)),
        ])
    });
    let sections = sections.collect();
    let standing = match bill.standing() {
        Standing::Verified => "verified",
        Standing::Unverified => "unverified",
    };
    Json::Object(vec![
        ("schema_version", Json::Number(1)),
        ("name", Json::text(bill.name().as_str())),
        ("version", Json::text(bill.version().as_str())),
        ("tree_digest", Json::text(bill.tree_digest().to_string())),
        ("standing", Json::text(standing)),
        ("shares", shares(Shares::of(bill))),
        ("facts_without_a_place", Json::Number(bill.unplaced() as u64)),
        ("sections", Json::List(sections)),
    ])
    .to_document()
}

fn field_json(bill: &Bill, field: Field) -> Json {
    let grade = bill.grade(field).map_or("missing", Grade::as_str);
    let mut members = vec![
        ("field", Json::text(field.name())),
        ("counts", Json::text(if bill.counts(field) { "yes" } else { "no" })),
        ("grade", Json::text(grade)),
        ("values", Json::Number(bill.values(field).len() as u64)),
    ];
    if let Some(missing) = bill.missing(field) {
        members.push(("missing", Json::text(missing.code())));
        members.extend(
            Json::list(bill.gaps(field).into_iter().map(Json::text).collect())
                .map(|gaps| ("missing_for", gaps)),
        );
    }
    Json::Object(members)
}

/// The fields that count and are missing, each with the reason in words.
pub(crate) fn missing(bill: &Bill) -> Vec<(Field, String)> {
    let counted = Field::ALL.into_iter().filter(|field| bill.counts(*field));
    counted.filter_map(|field| Some((field, why_missing(bill, field)?))).collect()
}

/// Why the field is missing; about which things, if it is only about some.
pub(crate) fn why_missing(bill: &Bill, field: Field) -> Option<String> {
    let missing = bill.missing(field)?;
    if bill.values(field).is_empty() {
        return Some(missing.to_string());
    }
    let things: Vec<String> = bill.gaps(field).into_iter().take(5).map(crate::shown::shown).collect();
    Some(format!("for {}: no verified statement says it", things.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_that_counts_and_none_of_nothing() {
        let shares = Shares { verified: 1, imported: 0, declared: 0, missing: 2 };
        assert!(shares.has_verified(33) && !shares.has_verified(34));
        assert_eq!(
            (percent(1, 3), percent(0, 0), percent(3, 3)),
            ("33.3%".into(), "0.0%".into(), "100.0%".into())
        );
    }
}
