//! One file: what it is, and what its reader finds.

use std::io;

use crate::format::Format;
use crate::not_evaluated::NotEvaluated;
use crate::reason::Reason;
use crate::report::FileReport;
use crate::rules::Rules;
use crate::sink::Sink;
use crate::stream::{Source, Step, Stop, Stream};
use crate::{
    archive, compressed, gguf, hdf5, image, json_text, name, npy, onnx, pickle, safetensors, saved_model,
    sentencepiece, sniff, tar, text,
};

/// Largest template that is a file, in bytes.
const MAX_TEMPLATE: u64 = 1 << 20;

/// Looks at one file. Data that it says lie in another file are not looked for.
///
/// # Errors
/// What the source says; no judgement on the content.
pub fn inspect(path: &str, source: &mut dyn Source, rules: &Rules) -> io::Result<FileReport> {
    look(path, source, Sink::new(path, *rules))
}

/// The same, and the shapes of the tensors.
pub(crate) fn inspect_shapes(path: &str, source: &mut dyn Source, rules: &Rules) -> io::Result<FileReport> {
    let mut sink = Sink::new(path, *rules);
    sink.shapes = Some(std::collections::BTreeMap::new());
    look(path, source, sink)
}

fn look(path: &str, source: &mut dyn Source, mut sink: Sink) -> io::Result<FileReport> {
    let rules = sink.rules;
    let mut stream = Stream::new(source)?;
    let size = stream.len();
    let format = match content(path, &mut stream, &mut sink) {
        Ok(format) => format,
        Err(Stop::Io(error)) => return Err(error),
        // No reader lets a fault through; if one did, the file would be refused for it.
        Err(Stop::Fault(fault)) => {
            sink.add_fault(&fault);
            Format::Unknown
        }
        Err(Stop::End(at)) => {
            sink.add(Reason::UnknownFormat, Some(at), "ends too early");
            Format::Unknown
        }
    };
    if name::is_python(path) || (format == Format::Text && path.to_lowercase().ends_with(".pth")) {
        sink.add(Reason::PythonSource, None, "Python imports or runs a file of this name");
    } else if let Some(words) = name::disagreement(path, format) {
        sink.add(Reason::ExtensionMismatch, None, words);
    }
    let is_allowed = format.is_listed() || (format.is_torch() && rules.allows_torch());
    if !is_allowed && sink.findings.is_empty() {
        sink.add(Reason::FormatNotAllowed, None, format.as_str());
    }
    Ok(FileReport::new(path, size, format, sink))
}

/// Looks at some content; what its reader refuses becomes a finding.
pub(crate) fn content(name: &str, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    let found = recognise(name, stream, sink)?;
    let done = match found {
        Found::Done(format) => return Ok(format),
        Found::Json => json_text::read(stream, sink).map(drop),
        Found::Safetensors => safetensors::read(stream, sink),
        Found::Gguf => gguf::read(stream, sink),
        Found::Onnx => onnx::read(stream, sink),
        Found::Npy => npy::read(stream, sink).map(drop),
        Found::Tar => tar::read(stream, sink).map(drop),
    };
    let (format, malformed) = match found {
        Found::Json | Found::Done(_) => (Format::Json, Reason::JsonMalformed),
        Found::Safetensors => (Format::Safetensors, Reason::SafetensorsHeader),
        Found::Gguf => (Format::Gguf, Reason::GgufMalformed),
        Found::Onnx => (Format::Onnx, Reason::OnnxMalformed),
        Found::Npy => (Format::Npy, Reason::NpyMalformed),
        Found::Tar => (Format::Tar, Reason::ArchivePath),
    };
    match done {
        Ok(()) => Ok(format),
        Err(Stop::Fault(fault)) => {
            sink.add_fault(&fault);
            Ok(format)
        }
        Err(Stop::End(at)) => {
            sink.add(malformed, Some(at), "ends too early");
            Ok(format)
        }
        Err(error) => Err(error),
    }
}

/// What was recognised, and which reader is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing more is to be read.
    Done(Format),
    Gguf,
    Json,
    Npy,
    Onnx,
    Safetensors,
    Tar,
}

fn recognise(name: &str, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Found> {
    if text::is_text(stream)? {
        return recognise_text(name, stream, sink);
    }
    let beginning = stream.beginning(sniff::SNIFFED)?;
    let done = |format| Ok(Found::Done(format));
    if let Some(words) = sniff::executable(&beginning) {
        sink.add(Reason::Executable, Some(0), words);
        return done(Format::Executable);
    }
    if beginning.starts_with(b"#!") {
        sink.add(Reason::Script, Some(0), "a first line that names a program");
        return done(Format::Script);
    }
    if sniff::is_zip(&beginning) {
        return archive::read(stream, sink).map(Found::Done);
    }
    if beginning.starts_with(b"\x93NUMPY") {
        return Ok(Found::Npy);
    }
    if beginning.starts_with(b"GGUF") {
        return Ok(Found::Gguf);
    }
    if sniff::is_pickle(&beginning) {
        return pickle::read(stream, sink).map(Found::Done);
    }
    if image::is_image(&beginning) {
        sink.not_evaluated.insert(NotEvaluated::ImageContent);
        return done(Format::Image);
    }
    if safetensors::is_safetensors(&beginning) {
        return Ok(Found::Safetensors);
    }
    if hdf5::is_hdf5(stream)? {
        hdf5::read(stream, sink)?;
        return done(Format::Hdf5);
    }
    if tar::is_tar(&beginning) {
        return Ok(Found::Tar);
    }
    if let Some(packing) = compressed::packing(&beginning, stream)? {
        return compressed::read(stream, sink, packing).map(Found::Done);
    }
    if sniff::is_python_byte_code(&beginning) {
        sink.add(Reason::PythonSource, Some(0), "byte code of Python");
        return done(Format::Executable);
    }
    recognise_without_magic(&beginning, stream, sink)
}

fn recognise_without_magic(beginning: &[u8], stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Found> {
    if matches!(beginning.first(), Some(0x08 | 0x0a)) {
        if onnx::is_onnx(stream)? {
            return Ok(Found::Onnx);
        }
        if sentencepiece::is_vocabulary(stream)? {
            return Ok(Found::Done(Format::SentencePiece));
        }
        if saved_model::read(stream, sink)? {
            sink.add(Reason::FormatNotAllowed, None, "a graph of TensorFlow");
            return Ok(Found::Done(Format::SavedModel));
        }
    }
    if pickle::is_old_pickle(stream)? {
        return pickle::read(stream, sink).map(Found::Done);
    }
    sink.add(Reason::UnknownFormat, Some(0), "first bytes of no format that is known");
    Ok(Found::Done(Format::Unknown))
}

fn recognise_text(name: &str, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Found> {
    let beginning = stream.beginning(sniff::SNIFFED)?;
    if beginning.starts_with(b"#!") {
        sink.add(Reason::Script, Some(0), "a first line that names a program");
        return Ok(Found::Done(Format::Script));
    }
    if name::is_json(name) {
        return Ok(Found::Json);
    }
    if pickle::is_old_pickle(stream)? {
        return pickle::read(stream, sink).map(Found::Done);
    }
    let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[')) {
        // A file of lines, each JSON, or a template: text, of which the first value was looked into.
        match json_text::read(stream, sink) {
            Ok(format) => return Ok(Found::Done(format)),
            Err(Stop::Fault(fault)) if fault.reason == Reason::JsonDuplicateKey => sink.add_fault(&fault),
            Err(Stop::Io(error)) => return Err(Stop::Io(error)),
            Err(_) => {}
        }
    }
    if name::is_yaml(name) {
        text::look_for_code(stream, sink)?;
    }
    if name::is_template(name) {
        if stream.len() > MAX_TEMPLATE {
            sink.add(Reason::TooLarge, None, "template of more than a mebibyte");
        } else {
            let template = stream.beginning(MAX_TEMPLATE)?;
            sink.add_template(name, &template);
        }
    }
    text::note(sink);
    Ok(Found::Done(Format::Text))
}
