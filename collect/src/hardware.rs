//! What a run runs on: processors, memory, limits of its control group, kernel, NVIDIA devices.
//!
//! Follows proc(5), the kernel's documentation of cgroup v1 and v2, and NVIDIA's README of its driver (appendix on `/proc`).
//!
//! ```text
//! proc/cpuinfo                                 model name : AMD EPYC 7763, once for each logical processor
//! proc/meminfo                                 MemTotal: 8138560 kB
//! proc/sys/kernel/osrelease, arch              6.1.0-18-amd64, x86_64
//! proc/self/cgroup                             0::/a/b, or 4:memory:/a/b of version 1
//! sys/fs/cgroup/a/b/cpu.max, memory.max        150000 100000, 4294967296; "max" is none
//! sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us, cpu.cfs_period_us; memory/a/b/memory.limit_in_bytes    of version 1
//! proc/driver/nvidia/version                   NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14 ...
//! proc/driver/nvidia/gpus/0000:01:00.0/information    Model: NVIDIA L4, GPU UUID: GPU-...
//! ```
//! | key | about | from |
//! |---|---|---|
//! | `model` | `cpu` | `model name`, once for each different one; of ARM `implementer` and `part` |
//! | `logical-count` | `cpu` | processors in `cpuinfo` |
//! | `limit-micros` | `cpu` | least of all groups from this process' up to the root: `150000 per 100000` microseconds |
//! | `total-bytes`, `limit-bytes` | `memory` | `MemTotal` in kB times 1024; least limit of all groups |
//! | `release`, `architecture` | `kernel` | as above; without `arch`, which is new in 6.1, that of this program |
//! | `driver` | `nvidia` | the version of the kernel module |
//! | `model`, `firmware` | `gpu-0` and so on | `Model`, `GPU Firmware`, in order of the bus |
//! | `uuid`, `bus` | `gpu-0` and so on | `GPU UUID`, `Bus Location`, personal: they tell this machine from all others |
//! | `serial` | `cpu` | `Serial` of some ARM boards, personal |
//!
//! Topic hardware, grade observed: it was read here, and nobody vouches that the kernel does not lie. No program is run, and
//! `nvidia-smi` least of all. Names of control groups are not taken; they name containers and people. Bounds: 16 MiB for a file,
//! 1024 devices, 64 groups from one to the root.
//!
//! In scope: Linux. Out of scope: other systems; AMD and other accelerators; use over time.

mod cgroup;
mod nvidia;

use std::collections::BTreeSet;
use std::path::Path;

use attest::provenance::Source;

use crate::excerpt::excerpt;
use crate::reading::{self, MAX_TEXT_FILE_BYTES, ReadError};
use crate::{Collected, Fact, Topic, Value, WarningReason};

/// The name of this source.
const SOURCE: &str = "hardware";

/// Most different models of processors that are named.
const MAX_MODELS: usize = 16;

/// Reads what the kernel shows below `root`, which is `/` but for tests.
#[must_use]
pub fn read(root: &Path) -> Collected {
    let mut machine = Machine { root, collected: Collected::new(SOURCE) };
    machine.processors();
    machine.memory();
    machine.kernel();
    cgroup::read(&mut machine);
    nvidia::read(&mut machine);
    machine.collected
}

/// A machine while it is read.
struct Machine<'a> {
    root: &'a Path,
    collected: Collected,
}

impl Machine<'_> {
    /// The text of a file; `None` if it is not there, or after a warning.
    fn optional(&mut self, name: &str) -> Option<String> {
        match reading::read(&self.root.join(name), name, MAX_TEXT_FILE_BYTES) {
            Ok(reading) => match String::from_utf8(reading.bytes) {
                Ok(text) => return Some(text),
                Err(_) => self.collected.warn(WarningReason::Malformed, name, "not UTF-8"),
            },
            Err(ReadError::Absent { .. }) => {}
            Err(error) => self.collected.warn(error.reason(), name, error.words()),
        }
        None
    }

    /// The text of a file that every Linux has.
    fn text(&mut self, name: &str) -> Option<String> {
        if !self.root.join(name).exists() {
            self.collected.warn(WarningReason::Absent, name, "does not exist");
        }
        self.optional(name)
    }

    fn fact(about: &str, key: &'static str, value: &str, at: &str) -> Fact {
        Fact::new(Topic::Hardware, about, key, Value::Text(value.to_owned()), Source::Observed, at)
    }

    fn state(&mut self, about: &str, key: &'static str, value: &str, at: &str) {
        self.collected.push(Self::fact(about, key, value, at));
    }

    fn state_personal(&mut self, about: &str, key: &'static str, value: &str, at: &str) {
        self.collected.push(Self::fact(about, key, value, at).personal());
    }

    fn processors(&mut self) {
        const NAME: &str = "proc/cpuinfo";
        let Some(text) = self.text(NAME) else { return };
        let (mut models, mut count, mut implementer) = (BTreeSet::new(), 0_u32, "");
        for (key, value) in text.lines().filter_map(pair) {
            match key {
                "processor" => count = count.saturating_add(1),
                "model name" | "cpu model" => drop(models.insert(value.to_owned())),
                "CPU implementer" => implementer = value,
                "CPU part" => drop(models.insert(format!("implementer {implementer} part {value}"))),
                "Serial" => self.state_personal("cpu", "serial", value, NAME),
                _ => {}
            }
        }
        for model in models.iter().take(MAX_MODELS) {
            self.state("cpu", "model", model, NAME);
        }
        if count == 0 {
            self.collected.warn(WarningReason::Malformed, NAME, "no processors");
        } else {
            self.state("cpu", "logical-count", &count.to_string(), NAME);
        }
    }

    fn memory(&mut self) {
        const NAME: &str = "proc/meminfo";
        let Some(text) = self.text(NAME) else { return };
        let total = text.lines().filter_map(pair).find(|(key, _)| *key == "MemTotal");
        let kilobytes = total.and_then(|(_, value)| value.strip_suffix(" kB")?.parse::<u64>().ok());
        match kilobytes.and_then(|kilobytes| kilobytes.checked_mul(1024)) {
            Some(bytes) => self.state("memory", "total-bytes", &bytes.to_string(), NAME),
            None => self.collected.warn(WarningReason::Malformed, NAME, "no MemTotal in kB"),
        }
    }

    fn kernel(&mut self) {
        const RELEASE: &str = "proc/sys/kernel/osrelease";
        const ARCHITECTURE: &str = "proc/sys/kernel/arch";
        if let Some(text) = self.text(RELEASE) {
            self.word("kernel", "release", &text, RELEASE);
        }
        match self.optional(ARCHITECTURE) {
            Some(text) => self.word("kernel", "architecture", &text, ARCHITECTURE),
            // What this program was compiled for says nothing about a tree recorded elsewhere.
            None if self.root == Path::new("/") => {
                self.state("kernel", "architecture", std::env::consts::ARCH, "this program");
            }
            None => self.collected.warn(WarningReason::Absent, ARCHITECTURE, "does not exist"),
        }
    }

    /// States a word that is alone on its line.
    fn word(&mut self, about: &str, key: &'static str, text: &str, at: &str) {
        let word = text.trim();
        if word.is_empty() || word.contains(char::is_whitespace) {
            let text = format!("{:?} is not one word", excerpt(word));
            self.collected.warn(WarningReason::Malformed, at, text);
        } else {
            self.state(about, key, word, at);
        }
    }
}

/// Key and value of a line, around its first colon.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}
