//! Files that MLflow wrote (testdata/collect/make/mlflow.py), read whole, and then with one fault each.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::Fact;

fn testdata(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/collect/mlflow").join(case)
}

/// The run that has everything.
const RUN: Option<&str> = Some("everything");

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// A copy of a case that a test may spoil.
fn copy_of(case: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    copy_tree(&testdata(case), directory.path());
    directory
}

/// A copy of the database after some SQL.
fn spoiled(sql: &str) -> TempDir {
    let directory = copy_of("database");
    let connection = Connection::open(directory.path().join(DATABASE_NAME)).expect("a database");
    connection.execute_batch(sql).expect("SQL");
    directory
}

/// A copy of the file store, and the directory of the run in it.
fn files() -> (TempDir, PathBuf) {
    let directory = copy_of("files");
    let mut runs = Vec::new();
    for experiment in fs::read_dir(directory.path().join(DIRECTORY_NAME)).expect("the store") {
        for run in fs::read_dir(experiment.expect("an experiment").path()).expect("an experiment") {
            runs.push(run.expect("a run").path());
        }
    }
    let run = runs.into_iter().find(|run| run.join("params/lr").exists()).expect("the run");
    (directory, run)
}

fn reasons(collected: &Collected) -> Vec<WarningReason> {
    // The datasets of the run have weak digests, and one of its parameters has two lines; they always say so.
    let is_usual = |warning: &&crate::Warning| {
        warning.reason() == WarningReason::WeakDigest || warning.text().starts_with("value of \"prompt\"")
    };
    collected.warnings().iter().filter(|warning| !is_usual(warning)).map(crate::Warning::reason).collect()
}

fn value_of(collected: &Collected, about: &str, key: &str) -> Option<String> {
    let is_it = |fact: &&Fact| fact.about() == about && fact.key() == key;
    collected.facts().iter().find(is_it).map(|fact| fact.value().to_text())
}

/// Reads the run of a database after some SQL and asserts the one warning.
fn assert_warns(sql: &str, reason: WarningReason, text: &str) -> Collected {
    let directory = spoiled(sql);
    let collected = read(directory.path(), RUN).expect("a run");
    assert_eq!(reasons(&collected), [reason], "{sql}: {:?}", collected.warnings());
    let said = collected.warnings().iter().any(|warning| warning.to_string().contains(text));
    assert!(said, "{sql}: {:?}", collected.warnings());
    collected
}

fn names(candidates: &Candidates) -> Vec<&str> {
    candidates.listed().iter().map(Candidate::name).collect()
}

/// What is made anew each time, or named by where the store lies.
const MADE: [&str; 8] =
    ["artifact-uri", "commit", "created", "finished", "run-id", "started", "store-version", "uri"];

#[test]
fn both_stores_give_the_same_facts() {
    let of = |case: &str| {
        let collected = read(&testdata(case), RUN).expect("a run");
        let mut lines = Vec::new();
        for fact in collected.facts() {
            // Models are named by their ids.
            if MADE.contains(&fact.key()) || fact.about().starts_with("m-") {
                continue;
            }
            // The one has binary numbers, the other what Python printed.
            let value = fact.value().to_text().replace("nan", "NaN");
            let value = value.strip_suffix(".0").unwrap_or(&value).to_owned();
            lines.push((fact.topic(), fact.about().to_owned(), fact.key(), value, fact.privacy()));
        }
        lines.sort();
        lines
    };
    assert_eq!(of("database"), of("files"));
}

#[test]
fn a_run_is_found_by_id_by_its_beginning_and_by_name() {
    for case in ["database", "files"] {
        let id = |wanted| {
            let collected = read(&testdata(case), wanted).expect("a run");
            value_of(&collected, "", "run-id").expect("an id")
        };
        let whole = id(RUN);
        assert_eq!(id(Some(&whole)), whole);
        assert_eq!(id(Some(&whole[..8])), whole);
    }
}

#[test]
fn an_error_lists_the_runs_that_are_there() {
    for case in ["database", "files"] {
        let Err(MlflowError::Ambiguous { candidates, .. }) = read(&testdata(case), None) else {
            panic!("{case}")
        };
        let mut there = names(&candidates);
        there.sort_unstable();
        assert_eq!(there, ["base", "everything", "failed"], "{case}");
        for wanted in ["", "no such run", "' OR 1 = 1 --", "%"] {
            let error = read(&testdata(case), Some(wanted)).expect_err(wanted);
            let MlflowError::Absent { candidates, .. } = error else { panic!("{case}: {error}") };
            assert_eq!(names(&candidates).len(), 3, "{case}");
        }
    }
}

#[test]
fn a_deleted_run_is_read_if_it_is_named_and_says_that_it_is_deleted() {
    let collected = read(&testdata("database"), Some("deleted")).expect("a run");
    assert_eq!(value_of(&collected, "", "lifecycle").as_deref(), Some("deleted"));
}

#[test]
fn a_name_that_two_runs_have_is_refused() {
    let directory = spoiled("UPDATE runs SET name = 'everything'");
    let error = read(directory.path(), RUN).expect_err("four runs");
    assert!(
        matches!(&error, MlflowError::Ambiguous { candidates, .. } if candidates.listed().len() == 4),
        "{error}"
    );
}

#[test]
fn a_run_in_both_stores_is_read_from_the_database() {
    let (directory, run) = files();
    let id = run.file_name().and_then(|name| name.to_str()).expect("an id").to_owned();
    fs::copy(testdata("database/mlflow.db"), directory.path().join(DATABASE_NAME)).expect("a copy");
    let connection = Connection::open(directory.path().join(DATABASE_NAME)).expect("a database");
    for (table, column) in [("runs", "run_uuid"), ("params", "run_uuid"), ("tags", "run_uuid")] {
        let sql = format!(
            "PRAGMA foreign_keys = OFF; UPDATE {table} SET {column} = '{id}' \
             WHERE {column} = (SELECT run_uuid FROM params LIMIT 1)"
        );
        connection
            .execute_batch(&sql.replace("SELECT run_uuid FROM params", "SELECT run_uuid FROM latest_metrics"))
            .expect("SQL");
    }
    drop(connection);
    let collected = read(directory.path(), Some(&id)).expect("a run");
    assert!(collected.facts().iter().all(|fact| fact.at().starts_with("mlflow.db")));
    assert_eq!(reasons(&collected), [WarningReason::NotRead]);
}

#[test]
fn a_place_without_a_store_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    // With a database elsewhere, `mlruns` holds artefacts only.
    fs::create_dir_all(directory.path().join("mlruns/0/run/artifacts")).expect("directories");
    assert!(matches!(read(directory.path(), None), Err(MlflowError::NoStore { .. })));
    assert!(matches!(read(&directory.path().join("none"), None), Err(MlflowError::NoStore { .. })));
    assert!(matches!(read_model(directory.path()), Err(MlflowError::Read(ReadError::Absent { .. }))));
}

#[test]
fn nothing_is_written_beside_a_database() {
    for sql in ["PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL"] {
        let directory = spoiled(sql);
        let listing = |()| {
            let entries = fs::read_dir(directory.path()).expect("a directory");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            names.sort();
            names
        };
        let (before, bytes) = (listing(()), fs::read(directory.path().join(DATABASE_NAME)).expect("bytes"));
        assert_eq!(reasons(&read(directory.path(), RUN).expect("a run")), []);
        assert_eq!(listing(()), before);
        assert_eq!(fs::read(directory.path().join(DATABASE_NAME)).expect("bytes"), bytes);
    }
}

/// A database whose last change is only in its write-ahead log.
fn with_log() -> TempDir {
    let from = spoiled("PRAGMA journal_mode = WAL");
    let connection = Connection::open(from.path().join(DATABASE_NAME)).expect("a database");
    connection
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE params SET value = '7' WHERE key = 'epochs'")
        .expect("SQL");
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["mlflow.db", "mlflow.db-wal"] {
        fs::copy(from.path().join(name), directory.path().join(name)).expect("a copy");
    }
    directory
}

#[test]
fn what_was_written_ahead_is_read_too() {
    let directory = with_log();
    let collected = read(directory.path(), RUN).expect("a run");
    assert_eq!(value_of(&collected, "epochs", "value").as_deref(), Some("7"));
    assert_eq!(reasons(&collected), []);
    let files: Vec<_> = collected.files().iter().map(crate::ReadFile::name).collect();
    assert_eq!(files, ["mlflow.db", "mlflow.db-wal"]);
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        2,
        "nothing was written beside it"
    );
}

#[test]
fn a_log_that_is_too_large_is_left_out_and_said() {
    let directory = with_log();
    let log =
        fs::OpenOptions::new().write(true).open(directory.path().join("mlflow.db-wal")).expect("the log");
    log.set_len(1 << 40).expect("a sparse file");
    let collected = read(directory.path(), RUN).expect("a run");
    assert_eq!(value_of(&collected, "epochs", "value").as_deref(), Some("3"));
    assert_eq!(reasons(&collected), [WarningReason::TooLarge]);
}

#[test]
fn a_rollback_journal_is_not_played_back() {
    let directory = copy_of("database");
    fs::write(directory.path().join("mlflow.db-journal"), [0; 1024]).expect("write");
    assert_eq!(reasons(&read(directory.path(), RUN).expect("a run")), [WarningReason::NotRead]);
    assert!(directory.path().join("mlflow.db-journal").exists());
}

#[test]
fn a_database_that_is_none_is_an_error() {
    let directory = copy_of("database");
    let path = directory.path().join(DATABASE_NAME);
    fs::write(&path, [7; 4096]).expect("write");
    assert!(matches!(read(&path, RUN), Err(MlflowError::Database { .. })));
    fs::write(&path, "").expect("write");
    let error = read(&path, RUN).expect_err("no table");
    let is_absent = |source: &DatabaseError| matches!(source, DatabaseError::AbsentTable { table: "runs" });
    assert!(matches!(&error, MlflowError::Database { source, .. } if is_absent(source)), "{error}");
}

#[test]
fn a_database_cut_in_the_middle_is_an_error_or_a_warning() {
    let whole = fs::read(testdata("database/mlflow.db")).expect("bytes");
    for part in [1, 2, 3] {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(DATABASE_NAME), &whole[..whole.len() * part / 4]).expect("write");
        if let Ok(collected) = read(directory.path(), RUN) {
            assert!(reasons(&collected).contains(&WarningReason::Malformed), "{part}");
        }
    }
}

#[test]
fn a_huge_sparse_database_is_refused_before_it_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(DATABASE_NAME);
    fs::File::create(&path).and_then(|file| file.set_len(1 << 42)).expect("a sparse file");
    assert!(matches!(read(&path, RUN), Err(MlflowError::Read(ReadError::TooLarge { .. }))));
}

#[test]
fn a_database_that_is_a_pipe_or_a_link_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(DATABASE_NAME);
    make_pipe(&path);
    assert!(matches!(read(directory.path(), RUN), Err(MlflowError::Read(ReadError::NotRegular { .. }))));
    fs::remove_file(&path).expect("remove");
    symlink(testdata("database/mlflow.db"), &path).expect("a link");
    assert!(matches!(read(directory.path(), RUN), Err(MlflowError::Read(ReadError::NotRegular { .. }))));
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

const ENDLESS: &str = "AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i";

#[test]
fn a_view_does_not_answer_for_the_table_of_runs() {
    for view in ["runs", "RUNS"] {
        let columns = "AS run_uuid, i AS name, 'active' AS lifecycle_stage, i AS start_time FROM n";
        let sql =
            format!("PRAGMA foreign_keys = OFF; DROP TABLE runs; CREATE VIEW {view} {ENDLESS} {columns}");
        let directory = spoiled(&sql);
        for wanted in [None, RUN] {
            let error = read(directory.path(), wanted).expect_err("a view");
            let is_view =
                |source: &DatabaseError| matches!(source, DatabaseError::NotATable { table: "runs" });
            assert!(matches!(&error, MlflowError::Database { source, .. } if is_view(source)), "{error}");
        }
    }
}

#[test]
fn an_endless_view_in_place_of_a_table_is_not_asked() {
    let sql =
        format!("DROP TABLE params; CREATE VIEW params {ENDLESS} AS run_uuid, i AS key, i AS value FROM n");
    assert_warns(&sql, WarningReason::Malformed, "params is no plain table");
}

#[test]
fn a_virtual_table_is_not_asked() {
    let sql = "DROP TABLE params; CREATE VIRTUAL TABLE params USING fts5(run_uuid, key, value)";
    assert_warns(sql, WarningReason::Malformed, "params is no plain table");
}

#[test]
fn a_computed_column_is_not_asked() {
    let sql = "ALTER TABLE params RENAME COLUMN value TO other; \
               ALTER TABLE params ADD COLUMN value TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000))) VIRTUAL";
    let directory = spoiled(sql);
    let collected = read(directory.path(), RUN).expect("a run");
    assert_eq!(value_of(&collected, "lr", "value"), None);
}

#[test]
fn a_trigger_changes_nothing() {
    let sql = "CREATE TRIGGER t AFTER UPDATE ON params BEGIN DELETE FROM params; END";
    assert_eq!(reasons(&read(spoiled(sql).path(), RUN).expect("a run")), []);
}

#[test]
fn a_question_that_takes_too_long_is_ended() {
    // Rows by the million, none of which belongs to the run, and no index that says so.
    let sql = "DROP TABLE params; CREATE TABLE params (run_uuid TEXT, key TEXT, value TEXT); \
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) \
               INSERT INTO params SELECT 'x', i, i FROM n";
    let directory = spoiled(sql);
    let mut out = Imported::new(SOURCE);
    let path = directory.path().join(DATABASE_NAME);
    Database::open_with_steps(&path, DATABASE_NAME, 500_000, &mut out)
        .expect("a database")
        .read_run("x", &mut out);
    let collected = out.finish();
    assert!(reasons(&collected).contains(&WarningReason::TooLarge), "{:?}", collected.warnings());
}

#[test]
fn too_many_rows_are_cut_and_said() {
    let sql = "INSERT INTO params SELECT 'k' || i, 'v', (SELECT run_uuid FROM runs WHERE name = 'everything') \
               FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 70000) SELECT i FROM n)";
    let directory = spoiled(
        &sql.replace("INSERT INTO params SELECT", "INSERT INTO params (key, value, run_uuid) SELECT"),
    );
    let collected = read(directory.path(), RUN).expect("a run");
    assert!(reasons(&collected).iter().all(|reason| *reason == WarningReason::TooLarge));
    assert!(collected.warnings().iter().any(|warning| warning.text().contains("more than 65536 rows")));
}

#[test]
fn control_characters_in_a_name_are_no_fact() {
    let sql = "UPDATE runs SET name = 'every' || char(27) || '[31m' WHERE name = 'everything'; \
               UPDATE tags SET value = 'every' || char(27) || '[31m' WHERE value = 'everything'";
    let directory = spoiled(sql);
    let connection = Connection::open(directory.path().join(DATABASE_NAME)).expect("a database");
    let id: String =
        connection.query_row("SELECT run_uuid FROM params", [], |row| row.get(0)).expect("an id");
    let collected = read(directory.path(), Some(&id)).expect("a run");
    assert_eq!(reasons(&collected), [WarningReason::Malformed]);
    assert_eq!(value_of(&collected, "", "name"), None);
    assert!(!collected.warnings().iter().any(|warning| warning.to_string().chars().any(char::is_control)));
}

#[test]
fn a_key_that_climbs_is_no_fact() {
    for key in ["../../x", "/x", "a//b", "a/./b", ".."] {
        let sql = format!("UPDATE params SET key = '{key}' WHERE key = 'epochs'");
        assert_warns(&sql, WarningReason::Malformed, "want a relative path");
    }
}

#[test]
fn a_cell_of_another_kind_is_a_warning() {
    assert_warns(
        "UPDATE params SET value = x'00ff' WHERE key = 'lr'",
        WarningReason::Malformed,
        "params.value",
    );
    let sql = "UPDATE params SET value = CAST(x'ff' AS TEXT) WHERE key = 'lr'";
    assert_warns(sql, WarningReason::Malformed, "params.value");
    let sql = "UPDATE runs SET start_time = 'yesterday' WHERE name = 'everything'";
    assert_warns(sql, WarningReason::Malformed, "want milliseconds");
    let sql = "UPDATE runs SET start_time = -1 WHERE name = 'everything'";
    assert_warns(sql, WarningReason::Malformed, "between 1970 and 9999");
}

#[test]
fn a_commit_that_is_none_is_a_warning() {
    let sql = "UPDATE tags SET value = 'main' WHERE key = 'mlflow.source.git.commit'";
    assert_warns(sql, WarningReason::Malformed, "want 40 or 64");
}

#[test]
fn credentials_in_an_address_are_left_out() {
    let sql = "UPDATE tags SET value = 'https://me:secret@host/x' WHERE key = 'mlflow.source.git.repoURL'";
    let collected = assert_warns(sql, WarningReason::NotRead, "credentials");
    assert!(!collected.to_string().contains("secret"));
}

#[test]
fn a_tag_that_contradicts_its_column_is_a_warning() {
    let sql = "UPDATE tags SET value = 'other' WHERE key = 'mlflow.user'";
    assert_warns(sql, WarningReason::Disagreement, "user is \"other\" here");
}

#[test]
fn a_dataset_that_is_not_there_is_a_warning() {
    let sql = "PRAGMA foreign_keys = OFF; DELETE FROM datasets WHERE name = 'local'";
    assert_warns(sql, WarningReason::Absent, "not in the store");
}

#[test]
fn an_older_store_without_newer_tables_is_read() {
    let sql = "PRAGMA foreign_keys = OFF; DROP TABLE logged_models; DROP TABLE inputs; \
               ALTER TABLE runs DROP COLUMN deleted_time";
    assert_eq!(reasons(&read(spoiled(sql).path(), RUN).expect("a run")), []);
}

/// Reads the run of a file store after a fault and asserts the one warning.
fn assert_files_warn(spoil: impl Fn(&Path), reason: WarningReason) -> Collected {
    let (directory, run) = files();
    let id = run.file_name().and_then(|name| name.to_str()).expect("an id").to_owned();
    spoil(&run);
    let collected = read(directory.path(), Some(&id)).expect("a run");
    assert_eq!(reasons(&collected), [reason], "{:?}", collected.warnings());
    collected
}

#[test]
fn a_pipe_in_place_of_a_meta_file_does_not_hang() {
    let spoil = |run: &Path| {
        fs::remove_file(run.join("meta.yaml")).expect("remove");
        make_pipe(&run.join("meta.yaml"));
    };
    let collected = assert_files_warn(spoil, WarningReason::Malformed);
    assert_eq!(value_of(&collected, "lr", "value").as_deref(), Some("0.001"));
}

#[test]
fn no_link_is_followed() {
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("lr"), "secret").expect("write");
    for name in ["params", "params/lr", "meta.yaml"] {
        let spoil = |run: &Path| {
            let path = run.join(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.expect("remove");
            let target = if name == "params" { outside.path().to_owned() } else { outside.path().join("lr") };
            symlink(target, &path).expect("a link");
        };
        let collected = assert_files_warn(spoil, WarningReason::Escape);
        assert!(!collected.to_string().contains("secret"), "{name}");
    }
}

#[test]
fn a_run_that_is_a_link_is_no_run() {
    let (directory, run) = files();
    let moved = directory.path().join("moved");
    fs::rename(&run, &moved).expect("rename");
    symlink(&moved, &run).expect("a link");
    assert!(matches!(read(directory.path(), RUN), Err(MlflowError::Absent { .. })));
}

#[test]
fn an_input_cannot_lead_out_of_the_store() {
    let spoil = |run: &Path| {
        for input in fs::read_dir(run.join("inputs")).expect("inputs") {
            let meta = input.expect("an input").path().join("meta.yaml");
            let text = fs::read_to_string(&meta).expect("text");
            if text.contains("training") {
                let lines = text.lines().map(|line| {
                    if line.starts_with("source_id") { "source_id: ../../../../x" } else { line }
                });
                fs::write(&meta, lines.collect::<Vec<_>>().join("\n")).expect("write");
            }
        }
    };
    assert_files_warn(spoil, WarningReason::Escape);
}

#[test]
fn two_values_of_one_key_in_a_meta_file_are_refused() {
    let spoil = |run: &Path| {
        let meta = run.join("meta.yaml");
        let text = fs::read_to_string(&meta).expect("text");
        fs::write(meta, text + "status: 4\n").expect("write");
    };
    let collected = assert_files_warn(spoil, WarningReason::Malformed);
    assert_eq!(value_of(&collected, "", "status"), None);
}

#[test]
fn a_meta_file_of_another_run_is_a_warning() {
    let spoil = |run: &Path| {
        let meta = run.join("meta.yaml");
        let text = fs::read_to_string(&meta).expect("text");
        let other = text.lines().map(|line| if line.starts_with("run_id") { "run_id: other" } else { line });
        fs::write(&meta, other.collect::<Vec<_>>().join("\n")).expect("write");
    };
    assert_files_warn(spoil, WarningReason::Disagreement);
}

#[test]
fn a_huge_sparse_value_is_a_warning() {
    let spoil = |run: &Path| {
        fs::File::create(run.join("params/lr"))
            .and_then(|file| file.set_len(1 << 42))
            .expect("a sparse file");
    };
    assert_files_warn(spoil, WarningReason::TooLarge);
}

#[test]
fn keys_nested_without_end_are_a_warning() {
    let spoil = |run: &Path| {
        fs::create_dir_all(run.join("params").join("a/".repeat(40))).expect("directories");
    };
    assert_files_warn(spoil, WarningReason::TooLarge);
}

#[test]
fn names_that_a_terminal_would_obey_are_no_facts() {
    let spoil = |run: &Path| fs::write(run.join("params/a\u{1b}[31m"), "1").expect("write");
    let collected = assert_files_warn(spoil, WarningReason::Malformed);
    assert!(!collected.to_string().chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn a_name_that_is_not_utf8_is_a_warning() {
    use std::os::unix::ffi::OsStrExt as _;
    let spoil = |run: &Path| {
        fs::write(run.join("params").join(std::ffi::OsStr::from_bytes(b"\xff")), "1").expect("write");
    };
    assert_files_warn(spoil, WarningReason::Malformed);
}

#[test]
fn a_line_of_a_metric_that_is_none_is_a_warning() {
    for line in ["x 1 2", "1 2", "1 x 2", "1", "", "1 0x10 2"] {
        let spoil = |run: &Path| {
            fs::write(run.join("metrics/accuracy"), format!("5 0.5 1\n{line}\n")).expect("write")
        };
        if line == "1 2" {
            // From before there were steps.
            continue;
        }
        let collected = assert_files_warn(spoil, WarningReason::Malformed);
        assert_eq!(value_of(&collected, "accuracy", "value").as_deref(), Some("0.5"));
    }
}

#[test]
fn the_value_of_a_metric_is_that_of_the_highest_step_and_then_the_latest() {
    let (directory, run) = files();
    fs::write(run.join("metrics/accuracy"), "9 0.1 1\n3 0.2 2\n2 0.3 2\n").expect("write");
    let collected = read(directory.path(), RUN).expect("a run");
    assert_eq!(value_of(&collected, "accuracy", "value").as_deref(), Some("0.2"));
    assert_eq!(value_of(&collected, "accuracy", "step").as_deref(), Some("2"));
}

#[test]
fn a_model_file_with_a_fault_is_an_error() {
    let whole = fs::read_to_string(testdata("model/MLmodel")).expect("text");
    for text in [format!("{whole}run_id: x\n"), format!("{whole}\n---\na: b\n"), "flavors: [".to_owned()] {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("MLmodel"), text).expect("write");
        assert!(matches!(read_model(directory.path()), Err(MlflowError::Model { .. })));
    }
}
