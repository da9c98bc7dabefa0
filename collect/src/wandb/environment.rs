//! What a run ran on and who started it, in the log and in `wandb-metadata.json`, which is the same record as JSON.

use crate::json::Json;
use crate::wandb::wire::{Message, WireError};

/// The fields of use. An empty text is none.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) os: Option<String>,
    /// Implementation and version: `CPython 3.11.7`.
    pub(super) python: Option<String>,
    pub(super) image: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) program: Option<String>,
    pub(super) root: Option<String>,
    pub(super) remote: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) email: Option<String>,
    pub(super) host: Option<String>,
    pub(super) user: Option<String>,
    pub(super) executable: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) cpu_count: Option<String>,
    pub(super) memory_bytes: Option<String>,
    pub(super) accelerator: Option<String>,
    pub(super) accelerator_count: Option<String>,
    pub(super) accelerator_memory_bytes: Option<String>,
    pub(super) cuda: Option<String>,
}

impl Environment {
    /// Reads `EnvironmentRecord`.
    pub(super) fn from_message(record: Message<'_>) -> Result<Self, WireError> {
        let text = |number| Ok(record.text(number)?.map(str::to_owned));
        let count = |number| Ok(record.number(number)?.map(|count| count.to_string()));
        let git = record.message(9)?;
        let accelerators = Accelerators::from_message(record)?;
        Ok(Self {
            os: text(1)?,
            python: text(2)?,
            image: text(4)?,
            arguments: record.texts(5)?.into_iter().map(str::to_owned).collect(),
            program: text(6)?,
            remote: inner_text(git, 1)?,
            commit: inner_text(git, 2)?,
            email: text(10)?,
            root: text(11)?,
            host: text(12)?,
            user: text(13)?,
            executable: text(14)?,
            cpu_count: count(16)?,
            cpu: inner_text(record.message(22)?, 3)?,
            memory_bytes: inner_number(record.message(21)?, 1)?,
            accelerator: text(18)?.or(accelerators.names()),
            accelerator_count: count(19)?.or(accelerators.count()),
            accelerator_memory_bytes: accelerators.memory_bytes,
            cuda: text(25)?,
        })
    }

    /// Reads the same as JSON. Numbers of 64 bits are texts there.
    pub(super) fn from_json(json: &Json) -> Self {
        let of = |json: Option<&Json>| json.and_then(Json::scalar);
        let text = |key: &str| of(json.get(key));
        let inner = |key: &str, member: &str| of(json.get(key).and_then(|object| object.get(member)));
        let arguments = json.get("args").and_then(Json::array).unwrap_or_default();
        let accelerators = Accelerators::from_json(json);
        Self {
            os: text("os"),
            python: text("python"),
            image: text("docker"),
            arguments: arguments.iter().filter_map(Json::scalar).collect(),
            program: text("program"),
            remote: inner("git", "remote"),
            commit: inner("git", "commit"),
            email: text("email"),
            root: text("root"),
            host: text("host"),
            user: text("username"),
            executable: text("executable"),
            cpu_count: text("cpu_count"),
            cpu: inner("cpu", "model"),
            memory_bytes: inner("memory", "total"),
            accelerator: text("gpu").or(accelerators.names()),
            accelerator_count: text("gpu_count").or(accelerators.count()),
            accelerator_memory_bytes: accelerators.memory_bytes,
            cuda: text("cudaVersion"),
        }
    }

    /// The version of Python, without the implementation.
    pub(super) fn python_version(&self) -> Option<&str> {
        self.python.as_deref().and_then(|python| python.split(' ').next_back())
    }
}

/// What there is of accelerators in the lists that each maker has.
#[derive(Debug, Default)]
struct Accelerators {
    found: Vec<String>,
    /// Of the first.
    memory_bytes: Option<String>,
}

impl Accelerators {
    /// `gpu_nvidia` 24, with `name` 1 and `memory_total` 2; `gpu_amd` 26, with `series` 8; `trainium` 28 and `tpu` 29, with
    /// `name` 1.
    fn from_message(record: Message<'_>) -> Result<Self, WireError> {
        let mut accelerators = Self::default();
        for gpu in record.messages(24) {
            let gpu = gpu?;
            accelerators.found.extend(gpu.text(1)?.map(str::to_owned));
            accelerators.memory_bytes = accelerators.memory_bytes.or(inner_number(Some(gpu), 2)?);
        }
        for gpu in record.messages(26) {
            accelerators.found.extend(gpu?.text(8)?.map(str::to_owned));
        }
        accelerators.found.extend(inner_text(record.message(28)?, 1)?);
        accelerators.found.extend(inner_text(record.message(29)?, 1)?);
        Ok(accelerators)
    }

    fn from_json(json: &Json) -> Self {
        let list = |key: &str| json.get(key).and_then(Json::array).unwrap_or_default();
        let text = |json: &Json, key: &str| json.get(key).and_then(Json::scalar);
        let mut found: Vec<_> = list("gpu_nvidia").iter().filter_map(|gpu| text(gpu, "name")).collect();
        found.extend(list("gpu_amd").iter().filter_map(|gpu| text(gpu, "series")));
        for key in ["trainium", "tpu"] {
            found.extend(json.get(key).and_then(|device| text(device, "name")));
        }
        let memory_bytes = list("gpu_nvidia").iter().find_map(|gpu| text(gpu, "memoryTotal"));
        Self { found, memory_bytes }
    }

    /// Their names, each once.
    fn names(&self) -> Option<String> {
        let mut names = self.found.clone();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn count(&self) -> Option<String> {
        (!self.found.is_empty()).then(|| self.found.len().to_string())
    }
}

fn inner_text(message: Option<Message<'_>>, number: u32) -> Result<Option<String>, WireError> {
    let text = message.map(|message| message.text(number)).transpose()?;
    Ok(text.flatten().map(str::to_owned))
}

fn inner_number(message: Option<Message<'_>>, number: u32) -> Result<Option<String>, WireError> {
    let found = message.map(|message| message.number(number)).transpose()?;
    Ok(found.flatten().map(|found| found.to_string()))
}
