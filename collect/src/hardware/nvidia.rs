//! The NVIDIA driver and its devices.

use std::fs;

use super::{Machine, pair};
use crate::WarningReason;
use crate::excerpt::excerpt;

/// Most devices: some sixty times what a large machine has.
const MAX_DEVICES: usize = 1024;

const VERSION: &str = "proc/driver/nvidia/version";
const DEVICES: &str = "proc/driver/nvidia/gpus";

/// Without a driver there is nothing to say, and nothing to warn of.
pub(super) fn read(machine: &mut Machine<'_>) {
    if let Some(text) = machine.optional(VERSION) {
        match driver(&text) {
            Some(version) => machine.state("nvidia", "driver", version, VERSION),
            None => machine.collected.warn(WarningReason::Malformed, VERSION, "no version of the driver"),
        }
    }
    let Ok(entries) = fs::read_dir(machine.root.join(DEVICES)) else { return };
    let names = entries.take(MAX_DEVICES + 1).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.collect();
    names.sort();
    if names.len() > MAX_DEVICES {
        machine.collected.warn(WarningReason::TooLarge, DEVICES, format!("more than {MAX_DEVICES} devices"));
        names.truncate(MAX_DEVICES);
    }
    for (index, name) in names.iter().enumerate() {
        device(machine, index, name);
    }
}

/// The version: the first word of digits and points behind the words `Kernel Module`.
fn driver(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    let (_, behind) = line.split_once("Kernel Module")?;
    let is_version =
        |word: &&str| word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    behind.split_whitespace().find(is_version)
}

fn device(machine: &mut Machine<'_>, index: usize, name: &str) {
    // The name of the directory is the bus address, which is not public.
    let at = format!("{DEVICES}[{index}]/information");
    let Some(text) = machine.optional(&format!("{DEVICES}/{name}/information")) else { return };
    let about = format!("gpu-{index}");
    let mut has_model = false;
    for (key, value) in text.lines().filter_map(pair).filter(|(_, value)| !value.is_empty()) {
        match key {
            "Model" => {
                has_model = true;
                machine.state(&about, "model", value, &at);
            }
            "GPU Firmware" if value != "N/A" => machine.state(&about, "firmware", value, &at),
            "GPU UUID" => machine.state_personal(&about, "uuid", value, &at),
            "Bus Location" => machine.state_personal(&about, "bus", value, &at),
            _ => {}
        }
    }
    if !has_model {
        let text = format!("no model in {:?}", excerpt(text.lines().next().unwrap_or_default()));
        machine.collected.warn(WarningReason::Malformed, &at, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_kernel_module_name_their_version() {
        let closed =
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (x)\n";
        assert_eq!((driver(closed), driver(open)), (Some("535.129.03"), Some("550.54.14")));
        assert_eq!(driver("GCC version: 12.2.0"), None);
        assert_eq!(driver("NVRM version: Kernel Module"), None);
    }
}
