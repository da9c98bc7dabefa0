//! Who may use whom, between crates and between modules.

use super::{Member, Page};

/// The house, floor by floor: each crate and those below it that it may use.
const FLOORS: [(&str, &[&str]); 16] = [
    ("lanes", &[]),
    ("held-key", &[]),
    ("merkle", &[]),
    ("tlog", &["merkle"]),
    ("attest", &["lanes", "merkle", "tlog"]),
    ("verifier", &["merkle", "tlog", "attest", "formats"]),
    ("collect", &["merkle", "tlog", "attest"]),
    ("formats", &["attest"]),
    ("log-server", &["held-key", "merkle", "tlog", "attest"]),
    ("bom", &["merkle", "tlog", "attest", "verifier"]),
    ("signer-cli", &["merkle", "tlog", "attest", "verifier", "collect", "formats", "bom"]),
    ("torture", &["merkle", "tlog", "attest", "log-server"]),
    ("load", &["merkle", "tlog", "attest"]),
    ("witness", &["held-key", "merkle", "tlog"]),
    ("monitor", &["merkle", "tlog", "attest"]),
    ("xtask", &[]),
];

/// Words that may stand in the sources below a folder only in the files named.
struct Confined {
    folder: &'static str,
    words: &'static [&'static str],
    only_in: &'static [&'static str],
    why: &'static str,
}

const CONFINED: [Confined; 11] = [
    Confined {
        folder: "log-server/src/",
        words: &["attest::", "use attest"],
        only_in: &["log-server/src/admission.rs", "log-server/src/admission/"],
        why: "only admission knows what an entry means",
    },
    Confined {
        folder: "log-server/src/",
        words: &["HeldKey", "AgentKey", "TokenKey"],
        only_in: &["log-server/src/signing/held.rs"],
        why: "a held key signs any bytes, and only there it takes none but what was allowed",
    },
    Confined {
        folder: "witness/src/",
        words: &["HeldKey", "AgentKey", "TokenKey"],
        only_in: &["witness/src/cosigner.rs"],
        why: "a held key signs any bytes, and only there it takes none but what is durable",
    },
    Confined {
        folder: "attest/src/",
        words: &["std::fs", "fs::File", "std::net", "SystemTime"],
        only_in: &["attest/src/scan.rs", "attest/src/scan/"],
        why: "only scan touches the disk",
    },
    Confined {
        folder: "lanes/src/",
        words: &["unsafe {", "unsafe fn", "unsafe impl"],
        only_in: &["lanes/src/x86.rs"],
        why: "one file calls what is compiled for instructions found at run time",
    },
    Confined {
        folder: "merkle/src/",
        words: &["std::fs", "std::io", "std::net", "std::time"],
        only_in: &[],
        why: "the tree knows neither disk, network nor clock",
    },
    Confined {
        folder: "tlog/src/",
        words: &["std::fs", "std::net", "std::time", "attest"],
        only_in: &[],
        why: "the log's formats know neither disk, network, clock nor models",
    },
    Confined {
        folder: "formats/src/",
        words: &["std::fs", "std::net", "std::process", "SystemTime"],
        only_in: &["formats/src/scan.rs"],
        why: "the gate reads what it is given, and only its scan touches the disk",
    },
    Confined {
        folder: "verifier/src/",
        words: &["std::net", "TcpStream", "UdpSocket"],
        only_in: &[],
        why: "the judgement opens no socket",
    },
    Confined {
        folder: "witness/src/",
        words: &["Durable::on_disk"],
        only_in: &["witness/src/record.rs"],
        why: "only what is in the record, on the disk, can be cosigned",
    },
    Confined {
        folder: "bom/src/",
        words: &["std::fs", "std::net", "std::time", "SystemTime"],
        only_in: &[],
        why: "a bill is written from statements alone: no disk, no network, no clock",
    },
];

/// Edges between members that no floor allows, members on no floor, and a second dependency of `merkle`.
pub(super) fn edges(members: &[Member]) -> Vec<String> {
    let mut complaints = Vec::new();
    for member in members {
        let Some((_, below)) = FLOORS.iter().find(|(name, _)| *name == member.name) else {
            complaints.push(format!("{} is on no floor of xtask/src/tidy/arrows.rs", member.name));
            continue;
        };
        for used in member.normal.iter().chain(&member.dev) {
            let of_the_house = FLOORS.iter().any(|(name, _)| name == used);
            if of_the_house && !below.contains(&used.as_str()) && *used != member.name {
                complaints.push(format!("{} uses {used}, which is not below it", member.name));
            }
        }
        if member.name == "merkle" && member.normal != ["sha2"] {
            complaints.push(format!("merkle depends on {}, wanted sha2 alone", member.normal.join(", ")));
        }
    }
    complaints
}

/// Sources that name what they must not know.
pub(super) fn modules(pages: &[Page]) -> Vec<String> {
    let mut complaints = Vec::new();
    for rule in &CONFINED {
        let sources = pages.iter().filter(|page| {
            page.path.starts_with(rule.folder)
                && page.path.ends_with(".rs")
                && !rule.only_in.iter().any(|allowed| page.path.starts_with(allowed))
        });
        for page in sources {
            for (number, line) in product_lines(&page.text) {
                if let Some(word) = rule.words.iter().find(|word| line.contains(*word)) {
                    complaints.push(format!("{}:{number}: names `{word}`, but {}", page.path, rule.why));
                }
            }
        }
    }
    complaints
}

/// Numbered lines that end up in the product: no comments, and nothing from the unit tests at the bottom.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_up_is_refused_for_tests_too() {
        let up = Member::new("tlog", &["merkle", "attest"]);
        let mut up_in_tests = Member::new("attest", &["tlog"]);
        up_in_tests.dev.push("verifier".to_owned());
        assert_eq!(
            edges(&[up, up_in_tests]),
            ["tlog uses attest, which is not below it", "attest uses verifier, which is not below it"]
        );
    }

    #[test]
    fn a_second_dependency_of_the_tree_is_refused() {
        assert_eq!(
            edges(&[Member::new("merkle", &["sha2", "hex"])]),
            ["merkle depends on sha2, hex, wanted sha2 alone"]
        );
    }

    #[test]
    fn a_crate_that_has_no_floor_is_refused() {
        assert_eq!(
            edges(&[Member::new("common", &[])]),
            ["common is on no floor of xtask/src/tidy/arrows.rs"]
        );
    }

    #[test]
    fn the_house_as_it_is_drawn_is_accepted() {
        assert_eq!(
            edges(&[Member::new("merkle", &["sha2"]), Member::new("tlog", &["merkle", "base64"])]),
            [""; 0]
        );
    }

    #[test]
    fn only_admission_may_name_the_claim() {
        let text =
            "//! not attest::entry\nuse attest::entry::Entry;\n#[cfg(test)]\nmod tests { use attest::x; }\n";
        assert_eq!(
            modules(&[Page::new("log-server/src/sequencer.rs", text)]),
            ["log-server/src/sequencer.rs:2: names `attest::`, but only admission knows what an entry means"]
        );
        assert_eq!(modules(&[Page::new("log-server/src/admission.rs", text)]), [""; 0]);
    }

    #[test]
    fn a_held_key_is_named_only_behind_its_guard() {
        let text = "use held_key::HeldKey;\n";
        for path in ["log-server/src/sequencer.rs", "witness/src/http.rs"] {
            assert_eq!(modules(&[Page::new(path, text)]).len(), 1, "{path}");
        }
        for path in ["log-server/src/signing/held.rs", "witness/src/cosigner.rs"] {
            assert_eq!(modules(&[Page::new(path, text)]).len(), 0, "{path}");
        }
    }

    #[test]
    fn only_scan_may_touch_the_disk() {
        let text = "use std::fs::File;\n";
        assert_eq!(modules(&[Page::new("attest/src/bundle.rs", text)]).len(), 1);
        assert_eq!(modules(&[Page::new("attest/src/scan/walk.rs", text)]).len(), 0);
    }

    #[test]
    fn the_judgement_may_not_name_a_socket() {
        assert_eq!(modules(&[Page::new("verifier/src/load.rs", "use std::net::IpAddr;\n")]).len(), 1);
    }
}
