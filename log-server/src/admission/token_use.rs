//! When which token was used, for the operator's eyes: a line for the first use and at most one a minute after it.
//!
//! ```text
//! INFO token used token=8f434346648f name=ci uses=118
//! ```

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::admission::token::{Grant, TokenId};
use crate::admission::token_file::MAX_TOKENS;

/// Between two lines about one token.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// Uses since the last line, for each token.
#[derive(Debug, Default)]
pub(crate) struct TokenUse {
    // Held for one look-up. Only tokens that are good get in, so a file full of them bounds it.
    uses: Mutex<HashMap<TokenId, Uses>>,
}

#[derive(Debug)]
struct Uses {
    count: u64,
    last_line: Instant,
}

impl TokenUse {
    /// Counts a use, and says so in the log if it is time.
    pub(crate) fn note(&self, grant: &Grant, now: Instant) {
        if let Some(uses) = self.due(grant, now) {
            tracing::info!(token = %grant.id(), name = %grant.label, uses, "token used");
        }
    }

    fn due(&self, grant: &Grant, now: Instant) -> Option<u64> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() > MAX_TOKENS {
            // Tokens that were revoked since; the others begin again.
            uses.clear();
        }
        let Some(seen) = uses.get_mut(&grant.id()) else {
            uses.insert(grant.id(), Uses { count: 0, last_line: now });
            return Some(1);
        };
        seen.count += 1;
        if now.saturating_duration_since(seen.last_line) < BETWEEN_LINES {
            return None;
        }
        seen.last_line = now;
        Some(std::mem::take(&mut seen.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::token::{Class, Token};

    #[test]
    fn a_busy_token_makes_one_line_a_minute() {
        let (label, life) = ("ci".parse().unwrap(), "1d".parse().unwrap());
        let names = vec!["**".parse().unwrap()];
        let grant = Grant::new(&Token::generate().unwrap(), label, 0, life, names, Class::Normal);
        let (uses, start) = (TokenUse::default(), Instant::now());
        assert_eq!(uses.due(&grant, start), Some(1));
        let seconds = |seconds| start + Duration::from_secs(seconds);
        assert!((1..60).all(|second| uses.due(&grant, seconds(second)).is_none()));
        assert_eq!(uses.due(&grant, seconds(60)), Some(60));
        assert_eq!(uses.due(&grant, seconds(119)), None);
        assert_eq!(uses.due(&grant, seconds(120)), Some(2));
    }
}
