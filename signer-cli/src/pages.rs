//! Completions, manual pages and the version: what the program says about itself.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::args::{CompletionsArgs, ManArgs, Manner, VersionArgs, command};
use crate::message::{Failure, OutputError, note, print};

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PagesError {
    /// The system refused.
    #[error("cannot write {path}")]
    Io { path: PathBuf, source: std::io::Error },
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
