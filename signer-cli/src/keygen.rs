//! `tallymark keygen`: a new key pair, and the words by which others come to trust it.

use attest::key::PrivateKey;
use attest::name_pattern::NamePattern;

use crate::args::{KeygenArgs, Manner};
use crate::key_file::{self, KeyFileError};
use crate::message::{Failure, note, print, warn};
use crate::passphrase::{Asking, passphrase_for};

/// Runs it.
pub(crate) fn run(args: &KeygenArgs, manner: Manner) -> Result<(), Failure> {
    let path = key_file::locate(args.key.key.as_deref())?;
    key_file::refuse_existing(&path)?;
    let malformed = |source| KeyFileError::Malformed { path: path.clone(), source };
    let key = PrivateKey::generate(args.algorithm.into()).map_err(malformed)?;
    let pem = if args.unencrypted {
        key.to_pem_plain()
    } else {
        let passphrase = passphrase_for(&path, args.key.passphrase_file.as_deref(), Asking::Twice)?;
        key.to_pem_encrypted(passphrase.as_bytes())
    };
    let pem = pem.map_err(malformed)?;
    if args.key.key.is_none() {
        key_file::make_parent(&path)?;
    }
    let public = key.public_key();
    key_file::write_pair(&path, &pem, &public)?;

    let snippet = snippet(&args.name, &public.to_base64());
    let data = if args.json {
        let value = serde_json::json!({
            "schema_version": 1,
            "algorithm": public.algorithm().to_string(),
            "key_id": public.key_id().to_string(),
            "public_key": public.to_base64(),
            "private_key_file": path.display().to_string(),
            "public_key_file": key_file::public_path(&path).display().to_string(),
            "encrypted": !args.unencrypted,
        });
        format!("{value}\n")
    } else {
        // A comment, so that the whole output can be appended to a trust file.
        format!("# {} key {}\n{snippet}", public.algorithm(), public.key_id())
    };
    print(&data)?;
    note(manner, &format!("wrote {} and {}", path.display(), key_file::public_path(&path).display()));
    if args.unencrypted {
        warn(manner, "the private key is not encrypted: whoever reads the file can sign as you");
    }
    note(manner, "next: put these lines into the tallymark.toml of those who shall believe you, and sign:");
    let key = args.key.key.as_ref().map(|path| format!(" --key {}", path.display())).unwrap_or_default();
    note(manner, &format!("  tallymark sign DIR --as NAME:VERSION --log URL{key}"));
    Ok(())
}

/// The lines of a trust file that let this key sign these names.
fn snippet(pattern: &NamePattern, key: &str) -> String {
    format!("[[publisher]]\nname = \"{pattern}\"\nkeys = [\"{key}\"]\n")
}
