//! How fast this disk makes a small append durable: the floor under every acknowledgement.

use std::fs::File;
use std::io::{Error, Write as _};
use std::path::Path;
use std::time::Instant;

use crate::histogram::Histogram;
use crate::report::Latency;

/// Bytes of one append.
const BLOCK: [u8; 4096] = [0x5a; 4096];

/// Appends 4 KiB and waits for fdatasync, again and again, on a file in `dir` that is removed in the end.
///
/// # Errors
/// What the system says.
pub fn measure(dir: &Path, rounds: u32) -> Result<Latency, Error> {
    let path = dir.join(format!("sync-{}.probe", std::process::id()));
    let mut file = File::options().create_new(true).append(true).open(&path)?;
    let measured = append(&mut file, rounds);
    std::fs::remove_file(&path)?;
    Ok(Latency::of(&measured?))
}

fn append(file: &mut File, rounds: u32) -> Result<Histogram, Error> {
    let mut histogram = Histogram::default();
    for _ in 0..rounds {
        let started = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        histogram.record(started.elapsed());
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_round_is_counted_and_nothing_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(super::measure(dir.path(), 3).unwrap().count, 3);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
