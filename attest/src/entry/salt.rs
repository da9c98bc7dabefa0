use core::fmt;
use core::str::FromStr;

use crate::digest::{DigestError, Sha256, Sha256Digest};
use crate::form::Form;
use crate::model_name::{ModelName, VersionLabel};
use crate::role::Role;

use super::cbor::encoded;

/// What the hash begins with; no other hash of ours does.
const DOMAIN: &[u8] = b"private-entry/v1\n";

/// 32 random bytes that keep what private entries say of one model from being guessed.
///
/// Who has them can tell which entries are about a digest or a name that he knows already. So they travel in the bundle, whose
/// reader has the model, and are in no log and no statement. All private entries about one model share them: that is how one
/// statement about it leads to the others.
///
/// ```text
/// commitment = SHA-256( "private-entry/v1\n" || salt, 32 bytes || member )
/// member     = key and value of the payload map of version 1, in CBOR; of an array its key and one element
/// ```
///
/// The member says as what the value stands there, so a digest that is a subject here and an input there is not seen to be the
/// same. Domain and salt have fixed lengths and CBOR ends by itself: no two members are hashed as the same bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ModelSalt([u8; Self::LEN]);

impl ModelSalt {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes new ones from the operating system.
    ///
    /// # Errors
    /// [`SaltError::NoRandomness`].
    #[cfg(feature = "keys")]
    pub fn generate() -> Result<Self, SaltError> {
        let mut bytes = [0; Self::LEN];
        getrandom::fill(&mut bytes).map_err(|_| SaltError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that are known to be random.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// As 64 lower-case hex digits: how it stands in a bundle.
    #[must_use]
    pub fn to_hex(&self) -> String {
        Sha256Digest::from_bytes(self.0).to_string()
    }

    /// What stands for a statement digest.
    #[must_use]
    pub fn statement(&self, digest: Sha256Digest) -> Sha256Digest {
        self.commit(&encoded(|encoder| {
            encoder.u8(3)?.bytes(digest.as_bytes())?;
            Ok(())
        }))
    }

    /// What stands for a digest that the statement is about.
    #[must_use]
    pub fn subject(&self, form: Form, digest: &[u8]) -> Sha256Digest {
        self.commit(&encoded(|encoder| {
            encoder.u8(4)?.array(2)?.u64(form.code())?.bytes(digest)?;
            Ok(())
        }))
    }

    /// What stands for a digest that the subject was made from.
    #[must_use]
    pub fn input(&self, role: Role, form: Form, digest: &[u8]) -> Sha256Digest {
        self.commit(&encoded(|encoder| {
            encoder.u8(5)?.array(3)?.u64(role.code())?.u64(form.code())?.bytes(digest)?;
            Ok(())
        }))
    }

    /// What stands for a name.
    #[must_use]
    pub fn name(&self, name: &ModelName) -> Sha256Digest {
        self.commit(&encoded(|encoder| {
            encoder.u8(6)?.str(name.as_str())?;
            Ok(())
        }))
    }

    /// What stands for a version label.
    #[must_use]
    pub fn version(&self, version: &VersionLabel) -> Sha256Digest {
        self.commit(&encoded(|encoder| {
            encoder.u8(7)?.str(version.as_str())?;
            Ok(())
        }))
    }

    /// Everything that may stand for a digest of which it is not known whether it is a statement's or a subject's, and of what
    /// form: for whoever looks for it in a log.
    #[must_use]
    pub fn about(&self, digest: &[u8]) -> Vec<Sha256Digest> {
        let forms = Form::ALL.into_iter().filter(|form| form.allows_len(digest.len()));
        let subjects = forms.map(|form| self.subject(form, digest));
        Sha256Digest::from_slice(digest)
            .map(|whole| self.statement(whole))
            .into_iter()
            .chain(subjects)
            .collect()
    }

    /// Everything that may stand for an input of which neither role nor form is known.
    #[must_use]
    pub fn made_from(&self, digest: &[u8]) -> Vec<Sha256Digest> {
        let forms = Form::ALL.into_iter().filter(|form| form.allows_len(digest.len()));
        forms.flat_map(|form| Role::ALL.map(|role| self.input(role, form, digest))).collect()
    }

    fn commit(&self, member: &[u8]) -> Sha256Digest {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(&self.0);
        hasher.update(member);
        hasher.finish()
    }
}

impl FromStr for ModelSalt {
    type Err = SaltError;

    fn from_str(text: &str) -> Result<Self, SaltError> {
        let bytes: Sha256Digest = text.parse().map_err(|source| SaltError::Syntax { source })?;
        Ok(Self(bytes.to_bytes()))
    }
}

/// Without the bytes: a salt does not get into a log by way of a debug line.
impl fmt::Debug for ModelSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelSalt(..)")
    }
}

/// Why there is no salt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaltError {
    /// The operating system has no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// Not 32 bytes as 64 lower-case hex digits.
    #[error("no salt, want 64 lower-case hex digits")]
    Syntax {
        /// What is wrong.
        #[source]
        source: DigestError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: ModelSalt = ModelSalt::from_bytes([0x5a; 32]);

    #[test]
    fn a_commitment_is_the_hash_of_domain_salt_and_member() {
        let hash =
            |member: &[u8]| Sha256Digest::of(&[b"private-entry/v1\n", &[0x5a; 32][..], member].concat());
        let name: ModelName = "acme/churn".parse().expect("a name");
        assert_eq!(SALT.name(&name), hash(b"\x06\x6aacme/churn"));
        assert_eq!(SALT.version(&"2".parse().expect("a label")), hash(b"\x07\x612"));
        let digest = Sha256Digest::of(b"x");
        assert_eq!(SALT.statement(digest), hash(&[b"\x03\x58\x20", &digest.to_bytes()[..]].concat()));
        let subject = hash(&[b"\x04\x82\x01\x58\x20", &digest.to_bytes()[..]].concat());
        assert_eq!(SALT.subject(Form::ModelTree, digest.as_bytes()), subject);
        let commit = hash(&[b"\x05\x83\x01\x03\x54", &[7; 20][..]].concat());
        assert_eq!(SALT.input(Role::Code, Form::GitCommit, &[7; 20]), commit);
    }

    #[test]
    fn one_digest_is_hidden_otherwise_in_each_place_and_under_each_salt() {
        let digest = Sha256Digest::of(b"x");
        let mut all = Vec::new();
        for salt in [SALT, ModelSalt::from_bytes([0x5b; 32])] {
            all.extend(salt.about(digest.as_bytes()));
            all.extend(salt.made_from(digest.as_bytes()));
        }
        // A statement, four forms of subject, nine roles of four forms.
        assert_eq!(all.len(), 2 * (1 + 4 + 36));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2 * 41);
    }

    #[test]
    fn a_digest_of_twenty_bytes_is_a_git_commit_only() {
        assert_eq!(SALT.about(&[1; 20]), [SALT.subject(Form::GitCommit, &[1; 20])]);
        assert_eq!(SALT.made_from(&[1; 20]).len(), 9);
        assert_eq!((SALT.about(&[1; 19]), SALT.made_from(&[])), (vec![], vec![]));
    }

    #[cfg(feature = "keys")]
    #[test]
    fn new_salts_differ() {
        assert_ne!(ModelSalt::generate().expect("randomness"), ModelSalt::generate().expect("randomness"));
    }

    #[test]
    fn a_salt_is_64_lower_case_hex_digits_and_never_in_a_debug_line() {
        let text = "5a".repeat(32);
        assert_eq!(text.parse(), Ok(SALT));
        assert_eq!(SALT.to_hex(), text);
        for text in ["", "5a", &"5A".repeat(32), &"5a".repeat(33), &format!(" {}", "5a".repeat(32))] {
            assert!(matches!(text.parse::<ModelSalt>(), Err(SaltError::Syntax { .. })), "{text}");
        }
        assert_eq!(format!("{SALT:?}"), "ModelSalt(..)");
    }
}
