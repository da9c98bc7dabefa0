//! The format gate on any bytes under names of every kind: it ends with a report, whatever PyTorch's exception allows the strict rules allow
//! or call a pickle, and a report can be signed.

#![no_main]

use std::io::Cursor;

use attest::digest::Sha256Digest;
use attest::provenance::Extent;
use attest::statement::Statement;
use attest::tree::{FileLeaf, Tree};
use formats::{Reason, Report, Rules, inspect, json, sarif, text};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = ["model.bin", "model.safetensors", "config.json", "a.yaml", "chat_template.jinja", "tokenizer.model"];

fuzz_target!(|input: &[u8]| {
    for name in NAMES {
        let look = |rules| inspect(name, &mut Cursor::new(input), &rules).expect("memory is read");
        let (strict, torch) = (look(Rules::strict()), look(Rules::with_torch()));
        assert_eq!(strict.format(), torch.format());
        if torch.is_allowed() {
            assert!(strict.findings().iter().all(|finding| finding.reason() == Reason::Pickle), "{:?}", strict.findings());
        }
        if !strict.format().is_listed() {
            assert!(!strict.is_allowed(), "{}", strict.format());
        }
        let leaf = FileLeaf::new(name.parse().expect("a path"), input.len() as u64, Sha256Digest::of(input));
        let tree = Tree::new(vec![leaf]).expect("a tree");
        let report = Report::new(Rules::strict(), vec![strict], false);
        let allowed = report.is_allowed();
        drop((text(&report), json(&report), sarif(&report, "0")));
        let scan = report.to_predicate("0.1.0", Extent::of(&tree)).expect("every report can be signed");
        let bytes = scan.to_statement_bytes(&"a/b".parse().expect("a name"), &"1".parse().expect("a label"), tree.digest());
        let read = Statement::parse(&bytes).expect("what is written is read");
        assert_eq!(read.predicate(), &attest::statement::Predicate::Scan(scan.clone()));
        assert_eq!(scan.is_allowed(), allowed);
    }
});
