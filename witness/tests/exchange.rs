//! One conversation with a witness whose keys and clock are fixed: every file of testdata/witness-exchange.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
#[cfg(feature = "ml-dsa")]
use merkle::subtree::Subtree;
use witness::cosigner::Cosigner;
use witness::data_dir::DataDir;
use witness::init::OpenWitness;
use witness::log_list::{ListedLog, LogList, Qpd};
use witness::logs::{ListFiles, Logs};
use witness::record::Record;
use witness::recorder::Clock;
use witness::serve::{Limits, Service, serve};

use crate::wire::{Client, Log};

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn wall(&self) -> u64 {
        1_700_000_000
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The keys: seeds 20..3f and 40..5f, which protect nothing.
fn cosigner() -> Cosigner {
    let key = SigningKey::from_bytes(&seed(0x20));
    let cosigner = Cosigner::new("witness.example.org/w1".parse().unwrap(), key).unwrap();
    #[cfg(feature = "ml-dsa")]
    let cosigner = cosigner.with_ml_dsa(&seed(0x40));
    cosigner
}

fn seed(first: u8) -> [u8; 32] {
    std::array::from_fn(|at| first + at as u8)
}

/// Has the conversation in an empty directory; returns names and bytes.
pub(crate) fn exchange(home: &Path) -> Vec<(String, Vec<u8>)> {
    let (log, fork) = (Log::of("log.example.org/models", 1, 20), Log::of("log.example.org/models", 1, 0));
    (0..20_u64).for_each(|leaf| fork.append(&(leaf + 100).to_be_bytes()));
    let stranger = Log::of("other.example.org/log", 1, 3);
    let listed = ListedLog::new(log.vkey(), None, Qpd::ONE_A_SECOND, "ops@log.example.org").unwrap();
    let mut files = vec![
        ("logs".to_owned(), format!("logs/v0\n\n{listed}").into_bytes()),
        ("witness.vkey".to_owned(), format!("{}\n", cosigner().vkey()).into_bytes()),
    ];
    #[cfg(feature = "ml-dsa")]
    files.push((
        "witness-ml-dsa.vkey".to_owned(),
        format!("{}\n", cosigner().ml_dsa_vkey().unwrap()).into_bytes(),
    ));
    let list = LogList::parse(&files[0].1).unwrap();
    let logs = Logs::of(&"witness.example.org/w1".parse().unwrap(), &list, &[]);

    let dir = DataDir::create(&home.join("w")).unwrap();
    Record::create(dir.path(), &cosigner().identity()).unwrap();
    let record = Record::open(dir.path(), &cosigner().identity()).unwrap();
    let record_path = dir.path().join("record");
    std::fs::write(dir.path().join("logs"), &files[0].1).unwrap();
    let lists = ListFiles { own: dir.path().join("logs"), others: Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let public = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut client = Client::new(public.local_addr().unwrap());
    let witness = OpenWitness { cosigner: cosigner(), record, dir };
    let limits = Limits::STANDARD;
    let service = Service {
        witness,
        logs,
        lists,
        public,
        admin: None,
        prefix: String::new(),
        limits,
        clock: Arc::new(Still),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        runtime.block_on(serve(service, async {
            let _ = stopped.await;
        }))
    });

    let hash = log.proof(1, 2);
    let steps = [
        ("01-malformed", log.request(0, 3).replace("old 0", "old 00")),
        ("02-unknown-origin", stranger.request(0, 3)),
        ("03-not-signed", log.request(0, 3).replace("\n3\n", "\n2\n")),
        ("04-proof-from-nothing", log.request(0, 3).replacen('\n', &format!("\n{hash}"), 1)),
        ("05-first-checkpoint", log.request(0, 3)),
        ("06-old-above-new", log.request(0, 3).replace("old 0", "old 4")),
        ("07-probe", log.request(0, 3)),
        ("08-same-size", log.request(3, 3)),
        ("09-fork", fork.request(3, 3)),
        ("10-wrong-proof", format!("old 3\n{}\n{}", log.proof(3, 8), log.checkpoint(7))),
        ("11-growth", log.request(3, 7)),
    ];
    for (name, body) in steps {
        let answer = client.add(&body);
        files.push((format!("{name}.request"), body.into_bytes()));
        files.push((format!("{name}.answer"), told(&answer)));
    }
    let checkpoint = client.get(&crate_path(&log)).unwrap();
    files.push(("12-checkpoint.answer".to_owned(), told(&checkpoint)));
    #[cfg(feature = "ml-dsa")]
    {
        let subtree = Subtree::new(4..6).unwrap();
        let body = format!("subtree 4 6\n{}\n{}", log.subtree_proof(subtree, 7), checkpoint.body);
        let answer = client.post("/sign-subtree", &body).unwrap();
        files.push(("13-sign-subtree.request".to_owned(), body.into_bytes()));
        files.push(("13-sign-subtree.answer".to_owned(), told(&answer)));
    }
    drop(client);
    let _ = stop.send(());
    serving.join().unwrap().unwrap();
    files.push(("record".to_owned(), std::fs::read(record_path).unwrap()));
    files
}

fn crate_path(log: &Log) -> String {
    format!("/{}/checkpoint", witness::origin_hash::OriginHash::of(&log.vkey().name().into()))
}

/// Status and media type, an empty line, the body.
fn told(answer: &crate::wire::Answer) -> Vec<u8> {
    let media_type = answer.header("content-type").unwrap_or_default();
    format!("{}\n{media_type}\n\n{}", answer.status, answer.body).into_bytes()
}
