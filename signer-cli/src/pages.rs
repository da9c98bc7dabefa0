//! Completions, manual pages and the version: what the program says about itself.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use verifier::{Class, Reason};

use crate::args::{CompletionsArgs, HelpArgs, ManArgs, Manner, SchemaArgs, SchemaName, VersionArgs, command};
use crate::message::{Failure, OutputError, note, print};

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PagesError {
    /// The system refused.
    #[error("cannot write {path}")]
    Io { path: PathBuf, source: std::io::Error },
}

/// The topic that is no command.
const EXIT_CODES: &str = "exit-codes";

/// Runs `tallymark help`.
pub(crate) fn help(args: &HelpArgs) -> Result<(), OutputError> {
    let mut program = command();
    program.build();
    match args.topic.as_deref() {
        None => print(&program.render_long_help().to_string()),
        Some(EXIT_CODES) => print(&exit_codes()),
        Some(topic) => match program.find_subcommand_mut(topic) {
            Some(command) => print(&command.render_long_help().to_string()),
            None => {
                let names: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
                let known = format!("{EXIT_CODES} or a command: {}", names.join(", "));
                let words = format!("no help about '{topic}', wanted {known}");
                program.error(clap::error::ErrorKind::InvalidValue, words).exit()
            }
        },
    }
}

/// The table of exit codes, with every reason that ends with each.
fn exit_codes() -> String {
    let mut text = "Exit status of verify, gate and tallymark-verify:\n\n  0  verified\n".to_owned();
    let meaning = |class: Class| match class {
        Class::VerifiedFalse => "checked and false: bytes, a signature, a proof, a format",
        Class::Refused => "nothing is false, and what the trust file demands is not met",
        Class::Undecidable => "cannot be decided either way; never a yes",
        Class::Io => "a file could not be read or written",
    };
    for code in 1..=5 {
        let Some(class) = Class::ALL.into_iter().find(|class| class.exit_code() == code) else {
            text.push_str(&format!("  {code}  wrong use: the command line is wrong\n"));
            continue;
        };
        text.push_str(&format!("  {code}  {}\n", meaning(class)));
        let mut line = String::new();
        for reason in Reason::ALL.iter().filter(|reason| reason.class() == class) {
            if line.len() + reason.code().len() > 90 {
                text.push_str(&format!("      {}\n", line.trim_end()));
                line.clear();
            }
            line.push_str(reason.code());
            line.push(' ');
        }
        text.push_str(&format!("      {}\n", line.trim_end()));
    }
    text.push_str("\nAll commands: 101 a bug of ours, never a yes; 130 interrupted. `exec` ends as the program it starts.\n");
    text
}

/// Runs `tallymark schema`.
pub(crate) fn schema(args: &SchemaArgs) -> Result<(), OutputError> {
    print(match args.what {
        SchemaName::Trust => include_str!("../../spec/trust.schema.json"),
        SchemaName::Verdict => include_str!("../../spec/verdict.schema.json"),
    })
}

/// Runs `tallymark completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), OutputError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "tallymark", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Runs `tallymark man`: one page for the program and one for each command.
pub(crate) fn man(args: &ManArgs, manner: Manner) -> Result<(), Failure> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| PagesError::Io { path, source }
    };
    std::fs::create_dir_all(&args.dir).map_err(io(&args.dir))?;
    let program = command();
    let commands = program.get_subcommands().map(|command| {
        let verb = command.get_name();
        let (name, shown) = (format!("tallymark-{verb}"), format!("tallymark {verb}"));
        (name.clone(), command.clone().display_name(name).bin_name(shown))
    });
    let pages: Vec<_> = [("tallymark".to_owned(), program.clone())].into_iter().chain(commands).collect();
    for (name, command) in &pages {
        let path = args.dir.join(format!("{name}.1"));
        let mut page = Vec::new();
        Man::new(command.clone()).title(name).render(&mut page).map_err(io(&path))?;
        std::fs::write(&path, page).map_err(io(&path))?;
    }
    note(manner, &format!("wrote {} pages to {}", pages.len(), args.dir.display()));
    Ok(())
}

/// Runs `tallymark version`.
pub(crate) fn version(args: &VersionArgs) -> Result<(), OutputError> {
    let version = env!("CARGO_PKG_VERSION");
    if !args.json {
        return print(&format!("tallymark {version}\n"));
    }
    let value = serde_json::json!({
        "schema_version": 1,
        "version": version,
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "formats": ["model-tree/v1", attest::types::BUILD_TYPE_TRAIN_V1, attest::types::BUNDLE_MEDIA_TYPE],
    });
    print(&format!("{value}\n"))
}
