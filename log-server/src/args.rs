//! The command line of `tallymark-log`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use log_server::admission::token::{Class, Label, Life, NamePattern, TokenId};
use log_server::settings::{Keys, LogKeys};
use tlog::checkpoint::Origin;
use tlog::vkey::Vkey;

const AFTER_HELP: &str = "\
Exit status:
  0  done
  1  damage was found, or the log refuses to start
  2  wrong use
  5  something could not be read or written

Example:
  tallymark-log init ./log --origin log.example.org/2026
  tallymark-log serve ./log --listen 127.0.0.1:8080
  tallymark-log fsck ./log
  tallymark-log export ./log --to ./tiles";

/// A transparency log for signed statements about AI models.
#[derive(Debug, Parser)]
#[command(name = "tallymark-log", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new log: a key, an empty tree, a ledger.
    #[command(after_help = "\
Example:
  tallymark-log init ./log --origin log.example.org/2026
  tallymark-log init ./test-log --origin log.test/1 --unencrypted-key --json")]
    Init(Init),
    /// Serve one or several logs over HTTP until SIGTERM or SIGINT.
    #[command(after_help = "\
Every setting is a key of the configuration file, a flag and a variable; a flag wins over a variable, a variable over
the file. `tallymark-log sample-config` prints a file with every key and what it does.

Prints `listening on http://ADDR` on standard output once it takes requests, and log lines on standard error
(RUST_LOG sets how many). A second signal ends the process at once, which is safe.

Example:
  tallymark-log serve ./log --listen 127.0.0.1:8080 --passphrase-file ./passphrase
  tallymark-log serve --config /etc/tallymark-log.toml")]
    Serve(Box<Serve>),
    /// Look at everything a server needs, and say what is wrong with it.
    #[command(after_help = "\
Takes what `serve` takes, changes nothing, and works beside a running server. Exit status 1 if a server would not start or
should not, 5 if something could not be looked at.

Example:
  tallymark-log doctor ./log --passphrase-file ./passphrase
  tallymark-log doctor --config /etc/tallymark-log.toml --json")]
    Doctor(Box<Doctor>),
    /// Print a configuration file with every key, its default, and what it does.
    #[command(after_help = "\
Example:
  tallymark-log sample-config > tallymark-log.toml")]
    SampleConfig,
    /// Make the directory of a signing process: a key and its own ledger, for `sign-heads`.
    #[command(after_help = "\
Example:
  tallymark-log init-signer ./signer --origin log.example.org/2026
  tallymark-log sign-heads ./signer --socket ./signer/socket
  tallymark-log init ./log --origin log.example.org/2026 --signer process --signer-socket ./signer/socket")]
    InitSigner(InitSigner),
    /// Sign a log's heads for it, in a process of its own, until SIGTERM or SIGINT.
    #[command(after_help = "\
Keeps the key and a ledger of its own. Signs heads that are proven to extend the last one, never other bytes, for whoever can
open the socket (mode 0600). Prints `signing for ORIGIN at SOCKET` once it does.

Example:
  tallymark-log sign-heads ./signer --socket ./signer/socket --passphrase-file ./passphrase")]
    SignHeads(SignHeads),
    /// Make, list and revoke the tokens with which entries may be submitted.
    #[command(
        subcommand,
        after_help = "\
Example:
  tallymark-log token new ./log --name ci --expires 90d
  tallymark-log token list ./log"
    )]
    Token(TokenCommand),
    /// Recompute a whole log from its entries and compare: a directory at rest, or any tlog-tiles log at a URL.
    #[command(after_help = "\
Reads every entry; changes nothing. Exit status 1 and a line for each finding if anything is damaged. With --url
every tile is read too, and the newest checkpoint must be signed by the key given; the log may be anybody's.

Example:
  tallymark-log fsck ./log --json
  tallymark-log fsck --url https://log.example.org/2026 --vkey \"$(cat log.vkey)\" --entries
  tallymark-log fsck --url file:///srv/export --vkey \"$(cat log.vkey)\"")]
    Fsck(Fsck),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Example:
  tallymark-log completions bash > /etc/bash_completion.d/tallymark-log")]
    Completions(Completions),
    /// Write manual pages, one for the program and one for each command.
    #[command(after_help = "\
Example:
  tallymark-log man /usr/local/share/man/man1")]
    Man(Man),
    /// Make a new directory for a log from its tiles: to move it from another machine, engine or implementation.
    #[command(after_help = "\
Origin and key stay what they are. Every entry is checked as if it were submitted, everything else is computed from the
entries, and the root must be the signed one. The new log signs nothing until `thaw`, because the old one may still sign;
freeze or stop that first, and put its key.pem into the new directory.

Example:
  tallymark-log import --url https://log.example.org/2026 --vkey \"$(cat log.vkey)\" --to ./log
  tallymark-log import --url file:///srv/tiles --vkey \"$(cat log.vkey)\" --to ./log
  tallymark-log thaw ./log --checkpoint https://log.example.org/2026/checkpoint")]
    Import(Import),
    /// Copy a whole log, at rest or while it serves.
    #[command(after_help = "\
The copy is checked before it gets its name: the log in it is opened, its tail proven, every file hashed. The private
key stays out unless asked for. A backup can be behind by the time it is needed; see `restore`.

Example:
  tallymark-log backup ./log --to /backup/log-monday")]
    Backup(Backup),
    /// Put a backup into a new directory, where it is read and signs nothing until `thaw`.
    #[command(after_help = "\
Example:
  tallymark-log restore /backup/log-monday --to ./log
  tallymark-log thaw ./log --ledger /mnt/old-disk/log/ledger")]
    Restore(Restore),
    /// Take no more entries, for ever; reading goes on. Works at rest and while the log serves.
    #[command(after_help = "\
Example:
  tallymark-log freeze ./log --why \"2026 is over\"")]
    Freeze(Freeze),
    /// Let a log sign again that was restored, frozen, or found damaged.
    #[command(after_help = "\
A restored log needs the newest ledger or the newest checkpoint that anybody has, and must hold all that it stands for; a
damaged one is searched from end to end first; a frozen one wants --unfreeze. A log that signs again from an older copy
signs a second history, which nothing can undo.

Example:
  tallymark-log thaw ./log --ledger /mnt/old-disk/log/ledger
  tallymark-log thaw ./log --checkpoint https://mirror.example.org/2026/checkpoint
  tallymark-log thaw ./log --unfreeze")]
    Thaw(Thaw),
    /// Write a log as files in the POSIX tile layout that other tools read.
    #[command(after_help = "\
Takes a directory at rest, or with --url any running tlog-tiles log. Files that are there already must be equal; the
checkpoint is written last. Run it again to add what the log has grown by.

Example:
  tallymark-log export ./log --to ./tiles
  tallymark-log export --url https://log.example.org/2026 --vkey \"$(cat log.vkey)\" --to ./tiles")]
    Export(Export),
    /// Add the entries of a file to a log that is not in service.
    #[command(after_help = "\
The file is a row of entry bundles: 16-bit big-endian length and entry, again and again. Each entry is admitted as if it
had been submitted.

Example:
  cat tiles/tile/entries/000 > entries.bin
  tallymark-log append ./log entries.bin")]
    Append(Append),
    /// Make an ML-DSA-44 key for a log that is not in service: from then on it signs each checkpoint with it too.
    #[command(after_help = "\
The line stands below the one with Ed25519, which stays what the log is known by. Readers that do not know the key pass it over;
those that do have it in their policy as a witness of the log's own name.

Example:
  tallymark-log init-ml-dsa /var/lib/tallymark-log/2026")]
    InitMlDsa(InitMlDsa),
}

#[derive(Debug, Args)]
pub(crate) struct InitMlDsa {
    /// Directory of the log.
    pub(crate) dir: PathBuf,
    /// Keep the private key unencrypted: whoever reads the file can sign as the log.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) unencrypted_key: bool,
    /// File whose first line is the passphrase: that of the other key, if it is encrypted [otherwise:
    /// $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Append {
    /// Directory of the log.
    pub(crate) dir: PathBuf,
    /// File with the entries.
    pub(crate) file: PathBuf,
    /// Take any bytes, as POST /add does on a log made for conformance tests.
    #[arg(long)]
    pub(crate) raw: bool,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Directory to make; may exist if it is empty.
    pub(crate) dir: PathBuf,
    /// The log's unique name: a URL without scheme. It can never change.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Origin,
    /// Take raw entries through POST /add too, for test tools of other logs. It can never change.
    #[arg(long)]
    pub(crate) conformance: bool,
    /// Keep the private key unencrypted: whoever reads the file can sign as the log.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) unencrypted_key: bool,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Directory for the pages; made if it is missing.
    pub(crate) dir: PathBuf,
}

/// Where the key of a new log is.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Where the key is: a file in the directory, an ssh-agent, a PKCS#11 token, or a process (`sign-heads`).
    #[arg(long, value_name = "KIND", value_enum, default_value_t = SignerKind::File)]
    pub(crate) signer: SignerKind,
    /// Socket of the signing process, or of the ssh-agent [for the agent otherwise: $SSH_AUTH_SOCK].
    #[arg(long, value_name = "PATH")]
    pub(crate) signer_socket: Option<PathBuf>,
    /// Public key file (`ssh-ed25519 AAAA…`) of the agent's key, if it holds more than one.
    #[arg(long, value_name = "FILE")]
    pub(crate) agent_key: Option<PathBuf>,
    /// PKCS#11 module, a shared library.
    #[arg(long, value_name = "FILE", required_if_eq("signer", "pkcs11"))]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// Label of the PKCS#11 token.
    #[arg(long, value_name = "LABEL", required_if_eq("signer", "pkcs11"))]
    pub(crate) pkcs11_token: Option<String>,
    /// Label of the key pair in the token.
    #[arg(long, value_name = "LABEL", required_if_eq("signer", "pkcs11"))]
    pub(crate) pkcs11_key: Option<String>,
    /// File whose first line is the token's PIN, read at every start [otherwise: $TALLYMARK_LOG_PIN].
    #[arg(long, value_name = "FILE")]
    pub(crate) pin_file: Option<PathBuf>,
}

/// The kinds of place for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignerKind {
    /// DIR/key.pem
    File,
    /// ssh-agent
    SshAgent,
    /// PKCS#11 token
    Pkcs11,
    /// tallymark-log sign-heads
    Process,
}

#[derive(Debug, Args)]
pub(crate) struct InitSigner {
    /// Directory to make; may exist if it is empty.
    pub(crate) dir: PathBuf,
    /// Name of the log whose heads will be signed.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Origin,
    /// Keep the private key unencrypted: whoever reads the file can sign as the log.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) unencrypted_key: bool,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignHeads {
    /// Directory that `init-signer` made.
    pub(crate) dir: PathBuf,
    /// Unix socket to make.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Configuration file, for all that is not said by flag or variable.
    #[arg(long, env = "TALLYMARK_LOG_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: LogKeys,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, this once. Two of a name may be good at the same time, so that one can follow another.
    #[command(after_help = "\
The log keeps only its SHA-256, in DIR/tokens. A running server takes the token a second later.

Example:
  umask 077; tallymark-log token new ./log --name ci --expires 90d > ci.token
  tallymark-log token new ./log --name backfill --expires 7d --names 'acme/**' --class bulk")]
    New(NewToken),
    /// List tokens: id, name, class, time left, model names. Never the tokens themselves.
    #[command(after_help = "\
Example:
  tallymark-log token list ./log --json")]
    List(TokenList),
    /// Take a token out. A running server refuses it within two seconds.
    #[command(after_help = "\
Example:
  tallymark-log token revoke ./log 8f434346648f")]
    Revoke(RevokeToken),
}

#[derive(Debug, Args)]
pub(crate) struct NewToken {
    /// Directory of the log.
    #[arg(env = "TALLYMARK_LOG_DIR")]
    pub(crate) dir: PathBuf,
    /// Who it is for, such as ci: a-z 0-9 . _ -. Shown in listings and log lines.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Label,
    /// How long it is good: a number and d, h or m, at most 396d.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Life,
    /// Model names it may be used for, as patterns: acme/churn, acme/*, acme/**. May be given several times.
    #[arg(long, value_name = "PATTERN", default_value = "**")]
    pub(crate) names: Vec<NamePattern>,
    /// normal, or bulk for backfills: at most half of the queue, so the first to be told to wait.
    #[arg(long, value_name = "CLASS", default_value = "normal")]
    pub(crate) class: Class,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenList {
    /// Directory of the log.
    #[arg(env = "TALLYMARK_LOG_DIR")]
    pub(crate) dir: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeToken {
    /// Directory of the log.
    #[arg(env = "TALLYMARK_LOG_DIR")]
    pub(crate) dir: PathBuf,
    /// The token's id, from `token list`.
    pub(crate) id: TokenId,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// Directory of the log. The log must not be running.
    #[arg(required_unless_present = "url")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// With --url: check that each entry is a signed entry of ours, and its signature.
    #[arg(long, requires = "url")]
    pub(crate) entries: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A log that is read from outside.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Prefix under which the log has `checkpoint` and `tile/`: http://, https:// or file://.
    #[arg(long, value_name = "URL", conflicts_with = "dir", requires = "vkey")]
    pub(crate) url: Option<String>,
    /// The log's key, from where you trust it.
    #[arg(long, value_name = "VKEY", requires = "url")]
    pub(crate) vkey: Option<Vkey>,
    /// The log's origin, if its key is not called like it.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) origin: Option<Origin>,
    /// Files read at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) threads: u8,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Prefix under which the log has `checkpoint` and `tile/`: http://, https:// or file://.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// The log's key, from where you trust it.
    #[arg(long, value_name = "VKEY")]
    pub(crate) vkey: Vkey,
    /// Directory to make; may exist if it is empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// The log takes any bytes, and goes on to; else every entry must be a signed one.
    #[arg(long)]
    pub(crate) conformance: bool,
    /// Files read at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) threads: u8,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Directory of the log.
    pub(crate) dir: PathBuf,
    /// Directory to make; must not exist.
    #[arg(long, value_name = "BACKUP")]
    pub(crate) to: PathBuf,
    /// Copy key.pem too, and key-ml-dsa.pem: whoever gets the backup gets the keys as they are kept there.
    #[arg(long)]
    pub(crate) with_key: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup.
    pub(crate) backup: PathBuf,
    /// Directory to make; may exist if it is empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Freeze {
    /// Directory of the log.
    pub(crate) dir: PathBuf,
    /// A sentence for whoever asks later.
    #[arg(long, value_name = "TEXT", default_value = "by the operator")]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
pub(crate) struct Thaw {
    /// Directory of the log. The log must not be running.
    pub(crate) dir: PathBuf,
    /// The newest ledger there is, from the machine that signed last.
    #[arg(long, value_name = "FILE", group = "evidence")]
    pub(crate) ledger: Option<PathBuf>,
    /// The newest signed checkpoint that anybody has: a file, or http://, https:// or file://.
    #[arg(long, value_name = "FILE|URL", group = "evidence")]
    pub(crate) checkpoint: Option<String>,
    /// Answer for it yourself that no newer copy was ever signed for.
    #[arg(long, group = "evidence")]
    pub(crate) i_have_the_newest: bool,
    /// Let a frozen log take entries again.
    #[arg(long, group = "evidence")]
    pub(crate) unfreeze: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Directory of the log. The log must not be running.
    #[arg(required_unless_present = "url")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Directory to write to; made if it does not exist.
    #[arg(long, value_name = "OUT")]
    pub(crate) to: PathBuf,
    /// File whose first line is the passphrase [otherwise: $TALLYMARK_LOG_PASSPHRASE, then the terminal].
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory as _;
    use log_server::settings::{Keys, SAMPLE};

    use super::*;

    /// Every key in the sample, as `table.key`; one that stands commented out (`#key = value`) too.
    fn documented() -> Vec<String> {
        let (mut table, mut keys) = ("", Vec::new());
        for line in SAMPLE.lines() {
            if line.starts_with('[') {
                table = line.trim_matches(['[', ']']);
            } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ")
                && !key.contains(' ')
            {
                keys.push(format!("{table}.{key}"));
            }
        }
        keys
    }

    /// Every flag of `serve` with its variable.
    fn flags() -> BTreeMap<String, String> {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let named = serve.get_arguments().filter(|arg| !["config", "help"].contains(&arg.get_id().as_str()));
        named
            .map(|arg| {
                let env = arg.get_env().unwrap_or_else(|| panic!("{} has no variable", arg.get_id()));
                let flag = arg.get_long().unwrap_or("dir");
                (flag.to_owned(), env.to_str().unwrap().to_owned())
            })
            .collect()
    }

    #[test]
    fn every_key_has_a_flag_and_a_variable_and_stands_in_the_sample() {
        let mut expected = BTreeMap::new();
        for key in documented() {
            let (table, key) = key.split_once('.').unwrap();
            let key = key.replace('_', "-");
            // The keys of a bound and of the only log are plain enough without their table.
            let flag = if ["limits", "log"].contains(&table) { key } else { format!("{table}-{key}") };
            let env = format!("TALLYMARK_LOG_{}", flag.replace('-', "_").to_uppercase());
            assert!(expected.insert(flag, env).is_none());
        }
        assert_eq!(flags(), expected);
    }

    #[test]
    fn every_line_of_the_sample_that_is_commented_out_is_a_key_too() {
        let all: String = SAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sample.toml");
        std::fs::write(&path, &all).unwrap();
        Keys::read(&path).unwrap().settings().unwrap();
    }
}
