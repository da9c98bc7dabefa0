//! `tallymark`: the hand that signs. Arguments in, one command, an exit status.
//!
//! In scope: keys, hashing, signing, submitting, and showing what is in a file. Out of scope: every format
//! (crate `attest`), the log's speech (crate `tlog`), and judgement (crate `verifier`), which this program also
//! asks before it hands out a bundle.

mod args;
mod attest_train;
mod attest_transform;
mod bom;
mod bundle_file;
mod check_file;
mod collector_view;
mod custody;
mod dataset;
mod diff;
mod entry_view;
mod eval;
mod exec;
mod gate;
mod gather;
mod git;
mod hash;
mod hidden;
mod hub;
mod inputs;
mod inspect;
mod key_file;
mod keygen;
mod lineage;
mod log_client;
mod log_token;
mod manifest_file;
mod message;
mod oms;
mod opening_view;
mod pack;
mod pages;
mod passphrase;
mod plausibility;
mod preview;
mod progress;
mod prove_file;
mod publication;
mod read_set;
mod report;
mod scan;
mod search;
mod sign;
mod statement_view;
mod status;
mod status_view;
mod submit;
mod train;
mod trust;
mod trust_file;
mod verdict;
mod verify;

use std::process::ExitCode;

use attest::event::Act;

use crate::args::{
    AliasArgs, ApproveArgs, AttestCommand, Cli, Command, DeployArgs, PromoteArgs, ReinstateArgs, RejectArgs,
    RevokeArgs, SupersedeArgs, TransferArgs, WaiveArgs,
};
use crate::message::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match args::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output, complaints to standard error; neither can fail usefully.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    match run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            failure.tell(cli.manner, wants_json(&cli.command));
            ExitCode::from(failure.exit())
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let manner = cli.manner;
    match &cli.command {
        Command::Keygen(args) => keygen::run(args, manner)?,
        Command::Sign(args) => sign::run(args, manner)?,
        Command::Run(args) => return train::run(args, manner),
        Command::Attest(args) => match &args.what {
            AttestCommand::Train(args) => attest_train::run(args, manner)?,
            AttestCommand::Transform(args) => attest_transform::run(args, manner)?,
            AttestCommand::Eval(args) => eval::run(args, manner)?,
            AttestCommand::Dataset(args) => dataset::run(args, manner)?,
        },
        Command::Approve(args) => custody::run(
            &args.event,
            || Ok(Act::Approve { stage: args.stage.clone(), expires: args.expires }),
            manner,
        )?,
        Command::Reject(args) => {
            custody::run(&args.event, || Ok(Act::Reject { stage: args.stage.clone() }), manner)?;
        }
        Command::Promote(args) => custody::run(
            &args.event,
            || Ok(Act::Promote { stage: args.stage.clone(), expires: args.expires }),
            manner,
        )?,
        Command::Transfer(args) => {
            let act = || Ok(Act::Transfer { receiver: custody::receiver(&args.to)? });
            custody::run(&args.event, act, manner)?;
        }
        Command::Deploy(args) => {
            let act = || Ok(Act::Deploy { environment: args.environment.clone() });
            custody::run(&args.event, act, manner)?;
        }
        Command::Supersede(args) => {
            let successor = || Ok::<_, Failure>(custody::Subject::find(&args.by)?.hash(manner)?.digest());
            custody::run(&args.event, || Ok(Act::Supersede { successor: successor()? }), manner)?;
        }
        Command::Revoke(args) => {
            let act = || Ok(Act::Revoke { scope: args.scope.into(), reason: args.reason.clone() });
            custody::run(&args.event, act, manner)?;
        }
        Command::Reinstate(args) => {
            custody::run(&args.event, || Ok(Act::Reinstate { previous: args.previous }), manner)?;
        }
        Command::Waive(args) => custody::run(&args.event, || custody::waiver(args, manner), manner)?,
        Command::Alias(args) => custody::run(&args.event, || custody::alias(args, manner), manner)?,
        Command::ProveFile(args) => prove_file::run(args, manner)?,
        Command::CheckFile(args) => check_file::run(args)?,
        Command::Submit(args) => submit::run(args, manner)?,
        Command::Scan(args) => return scan::run(args, manner),
        Command::Search(args) => search::run(args, manner)?,
        Command::Status(args) => return status::run(args, manner),
        Command::Verify(args) => return verify::run(args, manner),
        Command::Gate(args) => return gate::run(args, manner),
        Command::Exec(args) => return exec::run(args, manner),
        Command::Pack(args) => return pack::run(args, manner),
        Command::Trust(args) => trust_file::run(args, manner)?,
        Command::Diff(args) => return diff::run(args, manner),
        Command::Bom(args) => return bom::run(args, manner),
        Command::Lineage(args) => return lineage::run(args, manner),
        Command::Inspect(args) => return inspect::run(args, manner),
        Command::Hash(args) => hash::run(args, manner)?,
        Command::Help(args) => pages::help(args)?,
        Command::Schema(args) => pages::schema(args)?,
        Command::Completions(args) => pages::completions(args)?,
        Command::Man(args) => pages::man(args, manner)?,
        Command::Version(args) => pages::version(args)?,
    }
    Ok(0)
}

/// Whether a failure of this command is told as JSON too. The verdict of `verify` has JSON of its own.
const fn wants_json(command: &Command) -> bool {
    match command {
        Command::Keygen(args) => args.json,
        Command::Sign(args) => args.publish.json,
        Command::Run(args) => args.publish.json,
        Command::Attest(args) => match &args.what {
            AttestCommand::Train(args) => args.publish.json,
            AttestCommand::Transform(args) => args.publish.json,
            AttestCommand::Eval(args) => args.publish.json,
            AttestCommand::Dataset(args) => args.publish.json,
        },
        Command::Approve(ApproveArgs { event, .. })
        | Command::Reject(RejectArgs { event, .. })
        | Command::Promote(PromoteArgs { event, .. })
        | Command::Transfer(TransferArgs { event, .. })
        | Command::Deploy(DeployArgs { event, .. })
        | Command::Supersede(SupersedeArgs { event, .. })
        | Command::Revoke(RevokeArgs { event, .. })
        | Command::Reinstate(ReinstateArgs { event, .. })
        | Command::Waive(WaiveArgs { event, .. })
        | Command::Alias(AliasArgs { event, .. }) => event.publish.json,
        Command::CheckFile(args) => args.json,
        Command::Submit(args) => args.json,
        Command::Scan(args) => args.publish.json || matches!(args.format, args::ScanFormat::Json),
        Command::Search(args) => args.json,
        Command::Status(args) => args.json,
        Command::Verify(args) => args.json,
        Command::Gate(args) => matches!(args.format, args::GateFormat::Json),
        Command::Trust(args) => matches!(&args.what, args::TrustCommand::List(args) if args.json),
        Command::Diff(args) => args.json,
        // With --json too the answer of a refused bill is the verdict's.
        Command::Bom(args) => args.json,
        Command::Lineage(args) => matches!(args.format, args::LineageFormat::Json),
        Command::Inspect(args) => args.json,
        Command::Hash(args) => args.json,
        Command::Version(args) => args.json,
        Command::ProveFile(_)
        | Command::Exec(_)
        | Command::Pack(_)
        | Command::Help(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    }
}
