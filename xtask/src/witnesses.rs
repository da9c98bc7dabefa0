//! Other people's witnesses at work, each on a loopback port of its own that it keeps when it is killed and started again.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::running::Running;
use crate::{command, place, programs, server, witness_tools};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells litewitness which logs it has, in the tables that it makes itself if they are not there.
const KNOW_LOGS: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
db.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
for vkey in sys.argv[2:]:
    origin = vkey.split("+")[0]
    db.execute("INSERT INTO log VALUES (?, 0, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')", (origin,))
    db.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))
db.commit()
"#;

/// Has litewitness remember other sizes than it confirmed.
const CLAIM: &str = r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE log SET tree_size = tree_size + ?", (int(sys.argv[2]),))
db.commit()
"#;

/// A witness that knows some logs. It ends when this is dropped.
pub(crate) struct Witness {
    /// What it is called in policies.
    pub(crate) name: &'static str,
    /// `127.0.0.1:PORT`.
    pub(crate) at: String,
    /// Of its cosignatures.
    pub(crate) vkey: String,
    home: PathBuf,
    call: Command,
    process: Option<Running>,
    _agent: Option<Running>,
}

impl Witness {
    /// torchwood's litewitness with its database in `home`, which is made, and an agent that holds its key.
    pub(crate) fn litewitness(home: &Path, logs: &[&str]) -> Result<Self> {
        for tool in ["ssh-agent", "ssh-add", "ssh-keygen", "python3"] {
            place::tool(tool).with_context(|| format!("litewitness: no `{tool}`"))?;
        }
        let program = witness_tools::litewitness().context("litewitness")?;
        let home = made(home)?;
        let key = home.join("key");
        command::read(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        let told = command::read(Command::new("ssh-keygen").args(["-l", "-f"]).arg(&key))?;
        let fingerprint = told.split(' ').nth(1).context("no fingerprint")?;
        // A socket's name has to be short.
        let socket = std::env::temp_dir().join(format!("xtask-agent-{}", std::process::id()));
        let _ = fs::remove_file(&socket);
        let mut agent = Command::new("ssh-agent");
        agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Running::start(&mut agent)?;
        wait(|| socket.exists()).context("ssh-agent")?;
        command::read(Command::new("ssh-add").env("SSH_AUTH_SOCK", &socket).arg(&key))?;
        let db = home.join("db");
        command::read(Command::new("python3").args(["-c", KNOW_LOGS]).arg(&db).args(logs))?;
        let at = server::free_address()?.to_string();
        let mut call = Command::new(program);
        call.args(["-name", "witness.localhost/lite", "-key", fingerprint, "-listen", &at]);
        call.arg("-db").arg(&db).arg("-ssh-agent").arg(&socket);
        let mut witness = Self {
            name: "litewitness",
            at,
            vkey: String::new(),
            home,
            call,
            process: None,
            _agent: Some(agent),
        };
        witness.start()?;
        // It says its key when it starts, and nowhere else.
        let said = fs::read_to_string(witness.words())?;
        let vkey = programs::vkey_among(&said).context("litewitness said no key")?;
        vkey.trim_start_matches("vkey=").clone_into(&mut witness.vkey);
        Ok(witness)
    }

    /// transparency-dev's omniwitness with its database in `home`, which is made.
    pub(crate) fn omniwitness(home: &Path, logs: &[&str]) -> Result<Self> {
        let [program, _] = witness_tools::omniwitness().context("omniwitness")?;
        let home = made(home)?;
        let vkey = Self::omniwitness_key(&home.join("key"))?;
        let mut list = "Logs:\n".to_owned();
        for log in logs {
            let origin = log.split('+').next().unwrap_or(log);
            list.push_str(&format!("  - Origin: {origin}\n    PublicKey: {log}\n"));
        }
        let logs = home.join("logs.yaml");
        fs::write(&logs, list)?;
        let at = server::free_address()?.to_string();
        let mut call = Command::new(program);
        call.args(["--listen", &at, "--metrics_listen", "", "--logtostderr"]);
        call.arg("--private_key_path").arg(home.join("key")).arg("--additional_logs").arg(&logs);
        // With more connections its database is busy at some 200 requests a second, and it answers 429.
        call.arg("--db_file").arg(home.join("db")).args(["--db_max_conns", "1"]);
        let mut witness = Self { name: "omniwitness", at, vkey, home, call, process: None, _agent: None };
        witness.start()?;
        Ok(witness)
    }

    /// Makes a key with the name of that omniwitness in a new file, and returns the public half.
    pub(crate) fn omniwitness_key(path: &Path) -> Result<String> {
        let [_, generate] = witness_tools::omniwitness().context("omniwitness")?;
        let public = path.with_extension("pub");
        let mut call = Command::new(generate);
        call.args(["--origin", "witness.localhost/omni", "--out_priv"])
            .arg(path)
            .arg("--out_pub")
            .arg(&public);
        command::read(&mut call)?;
        Ok(fs::read_to_string(&public)?.trim_end().to_owned())
    }

    /// Its line in a policy.
    pub(crate) fn line(&self) -> String {
        format!("witness {} {} http://{}\n", self.name, self.vkey, self.at)
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it where it was; what it says goes to a new file.
    pub(crate) fn start(&mut self) -> Result<()> {
        let words = File::create(self.words()).context("cannot make the file for a witness's words")?;
        self.call.stdout(Stdio::null()).stderr(words);
        self.process = Some(Running::start(&mut self.call)?);
        wait(|| TcpStream::connect(&self.at).is_ok()).with_context(|| {
            format!("{}: {}", self.name, fs::read_to_string(self.words()).unwrap_or_default().trim_end())
        })
    }

    /// Has a litewitness that is not running remember more entries than it confirmed, or less.
    pub(crate) fn claim(&self, more: i64) -> Result<()> {
        let db = self.home.join("db");
        command::read(Command::new("python3").args(["-c", CLAIM]).arg(db).arg(more.to_string())).map(drop)
    }

    fn words(&self) -> PathBuf {
        self.home.join("words.txt")
    }
}

fn made(home: &Path) -> Result<PathBuf> {
    fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
    Ok(home.to_owned())
}

fn wait(mut until: impl FnMut() -> bool) -> Result<()> {
    let asked = Instant::now();
    while !until() {
        ensure!(asked.elapsed() < PATIENCE, "it did not come up");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
