//! libclang, which the bindings generator of `librocksdb-sys` loads, obtained without asking anybody.
//!
//! In this order: what `LIBCLANG_PATH` names, what the system has, what the cache has, Debian's packages unpacked into
//! the cache (no root, nothing installed), the Python package of that name. None: an error with the command to type.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, place};

/// Written last into a directory of the cache: without it, what lies there is half done.
const COMPLETE: &str = "complete";

/// The variables with which the generator finds libclang and the compiler's own headers.
pub(crate) fn environment() -> Result<Vec<(&'static str, String)>> {
    let mut variables = Vec::new();
    if std::env::var_os("LIBCLANG_PATH").is_none() && !system_has_it() {
        let found = obtain()?;
        variables.push(("LIBCLANG_PATH", found.library.display().to_string()));
        if let Some(dir) = found.dependencies {
            let mut path = dir.into_os_string();
            if let Some(old) = std::env::var_os("LD_LIBRARY_PATH").filter(|old| !old.is_empty()) {
                path.push(":");
                path.push(old);
            }
            variables.push(("LD_LIBRARY_PATH", path.to_string_lossy().into_owned()));
        }
    }
    // libclang without clang has no stdbool.h; the C compiler's own will do.
    if std::env::var_os("BINDGEN_EXTRA_CLANG_ARGS").is_none()
        && let Ok(dir) = command::read(Command::new("gcc").arg("-print-file-name=include"))
        && Path::new(dir.trim()).is_absolute()
    {
        variables.push(("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", dir.trim())));
    }
    Ok(variables)
}

/// The directories that the generator searches by itself on Linux, and macOS's, which it knows too.
fn system_has_it() -> bool {
    if cfg!(target_os = "macos") {
        return true;
    }
    let mut dirs = Vec::new();
    for top in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"] {
        dirs.push(PathBuf::from(top));
        for below in directories(Path::new(top)) {
            dirs.extend(directories(&below));
            dirs.push(below);
        }
    }
    dirs.iter().any(|dir| holds_libclang(dir))
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
        .unwrap_or_default()
}

/// `libclang.so`, `libclang.so.1`, `libclang-14.so`, `libclang-14.so.1`; not `libclang-cpp.so.14`, another library.
fn is_libclang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else { return false };
    let rest = match rest.strip_prefix('-') {
        Some(versioned) => versioned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'),
        None => rest.strip_prefix('.').unwrap_or_default(),
    };
    let rest = rest.strip_prefix("so").unwrap_or("-");
    rest.is_empty() || rest.starts_with('.')
}

/// Whether a file (not a link that leads nowhere) of that name lies in the directory itself.
fn holds_libclang(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| is_libclang(&entry.file_name().to_string_lossy()) && entry.path().is_file())
    })
}

/// An unpacked libclang: its directory, and that of the libraries it needs itself.
struct Unpacked {
    library: PathBuf,
    dependencies: Option<PathBuf>,
}

fn obtain() -> Result<Unpacked> {
    let debian = place::cache()?.join("libclang-debian");
    let python = place::cache()?.join("libclang-python");
    for dir in [&debian, &python] {
        if dir.join(COMPLETE).is_file() {
            return unpacked(dir);
        }
    }
    let mut tried = Vec::new();
    for (dir, fetch) in [(&debian, from_debian as fn(&Path) -> Result<()>), (&python, from_python)] {
        eprintln!("libclang: not on this machine; fetching it into {}", dir.display());
        // What an earlier, broken attempt left is of no use.
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        match fetch(dir).and_then(|()| unpacked(dir)) {
            Ok(found) => {
                fs::write(dir.join(COMPLETE), "").context("cannot mark libclang as complete")?;
                return Ok(found);
            }
            Err(error) => {
                eprintln!("libclang: that did not work: {error:#}");
                tried.push(format!("{error:#}"));
            }
        }
    }
    bail!(
        "libclang is needed to generate RocksDB's bindings and could not be fetched:\n  {}\n\
         install it, on Debian with `apt-get install libclang-dev`, or set LIBCLANG_PATH to the directory that holds it",
        tried.join("\n  ")
    )
}

/// Finds the library below a directory of the cache, and asks the loader whether it would load.
fn unpacked(dir: &Path) -> Result<Unpacked> {
    let mut waiting = vec![dir.to_path_buf()];
    let mut library = None;
    let mut shared = None;
    while let Some(next) = waiting.pop() {
        if library.is_none() && holds_libclang(&next) {
            library = Some(next.clone());
        }
        if next.ends_with(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH)) {
            shared = Some(next.clone());
        }
        waiting.extend(directories(&next));
    }
    let library = library.with_context(|| format!("no libclang below {}", dir.display()))?;
    let found = Unpacked { library, dependencies: shared };
    missing_dependency(&found).map_or(Ok(found), |what| bail!("libclang does not load: {what}"))
}

/// The first line of `ldd` that names a library it cannot find.
fn missing_dependency(found: &Unpacked) -> Option<String> {
    let file = fs::read_dir(&found.library)
        .ok()?
        .flatten()
        .find(|entry| is_libclang(&entry.file_name().to_string_lossy()))?
        .path();
    let mut ldd = Command::new("ldd");
    ldd.arg(file);
    if let Some(dir) = &found.dependencies {
        ldd.env("LD_LIBRARY_PATH", dir);
    }
    let told = command::read(&mut ldd).ok()?;
    told.lines().find(|line| line.contains("not found")).map(|line| line.trim().to_owned())
}

/// Debian's packages, downloaded and unpacked with package lists of our own: works without root and with empty lists.
fn from_debian(dir: &Path) -> Result<()> {
    if place::tool("apt-get").is_none() || place::tool("dpkg-deb").is_none() {
        bail!("this is no Debian");
    }
    let state = dir.join("apt");
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.join(part))?;
    }
    let options = [
        format!("Dir::State::lists={}", state.join("lists").display()),
        format!("Dir::Cache={}", state.join("cache").display()),
        "APT::Sandbox::User=".to_owned(),
        "Debug::NoLocking=true".to_owned(),
    ];
    let apt = |program: &str| {
        let mut call = Command::new(program);
        call.env("LC_ALL", "C").current_dir(&state);
        for option in &options {
            call.arg("-o").arg(option);
        }
        call
    };
    command::read(apt("apt-get").args(["-q", "update"]))?;
    let about = command::read(apt("apt-cache").args(["depends", "libclang-dev"]))?;
    let package = default_package(&about).context("apt does not say which libclang is this system's")?;
    // Not apt's own plan for an installation, which it refuses to make while any package of the system is broken.
    let kinds = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
        .map(|k| format!("--no-{k}"));
    let needed = command::read(apt("apt-cache").args(["depends", "--recurse"]).args(kinds).arg(&package))?;
    let wanted: Vec<&str> = packages(&needed).filter(|name| !is_installed(name)).collect();
    if wanted.is_empty() {
        bail!("{package} and all it needs are installed, and yet no libclang was found");
    }
    command::read(apt("apt-get").args(["-q", "download"]).args(&wanted))?;
    let mut unpacked = 0_usize;
    for entry in fs::read_dir(&state)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "deb") {
            command::read(Command::new("dpkg-deb").arg("-x").arg(&path).arg(dir.join("root")))?;
            unpacked += 1;
        }
    }
    if unpacked != wanted.len() {
        bail!("apt fetched {unpacked} packages, {} were wanted", wanted.len());
    }
    fs::remove_dir_all(&state).context("cannot remove the package lists")
}

/// `libclang1-14` from what `libclang-dev` depends on: a line like `  Depends: libclang-14-dev`.
fn default_package(depends: &str) -> Option<String> {
    depends.lines().find_map(|line| {
        let number = line.trim().strip_prefix("Depends: libclang-")?.strip_suffix("-dev")?;
        number.parse::<u32>().ok().map(|number| format!("libclang1-{number}"))
    })
}

/// The packages in apt's recursive list: what stands at the start of a line. `<…>` is a name that others provide.
fn packages(needed: &str) -> impl Iterator<Item = &str> {
    needed.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric())).map(str::trim_end)
}

fn is_installed(package: &str) -> bool {
    let status = command::read(Command::new("dpkg-query").args([
        "--show",
        "--showformat=${db:Status-Status}",
        package,
    ]));
    status.is_ok_and(|status| status == "installed")
}

/// The Python package `libclang`, which is the library alone and needs nothing else.
fn from_python(dir: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"])
        .arg(dir)
        .arg("libclang");
    command::read(&mut pip).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_is_told_from_the_cpp_library() {
        for name in
            ["libclang.so", "libclang.so.1", "libclang-14.so", "libclang-14.so.1", "libclang-14.0.6.so"]
        {
            assert!(is_libclang(name), "{name}");
        }
        for name in
            ["libclang-cpp.so.14", "libclang.a", "libclang", "libclang-14", "libLLVM-14.so", "libclang.sos"]
        {
            assert!(!is_libclang(name), "{name}");
        }
    }

    #[test]
    fn the_systems_own_version_is_the_one_its_development_package_names() {
        let depends = "libclang-dev\n  Depends: libclang-14-dev\n";
        assert_eq!(default_package(depends).as_deref(), Some("libclang1-14"));
        assert_eq!(default_package("libclang-dev\n  Depends: libc6\n"), None);
    }

    #[test]
    fn packages_are_told_from_what_is_said_about_them() {
        let needed = "libclang1-14\n  Depends: libc6\n  Depends: <libgcc>\nlibc6\n<libgcc>\n";
        assert_eq!(packages(needed).collect::<Vec<_>>(), ["libclang1-14", "libc6"]);
    }
}
