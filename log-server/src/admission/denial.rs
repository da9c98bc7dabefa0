//! Why a log did not take what a submitter brought, for reasons of who brought it.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::admission::publishers::{PrivateNotAllowed, PublisherNotAllowed};
use crate::admission::rate::Rate;
use crate::admission::token::TokenId;

/// A submission that is not taken because of who makes it. Never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denial {
    /// More often than agreed.
    #[error("{who}: {}", rate.words())]
    OverRate {
        /// Whose bucket is empty.
        who: Limited,
        /// What is agreed.
        rate: Rate,
        /// How long until there is room again.
        wait: Duration,
    },
    /// The allow-list does not let this key add entries without a name.
    #[error(transparent)]
    Private(#[from] PrivateNotAllowed),
    /// The allow-list names other keys.
    #[error(transparent)]
    Publisher(#[from] PublisherNotAllowed),
    /// The rules could not be read, so nobody can be let in by them.
    #[error("the rules of this log cannot be read at the moment")]
    RulesUnreadable,
    /// The token is for other names.
    #[error("token {token} is not for {name}")]
    Scope {
        /// Its id.
        token: TokenId,
        /// The name in the entry, or what is said of one that shows none.
        name: String,
    },
    /// The token is too old.
    #[error("token {token} has expired")]
    TokenExpired {
        /// Its id.
        token: TokenId,
    },
    /// No token of this log, or not a token at all.
    #[error("the Authorization line holds no token of this log")]
    TokenInvalid,
    /// A token is wanted and there is none.
    #[error("entries are taken with a token: Authorization: Bearer ...")]
    TokenMissing,
    /// The log takes nothing.
    #[error("this log takes no entries")]
    WritesOff,
}

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limited {
    /// The client's IPv4 address or IPv6 /64.
    Address,
    /// The key that signed the entry, by its id in hex.
    Key(String),
    /// All clients of the log together.
    Log,
    /// The token, by its id.
    Token(TokenId),
}

impl Limited {
    /// For programs: `address`, `key`, `log` or `token`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Key(_) => "key",
            Self::Log => "log",
            Self::Token(_) => "token",
        }
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("entries from your address"),
            Self::Key(key) => write!(f, "entries signed by key {key}"),
            Self::Log => f.write_str("entries to this log"),
            Self::Token(token) => write!(f, "entries with token {token}"),
        }
    }
}
