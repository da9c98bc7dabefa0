//! What others ask of a bill, element by element: known, known in part, or not, and why.
//!
//! A profile is a list of the elements in our words, with the number that the source gives them where it gives one, and the
//! fields that answer each. It is no claim that a demand is met: whether what is known suffices is for a person to say.

mod elements;

use std::fmt::Write as _;

use crate::bill::{Bill, Standing};
use crate::check::why_missing;
use crate::cited_json::Json;
use crate::field::Field;

/// Whose list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/bom.md")]
pub enum Profile {
    /// The six sections that this project set out to fill.
    Seed,
    /// Regulation (EU) 2024/1689, Annex XI: documentation of general-purpose AI models.
    AnnexXi,
    /// "Software Bill of Materials for AI: Minimum Elements" of the G7 and CISA, May 2026.
    G7,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Seed, Self::AnnexXi, Self::G7];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Seed => "The six sections",
            Self::AnnexXi => "EU AI Act, Annex XI",
            Self::G7 => "G7 and CISA minimum elements of an SBOM for AI",
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::AnnexXi => "eu-annex-xi",
            Self::G7 => "g7",
        }
    }

    /// Its elements, in the order of the source.
    #[must_use]
    pub const fn elements(self) -> &'static [Element] {
        match self {
            Self::Seed => &elements::SEED,
            Self::AnnexXi => &elements::ANNEX_XI,
            Self::G7 => &elements::G7,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    place: &'static str,
    words: &'static str,
    answer: Answer,
}

/// Where the answer is.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// In these fields.
    Fields(&'static [Field]),
    /// The bill itself has it, always.
    TheBill(&'static str),
    /// The time of the bill.
    TheTime,
    /// Nowhere, for this reason.
    Nowhere(&'static str),
}

/// What is known of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "three values")]
pub enum Status {
    /// Every field that answers it has a value.
    Known,
    /// Some have.
    InPart,
    /// None has.
    Unknown,
}

impl Status {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::InPart => "in part",
            Self::Unknown => "not known",
        }
    }
}

impl Element {
    const fn fields(place: &'static str, words: &'static str, fields: &'static [Field]) -> Self {
        Self { place, words, answer: Answer::Fields(fields) }
    }

    const fn bill(place: &'static str, words: &'static str, what: &'static str) -> Self {
        Self { place, words, answer: Answer::TheBill(what) }
    }

    const fn nowhere(place: &'static str, words: &'static str, why: &'static str) -> Self {
        Self { place, words, answer: Answer::Nowhere(why) }
    }

    /// Number or group in the source.
    #[must_use]
    pub const fn place(&self) -> &'static str {
        self.place
    }

    /// What is asked for, in our words.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        self.words
    }

    /// What is known of it.
    #[must_use]
    pub fn status(&self, bill: &Bill) -> Status {
        match self.answer {
            Answer::Fields(fields) => {
                let known = fields.iter().filter(|field| bill.grade(**field).is_some()).count();
                let some = fields.iter().any(|field| !bill.values(*field).is_empty());
                match (known == fields.len(), some) {
                    (true, _) => Status::Known,
                    (false, true) => Status::InPart,
                    (false, false) => Status::Unknown,
                }
            }
            Answer::TheBill(_) => Status::Known,
            Answer::TheTime if bill.time().is_some() => Status::Known,
            Answer::TheTime | Answer::Nowhere(_) => Status::Unknown,
        }
    }

    /// Each field that answers it with its grade, or the reason why there is none.
    #[must_use]
    pub fn reasons(&self, bill: &Bill) -> Vec<String> {
        match self.answer {
            Answer::Fields(fields) => fields
                .iter()
                .map(|field| match (bill.grade(*field), why_missing(bill, *field)) {
                    (Some(grade), _) => format!("{}: {grade}", field.label()),
                    (None, Some(why)) => format!("{}: missing, {why}", field.label()),
                    (None, None) => field.label().to_owned(),
                })
                .collect(),
            Answer::TheBill(what) | Answer::Nowhere(what) => vec![what.to_owned()],
            Answer::TheTime => vec![match bill.time() {
                Some(time) => time.to_string(),
                None => "no time was given".to_owned(),
            }],
        }
    }
}

/// The list for a terminal.
#[must_use]
pub fn text(bill: &Bill, profile: Profile) -> String {
    let mut text = format!("{}: {}:{}\n", profile.title(), bill.name(), bill.version());
    if bill.standing() == Standing::Unverified {
        text.push_str("UNVERIFIED: nothing in this bill was proven\n");
    }
    for element in profile.elements() {
        let status = element.status(bill).as_str();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "\n{:<10} {:<9} {}", element.place, status, element.words);
        for reason in element.reasons(bill) {
            let _ = writeln!(text, "                       {reason}");
        }
    }
    let counts = [Status::Known, Status::InPart, Status::Unknown].map(|status| {
        let count = profile.elements().iter().filter(|element| element.status(bill) == status).count();
        format!("{count} {}", status.as_str())
    });
    let _ = writeln!(text, "\n{} of {} elements", counts.join(", "), profile.elements().len());
    text
}

/// The list for programs, as one JSON object.
#[must_use]
pub fn json(bill: &Bill, profile: Profile) -> String {
    let elements = profile.elements().iter().map(|element| {
        Json::Object(vec![
            ("place", Json::text(element.place)),
            ("element", Json::text(element.words)),
            ("status", Json::text(element.status(bill).as_str())),
            ("reasons", Json::List(element.reasons(bill).into_iter().map(Json::text).collect())),
        ])
    });
    Json::Object(vec![
        ("schema_version", Json::Number(1)),
        ("profile", Json::text(profile.name())),
        ("name", Json::text(bill.name().as_str())),
        ("version", Json::text(bill.version().as_str())),
        ("elements", Json::List(elements.collect())),
    ])
    .to_document()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_as_long_as_their_sources() {
        let places = |profile: Profile, place: &str| {
            profile.elements().iter().filter(|element| element.place.starts_with(place)).count()
        };
        assert_eq!((places(Profile::AnnexXi, "1"), places(Profile::AnnexXi, "2")), (11, 3));
        let clusters = ["metadata", "system", "model", "dataset", "infra", "security", "KPI"];
        assert_eq!(clusters.map(|cluster| places(Profile::G7, cluster)), [10, 9, 13, 10, 2, 4, 2]);
        assert_eq!(Profile::G7.elements().len(), 50);
    }

    /// The seed's list is the whole bill: no field is outside of it.
    #[test]
    fn every_field_that_counts_answers_an_element_of_the_six_sections() {
        let answered = |field: &Field| {
            Profile::Seed.elements().iter().any(|element| match element.answer {
                Answer::Fields(fields) => fields.contains(field),
                _ => false,
            })
        };
        let left: Vec<Field> =
            Field::ALL.into_iter().filter(|field| field.counts() && !answered(field)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
