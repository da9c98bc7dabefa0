//! A report as the predicate of a statement that somebody signs.

use std::collections::BTreeMap;

use attest::format_scan::{FormatScan, FormatScanError, ListedTemplate, ScanFinding, ScanPlace};
use attest::model_path::{ModelPath, ModelPathError};
use attest::provenance::Extent;

use crate::finding::{Finding, Place, excerpt};
use crate::report::{Report, Template};

/// Why a report makes no statement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The path of a file is not one inside a model.
    #[error("a file has a path that is none inside a model")]
    Path {
        /// Why.
        #[from]
        source: ModelPathError,
    },
    /// More of something than a statement may have, or a text that is none.
    #[error("the report makes no statement")]
    Scan {
        /// Why.
        #[from]
        source: FormatScanError,
    },
}

impl Report {
    /// The predicate that says this report about files of that extent, made by the program of that version.
    ///
    /// # Errors
    /// [`StatementError`], also if there are more or fewer files than that; findings beyond those that a statement takes are counted there and are no error.
    pub fn to_predicate(&self, version: &str, extent: Extent) -> Result<FormatScan, StatementError> {
        let mut formats = BTreeMap::new();
        for file in self.files() {
            *formats.entry(file.format().as_str().to_owned()).or_insert(0_u64) += 1;
        }
        let findings = self.findings().map(finding).collect::<Result<Vec<_>, _>>()?;
        let templates = self.templates().map(template).collect::<Result<Vec<_>, _>>()?;
        let omitted = self.files().iter().fold(0_u64, |sum, file| sum.saturating_add(file.omitted()));
        let scan = FormatScan::new(
            ("tallymark".to_owned(), version.to_owned()),
            self.rules().id().to_owned(),
            extent,
            formats.into_iter().collect(),
            self.not_evaluated().map(|left| left.code().to_owned()).collect(),
        )?;
        let exceptions = self.rules().exceptions().iter().map(|name| (*name).to_owned()).collect();
        Ok(scan.with_exceptions(exceptions)?.with_findings(findings, omitted).with_templates(templates)?)
    }
}

fn place(place: &Place) -> Result<ScanPlace, StatementError> {
    let members = place.members().iter().map(|member| excerpt(member)).collect();
    Ok(ScanPlace::new(ModelPath::new(place.file())?, members, place.offset())?)
}

fn finding(finding: &Finding) -> Result<ScanFinding, StatementError> {
    let what = if finding.what().is_empty() { finding.reason().seen() } else { finding.what() };
    Ok(ScanFinding::new(place(finding.place())?, finding.reason().code().to_owned(), what.to_owned())?)
}

fn template(template: &Template) -> Result<ListedTemplate, StatementError> {
    let key = if template.key().is_empty() { "template" } else { template.key() };
    Ok(ListedTemplate::new(place(template.place())?, key.to_owned(), template.digest(), template.bytes())?)
}
