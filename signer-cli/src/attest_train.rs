//! `tallymark attest train`: a provenance for a run that is over, from what others recorded of it.

use crate::args::{Manner, TrainArgs};
use crate::gather::Gathered;
use crate::hidden::Hidden;
use crate::message::Failure;
use crate::preview::KeptBack;
use crate::sign::Release;

/// Runs it.
pub(crate) fn run(args: &TrainArgs, manner: Manner) -> Result<(), Failure> {
    let hidden = Hidden::begin(&args.private, &args.model)?;
    let gathered = Gathered::from_sources(&args.gather, &args.model, manner)?;
    let kept = KeptBack { facts: gathered.left_out(), hidden };
    let run = gathered.into_run(None, None)?;
    let (name_version, materials, publish) = (&args.name_version, &args.materials, &args.publish);
    Release {
        model: &args.model,
        name_version,
        materials,
        publish,
        run,
        inputs_before: None,
        oms: None,
        kept,
    }
    .sign(manner)
}
