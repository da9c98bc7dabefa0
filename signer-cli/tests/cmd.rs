//! Sessions with the program as files: help texts, conflicts between flags, refusals with their next steps.
//!
//! The words are snapshots. After a change that was meant: `TRYCMD=overwrite cargo test -p signer-cli --test
//! cmd`, and read the difference.

#[test]
fn sessions_print_what_they_printed() {
    let cases = trycmd::TestCases::new();
    // Nothing of the caller's may show: no home, no key, no width of a terminal.
    cases.env("HOME", "/nonexistent").env("COLUMNS", "100").env("NO_COLOR", "1");
    cases.case("tests/cmd/*.trycmd");
    cases.run();
}
