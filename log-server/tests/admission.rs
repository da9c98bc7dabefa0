//! Who may add what and how often, asked of a real server through its real router.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use attest::entry::ModelSalt;
use attest::key::Algorithm;
use log_server::admission::gate::{Gate, Rates};
use log_server::admission::rules::RuleFiles;
use log_server::admission::writes::Writes;
use log_server::client::Proxies;
use log_server::config::Mode;
use log_server::listener::Roles;
use log_server::serve::Limits;
use log_server::site::Site;

use crate::support::{Client, LogDir, Response, Server, Signer, program, spawn_server_with};

const PATH: &str = "/api/v1/entries";

fn tallymark_log(args: &[&str]) -> Output {
    program().args(args).stderr(Stdio::piped()).output().unwrap()
}

/// A new token of a log, through the program.
fn new_token(dir: &Path, more: &[&str]) -> String {
    let made = tallymark_log(&[&["token", "new", dir.to_str().unwrap()], more].concat());
    let token = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(!String::from_utf8_lossy(&made.stderr).contains(token.trim()), "shown twice");
    token.trim_end().to_owned()
}

fn served(log: &LogDir, writes: Writes, rates: Rates, files: RuleFiles, proxies: &[&str]) -> Server {
    let mut site = Site::new(log.open().unwrap());
    site.gate = Gate::new(Mode::Service, writes, rates, files).unwrap();
    let proxies: Vec<String> = proxies.iter().map(|proxy| (*proxy).to_owned()).collect();
    let proxies = Proxies::parse(&proxies).unwrap();
    Server::start_house(vec![site], &[Roles::PUBLIC], Limits::STANDARD, proxies).0
}

fn submit(client: &mut Client, entry: &[u8], more: &[(&str, &str)]) -> Response {
    client.request("POST", PATH, &[&[("content-type", "application/cose")], more].concat(), entry)
}

fn submit_as(client: &mut Client, token: &str, entry: &[u8]) -> Response {
    submit(client, entry, &[("authorization", &format!("Bearer {token}"))])
}

#[test]
fn a_token_lets_in_until_it_is_revoked_and_no_other_does() {
    let log = LogDir::new(Mode::Service);
    let (dir, signer) = (log.path(), Signer::new(Algorithm::Ed25519));
    let (first, second) = {
        let made = || new_token(&dir, &["--name", "ci", "--expires", "90d"]);
        (made(), made())
    };
    let third = tallymark_log(&["token", "new", dir.to_str().unwrap(), "--name", "ci", "--expires", "1d"]);
    assert_eq!(third.status.code(), Some(2));
    let (mut child, addr) = spawn_server_with(&dir, None, &["--writes", "token"]);
    let mut client = Client::connect(addr);
    assert_eq!(submit_as(&mut client, &first, &signer.entry(1)).status, 201);
    assert_eq!(submit_as(&mut client, &second, &signer.entry(2)).status, 201);

    let refused = submit(&mut client, &signer.entry(3), &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (401, "token-missing"));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    let refused = submit_as(&mut client, &format!("{}A", &first[..52]), &signer.entry(3));
    // One chance in 64 that the last character was an A already; then it is the token itself.
    if !first.ends_with('A') {
        assert_eq!((refused.status, refused.problem().as_str()), (401, "token-invalid"));
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }

    let list = tallymark_log(&["token", "list", dir.to_str().unwrap(), "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let id = list["tokens"][0]["id"].as_str().unwrap();
    assert_eq!((list["tokens"].as_array().unwrap().len(), &list["tokens"][0]["name"]), (2, &"ci".into()));
    assert!(tallymark_log(&["token", "revoke", dir.to_str().unwrap(), id]).status.success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while submit_as(&mut client, &first, &signer.entry(1)).status != 401 {
        assert!(Instant::now() < deadline, "a revoked token is still good");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(submit_as(&mut client, &second, &signer.entry(4)).status, 201);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_token_made_while_the_server_runs_is_taken_without_a_restart() {
    let log = LogDir::new(Mode::Service);
    let (mut child, addr) = spawn_server_with(&log.path(), None, &["--writes", "token"]);
    let mut client = Client::connect(addr);
    let entry = Signer::new(Algorithm::Ed25519).entry(1);
    let token = new_token(&log.path(), &["--name", "ci", "--expires", "1h", "--names", "acme/*"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while submit_as(&mut client, &token, &entry).status == 401 {
        assert!(Instant::now() < deadline, "the token is not taken");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(submit_as(&mut client, &token, &entry).status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_token_for_other_names_and_a_key_of_other_names_are_403() {
    let log = LogDir::new(Mode::Service);
    let other = new_token(&log.path(), &["--name", "zeta", "--expires", "1d", "--names", "zeta/**"]);
    let own = new_token(&log.path(), &["--name", "acme", "--expires", "1d", "--names", "acme/**"]);
    let (acme, stranger) = (Signer::new(Algorithm::Ed25519), Signer::new(Algorithm::EcdsaP256));
    let list = log.scratch().join("publishers.toml");
    let key = acme.public_key().to_base64();
    std::fs::write(
        &list,
        format!("version = 1\nothers = \"any\"\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\n"),
    )
    .unwrap();
    let files = RuleFiles::new(Some(log.path().join("tokens")), Some(list));
    let server = served(&log, Writes::Open, Rates::UNLIMITED, files, &[]);
    let mut client = server.client();
    let refused = submit_as(&mut client, &other, &acme.entry(1));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "token-scope"));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
    assert!(!refused.text().contains(&other));
    let refused = submit_as(&mut client, &own, &stranger.entry(1));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "publisher-not-allowed"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("names acme/* have other publishers") && !detail.contains(&own), "{detail}");
    assert_eq!(submit_as(&mut client, &own, &acme.entry(1)).status, 201);
    server.stop();
}

#[test]
fn a_private_entry_needs_a_key_that_may_and_a_token_for_every_name() {
    let log = LogDir::new(Mode::Service);
    let acme = new_token(&log.path(), &["--name", "acme", "--expires", "1d", "--names", "acme/**"]);
    let all = new_token(&log.path(), &["--name", "all", "--expires", "1d", "--names", "**"]);
    let (may, may_not) = (Signer::new(Algorithm::Ed25519), Signer::new(Algorithm::EcdsaP256));
    let list = log.scratch().join("publishers.toml");
    let [key, other] = [&may, &may_not].map(|signer| signer.public_key().to_base64());
    std::fs::write(
        &list,
        format!(
            "version = 1\nothers = \"any\"\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\nprivate = true\n\
             [[publisher]]\nname = \"zeta/*\"\nkeys = [\"{other}\"]\n"
        ),
    )
    .unwrap();
    let files = RuleFiles::new(Some(log.path().join("tokens")), Some(list));
    let server = served(&log, Writes::Open, Rates::UNLIMITED, files, &[]);
    let (mut client, salt) = (server.client(), ModelSalt::from_bytes([7; 32]));
    let refused = submit_as(&mut client, &acme, &may.entry_under(Some(&salt), 1));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "token-scope"));
    let refused = submit_as(&mut client, &all, &may_not.entry_under(Some(&salt), 1));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "private-not-allowed"));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("private = true"), "{detail}");
    assert_eq!(submit_as(&mut client, &all, &may.entry_under(Some(&salt), 1)).status, 201);
    server.stop();
}

#[test]
fn a_log_without_a_list_takes_a_private_entry_like_any_other() {
    let log = LogDir::new(Mode::Service);
    let server = served(&log, Writes::Open, Rates::UNLIMITED, RuleFiles::default(), &[]);
    let (mut client, signer) = (server.client(), Signer::new(Algorithm::Ed25519));
    let entry = signer.entry_under(Some(&ModelSalt::from_bytes([7; 32])), 1);
    assert_eq!(client.submit(&entry).status, 201);
    assert_eq!(client.submit(&entry).status, 200);
    server.stop();
}

#[test]
fn an_address_over_its_rate_waits_and_others_do_not_notice() {
    let log = LogDir::new(Mode::Service);
    let rates = Rates { address: Some("1/h:3".parse().unwrap()), ..Rates::UNLIMITED };
    let server = served(&log, Writes::Open, rates, RuleFiles::default(), &["127.0.0.1"]);
    let (mut client, signer) = (server.client(), Signer::new(Algorithm::Ed25519));
    let mut from =
        |address: &str, number| submit(&mut client, &signer.entry(number), &[("x-forwarded-for", address)]);
    for number in 0..3 {
        assert_eq!(from("2001:db8::1", number).status, 201);
    }
    // The first items of the line are whatever the client likes to write.
    for address in ["2001:db8::1", "2001:db8::ffff", "198.51.100.9, 2001:db8::7"] {
        let refused = from(address, 9);
        assert_eq!((refused.status, refused.problem().as_str()), (429, "rate-limited"), "{address}");
        assert_eq!(refused.json()["limited"], "address");
        assert!(refused.json()["detail"].as_str().unwrap().contains("1 a hour, 3 at once"), "{refused:?}");
        let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((3500..=5400).contains(&after), "{after}");
    }
    assert_eq!(from("2001:db8:0:1::1", 3).status, 201);
    assert_eq!(from("192.0.2.1", 4).status, 201);
    assert_eq!(server.get("/checkpoint").status, 200);
    server.stop();
}

#[test]
fn a_noisy_key_leaves_the_others_their_share() {
    // R18: one submitter at fifty times the rate of the others.
    let log = LogDir::new(Mode::Service);
    let rates = Rates { key: Some("5/h:5".parse().unwrap()), ..Rates::UNLIMITED };
    let server = served(&log, Writes::Open, rates, RuleFiles::default(), &[]);
    let addr = server.addr;
    let noisy = std::thread::spawn(move || {
        let (mut client, signer) = (Client::connect(addr), Signer::new(Algorithm::Ed25519));
        let statuses = (0..250).map(|number| client.submit(&signer.entry(number)).status);
        statuses.filter(|status| *status == 201).count()
    });
    let others: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let (mut client, signer) = (Client::connect(addr), Signer::new(Algorithm::Ed25519));
                (0..5).filter(|number| client.submit(&signer.entry(*number)).status == 201).count()
            })
        })
        .collect();
    let taken: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
    assert_eq!(taken, 20, "all that the others sent");
    assert_eq!(noisy.join().unwrap(), 5, "and of the noisy one what is agreed");
    server.stop();
}

#[test]
fn bulk_is_told_to_wait_before_anybody_else() {
    let (mut site, storage, dir) = crate::http::memory_site();
    let made = |name: &str, class: &str| {
        use log_server::admission::token::{Grant, Token};
        let token = Token::generate().unwrap();
        let grant = Grant::new(
            &token,
            name.parse().unwrap(),
            0,
            "396d".parse().unwrap(),
            vec!["**".parse().unwrap()],
            class.parse().unwrap(),
        );
        // Made in 1970 it would have expired; what counts is when it ends.
        let mut grant = grant;
        grant.expires = u64::MAX;
        let path = dir.path().join("tokens");
        log_server::admission::token_file::update(&path, |tokens| tokens.add(grant, 0)).unwrap();
        token.reveal().to_owned()
    };
    let (bulk, normal) = (made("backfill", "bulk"), made("ci", "normal"));
    let files = RuleFiles::new(Some(dir.path().join("tokens")), None);
    site.gate = Gate::new(Mode::Conformance, Writes::Open, Rates::UNLIMITED, files).unwrap();
    site.queue = 4;
    let server = Server::start_site(site, Limits::STANDARD);
    let addr = server.addr;
    storage.hold_appends();
    let post = move |token: String, body: String| {
        std::thread::spawn(move || {
            let authorization = format!("Bearer {token}");
            Client::connect(addr).request(
                "POST",
                "/add",
                &[("authorization", &authorization)],
                body.as_bytes(),
            )
        })
    };
    let waiting: Vec<_> = (0..2).map(|number| post(bulk.clone(), format!("bulk {number}"))).collect();
    std::thread::sleep(Duration::from_millis(500));
    let refused = post(bulk.clone(), "bulk 3".to_owned()).join().unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (503, "queue-full"));
    assert!(refused.header("retry-after").is_some());
    let more: Vec<_> = (0..2).map(|number| post(normal.clone(), format!("normal {number}"))).collect();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(post(normal, "normal 3".to_owned()).join().unwrap().problem(), "queue-full");
    storage.release_appends();
    for answered in waiting.into_iter().chain(more) {
        assert_eq!(answered.join().unwrap().status, 200);
    }
    server.stop();
}

#[test]
fn writes_that_are_off_leave_reading_on() {
    let log = LogDir::new(Mode::Service);
    let server = served(&log, Writes::Off, Rates::UNLIMITED, RuleFiles::default(), &[]);
    let refused = server.client().submit(&Signer::new(Algorithm::Ed25519).entry(1));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "writes-off"));
    assert_eq!(server.get("/checkpoint").status, 200);
    server.stop();
}
