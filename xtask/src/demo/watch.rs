//! The act of the thief: somebody signs with the publisher's own key, the monitor tells the owner, the owner revokes, and the next
//! verification refuses.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::tampering::{self, BUNDLE};
use super::{Chapter, Copying, Demo, Signing, copy};
use crate::programs;
use crate::running::Running;

/// How long an alert may take before it counts as missing. What is promised is two seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// The release that the publisher never made.
const FALSE_RELEASE: &str = "demo/classifier:2";

/// Whom the monitor reads, and whose signatures it expects.
pub(super) struct Watch<'a> {
    pub(super) vkey: &'a str,
    pub(super) url: &'a str,
    /// Public keys as `tallymark keygen` prints them.
    pub(super) keys: [&'a str; 2],
}

impl Demo {
    /// Two chapters. The log must hold the base model, the stranger's signature and the model, in this order.
    pub(super) fn watch(&self, chapter: &mut Chapter, watch: &Watch<'_>) -> Result<()> {
        chapter.begin("A monitor reads every entry: own releases are silent, the stranger's is told");
        let Watch { vkey, url, keys } = watch;
        fs::write(self.at("policy"), format!("log {vkey} {url}\nquorum none\n"))?;
        let keys = format!("{:?}, {:?}", keys[0], keys[1]);
        let config = format!(
            "dir = \"watch\"\npolicy = \"policy\"\npoll = \"200ms\"\n\n[alerts]\nfile = \"alerts.jsonl\"\n\
             command = [\"sh\", \"-c\", \"cat > $TALLYMARK_ALERT_ID.txt\"]\n\n[[watch]]\nname = \"demo/*\"\nkeys = [{keys}]\n\
             every = true\nlabel = \"our models\"\n"
        );
        fs::write(self.at("monitor.toml"), &config)?;
        let releases = [format!("base/{BUNDLE}"), format!("model/{BUNDLE}")];
        let expected = self.monitor(&["expect", "watch", &releases[0], &releases[1]])?;
        println!("     {}", expected.trim_end());
        let mut call = programs::call(&self.programs.monitor);
        call.current_dir(&self.work).args(["watch", "--config", "monitor.toml"]);
        println!("   $ tallymark-monitor watch --config monitor.toml &");
        let words =
            File::create(self.at("monitor.txt")).context("cannot make the file for the monitor's words")?;
        let running = Running::start(call.stdout(Stdio::null()).stderr(words))?;
        self.until_read(3)?;
        let told = self.told()?;
        let [strange] = &told[..] else { bail!("wanted one alert, about the stranger, but got {told:?}") };
        ensure!(
            has(strange, "key-unexpected") && strange["entry"]["index"] == 1,
            "not about the stranger: {strange}"
        );
        self.show(strange)?;

        chapter.begin("The publisher's key is stolen: the alert, the revocation, the refusal");
        self.poison()?;
        self.sign("poisoned", FALSE_RELEASE, &Signing { key: "publisher.pem", url }, false)?;
        let published = Instant::now();
        println!("     the thief's model verifies, for the key is the publisher's:");
        self.shown_verification("poisoned")?;
        let theft = self.wait_for(|alert| alert["entry"]["version"] == "2" && has(alert, "name-watched"))?;
        println!("     told within {:.1} s of being published:", published.elapsed().as_secs_f64());
        self.show(&theft)?;
        let mut words = vec!["revoke", "poisoned", "--as", FALSE_RELEASE, "--scope", "this-and-descendants"];
        words.extend([
            "--reason",
            "key-compromised",
            "--key",
            "owner.pem",
            "--passphrase-file",
            "passphrase",
        ]);
        words.extend(["--log", url, "--trust", "tallymark.toml", "--yes"]);
        self.sign_tool(&words)?.lines().for_each(|line| println!("     {line}"));
        let verdict = self.verify(&self.at("poisoned"))?;
        ensure!(
            verdict.exit == 3 && verdict.reason.as_deref() == Some("revoked"),
            "the thief's model was to be refused as revoked, but got {verdict}"
        );
        println!("     the consumer's next verification: {verdict}");
        self.wait_for(|alert| has(alert, "event-watched"))?;
        println!(
            "     the monitor told of the revocation as well; the publisher's own model still verifies:"
        );
        self.shown_verification("model")?;
        drop(running);
        Ok(())
    }

    fn monitor(&self, words: &[&str]) -> Result<String> {
        self.typed(&self.programs.monitor, words)
    }

    /// A copy of the model with other weights and without its bundle.
    fn poison(&self) -> Result<()> {
        let poisoned = self.at("poisoned");
        copy(&self.at("model"), &poisoned, Copying::Bytes)?;
        fs::remove_file(poisoned.join(BUNDLE)).context("cannot take the bundle out of the copy")?;
        let weights = tampering::files(&poisoned)?.into_iter().next().context("the model has no file")?;
        let mut bytes = fs::read(&weights).context("cannot read the weights")?;
        *bytes.last_mut().context("the weights are empty")? ^= 1;
        fs::write(&weights, bytes).context("cannot write the weights")
    }

    /// Waits until so many entries were read.
    fn until_read(&self, entries: u64) -> Result<()> {
        let began = Instant::now();
        loop {
            let mut status = programs::call(&self.programs.monitor);
            status.current_dir(&self.work).args(["status", "watch", "--json"]);
            let told: Value = serde_json::from_str(&crate::command::read(&mut status)?)?;
            if told["logs"][0]["next"].as_u64() >= Some(entries) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the monitor has not read the log: {told}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Every alert so far, oldest first.
    fn told(&self) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.at("alerts.jsonl")).unwrap_or_default();
        let all = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let all = all.context("an alert is not JSON")?;
        Ok(all.into_iter().filter(|message| message["kind"] == "alert").collect())
    }

    fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        loop {
            if let Some(found) = self.told()?.into_iter().find(|alert| wanted(alert)) {
                return Ok(found);
            }
            ensure!(began.elapsed() < PATIENCE, "the monitor did not tell; told was {:?}", self.told()?);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The alert as whoever watches gets it.
    fn show(&self, alert: &Value) -> Result<()> {
        let id = alert["id"].as_str().context("an alert has no id")?;
        let path = self.at(&format!("{id}.txt"));
        // The file is written after the line of JSON.
        let text = wait_for_text(&path)?;
        text.lines().for_each(|line| println!("     | {line}"));
        Ok(())
    }
}

fn has(alert: &Value, reason: &str) -> bool {
    alert["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|seen| seen == reason))
}

/// The text of an alert, once all of it is there: its last line is the command that acknowledges it.
fn wait_for_text(path: &Path) -> Result<String> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.contains("tallymark-monitor acknowledge") {
            return Ok(text);
        }
        ensure!(began.elapsed() < PATIENCE, "the command was not told: {} is not there", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}
