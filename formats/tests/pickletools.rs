//! The machine held against Python's own: opcodes against `pickletools`, names against its unpickler.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use formats::Reason;
use formats::pickle::Trace;
use serde_json::Value;

fn bytes(hex: &str) -> Vec<u8> {
    let digit =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("a digit");
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_array().expect("a list").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn differential(seed: u32, count: u32) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_reader.py");
    let run = Command::new("python3").arg(script).args([seed.to_string(), count.to_string()]).output();
    let Ok(run) = run else {
        return println!("skipped: python3 is not on this machine");
    };
    let told = String::from_utf8(run.stdout).expect("text");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let (mut whole, mut taken, mut named) = (0, 0, 0);
    for line in told.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let hex = line["hex"].as_str().expect("hex");
        let trace = Trace::of(&mut Cursor::new(bytes(hex))).expect("reads");
        let theirs = pairs(&line["opcodes"]);
        let ours: Vec<_> =
            trace.opcodes().iter().map(|(at, name)| (at.to_string(), (*name).to_owned())).collect();
        assert_eq!(theirs.get(..ours.len()), Some(&ours[..]), "{hex}");
        let seen: BTreeSet<_> = pairs(&line["seen"]).into_iter().collect();
        let names: BTreeSet<_> =
            trace.globals().iter().map(|(module, name, _)| (module.clone(), name.clone())).collect();
        if trace.end().is_some() {
            assert_eq!(ours.len(), theirs.len(), "{hex}");
            assert!(line["sound"].as_bool().expect("a verdict"), "taken by us and not by pickletools: {hex}");
            taken += 1;
        }
        if trace.reasons().is_empty() {
            assert!(trace.globals().iter().all(|(.., allowed)| *allowed), "{hex}");
            assert!(
                seen.iter().all(|name| names.contains(name) || name.1 == "persistent id"),
                "{hex}: {seen:?}"
            );
        }
        if line["whole"].as_bool().expect("a flag") {
            let broken = [Reason::PickleMalformed, Reason::PickleTooLarge, Reason::PickleTrailing];
            assert!(
                !trace.reasons().iter().any(|reason| broken.contains(reason)),
                "{hex}: {:?}",
                trace.reasons()
            );
            assert_eq!(names, seen, "{hex}");
            whole += 1;
        } else if trace.end().is_some() {
            // What Python imported of a pickle that we take whole is what we saw, or is refused as a name that is not known.
            let unknown = trace.reasons().contains(&Reason::PickleGlobal)
                || trace.reasons().contains(&Reason::PickleExtension);
            assert!(
                unknown || seen.iter().all(|name| names.contains(name) || name.0.is_empty()),
                "{hex}: {seen:?}"
            );
        }
        named += usize::from(!seen.is_empty());
    }
    assert!(whole > 100 && taken > whole && named > 50, "{whole} whole, {taken} taken, {named} with names");
}

#[test]
fn opcodes_and_names_are_those_of_python_or_the_pickle_is_refused() {
    differential(20_261_127, 60);
}

/// The same for longer: `cargo test -p formats --test pickletools -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn opcodes_and_names_are_those_of_python_for_longer() {
    (1..20).for_each(|seed| differential(seed, 300));
}
