//! `report`, `check-report` and `mirror`: what a watch leaves behind.

use std::process::ExitCode;

use anyhow::Context as _;
use monitor::config::Keys;
use monitor::disk;
use monitor::mirror::{MirrorError, Mirrored, mirror};
use monitor::place::{places, read_policy};
use monitor::reason::Class;
use monitor::report::{MAX_REPORT_BYTES, Question, Report, ReportError};
use monitor::seen::Concern;

use crate::{Failure, MISUSE, UNAVAILABLE, args, print};

/// How the program ends if something is wrong with a log.
fn of_concern(concern: &Concern, error: anyhow::Error) -> Failure {
    let status = match concern.reason.class() {
        Class::Blind => UNAVAILABLE,
        class => class.exit_code(),
    };
    Failure { error, hint: None, status }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match &error {
            ReportError::Concern { concern, .. } => {
                let concern = concern.clone();
                of_concern(&concern, error.into())
            }
            ReportError::Fault { source, .. } => {
                let concern = source.reason();
                let status = if concern.class() == Class::Blind { UNAVAILABLE } else { 1 };
                Self { error: error.into(), hint: None, status }
            }
            ReportError::Differs { .. } | ReportError::Malformed { .. } => Self::refused(error),
            ReportError::Disk(_) => Self::unavailable(error),
            _ => Self { error: error.into(), hint: None, status: MISUSE },
        }
    }
}

impl From<MirrorError> for Failure {
    fn from(error: MirrorError) -> Self {
        match &error {
            MirrorError::Concern(concern) => {
                let concern = concern.clone();
                of_concern(&concern, error.into())
            }
            MirrorError::Differs { .. } | MirrorError::NotACopy { .. } => Self {
                hint: Some("mirror to an empty directory, and find out what changed this one"),
                ..Self::refused(error)
            },
            MirrorError::Bundle(_) | MirrorError::Size(_) => Self::refused(error),
            _ => Self::unavailable(error),
        }
    }
}

pub(crate) fn run_report(args: args::Report) -> Result<ExitCode, Failure> {
    let file = args.config.as_deref().map(Keys::read).transpose()?.unwrap_or_default();
    let settings = args.keys.or(file).settings()?;
    let places = settings.logs.iter().map(|log| settings.place(log)).collect::<Result<Vec<_>, _>>()?;
    let question = Question { from: args.from, to: args.to, name: args.name };
    let report = Report::make(&question, &settings.dir, &places)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("could not create {}", args.out.display()))
        .map_err(Failure::unavailable)?;
    for (name, text) in [("report.json", report.to_json()), ("report.html", report.to_html())] {
        disk::replace_public(&args.out.join(name), text.as_bytes()).map_err(Failure::unavailable)?;
    }
    for log in &report.logs {
        print(&format_args!(
            "{}  entries {} to before {}, {} under the name, {} gaps, {} messages",
            log.origin,
            log.first,
            log.end,
            log.entries.len(),
            log.gaps.len(),
            log.told.len()
        ))?;
    }
    eprintln!("next: tallymark sign {} --as NAME:VERSION --log URL", args.out.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_check_report(args: &args::CheckReport) -> Result<ExitCode, Failure> {
    let policy = read_policy(&args.policy)?;
    let bytes = disk::read(&args.file, MAX_REPORT_BYTES).map_err(Failure::unavailable)?;
    let missing = || Failure::unavailable(anyhow::anyhow!("{}: not there", args.file.display()));
    let report = Report::parse(&bytes.ok_or_else(missing)?)?;
    report.check(&places(&policy, None, None)?)?;
    let entries: usize = report.logs.iter().map(|log| log.entries.len()).sum();
    print(&format_args!(
        "the logs hold exactly these {entries} entries under {} in that part of them",
        report.name
    ))?;
    print(&"Times, gaps and messages are the word of whoever made the report.")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_mirror(args: &args::Mirror) -> Result<ExitCode, Failure> {
    let policy = read_policy(&args.policy)?;
    let mut places = places(&policy, args.origin.as_deref(), args.url.as_deref())?;
    let Some(place) = places.pop().filter(|_| places.is_empty()) else {
        return Err(Failure::misuse(anyhow::anyhow!("the policy has several logs; say which with --origin")));
    };
    loop {
        let done = mirror(&place.demand, &place.source, &args.out, &mut |_, _| {});
        if let Err(MirrorError::Concern(Concern { evidence: Some(evidence), .. })) = &done {
            let path = args.out.with_extension("fork");
            disk::replace(&path, evidence).map_err(Failure::unavailable)?;
            eprintln!("evidence: {}", path.display());
        }
        let is_blind = |error: &MirrorError| matches!(error, MirrorError::Concern(concern) if concern.reason.class() == Class::Blind);
        match (done, args.every) {
            (Ok(Mirrored { head, written, .. }), every) => {
                if written > 0 || every.is_none() {
                    print(&format_args!("{} entries, {written} files written", head.size()))?;
                }
                if every.is_none() {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            // A log that is away is what a mirror is for.
            (Err(error), Some(_)) if is_blind(&error) => eprintln!("tallymark-monitor: {error}"),
            (Err(error), _) => return Err(error.into()),
        }
        std::thread::sleep(args.every.map_or_else(Default::default, monitor::span::Span::get));
    }
}
