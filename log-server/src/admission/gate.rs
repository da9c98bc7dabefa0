//! The gate of one log: what is asked of a request and of the entry in it, the cheap questions first.
//!
//! | | asked | before | answer if not |
//! |---|---|---|---|
//! | 1 | does the log take entries at all? | the body | 403 `writes-off` |
//! | 2 | is the client's address within its rate? | the body | 429 `rate-limited` |
//! | 3 | is the token, if one is shown or wanted, good? | the body | 401 `token-…` |
//! | 4 | are the token, and the log as a whole, within their rates? | the body | 429 `rate-limited` |
//! | 5 | is it an entry? | the signature | 400 `entry-malformed` |
//! | 6 | is the token for this name? | the signature | 403 `token-scope` |
//! | 7 | may the key sign this name, or without one? | the signature | 403 `publisher-not-allowed`, `private-not-allowed` |
//! | 8 | is the key within its rate? | the signature | 429 `rate-limited` |
//! | 9 | has the key signed it? | | 400 `entry-signature-invalid` |
//!
//! All that apply must hold. A token that is shown is looked at even where none is wanted: a client that believes to
//! be known should hear that it is not. The bucket of a key is only looked at before the signature and drawn from
//! after it, or strangers could use up a publisher's rate with entries it never signed. The bucket of the log is drawn
//! from after the token was found good, or strangers could use it up for those who have one.
//!
//! Clients on this machine, behind a unix socket or at a loopback address, have no bucket for their address: that
//! would be one bucket for a whole machine, or for everybody behind a proxy that nobody listed.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::admission::buckets::Buckets;
use crate::admission::denial::{Denial, Limited};
use crate::admission::rate::Rate;
use crate::admission::rules::{RuleBook, RuleFiles, Rules, RulesError};
use crate::admission::token::{Class, Grant, TokenId};
use crate::admission::token_use::TokenUse;
use crate::admission::writes::Writes;
use crate::admission::{Admission, Candidate, Refusal};
use crate::client::{AddressBlock, Client};
use crate::config::Mode;
use std::sync::Arc;

/// Sets of the table of addresses and of that of keys: 32,768 buckets in 512 KiB each.
const MANY_SETS: usize = 4096;
/// Sets of the table of tokens: as many buckets as there can be tokens, with room to spare.
const TOKEN_SETS: usize = 256;

/// How often; no limit where there is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests set one field over the unlimited")]
pub struct Rates {
    /// Entries from one IPv4 address or IPv6 /64, whatever becomes of them.
    pub address: Option<Rate>,
    /// Entries signed by one key.
    pub key: Option<Rate>,
    /// Entries to the log, whoever brings them.
    pub log: Option<Rate>,
    /// Entries with one token, whatever becomes of them.
    pub token: Option<Rate>,
}

impl Rates {
    /// No limits.
    pub const UNLIMITED: Self = Self { address: None, key: None, log: None, token: None };
}

/// Who may add to one log, how often, and what.
pub struct Gate {
    admission: Admission,
    writes: Writes,
    book: RuleBook,
    used: TokenUse,
    started: Instant,
    address: Option<Limit>,
    key: Option<Limit>,
    log: Option<Limit>,
    token: Option<Limit>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// A rate and the buckets that measure it.
struct Limit {
    rate: Rate,
    buckets: Buckets,
}

impl Limit {
    fn new(rate: Option<Rate>, sets: usize) -> Option<Self> {
        rate.map(|rate| Self { rate, buckets: Buckets::new(rate, sets) })
    }

    fn denial(&self, who: Limited) -> impl FnOnce(Duration) -> Denial {
        let rate = self.rate;
        move |wait| Denial::OverRate { who, rate, wait }
    }
}

/// What a request was let in with.
#[derive(Debug, Clone)]
pub struct Pass {
    rules: Arc<Rules>,
    grant: Option<Grant>,
}

impl Pass {
    /// Who goes first.
    #[must_use]
    pub fn class(&self) -> Class {
        self.grant.as_ref().map_or(Class::Normal, |grant| grant.class)
    }
}

/// What the `Authorization` line of a request says.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is a line or not, and it has a token or not")]
pub enum Shown<'a> {
    /// There is no line.
    Nothing,
    /// There are several, or one without `Bearer` and one word.
    Other,
    /// This may be a token.
    Token(&'a str),
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Other => "Other",
            Self::Token(_) => "Token(..)",
        })
    }
}

impl Gate {
    /// A gate with rules from files.
    ///
    /// # Errors
    /// [`RulesError`] if the files cannot be read.
    pub fn new(mode: Mode, writes: Writes, rates: Rates, files: RuleFiles) -> Result<Self, RulesError> {
        Ok(Self::with(mode, writes, rates, RuleBook::open(files)?))
    }

    /// A gate for anybody, as often as they like.
    #[must_use]
    pub fn open(mode: Mode) -> Self {
        Self::with(mode, Writes::Open, Rates::UNLIMITED, RuleBook::empty())
    }

    fn with(mode: Mode, writes: Writes, rates: Rates, book: RuleBook) -> Self {
        Self {
            admission: Admission::new(mode),
            writes,
            book,
            used: TokenUse::default(),
            started: Instant::now(),
            address: Limit::new(rates.address, MANY_SETS),
            key: Limit::new(rates.key, MANY_SETS),
            log: Limit::new(rates.log, 1),
            token: Limit::new(rates.token, TOKEN_SETS),
        }
    }

    /// Whose entries are taken.
    #[must_use]
    pub fn writes(&self) -> Writes {
        self.writes
    }

    /// The rules, to be looked at now and then.
    #[must_use]
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Questions 1 to 4: of a request whose body has not been read.
    ///
    /// # Errors
    /// [`Denial::WritesOff`], [`Denial::OverRate`], [`Denial::RulesUnreadable`], [`Denial::TokenMissing`],
    /// [`Denial::TokenInvalid`], [`Denial::TokenExpired`].
    pub fn enter(&self, client: Client, shown: Shown<'_>) -> Result<Pass, Denial> {
        let (now, unix) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH));
        // Before 1970 no clock is right, and a token must not live for ever by that.
        let unix = unix.map_or(u64::MAX, |since| since.as_secs());
        self.enter_at(client, shown, now, unix)
    }

    fn enter_at(
        &self,
        client: Client,
        shown: Shown<'_>,
        now: Instant,
        unix_seconds: u64,
    ) -> Result<Pass, Denial> {
        let since = now.saturating_duration_since(self.started);
        if self.writes == Writes::Off {
            return Err(Denial::WritesOff);
        }
        if let (Some(limit), Some(block)) = (&self.address, counted(client)) {
            limit.buckets.take(&block, since).map_err(limit.denial(Limited::Address))?;
        }
        let rules = self.book.current().ok_or(Denial::RulesUnreadable)?;
        let grant = match shown {
            Shown::Nothing if self.writes == Writes::Token => return Err(Denial::TokenMissing),
            Shown::Nothing => None,
            Shown::Other => return Err(Denial::TokenInvalid),
            Shown::Token(text) => {
                let grant = rules.tokens.find(text).ok_or(Denial::TokenInvalid)?;
                if grant.is_expired(unix_seconds) {
                    return Err(Denial::TokenExpired { token: grant.id() });
                }
                Some(grant.clone())
            }
        };
        if let Some(grant) = &grant {
            self.used.note(grant, now);
            if let Some(limit) = &self.token {
                let id: TokenId = grant.id();
                limit.buckets.take(&id, since).map_err(limit.denial(Limited::Token(id)))?;
            }
        }
        if let Some(limit) = &self.log {
            limit.buckets.take(&(), since).map_err(limit.denial(Limited::Log))?;
        }
        Ok(Pass { rules, grant })
    }

    /// Questions 5 to 9: takes a signed entry. Costs one signature verification, so it does not belong on a thread
    /// that serves sockets.
    ///
    /// # Errors
    /// As [`Admission::admit_signed`], and [`Refusal::Denied`].
    pub fn admit_signed(&self, pass: &Pass, bytes: Vec<u8>) -> Result<Candidate, Refusal> {
        self.admit_signed_at(pass, bytes, Instant::now())
    }

    fn admit_signed_at(&self, pass: &Pass, bytes: Vec<u8>, now: Instant) -> Result<Candidate, Refusal> {
        let since = now.saturating_duration_since(self.started);
        let mut signer = None;
        let candidate = self.admission.admit_signed_if(bytes, |payload| {
            let (name, key) = (payload.name(), payload.key().key_id());
            let is_for = |grant: &Grant| name.map_or_else(|| grant.covers_all(), |name| grant.covers(name));
            if let Some(grant) = pass.grant.as_ref().filter(|grant| !is_for(grant)) {
                let name = name.map_or_else(|| "a name that is not shown".to_owned(), ToString::to_string);
                return Err(Denial::Scope { token: grant.id(), name });
            }
            match (&pass.rules.publishers, name) {
                (Some(publishers), Some(name)) => publishers.judge(name, &key)?,
                (Some(publishers), None) => publishers.judge_private(&key)?,
                (None, _) => {}
            }
            if let Some(limit) = &self.key {
                let over = limit.denial(Limited::Key(key.to_string()));
                limit.buckets.look(key.as_bytes(), since).map_err(over)?;
            }
            signer = Some(key);
            Ok(())
        })?;
        if let (Some(limit), Some(key)) = (&self.key, signer) {
            let over = limit.denial(Limited::Key(key.to_string()));
            limit.buckets.take(key.as_bytes(), since).map_err(|wait| Refusal::Denied(over(wait)))?;
        }
        Ok(candidate)
    }

    /// Takes any bytes, on a log made for conformance tests.
    ///
    /// # Errors
    /// As [`Admission::admit_raw`].
    pub fn admit_raw(&self, bytes: Vec<u8>) -> Result<Candidate, Refusal> {
        self.admission.admit_raw(bytes)
    }
}

/// The address that is counted, if any.
fn counted(client: Client) -> Option<AddressBlock> {
    match client {
        Client::Address(address) if address.to_canonical().is_loopback() => None,
        _ => client.block(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::token::Token;
    use crate::admission::token_file::update;
    use attest::key::{Algorithm, PrivateKey};
    use std::path::Path;

    const FAR: u64 = 1_800_000_000;

    fn at(text: &str) -> Client {
        Client::Address(text.parse().unwrap())
    }

    fn rate(text: &str) -> Option<Rate> {
        Some(text.parse().unwrap())
    }

    fn gate(writes: Writes, rates: Rates) -> Gate {
        Gate::with(Mode::Service, writes, rates, RuleBook::empty())
    }

    /// A gate with one token of this class for these names, good until [`FAR`] plus a day.
    fn gate_with_token(dir: &Path, writes: Writes, rates: Rates, names: &str, class: Class) -> (Gate, Token) {
        let (path, token) = (dir.join("tokens"), Token::generate().unwrap());
        let (label, life) = ("ci".parse().unwrap(), "1d".parse().unwrap());
        let grant = Grant::new(&token, label, FAR, life, vec![names.parse().unwrap()], class);
        update(&path, |tokens| tokens.add(grant, FAR)).unwrap();
        (Gate::new(Mode::Service, writes, rates, RuleFiles::new(Some(path), None)).unwrap(), token)
    }

    fn enter(gate: &Gate, client: Client, shown: Shown<'_>) -> Result<Pass, Denial> {
        gate.enter_at(client, shown, gate.started, FAR)
    }

    struct Publisher(PrivateKey);

    impl Publisher {
        fn new() -> Self {
            Self(PrivateKey::generate(Algorithm::Ed25519).unwrap())
        }

        fn entry(&self, name: &str, number: u64) -> Vec<u8> {
            use attest::tree::{FileLeaf, Tree};
            let digest = attest::digest::Sha256Digest::of(&number.to_be_bytes());
            let tree = Tree::new(vec![FileLeaf::new("m.safetensors".parse().unwrap(), 8, digest)]).unwrap();
            let provenance =
                attest::provenance::Provenance::new(None, Vec::new(), "0.1.0".parse().unwrap()).unwrap();
            let bytes = provenance.to_statement_bytes(&name.parse().unwrap(), &"1".parse().unwrap(), &tree);
            let statement = attest::statement::Statement::parse(&bytes).unwrap();
            let payload = attest::entry::EntryPayload::from_statement(&statement, &self.0.public_key());
            attest::entry::Entry::sign(payload, &self.0).unwrap().as_bytes().to_vec()
        }
    }

    #[test]
    fn writes_that_are_off_are_off_for_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let (gate, token) = gate_with_token(dir.path(), Writes::Off, Rates::UNLIMITED, "**", Class::Normal);
        for shown in [Shown::Nothing, Shown::Token(token.reveal())] {
            assert_eq!(enter(&gate, Client::Local, shown).unwrap_err(), Denial::WritesOff);
        }
    }

    #[test]
    fn a_token_is_wanted_known_and_in_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let (gate, token) = gate_with_token(dir.path(), Writes::Token, Rates::UNLIMITED, "**", Class::Bulk);
        let own = Shown::Token(token.reveal());
        assert_eq!(enter(&gate, at("192.0.2.1"), own).unwrap().class(), Class::Bulk);
        assert_eq!(enter(&gate, Client::Local, Shown::Nothing).unwrap_err(), Denial::TokenMissing);
        let other = Token::generate().unwrap();
        for wrong in [Shown::Other, Shown::Token(""), Shown::Token(other.reveal())] {
            assert_eq!(enter(&gate, Client::Local, wrong).unwrap_err(), Denial::TokenInvalid);
        }
        let late = gate.enter_at(Client::Local, own, gate.started, FAR + 86_400).unwrap_err();
        assert_eq!(late, Denial::TokenExpired { token: token.digest().id() });
    }

    #[test]
    fn a_wrong_token_is_refused_where_none_is_wanted() {
        let gate = gate(Writes::Open, Rates::UNLIMITED);
        enter(&gate, Client::Local, Shown::Nothing).unwrap();
        assert_eq!(enter(&gate, Client::Local, Shown::Token("x")).unwrap_err(), Denial::TokenInvalid);
    }

    #[test]
    fn each_address_has_a_bucket_and_this_machine_has_none() {
        let rates = Rates { address: rate("1/s:2"), ..Rates::UNLIMITED };
        let gate = gate(Writes::Open, rates);
        let passed = |client| (0..10).filter(|_| enter(&gate, client, Shown::Nothing).is_ok()).count();
        assert_eq!(passed(at("192.0.2.1")), 2);
        assert_eq!(passed(at("192.0.2.2")), 2);
        assert_eq!(passed(at("2001:db8::1")), 2);
        assert_eq!(passed(at("2001:db8::2")), 0, "the same /64");
        assert_eq!(passed(at("2001:db8:0:1::1")), 2);
        for local in [at("127.0.0.1"), at("::1"), at("::ffff:127.0.0.1"), Client::Local] {
            assert_eq!(passed(local), 10);
        }
    }

    #[test]
    fn strangers_do_not_use_up_the_rate_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let rates = Rates { log: rate("1/s"), token: rate("1/s:3"), ..Rates::UNLIMITED };
        let (gate, token) = gate_with_token(dir.path(), Writes::Token, rates, "**", Class::Normal);
        for _ in 0..100 {
            enter(&gate, Client::Local, Shown::Token("wrong")).unwrap_err();
        }
        let own = Shown::Token(token.reveal());
        enter(&gate, Client::Local, own).unwrap();
        let second = enter(&gate, Client::Local, own).unwrap_err();
        assert!(matches!(second, Denial::OverRate { who: Limited::Log, .. }), "{second:?}");
        enter(&gate, Client::Local, own).unwrap_err();
        let fourth = enter(&gate, Client::Local, own).unwrap_err();
        assert!(matches!(fourth, Denial::OverRate { who: Limited::Token(_), .. }), "{fourth:?}");
    }

    #[test]
    fn a_token_is_for_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let (gate, token) =
            gate_with_token(dir.path(), Writes::Open, Rates::UNLIMITED, "acme/*", Class::Normal);
        let pass = enter(&gate, Client::Local, Shown::Token(token.reveal())).unwrap();
        let publisher = Publisher::new();
        gate.admit_signed(&pass, publisher.entry("acme/churn", 1)).unwrap();
        let refused = gate.admit_signed(&pass, publisher.entry("zeta/churn", 1)).unwrap_err();
        let Refusal::Denied(denial) = refused else { panic!("{refused:?}") };
        assert_eq!(denial, Denial::Scope { token: token.digest().id(), name: "zeta/churn".to_owned() });
        assert!(!denial.to_string().contains(token.reveal()));
    }

    #[test]
    fn a_key_of_another_prefix_is_refused_before_its_signature_is_verified() {
        let (dir, acme, other) = (tempfile::tempdir().unwrap(), Publisher::new(), Publisher::new());
        let path = dir.path().join("publishers.toml");
        let key = acme.0.public_key().to_base64();
        let text =
            format!("version = 1\nothers = \"any\"\n[[publisher]]\nname = \"acme/*\"\nkeys = [\"{key}\"]\n");
        std::fs::write(&path, text).unwrap();
        let files = RuleFiles::new(None, Some(path));
        let gate = Gate::new(Mode::Service, Writes::Open, Rates::UNLIMITED, files).unwrap();
        let pass = enter(&gate, Client::Local, Shown::Nothing).unwrap();
        gate.admit_signed(&pass, acme.entry("acme/churn", 1)).unwrap();
        gate.admit_signed(&pass, other.entry("zeta/churn", 1)).unwrap();
        let mut stolen = other.entry("acme/churn", 1);
        *stolen.last_mut().unwrap() ^= 1;
        let refused = gate.admit_signed(&pass, stolen).unwrap_err();
        let Refusal::Denied(Denial::Publisher(denial)) = refused else { panic!("{refused:?}") };
        assert_eq!(denial.pattern.as_deref(), Some("acme/*"));
    }

    #[test]
    fn entries_a_key_did_not_sign_do_not_use_up_its_rate() {
        let rates = Rates { key: rate("1/s"), ..Rates::UNLIMITED };
        let (gate, publisher) = (gate(Writes::Open, rates), Publisher::new());
        let pass = enter(&gate, Client::Local, Shown::Nothing).unwrap();
        let admit = |bytes| gate.admit_signed_at(&pass, bytes, gate.started);
        let mut forged = publisher.entry("acme/churn", 1);
        *forged.last_mut().unwrap() ^= 1;
        for _ in 0..10 {
            assert!(matches!(admit(forged.clone()), Err(Refusal::SignatureInvalid { .. })));
        }
        admit(publisher.entry("acme/churn", 1)).unwrap();
        let refused = admit(publisher.entry("acme/churn", 2)).unwrap_err();
        let Refusal::Denied(Denial::OverRate { who: Limited::Key(key), wait, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((key, wait), (publisher.0.public_key().key_id().to_string(), Duration::from_secs(1)));
        assert!(matches!(admit(forged), Err(Refusal::Denied(_))), "and then no signature is verified");
        admit(Publisher::new().entry("acme/churn", 3)).unwrap();
    }
}
