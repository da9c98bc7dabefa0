//! `cargo xtask bench witness`: how long a witness takes to answer logs that grow, beside another witness, in one run.
//!
//! Both get the same 40 logs at 200 requests a second from `tallymark-load-witness`, open loop, by turns, on the same disk; medians of
//! the rounds. Generator and witness share the machine.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Row, load_average, median};
use crate::server::Server;
use crate::{Arguments, command, place, programs, witness_tools};

const HELP: &str = "\
cargo xtask bench witness [flags]

  --rounds N    by turns [3]
  --seconds N   of each [20]
  --logs N      that grow [40]
  --rate N      requests a second, over all logs [200]
  --dir DIR     where records lie: the disk that is measured [target/bench-witness]
";

/// Tells litewitness which logs it has, in the tables that it makes itself if they are not there.
const KNOW_LOGS: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
db.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
for line in open(sys.argv[2]):
    if line.startswith("vkey "):
        vkey = line.split()[1]
        origin = vkey.split("+")[0]
        db.execute("INSERT INTO log VALUES (?, 0, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')", (origin,))
        db.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))
db.commit()
"#;

/// The target, in milliseconds.
const P99_MS: f64 = 10.0;

pub(super) fn run(arguments: &Arguments) -> Result<Vec<Row>> {
    let (mut rounds, mut seconds, mut logs, mut rate) = (3_usize, 20_u32, 40_u32, 200_u32);
    let mut dir = programs::target_directory()?.join("bench-witness");
    let mut words = arguments.iter();
    while let Some(flag) = words.next() {
        let value = words.next().with_context(|| format!("{flag} wants a value\n{HELP}"))?;
        match flag.as_str() {
            "--rounds" => rounds = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            "--logs" => logs = value.parse()?,
            "--rate" => rate = value.parse()?,
            "--dir" => dir = PathBuf::from(value),
            other => bail!("not `{other}`\n{HELP}"),
        }
    }
    ensure!(rounds > 0, "at least one round");
    let built = programs::build(&["witness", "load"], true)?;
    let (witness, load) =
        (programs::find(&built, "tallymark-witness")?, programs::find(&built, "tallymark-load-witness")?);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let list = dir.join("logs");
    let (logs, list_text) = (logs.to_string(), list.display().to_string());
    command::read(Command::new(&load).args(["--logs", &logs, "--list", &list_text]))?;

    let ours = dir.join("ours");
    let mut init = programs::call(&witness);
    command::read(init.arg("init").arg(&ours).args(["--name", "bench.localhost/w1", "--unencrypted-key"]))?;
    let flags = ["--log-list", &list_text, "--max-connections-per-address", "512"];
    let server = Server::start_with(&witness, &ours, &dir.join("ours.txt"), &flags)?;
    let peer = Peer::start(&dir, &list);
    if let Err(error) = &peer {
        println!("litewitness: skipped: {error:#}");
    }
    let mut seen: [Vec<[f64; 3]>; 2] = Default::default();
    for round in 0..rounds {
        let at = [
            Some(server.url.trim_start_matches("http://").to_owned()),
            peer.as_ref().ok().map(|peer| peer.at.clone()),
        ];
        for ((name, at), seen) in ["tallymark-witness", "litewitness"].iter().zip(at).zip(&mut seen) {
            let Some(at) = at else { continue };
            let mut call = Command::new(&load);
            call.args([
                "--logs",
                &logs,
                "--rate",
                &rate.to_string(),
                "--seconds",
                &seconds.to_string(),
                "--at",
                &at,
            ]);
            let said = command::read(&mut call)?;
            println!("round {} {name:18} load {:.1}  {}", round + 1, load_average(), said.trim_end());
            let said: Value = serde_json::from_str(&said).context("the generator printed no JSON")?;
            let figure = |key: &str| said[key].as_f64().with_context(|| format!("no {key}"));
            seen.push([figure("p50_ms")?, figure("p99_ms")?, figure("max_ms")?]);
        }
    }
    server.stop()?;
    drop(peer);
    let middle = |seen: &[[f64; 3]], at: usize| {
        median(&mut seen.iter().map(|figures| figures[at]).collect::<Vec<f64>>())
    };
    let [ours, theirs] = &seen;
    let p99 = middle(ours, 1).context("no round")?;
    let shown = |seen: &[[f64; 3]]| {
        let figure = |at| middle(seen, at).unwrap_or(f64::NAN);
        format!("{:.1} / {:.1} / {:.1} ms", figure(0), figure(1), figure(2))
    };
    let mut rows = vec![Row {
        what: format!("{rate} requests/s over {logs} logs: p50, p99, largest"),
        seen: shown(ours),
        target: "p99 below 10 ms",
        met: p99 < P99_MS,
    }];
    if !theirs.is_empty() {
        let what = "the same, litewitness (Ed25519 only)".to_owned();
        rows.push(Row { what, seen: shown(theirs), target: "for comparison", met: true });
    }
    Ok(rows)
}

/// litewitness with its database and an agent that holds its key; both end with it.
struct Peer {
    at: String,
    agent: Child,
    witness: Child,
}

impl Peer {
    fn start(dir: &Path, list: &Path) -> Result<Self> {
        for tool in ["ssh-agent", "ssh-add", "ssh-keygen", "python3"] {
            place::tool(tool).with_context(|| format!("no `{tool}`"))?;
        }
        let litewitness = witness_tools::litewitness()?;
        let home = dir.join("litewitness");
        fs::create_dir_all(&home)?;
        let key = home.join("key");
        command::read(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        let told = command::read(Command::new("ssh-keygen").args(["-l", "-f"]).arg(&key))?;
        let fingerprint = told.split(' ').nth(1).context("no fingerprint")?.to_owned();
        // A socket's name has to be short.
        let socket = std::env::temp_dir().join(format!("xtask-agent-{}", std::process::id()));
        let _ = fs::remove_file(&socket);
        let quiet = |call: &mut Command| -> Result<Child> {
            let call = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            call.spawn().with_context(|| format!("cannot start `{}`", command::shown(call)))
        };
        let agent = quiet(Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket))?;
        let db = home.join("db");
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut peer = Self { at: free, witness: quiet(&mut Command::new("true"))?, agent };
        wait(|| socket.exists())?;
        command::read(Command::new("ssh-add").env("SSH_AUTH_SOCK", &socket).arg(&key))?;
        command::read(Command::new("python3").args(["-c", KNOW_LOGS]).arg(&db).arg(list))?;
        let mut serve = Command::new(litewitness);
        serve.args(["-name", "bench.localhost/lite", "-key", &fingerprint, "-listen", &peer.at]);
        serve.arg("-db").arg(&db).arg("-ssh-agent").arg(&socket);
        peer.witness = quiet(&mut serve)?;
        wait(|| std::net::TcpStream::connect(&peer.at).is_ok())?;
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for child in [&mut self.witness, &mut self.agent] {
            // Both fail if it has already ended, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn wait(mut until: impl FnMut() -> bool) -> Result<()> {
    let asked = Instant::now();
    while !until() {
        ensure!(asked.elapsed() < Duration::from_secs(20), "it did not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
