//! Arguments as they are written.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tlog::checkpoint::Origin;
use tlog::vkey::{KeyName, Vkey};
use witness::config::LineFormat;
use witness::log_list::Qpd;

/// Cosigns the checkpoints of logs that only grow, and remembers them before it answers.
///
/// Exit status: 0 done; 1 refused, or something is wrong; 2 wrong use; 5 something could not be read or written.
#[derive(Debug, Parser)]
#[command(name = "tallymark-witness", version, propagate_version = true, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a witness: keys, an empty record, an empty list of logs.
    #[command(
        after_help = "Example:\n  tallymark-witness init /var/lib/witness --name witness.example.org/w1\n\n\
        With an Ed25519 key that an ssh-agent or a PKCS#11 token holds, and uses for nothing else:\n  \
        tallymark-witness init /var/lib/witness --name witness.example.org/w1 \\\n    \
        --signer ssh-agent --signer-socket /run/witness/agent --agent-key ./w1.pub\n  \
        tallymark-witness init /var/lib/witness --name witness.example.org/w1 \\\n    \
        --signer pkcs11 --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token w1 --pkcs11-key w1"
    )]
    Init(Init),
    /// Let a log ask for cosignatures. A witness that runs sees it within seconds.
    #[command(after_help = "Example:\n  tallymark-witness add-log /var/lib/witness \\\n    \
        log.example.org/models+3d317012+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 --contact ops@log.example.org")]
    AddLog(AddLog),
    /// Serve logs and monitors.
    #[command(after_help = "Example:\n  tallymark-witness serve /var/lib/witness --listen 127.0.0.1:7380 \
        --listen-admin 127.0.0.1:7381")]
    Serve(Serve),
    /// Show what was cosigned, also while the witness runs.
    #[command(after_help = "Example:\n  tallymark-witness status /var/lib/witness --json")]
    Status(Status),
    /// Find out what is wrong, and the next command for it.
    #[command(after_help = "Example:\n  tallymark-witness doctor /var/lib/witness")]
    Doctor(Doctor),
    /// Print a completion script.
    #[command(after_help = "Example:\n  tallymark-witness completions bash > tallymark-witness.bash")]
    Completions(Completions),
    /// Write manual pages.
    #[command(after_help = "Example:\n  tallymark-witness man ./man")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Directory to make.
    pub(crate) dir: PathBuf,
    /// Name of the witness: a URL without a scheme. It is in every cosignature and never changes.
    #[arg(long)]
    pub(crate) name: KeyName,
    /// Keep the keys unencrypted: whoever reads the files can cosign.
    #[arg(long)]
    pub(crate) unencrypted_key: bool,
    /// File whose first line is the passphrase.
    #[arg(
        long,
        value_name = "FILE",
        env = "TALLYMARK_WITNESS_PASSPHRASE_FILE",
        conflicts_with = "unencrypted_key"
    )]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// No ML-DSA-44 key: Ed25519 cosignatures only, and no sign-subtree. Such a key is always a file: neither agents nor tokens have it.
    #[arg(long)]
    pub(crate) no_ml_dsa: bool,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the Ed25519 key of a new witness is. Flags and words are those of `tallymark-log init`.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Where the Ed25519 key is: a file in the directory, an ssh-agent, or a PKCS#11 token.
    #[arg(long, value_name = "KIND", value_enum, default_value_t = SignerKind::File)]
    pub(crate) signer: SignerKind,
    /// Socket of the ssh-agent [otherwise: $SSH_AUTH_SOCK, at every start].
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
    /// File whose first line is the token's PIN, read at every start [otherwise: $TALLYMARK_WITNESS_PIN].
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
}

#[derive(Debug, Args)]
pub(crate) struct AddLog {
    /// Directory of the witness.
    pub(crate) dir: PathBuf,
    /// The log's verifier key, name+id+key.
    pub(crate) vkey: Vkey,
    /// The log's origin, if it is not the name of its key.
    #[arg(long)]
    pub(crate) origin: Option<Origin>,
    /// How often it may grow: requests a day.
    #[arg(long, value_name = "N", default_value = "86400")]
    pub(crate) qpd: Qpd,
    /// Who keeps it.
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    pub(crate) contact: String,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Directory of the witness. Settings are in its witness.toml, below `[settings]`; flags and variables win over them.
    pub(crate) dir: PathBuf,
    /// Where to listen for logs and monitors [default: 127.0.0.1:7380].
    #[arg(long, value_name = "ADDRESS:PORT", env = "TALLYMARK_WITNESS_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to serve metrics; nowhere unless set.
    #[arg(long, value_name = "ADDRESS:PORT", env = "TALLYMARK_WITNESS_LISTEN_ADMIN")]
    pub(crate) listen_admin: Option<SocketAddr>,
    /// Path in front of everything, as /witness.
    #[arg(long, env = "TALLYMARK_WITNESS_PATH")]
    pub(crate) path: Option<String>,
    /// A list of logs that others keep (logs/v0), read again when it changes. May be given several times.
    #[arg(long, value_name = "FILE", env = "TALLYMARK_WITNESS_LOG_LIST", value_delimiter = ',')]
    pub(crate) log_list: Vec<PathBuf>,
    /// File whose first line is the passphrase of the keys.
    #[arg(long, value_name = "FILE", env = "TALLYMARK_WITNESS_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// How log lines look [default: text].
    #[arg(long, value_enum, env = "TALLYMARK_WITNESS_LOG_FORMAT")]
    pub(crate) log_format: Option<Lines>,
    /// Open connections [default: 512].
    #[arg(long, value_name = "N", env = "TALLYMARK_WITNESS_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<usize>,
    /// Open connections of one address [default: 32]. Behind a proxy, as many as the other.
    #[arg(long, value_name = "N", env = "TALLYMARK_WITNESS_MAX_CONNECTIONS_PER_ADDRESS")]
    pub(crate) max_connections_per_address: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Lines {
    Text,
    Json,
}

impl From<Lines> for LineFormat {
    fn from(lines: Lines) -> Self {
        match lines {
            Lines::Text => Self::Text,
            Lines::Json => Self::Json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Directory of the witness.
    pub(crate) dir: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Directory of the witness.
    pub(crate) dir: PathBuf,
    /// A list of logs that others keep.
    #[arg(long, value_name = "FILE", env = "TALLYMARK_WITNESS_LOG_LIST", value_delimiter = ',')]
    pub(crate) log_list: Vec<PathBuf>,
    /// File whose first line is the passphrase of the keys.
    #[arg(long, value_name = "FILE", env = "TALLYMARK_WITNESS_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Directory to write to.
    pub(crate) dir: PathBuf,
}
