//! The run that made the model: `formulation`.

use attest::role::Role;

use super::{MODEL, components, hashes};
use crate::bill::Bill;
use crate::cited_json::Json;
use crate::field::Field;
use crate::serial;
use crate::value::Value;

/// The run, if anything is known of it.
pub(super) fn of(bill: &Bill) -> Option<Json> {
    bill.relation()?;
    let time = |key: &str| bill.value(Field::RunTime, "", key).filter(|value| is_moment(value.text()));
    let mut members = vec![
        ("bom-ref", Json::text("run")),
        ("uid", Json::text(serial::of(bill, "run"))),
        ("taskTypes", Json::List(vec![Json::text("build")])),
    ];
    members.extend(bill.values(Field::Relation).first().map(|value| ("name", Json::of(value))));
    members.extend(command(bill).map(|step| ("steps", Json::List(vec![step]))));
    members.extend(Json::list(inputs(bill)).map(|inputs| ("inputs", inputs)));
    members.push(("outputs", Json::List(outputs(bill))));
    members.extend(time("started").map(|value| ("timeStart", Json::of(value))));
    members.extend(time("finished").map(|value| ("timeEnd", Json::of(value))));
    let formula = Json::Object(vec![
        ("bom-ref", Json::text("formula")),
        ("workflows", Json::List(vec![Json::Object(members)])),
    ]);
    Some(Json::List(vec![formula]))
}

/// `date-time` of RFC 3339 in UTC; a tracker may write something else.
fn is_moment(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else { return false };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_fraction && format!("{whole}Z").parse::<attest::utc_time::UtcTime>().is_ok()
}

fn command(bill: &Bill) -> Option<Json> {
    let words: Vec<&Value> = bill
        .values_about(Field::Command, "")
        .filter(|value| value.key() == "program" || value.key().starts_with("argument-"))
        .collect();
    let program = words.iter().find(|value| value.key() == "program")?;
    let arguments = words.iter().filter(|value| value.key() != "program").map(|value| value.text());
    let line: Vec<&str> = std::iter::once(program.text()).chain(arguments).collect();
    let executed = Json::as_proven_by(program, line.join(" "));
    let commands = Json::List(vec![Json::Object(vec![("executed", executed)])]);
    Some(Json::Object(vec![("name", Json::text("start")), ("commands", commands)]))
}

fn inputs(bill: &Bill) -> Vec<Json> {
    let refs = bill.inputs().iter().filter(|input| matches!(input.role(), Role::Dataset | Role::BaseModel));
    refs.map(|input| {
        let reference = components::reference(input.role(), input.name().as_str());
        Json::Object(vec![("resource", Json::Object(vec![("ref", Json::text(reference))]))])
    })
    .collect()
}

fn outputs(bill: &Bill) -> Vec<Json> {
    let output =
        |kind: &str, resource: Json| Json::Object(vec![("type", Json::text(kind)), ("resource", resource)]);
    let mut outputs = vec![output("artifact", Json::Object(vec![("ref", Json::text(MODEL))]))];
    for value in bill.values(Field::TrainingLog) {
        let mut reference = vec![("url", Json::text(value.about())), ("type", Json::text("log"))];
        reference.extend(hashes(std::iter::once(value)).map(|hashes| ("hashes", hashes)));
        outputs.push(output("log", Json::Object(vec![("externalReference", Json::Object(reference))])));
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_moments_are_written_as_times() {
        for text in ["2026-11-27T08:25:24Z", "2026-11-27T08:25:24.960Z"] {
            assert!(is_moment(text), "{text}");
        }
        for text in [
            "",
            "Z",
            "2026-11-27",
            "2026-11-27T08:25:24+01:00",
            "2026-11-27T08:25:24.Z",
            "2026-11-27T08:25:24.1x.2Z",
        ] {
            assert!(!is_moment(text), "{text}");
        }
    }
}
