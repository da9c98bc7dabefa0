//! The format gate: what a file is by its content, and whether loading it can run code.
//!
//! Follows spec/formats.md. A file is what its bytes say; a name that promises something else is a finding. What is allowed is a
//! short list of formats, each read strictly by a reader of its own; everything else is refused with a [`Reason`], with what was
//! seen and where. Nothing is ever loaded, unpickled, imported or run.
//!
//! In scope: content that can execute, and structure that two readers could read differently. Out of scope: whether the numbers are
//! good, what a template tells a model, and who made any of it (crate `verifier`). A [`Report`] names what was not looked at.
//!
//! Bounds: what is held in memory of one file is some mebibytes, whatever its size; tensors are not read. Nothing here opens a
//! socket; only [`scan`] touches the disk.
//!
//! ```
//! use formats::{Format, Reason, Rules, inspect};
//!
//! let pickle = b"cos\nsystem\n(S'echo'\ntR.";
//! let report = inspect("model.pkl", &mut std::io::Cursor::new(pickle), &Rules::strict())?;
//! assert_eq!(report.format(), Format::Pickle);
//! assert!(report.findings().iter().any(|finding| finding.reason() == Reason::PickleGlobal));
//! # Ok::<(), std::io::Error>(())
//! ```

mod archive;
mod compressed;
mod finding;
mod format;
mod gguf;
mod hdf5;
mod image;
mod inspect;
mod json_text;
mod keras;
mod name;
mod not_evaluated;
mod npy;
mod onnx;
pub mod outline;
pub mod pickle;
mod protobuf;
mod reason;
mod report;
mod rules;
mod safetensors;
mod saved_model;
mod scan;
mod sentencepiece;
mod sink;
mod sniff;
mod statement;
mod stream;
mod tar;
mod text;
mod view;
mod zip;

pub use self::finding::{Finding, Place};
pub use self::format::Format;
pub use self::inspect::inspect;
pub use self::not_evaluated::NotEvaluated;
pub use self::reason::Reason;
pub use self::report::{FileReport, Report, Template};
pub use self::rules::Rules;
pub use self::scan::{GateError, MAX_FILES, outline, scan};
pub use self::statement::StatementError;
pub use self::stream::Source;
pub use self::view::{json, sarif, text};
