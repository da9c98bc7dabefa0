//! RocksDB compiled once, in few large pieces, outside the checkout; see `spec/decisions/0003-building-rocksdb.md`.
//!
//! `librocksdb-sys` compiles 343 C++ files, most of whose time goes into reading the same headers. Here the same files,
//! from the copy that cargo fetched and checked, are included into fourteen, which takes a third of the time; the
//! archive is kept in the cache and found by every checkout and profile through `ROCKSDB_LIB_DIR`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{command, libclang, place};

/// Pieces the sources are dealt into: fewer read the headers less often, more keep two cores evenly busy.
const PIECES: usize = 14;

type Variables = Vec<(&'static str, String)>;

/// What cargo calls need so that `log-server` builds. The first call may build the library; later ones are free.
pub(crate) fn environment() -> Result<&'static [(&'static str, String)]> {
    static VARIABLES: OnceLock<Variables> = OnceLock::new();
    if let Some(known) = VARIABLES.get() {
        return Ok(known);
    }
    let mut found = libclang::environment()?;
    if std::env::var_os("ROCKSDB_LIB_DIR").is_none() && std::env::var_os("ROCKSDB_COMPILE").is_none() {
        match library() {
            Ok(dir) => {
                found.push(("ROCKSDB_LIB_DIR", dir.display().to_string()));
                found.push(("ROCKSDB_STATIC", "1".to_owned()));
            }
            Err(error) => {
                eprintln!("rocksdb: {error:#}");
                eprintln!(
                    "rocksdb: leaving it to cargo's own build, which needs about 13 minutes on two cores"
                );
            }
        }
    }
    Ok(VARIABLES.get_or_init(|| found))
}

/// The directory that holds `librocksdb.a`, which is built if it is not there.
fn library() -> Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        bail!("the prebuilt library is for Linux only so far");
    }
    let source = Source::locate()?;
    let compiler = Compiler::find()?;
    let flags = flags(&source.dir);
    let key = fnv1a(&[&source.version, &compiler.version, &PIECES.to_string(), &flags_without_place(&flags)]);
    let name = format!("rocksdb-{}-{key:016x}", source.version);
    let cache = place::cache()?;
    let target = cache.join(&name);
    if target.join("librocksdb.a").is_file() {
        return Ok(target);
    }
    // Two checkouts, or two terminals, may come here at once: one builds, the other waits and finds it done.
    let lock =
        File::create(cache.join(format!("{name}.lock"))).context("cannot make the lock file of the build")?;
    if lock.try_lock().is_err() {
        eprintln!("rocksdb: another process is building the library; waiting for it");
        lock.lock().context("cannot wait for the other build")?;
    }
    if !target.join("librocksdb.a").is_file() {
        let work = cache.join(format!("{name}.building"));
        build(&source, &compiler, &flags, &work)?;
        fs::rename(&work, &target)
            .with_context(|| format!("cannot move the library to {}", target.display()))?;
    }
    Ok(target)
}

/// The sources of RocksDB, as cargo fetched them with the crate.
struct Source {
    dir: PathBuf,
    version: String,
}

impl Source {
    fn locate() -> Result<Self> {
        let described = command::read(command::bare_cargo().args([
            "metadata",
            "--format-version=1",
            "--filter-platform",
            &host()?,
        ]))?;
        let described: Value = serde_json::from_str(&described).context("cargo metadata is not JSON")?;
        let package = described["packages"]
            .as_array()
            .and_then(|all| all.iter().find(|package| package["name"] == "librocksdb-sys"))
            .context("cargo knows no package librocksdb-sys")?;
        let manifest = package["manifest_path"].as_str().context("librocksdb-sys has no manifest path")?;
        let version = package["version"].as_str().context("librocksdb-sys has no version")?;
        let dir = Path::new(manifest).parent().context("the manifest of librocksdb-sys lies nowhere")?;
        Ok(Self { dir: dir.to_path_buf(), version: version.to_owned() })
    }

    /// The list that the crate's own build script compiles, in its order.
    fn files(&self) -> Result<Vec<String>> {
        let path = self.dir.join("rocksdb_lib_sources.txt");
        let list = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // The crate brings its own build_version.cc beside the list.
        let files: Vec<String> = list
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && *line != "util/build_version.cc")
            .map(str::to_owned)
            .collect();
        if files.is_empty() {
            bail!("{} lists no file", path.display());
        }
        Ok(files)
    }
}

/// The triple cargo compiles for here.
fn host() -> Result<String> {
    let told = command::read(Command::new("rustc").arg("-vV"))?;
    told.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` names no host")
}

struct Compiler {
    program: OsString,
    version: String,
}

impl Compiler {
    fn find() -> Result<Self> {
        let candidates = match std::env::var_os("CXX") {
            Some(chosen) if !chosen.is_empty() => vec![chosen],
            _ => vec!["c++".into(), "g++".into(), "clang++".into()],
        };
        for program in candidates {
            if let Ok(told) = command::read(Command::new(&program).arg("--version")) {
                let version = told.lines().next().unwrap_or_default().to_owned();
                return Ok(Self { program, version });
            }
        }
        bail!("no C++ compiler: install one, on Debian with `apt-get install g++`")
    }
}

/// What the crate's build script passes for Linux, without its warnings, and with the checksum instructions that every
/// x86-64 processor since 2010 has.
fn flags(dir: &Path) -> Vec<String> {
    let mut flags: Vec<String> =
        ["-c", "-O2", "-std=c++20", "-w", "-fPIC", "-ffunction-sections", "-fdata-sections"]
            .into_iter()
            .map(str::to_owned)
            .collect();
    flags.extend(["-include", "cstdint"].map(str::to_owned));
    for part in ["rocksdb", "rocksdb/include", "", "rocksdb/third-party/gtest-1.8.1/fused-src"] {
        flags.push(format!("-I{}", dir.join(part).display()));
    }
    for name in [
        "NDEBUG",
        "HAVE_ALIGNED_NEW",
        "HAVE_UINT128_EXTENSION",
        "OS_LINUX",
        "ROCKSDB_PLATFORM_POSIX",
        "ROCKSDB_LIB_IO_POSIX",
        "ROCKSDB_SCHED_GETCPU_PRESENT",
        "ROCKSDB_AUXV_GETAUXVAL_PRESENT",
        "ROCKSDB_FALLOCATE_PRESENT",
        "ROCKSDB_RANGESYNC_PRESENT",
    ] {
        flags.push(format!("-D{name}"));
    }
    if cfg!(target_arch = "x86_64") && processor_has(&["sse4_2", "pclmulqdq"]) {
        flags.extend(["-msse4.2", "-mpclmul"].map(str::to_owned));
    }
    flags
}

fn processor_has(features: &[&str]) -> bool {
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|told| {
        told.lines().find(|line| line.starts_with("flags")).is_some_and(|line| {
            features.iter().all(|feature| line.split_whitespace().any(|word| word == *feature))
        })
    })
}

/// The flags that matter to the key: where the sources lie does not.
fn flags_without_place(flags: &[String]) -> String {
    flags.iter().filter(|flag| !flag.starts_with("-I")).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// FNV-1a, 64 bits, each part ended by a byte that no part contains: a name for a cache directory, nothing more.
fn fnv1a(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Compiles into a directory that gets its real name from the caller when all is done, so that a killed build leaves no
/// half library behind.
fn build(source: &Source, compiler: &Compiler, flags: &[String], work: &Path) -> Result<()> {
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("cannot clear {}", work.display()))?;
    }
    fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
    let pieces = write_pieces(source, work)?;
    eprintln!("rocksdb: building {} once into the cache, about 5 minutes on two cores", source.version);
    let started = Instant::now();
    compile(&pieces, compiler, flags, work, started)?;

    let archive = work.join("librocksdb.a");
    let archiver = std::env::var_os("AR").unwrap_or_else(|| "ar".into());
    command::read(
        Command::new(archiver)
            .arg("crs")
            .arg(&archive)
            .args(pieces.iter().map(|piece| piece.with_extension("o"))),
    )?;
    for piece in &pieces {
        fs::remove_file(piece.with_extension("o"))?;
    }
    eprintln!("rocksdb: done in {}", clock(started.elapsed()));
    Ok(())
}

/// Deals the sources out in their order, neighbours together since they share headers.
fn write_pieces(source: &Source, work: &Path) -> Result<Vec<PathBuf>> {
    let files = source.files()?;
    let mut pieces = Vec::new();
    for (number, group) in files.chunks(files.len().div_ceil(PIECES)).enumerate() {
        let piece = work.join(format!("piece-{number:02}.cc"));
        let text: String = group.iter().map(|file| format!("#include \"{file}\"\n")).collect();
        fs::write(&piece, text).with_context(|| format!("cannot write {}", piece.display()))?;
        pieces.push(piece);
    }
    let version = work.join("build_version.cc");
    fs::copy(source.dir.join("build_version.cc"), &version)
        .context("cannot copy build_version.cc of the crate")?;
    pieces.push(version);
    Ok(pieces)
}

/// One compiler per core, each taking the next piece.
fn compile(
    pieces: &[PathBuf],
    compiler: &Compiler,
    flags: &[String],
    work: &Path,
    started: Instant,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let failure: Mutex<Option<anyhow::Error>> = Mutex::new(None);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(pieces.len()) {
            scope.spawn(|| {
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failure.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                        return;
                    }
                    let mut call = Command::new(&compiler.program);
                    call.current_dir(work).args(flags).arg(piece).arg("-o").arg(piece.with_extension("o"));
                    if let Err(error) = command::read(&mut call) {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        return;
                    }
                    let done = finished.fetch_add(1, Ordering::Relaxed) + 1;
                    show_progress(done, pieces.len(), started.elapsed());
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error.context(format!("the build of RocksDB in {} failed", work.display()))),
        None => Ok(()),
    }
}

fn show_progress(done: usize, of: usize, elapsed: Duration) {
    let mut out = std::io::stderr().lock();
    // A terminal gets one line that moves; a file gets a line each.
    let (start, end) = match (out.is_terminal(), done == of) {
        (true, false) => ("\r", ""),
        (true, true) => ("\r", "\n"),
        (false, _) => ("", "\n"),
    };
    // Progress that cannot be shown is no reason to stop building.
    let _ = write!(out, "{start}rocksdb: {done:2} of {of} pieces, {}{end}", clock(elapsed));
    let _ = out.flush();
}

/// `4 min 07 s`.
fn clock(elapsed: Duration) -> String {
    format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_tells_parts_apart_and_matches_the_published_constant() {
        // FNV's own test vector for "a", followed by our end byte.
        let a = 0xaf63_dc4c_8601_ec8c_u64;
        assert_eq!(fnv1a(&["a"]), (a ^ 0xff).wrapping_mul(0x0000_0100_0000_01b3));
        assert_ne!(fnv1a(&["ab", "c"]), fnv1a(&["a", "bc"]));
    }

    #[test]
    fn the_place_of_the_sources_is_not_part_of_the_key() {
        let here = flags_without_place(&flags(Path::new("/here")));
        assert_eq!(here, flags_without_place(&flags(Path::new("/there"))));
        assert!(here.contains("-O2") && here.contains("-DNDEBUG"));
    }

    #[test]
    fn every_source_lands_in_exactly_one_piece() {
        let crate_dir = tempfile::tempdir().expect("a directory");
        let work = tempfile::tempdir().expect("a directory");
        let names: Vec<String> = (0..343).map(|n| format!("db/file_{n}.cc")).collect();
        fs::write(
            crate_dir.path().join("rocksdb_lib_sources.txt"),
            format!("{}\nutil/build_version.cc\n", names.join("\n")),
        )
        .expect("written");
        fs::write(crate_dir.path().join("build_version.cc"), "int v;\n").expect("written");
        let source = Source { dir: crate_dir.path().to_path_buf(), version: "1".to_owned() };

        let pieces = write_pieces(&source, work.path()).expect("dealt");

        assert_eq!(pieces.len(), PIECES + 1);
        let included: Vec<String> = pieces
            .iter()
            .flat_map(|piece| {
                fs::read_to_string(piece).expect("read").lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter_map(|line| Some(line.strip_prefix("#include \"")?.strip_suffix('"')?.to_owned()))
            .collect();
        assert_eq!(included, names);
    }

    #[test]
    fn a_list_without_files_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("rocksdb_lib_sources.txt"), "\n").expect("written");
        let source = Source { dir: dir.path().to_path_buf(), version: "1".to_owned() };
        assert!(source.files().expect_err("empty").to_string().contains("lists no file"));
    }

    #[test]
    fn a_piece_that_does_not_compile_is_shown() {
        let work = tempfile::tempdir().expect("a directory");
        let piece = work.path().join("piece-00.cc");
        fs::write(&piece, "int broken(\n").expect("written");
        let compiler = Compiler::find().expect("a compiler is needed to build this workspace anyway");
        let flags = flags(work.path());
        let error =
            compile(&[piece], &compiler, &flags, work.path(), Instant::now()).expect_err("does not parse");
        assert!(format!("{error:#}").contains("piece-00.cc"), "{error:#}");
    }

    #[test]
    fn a_clock_shows_minutes_and_two_digits_of_seconds() {
        assert_eq!(clock(Duration::from_secs(247)), "4 min 07 s");
    }
}
