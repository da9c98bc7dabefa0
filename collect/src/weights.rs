//! What the headers of the weights say and prove: format, architecture, tensors, parameters, types.
//!
//! One module for each format, which names the specification it follows, draws the bytes and lists its facts: [`safetensors`],
//! [`sharded`], [`gguf`], [`onnx`], [`archive`] (PyTorch, Keras, npz) and [`npy`]. A file is what its first bytes say; a name
//! that promises something else is a warning.
//!
//! Only headers are read, never numbers, and nothing is unpickled: HDF5, pickles, compressed files and programs are named in
//! the fact `format` and in a warning [`NotRead`]. What a header proves has grade observed; what somebody wrote into one is
//! declared, and free text is personal besides.
//!
//! | key | about | value |
//! |---|---|---|
//! | `format` | file | `safetensors`, `gguf`, `onnx`, `torch`, `torch-script`, `torch-export`, `keras`, `npz`, `npy`, `zip`; not read: `hdf5`, `torch-legacy`, `pickle`, `zlib`, `gzip`, `bzip2`, `xz`, `lz4`, `zstd`, `program` |
//! | `tensors` | file or index | how many |
//! | `parameters` | file or index | numbers in all tensors, also those that are no weights: counters, tables of positions |
//! | `dtype` | file or index | `BF16=6738415616`: the share of one type, once for each |
//! | the rest | | in the module of the format |
//!
//! All facts have topic identity and the file's name as `about`, but those on base models and datasets that a header names.
//!
//! Bounds: 100,000 files and directories, 64 levels, 4,096 files of weights. The files are not in [`Collected::files`]: nothing
//! but their headers was read, and their digests are those of the model's tree. Trusted: the operating system. Whoever
//! can write to the directory meanwhile can show other headers than those that are hashed.
//!
//! In scope: a file, or a directory of them. Out of scope: whether the weights are good, and configurations beside them.
//!
//! [`NotRead`]: WarningReason::NotRead

pub mod archive;
mod file_facts;
pub mod gguf;
pub mod keras;
pub mod npy;
mod npz;
pub mod onnx;
mod protobuf;
pub mod safetensors;
pub mod sharded;
mod sniff;
mod stream;
mod torch;
mod totals;
mod walk;
mod zip;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use self::file_facts::FileFacts;
use self::sniff::Kind;
use self::walk::Found;
use crate::{Collected, WarningReason, reading};

/// The name of this source.
const SOURCE: &str = "weights";

/// Most files of weights in a directory: four times what the largest known model has.
const MAX_WEIGHTS_FILES: usize = 4096;

/// What the end of a name promises. `.bin` may be anything, but it should be something.
const PROMISES: [(&str, &[&str]); 16] = [
    (".safetensors", &["safetensors"]),
    (".gguf", &["gguf"]),
    (".onnx", &["onnx"]),
    (".npy", &["npy"]),
    (".npz", &["npz"]),
    (".keras", &["keras"]),
    (".h5", &["hdf5"]),
    (".hdf5", &["hdf5"]),
    (".pt", &TORCH),
    (".pth", &TORCH),
    (".ckpt", &TORCH),
    (".pt2", &["torch-export"]),
    (".pkl", &["pickle"]),
    (".pickle", &["pickle"]),
    (".joblib", &["pickle", "zlib", "gzip", "bzip2", "xz", "lz4"]),
    (".bin", &[]),
];

/// What PyTorch writes.
const TORCH: [&str; 5] = ["torch", "torch-script", "torch-export", "torch-legacy", "pickle"];

/// Reads the headers of a file, or of all files of weights in a directory. The path itself may be a symbolic link: it is
/// the caller who named it.
pub fn read(path: &Path) -> Collected {
    let mut collected = Collected::new(SOURCE);
    let name = path.file_name().map_or_else(|| SOURCE.into(), |name| name.to_string_lossy());
    match fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?, path))) {
        Ok((metadata, path)) if metadata.is_dir() => directory(&path, &mut collected),
        Ok((_, path)) => {
            let found = Found { path, name: name.into_owned() };
            match file(&found) {
                Some(read) => collected.absorb(read),
                None => {
                    let text = "no format of weights is recognised";
                    collected.warn(WarningReason::Malformed, &found.name, text);
                }
            }
        }
        Err(error) => {
            let is_absent = error.kind() == std::io::ErrorKind::NotFound;
            let reason = if is_absent { WarningReason::Absent } else { WarningReason::Unreadable };
            collected.warn(reason, &name, format!("cannot be read: {error}"));
        }
    }
    collected
}

fn directory(root: &Path, collected: &mut Collected) {
    let files = walk::files(root, collected);
    let (mut shards, mut count) = (BTreeSet::new(), 0_usize);
    for found in files.iter().filter(|found| sharded::is_index(&found.name)) {
        let (read, names) = sharded::read(&found.path, &found.name);
        // Shards lie beside their index, so their names differ in the last component only.
        let beside = found.name.rsplit_once('/').map_or_else(String::new, |(parent, _)| format!("{parent}/"));
        shards.extend(names.into_iter().map(|name| format!("{beside}{name}")));
        count += usize::from(!read.facts().is_empty());
        collected.absorb(read);
    }
    for found in files.iter().filter(|found| !shards.contains(&found.name)) {
        let Some(read) = file(found) else { continue };
        count += 1;
        if count > MAX_WEIGHTS_FILES {
            let text = format!("more than {MAX_WEIGHTS_FILES} files of weights, the rest is not read");
            return collected.warn(WarningReason::TooLarge, &found.name, text);
        }
        collected.absorb(read);
    }
    if count == 0 {
        collected.warn(WarningReason::Absent, ".", "no weights");
    }
}

/// Reads one file; `None` if neither its content nor its name says that it holds weights.
fn file(found: &Found) -> Option<Collected> {
    let name = found.name.as_str();
    let mut facts = FileFacts::new(name);
    let file = match reading::open(&found.path) {
        Ok((file, _)) => file,
        Err(error) => {
            facts.warn(error.reason(), "", error.words());
            return Some(facts.finish());
        }
    };
    let kind = match recognise(&file) {
        Ok(kind) => kind,
        Err(error) => {
            facts.warn(WarningReason::Unreadable, "", format!("cannot be read: {error}"));
            return Some(facts.finish());
        }
    };
    let promise = PROMISES.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, formats)| *formats);
    let Some(kind) = kind else {
        promise?;
        facts.warn(WarningReason::Malformed, "", "named like weights, but no format of them is recognised");
        return Some(facts.finish());
    };
    let read = match kind {
        Kind::Gguf => gguf::read(&file, name),
        Kind::Npy => npy::read(&file, name),
        Kind::Onnx => onnx::read_with_files(&file, name, &found.path),
        Kind::Safetensors => safetensors::read(&file, name),
        Kind::Zip => archive::read(&file, name),
        unread => not_read(unread, name),
    };
    refuse_broken_promise(&read, promise.unwrap_or_default(), &mut facts);
    let mut collected = read;
    collected.absorb(facts.finish());
    Some(collected)
}

/// The format by the first bytes, or by those at 512, 1024 and so on, where HDF5 may begin too.
fn recognise(mut file: &File) -> std::io::Result<Option<Kind>> {
    let mut at = |offset: u64| {
        let mut beginning = Vec::new();
        file.seek(SeekFrom::Start(offset))?;
        file.take(sniff::SNIFF_BYTES).read_to_end(&mut beginning)?;
        std::io::Result::Ok(beginning)
    };
    if let Some(kind) = sniff::kind(&at(0)?) {
        return Ok(Some(kind));
    }
    for power in 9..20 {
        let beginning = at(1 << power)?;
        if sniff::is_hdf5(&beginning) {
            return Ok(Some(Kind::Hdf5));
        }
        if beginning.is_empty() {
            break;
        }
    }
    Ok(None)
}

/// Names a file that is not looked into.
fn not_read(kind: Kind, name: &str) -> Collected {
    let (format, text) = match kind {
        Kind::Hdf5 => ("hdf5", "HDF5, of which nothing is read"),
        Kind::TorchLegacy => ("torch-legacy", "a pickle of torch before 1.6, which is never read"),
        Kind::Pickle => ("pickle", "a pickle, which is never read"),
        Kind::Program => ("program", "a program, which is never read"),
        Kind::Compressed(format) => (format, "compressed, and not looked into"),
        Kind::Gguf | Kind::Npy | Kind::Onnx | Kind::Safetensors | Kind::Zip => ("", "of a kind that is read"),
    };
    let mut facts = FileFacts::new(name);
    facts.observed("format", format, "");
    facts.warn(WarningReason::NotRead, "", text);
    facts.finish()
}

/// Warns if the name promises another format than was found.
fn refuse_broken_promise(read: &Collected, promised: &[&str], facts: &mut FileFacts) {
    let format = read.facts().iter().find(|fact| fact.key() == "format").map(|fact| fact.value().to_text());
    if let Some(format) = format.filter(|format| !promised.is_empty() && !promised.contains(&format.as_str()))
    {
        let text = format!("is {format}, but its name promises {}", promised.join(" or "));
        facts.warn(WarningReason::Disagreement, "", text);
    }
}
