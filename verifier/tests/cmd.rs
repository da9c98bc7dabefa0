//! Sessions with the program, in `tests/cmd`. Words only: `TRYCMD=overwrite` rewrites them, and a person reads the change.

#[test]
fn the_program_says_what_the_sessions_show() {
    trycmd::TestCases::new()
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.toml");
}
