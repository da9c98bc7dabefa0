//! kill -9 at every durable step: nothing is left out, nothing is told more than twice, and it goes on.

use std::collections::HashMap;
use std::process::Command;

use crate::log::Log;
use crate::mint::said;
use crate::support::{Asked, Desk, PROGRAM, bare};

const NAME: &str = "[[watch]]\nname = \"acme/*\"\n";

/// strace(1), if it is there and may trace.
fn strace() -> bool {
    Command::new("strace").args(["-qq", "true"]).output().is_ok_and(|done| done.status.success())
}

/// How often each version was told, and that it came first in the order of the log.
fn told(desk: &Desk) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for alert in desk.alerts() {
        *counts.entry(alert["entry"]["version"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn a_kill_at_each_durable_step_leaves_out_nothing_and_tells_nothing_three_times() {
    if !strace() {
        println!("skipped: no strace that may trace");
        return;
    }
    let mut met = 0;
    for call in ["openat", "write", "fsync", "fdatasync", "rename"] {
        for number in 1.. {
            let mut log = Log::new();
            let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
            log.append((0..3).map(|version| said("acme/churn", &version.to_string(), 3).entry()));
            let mut traced = Command::new("strace");
            traced.args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("inject={call}:signal=KILL:when={number}"),
            ]);
            let dir = desk.dir();
            for path in
                [dir.join("state"), dir.join("state.next"), dir.clone(), desk.home.path().join("alerts")]
            {
                traced.arg("-P").arg(path);
            }
            traced.args([PROGRAM, "watch", "--once", "--config"]).arg(&desk.config);
            let ended = bare(traced).output().unwrap();
            let was_killed = ended.status.code() != Some(3);
            met += usize::from(was_killed);
            let again = desk.watch().arg("--once").output().unwrap();
            assert!(
                matches!(again.status.code(), Some(0 | 3)),
                "{call} {number}: {}",
                String::from_utf8_lossy(&again.stderr)
            );
            let counts = told(&desk);
            assert_eq!(counts.len(), 3, "{call} {number}: {counts:?}");
            let twice = counts.values().filter(|count| **count == 2).count();
            assert!(counts.values().all(|count| *count <= 2) && twice <= 1, "{call} {number}: {counts:?}");
            if !was_killed {
                assert_eq!(twice, 0);
                break;
            }
        }
    }
    println!("killed {met} times");
    assert!(met >= 10, "killed {met} times");
}

#[test]
fn a_monitor_that_is_killed_at_random_goes_on_where_it_was() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
    let mut version = 0;
    for round in 0..12_u64 {
        let running = desk.start();
        for _ in 0..3 {
            log.append(
                (version..version + 40).map(|version| said("acme/churn", &version.to_string(), 3).entry()),
            );
            version += 40;
            std::thread::sleep(std::time::Duration::from_millis(round * 37 % 90));
        }
        // kill -9.
        drop(running);
    }
    assert!(matches!(desk.watch().arg("--once").output().unwrap().status.code(), Some(0 | 3)));
    let alerts: Vec<_> = desk.alerts().into_iter().filter(|alert| alert["kind"] == "alert").collect();
    let mut counts = HashMap::new();
    for alert in &alerts {
        *counts.entry(alert["entry"]["index"].as_u64().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(counts.len() as u64, version, "nothing is left out");
    // One message may be told again for each kill, and not the same one each time.
    assert!(alerts.len() as u64 <= version + 12, "{} of {version}", alerts.len());
    assert!(counts.values().all(|count| *count <= 2), "{counts:?}");
}
