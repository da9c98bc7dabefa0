//! Results that the evaluation harness itself wrote.

use collect::evaluation::{self, Results};

use crate::common::{assert_words_as_pictured, cases};

fn words(results: &Results) -> String {
    let (file, measured) = (&results.file, &results.measured);
    let mut lines = vec![format!("file {:?} {} bytes sha256:{}", file.name(), file.bytes(), file.sha256())];
    lines.extend(measured.tool.iter().map(|tool| format!("tool {tool}")));
    lines.extend(measured.limit.iter().map(|limit| format!("limit {limit}")));
    lines.extend(measured.metrics.iter().map(|metric| {
        let split = metric.split().map(|split| format!(" {split}")).unwrap_or_default();
        let stderr = metric.stderr().map(|stderr| format!(" +- {stderr}")).unwrap_or_default();
        format!("metric {:?}{split} {} = {}{stderr}", metric.data(), metric.name(), metric.value())
    }));
    lines.join("\n") + "\n"
}

#[test]
fn evaluation() {
    for case in cases("evaluation") {
        let results = evaluation::read(&case.join("results.json")).expect("what the harness wrote");
        assert_words_as_pictured(&case, &words(&results));
    }
}
