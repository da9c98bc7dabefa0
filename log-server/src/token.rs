//! `tallymark-log token`: makes, lists and revokes the bearer tokens of a log.

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use log_server::admission::token::{Grant, Token};
use log_server::admission::token_file::{TokenFileError, Tokens, update};
use log_server::config::{Config, ConfigError};

use crate::args::{NewToken, RevokeToken, TokenCommand, TokenList};
use crate::{Failure, MISUSE, REFUSED, UNAVAILABLE, print};

/// Name of the token file in a log's directory.
pub(crate) const TOKENS: &str = "tokens";
const DAY: u64 = 24 * 3600;

pub(crate) fn run(command: &TokenCommand) -> Result<ExitCode, Failure> {
    match command {
        TokenCommand::New(args) => new(args),
        TokenCommand::List(args) => list(args),
        TokenCommand::Revoke(args) => revoke(args),
    }
}

fn new(args: &NewToken) -> Result<ExitCode, Failure> {
    require_log(&args.dir)?;
    let now = now();
    let token = Token::generate().map_err(Failure::unavailable)?;
    let grant = Grant::new(&token, args.name.clone(), now, args.expires, args.names.clone(), args.class);
    let (id, expires) = (grant.id(), grant.expires);
    update(&args.dir.join(TOKENS), |tokens| tokens.add(grant, now)).map_err(failure)?;
    if args.json {
        print(&serde_json::json!({
            "token": token.reveal(), "id": id.to_string(), "name": args.name.to_string(), "expires": expires,
        }))?;
    } else {
        // The token alone on standard output, so that it can go into a file without passing a screen.
        print(&token.reveal())?;
        eprintln!("token {id} for {}, good for {}; it is not shown again", args.name, lasts(expires, now));
        eprintln!("hint: put it into a file with mode 600, then: tallymark submit --token-file FILE ...");
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &TokenList) -> Result<ExitCode, Failure> {
    require_log(&args.dir)?;
    let (tokens, now) = (Tokens::read(&args.dir.join(TOKENS)).map_err(failure)?, now());
    if args.json {
        let row = |grant: &Grant| {
            let names: Vec<String> = grant.names.iter().map(ToString::to_string).collect();
            serde_json::json!({
                "id": grant.id().to_string(),
                "name": grant.label.to_string(),
                "created": grant.created,
                "expires": grant.expires,
                "expired": grant.is_expired(now),
                "names": names,
                "class": grant.class.to_string(),
            })
        };
        let rows: Vec<_> = tokens.grants().iter().map(row).collect();
        print(&serde_json::json!({ "tokens": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if tokens.grants().is_empty() {
        eprintln!("no tokens");
        eprintln!("hint: tallymark-log token new {} --name ci --expires 90d", args.dir.display());
    }
    for grant in tokens.grants() {
        let names: Vec<String> = grant.names.iter().map(ToString::to_string).collect();
        let (id, label, class, names) = (grant.id(), &grant.label, grant.class, names.join(" "));
        let rest = if grant.is_expired(now) { "expired".to_owned() } else { lasts(grant.expires, now) };
        print(&format_args!("{id}  {label:<16} {class:<6}  {rest:<9}  {names}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &RevokeToken) -> Result<ExitCode, Failure> {
    require_log(&args.dir)?;
    let revoked = update(&args.dir.join(TOKENS), |tokens| tokens.revoke(&args.id)).map_err(failure)?;
    print(&format_args!("revoked {} ({})", revoked.id(), revoked.label))?;
    eprintln!("a running server refuses it within two seconds");
    Ok(ExitCode::SUCCESS)
}

/// A mistyped directory must not get a token file that nobody reads.
fn require_log(dir: &Path) -> Result<(), Failure> {
    match Config::read(&dir.join("log.toml")) {
        Ok(_) => Ok(()),
        Err(error) => {
            let status = if matches!(error, ConfigError::Io { .. }) { UNAVAILABLE } else { REFUSED };
            Err(Failure { error: error.into(), hint: None, status })
        }
    }
}

fn failure(error: TokenFileError) -> Failure {
    let status = match &error {
        TokenFileError::Io { .. } => UNAVAILABLE,
        TokenFileError::LabelTaken { .. } | TokenFileError::Unknown { .. } => MISUSE,
        _ => REFUSED,
    };
    Failure { hint: error.hint(), status, error: error.into() }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `89 days`, `5 hours`: whole ones, so that nothing looks longer than it is.
fn lasts(expires: u64, now: u64) -> String {
    let left = expires.saturating_sub(now);
    match (left / DAY, left / 3600) {
        (0, 0) => format!("{} min", left / 60),
        (0, hours) => format!("{hours} h"),
        (days, _) => format!("{days} d"),
    }
}
