//! One case: files, and what is to be said of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// A case. Those without reasons are allowed.
pub(crate) struct Case {
    name: String,
    why: String,
    format: &'static str,
    reasons: Vec<&'static str>,
    torch: bool,
    files: Vec<(String, Vec<u8>)>,
}

impl Case {
    /// One file, refused for these reasons and no others, in the order of their codes.
    pub(crate) fn refused(
        name: impl Into<String>,
        why: impl Into<String>,
        file: (&str, Vec<u8>),
        format: &'static str,
        reasons: &[&'static str],
    ) -> Self {
        assert!(!reasons.is_empty() && reasons.is_sorted(), "reasons in the order of their codes");
        let files = vec![(file.0.to_owned(), file.1)];
        Self { name: name.into(), why: why.into(), format, reasons: reasons.to_vec(), torch: false, files }
    }

    /// Files that are allowed, of which the first has this format.
    pub(crate) fn allowed(
        name: impl Into<String>,
        why: impl Into<String>,
        format: &'static str,
        files: Vec<(&str, Vec<u8>)>,
    ) -> Self {
        let files = files.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)).collect();
        Self { name: name.into(), why: why.into(), format, reasons: Vec::new(), torch: false, files }
    }

    /// By the rules that allow PyTorch.
    pub(crate) fn with_torch(self) -> Self {
        Self { torch: true, ..self }
    }

    /// With another file beside it, which is not the fault.
    pub(crate) fn beside(mut self, path: &str, bytes: Vec<u8>) -> Self {
        self.files.push((path.to_owned(), bytes));
        self
    }
}

/// Writes all cases below a folder, which is emptied before, and the table of them.
pub(crate) fn write(folder: &Path, cases: Vec<Case>) -> io::Result<()> {
    for verdict in ["allowed", "refused"] {
        match fs::remove_dir_all(folder.join(verdict)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    let mut tables = [String::new(), String::new()];
    for case in cases {
        assert!(names.insert(case.name.clone()), "case {} twice", case.name);
        let is_refused = !case.reasons.is_empty();
        let verdict = if is_refused { "refused" } else { "allowed" };
        let place = folder.join(verdict).join(&case.name);
        for (path, bytes) in &case.files {
            let path = place.join("model").join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        let first = &case.files.first().expect("a case has a file").0;
        let reasons = case.reasons.join(", ");
        let rules = if case.torch { "torch" } else { "strict" };
        let text = format!(
            "why = {:?}\nrules = {rules:?}\nfile = {first:?}\nformat = {:?}\nreasons = {reasons:?}\n",
            case.why, case.format
        );
        fs::write(place.join("case.toml"), text)?;
        let row = if is_refused {
            format!("| {} | {} | {} | {} | {reasons} |", case.name, case.why, case.format, rules)
        } else {
            format!("| {} | {} | {} | {} |", case.name, case.why, case.format, rules)
        };
        let [allowed, refused] = &mut tables;
        let _ = writeln!(if is_refused { refused } else { allowed }, "{row}");
    }
    let [allowed, refused] = tables;
    let text = format!(
        "# The corpus of the format gate\n\nWritten by `cargo xtask vectors`; made up, harmless, never loaded. A case is a folder with the files in `model` and in\n\
         `case.toml` what is to be said of them: format of one file, and the reasons of all, exactly. `B` and a number is the hostile case of\n\
         that number in our threat model, as far as it concerns the content of a file. The page is [spec/formats.md](../../spec/formats.md).\n\n\
         ## Refused\n\n| case | why | format | rules | reasons |\n|---|---|---|---|---|\n{refused}\n\
         ## Allowed\n\n| case | what | format | rules |\n|---|---|---|---|\n{allowed}"
    );
    fs::write(folder.join("README.md"), text)
}
