//! The pages the program makes of itself, read by the programs that will show them.

use std::process::Command;

use crate::support::program;

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let made = program().arg("man").arg(dir.path()).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(names.contains(&"serve") && names.contains(&"fsck"), "{names:?}");
    for name in names.into_iter().filter(|name| !name.is_empty() && *name != "help") {
        let page = std::fs::read_to_string(dir.path().join(format!("tallymark-log-{name}.1"))).unwrap();
        assert!(page.starts_with(".ie") || page.contains(".TH "), "{page}");
        assert!(page.contains("Example:"), "`tallymark-log {name} --help` shows no example");
    }
}

#[test]
fn a_shell_takes_the_completion_script() {
    let made = program().args(["completions", "bash"]).output().unwrap();
    assert_eq!(made.status.code(), Some(0));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("completions");
    std::fs::write(&path, &made.stdout).unwrap();
    let checked = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(String::from_utf8(made.stdout).unwrap().contains("fsck"));
}
