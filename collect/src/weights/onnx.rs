//! The structure of an ONNX model.
//!
//! Follows onnx/onnx's onnx.proto as of release 1.23 (IR version 14) and its docs/ExternalData.md.
//!
//! ```text
//! ModelProto   1 ir_version  2 producer_name  3 producer_version  4 domain  5 model_version  7 graph
//!              8 opset_import {1 domain, 2 version}  14 metadata_props {1 key, 2 value}  20 training_info  25 functions
//! GraphProto   1 node  2 name  5 initializer  15 sparse_initializer
//! NodeProto    5 attribute {5 t, 6 g, 10 tensors, 11 graphs, 22 sparse_tensor, 23 sparse_tensors}
//! TensorProto  1 dims  2 data_type  8 name  9 raw_data  13 external_data {1 key, 2 value}  14 data_location
//! ```
//! Every message that can hold a tensor is walked, so that no reference to a file outside hides in a constant or in a graph
//! inside a node. A reference must lead to a regular file beside or below the model: anything else is an escape, a history of
//! which is CVE-2022-25882, CVE-2024-5187, CVE-2024-27318 and CVE-2026-27489. A field that is there once and comes twice is
//! refused, where protocol buffers let the last one win.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format`, `format-version` | file | `onnx` and `ir_version` |
//! | `producer` | file | `producer_name` and `producer_version`, declared |
//! | `domain`, `version` | file | `domain`, `model_version` unless it is 0, declared |
//! | `opset` | file | `ai.onnx=17`, once for each domain |
//! | `graph` | file | the graph's name, declared |
//! | `tensors`, `parameters`, `dtype` | file | counted over initializers, also those of graphs inside nodes |
//! | `external-data` | file | each file that tensors lie in |
//! | `metadata` | file | each of `metadata_props` as `key=value`, declared, personal |
//!
//! Protocol buffers have no end mark: a model that is cut off between two fields of its outermost message is a smaller model,
//! here as everywhere. Without a graph or operator sets, which come before the metadata, it is refused.
//!
//! Bounds: 2^24 fields, messages nested 100 deep as other readers have it, names and values of 4096 bytes, a million
//! initializers, 100,000 references, 256 MiB of names. In scope: the model's own file, and whether the files it refers to are there and long
//! enough. Out of scope: what is in them; checksums, which are SHA-1 and optional; what the operators do.

mod external;
mod walk;

use std::io::{Read, Seek};
use std::path::Path;

use self::external::{External, ExternalError};
use self::walk::Walk;
use super::file_facts::FileFacts;
use super::protobuf::{Fields, WireError};
use super::stream::{Stream, StreamError};
use super::totals::Totals;
use crate::{Collected, WarningReason};

/// What a model says.
#[derive(Debug, Default)]
pub(crate) struct Model {
    ir_version: Option<u64>,
    producer_name: Option<String>,
    producer_version: Option<String>,
    domain: Option<String>,
    model_version: Option<u64>,
    graph_name: Option<String>,
    opsets: Vec<(String, u64)>,
    metadata: Vec<(String, String)>,
    totals: Totals,
    externals: Vec<External>,
    has_graph: bool,
    long_metadata: bool,
}

/// Why a file is no ONNX model. Names are excerpts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OnnxError {
    #[error("no {what}")]
    Missing { what: &'static str },
    #[error("{what} twice")]
    Twice { what: &'static str },
    #[error("{what} has another wire type than it should")]
    WireType { what: &'static str },
    #[error("messages nested deeper than {} levels", walk::MAX_DEPTH)]
    TooDeep,
    #[error("more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("more bytes of names than are kept")]
    TooManyNames,
    #[error("initializer {name:?} twice")]
    DuplicateInitializer { name: String },
    #[error("operator set {domain:?} twice")]
    DuplicateOpset { domain: String },
    #[error("metadata {key:?} twice")]
    DuplicateMetadata { key: String },
    #[error("tensor {name:?} has type {found}, which is not known")]
    UnknownDtype { name: String, found: u64 },
    #[error("tensor {name:?} has a negative dimension, or a shape whose product does not fit")]
    BadShape { name: String },
    #[error("tensor {name:?} has {seen} bytes, want {wanted} for its shape and type")]
    Size { name: String, seen: u64, wanted: u64 },
    #[error("tensor {name:?} has a shape and no numbers")]
    NoData { name: String },
    #[error("more parameters than can be counted")]
    TooManyParameters,
    #[error(transparent)]
    External(#[from] ExternalError),
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl From<StreamError> for OnnxError {
    fn from(error: StreamError) -> Self {
        Self::Wire(WireError::Stream(error))
    }
}

impl OnnxError {
    pub(crate) const fn reason(&self) -> WarningReason {
        match self {
            Self::TooDeep | Self::TooMany { .. } | Self::TooManyNames => WarningReason::TooLarge,
            Self::UnknownDtype { .. } => WarningReason::UnknownVersion,
            Self::External(error) => error.reason(),
            Self::Wire(error) => error.reason(),
            _ => WarningReason::Malformed,
        }
    }
}

/// Reads a model that facts are to call `name`. The files it refers to are held to lie inside, and are not looked for.
pub fn read<R: Read + Seek>(input: R, name: &str) -> Collected {
    let mut facts = FileFacts::new(name);
    match parse(input) {
        Ok(model) => describe(&model, &mut facts),
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

/// Reads the model at `path` and looks for the files that it refers to.
pub(crate) fn read_with_files<R: Read + Seek>(input: R, name: &str, path: &Path) -> Collected {
    let mut facts = FileFacts::new(name);
    match parse(input) {
        Ok(model) => {
            describe(&model, &mut facts);
            external::look(&model.externals, path, &mut facts);
        }
        Err(error) => facts.warn(error.reason(), "", error.to_string()),
    }
    facts.finish()
}

/// Reads and checks a model.
pub(crate) fn parse<R: Read + Seek>(input: R) -> Result<Model, OnnxError> {
    let model = Walk::new(Fields::new(Stream::new(input)?)).model()?;
    if model.ir_version.is_none() {
        return Err(OnnxError::Missing { what: "ir_version" });
    }
    if !model.has_graph {
        return Err(OnnxError::Missing { what: "graph" });
    }
    if model.opsets.is_empty() && model.ir_version.is_some_and(|version| version >= 3) {
        return Err(OnnxError::Missing { what: "opset_import" });
    }
    Ok(model)
}

fn describe(model: &Model, facts: &mut FileFacts) {
    facts.observed("format", "onnx", "");
    facts.observed("format-version", model.ir_version.unwrap_or_default().to_string(), "ir_version");
    let producer = [&model.producer_name, &model.producer_version];
    let producer: Vec<_> = producer.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if !producer.is_empty() {
        let producer = producer.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        facts.declared("producer", producer, "producer_name");
    }
    let texts = [("domain", &model.domain, "domain"), ("graph", &model.graph_name, "graph.name")];
    for (key, text, place) in texts {
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            facts.declared(key, text.as_str(), place);
        }
    }
    if let Some(version) = model.model_version.filter(|version| *version != 0) {
        facts.declared("version", version.to_string(), "model_version");
    }
    for (domain, version) in &model.opsets {
        // The empty name stands for the standard's own domain.
        let domain = if domain.is_empty() { "ai.onnx" } else { domain };
        facts.observed("opset", format!("{domain}={version}"), "opset_import");
    }
    facts.totals(&model.totals);
    for location in external::locations(&model.externals) {
        facts.observed("external-data", location, "external_data");
    }
    for (key, value) in &model.metadata {
        facts.metadata(key, value, "metadata_props");
    }
    if model.long_metadata {
        let text = format!("a value of more than {} bytes", walk::MAX_VALUE_BYTES);
        facts.warn(WarningReason::TooLarge, "metadata_props", text);
    }
}
