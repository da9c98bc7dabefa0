//! Which files a program opened for reading, as strace saw it.
//!
//! ```text
//! {"path":"/data/train/x.csv","bytes":12,"sha256":"c3b0..."}     one line a file, sorted by path
//! {"path":"/tmp/scratch","gone":true}                            it was there when it was opened
//! ```
//!
//! The digests are taken when the program has ended, so they say what lay there then. Opened is not read, and a file that was
//! mapped or inherited open is not seen; what the list shows is which files of an input nobody ever asked for.
//!
//! strace does the watching: it follows every process and knows every way to open a file. In scope: starting it, reading what
//! it wrote, the list. Out of scope: what becomes of the list ([`crate::train`]).

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use attest::digest::{Sha256, Sha256Digest};

/// Most files that are listed.
const MOST_FILES: usize = 1_000_000;
/// Longest line that is read of a trace, bytes. A path has at most 4,096, each written with four.
const LONGEST_LINE: usize = 64 * 1024;
/// Where nothing lies that belongs to anybody's data.
const SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadSetError {
    /// A file or directory of ours, or of the list.
    #[error("cannot {act} {path}")]
    Io { act: &'static str, path: PathBuf, source: std::io::Error },
    /// The program that watches.
    #[error("strace cannot be started")]
    NoStrace(#[source] std::io::Error),
    /// A line of the trace that says something else than an opened file.
    #[error("strace wrote a line that is not understood: {line}")]
    NotUnderstood { line: String },
    /// A program that opens everything.
    #[error("the program opened more than {MOST_FILES} files")]
    TooMany,
}

/// A trace to be written.
pub(crate) struct Trace {
    dir: PathBuf,
}

/// The list, written and hashed.
pub(crate) struct ReadSet {
    pub(crate) digest: Sha256Digest,
    pub(crate) bytes: u64,
    opened: BTreeSet<PathBuf>,
}

impl Trace {
    /// Makes room for a trace beside the list, and looks whether strace is there at all.
    pub(crate) fn begin(list: &Path) -> Result<Self, ReadSetError> {
        let version = Command::new("strace").arg("--version").output().map_err(ReadSetError::NoStrace)?;
        drop(version);
        let mut name = list.as_os_str().to_owned();
        name.push(format!(".{}.trace", std::process::id()));
        let dir = PathBuf::from(name);
        fs::create_dir_all(&dir).map_err(io("make", &dir))?;
        Ok(Self { dir })
    }

    /// The call that starts a program under watch. A file for each process, so that no line is cut in two by another's.
    pub(crate) fn call(&self, name: &str, args: &[String]) -> Command {
        let mut call = Command::new("strace");
        call.args([
            "--follow-forks",
            "--output-separately",
            "--quiet=all",
            "--signal=none",
            "--decode-fds=path",
        ]);
        call.args([
            "--successful-only",
            "--trace=open,openat,openat2,creat",
            "--string-limit=65536",
            "--output",
        ]);
        call.arg(self.dir.join("trace")).arg("--").arg(name).args(args);
        call
    }

    /// Reads the trace and writes the list.
    pub(crate) fn end(self, list: &Path, out: &Path) -> Result<ReadSet, ReadSetError> {
        let mut opened = BTreeSet::new();
        let out = out.canonicalize().map_err(io("resolve", out))?;
        for entry in fs::read_dir(&self.dir).map_err(io("list", &self.dir))? {
            let path = entry.map_err(io("list", &self.dir))?.path();
            read_trace(&path, &mut opened)?;
        }
        opened.retain(|path| {
            path.is_absolute()
                && !path.starts_with(&out)
                && !SYSTEM.iter().any(|system| path.starts_with(system))
        });
        write_list(list, opened)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Nothing hangs on it; what stays says by its name what it is.
        drop(fs::remove_dir_all(&self.dir));
    }
}

impl ReadSet {
    /// How many files below a path were opened.
    pub(crate) fn opened_below(&self, path: &Path) -> usize {
        let Ok(path) = path.canonicalize() else { return 0 };
        self.opened.iter().filter(|opened| opened.starts_with(&path)).count()
    }
}

fn io(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ReadSetError {
    move |source| ReadSetError::Io { act, path: path.to_owned(), source }
}

fn read_trace(path: &Path, opened: &mut BTreeSet<PathBuf>) -> Result<(), ReadSetError> {
    let file = fs::File::open(path).map_err(io("open", path))?;
    let mut lines = BufReader::with_capacity(LONGEST_LINE, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.take_line(&mut line).map_err(io("read", path))?;
        if read == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        match opened_file(text.trim_end()) {
            Some(Some(file)) => drop(opened.insert(file)),
            Some(None) => {}
            None => {
                let line = text.chars().take(200).collect();
                return Err(ReadSetError::NotUnderstood { line });
            }
        }
        if opened.len() > MOST_FILES {
            return Err(ReadSetError::TooMany);
        }
    }
}

/// Reading a line within a bound: one that is longer comes in pieces, of which none is understood.
trait TakeLine {
    fn take_line(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize>;
}

impl<R: BufRead> TakeLine for R {
    fn take_line(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize> {
        std::io::Read::take(&mut *self, LONGEST_LINE as u64).read_until(b'\n', line)
    }
}

/// The file that a line says was opened, or `Some(None)` if it was opened for writing only; `None` for any other line.
///
/// ```text
/// openat(AT_FDCWD</work>, "x.csv", O_RDONLY|O_CLOEXEC) = 3</work/x.csv>
/// ```
fn opened_file(line: &str) -> Option<Option<PathBuf>> {
    let (call, result) = line.rsplit_once(") = ")?;
    let (name, _) = call.split_once('(')?;
    let (descriptor, path) = result.strip_suffix('>')?.split_once('<')?;
    if !["open", "openat", "openat2", "creat"].contains(&name)
        || !descriptor.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    // The name of a file cannot pass for a flag: it stands in quotes, in front of them.
    let flags = call.rsplit_once('"')?.1;
    let path = PathBuf::from(std::ffi::OsString::from_vec(unescaped(path)?));
    let only_written = name == "creat" || flags.contains("O_WRONLY");
    let is_directory = flags.contains("O_DIRECTORY") || flags.contains("O_PATH");
    Some((!only_written && !is_directory).then_some(path))
}

/// Undoes what strace does to bytes that are no printable ASCII: `\n`, `\"`, `\303`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let (kind, after) = rest.split_first()?;
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'f' => 0x0c,
            b'v' => 0x0b,
            b'\\' | b'"' | b'\'' | b'>' | b'<' => *kind,
            b'0'..=b'7' => {
                let mut value = u32::from(kind - b'0');
                for _ in 0..2 {
                    match rest.split_first() {
                        Some((digit @ b'0'..=b'7', after)) => {
                            value = value * 8 + u32::from(digit - b'0');
                            rest = after;
                        }
                        _ => break,
                    }
                }
                u8::try_from(value).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

/// Hashes each file, and writes the list beside a name of its own first.
fn write_list(list: &Path, opened: BTreeSet<PathBuf>) -> Result<ReadSet, ReadSetError> {
    // Renamed over a device, the list would take its place.
    if list.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io("replace", list)(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "not a regular file",
        )));
    }
    let mut name = list.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let mut file = BufWriter::new(fs::File::create_new(&part).map_err(io("make", &part))?);
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    for path in &opened {
        // Names need not be UTF-8; what replaces a byte that is not shows that something does.
        let shown = String::from_utf8_lossy(path.as_os_str().as_bytes());
        let value = match hashed(path) {
            Some((size, digest)) => {
                serde_json::json!({"path": shown, "bytes": size, "sha256": digest.to_string()})
            }
            None => serde_json::json!({"path": shown, "gone": true}),
        };
        let line = format!("{value}\n");
        hasher.update(line.as_bytes());
        bytes += line.len() as u64;
        file.write_all(line.as_bytes()).map_err(io("write", &part))?;
    }
    let file = file.into_inner().map_err(|error| io("write", &part)(error.into_error()))?;
    file.sync_all().map_err(io("write", &part))?;
    fs::rename(&part, list).map_err(io("make", list))?;
    Ok(ReadSet { digest: hasher.finish(), bytes, opened })
}

/// Size and digest of a regular file, if there still is one.
fn hashed(path: &Path) -> Option<(u64, Sha256Digest)> {
    let mut file =
        fs::File::open(path).ok().filter(|_| fs::metadata(path).is_ok_and(|meta| meta.is_file()))?;
    let (mut hasher, mut size, mut piece) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        match std::io::Read::read(&mut file, &mut piece) {
            Ok(0) => return Some((size, hasher.finish())),
            Ok(read) => {
                hasher.update(piece.get(..read)?);
                size += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opened_file_is_read_from_its_line_by_whatever_call_it_was_opened() {
        let file = |line| opened_file(line).map(|file| file.map(|path| path.display().to_string()));
        let read = |path: &str| Some(Some(path.to_owned()));
        assert_eq!(file(r#"openat(AT_FDCWD</w>, "x", O_RDONLY|O_CLOEXEC) = 3</w/x>"#), read("/w/x"));
        assert_eq!(
            file(r#"openat2(AT_FDCWD</w>, "x", {flags=O_RDONLY, resolve=0}, 24) = 12</w/x>"#),
            read("/w/x")
        );
        assert_eq!(file(r#"open("/a\"b", O_RDWR) = 3</a"b>"#), read("/a\"b"));
        assert_eq!(
            file(r#"openat(AT_FDCWD</w>, "\303\251 O_WRONLY", O_RDONLY) = 3</w/\303\251 O_WRONLY>"#),
            read("/w/é O_WRONLY")
        );
        assert_eq!(file(r#"openat(AT_FDCWD</w>, "x", O_WRONLY|O_CREAT, 0666) = 3</w/x>"#), Some(None));
        assert_eq!(file(r#"creat("x", 0666) = 3</w/x>"#), Some(None));
        assert_eq!(file(r#"openat(AT_FDCWD</w>, ".", O_RDONLY|O_DIRECTORY) = 3</w>"#), Some(None));
        for strange in [
            "",
            "+++ exited with 0 +++",
            r#"openat(AT_FDCWD</w>, "x", O_RDONLY) = -1 ENOENT (No such file or directory)"#,
            r#"openat(AT_FDCWD</w>, "x", O_RDONLY <unfinished ...>"#,
            r#"rename("a", "b") = 3</w/x>"#,
            r#"openat(AT_FDCWD</w>, "x", O_RDONLY) = 3</w/\q>"#,
            r#"openat(AT_FDCWD</w>, "x", O_RDONLY) = 3</w/\777>"#,
        ] {
            assert_eq!(file(strange), None, "{strange}");
        }
    }

    #[test]
    fn a_line_beyond_the_bound_is_not_understood() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("trace.1");
        let long = format!("openat(AT_FDCWD</w>, \"{}\", O_RDONLY) = 3</w/x>\n", "x".repeat(LONGEST_LINE));
        fs::write(&path, long).expect("write");
        let refused = read_trace(&path, &mut BTreeSet::new());
        assert!(matches!(refused, Err(ReadSetError::NotUnderstood { .. })));
    }
}
