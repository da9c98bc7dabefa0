//! `pyvenv.cfg`: what marks a directory as a virtual environment.
//!
//! Follows PEP 405 and what venv of Python 3.11, uv 0.13 and virtualenv write.
//!
//! ```text
//! home = /usr/bin
//! include-system-site-packages = false
//! version = 3.11.7                 version_info with uv and virtualenv
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `version` | `python` | `version` or `version_info`, imported |
//! | `implementation` | `python` | `implementation`, imported |
//! | `installer` | `python` | `uv`, as `uv 0.13.9`, imported |
//!
//! Packages of the system that are visible inside are a warning: nothing here looks at them. `home`, `executable`, `command` and
//! `prompt` are paths and names of this machine, and are not taken.

use attest::provenance::Source;

use super::sheet::{Sheet, line, utf8};
use crate::{Collected, WarningReason};

/// Reads a file that facts are to call `name`.
#[must_use]
pub fn read(bytes: &[u8], name: &str) -> Collected {
    let mut sheet = Sheet::new(name, Source::Imported);
    let Some(text) = utf8(bytes, &mut sheet) else { return sheet.finish() };
    let mut version = None::<&str>;
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let place = line(index + 1);
        let Some((key, value)) = text.split_once('=') else {
            sheet.warn(WarningReason::Malformed, &place, "no key and value");
            continue;
        };
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "version" | "version_info" => match version.replace(value) {
                None => sheet.version("python", value, &place),
                Some(before) if before == value => {}
                Some(_) => sheet.warn(WarningReason::Disagreement, &place, "two versions"),
            },
            "implementation" => sheet.text("python", "implementation", value, &place),
            "uv" => sheet.text("python", "installer", &format!("uv {value}"), &place),
            "include-system-site-packages" if value.eq_ignore_ascii_case("true") => {
                sheet.warn(
                    WarningReason::NotRead,
                    &place,
                    "packages of the system are visible, and not looked at",
                );
            }
            _ => {}
        }
    }
    if version.is_none() {
        sheet.warn(WarningReason::Absent, "", "no version");
    }
    sheet.finish()
}
