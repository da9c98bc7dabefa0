//! Whether a model can have come out of another in the way somebody says, by the headers of both: names and shapes of tensors.
//!
//! A hint and no proof (spec/lineage.md, "Plausibility"): whoever wants to can give any numbers the right shapes. What a header can
//! show is that a story is wrong, and only that is said with certainty; where a way of making models leaves room, the answer is that
//! it is not known.

use std::collections::BTreeMap;
use std::fmt;

use attest::provenance::Relation;

use crate::format::Format;
use crate::report::Report;

/// The shapes of a model's tensors, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    tensors: Result<(Format, BTreeMap<String, Vec<u64>>), String>,
}

/// Whether a story can be true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "three values, closed by spec/lineage.md")]
pub enum Plausibility {
    /// Nothing in the headers speaks against it, and something for it: what.
    Plausible(String),
    /// The headers speak against it: what.
    Implausible(String),
    /// They say nothing: why.
    Unknown(String),
}

impl fmt::Display for Plausibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plausible(why) => write!(f, "plausible: {why}"),
            Self::Implausible(why) => write!(f, "implausible: {why}"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

impl Outline {
    /// Of the files of a report whose shapes were asked for. A model whose weights were not all read has none.
    pub(crate) fn of(report: &Report) -> Self {
        let mut all = BTreeMap::new();
        let mut format = None;
        for file in report.files() {
            let is_read = matches!(file.format(), Format::Safetensors | Format::Gguf);
            if !file.is_allowed() {
                return Self { tensors: Err(format!("{} is refused by the format gate", file.path())) };
            }
            if !is_read {
                continue;
            }
            if format.is_some_and(|before| before != file.format()) {
                return Self { tensors: Err("weights in two formats".to_owned()) };
            }
            format = Some(file.format());
            for (name, shape) in file.shapes() {
                if all.insert(name.clone(), shape.clone()).is_some() {
                    return Self { tensors: Err(format!("tensor {name} is in two files")) };
                }
            }
        }
        let tensors = format.filter(|_| !all.is_empty()).map(|format| (format, all));
        Self { tensors: tensors.ok_or_else(|| "no weights in safetensors or GGUF".to_owned()) }
    }

    /// Tensors by name; why there are none.
    fn tensors(&self, whose: &str) -> Result<(Format, &BTreeMap<String, Vec<u64>>), Plausibility> {
        match &self.tensors {
            Ok((format, tensors)) => Ok((*format, tensors)),
            Err(why) => Err(Plausibility::Unknown(format!("of {whose}: {why}"))),
        }
    }

    /// Whether this model can have come out of `base` in that way.
    #[must_use]
    pub fn came_of(&self, base: &Self, relation: Relation) -> Plausibility {
        let ((format, child), (base_format, base)) =
            match (self.tensors("the model"), base.tensors("the base")) {
                (Ok(child), Ok(base)) => (child, base),
                (Err(unknown), _) | (_, Err(unknown)) => return unknown,
            };
        match relation {
            Relation::Adapter => adapter(child, base),
            Relation::Distill => {
                Plausibility::Unknown("distilling keeps no tensor of the teacher".to_owned())
            }
            Relation::Pretrain => Plausibility::Unknown("a pretrained model has no base".to_owned()),
            _ if format != base_format => {
                Plausibility::Unknown(format!("{format} of {base_format}: names of tensors differ"))
            }
            // Packing numbers changes shapes under the same names.
            Relation::Quantize => same_names(child, base, false),
            Relation::Finetune | Relation::Merge | Relation::Convert => same_names(child, base, true),
        }
    }
}

type Tensors = BTreeMap<String, Vec<u64>>;

/// A model that keeps the tensors of its base, by name and, if `shapes_stay`, by shape. The vocabulary may have changed: one size of the first
/// dimension for another, the same in each tensor that has it.
fn same_names(child: &Tensors, base: &Tensors, shapes_stay: bool) -> Plausibility {
    let shared: Vec<(&String, &Vec<u64>, &Vec<u64>)> =
        base.iter().filter_map(|(name, shape)| Some((name, shape, child.get(name)?))).collect();
    let (of, all) = (shared.len(), base.len());
    if of == 0 {
        return Plausibility::Unknown(format!("no tensor has a name of the {all} of the base"));
    }
    let mut vocabulary = None;
    // Tables before biases: one row more in a bias alone is no vocabulary.
    let (tables, biases): (Vec<_>, Vec<_>) = shared.iter().partition(|(_, before, _)| before.len() > 1);
    for (name, before, after) in tables.into_iter().chain(biases) {
        if before == after || !shapes_stay {
            continue;
        }
        let change = match (before.split_first(), after.split_first()) {
            (Some((from, rest)), Some((to, other))) if rest == other => Some((*from, *to)),
            _ => None,
        };
        let is_first = vocabulary.is_none() && before.len() > 1;
        if change.is_none() || !(is_first || change == vocabulary) {
            let what = format!("tensor {name} has shape {after:?}, in the base {before:?}");
            return Plausibility::Implausible(what);
        }
        vocabulary = change;
    }
    let words = vocabulary.map_or_else(String::new, |(from, to)| format!(", with {to} rows for {from}"));
    // More than half: heads and projections are often left out or added.
    if of.saturating_mul(2) > all {
        let alike = if shapes_stay { "names and shapes" } else { "names" };
        return Plausibility::Plausible(format!("{of} of {all} tensors of the base by {alike}{words}"));
    }
    Plausibility::Unknown(format!("only {of} of {all} tensors of the base have their names{words}"))
}

/// Low-rank matrices beside weights of the base: A takes what the weight takes, B gives what it gives.
fn adapter(child: &Tensors, base: &Tensors) -> Plausibility {
    let mut fitting = 0_u64;
    for (name, shape) in child {
        let Some((module, is_a)) = module(name) else { continue };
        let Some(weight) = weight(module, base) else {
            return Plausibility::Implausible(format!("{name} is for a module that the base has not"));
        };
        let ([outer, inner], [gives, takes]) = (shape.as_slice(), weight.as_slice()) else { continue };
        let (has, wants) = if is_a { (inner, takes) } else { (outer, gives) };
        if has != wants {
            let what = format!("{name} has shape {shape:?}, and the weight of the base {weight:?}");
            return Plausibility::Implausible(what);
        }
        fitting = fitting.saturating_add(1);
    }
    match fitting {
        0 => Plausibility::Unknown("no low-rank matrices, so no shapes to compare".to_owned()),
        _ => Plausibility::Plausible(format!("{fitting} low-rank matrices fit weights of the base")),
    }
}

/// The module that a low-rank matrix is for, and whether it is A.
fn module(name: &str) -> Option<(&str, bool)> {
    let module = |end: &str| name.strip_suffix(end);
    module(".lora_A.weight").map(|module| (module, true)).or_else(|| Some((module(".lora_B.weight")?, false)))
}

/// The base's weight of that module, whose name there may begin later: wrappers put words before it.
fn weight<'a>(module: &str, base: &'a Tensors) -> Option<&'a Vec<u64>> {
    let mut rest = module;
    loop {
        if let Some(shape) = base.get(&format!("{rest}.weight")) {
            return Some(shape);
        }
        rest = rest.split_once('.')?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and shapes.
    type Tensors<'a> = &'a [(&'a str, &'a [u64])];

    fn outline(tensors: &[(&str, &[u64])]) -> Outline {
        let tensors = tensors.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
        Outline { tensors: Ok((Format::Safetensors, tensors)) }
    }

    fn base() -> Outline {
        outline(&[("embed.weight", &[100, 8]), ("q.weight", &[16, 8]), ("norm.weight", &[8])])
    }

    fn code(answer: &Plausibility) -> &'static str {
        match answer {
            Plausibility::Plausible(_) => "plausible",
            Plausibility::Implausible(_) => "implausible",
            Plausibility::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn a_finetune_keeps_names_and_shapes_but_for_one_vocabulary() {
        let more = [("embed.weight", &[104_u64, 8][..]), ("q.weight", &[16, 8]), ("norm.weight", &[8])];
        let head = [more[0], more[1], more[2], ("head.weight", &[2, 8])];
        let bias = [more[0], more[1], ("norm.weight", &[104])];
        let cases: [(Tensors<'_>, &str); 8] = [
            (&more, "plausible"),
            (&bias, "implausible"),
            (&[("embed.weight", &[100, 8]), more[1], ("norm.weight", &[9])], "implausible"),
            (&head, "plausible"),
            (&[more[0], ("q.weight", &[17, 8]), more[2]], "implausible"),
            (&[("embed.weight", &[100, 9]), more[1], more[2]], "implausible"),
            (&[more[0]], "unknown"),
            (&[("other.weight", &[100, 8])], "unknown"),
        ];
        for (tensors, wanted) in cases {
            let answer = outline(tensors).came_of(&base(), Relation::Finetune);
            assert_eq!(code(&answer), wanted, "{tensors:?}: {answer}");
        }
        let answer = outline(&more).came_of(&base(), Relation::Finetune);
        assert_eq!(
            answer.to_string(),
            "plausible: 3 of 3 tensors of the base by names and shapes, with 104 rows for 100"
        );
    }

    #[test]
    fn an_adapter_fits_modules_of_its_base() {
        let path = "base_model.model.q";
        let (a, b) = (format!("{path}.lora_A.weight"), format!("{path}.lora_B.weight"));
        let other = "base_model.model.k.lora_A.weight";
        let cases: [(Tensors<'_>, &str); 5] = [
            (&[(&a, &[4, 8]), (&b, &[16, 4])], "plausible"),
            (&[(&a, &[4, 9])], "implausible"),
            (&[(&b, &[17, 4])], "implausible"),
            (&[(other, &[4, 8])], "implausible"),
            (&[("prompt", &[4, 8])], "unknown"),
        ];
        for (tensors, wanted) in cases {
            let answer = outline(tensors).came_of(&base(), Relation::Adapter);
            assert_eq!(code(&answer), wanted, "{tensors:?}: {answer}");
        }
    }

    #[test]
    fn where_a_way_leaves_room_nothing_is_claimed() {
        let packed = outline(&[("embed.weight", &[100, 8]), ("q.weight", &[64, 1]), ("norm.weight", &[8])]);
        assert_eq!(code(&packed.came_of(&base(), Relation::Quantize)), "plausible");
        assert_eq!(code(&packed.came_of(&base(), Relation::Convert)), "implausible");
        assert_eq!(code(&packed.came_of(&base(), Relation::Distill)), "unknown");
        let unread = Outline { tensors: Err("no weights".to_owned()) };
        assert_eq!(
            unread.came_of(&base(), Relation::Finetune).to_string(),
            "unknown: of the model: no weights"
        );
        assert_eq!(
            base().came_of(&unread, Relation::Finetune).to_string(),
            "unknown: of the base: no weights"
        );
    }
}
