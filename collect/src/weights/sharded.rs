//! A set of shards, described by its index.
//!
//! Follows what huggingface/transformers 5 and accelerate write beside the shards.
//!
//! ```text
//! model.safetensors.index.json       {"metadata": {"total_size": 8},
//! model-00001-of-00002.safetensors    "weight_map": {"a": "model-00001-of-00002.safetensors",
//! model-00002-of-00002.safetensors                   "b": "model-00002-of-00002.safetensors"}}
//! ```
//! Every shard lies beside the index, is whole, and holds exactly the tensors that the index says; `total_size` is the sum
//! of the tensors' lengths in bytes. What disagrees is a warning, and then the set has no sums: half a sum is a lie.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format` | index | `safetensors`, or `torch` for an index of pickles |
//! | `shards` | index | number of files that the index names |
//! | `tensors`, `parameters`, `dtype` | index | summed over the shards' headers |
//! | `tensors` | index | of an index of pickles: the number of names in it, declared |
//!
//! Bounds: 16 MiB for the index, 10,000 shards. In scope: the index and the headers of its shards. Out of scope: sets of
//! GGUF files, which have no index; the pickles that an index may name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::file_facts::FileFacts;
use super::safetensors;
use super::totals::Totals;
use crate::excerpt::excerpt;
use crate::json::{self, Json, JsonError};
use crate::reading::{self, MAX_TEXT_FILE_BYTES};
use crate::{Collected, WarningReason};

/// Most shards of a set.
const MAX_SHARDS: usize = 10_000;

/// How the name of an index ends.
const INDEX_SUFFIX: &str = ".index.json";

/// What an index says.
#[derive(Debug)]
pub(crate) struct Index {
    /// The names of the tensors in each shard.
    pub(crate) shards: BTreeMap<String, BTreeSet<String>>,
    total_size: Option<String>,
}

/// Why a file is no index.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("{0}")]
    Json(#[from] JsonError),
    #[error("no object weight_map from names of tensors to names of files")]
    NoWeightMap,
    #[error("shard {name:?} is not the name of a file beside the index")]
    Outside { name: String },
    #[error("{seen} shards, want at most {MAX_SHARDS}")]
    TooManyShards { seen: usize },
}

impl IndexError {
    const fn reason(&self) -> WarningReason {
        match self {
            Self::Json(JsonError::TooDeep | JsonError::TooMany) | Self::TooManyShards { .. } => {
                WarningReason::TooLarge
            }
            Self::Json(_) | Self::NoWeightMap => WarningReason::Malformed,
            Self::Outside { .. } => WarningReason::Escape,
        }
    }
}

/// Whether a file of this name is an index.
pub(crate) fn is_index(name: &str) -> bool {
    name.ends_with(INDEX_SUFFIX)
}

impl Index {
    /// Reads an index.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let json = json::parse(bytes)?;
        let map = json.get("weight_map").and_then(Json::object).ok_or(IndexError::NoWeightMap)?;
        let mut shards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (tensor, shard) in map {
            let shard = shard.text().ok_or(IndexError::NoWeightMap)?;
            if !is_file_name(shard) {
                return Err(IndexError::Outside { name: excerpt(shard) });
            }
            shards.entry(shard.to_owned()).or_default().insert(tensor.clone());
        }
        if shards.len() > MAX_SHARDS {
            return Err(IndexError::TooManyShards { seen: shards.len() });
        }
        let total_size = json.get("metadata").and_then(|metadata| metadata.get("total_size"));
        Ok(Self { shards, total_size: total_size.and_then(Json::scalar) })
    }

    fn tensors(&self) -> usize {
        self.shards.values().map(BTreeSet::len).sum()
    }

    /// Whether all shards are named as safetensors files are.
    fn is_safetensors(&self) -> bool {
        self.shards.keys().all(|shard| shard.ends_with(".safetensors"))
    }
}

/// One component, which is neither this directory nor the one above.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

/// Reads an index, and no shard.
pub fn read_index(bytes: &[u8], name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match Index::parse(bytes) {
        Ok(index) => describe(&index, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

fn describe(index: &Index, facts: &mut FileFacts) {
    facts.observed("shards", index.shards.len().to_string(), "");
    facts.declared("tensors", index.tensors().to_string(), "weight_map");
}

/// Reads the index at `path` and the shards beside it. Gives the names of the shards too, so that nobody reads them again.
pub(crate) fn read(path: &Path, name: &str) -> (Collected, BTreeSet<String>) {
    let mut facts = FileFacts::new(name);
    let index = match reading::read(path, name, MAX_TEXT_FILE_BYTES) {
        Ok(reading) => {
            let index = Index::parse(&reading.bytes);
            facts.note_file(reading.file);
            index
        }
        Err(error) => {
            facts.warn(error.reason(), "", error.words());
            return (facts.finish(), BTreeSet::new());
        }
    };
    match index {
        // Some other tool's index of something else; nothing here says that it is about weights.
        Err(IndexError::NoWeightMap) => (facts.finish(), BTreeSet::new()),
        Err(error) => {
            facts.warn(error.reason(), "", error.to_string());
            (facts.finish(), BTreeSet::new())
        }
        Ok(index) if index.is_safetensors() => {
            sum(&index, path, &mut facts);
            (facts.finish(), index.shards.into_keys().collect())
        }
        Ok(index) => {
            facts.observed("format", "torch", "");
            describe(&index, &mut facts);
            // The pickles stay on the list of files to look at: each has its own warning.
            refuse_absent(&index, path, &mut facts);
            (facts.finish(), BTreeSet::new())
        }
    }
}

/// Sums the headers of all shards; gives no sums if one of them is not as the index says.
fn sum(index: &Index, path: &Path, facts: &mut FileFacts) {
    let mut totals = Totals::default();
    let (mut size, mut whole) = (0_u64, true);
    for (shard, tensors) in &index.shards {
        match shard_header(&path.with_file_name(shard), tensors) {
            Ok(header) => {
                whole &= totals.join(&header.totals).is_some();
                size = size.saturating_add(header.tensors.values().sum());
            }
            Err((reason, text)) => {
                facts.warn(reason, shard, text);
                whole = false;
            }
        }
    }
    facts.observed("shards", index.shards.len().to_string(), "");
    if !whole {
        return;
    }
    facts.observed("format", "safetensors", "");
    facts.totals(&totals);
    if let Some(claimed) = index.total_size.as_ref().filter(|claimed| **claimed != size.to_string()) {
        let text = format!("total_size is {}, but the tensors have {size} bytes", excerpt(claimed));
        facts.warn(WarningReason::Disagreement, "metadata", text);
    }
}

/// Reads the header of a shard and holds its tensors against those that the index names.
fn shard_header(
    path: &Path,
    tensors: &BTreeSet<String>,
) -> Result<safetensors::Header, (WarningReason, String)> {
    let (file, _) = reading::open(path).map_err(|error| (error.reason(), error.words()))?;
    let header = safetensors::parse(file).map_err(|error| (error.reason(), error.to_string()))?;
    let missing = tensors.iter().find(|name| !header.tensors.contains_key(*name));
    let surplus = header.tensors.keys().find(|name| !tensors.contains(*name));
    let disagreement =
        |name: &str, text| (WarningReason::Disagreement, format!("tensor {} {text}", excerpt(name)));
    match (missing, surplus) {
        (Some(name), _) => Err(disagreement(name, "is in the index and not in the shard")),
        (None, Some(name)) => Err(disagreement(name, "is in the shard and not in the index")),
        (None, None) => Ok(header),
    }
}

fn refuse_absent(index: &Index, path: &Path, facts: &mut FileFacts) {
    for shard in index.shards.keys() {
        if let Err(error) = reading::open(&path.with_file_name(shard)) {
            facts.warn(error.reason(), shard, error.words());
        }
    }
}
