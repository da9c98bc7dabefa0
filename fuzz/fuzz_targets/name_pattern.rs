//! A name pattern of a trust file and a model's name, on two lines: it covers what a slow matcher says it
//! covers.

#![no_main]

use attest::model_name::ModelName;
use attest::name_pattern::NamePattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    run(input);
});

fn run(input: &[u8]) -> Option<()> {
    let (pattern, name) = core::str::from_utf8(input).ok()?.split_once('\n')?;
    let (read, name): (NamePattern, ModelName) = (pattern.parse().ok()?, name.parse().ok()?);
    assert_eq!(read.as_str(), pattern);

    let components: Vec<&str> = pattern.split('/').collect();
    let parts: Vec<&str> = name.as_str().split('/').collect();
    // A table from the ends, so that no pattern takes long: does components[i..] cover parts[j..]?
    let mut covers = vec![vec![false; parts.len() + 1]; components.len() + 1];
    covers[components.len()][parts.len()] = true;
    for i in (0..components.len()).rev() {
        for j in (0..parts.len()).rev() {
            covers[i][j] = match components[i] {
                "**" => covers[i + 1][j + 1] || covers[i][j + 1],
                one => star(one.as_bytes(), parts[j].as_bytes()) && covers[i + 1][j + 1],
            };
        }
    }
    assert_eq!(read.matches(&name), covers[0][0]);
    Some(())
}

/// Does a component in which `*` stands for any bytes cover the whole of `part`?
fn star(component: &[u8], part: &[u8]) -> bool {
    let mut covers = vec![false; part.len() + 1];
    covers[part.len()] = true;
    for seen in component.iter().rev() {
        let behind = core::mem::replace(&mut covers, vec![false; part.len() + 1]);
        if *seen == b'*' {
            let mut any = false;
            for j in (0..=part.len()).rev() {
                any |= behind[j];
                covers[j] = any;
            }
        } else {
            for j in 0..part.len() {
                covers[j] = part[j] == *seen && behind[j + 1];
            }
        }
    }
    covers[0]
}
