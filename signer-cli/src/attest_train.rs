//! `tallymark attest train`: a provenance for a run that is over, from what others recorded of it.

use crate::args::{Manner, TrainArgs};
use crate::gather::Gathered;
use crate::message::Failure;
use crate::sign::Release;

/// Runs it.
pub(crate) fn run(args: &TrainArgs, manner: Manner) -> Result<(), Failure> {
    let gathered = Gathered::from_sources(&args.gather, &args.model, manner)?;
    gathered.tell_left_out(manner);
    let run = gathered.into_run(None, None)?;
    let (name_version, materials, publish) = (&args.name_version, &args.materials, &args.publish);
    Release { model: &args.model, name_version, materials, publish, run, inputs_before: None, oms: None }
        .sign(manner)
}
