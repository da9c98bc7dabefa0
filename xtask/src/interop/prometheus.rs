//! A real Prometheus scrapes the running log; then every query of the dashboard must answer with something, and every
//! name the alerts use must exist.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Outcome;
use crate::running::Running;
use crate::{command, place, server};

const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for a rate: two scrapes and one to spare.
const SCRAPED: Duration = Duration::from_secs(6);

/// The rules as promtool tests them.
pub(super) fn rules() -> Result<Outcome> {
    if place::tool("promtool").is_none() {
        return Ok(Outcome::Skipped("no `promtool`; Debian's package prometheus has it".to_owned()));
    }
    let mut call = Command::new("promtool");
    call.current_dir(place::repository().join("log-server/dist/prometheus"));
    let output = command::capture(call.args(["test", "rules", "alerts_test.yaml"]))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(match output.status.success() && said.contains("SUCCESS") {
        true => Outcome::Held("every alert fires when it must and not when it must not".to_owned()),
        false => Outcome::Failed(super::last_lines(said.trim_end())),
    })
}

/// Scrapes the log at `metrics` while `busy` gives it something to count, and asks every query of the dashboard.
pub(super) fn run(metrics: SocketAddr, work: &Path, busy: impl FnOnce() -> Result<()>) -> Result<Outcome> {
    if place::tool("prometheus").is_none() {
        return Ok(Outcome::Skipped("no `prometheus`; Debian's package prometheus has it".to_owned()));
    }
    let address = server::free_address()?;
    let rules = place::repository().join("log-server/dist/prometheus/alerts.yaml");
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{rules:?}]\nscrape_configs:\n\
         - job_name: tallymark-log\n  static_configs: [{{ targets: [\"{metrics}\"] }}]\n"
    );
    fs::write(work.join("prometheus.yaml"), config)?;
    let data = work.join("prometheus");
    let mut call = Command::new("prometheus");
    call.arg(format!("--config.file={}", work.join("prometheus.yaml").display()));
    call.arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address={address}"));
    let words = fs::File::create(work.join("prometheus.txt")).context("cannot keep Prometheus' words")?;
    let _prometheus = Running::start(call.stdout(Stdio::null()).stderr(words))?;
    let started = Instant::now();
    while !matches!(query(address, "up == 1"), Ok(found) if found > 0) {
        ensure!(
            started.elapsed() < PATIENCE,
            "Prometheus has not scraped the log after {} s",
            PATIENCE.as_secs()
        );
        sleep(Duration::from_millis(200));
    }
    busy()?;
    sleep(SCRAPED);
    let queries = dashboard_queries()?;
    ensure!(!queries.is_empty(), "the dashboard asks nothing");
    let mut silent = Vec::new();
    for asked in &queries {
        let real = asked.replace("$__rate_interval", "10s").replace("$log", ".*");
        match query(address, &real) {
            Ok(0) => silent.push(asked.clone()),
            Ok(_) => {}
            Err(error) => bail!("{asked}: {error:#}"),
        }
    }
    // Nothing was refused, so the families of refusals may be empty; all else must speak.
    silent.retain(|asked| !asked.contains("_refused_") && !asked.contains("_problems_"));
    let names = alert_names()?;
    for name in &names {
        if query(address, name)? == 0 && !name.contains("_problems_") {
            silent.push(name.clone());
        }
    }
    Ok(match silent.is_empty() {
        true => Outcome::Held(format!("{} queries and {} names answer", queries.len(), names.len())),
        false => Outcome::Failed(format!("nothing answers {}", silent.join(" | "))),
    })
}

fn dashboard_queries() -> Result<Vec<String>> {
    let path = place::repository().join("log-server/dist/grafana/tallymark-log.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let dashboard: Value = serde_json::from_str(&text).context("the dashboard is not JSON")?;
    let panels = dashboard["panels"].as_array().context("the dashboard has no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets
        .map(|target| target["expr"].as_str().map(str::to_owned).context("a target without query"))
        .collect()
}

/// Every metric the alerts name.
fn alert_names() -> Result<Vec<String>> {
    let text = fs::read_to_string(place::repository().join("log-server/dist/prometheus/alerts.yaml"))?;
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut names: Vec<_> =
        words.filter(|word| word.starts_with("tallymark_log_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// How many series answer a query.
fn query(address: SocketAddr, asked: &str) -> Result<usize> {
    let mut encoded = String::new();
    for byte in asked.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let (_, body) = server::get(&address.to_string(), &format!("/api/v1/query?query={encoded}"))?;
    let body: Value = serde_json::from_str(&body).with_context(|| format!("Prometheus said {body:?}"))?;
    ensure!(body["status"] == "success", "Prometheus refuses the query: {}", body["error"]);
    Ok(body["data"]["result"].as_array().map_or(0, Vec::len))
}
