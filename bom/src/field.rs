//! The fields of the bill: a closed list in six sections, and why a field may be missing.

use std::fmt;

/// A section of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/bom.md")]
pub enum Section {
    /// What the model is.
    Identity,
    /// What it was trained on.
    Data,
    /// How it was made.
    Training,
    /// In what.
    Environment,
    /// What it does well, and to whom it may do harm.
    Performance,
    /// In whose hands it was.
    Custody,
}

impl Section {
    /// All sections, in the order of the bill.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Data, Self::Training, Self::Environment, Self::Performance, Self::Custody];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Identity => "Model identity",
            Self::Data => "Data provenance",
            Self::Training => "Training context",
            Self::Environment => "Environment",
            Self::Performance => "Performance and bias",
            Self::Custody => "Custody log",
        }
    }

    /// Its fields, in the order of the bill.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| field.section() == self)
    }
}

/// Why a field has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/bom.md")]
pub enum Missing {
    /// No statement that verifies says it.
    NotStated,
    /// The provenance names no dataset.
    NoDataset,
    /// The provenance names no code.
    NoCode,
    /// There is no evaluation statement that verifies.
    NoEvaluation,
    /// There is no custody event that verifies.
    NoEvent,
    /// The signer did not start the run, so that it saw neither command nor output.
    RunNotWatched,
    /// No collector of ours measures it.
    NotCollected,
    /// Only a person can know it, and no statement has a person's word.
    OnlyAPerson,
    /// No witness cosigned the checkpoint, and a checkpoint has no time.
    NoWitness,
    /// Nothing was verified, so that nothing is known of log and signer.
    NotVerified,
}

impl Missing {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotStated => "not-stated",
            Self::NoDataset => "no-dataset",
            Self::NoCode => "no-code",
            Self::NoEvaluation => "no-evaluation",
            Self::NoEvent => "no-event",
            Self::RunNotWatched => "run-not-watched",
            Self::NotCollected => "not-collected",
            Self::OnlyAPerson => "only-a-person",
            Self::NoWitness => "no-witness",
            Self::NotVerified => "not-verified",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStated => "no verified statement says it",
            Self::NoDataset => "the provenance names no dataset",
            Self::NoCode => "the provenance names no code",
            Self::NoEvaluation => "there is no verified evaluation statement",
            Self::NoEvent => "no verified custody event says it",
            Self::RunNotWatched => "the signer did not start the run, and saw neither command nor output",
            Self::NotCollected => "nothing collects it yet",
            Self::OnlyAPerson => "only a person can know it, and no verified statement says it",
            Self::NoWitness => "no witness cosigned the checkpoint, and a checkpoint has no time",
            Self::NotVerified => "nothing was verified",
        })
    }
}

/// Declares the fields once: variant, section, stable name, label, and why it is missing if nothing says it.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident: $section:ident, $name:literal, $label:literal, $missing:ident;)+) => {
        /// A field of the bill. The order is that of the bill.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::exhaustive_enums, reason = "closed by spec/bom.md")]
        pub enum Field {
            $($(#[doc = $doc])+ $field,)+
        }

        impl Field {
            /// All fields, in the order of the bill.
            pub const ALL: [Self; [$(Self::$field),+].len()] = [$(Self::$field),+];

            /// The section it stands in.
            #[must_use]
            pub const fn section(self) -> Section {
                match self { $(Self::$field => Section::$section,)+ }
            }

            /// The stable name, as programs see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)+ }
            }

            /// What people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$field => $label,)+ }
            }

            /// Why it is missing, if nothing more is known about that.
            #[must_use]
            pub const fn usual_gap(self) -> Missing {
                match self { $(Self::$field => Missing::$missing,)+ }
            }
        }
    };
}

fields! {
    /// The name it was signed under.
    Name: Identity, "name", "Name", NotStated;
    /// Its version label.
    Version: Identity, "version", "Version", NotStated;
    /// Its tree digest.
    Digest: Identity, "digest", "Digest", NotStated;
    /// Number and size of its files.
    Size: Identity, "size", "Size", NotStated;
    /// Formats of its files, and the library that reads them.
    Format: Identity, "format", "Format and library", NotStated;
    /// Its licence.
    License: Identity, "license", "Licence", NotStated;
    /// What kind of network it is.
    Architecture: Identity, "architecture", "Architecture", NotStated;
    /// How many numbers it has.
    Parameters: Identity, "parameters", "Number of parameters", NotStated;
    /// Of what type they are.
    NumberType: Identity, "number-type", "Number types and quantisation", NotStated;
    /// What it is for.
    Task: Identity, "task", "Task and languages", NotStated;
    /// What somebody wrote about it.
    Description: Identity, "description", "Description", OnlyAPerson;
    /// Who made it, as a text says.
    Producer: Identity, "producer", "Producer", OnlyAPerson;
    /// Code that loading it runs.
    LoadsCode: Identity, "loads-code", "Code that loading it runs", NotStated;
    /// Names and versions it has elsewhere.
    OtherNames: Identity, "other-names", "Names elsewhere", NotStated;

    /// Names of the datasets.
    DatasetName: Data, "dataset-name", "Datasets", NoDataset;
    /// Their versions.
    DatasetVersion: Data, "dataset-version", "Dataset version", NotStated;
    /// Their digests.
    DatasetDigest: Data, "dataset-digest", "Dataset digest", NoDataset;
    /// How large they are.
    DatasetSize: Data, "dataset-size", "Dataset size", NotStated;
    /// Where they come from.
    DatasetSource: Data, "dataset-source", "Dataset source", NotStated;
    /// Their licences.
    DatasetLicense: Data, "dataset-license", "Dataset licence", NotStated;
    /// Who owns or made them.
    DatasetOwner: Data, "dataset-owner", "Dataset owner", OnlyAPerson;
    /// Who may use them.
    DatasetAccess: Data, "dataset-access", "Dataset access", OnlyAPerson;
    /// Whether personal data is in them.
    DatasetSensitivity: Data, "dataset-sensitivity", "Dataset sensitivity", OnlyAPerson;
    /// Their known biases and limits.
    DatasetBias: Data, "dataset-bias", "Dataset bias", OnlyAPerson;
    /// How they were collected and prepared.
    DatasetPreparation: Data, "dataset-preparation", "Collection and preparation", OnlyAPerson;
    /// What they hold and what they were used for.
    DatasetContent: Data, "dataset-content", "Dataset content and use", NotStated;
    /// Cards and sheets about model and data.
    Documents: Data, "documents", "Documents", NotStated;

    /// How the model came out of its inputs.
    Relation: Training, "relation", "Relation", NotStated;
    /// The commit of the code.
    Commit: Training, "commit", "Commit", NoCode;
    /// Whether the checkout differed from it.
    WorkTree: Training, "work-tree", "Work tree", NoCode;
    /// The digest of the code.
    CodeDigest: Training, "code-digest", "Code digest", NoCode;
    /// Where the code lies.
    Repository: Training, "repository", "Repository", NotStated;
    /// Names of base models.
    BaseModel: Training, "base-model", "Base model", NotStated;
    /// Their digests.
    BaseDigest: Training, "base-model-digest", "Base model digest", NotStated;
    /// Where they come from.
    BaseSource: Training, "base-model-source", "Base model source", NotStated;
    /// Adapters, tokenizers, configuration files.
    OtherInputs: Training, "other-inputs", "Other inputs", NotStated;
    /// Hyperparameters.
    Hyperparameters: Training, "hyperparameters", "Hyperparameters", NotStated;
    /// What was started.
    Command: Training, "command", "Command", RunNotWatched;
    /// When the run began and ended.
    RunTime: Training, "run-time", "Time of the run", RunNotWatched;
    /// What the run printed.
    TrainingLog: Training, "training-log", "Training log", RunNotWatched;
    /// The run as trackers recorded it.
    RunRecord: Training, "run-record", "Record of the run", NotStated;

    /// Libraries and their versions.
    Packages: Environment, "packages", "Library versions", NotStated;
    /// Digest of the whole environment: lock file, installed packages.
    EnvironmentDigest: Environment, "environment-digest", "Environment digest", NotStated;
    /// The language and its version.
    Language: Environment, "language", "Language version", NotStated;
    /// The operating system.
    OperatingSystem: Environment, "operating-system", "Operating system", NotStated;
    /// Processor and memory.
    Processor: Environment, "processor", "Processor and memory", NotStated;
    /// Accelerators.
    Accelerator: Environment, "accelerator", "Accelerators", NotStated;
    /// Their driver.
    Driver: Environment, "driver", "Driver", NotStated;
    /// The container image.
    Container: Environment, "container", "Container", NotStated;
    /// Energy and computation spent.
    Energy: Environment, "energy", "Energy and computation", NotCollected;

    /// Measured qualities.
    Metrics: Performance, "metrics", "Metrics", NotStated;
    /// Evaluations by statement.
    Evaluation: Performance, "evaluation", "Evaluation", NoEvaluation;
    /// Known bias and limits.
    KnownBias: Performance, "known-bias", "Known bias and limits", OnlyAPerson;
    /// How it does for groups of people.
    Fairness: Performance, "fairness", "Fairness", OnlyAPerson;

    /// Who signed, which is who answers for the training.
    TrainedBy: Custody, "trained-by", "Trained and signed by", NotVerified;
    /// Which log has it where.
    LogEntry: Custody, "log-entry", "Log entry", NotVerified;
    /// Since when it was in the log at the latest.
    LoggedBy: Custody, "logged-by", "Logged no later than", NoWitness;
    /// Who approved or rejected it.
    Approval: Custody, "approval", "Approval", NoEvent;
    /// Which stage it has.
    Stage: Custody, "stage", "Stage", NoEvent;
    /// Who it was handed to, where it was put to use.
    Transfers: Custody, "transfers", "Transfers and deployments", NoEvent;
    /// Whether it was superseded or withdrawn.
    Withdrawal: Custody, "withdrawal", "Withdrawal", NoEvent;
    /// Other statements about the same bytes.
    OtherStatements: Custody, "other-statements", "Further statements", NotStated;
    /// People whom other tools name.
    NamedPeople: Custody, "named-people", "People named by tools", NotStated;
}

impl Field {
    /// Whether the field counts in the shares. What may well be absent from a whole bill does not.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(
            self,
            Self::LoadsCode
                | Self::OtherNames
                | Self::OtherInputs
                | Self::RunRecord
                | Self::Transfers
                | Self::Withdrawal
                | Self::OtherStatements
                | Self::NamedPeople
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_ascend_by_section_and_each_name_is_taken_once() {
        assert!(Field::ALL.is_sorted_by_key(|field| field.section()));
        let mut names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Field::ALL.len());
        assert!(Section::ALL.iter().all(|section| section.fields().next().is_some()));
    }
}
