//! Who is told what, and who is not.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::log::{Log, MailServer, Receiver};
use crate::mint::{Said, key_id, said, spki};
use crate::support::{Asked, Desk, told};

const NAME: &str = "[[watch]]\nname = \"acme/*\"\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn codes(desk: &Desk) -> Vec<String> {
    desk.reasons().1
}

#[test]
fn each_thing_that_is_watched_for_is_told_by_its_reason() {
    let mut log = Log::new();
    let base = said("base/model", "1", 5);
    let watch = format!(
        "{NAME}keys = [{:?}]\nlabel = \"our models\"\n[[watch]]\nkey = {:?}\n[[watch]]\ndigest = {:?}\n[[watch]]\ninput = {:?}\n",
        tlog::text::encode_base64(&spki(3)),
        key_id(4),
        hex(&base.subject),
        hex(&base.subject),
    );
    let desk = Desk::new(&log, &Asked { watch: &watch, ..Asked::default() });
    log.append([
        said("acme/churn", "1", 3).entry(),
        said("acme/churn", "2", 6).entry(),
        Said { kind: 5, ..said("acme/churn", "2", 6) }.entry(),
        said("acrne/churn", "1", 6).entry(),
        said("other/model", "1", 4).entry(),
        base.entry(),
        Said { input: Some(base.subject), ..said("other/tuned", "1", 7) }.entry(),
        said("other/nothing", "1", 7).entry(),
    ]);
    let wanted = [
        "key-unexpected",
        "key-unexpected+event-watched",
        "name-lookalike",
        "key-watched",
        "digest-watched",
        "input-watched",
    ];
    assert_eq!(codes(&desk), wanted);
    let first = &desk.alerts()[0];
    assert_eq!(first["watched"], json!(["our models"]));
    assert_eq!(first["expected"], json!([key_id(3)]));
    assert_eq!(first["entry"]["key"], key_id(6));
    assert_eq!(first["entry"]["index"], 1);
    // Nothing is told a second time.
    assert_eq!(desk.reasons(), (0, vec![]));
}

#[test]
fn a_private_entry_is_found_by_its_key_and_with_the_salt_by_name_digest_and_input() {
    let (mut log, salt) = (Log::new(), [8; 32]);
    let base = Said { salt: Some(salt), ..said("acme/p7", "1", 3) };
    let tuned = Said { input: Some(base.subject), salt: Some(salt), ..said("other/tuned", "1", 7) };
    let with_salt =
        |what: &str, value: &str| format!("[[watch]]\n{what} = {value:?}\nsalt = {:?}\n", hex(&salt));
    let name = with_salt("name", "acme/p7");
    let watch = format!(
        "{NAME}label = \"without the salt\"\n{name}keys = [{:?}]\nlabel = \"p7\"\n[[watch]]\nkey = {:?}\n{}{}",
        key_id(3),
        key_id(4),
        with_salt("digest", &hex(&said("acme/p8", "1", 5).subject)),
        with_salt("input", &hex(&base.subject)),
    );
    let desk = Desk::new(&log, &Asked { watch: &watch, ..Asked::default() });
    log.append([
        base.entry(),
        Said { kind: 5, seed: 6, ..base.clone() }.entry(),
        Said { salt: Some([9; 32]), seed: 6, ..base.clone() }.entry(),
        Said { seed: 4, salt: Some([9; 32]), ..base }.entry(),
        Said { salt: Some(salt), ..said("acme/p8", "1", 5) }.entry(),
        tuned.entry(),
    ]);
    let wanted = ["key-unexpected+event-watched", "key-watched", "digest-watched", "input-watched"];
    assert_eq!(codes(&desk), wanted);
    let alerts = desk.alerts();
    assert_eq!(alerts[0]["watched"], json!(["p7"]));
    assert_eq!((&alerts[0]["entry"]["index"], &alerts[0]["entry"]["name"]), (&json!(1), &json!("acme/p7")));
    assert_eq!((&alerts[1]["entry"]["index"], &alerts[1]["entry"]["name"]), (&json!(3), &Value::Null));
    for alert in &alerts {
        assert_eq!((&alert["entry"]["statement"], &alert["entry"]["version"]), (&Value::Null, &Value::Null));
        assert!(alert["detail"].as_str().is_some_and(|detail| detail.contains("private entry")), "{alert}");
    }
}

#[test]
fn a_name_without_keys_is_told_each_time_and_a_new_key_for_it_is_news() {
    let mut log = Log::new();
    let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
    log.append([said("acme/churn", "1", 3).entry(), said("acme/other", "1", 4).entry()]);
    assert_eq!(codes(&desk), ["name-watched", "name-watched"]);
    log.append([
        said("acme/churn", "2", 3).entry(),
        said("acme/churn", "3", 4).entry(),
        said("acme/churn", "4", 4).entry(),
    ]);
    assert_eq!(codes(&desk), ["name-watched", "key-new+name-watched", "name-watched"]);
}

#[test]
fn what_is_there_at_first_is_learnt_in_silence_with_a_baseline() {
    let mut log = Log::new();
    log.append((0..300).map(|number| said("acme/churn", &number.to_string(), 3).entry()));
    let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
    let (output, alerts) = desk.once_with(&["--baseline"]);
    assert_eq!((output.status.code(), alerts.len()), (Some(0), 0));
    log.append([said("acme/churn", "next", 4).entry()]);
    let (_, alerts) = desk.once_with(&["--baseline"]);
    assert_eq!(alerts.iter().map(told).collect::<Vec<_>>(), ["key-new+name-watched"]);
}

/// A watch that is new, over a log that was read: once, from the first entry on, and nothing twice.
#[test]
fn what_was_read_before_is_read_again_for_a_watch_that_is_new() {
    let mut log = Log::new();
    log.append((0..600).map(|number| said("other/x", &number.to_string(), 3).entry()));
    log.entries[2] = said("acme/churn", "1", 3).entry();
    log.entries[500] = said("acme/fraud", "1", 4).entry();
    log.publish();
    let churn = "[[watch]]\nname = \"acme/churn\"\n";
    let desk = Desk::new(&log, &Asked { watch: churn, ..Asked::default() });
    assert_eq!(codes(&desk), ["name-watched"]);
    let config = std::fs::read_to_string(&desk.config).unwrap();
    std::fs::write(&desk.config, config.replace("acme/churn", "acme/*")).unwrap();
    assert_eq!(desk.reasons(), (0, vec![]), "without the flag what was read stays read");
    let again = || {
        let (output, alerts) = desk.once_with(&["--backfill"]);
        let indexes: Vec<u64> =
            alerts.iter().map(|alert| alert["entry"]["index"].as_u64().unwrap()).collect();
        (output.status.code(), indexes)
    };
    assert_eq!(again(), (Some(3), vec![500]));
    assert_eq!(again(), (Some(0), vec![]), "and not twice");
    // What comes after it is told as ever.
    log.append([said("acme/fraud", "2", 4).entry()]);
    assert_eq!(again(), (Some(3), vec![600]));
    assert_eq!(desk.reasons(), (0, vec![]));
}

#[test]
fn what_a_baseline_learnt_in_silence_is_told_when_it_is_read_again() {
    let mut log = Log::new();
    log.append((0..300).map(|number| said("acme/churn", &number.to_string(), 3).entry()));
    let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
    let (output, alerts) = desk.once_with(&["--baseline", "--backfill"]);
    assert_eq!((output.status.code(), alerts.len()), (Some(0), 0), "nothing was read before");
    let (output, alerts) = desk.once_with(&["--backfill"]);
    assert_eq!((output.status.code(), alerts.len()), (Some(3), 300));
}

#[test]
fn without_a_baseline_everything_from_the_first_entry_on_is_told() {
    let mut log = Log::new();
    log.append((0..700).map(|number| said("other/x", &number.to_string(), 3).entry()));
    log.entries[1] = said("acme/churn", "1", 3).entry();
    log.entries[650] = said("acme/churn", "2", 3).entry();
    log.publish();
    let desk = Desk::new(&log, &Asked { watch: NAME, ..Asked::default() });
    assert_eq!(codes(&desk), ["name-watched", "name-watched"]);
    let indexes: Vec<Value> = desk.alerts().iter().map(|alert| alert["entry"]["index"].clone()).collect();
    assert_eq!(indexes, [json!(1), json!(650)]);
}

#[test]
fn what_is_expected_or_acknowledged_is_silent() {
    let mut log = Log::new();
    let keys = format!("{NAME}keys = [{:?}]\nevery = true\n", key_id(3));
    let desk = Desk::new(&log, &Asked { watch: &keys, ..Asked::default() });
    let dir = desk.dir();
    std::fs::create_dir_all(&dir).unwrap();
    let (own, stolen) = (said("acme/churn", "1", 3).entry(), said("acme/churn", "2", 3).entry());
    std::fs::write(dir.join("expected"), format!("{} churn/tallymark.jsonl\n", merkle::LeafHash::of(&own)))
        .unwrap();
    log.append([own, stolen]);
    assert_eq!(codes(&desk), ["name-watched"], "a stolen key is told, what was expected is not");
    let id = desk.alerts()[0]["id"].as_str().unwrap().to_owned();
    // Read everything again, as after a lost state.
    std::fs::remove_file(dir.join("state")).unwrap();
    assert_eq!(codes(&desk), ["name-watched"], "the same under the same id");
    assert_eq!(desk.alerts()[1]["id"], *id);
    let acknowledged =
        desk.call(&["acknowledge", dir.to_str().unwrap(), &id, "--remark", "ours, from the old laptop"]);
    assert!(acknowledged.status.success());
    std::fs::remove_file(dir.join("state")).unwrap();
    assert_eq!(desk.reasons(), (0, vec![]));
    assert_eq!(desk.call(&["acknowledge", dir.to_str().unwrap(), "xyz"]).status.code(), Some(2));
}

#[test]
fn the_bundle_of_a_signature_makes_it_expected() {
    let bundle =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/bundle/accept/plain/model/tallymark.jsonl");
    let bundle = if std::path::Path::new(bundle).exists() { bundle.to_owned() } else { find_bundle() };
    let log = Log::new();
    let desk = Desk::new(&log, &Asked::default());
    let added = desk.call(&["expect", desk.dir().to_str().unwrap(), &bundle]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let file = attest::bundle::BundleFile::parse(&std::fs::read(&bundle).unwrap()).unwrap();
    let entry = file.bundles().next().unwrap().log_entry().unwrap().entry_bytes().to_vec();
    let list = std::fs::read_to_string(desk.dir().join("expected")).unwrap();
    assert!(list.starts_with(&merkle::LeafHash::of(&entry).to_string()));
}

fn find_bundle() -> String {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bundle/accept/plain");
    let found = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    found
        .into_iter()
        .find(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .unwrap()
        .display()
        .to_string()
}

#[test]
fn a_webhook_is_told_with_a_signature_and_again_until_it_takes_it() {
    let mut log = Log::new();
    let receiver = Receiver::new();
    let home = tempfile::tempdir().unwrap();
    let secret = home.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef\n").unwrap();
    let alerts = format!("webhook = {:?}\nwebhook_secret_file = {secret:?}", receiver.url);
    let desk = Desk::new(&log, &Asked { watch: NAME, alerts: &alerts, ..Asked::default() });
    log.append([said("acme/churn", "1", 3).entry()]);
    // Two times in one delivery.
    receiver.refuses.store(2, Ordering::SeqCst);
    assert_eq!(codes(&desk), ["name-watched"]);
    let (head, body) = receiver.got.lock().unwrap()[0].clone();
    let line = std::fs::read_to_string(desk.home.path().join("alerts")).unwrap();
    assert_eq!(body, line.trim_end(), "the same for all");
    let signed = head.iter().find_map(|line| line.strip_prefix("tallymark-signature: ")).unwrap();
    let (time, mac) = signed.split_once(',').unwrap();
    let time = time.strip_prefix("t=").unwrap().parse().unwrap();
    assert_eq!(mac, format!("sha256={}", monitor::sink::signature(b"0123456789abcdef", time, &body)));
    // A receiver that is down for longer: the file is told, the webhook waits, in order.
    log.append([said("acme/churn", "2", 3).entry(), said("acme/churn", "3", 3).entry()]);
    receiver.refuses.store(1000, Ordering::SeqCst);
    let (output, told) = desk.once();
    assert_eq!(
        (output.status.code(), told.len()),
        (Some(5), 2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(receiver.got.lock().unwrap().len(), 1);
    receiver.refuses.store(0, Ordering::SeqCst);
    assert_eq!(desk.reasons(), (0, vec![]), "the file was told already");
    let got = receiver.got.lock().unwrap();
    let versions: Vec<Value> = got
        .iter()
        .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["entry"]["version"].clone())
        .collect();
    assert_eq!(versions, [json!("1"), json!("2"), json!("3")]);
}

#[test]
fn a_command_is_told_by_its_environment_and_has_the_text() {
    let mut log = Log::new();
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let script = format!("cat > {0}.text; env | grep TALLYMARK_ALERT_ | sort > {0}.env", out.display());
    let alerts = format!("command = [\"sh\", \"-c\", {script:?}]");
    let watch = format!("{NAME}keys = [{:?}]\nlabel = \"our models\"\n", key_id(3));
    let desk = Desk::new(&log, &Asked { watch: &watch, alerts: &alerts, ..Asked::default() });
    log.append([said("acme/churn", "1", 6).entry()]);
    assert_eq!(codes(&desk), ["key-unexpected"]);
    let text = std::fs::read_to_string(out.with_extension("text")).unwrap();
    let env = std::fs::read_to_string(out.with_extension("env")).unwrap();
    for wanted in [
        "TALLYMARK_ALERT_NAME=acme/churn\n".to_owned(),
        "TALLYMARK_ALERT_REASONS=key-unexpected\n".to_owned(),
        format!("TALLYMARK_ALERT_KEY={}\n", key_id(6)),
        "TALLYMARK_ALERT_INDEX=0\n".to_owned(),
    ] {
        assert!(env.contains(&wanted), "{wanted} is not in\n{env}");
    }
    for wanted in [
        "Somebody else signed in your name.".to_owned(),
        "watched    our models".to_owned(),
        format!("expected   key {}..", &key_id(3)[..16]),
        format!("appeared   key {}.. signed a statement (provenance) about acme/churn:1", &key_id(6)[..16]),
        "where      entry 0 of log.example.org/models".to_owned(),
        "what to do".to_owned(),
        format!("tallymark-monitor acknowledge {}", desk.dir().display()),
    ] {
        assert!(text.contains(&wanted), "{wanted} is not in\n{text}");
    }
    assert!(
        text.lines().count() <= 24 && text.lines().all(|line| line.chars().count() <= 200),
        "one screen:\n{text}"
    );
}

#[test]
fn a_command_that_fails_is_asked_again_and_the_file_is_not_told_twice() {
    let mut log = Log::new();
    let home = tempfile::tempdir().unwrap();
    let flag = home.path().join("works");
    let alerts = format!("command = [\"sh\", \"-c\", \"cat >/dev/null; test -e {}\"]", flag.display());
    let desk = Desk::new(&log, &Asked { watch: NAME, alerts: &alerts, ..Asked::default() });
    log.append([said("acme/churn", "1", 6).entry()]);
    let (output, told) = desk.once();
    assert_eq!((output.status.code(), told.len()), (Some(5), 1));
    std::fs::write(&flag, "").unwrap();
    let (output, told) = desk.once();
    assert_eq!((output.status.code(), told.len()), (Some(0), 0));
}

#[test]
fn mail_and_a_feed_are_told_of_alerts_and_mail_that_is_refused_waits() {
    let mut log = Log::new();
    let server = MailServer::new();
    let home = tempfile::tempdir().unwrap();
    let feed = home.path().join("feed.xml");
    let alerts = format!(
        "mail_server = \"smtp://{}\"\nmail_from = \"monitor@example.org\"\n\
         mail_to = [\"a@example.org\", \"b@example.org\"]\nfeed = {feed:?}",
        server.at
    );
    let desk = Desk::new(&log, &Asked { watch: NAME, alerts: &alerts, ..Asked::default() });
    log.append([said("acme/churn", "1", 3).entry()]);
    // Longer than a round tries.
    server.refuses.store(1000, Ordering::SeqCst);
    let (output, told) = desk.once();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.len()), (Some(5), 1), "a mail that is refused waits: {said}");
    assert_eq!(server.letters.lock().unwrap().len(), 0);
    server.refuses.store(0, Ordering::SeqCst);
    assert_eq!(desk.reasons(), (0, vec![]));
    let letters = server.letters.lock().unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let id = desk.alerts()[0]["id"].as_str().unwrap().to_owned();
    for wanted in [
        "RCPT TO:<a@example.org>",
        "RCPT TO:<b@example.org>",
        "Subject: [tallymark] name-watched acme/churn",
        &format!("Message-ID: <{id}.alert@example.org>"),
        "Something was signed under a name that you watch.",
    ] {
        assert!(letter.contains(wanted), "{wanted} is not in\n{letter}");
    }
    let feed = std::fs::read_to_string(feed).unwrap();
    assert_eq!(feed.matches("<entry>").count(), 1);
    assert!(feed.contains(&format!("<id>tag:tallymark.dev,2026:alert:{id}</id>")), "{feed}");
}

#[test]
fn a_monitor_that_runs_tells_within_seconds_beats_and_counts() {
    let mut log = Log::new();
    let metrics = tempfile::tempdir().unwrap();
    let page = metrics.path().join("page.prom");
    let keys = format!("heartbeat = \"200ms\"\nmetrics = {page:?}");
    let desk = Desk::new(&log, &Asked { watch: NAME, keys: &keys, ..Asked::default() });
    let _running = desk.start();
    desk.wait_for(|alert| alert["kind"] == "heartbeat");
    log.append([said("acme/churn", "1", 3).entry()]);
    let alert = desk.wait_for(|alert| alert["kind"] == "alert");
    assert_eq!(alert["entry"]["version"], "1");
    let second = desk.watch().output().unwrap();
    assert_eq!(second.status.code(), Some(5), "one monitor to a directory");
    let began = std::time::Instant::now();
    while !std::fs::read_to_string(&page).unwrap_or_default().contains("reason=\"name-watched\"} 1") {
        assert!(began.elapsed().as_secs() < 60, "{}", std::fs::read_to_string(&page).unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("tallymark_monitor_read_entries{log=\"log.example.org/models\"} 1\n"), "{page}");
}

#[test]
fn a_configuration_that_cannot_be_is_refused_with_its_reason() {
    let log = Log::new();
    for (asked, wanted) in [
        (Asked { keys: "pol = \"1s\"", ..Asked::default() }, "unknown field `pol`"),
        (Asked { watch: "[[watch]]\nname = \"ACME\"", ..Asked::default() }, "no pattern over names"),
        (Asked { watch: "[[watch]]\nname = \"a\"\nsalt = \"5a\"", ..Asked::default() }, "the salt is none"),
        (Asked { log: "checkpoint_age = \"1h\"", ..Asked::default() }, "asks for no witness"),
        (
            Asked { alerts: "webhook = \"http://127.0.0.1:1/\"", ..Asked::default() },
            "webhook_secret_file is not set",
        ),
        (
            Asked { alerts: "mail_server = \"smtps://mail.example.org\"", ..Asked::default() },
            "mail_from is not set",
        ),
    ] {
        let refused = Desk::new(&log, &asked).watch().arg("--once").output().unwrap();
        let words = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{words}");
        assert!(words.contains(wanted), "{words}");
    }
    let nobody = crate::support::program().args(["watch", "--dir", "/nonexistent"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(2));
}

#[test]
fn the_sample_is_a_configuration() {
    let sample: monitor::config::Keys = toml::from_str(monitor::config::SAMPLE).unwrap();
    assert_eq!(sample.watch.len(), 1);
    let mut keys = String::new();
    // Every key is there, if only as a remark.
    for line in monitor::config::SAMPLE.lines() {
        keys.push_str(line.trim_start_matches("# "));
        keys.push('\n');
    }
    for key in [
        "threads",
        "metrics",
        "feed",
        "mail_server",
        "mail_from",
        "mail_to",
        "mail_user",
        "mail_password_file",
        "command",
        "webhook",
        "webhook_secret_file",
        "also",
        "entries",
        "checkpoint_age",
        "every",
        "lookalikes",
    ] {
        assert!(keys.contains(&format!("\n{key} = ")), "{key}");
    }
}
