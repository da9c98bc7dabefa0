//! An archive of NumPy arrays.
//!
//! Follows what `numpy.savez` and `numpy.savez_compressed` of numpy 2.4 write: a zip file of nothing but `.npy` files, stored or
//! deflated. Of each only the header is inflated.
//!
//! | key | about | from |
//! |---|---|---|
//! | `format` | file | `npz` |
//! | `tensors`, `parameters`, `dtype` | file | summed over the members' headers |
//!
//! A member of which the header cannot be read is a warning, and then there are no sums. In scope: headers of members. Out of
//! scope: the numbers, and with them CRC-32.

use std::io::{Cursor, Read, Seek};

use super::archive::Open;
use super::file_facts::FileFacts;
use super::npy::{self, NpyError};
use super::stream::Stream;
use super::totals::Totals;
use super::zip::Archive;
use crate::WarningReason;
use crate::excerpt::excerpt;

/// Bytes of a member that surely hold its header.
const BEGINNING_BYTES: u64 = npy::MAX_HEADER_BYTES + 12;

/// Whether all members are arrays, and there is at least one.
pub(super) fn is_npz(archive: &Archive) -> bool {
    archive.files().next().is_some() && archive.files().all(|member| member.name.ends_with(".npy"))
}

/// Describes an archive of arrays.
pub(super) fn describe<R: Read + Seek>(open: &mut Open<R>, facts: &mut FileFacts) {
    facts.observed("format", "npz", "");
    let (mut totals, mut is_whole) = (Totals::default(), true);
    for member in open.archive.files() {
        let place = excerpt(&member.name);
        let beginning = match member.beginning(&mut open.stream, BEGINNING_BYTES) {
            Ok(beginning) => beginning,
            Err(error) => {
                facts.warn(error.reason(), &place, error.to_string());
                is_whole = false;
                continue;
            }
        };
        match header(&beginning, member.size) {
            Ok(header) => {
                is_whole &= totals.add(&header.descr, header.elements).is_some();
                if header.has_objects {
                    let text = "an array of Python objects is a pickle, which is never read";
                    facts.warn(WarningReason::NotRead, &place, text);
                }
            }
            Err(error) => {
                facts.warn(error.reason(), &place, error.to_string());
                is_whole = false;
            }
        }
    }
    if is_whole {
        facts.totals(&totals);
    }
}

fn header(beginning: &[u8], size: u64) -> Result<npy::Header, NpyError> {
    let header = npy::Header::parse(&mut Stream::new(Cursor::new(beginning))?)?;
    header.refuse_length(size)?;
    Ok(header)
}
