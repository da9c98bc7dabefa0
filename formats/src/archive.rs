//! What a zip is, by the names of its members, and what they hold.

use crate::format::Format;
use crate::inspect::content;
use crate::npy;
use crate::pickle::{self, Storages};
use crate::reason::Reason;
use crate::sink::Sink;
use crate::stream::{Step, Stop, Stream};
use crate::zip::{MAX_CONTENT, Member, Zip};
use crate::{keras, not_evaluated::NotEvaluated};

/// Bytes of an array that are read: its header.
const HEADER_BYTES: u64 = 1 << 14;

/// Members of a PyTorch zip that are neither the pickle nor tensors.
const TORCH_NOTES: [&str; 5] =
    ["version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"];

/// Longest of these, in bytes.
const MAX_NOTE: u64 = 4096;

/// Reads a zip.
pub(crate) fn read(stream: &mut Stream<'_>, sink: &mut Sink) -> Step<Format> {
    let zip = match Zip::read(stream) {
        Ok(zip) => zip,
        Err(Stop::Fault(fault)) => {
            sink.add_fault(&fault);
            return Ok(Format::Zip);
        }
        Err(Stop::End(at)) => {
            sink.add(Reason::ZipMalformed, Some(at), "ends too early");
            return Ok(Format::Zip);
        }
        Err(error) => return Err(error),
    };
    let format = recognise(&zip);
    match format {
        Format::Torch => torch(&zip, stream, sink)?,
        Format::Npz => {
            for member in zip.files() {
                array(member, stream, sink)?;
            }
        }
        _ => {
            let what = match format {
                Format::TorchScript => "TorchScript: code that PyTorch runs",
                Format::TorchExport => "a program exported by PyTorch",
                Format::Keras => "Keras, whose weights are HDF5",
                Format::Skops => "skops: types by name",
                _ => "a zip of no kind that is known",
            };
            sink.add(Reason::FormatNotAllowed, None, what);
            for member in zip.files() {
                inside(member, stream, sink)?;
            }
        }
    }
    Ok(format)
}

fn recognise(zip: &Zip) -> Format {
    let below = |suffix: &str| {
        let mut names = zip.files().map(|member| member.name.as_str());
        names.any(|name| {
            name.split_once('/')
                .is_some_and(|(_, rest)| rest == suffix || rest.starts_with(&format!("{suffix}/")))
        })
    };
    let has = |name: &str| zip.member(name).is_some();
    let is_arrays = zip.files().next().is_some() && zip.files().all(|member| member.name.ends_with(".npy"));
    if below("code") || below("constants.pkl") {
        Format::TorchScript
    } else if below("archive_format") || below("models") || has("serialized_exported_program.json") {
        Format::TorchExport
    } else if below("data.pkl") {
        Format::Torch
    } else if has("config.json") && has("metadata.json") {
        Format::Keras
    } else if has("schema.json") {
        Format::Skops
    } else if is_arrays {
        Format::Npz
    } else {
        Format::Zip
    }
}

/// Runs a step on one member; what it refuses is a finding there, and does not end the archive.
fn guarded(member: &str, sink: &mut Sink, step: impl FnOnce(&mut Sink) -> Step<()>) -> Step<()> {
    if !sink.enter(member) {
        return Ok(());
    }
    let done = step(sink);
    let done = match done {
        Err(Stop::Fault(fault)) => {
            sink.add_fault(&fault);
            Ok(())
        }
        Err(Stop::End(at)) => {
            sink.add(Reason::ZipMalformed, Some(at), "ends too early");
            Ok(())
        }
        other => other,
    };
    sink.leave();
    done
}

/// A member of an archive that is refused anyway: what else is in it.
fn inside(member: &Member, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    guarded(&member.name, sink, |sink| {
        member.open(stream, sink, |content_of, sink| {
            if member.name == "config.json" {
                keras::look_for_code(content_of, sink)?;
                content_of.go_to(0)?;
            }
            let before = sink.findings.len();
            content(&member.name, content_of, sink)?;
            // Tensors are of no format. The archive is refused without that.
            let mut found = sink.findings.split_off(before);
            found.retain(|finding| finding.reason() != Reason::UnknownFormat);
            sink.findings.append(&mut found);
            Ok(())
        })
    })
}

/// An array: its header fits its size. The numbers are not read.
fn array(member: &Member, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    guarded(&member.name, sink, |sink| {
        sink.not_evaluated.insert(NotEvaluated::MemberChecksums);
        let beginning = member.beginning(stream, sink, HEADER_BYTES)?;
        let has_objects = npy::header(&beginning, member.size, sink)?;
        if has_objects && (member.size <= MAX_CONTENT || !member.is_deflated) {
            return member.open(stream, sink, |array, sink| npy::read(array, sink).map(drop));
        }
        Ok(())
    })
}

/// A PyTorch zip: one directory with `data.pkl`, the storages its pickle names, and a few notes.
fn torch(zip: &Zip, stream: &mut Stream<'_>, sink: &mut Sink) -> Step<()> {
    let root = zip
        .files()
        .find_map(|member| member.name.strip_suffix("/data.pkl").filter(|root| !root.contains('/')));
    let Some(root) = root else { return Ok(()) };
    let within = |member: &Member| {
        member.name.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
    };
    let mut storages = Storages::new();
    for member in zip.files() {
        if within(member).as_deref() != Some("data.pkl") {
            continue;
        }
        guarded(&member.name, sink, |sink| {
            if !sink.rules.allows_torch() {
                sink.add(Reason::Pickle, Some(0), "a pickle of PyTorch");
            }
            storages = member.open(stream, sink, pickle::read_torch_member)?;
            Ok(())
        })?;
    }
    sink.not_evaluated.insert(NotEvaluated::MemberChecksums);
    for member in zip.files() {
        let name = within(member);
        match name.as_deref() {
            Some("data.pkl") => {}
            Some(name) if TORCH_NOTES.contains(&name) && member.size <= MAX_NOTE => {}
            Some(name) if name.strip_prefix("data/").is_some_and(is_number) => {
                let key = name.strip_prefix("data/").unwrap_or_default();
                let wanted = storages.remove(key).map(|(element, count)| element.saturating_mul(count));
                if wanted.is_some_and(|wanted| wanted != member.size) || member.is_deflated {
                    let what = format!(
                        "storage {key} has {} bytes, its pickle says {}",
                        member.size,
                        wanted.unwrap_or(0)
                    );
                    sink.add(Reason::PicklePersistentId, Some(member.header_at), what);
                }
            }
            _ => {
                let what = format!("member {} is none of PyTorch's", member.name);
                sink.add(Reason::FormatNotAllowed, Some(member.header_at), what);
                inside(member, stream, sink)?;
            }
        }
    }
    if let Some((key, _)) = storages.first_key_value() {
        sink.add(Reason::PicklePersistentId, None, format!("storage {key} is not in the archive"));
    }
    Ok(())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
