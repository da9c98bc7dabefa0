//! Which element has what to do with which.

use super::{Graph, elements, verified_using};
use crate::cited_json::Json;
use crate::field::Field;

/// Adds the run and all relations. What is an input went into the model; what a tool only names beside inputs is related to it
/// in some other way, which nobody told.
pub(super) fn all(
    graph: &mut Graph<'_>,
    model: &str,
    signer: Option<String>,
    datasets: &[(&str, String)],
    bases: &[(&str, String)],
) {
    let bill = graph.bill;
    let (trained_on, other_data) = split(datasets, &bill.things(Field::DatasetName));
    let (descends_from, other_models) = split(bases, &bill.things(Field::BaseModel));
    graph.relate(model, "trainedOn", trained_on.clone());
    graph.relate(model, "descendantOf", descends_from.clone());
    graph.relate(model, "other", other_data.into_iter().chain(other_models).collect());
    if bill.relation().is_some() {
        let build = graph.add("run", "build_Build", elements::build(bill));
        graph.relate(&build, "hasInput", trained_on.into_iter().chain(descends_from).collect());
        graph.relate(&build, "hasOutput", vec![model.to_owned()]);
        graph.relate(&build, "invokedBy", signer.into_iter().collect());
        let logs = bill.values(Field::TrainingLog).iter();
        let logs = logs
            .map(|value| {
                let mut members = vec![("name", Json::text(value.about()))];
                members
                    .extend(verified_using(std::iter::once(value)).map(|hashes| ("verifiedUsing", hashes)));
                graph.add("log", "software_File", members)
            })
            .collect();
        graph.relate(&build, "hasEvidence", logs);
    }
    let missing = Field::ALL.into_iter().filter_map(|field| Some((field, bill.missing(field)?)));
    let missing: Vec<String> =
        missing.map(|(field, why)| format!("{}: {}", field.name(), why.code())).collect();
    if !missing.is_empty() {
        graph.annotate(model, format!("missing\n{}", missing.join("\n")));
    }
}

/// Identifiers of those that are meant, and of the others.
fn split(named: &[(&str, String)], meant: &[&str]) -> (Vec<String>, Vec<String>) {
    let (inside, outside): (Vec<_>, Vec<_>) = named.iter().partition(|(name, _)| meant.contains(name));
    let ids = |pairs: Vec<&(&str, String)>| pairs.into_iter().map(|(_, id)| id.clone()).collect();
    (ids(inside), ids(outside))
}
