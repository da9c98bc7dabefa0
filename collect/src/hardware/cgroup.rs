//! Limits of this process' control group.

use std::path::{Component, Path, PathBuf};

use super::Machine;
use crate::WarningReason;
use crate::excerpt::excerpt;

/// Most groups from one up to the root.
const MAX_GROUPS: usize = 64;

/// Where the hierarchies are mounted, everywhere but on machines of their own mind.
const MOUNT: &str = "sys/fs/cgroup";

/// A limit of version 1 that is none: the largest number of whole pages.
const NO_LIMIT_V1: u64 = 1 << 62;

/// A limit of processor time: so many microseconds in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quota {
    quota: u64,
    period: u64,
}

pub(super) fn read(machine: &mut Machine<'_>) {
    let Some(text) = machine.optional("proc/self/cgroup") else { return };
    let is_v2 = machine.root.join(MOUNT).join("cgroup.controllers").exists();
    let mut limits = Limits::default();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            let text = format!("line {:?} is no group", excerpt(line));
            machine.collected.warn(WarningReason::Malformed, "proc/self/cgroup", text);
            continue;
        };
        match controllers {
            "" if is_v2 => limits.take_v2(machine, group),
            "" => {}
            _ => limits.take_v1(machine, controllers, group),
        }
    }
    limits.state(machine);
}

/// The least limits so far.
#[derive(Default)]
struct Limits {
    memory: Option<u64>,
    processors: Option<Quota>,
}

impl Limits {
    fn take_v2(&mut self, machine: &mut Machine<'_>, group: &str) {
        for directory in groups(MOUNT, group) {
            if let Some(text) = file(machine, &directory, "memory.max") {
                self.memory_limit(machine, "memory.max", &text);
            }
            if let Some(text) = file(machine, &directory, "cpu.max") {
                let (quota, period) = text.split_once(' ').unwrap_or((&text, ""));
                self.quota(machine, "cpu.max", quota, period);
            }
        }
    }

    fn take_v1(&mut self, machine: &mut Machine<'_>, controllers: &str, group: &str) {
        // A hierarchy is mounted under the name of its controllers, and each controller is a link to it.
        let mount = format!("{MOUNT}/{controllers}");
        for controller in controllers.split(',') {
            for directory in groups(&mount, group) {
                match controller {
                    "memory" => {
                        if let Some(text) = file(machine, &directory, "memory.limit_in_bytes") {
                            self.memory_limit(machine, "memory.limit_in_bytes", &text);
                        }
                    }
                    "cpu" => {
                        let quota = file(machine, &directory, "cpu.cfs_quota_us");
                        let period = file(machine, &directory, "cpu.cfs_period_us");
                        if let (Some(quota), Some(period)) = (quota, period) {
                            self.quota(machine, "cpu.cfs_quota_us", &quota, &period);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn memory_limit(&mut self, machine: &mut Machine<'_>, at: &str, text: &str) {
        if text == "max" {
            return;
        }
        match text.parse::<u64>() {
            Ok(limit) if limit >= NO_LIMIT_V1 => {}
            Ok(limit) => self.memory = Some(self.memory.map_or(limit, |least| least.min(limit))),
            Err(_) => malformed(machine, at, text),
        }
    }

    fn quota(&mut self, machine: &mut Machine<'_>, at: &str, quota: &str, period: &str) {
        if matches!(quota, "max" | "-1") {
            return;
        }
        let (Ok(quota), Ok(period)) = (quota.parse(), period.parse()) else {
            return malformed(machine, at, quota);
        };
        if period == 0 {
            return malformed(machine, at, "0");
        }
        let new = Quota { quota, period };
        // a/b < c/d without a fraction; the products of two 64-bit numbers fit 128 bits.
        let is_less = |old: &Quota| {
            u128::from(new.quota) * u128::from(old.period) < u128::from(old.quota) * u128::from(new.period)
        };
        if self.processors.as_ref().is_none_or(is_less) {
            self.processors = Some(new);
        }
    }

    fn state(&self, machine: &mut Machine<'_>) {
        if let Some(Quota { quota, period }) = self.processors {
            machine.state("cpu", "limit-micros", &format!("{quota} per {period}"), MOUNT);
        }
        if let Some(limit) = self.memory {
            machine.state("memory", "limit-bytes", &limit.to_string(), MOUNT);
        }
    }
}

fn malformed(machine: &mut Machine<'_>, at: &str, text: &str) {
    machine.collected.warn(WarningReason::Malformed, at, format!("{:?} is no limit", excerpt(text)));
}

/// The trimmed text of a file of a group. In the root there is none, and inside a container the group may not be mounted.
fn file(machine: &mut Machine<'_>, directory: &Path, name: &str) -> Option<String> {
    let path = directory.join(name);
    machine.optional(path.to_str()?).map(|text| text.trim().to_owned())
}

/// The directories of a group and of all groups above it. A group outside of what is mounted here, which the kernel writes with
/// `..`, is as far up as can be seen: the mount itself.
fn groups(mount: &str, group: &str) -> Vec<PathBuf> {
    let components = Path::new(group).components();
    let names: Option<Vec<_>> = components
        .filter(|component| !matches!(component, Component::RootDir | Component::CurDir))
        .map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect();
    let mut directory = PathBuf::from(mount);
    let mut found = vec![directory.clone()];
    for name in names.unwrap_or_default().into_iter().take(MAX_GROUPS) {
        directory.push(name);
        found.push(directory.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_never_climb_out_of_the_mount() {
        let paths =
            |group: &str| groups("m", group).iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(paths("/a/b"), ["m", "m/a", "m/a/b"]);
        assert_eq!(paths("/"), ["m"]);
        assert_eq!(paths("/../../etc"), ["m"]);
        assert_eq!(groups("m", &"/a".repeat(1000)).len(), 65);
    }
}
