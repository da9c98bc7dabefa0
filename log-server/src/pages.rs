//! Completions and manual pages: what the program says about itself, made from its own arguments.

use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;

const PROGRAM: &str = "tallymark-log";

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
    script
}

/// Writes a page for the program and one for each command; says how many.
pub(crate) fn man(dir: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let program = Cli::command();
    let mut pages = vec![(PROGRAM.to_owned(), program.clone())];
    for command in program.get_subcommands() {
        let (name, shown) =
            (format!("{PROGRAM}-{}", command.get_name()), format!("{PROGRAM} {}", command.get_name()));
        pages.push((name.clone(), command.clone().display_name(name).bin_name(shown)));
    }
    for (name, command) in &pages {
        let mut page = Vec::new();
        Man::new(command.clone()).title(name).render(&mut page)?;
        std::fs::write(dir.join(format!("{name}.1")), page)?;
    }
    Ok(pages.len())
}
