//! `tallymark attest transform`: the provenance of a model that was computed from others.

use crate::args::{Manner, MaterialArgs, TransformArgs, TransformName};
use crate::gather::Gathered;
use crate::hidden::Hidden;
use crate::message::Failure;
use crate::preview::KeptBack;
use crate::sign::Release;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransformError {
    /// A relation to another number of models.
    #[error("{seen} models given for this relation, want {want}")]
    Parents { seen: usize, want: &'static str },
}

/// Runs it.
pub(crate) fn run(args: &TransformArgs, manner: Manner) -> Result<(), Failure> {
    refuse_other_number(args)?;
    let materials = MaterialArgs {
        hash_cache: None,
        data: args.data.clone(),
        base: args.parent.clone(),
        adapter: args.adapter.clone(),
        code: args.code.clone(),
        relation: Some(args.relation.into()),
        threads: args.threads,
    };
    let hidden = Hidden::begin(&args.private, &args.out)?;
    let gathered = Gathered::from_sources(&args.gather, &args.out, manner)?;
    let kept = KeptBack { facts: gathered.left_out(), hidden };
    let run = gathered.into_run(None, None)?;
    let (name_version, materials, publish) = (&args.name_version, &materials, &args.publish);
    Release { model: &args.out, name_version, materials, publish, run, inputs_before: None, oms: None, kept }
        .sign(manner)
}

/// A model that is the same in other numbers or another format has one parent, and nothing is merged of one.
fn refuse_other_number(args: &TransformArgs) -> Result<(), TransformError> {
    let seen = args.parent.len() + args.adapter.len();
    let (fits, want) = match args.relation {
        TransformName::Quantize | TransformName::Convert => (seen == 1, "one"),
        TransformName::Merge => (seen >= 2, "two or more"),
        TransformName::Adapter | TransformName::Distill => (seen >= 1, "one or more"),
    };
    if fits { Ok(()) } else { Err(TransformError::Parents { seen, want }) }
}
