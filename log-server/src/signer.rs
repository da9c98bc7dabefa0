//! The commands around keys that lie elsewhere: where a new log's key is, and the signing process.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use held_key::agent;
use held_key::place::{TokenPlace, agent_socket};
use log_server::config::Config;
use log_server::data_dir::DataDir;
use log_server::init::init_signer;
use log_server::key_file::{self, existing_passphrase};
use log_server::ledger::Ledger;
use log_server::process::harden;
use log_server::settings::LineFormat;
use log_server::signing::place::KeyPlace;
use log_server::signing::process::{SigningProcess, bind};
use log_server::signing::{KeyError, LedgeredSigner, ml_dsa, remote};

use crate::args::{InitMlDsa, InitSigner, KeyArgs, SignHeads, SignerKind};
use crate::{Failure, REFUSED, at_rest, log_lines, print};

/// The place that the flags name, paths made absolute: the log may be served from another directory.
pub(crate) fn place(args: &KeyArgs) -> Result<KeyPlace, Failure> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(Failure::unavailable);
    let socket = args.signer_socket.as_deref().map(absolute).transpose()?;
    Ok(match args.signer {
        SignerKind::File => KeyPlace::File,
        SignerKind::SshAgent => KeyPlace::SshAgent { socket },
        SignerKind::Process => KeyPlace::Process {
            socket: socket.ok_or_else(|| missing("--signer process needs --signer-socket PATH"))?,
        },
        SignerKind::Pkcs11 => {
            let needed = || missing("--signer pkcs11 needs --pkcs11-module, --pkcs11-token and --pkcs11-key");
            KeyPlace::Pkcs11(TokenPlace {
                module: absolute(args.pkcs11_module.as_deref().ok_or_else(needed)?)?,
                token: args.pkcs11_token.clone().ok_or_else(needed)?,
                key: args.pkcs11_key.clone().ok_or_else(needed)?,
                pin_file: args.pin_file.as_deref().map(absolute).transpose()?,
            })
        }
    })
}

/// Asks the keeper of the key which one it is.
pub(crate) fn public_key(place: &KeyPlace, args: &KeyArgs) -> Result<[u8; 32], Failure> {
    let refused = |error: KeyError| {
        let hint = Some("start the agent, token or process first; tallymark-log init --help has an example");
        Failure {
            status: if error.is_refusal() { REFUSED } else { crate::UNAVAILABLE },
            error: error.into(),
            hint,
        }
    };
    match place {
        KeyPlace::SshAgent { socket } => {
            let held = agent_socket(socket.as_ref()).and_then(|socket| agent::keys(&socket));
            let held = held.map_err(|error| refused(error.into()))?;
            match (&args.agent_key, &held[..]) {
                (Some(file), _) => {
                    let wanted = openssh_key(file)?;
                    let there = held.contains(&wanted).then_some(wanted);
                    there.ok_or_else(|| refused(KeyError::NoSuchKey { place: file.display().to_string() }))
                }
                (None, [only]) => Ok(*only),
                (None, held) => {
                    let error =
                        anyhow::anyhow!("the ssh-agent holds {} Ed25519 keys, wanted one", held.len());
                    let hint = Some("name the one that is for this log alone with --agent-key FILE.pub");
                    Err(Failure { error, hint, status: REFUSED })
                }
            }
        }
        KeyPlace::Process { socket } => remote::ask(socket).map(|remote| remote.public_key).map_err(refused),
        place => match place.open(&[0; 32]).map_err(refused)? {
            Some(key) => Ok(key.public_key()),
            None => Err(missing("the key of a file is made with the log")),
        },
    }
}

/// The key in an OpenSSH public key file.
fn openssh_key(path: &Path) -> Result<[u8; 32], Failure> {
    let read = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
    let text = read.map_err(Failure::unavailable)?;
    agent::public_key_of_file(&text)
        .ok_or_else(|| missing("the file named with --agent-key is not an ssh-ed25519 public key"))
}

fn missing(text: &str) -> Failure {
    Failure { error: anyhow::anyhow!("{text}"), hint: None, status: 2 }
}

/// `init-signer`.
pub(crate) fn run_init(args: &InitSigner) -> Result<ExitCode, Failure> {
    let at_rest = at_rest(args.unencrypted_key, args.passphrase_file.as_deref());
    let made = at_rest.and_then(|at_rest| init_signer(&args.dir, &args.origin, &at_rest));
    let config = made.map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
    let (origin, vkey, dir) = (config.origin(), config.vkey(), args.dir.display());
    if args.json {
        let object = serde_json::json!({
            "origin": origin.to_string(),
            "vkey": vkey.to_string(),
            "dir": dir.to_string(),
        });
        print(&object)?;
    } else {
        let next = format!("Next: tallymark-log sign-heads {dir} --socket {dir}/socket");
        print(&format_args!("origin {origin}\nvkey   {vkey}\n\n{next}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `sign-heads`. Any signal may end it at any time: what counts is in its ledger.
pub(crate) fn run(args: &SignHeads) -> Result<ExitCode, Failure> {
    log_lines(LineFormat::default());
    harden().map_err(Failure::unavailable)?;
    let refused = |error: anyhow::Error| Failure { error, hint: None, status: REFUSED };
    Config::read(&args.dir.join("log.toml")).map_err(|error| refused(error.into()))?;
    let dir = DataDir::lock(&args.dir).map_err(|error| refused(error.into()))?;
    let config = Config::read(&dir.config()).map_err(|error| refused(error.into()))?;
    let key =
        key_file::read::<SigningKey>(&dir.key(), || existing_passphrase(args.passphrase_file.as_deref()));
    let key = key.map_err(|error| refused(error.into()))?;
    if key.verifying_key().as_bytes() != config.vkey().public_key() {
        return Err(refused(anyhow::anyhow!("the key file holds another key than log.toml names")));
    }
    let ledger = Ledger::open(&dir.ledger(), config.vkey(), &mut |_| {});
    let ledger = ledger.map_err(|error| refused(error.into()))?;
    let signer = LedgeredSigner::of_file(config.origin().clone(), key, ledger);
    let signer = signer.map_err(|error| refused(error.into()))?;
    let bound = bind(&args.socket).with_context(|| format!("could not listen at {}", args.socket.display()));
    let listener = bound.map_err(Failure::unavailable)?;
    print(&format_args!("signing for {} at {}", config.origin(), args.socket.display()))?;
    let mut process = SigningProcess::new(config.origin().clone(), signer);
    let ended = process.run(&listener, &AtomicBool::new(false));
    ended.map_err(|error| {
        let hint = Some("start again: the next start reads what is in the ledger");
        Failure { error: error.into(), hint, status: crate::UNAVAILABLE }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `init-ml-dsa`.
pub(crate) fn run_init_ml_dsa(args: &InitMlDsa) -> Result<ExitCode, Failure> {
    harden().map_err(Failure::unavailable)?;
    let refused = |error: anyhow::Error| Failure { error, hint: None, status: REFUSED };
    // Before the lock: a mistyped path must not gain a lock file.
    Config::read(&args.dir.join("log.toml")).map_err(|error| refused(error.into()))?;
    let dir = DataDir::lock(&args.dir).map_err(|error| refused(error.into()))?;
    let config = Config::read(&dir.config()).map_err(|error| refused(error.into()))?;
    let at_rest = at_rest(args.unencrypted_key, args.passphrase_file.as_deref());
    let at_rest = at_rest.map_err(|error| Failure::of_class(error.class(), error.hint(), error))?;
    let vkey = ml_dsa::create(&dir.ml_dsa_key(), config.vkey(), &at_rest).map_err(Failure::unavailable)?;
    dir.sync().map_err(Failure::unavailable)?;
    print(&format_args!(
        "ML-DSA {vkey}\n\nFor a policy file, so that others can ask for this signature too:\nwitness log-ml-dsa {vkey}"
    ))?;
    Ok(ExitCode::SUCCESS)
}
