//! Which Ed25519 key a new witness gets, from the flags of `init`.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use held_key::agent;
use held_key::place::{Place, TokenPlace, agent_socket};
use witness::init::{FirstKey, InitError};

use crate::args::{KeyArgs, SignerKind};
use crate::{Failure, REFUSED};

/// The key that the flags name, paths made absolute: the witness may be served from another directory. An agent is asked which keys it has.
pub(crate) fn first_key(args: &KeyArgs) -> Result<FirstKey, Failure> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(Failure::unavailable);
    match args.signer {
        SignerKind::File => Ok(FirstKey::New),
        SignerKind::SshAgent => {
            let socket = args.signer_socket.as_deref().map(absolute).transpose()?;
            let agent_key = Some(agent_key(socket.as_ref(), args.agent_key.as_deref())?);
            Ok(FirstKey::Held { place: Place::SshAgent { socket }, agent_key })
        }
        SignerKind::Pkcs11 => {
            let needed = || {
                let words = "--signer pkcs11 needs --pkcs11-module, --pkcs11-token and --pkcs11-key";
                Failure::misuse(anyhow!(words))
            };
            let place = Place::Pkcs11(TokenPlace {
                module: absolute(args.pkcs11_module.as_deref().ok_or_else(needed)?)?,
                token: args.pkcs11_token.clone().ok_or_else(needed)?,
                key: args.pkcs11_key.clone().ok_or_else(needed)?,
                pin_file: args.pin_file.as_deref().map(absolute).transpose()?,
            });
            Ok(FirstKey::Held { place, agent_key: None })
        }
    }
}

/// The key of the file, which the agent need not hold yet as far as this goes; without a file, the only one that it holds.
fn agent_key(socket: Option<&std::path::PathBuf>, file: Option<&Path>) -> Result<[u8; 32], Failure> {
    if let Some(file) = file {
        let read =
            std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()));
        let key = agent::public_key_of_file(&read.map_err(Failure::unavailable)?);
        let words = "the file named with --agent-key is not an ssh-ed25519 public key";
        return key.ok_or_else(|| Failure::misuse(anyhow!(words)));
    }
    let held = agent_socket(socket).and_then(|socket| agent::keys(&socket)).map_err(InitError::from)?;
    match held[..] {
        [only] => Ok(only),
        _ => Err(Failure {
            error: anyhow!("the ssh-agent holds {} Ed25519 keys, wanted one", held.len()),
            hint: Some("name the one that is for this witness alone with --agent-key FILE.pub"),
            status: REFUSED,
        }),
    }
}
