//! The SQLite store: asked without being trusted.
//!
//! Whoever made the database chose what lies in it, and a database may hold programs: views, triggers, virtual tables,
//! columns that are computed. So it is opened for reading only, and `immutable`, which also keeps SQLite from making files
//! beside it; views and triggers are off; only plain tables and stored columns are asked for; rows, bytes and the steps
//! of SQLite's machine are counted, and a query that goes on for ever is ended.
//!
//! A write-ahead log beside it holds what was written last, and SQLite reads one only where it may write. Then both files
//! are copied into a directory of our own, in a moment when nobody should be writing: if the files change meanwhile, that is a
//! warning. A rollback journal is never played back: it can name another file that SQLite would then remove.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use crate::hashing;
use crate::imported::{About, Imported};
use crate::mlflow::error::{DatabaseError, MlflowError};
use crate::mlflow::record::{self, Dataset, LoggedModel, Run, Version};
use crate::mlflow::selection::{Candidate, MAX_CANDIDATES};
use crate::reading::ReadError;
use crate::{Topic, WarningReason};

/// Largest database. One with a hundred thousand runs has some hundred megabytes; metric histories make them grow.
const MAX_DATABASE_BYTES: u64 = 4 << 30;
/// Most bytes that are copied aside: a database and its write-ahead log.
const MAX_COPY_BYTES: u64 = 256 << 20;
/// Most rows of one table that belong to one run.
const MAX_ROWS: usize = 1 << 16;
/// Most bytes of the cells of all answers.
const MAX_CELLS_BYTES: usize = 256 << 20;
/// Longest time that SQLite takes for all questions: one step may parse a line of a schema, and a hostile schema is as large as
/// the file. An honest store answers in milliseconds.
const MAX_TIME: Duration = Duration::from_secs(60);
/// Longest cell: MLflow puts JSON of at most a megabyte into one.
const MAX_CELL_BYTES: i32 = 4 << 20;
/// Most instructions of SQLite's machine for all questions together: some seconds. A million runs are scanned and sorted in a
/// fraction of that.
const MAX_STEPS: u64 = 200_000_000;
/// After how many instructions SQLite asks whether to go on.
const STEPS_AT_A_TIME: u16 = 10_000;

/// A database that can be asked.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    shown: String,
    before: Vec<(PathBuf, Option<Stamp>)>,
    /// How many bytes of cells may still be read.
    bytes_left: Cell<usize>,
    /// Where the copy lies that is asked; it goes away after the connection.
    _copy: Option<TempDir>,
}

/// What tells a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|metadata: Metadata| Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// The rows of an answer, as far as it could be given.
#[derive(Debug)]
struct Answer<const N: usize> {
    rows: Vec<[Option<String>; N]>,
    fault: Option<DatabaseError>,
}

/// A question: columns of the rows of a table that answer a condition. Only `values` comes from outside.
struct Question<'a, const N: usize> {
    table: &'static str,
    columns: [&'static str; N],
    /// What follows the table: `WHERE` and `ORDER BY`.
    rest: &'static str,
    values: &'a [&'a str],
}

impl Database {
    /// Hashes a database and opens it.
    pub(super) fn open(path: &Path, shown: &str, out: &mut Imported) -> Result<Self, MlflowError> {
        Self::open_with_steps(path, shown, MAX_STEPS, out)
    }

    /// Opens it for questions that take so many steps together.
    pub(super) fn open_with_steps(
        path: &Path,
        shown: &str,
        steps: u64,
        out: &mut Imported,
    ) -> Result<Self, MlflowError> {
        let (file, bytes) = hashing::open_at_most(path, MAX_DATABASE_BYTES)?;
        let (log, journal) = (beside(path, "-wal"), beside(path, "-journal"));
        let before = [path, &log].map(|path| (path.to_owned(), Stamp::of(path))).into();
        if Stamp::of(&journal).is_some_and(|stamp| stamp.bytes > 0) {
            let text = "a transaction was not ended; the database is read as it lies";
            out.warn(WarningReason::NotRead, &format!("{shown}-journal"), text);
        }
        let log_bytes = Stamp::of(&log).map_or(0, |stamp| stamp.bytes);
        let fits = bytes.saturating_add(log_bytes) <= MAX_COPY_BYTES;
        if log_bytes > 0 && !fits {
            let text = format!(
                "with the database more than {MAX_COPY_BYTES} bytes: what was written last is missing"
            );
            out.warn(WarningReason::TooLarge, &format!("{shown}-wal"), &text);
        }
        let copied = if log_bytes > 0 && fits {
            Some(copy(path, file, &log, shown, out)?)
        } else {
            out.note_file(hashing::hash_and_copy(file, path, shown, MAX_DATABASE_BYTES, &mut io::sink())?);
            None
        };
        let connection = match &copied {
            Some(copied) => connect(&copied.path().join(COPY_NAME), Immutable::No, steps),
            None => connect(path, Immutable::Yes, steps),
        };
        let connection = connection.map_err(|source| MlflowError::Database {
            path: path.to_owned(),
            source: DatabaseError::Sqlite { table: "sqlite_schema", source: source.into() },
        })?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            shown: shown.to_owned(),
            before,
            bytes_left: Cell::new(MAX_CELLS_BYTES),
            _copy: copied,
        })
    }

    /// What reports call it.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The runs that may be meant, whole ids first, newest first; without a name, those that are not deleted.
    pub(super) fn candidates(&self, wanted: Option<&str>) -> Result<Vec<Candidate>, MlflowError> {
        let answer = match wanted {
            Some(wanted) => self.ask(&Question {
                table: "runs",
                columns: ["run_uuid", "name"],
                rest: "WHERE ?1 <> '' AND (t.run_uuid = ?1 OR t.name = ?1 OR substr(t.run_uuid, 1, length(?1)) = ?1) \
                       ORDER BY t.run_uuid = ?1 DESC, t.start_time DESC, t.run_uuid",
                values: &[wanted],
            }),
            None => self.ask(&Question {
                table: "runs",
                columns: ["run_uuid", "name"],
                rest: "WHERE t.lifecycle_stage = 'active' ORDER BY t.start_time DESC, t.run_uuid",
                values: &[],
            }),
        };
        match answer.fault {
            Some(source) if !matches!(source, DatabaseError::TooMany { unit: "rows", .. }) => {
                Err(MlflowError::Database { path: self.path.clone(), source })
            }
            _ => {
                let rows = answer.rows.into_iter().take(MAX_CANDIDATES);
                let candidate =
                    |[id, name]: [Option<String>; 2]| Some(Candidate::new(id?, name.unwrap_or_default()));
                Ok(rows.filter_map(candidate).collect())
            }
        }
    }

    /// States all that there is about a run.
    pub(super) fn read_run(self, id: &str, out: &mut Imported) {
        self.store_version(out);
        self.run(id, out);
        for [key, value] in
            self.rows(out, "params", ["key", "value"], "WHERE t.run_uuid = ?1 ORDER BY t.key", &[id])
        {
            if let (Some(key), Some(value)) = (key, value) {
                record::state_param(out, &key, &value, &self.at("params", &key));
            }
        }
        let columns = ["key", "value", "is_nan", "step"];
        for [key, value, is_nan, step] in
            self.rows(out, "latest_metrics", columns, "WHERE t.run_uuid = ?1 ORDER BY t.key", &[id])
        {
            let value = if is_nan.as_deref() == Some("1") { Some("NaN".to_owned()) } else { value };
            if let (Some(key), Some(value)) = (key, value) {
                record::state_metric(out, &key, &value, step.as_deref(), &self.at("latest_metrics", &key));
            }
        }
        self.datasets(id, out);
        let models = self.logged_models(id, out);
        self.versions(id, &models, out);
        self.note_change(out);
    }

    fn store_version(&self, out: &mut Imported) {
        let rows = self.optional_rows(out, "alembic_version", ["version_num"], "", &[]);
        if let [[Some(version)]] = rows.as_slice() {
            let at = self.at("alembic_version", "version_num");
            let about = About { topic: Topic::Run, name: "", at: &at };
            out.text(about, "store-version", version);
        }
    }

    fn run(&self, id: &str, out: &mut Imported) {
        let columns = [
            "name",
            "status",
            "lifecycle_stage",
            "user_id",
            "source_type",
            "source_name",
            "entry_point_name",
            "artifact_uri",
            "start_time",
            "end_time",
            "experiment_id",
        ];
        let rows = self.rows(out, "runs", columns, "WHERE t.run_uuid = ?1", &[id]);
        let mut run = Run { id: id.to_owned(), ..Run::default() };
        for row in rows {
            let experiment_id;
            [
                run.name,
                run.status,
                run.lifecycle,
                run.user,
                run.source_type,
                run.source_name,
                run.entry_point,
                run.artifact_uri,
                run.started_ms,
                run.ended_ms,
                experiment_id,
            ] = row;
            run.experiment = self.experiment(experiment_id.as_deref(), out);
        }
        run.state(out, &self.at("runs", id));
        for [key, value] in
            self.rows(out, "tags", ["key", "value"], "WHERE t.run_uuid = ?1 ORDER BY t.key", &[id])
        {
            if let (Some(key), Some(value)) = (key, value) {
                run.state_tag(out, &key, &value, &self.at("tags", &key));
            }
        }
    }

    fn experiment(&self, id: Option<&str>, out: &mut Imported) -> Option<String> {
        let rows = self.rows(out, "experiments", ["name"], "WHERE t.experiment_id = ?1", &[id?]);
        rows.into_iter().find_map(|[name]| name)
    }

    fn datasets(&self, run: &str, out: &mut Imported) {
        let rest = "WHERE t.source_type = 'DATASET' AND t.destination_type = 'RUN' AND t.destination_id = ?1 \
                    ORDER BY t.source_id";
        let mut found = Vec::new();
        for [input, dataset] in self.optional_rows(out, "inputs", ["input_uuid", "source_id"], rest, &[run]) {
            let (Some(input), Some(dataset)) = (input, dataset) else { continue };
            let rest = "WHERE t.input_uuid = ?1 AND t.name = 'mlflow.data.context'";
            let context = self.optional_rows(out, "input_tags", ["value"], rest, &[&input]);
            let context = context.into_iter().find_map(|[value]| value);
            let columns = ["name", "digest", "dataset_source_type", "dataset_source", "dataset_profile"];
            let rows = self.optional_rows(out, "datasets", columns, "WHERE t.dataset_uuid = ?1", &[&dataset]);
            let at = self.at("datasets", &dataset);
            if rows.is_empty() {
                out.warn(WarningReason::Absent, &at, "a dataset of the run that is not in the store");
            }
            for [name, digest, source_type, source, profile] in rows {
                let context = context.clone();
                let name = name.unwrap_or_default();
                found.push((Dataset { name, digest, source_type, source, profile, context }, at.clone()));
            }
        }
        Dataset::state_all(found, out);
    }

    /// States the models that the run logged or started from, and gives the ids of the former.
    fn logged_models(&self, run: &str, out: &mut Imported) -> Vec<String> {
        let columns =
            ["model_id", "name", "status", "model_type", "artifact_location", "creation_timestamp_ms"];
        let rest = "WHERE t.source_run_id = ?1 ORDER BY t.model_id";
        let mut logged = Vec::new();
        for row in self.optional_rows(out, "logged_models", columns, rest, &[run]) {
            logged.extend(self.state_model(row, Topic::Identity, out));
        }
        let rest = "WHERE t.source_type = 'RUN_INPUT' AND t.source_id = ?1 AND t.destination_type = 'MODEL_INPUT' \
                    ORDER BY t.destination_id";
        for [model] in self.optional_rows(out, "inputs", ["destination_id"], rest, &[run]) {
            let Some(model) = model else { continue };
            for row in self.optional_rows(out, "logged_models", columns, "WHERE t.model_id = ?1", &[&model]) {
                self.state_model(row, Topic::BaseModel, out);
            }
        }
        logged
    }

    fn state_model(&self, row: [Option<String>; 6], topic: Topic, out: &mut Imported) -> Option<String> {
        let [id, name, status, kind, artifact_uri, created_ms] = row;
        let model = LoggedModel { id: id?, name, status, kind, artifact_uri, created_ms };
        model.state(out, topic, &self.at("logged_models", &model.id));
        Some(model.id)
    }

    /// States the registered versions that came of the run, or of a model that it logged.
    fn versions(&self, run: &str, models: &[String], out: &mut Imported) {
        let columns = [
            "name",
            "version",
            "status",
            "source",
            "current_stage",
            "user_id",
            "description",
            "creation_time",
        ];
        let order = "WHERE t.run_id = ?1 ORDER BY t.name, t.version";
        let mut rows = self.optional_rows(out, "model_versions", columns, order, &[run]);
        for model in models {
            let source = format!("models:/{model}");
            let rest = "WHERE t.source = ?1 ORDER BY t.name, t.version";
            rows.extend(self.optional_rows(out, "model_versions", columns, rest, &[&source]));
        }
        let mut seen = BTreeSet::new();
        for [name, number, status, source, stage, user, description, created_ms] in rows {
            let (Some(model), Some(number)) = (name, number) else { continue };
            if !seen.insert((model.clone(), number.clone())) {
                continue;
            }
            let of = [model.as_str(), number.as_str()];
            let aliases = self.optional_rows(
                out,
                "registered_model_aliases",
                ["alias"],
                "WHERE t.name = ?1 AND t.version = ?2 ORDER BY t.alias",
                &of,
            );
            let tags = self.optional_rows(
                out,
                "model_version_tags",
                ["key", "value"],
                "WHERE t.name = ?1 AND t.version = ?2 ORDER BY t.key",
                &of,
            );
            let aliases = aliases.into_iter().filter_map(|[alias]| alias).collect();
            let tags =
                tags.into_iter().filter_map(|[key, value]| Some((key?, value.unwrap_or_default()))).collect();
            let place = self.at("model_versions", &format!("{model}/{number}"));
            let version = Version {
                model,
                number,
                status,
                source,
                stage,
                user,
                description,
                created_ms,
                aliases,
                tags,
            };
            version.state(out, &place);
        }
    }

    /// Says so if the files are no longer those that were hashed.
    fn note_change(&self, out: &mut Imported) {
        if self.before.iter().any(|(path, stamp)| Stamp::of(path) != *stamp) {
            out.warn(WarningReason::Disagreement, &self.shown, "changed while it was read");
        }
    }

    fn at(&self, table: &str, key: &str) -> String {
        format!("{}: {table}.{key}", self.shown)
    }

    /// The rows of a table that belongs to every version of the store.
    fn rows<const N: usize>(
        &self,
        out: &mut Imported,
        table: &'static str,
        columns: [&'static str; N],
        rest: &'static str,
        values: &[&str],
    ) -> Vec<[Option<String>; N]> {
        let answer = self.ask(&Question { table, columns, rest, values });
        if let Some(fault) = answer.fault {
            out.warn(fault.reason(), &self.shown, &fault.to_string());
        }
        answer.rows
    }

    /// The rows of a table that older versions of the store do not have; then there are none, and nothing is missing.
    fn optional_rows<const N: usize>(
        &self,
        out: &mut Imported,
        table: &'static str,
        columns: [&'static str; N],
        rest: &'static str,
        values: &[&str],
    ) -> Vec<[Option<String>; N]> {
        let answer = self.ask(&Question { table, columns, rest, values });
        match answer.fault {
            None | Some(DatabaseError::AbsentTable { .. }) => {}
            Some(fault) => out.warn(fault.reason(), &self.shown, &fault.to_string()),
        }
        answer.rows
    }

    fn ask<const N: usize>(&self, question: &Question<'_, N>) -> Answer<N> {
        let mut rows = Vec::new();
        let fault = self.collect(question, &mut rows).err();
        Answer { rows, fault }
    }

    fn collect<const N: usize>(
        &self,
        question: &Question<'_, N>,
        rows: &mut Vec<[Option<String>; N]>,
    ) -> Result<(), DatabaseError> {
        let table = question.table;
        let sqlite = |error| sqlite_error(table, error);
        let stored = self.stored_columns(table)?;
        // An older store lacks some columns; what it does not have is NULL.
        let columns = question.columns.map(|column| {
            let is_stored = stored.iter().any(|stored| stored.eq_ignore_ascii_case(column));
            if is_stored { format!("t.{column}") } else { "NULL".to_owned() }
        });
        let (columns, rest) = (columns.join(", "), question.rest);
        let sql = format!("SELECT {columns} FROM main.{table} AS t {rest} LIMIT {}", MAX_ROWS + 1);
        let mut statement = self.connection.prepare(&sql).map_err(sqlite)?;
        let mut found = statement.query(rusqlite::params_from_iter(question.values)).map_err(sqlite)?;
        while let Some(row) = found.next().map_err(sqlite)? {
            if rows.len() == MAX_ROWS {
                return Err(DatabaseError::TooMany { table, limit: MAX_ROWS as u64, unit: "rows" });
            }
            let mut cells = [const { None }; N];
            for (index, (cell, column)) in cells.iter_mut().zip(question.columns).enumerate() {
                *cell = cell_text(row.get_ref(index).map_err(sqlite)?)
                    .map_err(|()| DatabaseError::Cell { table, column })?;
                let bytes = cell.as_ref().map_or(0, String::len);
                let left = self.bytes_left.get().checked_sub(bytes);
                self.bytes_left.set(left.ok_or(DatabaseError::TooMany {
                    table,
                    limit: MAX_CELLS_BYTES as u64,
                    unit: "bytes",
                })?);
            }
            rows.push(cells);
        }
        Ok(())
    }

    /// The columns of a plain table that are stored, not computed.
    ///
    /// SQLite finds tables by name without case, so a view called `RUNS` would answer for `runs`. A virtual table is a table to
    /// the schema, but has no page of its own.
    fn stored_columns(&self, table: &'static str) -> Result<Vec<String>, DatabaseError> {
        let sqlite = |error| sqlite_error(table, error);
        let sql = "SELECT type, rootpage FROM main.sqlite_schema \
                   WHERE name = ?1 COLLATE NOCASE AND type <> 'index' LIMIT 2";
        let mut statement = self.connection.prepare(sql).map_err(sqlite)?;
        let found = statement.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        let found: Vec<_> = found.and_then(Iterator::collect).map_err(sqlite)?;
        match found.as_slice() {
            [] => return Err(DatabaseError::AbsentTable { table }),
            [(kind, page)] if kind == "table" && *page > 0 => {}
            _ => return Err(DatabaseError::NotATable { table }),
        }
        let sql = "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0";
        let mut statement = self.connection.prepare(sql).map_err(sqlite)?;
        let names = statement.query_map([table], |row| row.get(0)).and_then(Iterator::collect);
        names.map_err(sqlite)
    }
}

/// A cell as text. A number that SQLite holds in binary is the shortest text that reads as the same number.
fn cell_text(cell: ValueRef<'_>) -> Result<Option<String>, ()> {
    match cell {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number.to_string())),
        ValueRef::Real(number) => Ok(Some(number_text(number))),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).map(Some).map_err(|_| ()),
        ValueRef::Blob(_) => Err(()),
    }
}

/// The shortest digits that read as exactly this number: `0.001`, `1`, `1e300`; with an exponent where Python writes one.
fn number_text(number: f64) -> String {
    let is_plain = number == 0.0 || (1e-4..1e16).contains(&number.abs());
    if is_plain { format!("{number}") } else { format!("{number:e}") }
}

fn sqlite_error(table: &'static str, error: rusqlite::Error) -> DatabaseError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => {
            DatabaseError::TooMany { table, limit: MAX_STEPS, unit: "steps, or more than a minute" }
        }
        _ => DatabaseError::Sqlite { table, source: error.into() },
    }
}

/// The path of a file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// The name of a copied database. SQLite finds its log by that name.
const COPY_NAME: &str = "copy.db";

/// Copies a database and its log into a directory that only we can read, and notes both.
fn copy(
    path: &Path,
    file: File,
    log: &Path,
    shown: &str,
    out: &mut Imported,
) -> Result<TempDir, MlflowError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    let directory = tempfile::tempdir().map_err(io_error)?;
    let copied = directory.path().join(COPY_NAME);
    let mut to = File::create_new(&copied).map_err(io_error)?;
    out.note_file(hashing::hash_and_copy(file, path, shown, MAX_COPY_BYTES, &mut to)?);
    let mut to = File::create_new(beside(&copied, "-wal")).map_err(io_error)?;
    let (file, _) = hashing::open_at_most(log, MAX_COPY_BYTES)?;
    out.note_file(hashing::hash_and_copy(file, log, &format!("{shown}-wal"), MAX_COPY_BYTES, &mut to)?);
    Ok(directory)
}

/// Whether SQLite may take it that nothing changes and that there is no log beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Immutable {
    No,
    Yes,
}

fn connect(path: &Path, immutable: Immutable, steps: u64) -> rusqlite::Result<Connection> {
    // The last component is known to be no link; of the others, SQLite refuses them with NOFOLLOW.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(uri(&path, immutable), flags)?;
    for (option, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(option, on)?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_CELL_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 10),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON; \
         PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = 268435456;",
    )?;
    let (mut steps_left, start) = (steps, Instant::now());
    let has_enough = move || {
        steps_left = steps_left.saturating_sub(u64::from(STEPS_AT_A_TIME));
        steps_left == 0 || start.elapsed() > MAX_TIME
    };
    connection.progress_handler(i32::from(STEPS_AT_A_TIME), Some(has_enough))?;
    Ok(connection)
}

/// The path as SQLite's URI, every byte that could mean something escaped.
fn uri(path: &Path, immutable: Immutable) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    match immutable {
        Immutable::Yes => uri + "?mode=ro&immutable=1",
        Immutable::No => uri + "?mode=ro",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_as_the_same_number() {
        let cases = [
            (0.1, "0.1"),
            (0.001, "0.001"),
            (1.0, "1"),
            (-0.0, "-0"),
            (0.9733333333333334, "0.9733333333333334"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (123_456_789.0, "123456789"),
            (0.000_012, "1.2e-5"),
            (f64::MAX, "1.7976931348623157e308"),
        ];
        for (number, text) in cases {
            assert_eq!(number_text(number), text);
            assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(number.to_bits()));
        }
    }

    #[test]
    fn a_path_cannot_say_more_than_where_the_file_is() {
        let path = Path::new("/a b/c?mode=rwc&x#%41.db");
        assert_eq!(
            uri(path, Immutable::Yes),
            "file:/a%20b/c%3Fmode%3Drwc%26x%23%2541.db?mode=ro&immutable=1"
        );
    }
}
