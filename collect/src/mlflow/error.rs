use std::path::PathBuf;

use crate::WarningReason;
use crate::mlflow::Candidates;
use crate::reading::ReadError;
use crate::yaml::YamlError;

/// Why no run or model was read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MlflowError {
    /// No run has this id or name, or there is none that is not deleted.
    #[error("no run {}, there is {candidates}", shown(.wanted.as_deref()))]
    Absent {
        /// What was asked for, its beginning if it is long.
        wanted: Option<String>,
        /// What there is.
        candidates: Candidates,
    },
    /// More than one run answers.
    #[error("more than one run {}: {candidates}", shown(.wanted.as_deref()))]
    Ambiguous {
        /// What was asked for, its beginning if it is long.
        wanted: Option<String>,
        /// Those that answer.
        candidates: Candidates,
    },
    /// The database cannot be asked for its runs.
    #[error("cannot read the runs of {path}: {source}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        source: DatabaseError,
    },
    /// `MLmodel` is not YAML as we take it.
    #[error("{path}: {source}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ModelError,
    },
    /// Neither a database nor a file store.
    #[error(
        "{path} is no MLflow store: want a database, mlruns, or a directory with mlflow.db or mlruns in it"
    )]
    NoStore {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// A file was not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More runs than are looked through.
    #[error("{path} has more than {limit} runs")]
    TooManyRuns {
        /// The file store.
        path: PathBuf,
        /// The most that are looked through.
        limit: usize,
    },
}

/// What was asked for, between quotes.
fn shown(wanted: Option<&str>) -> String {
    wanted.map_or_else(|| "that is not deleted".to_owned(), |wanted| format!("{wanted:?}"))
}

/// What is wrong with an `MLmodel`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ModelError(#[from] YamlError);

/// What is wrong with a table of a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// There is no such table.
    #[error("no table {table}")]
    AbsentTable {
        /// Its name.
        table: &'static str,
    },
    /// A blob, or text that is not UTF-8.
    #[error("{table}.{column} has a value that is neither text nor a number")]
    Cell {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A view, a virtual table, or anything else that computes what it says.
    #[error("{table} is no plain table")]
    NotATable {
        /// Its name.
        table: &'static str,
    },
    /// SQLite refused.
    #[error("{table}: {source}")]
    Sqlite {
        /// The table.
        table: &'static str,
        /// What it said.
        source: SqliteError,
    },
    /// More than the bound.
    #[error("{table}: more than {limit} {unit}")]
    TooMany {
        /// The table.
        table: &'static str,
        /// The bound.
        limit: u64,
        /// Of what: rows, bytes, steps.
        unit: &'static str,
    },
}

impl DatabaseError {
    /// The reason of the warning that stands for it.
    #[must_use]
    pub fn reason(&self) -> WarningReason {
        match self {
            Self::AbsentTable { .. } => WarningReason::Absent,
            Self::Cell { .. } | Self::NotATable { .. } => WarningReason::Malformed,
            Self::Sqlite { source, .. } => source.reason(),
            Self::TooMany { .. } => WarningReason::TooLarge,
        }
    }
}

/// An error of SQLite.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SqliteError(#[from] pub(super) rusqlite::Error);

impl SqliteError {
    fn reason(&self) -> WarningReason {
        use rusqlite::ErrorCode;
        match self.0.sqlite_error_code() {
            Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => WarningReason::TooLarge,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
                WarningReason::Unreadable
            }
            _ => WarningReason::Malformed,
        }
    }
}
