//! Other people's log under our witness.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Outcome, last_lines};
use crate::server::Server;
use crate::{command, programs, witness_tools};

const ORIGIN: &str = "interop.localhost/witnessed";

/// Tessera publishes a checkpoint only if our witness cosigned it, and its libraries verify what they got: the Ed25519 line, and the
/// ML-DSA-44 line with another implementation of FIPS 204. The witness is killed between two runs of the log.
pub(super) fn run(work: &Path) -> Result<Outcome> {
    let client = match witness_tools::client() {
        Ok(client) => client,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let witness = programs::find(&programs::build(&["witness"], false)?, "tallymark-witness")?;
    let (dir, words) = (work.join("witness"), work.join("witness.txt"));
    let mut init = programs::call(&witness);
    init.arg("init").arg(&dir).args(["--name", "interop.localhost/w1", "--unencrypted-key", "--json"]);
    let made: Value = serde_json::from_str(&command::read(&mut init)?).context("init printed no JSON")?;
    let key = |name: &str| {
        made[name].as_str().map(str::to_owned).with_context(|| format!("init printed no {name}"))
    };
    let keys = command::read(Command::new(&client).args(["-keygen", ORIGIN]))?;
    let mut keys = keys.lines();
    let (secret, public) = (keys.next().context("no key")?, keys.next().context("no vkey")?);
    command::read(programs::call(&witness).arg("add-log").arg(&dir).args([public, "--qpd", "2147483647"]))?;
    let ask = |url: &str, vkey: &str| {
        let mut call = Command::new(&client);
        call.args(["-skey", secret, "-url", url, "-vkey", vkey, "-entries", "40"]);
        call.args(["-ml-dsa-vkey", &key("vkey-ml-dsa")?]).arg("-dir").arg(work.join("witnessed"));
        command::capture(&mut call)
    };
    let vkey = key("vkey")?;
    let mut said = String::new();
    for _ in 0..2 {
        let server = Server::start(&witness, &dir, &words)?;
        let output = ask(&server.url, &vkey)?;
        said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        // Killed, not stopped: the next run finds what was answered.
        drop(server);
        if !output.status.success() {
            return Ok(Outcome::Failed(last_lines(&said)));
        }
    }
    Ok(Outcome::Held(said.trim_end().to_owned()))
}
