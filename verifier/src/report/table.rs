//! Several verdicts for people: one row for each model, why each that is not verified is not, and one line that says it.

use std::fmt::{self, Write as _};

use super::text::{Style, word};
use super::words::{cause, plain};
use super::{Common, next};
use crate::load::Verdict;

/// Observations that are listed under one model; `tallymark verify` lists all.
const MAX_LISTED: usize = 5;

/// Writes the verdicts for people, in ASCII, each line ended by LF.
#[must_use]
pub fn table(verdicts: &[Verdict], style: Style) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _: fmt::Result = write_table(&mut text, verdicts, style);
    text
}

fn write_table(text: &mut String, verdicts: &[Verdict], style: Style) -> fmt::Result {
    for verdict in verdicts {
        let common = Common::of(verdict);
        let model = plain(&verdict.model().to_string_lossy());
        match common.refusal {
            None => {
                let named = common.facts.statement().map(|s| format!("{}:{}", s.name(), s.version()));
                let (mark, named) = (style.green("ok"), named.unwrap_or_default());
                writeln!(text, "  {mark}  {model}  {named}")?;
            }
            Some(refusal) => {
                let (mark, word) = (style.red("NO"), style.red(word(refusal.class())));
                writeln!(text, "  {mark}  {model}  {word}: {}", refusal.reason())?;
                let failures: Vec<_> = std::iter::once(refusal.failure()).chain(refusal.also()).collect();
                for failure in failures.iter().take(MAX_LISTED) {
                    writeln!(text, "        {}: {}", failure.reason(), cause(*failure))?;
                }
                if let Some(more @ 1..) = failures.len().checked_sub(MAX_LISTED) {
                    writeln!(text, "        and {more} more")?;
                }
                writeln!(text, "        {}", refusal.reason().remedy())?;
            }
        }
        for warning in common.warnings {
            let mark = style.red("!!");
            writeln!(text, "    {mark}  only warned  {}: {}", warning.reason(), cause(warning))?;
        }
    }
    let verified = verdicts.iter().filter(|verdict| verdict.result().is_ok()).count();
    let total = verdicts.len();
    let noun = if total == 1 { "model" } else { "models" };
    if verified == total {
        return writeln!(text, "\n{total} {noun}  {}", style.green("VERIFIED"));
    }
    writeln!(text, "\n{} of {total} {noun}  {}", total - verified, style.red("NOT VERIFIED"))?;
    if let Some(first) = verdicts.iter().find(|verdict| verdict.result().is_err()) {
        writeln!(text, "  the whole verdict:  tallymark verify {}", next::quoted(first.model()))?;
    }
    Ok(())
}
