//! The messages of ONNX, walked from the model down to every tensor.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::external::External;
use super::{Model, OnnxError};
use crate::excerpt::excerpt;
use crate::weights::protobuf::{Fields, Payload};
use crate::weights::totals;

/// Deepest nesting of messages: the bound of the common readers of protocol buffers.
pub(super) const MAX_DEPTH: usize = 100;
/// Longest name of anything, in bytes.
const MAX_NAME_BYTES: u64 = 4096;
/// Longest value of metadata that is read, in bytes: as long as a fact may be.
pub(super) const MAX_VALUE_BYTES: u64 = 4096;
/// Most bytes of names that are kept for comparing. The longest known model has some megabytes of them.
const MAX_KEPT_BYTES: u64 = 256 << 20;
/// Most initializers.
const MAX_INITIALIZERS: usize = 1 << 20;
/// Most references to other files.
const MAX_EXTERNALS: usize = 100_000;
/// Most operator sets, and most pairs of metadata.
const MAX_PAIRS: usize = 4096;
/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 64;

/// Numbers of types, names, and bits of one element; 0 bits for texts, which have no fixed length.
const DTYPES: [(u64, &str, u64); 28] = [
    (1, "FLOAT", 32),
    (2, "UINT8", 8),
    (3, "INT8", 8),
    (4, "UINT16", 16),
    (5, "INT16", 16),
    (6, "INT32", 32),
    (7, "INT64", 64),
    (8, "STRING", 0),
    (9, "BOOL", 8),
    (10, "FLOAT16", 16),
    (11, "DOUBLE", 64),
    (12, "UINT32", 32),
    (13, "UINT64", 64),
    (14, "COMPLEX64", 64),
    (15, "COMPLEX128", 128),
    (16, "BFLOAT16", 16),
    (17, "FLOAT8E4M3FN", 8),
    (18, "FLOAT8E4M3FNUZ", 8),
    (19, "FLOAT8E5M2", 8),
    (20, "FLOAT8E5M2FNUZ", 8),
    (21, "UINT4", 4),
    (22, "INT4", 4),
    (23, "FLOAT4E2M1", 4),
    (24, "FLOAT8E8M0", 8),
    (25, "UINT2", 2),
    (26, "INT2", 2),
    (27, "FLOAT6E2M3", 6),
    (28, "FLOAT6E3M2", 6),
];

/// Messages that hold nothing but other messages on the way to a tensor.
#[derive(Clone, Copy)]
enum Kind {
    Attribute,
    Function,
    Graph,
    Node,
    /// A sparse tensor in an attribute.
    SparseConstant,
    /// A sparse initializer: its values are weights, its indices are not.
    SparseTensor,
    Tensor,
    Training,
}

impl Kind {
    /// Which message lies in a field of this one, if it is one that leads to tensors.
    const fn child(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5)
            | (Self::Attribute, 5 | 10)
            | (Self::SparseConstant | Self::SparseTensor, 1 | 2) => Some(Self::Tensor),
            (Self::Graph, 15) => Some(Self::SparseTensor),
            (Self::Attribute, 22 | 23) => Some(Self::SparseConstant),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Some(Self::Graph),
            _ => None,
        }
    }
}

/// Whether a tensor is a weight: an initializer of a graph.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Initializer,
    Constant,
}

/// A walk through one file.
pub(super) struct Walk<R> {
    fields: Fields<R>,
    model: Model,
    /// Names of the initializers of the outermost graph; graphs inside nodes have names of their own.
    initializers: BTreeSet<String>,
    /// What is left of [`MAX_KEPT_BYTES`].
    kept_left: u64,
}

impl<R: Read + Seek> Walk<R> {
    pub(super) fn new(fields: Fields<R>) -> Self {
        Self { fields, model: Model::default(), initializers: BTreeSet::new(), kept_left: MAX_KEPT_BYTES }
    }

    /// Walks the whole file.
    pub(super) fn model(mut self) -> Result<Model, OnnxError> {
        let end = self.fields.end();
        while let Some((number, payload)) = self.fields.next(end)? {
            match number {
                1 => once(&mut self.model.ir_version, varint(payload, "ir_version")?, "ir_version")?,
                5 => once(&mut self.model.model_version, varint(payload, "model_version")?, "model_version")?,
                2 => {
                    let text = self.name(payload, "producer_name")?;
                    once(&mut self.model.producer_name, text, "producer_name")?;
                }
                3 => {
                    let text = self.name(payload, "producer_version")?;
                    once(&mut self.model.producer_version, text, "producer_version")?;
                }
                4 => {
                    let text = self.name(payload, "domain")?;
                    once(&mut self.model.domain, text, "domain")?;
                }
                7 => self.graph(payload)?,
                8 => self.opset(payload)?,
                14 => self.metadata(payload)?,
                20 => self.descend(Kind::Training, payload, "training_info", MAX_DEPTH)?,
                25 => self.descend(Kind::Function, payload, "functions", MAX_DEPTH)?,
                _ => self.fields.skip(payload)?,
            }
        }
        Ok(self.model)
    }

    /// The outermost graph, which has a name worth keeping.
    fn graph(&mut self, payload: Payload) -> Result<(), OnnxError> {
        if self.model.has_graph {
            return Err(OnnxError::Twice { what: "graph" });
        }
        self.model.has_graph = true;
        let end = self.fields.end_of(bytes(payload, "graph")?);
        while let Some((number, payload)) = self.fields.next(end)? {
            match (number, Kind::Graph.child(number)) {
                (2, _) => {
                    let text = self.name(payload, "graph.name")?;
                    once(&mut self.model.graph_name, text, "graph.name")?;
                }
                (5, _) => {
                    let name = self.tensor(payload, Use::Initializer)?;
                    self.refuse_duplicate(name)?;
                }
                (_, Some(kind)) => self.descend(kind, payload, "a message of the graph", MAX_DEPTH)?,
                (_, None) => self.fields.skip(payload)?,
            }
        }
        Ok(())
    }

    fn refuse_duplicate(&mut self, name: String) -> Result<(), OnnxError> {
        // A tensor without a name cannot be asked for, so two of them do not disagree.
        if name.is_empty() || !self.initializers.contains(&name) {
            self.keep(name.len())?;
            self.initializers.insert(name);
            return Ok(());
        }
        Err(OnnxError::DuplicateInitializer { name: excerpt(&name) })
    }

    /// Errs if there is no room for so many more bytes.
    fn keep(&mut self, bytes: usize) -> Result<(), OnnxError> {
        let left = u64::try_from(bytes).ok().and_then(|bytes| self.kept_left.checked_sub(bytes));
        self.kept_left = left.ok_or(OnnxError::TooManyNames)?;
        Ok(())
    }

    /// Walks a message for the tensors in it.
    fn descend(
        &mut self,
        kind: Kind,
        payload: Payload,
        what: &'static str,
        depth: usize,
    ) -> Result<(), OnnxError> {
        let depth = depth.checked_sub(1).ok_or(OnnxError::TooDeep)?;
        let end = self.fields.end_of(bytes(payload, what)?);
        while let Some((number, payload)) = self.fields.next(end)? {
            match kind.child(number) {
                Some(Kind::Tensor) => {
                    let role = match (kind, number) {
                        (Kind::Graph, _) | (Kind::SparseTensor, 1) => Use::Initializer,
                        _ => Use::Constant,
                    };
                    self.tensor(payload, role)?;
                }
                Some(child) => self.descend(child, payload, "a message inside the graph", depth)?,
                None => self.fields.skip(payload)?,
            }
        }
        Ok(())
    }

    fn opset(&mut self, payload: Payload) -> Result<(), OnnxError> {
        let end = self.fields.end_of(bytes(payload, "opset_import")?);
        let (mut domain, mut version) = (None, None);
        while let Some((number, payload)) = self.fields.next(end)? {
            match number {
                1 => {
                    let text = self.name(payload, "opset_import.domain")?;
                    once(&mut domain, text, "opset_import.domain")?;
                }
                2 => once(&mut version, varint(payload, "opset_import.version")?, "opset_import.version")?,
                _ => self.fields.skip(payload)?,
            }
        }
        let domain: String = domain.unwrap_or_default();
        let version = version.ok_or(OnnxError::Missing { what: "opset_import.version" })?;
        if self.model.opsets.iter().any(|(known, _)| *known == domain) {
            return Err(OnnxError::DuplicateOpset { domain: excerpt(&domain) });
        }
        refuse_many(self.model.opsets.len(), MAX_PAIRS, "operator sets")?;
        self.model.opsets.push((domain, version));
        Ok(())
    }

    fn metadata(&mut self, payload: Payload) -> Result<(), OnnxError> {
        match self.pair(payload, "metadata_props") {
            Ok((key, _)) if self.model.metadata.iter().any(|(known, _)| *known == key) => {
                Err(OnnxError::DuplicateMetadata { key: excerpt(&key) })
            }
            Ok(pair) => {
                refuse_many(self.model.metadata.len(), MAX_PAIRS, "pairs of metadata")?;
                self.model.metadata.push(pair);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A key and a value. A value that is too long is left out and noted, for it says nothing about the tensors.
    fn pair(&mut self, payload: Payload, what: &'static str) -> Result<(String, String), OnnxError> {
        let end = self.fields.end_of(bytes(payload, what)?);
        let (mut key, mut value) = (None, None);
        while let Some((number, payload)) = self.fields.next(end)? {
            match (number, payload) {
                (1, _) => {
                    let text = self.name(payload, what)?;
                    once(&mut key, text, what)?;
                }
                (2, Payload::Bytes(len)) if len > MAX_VALUE_BYTES => {
                    self.fields.skip(payload)?;
                    self.model.long_metadata = true;
                    once(&mut value, String::new(), what)?;
                }
                (2, _) => {
                    let text = self.fields.text(bytes(payload, what)?, MAX_VALUE_BYTES)?;
                    once(&mut value, text, what)?;
                }
                _ => self.fields.skip(payload)?,
            }
        }
        Ok((key.unwrap_or_default(), value.unwrap_or_default()))
    }

    /// Reads a tensor but not its numbers; gives its name.
    fn tensor(&mut self, payload: Payload, role: Use) -> Result<String, OnnxError> {
        let end = self.fields.end_of(bytes(payload, "a tensor")?);
        let mut tensor = Tensor::default();
        while let Some((number, payload)) = self.fields.next(end)? {
            match number {
                1 => self.dimensions(payload, &mut tensor.dimensions)?,
                2 => once(&mut tensor.dtype, varint(payload, "data_type")?, "data_type")?,
                8 => {
                    let text = self.name(payload, "name of a tensor")?;
                    once(&mut tensor.name, text, "name of a tensor")?;
                }
                9 => {
                    once(&mut tensor.raw_bytes, bytes(payload, "raw_data")?, "raw_data")?;
                    self.fields.skip(payload)?;
                }
                13 => {
                    refuse_many(tensor.external.len(), 16, "pairs of external_data")?;
                    tensor.external.push(self.pair(payload, "external_data")?);
                }
                14 => once(&mut tensor.location, varint(payload, "data_location")?, "data_location")?,
                4 | 5 | 6 | 7 | 10 | 11 => {
                    tensor.has_typed_data = true;
                    self.fields.skip(payload)?;
                }
                _ => self.fields.skip(payload)?,
            }
        }
        self.count(&tensor, role)?;
        Ok(tensor.name.unwrap_or_default())
    }

    /// Dimensions come one by one, or packed into one field.
    fn dimensions(&mut self, payload: Payload, dimensions: &mut Vec<u64>) -> Result<(), OnnxError> {
        match payload {
            Payload::Varint(dimension) => dimensions.push(dimension),
            Payload::Bytes(len) => {
                let end = self.fields.end_of(len);
                while self.fields.end_of(0) < end {
                    dimensions.push(self.fields.varint(end)?);
                    refuse_many(dimensions.len(), MAX_DIMENSIONS + 1, "dimensions")?;
                }
            }
            _ => return Err(OnnxError::WireType { what: "dims" }),
        }
        refuse_many(dimensions.len(), MAX_DIMENSIONS + 1, "dimensions")
    }

    fn count(&mut self, tensor: &Tensor, role: Use) -> Result<(), OnnxError> {
        let name = || excerpt(tensor.name.as_deref().unwrap_or_default());
        let found = tensor.dtype.unwrap_or(0);
        let known = DTYPES.iter().find(|(number, _, _)| *number == found);
        let (_, dtype, bits) = known.ok_or_else(|| OnnxError::UnknownDtype { name: name(), found })?;
        let bad_shape = || OnnxError::BadShape { name: name() };
        // A negative number is a varint of which the highest bit is set.
        if tensor.dimensions.iter().any(|dimension| i64::try_from(*dimension).is_err()) {
            return Err(bad_shape());
        }
        let elements = totals::elements(&tensor.dimensions).ok_or_else(bad_shape)?;
        // Elements of less than a byte are packed, and the last byte filled up.
        let wanted = elements.checked_mul(*bits).ok_or_else(bad_shape)?.div_ceil(8);
        if let Some(seen) = tensor.raw_bytes.filter(|seen| *seen != wanted || *bits == 0) {
            return Err(OnnxError::Size { name: name(), seen, wanted });
        }
        if tensor.location == Some(1) || !tensor.external.is_empty() {
            refuse_many(self.model.externals.len(), MAX_EXTERNALS, "references to other files")?;
            self.keep(tensor.external.iter().map(|(_, value)| value.len()).sum())?;
            let full_name = tensor.name.as_deref().unwrap_or_default();
            self.model.externals.push(External::parse(full_name, &tensor.external, wanted)?);
        } else if elements > 0 && tensor.raw_bytes.is_none() && !tensor.has_typed_data {
            return Err(OnnxError::NoData { name: name() });
        }
        if role == Use::Initializer {
            let limit = u64::try_from(MAX_INITIALIZERS).unwrap_or(u64::MAX);
            if self.model.totals.tensors() >= limit {
                return Err(OnnxError::TooMany { what: "initializers", limit: MAX_INITIALIZERS });
            }
            self.model.totals.add(dtype, elements).ok_or(OnnxError::TooManyParameters)?;
        }
        Ok(())
    }

    fn name(&mut self, payload: Payload, what: &'static str) -> Result<String, OnnxError> {
        Ok(self.fields.text(bytes(payload, what)?, MAX_NAME_BYTES)?)
    }
}

/// What is read of a tensor.
#[derive(Default)]
struct Tensor {
    name: Option<String>,
    dtype: Option<u64>,
    dimensions: Vec<u64>,
    raw_bytes: Option<u64>,
    has_typed_data: bool,
    location: Option<u64>,
    external: Vec<(String, String)>,
}

const fn varint(payload: Payload, what: &'static str) -> Result<u64, OnnxError> {
    match payload {
        Payload::Varint(value) => Ok(value),
        _ => Err(OnnxError::WireType { what }),
    }
}

const fn bytes(payload: Payload, what: &'static str) -> Result<u64, OnnxError> {
    match payload {
        Payload::Bytes(len) => Ok(len),
        _ => Err(OnnxError::WireType { what }),
    }
}

/// Takes a value that must not be there yet.
fn once<T>(place: &mut Option<T>, value: T, what: &'static str) -> Result<(), OnnxError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(OnnxError::Twice { what }),
    }
}

/// Errs if there is no room for one more.
const fn refuse_many(count: usize, limit: usize, what: &'static str) -> Result<(), OnnxError> {
    if count >= limit { Err(OnnxError::TooMany { what, limit }) } else { Ok(()) }
}
