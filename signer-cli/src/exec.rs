//! `tallymark exec`: verifies a model, then runs a program on what was verified and on nothing else.
//!
//! The program reads a private copy: made, then judged, in a directory that only this user can enter, and gone when the program has ended. So
//! whoever may still write to the model cannot hand it a byte that was not judged. A model that is not verified starts nothing.
//!
//! In scope: the copy's place, the command line, signals, the exit status. Out of scope: the judgement and the copy (crate `verifier`).

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use verifier::copy::{CopyError, Delivered, deliver};
use verifier::load::{Request, find_trust};
use verifier::report::{self, Style};
use verifier::requirements::Expectation;

use crate::args::{ExecArgs, Manner};
use crate::message::{Failure, complain, note};
use crate::progress::Progress;

/// What stands for the copy in a command line, as in `find -exec`.
const PLACE: &str = "{}";
/// The variable in which the program finds the copy.
const VARIABLE: &str = "TALLYMARK_VERIFIED_MODEL";
/// What a signal adds to the exit status that stands for it, as shells have it.
const SIGNALLED: i32 = 128;

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    /// The program would read what was not judged.
    #[error("the command names neither {} nor {PLACE}", model.display())]
    ModelNotNamed { model: PathBuf },
    /// No room of one's own.
    #[error("cannot make a private directory in {}", path.display())]
    NoRoom { path: PathBuf, source: std::io::Error },
    /// The copy could not be put there.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// There is no such program, or it may not run.
    #[error("cannot start {}", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    /// It was started, and nobody knows how it ended.
    #[error("cannot wait for {}", program.display())]
    Wait { program: PathBuf, source: std::io::Error },
}

/// Runs it: the exit status of the verdict if the model is not verified, otherwise of the program.
pub(crate) fn run(args: &ExecArgs, manner: Manner) -> Result<u8, Failure> {
    let words = Words::of(&args.program, &args.model)?;
    let parent = args.copy_in.clone().unwrap_or_else(std::env::temp_dir);
    // The files in it can be read by everybody, and nobody else gets there.
    let room = tempfile::Builder::new()
        .prefix("tallymark-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&parent);
    let room = room.map_err(|source| ExecError::NoRoom { path: parent, source })?;
    // Engines show the name of the directory.
    let name = args.model.file_name().unwrap_or(OsStr::new("model"));
    let destination = room.path().join(name);
    let expectation = Expectation::new(args.name.clone(), args.version.clone())
        .at_stage(args.stage.clone())
        .as_of(verifier::oms::now());
    let request = Request::new(&args.model)
        .bundle(args.bundle.clone())
        .trust(args.trust.clone().or_else(|| find_trust(&args.model)))
        .lineage(args.beside.lineage.clone())
        .memory(args.beside.memory())
        .expecting(expectation);
    let delivered = Progress::start(manner, 0)
        .part("copying and hashing", |progress| deliver(&request, &destination, progress))
        .map_err(ExecError::from)?;
    let verdict = delivered.verdict();
    let (Delivered::Copied { model: place, .. }, Ok(model)) = (&delivered, verdict.result()) else {
        // On standard error: standard output is the program's.
        complain(&report::text(verdict, Style::Plain));
        return Ok(verdict.exit_code());
    };
    let statement = model.logged().signed().statement();
    note(
        manner,
        &format!(
            "{}:{} VERIFIED; {} reads a private copy, {}, which goes when it ends",
            statement.name(),
            statement.version(),
            Path::new(&words.program).display(),
            place.display()
        ),
    );
    let status = words.run(place)?;
    let code = status.code().unwrap_or(SIGNALLED + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).unwrap_or(1))
}

/// The command line, and where in it the model stands.
struct Words {
    program: OsString,
    arguments: Vec<OsString>,
    /// In place of these the copy is named.
    model: OsString,
}

impl Words {
    fn of(words: &[OsString], model: &Path) -> Result<Self, ExecError> {
        let not_named = || ExecError::ModelNotNamed { model: model.to_owned() };
        let (program, arguments) = words.split_first().ok_or_else(not_named)?;
        let stands =
            if arguments.iter().any(|word| word == PLACE) { OsStr::new(PLACE) } else { model.as_os_str() };
        if !arguments.iter().any(|word| word == stands) {
            return Err(not_named());
        }
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), model: stands.to_owned() })
    }

    /// Starts the program and waits for it. What asks us to end is passed on, so that it ends first and its copy after it; what a terminal
    /// sends to both of us is left to it.
    fn run(&self, place: &Path) -> Result<ExitStatus, ExecError> {
        let program = || PathBuf::from(&self.program);
        let failed = |source| ExecError::Start { program: program(), source };
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]).map_err(failed)?;
        let here =
            |word: &OsString| if *word == self.model { place.as_os_str().to_owned() } else { word.clone() };
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(here)).env(VARIABLE, place);
        let mut child = command.spawn().map_err(failed)?;
        let handle = signals.handle();
        let status = std::thread::scope(|scope| {
            let pid = pid_of(&child);
            scope.spawn(move || {
                for signal in signals.forever() {
                    let passed_on = match signal {
                        SIGTERM => Signal::TERM,
                        SIGHUP => Signal::HUP,
                        _ => continue,
                    };
                    // It may have ended by itself.
                    let _ = pid.map(|pid| kill_process(pid, passed_on));
                }
            });
            let status = child.wait();
            handle.close();
            status
        });
        status.map_err(|source| ExecError::Wait { program: program(), source })
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}
