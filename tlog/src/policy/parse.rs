//! Reading a policy, line by line.

use thiserror::Error;

use super::{
    MAX_POLICY_BYTES, Member, Policy, PolicyGroup, PolicyLog, PolicyName, PolicyWitness, Quorum, WitnessKey,
};
#[cfg(feature = "ml-dsa")]
use crate::cosignature::ml_dsa::MlDsaVkeyError;
use crate::text::{TextError, decimal};
use crate::vkey::{KeyAlgorithm, Vkey, VkeyError};

/// The name that stands for no witness at all, in a quorum only.
pub(super) const NONE: &[u8] = b"none";

/// Bytes that are no policy. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A log's key that cosigns, or a witness's that does not.
    #[error("policy line {line} has a key for {seen}, wanted {wanted}")]
    Algorithm {
        /// The line.
        line: usize,
        /// What the key is for.
        seen: KeyAlgorithm,
        /// What a key in such a line is for.
        wanted: KeyAlgorithm,
    },
    /// A control byte other than tab and line feed, or 0x7F.
    #[error("policy line {line} has the byte {byte:#04x}")]
    Byte {
        /// The line.
        line: usize,
        /// The byte.
        byte: u8,
    },
    /// Too few items, or too many, for what the line's first word says.
    #[error("policy line {line} has {seen} items, wrong for its first")]
    ItemCount {
        /// The line.
        line: usize,
        /// The number of items, the first word included.
        seen: usize,
    },
    /// Name and id of a key are those of another key above, so that a signature line would not tell them apart.
    #[error("policy line {line} has a key with name and id of another key above")]
    KeyCollision {
        /// The line.
        line: usize,
    },
    /// The same public key as on a line above, whatever it is called there. One operator must not count for two.
    #[error("policy line {line} has a public key that stands above")]
    KeyTwice {
        /// The line.
        line: usize,
    },
    /// A first word other than `log`, `witness`, `group`, `quorum`.
    #[error("policy line {line} does not start with log, witness, group or quorum")]
    Keyword {
        /// The line.
        line: usize,
    },
    /// A name that is a member of a group already.
    #[error("policy line {line} has the member {name}, which is in a group already")]
    MemberTwice {
        /// The line.
        line: usize,
        /// The name.
        name: PolicyName,
    },
    /// A name that a line above defines.
    #[error("policy line {line} defines {name} again")]
    NameTwice {
        /// The line.
        line: usize,
        /// The name.
        name: PolicyName,
    },
    /// The last line does not end in a line feed: it may be cut short.
    #[error("last line of the policy does not end in a line feed")]
    NoFinalNewline,
    /// No `quorum` line.
    #[error("policy has no quorum")]
    NoQuorum,
    /// A key or a URL that is not UTF-8; names may be.
    #[error("policy line {line} has a key or a URL that is not UTF-8")]
    NotUtf8 {
        /// The line.
        line: usize,
    },
    /// A second `quorum` line.
    #[error("policy line {line} is a second quorum")]
    QuorumTwice {
        /// The line.
        line: usize,
    },
    /// The name `none`, defined or as a member.
    #[error("policy line {line} has the name none, which is for quorums only")]
    ReservedName {
        /// The line.
        line: usize,
    },
    /// A threshold that is no number, and neither `all` nor `any`.
    #[error("policy line {line} has a threshold that is refused")]
    Threshold {
        /// The line.
        line: usize,
        /// What the reader saw.
        source: TextError,
    },
    /// A threshold of 0, or above the number of members.
    #[error("policy line {line} has the threshold {seen} for {members} members")]
    ThresholdOutOfRange {
        /// The line.
        line: usize,
        /// The threshold.
        seen: u64,
        /// The number of members.
        members: usize,
    },
    /// More than [`MAX_POLICY_BYTES`].
    #[error("policy of {seen} bytes is above {MAX_POLICY_BYTES}")]
    TooLong {
        /// The length in bytes.
        seen: usize,
    },
    /// A name that no line above defines.
    #[error("policy line {line} uses {name}, which no line above defines")]
    UnknownName {
        /// The line.
        line: usize,
        /// The name.
        name: PolicyName,
    },
    /// An ML-DSA-44 key that is refused.
    #[cfg(feature = "ml-dsa")]
    #[error("policy line {line} has an ML-DSA-44 key that is refused")]
    MlDsaVkey {
        /// The line.
        line: usize,
        /// Why.
        source: MlDsaVkeyError,
    },
    /// A key that is refused.
    #[error("policy line {line} has a key that is refused")]
    Vkey {
        /// The line.
        line: usize,
        /// Why.
        source: VkeyError,
    },
}

impl Policy {
    /// Reads a policy. See the module for the format.
    ///
    /// # Errors
    ///
    /// * [`PolicyError::TooLong`], [`PolicyError::NoFinalNewline`], [`PolicyError::NoQuorum`] for the file as a whole;
    /// * any other variant for the first line that breaks the rule it names.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLong { seen: bytes.len() });
        }
        let bytes = bytes.strip_suffix(b"\n").ok_or(PolicyError::NoFinalNewline)?;
        let mut reader = Reader::default();
        for (text, line) in bytes.split(|&byte| byte == b'\n').zip(1..) {
            reader.read(line, text)?;
        }
        let Reader { logs, witnesses, groups, quorum, .. } = reader;
        Ok(Self { logs, witnesses, groups, quorum: quorum.ok_or(PolicyError::NoQuorum)? })
    }
}

/// The lines read so far.
#[derive(Default)]
struct Reader {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<PolicyGroup>,
    /// Members of any group so far.
    taken: Vec<Member>,
    quorum: Option<Quorum>,
}

impl Reader {
    fn read(&mut self, line: usize, text: &[u8]) -> Result<(), PolicyError> {
        if let Some(&byte) = text.iter().find(|&&byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err(PolicyError::Byte { line, byte });
        }
        let items: Vec<&[u8]> =
            text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|item| !item.is_empty()).collect();
        let item_count = PolicyError::ItemCount { line, seen: items.len() };
        match *items.as_slice() {
            [] | [[b'#', ..], ..] => Ok(()),
            [b"log", vkey] => self.log(line, vkey, None),
            [b"log", vkey, url] => self.log(line, vkey, Some(url)),
            [b"witness", name, vkey] => self.witness(line, name, vkey, None),
            [b"witness", name, vkey, url] => self.witness(line, name, vkey, Some(url)),
            [b"group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.group(line, name, threshold, members)
            }
            [b"quorum", name] => self.quorum(line, name),
            [b"log" | b"witness" | b"group" | b"quorum", ..] => Err(item_count),
            _ => Err(PolicyError::Keyword { line }),
        }
    }

    fn log(&mut self, line: usize, vkey: &[u8], url: Option<&[u8]>) -> Result<(), PolicyError> {
        let vkey = self.new_vkey(line, vkey, KeyAlgorithm::Ed25519)?;
        let url = url.map(|url| utf8(line, url)).transpose()?;
        self.logs.push(PolicyLog { vkey, url });
        Ok(())
    }

    fn witness(
        &mut self,
        line: usize,
        name: &[u8],
        vkey: &[u8],
        url: Option<&[u8]>,
    ) -> Result<(), PolicyError> {
        let name = self.new_name(line, name)?;
        let key = self.new_witness_key(line, vkey)?;
        let url = url.map(|url| utf8(line, url)).transpose()?;
        self.witnesses.push(PolicyWitness { name, key, url });
        Ok(())
    }

    fn group(
        &mut self,
        line: usize,
        name: &[u8],
        threshold: &[u8],
        names: &[&[u8]],
    ) -> Result<(), PolicyError> {
        let name = self.new_name(line, name)?;
        let mut members = Vec::with_capacity(names.len());
        for member_name in names {
            let member = self.defined(line, member_name)?;
            if self.taken.contains(&member) {
                return Err(PolicyError::MemberTwice { line, name: PolicyName(member_name.to_vec()) });
            }
            self.taken.push(member);
            members.push(member);
        }
        let threshold = threshold_of(line, threshold, members.len())?;
        self.groups.push(PolicyGroup { name, threshold, members });
        Ok(())
    }

    fn quorum(&mut self, line: usize, name: &[u8]) -> Result<(), PolicyError> {
        if self.quorum.is_some() {
            return Err(PolicyError::QuorumTwice { line });
        }
        self.quorum = Some(match name {
            NONE => Quorum::None,
            name => Quorum::Of(self.defined(line, name)?),
        });
        Ok(())
    }

    /// Witnesses and groups share one space of names.
    fn find(&self, name: &[u8]) -> Option<Member> {
        let witness = self.witnesses.iter().position(|witness| witness.name.as_bytes() == name);
        let group = || self.groups.iter().position(|group| group.name.as_bytes() == name);
        witness.map(Member::Witness).or_else(|| group().map(Member::Group))
    }

    fn defined(&self, line: usize, name: &[u8]) -> Result<Member, PolicyError> {
        if name == NONE {
            return Err(PolicyError::ReservedName { line });
        }
        self.find(name).ok_or_else(|| PolicyError::UnknownName { line, name: PolicyName(name.to_vec()) })
    }

    fn new_name(&self, line: usize, name: &[u8]) -> Result<PolicyName, PolicyError> {
        if name == NONE {
            return Err(PolicyError::ReservedName { line });
        }
        let new = PolicyName(name.to_vec());
        if self.find(name).is_some() { Err(PolicyError::NameTwice { line, name: new }) } else { Ok(new) }
    }

    fn new_vkey(&self, line: usize, text: &[u8], wanted: KeyAlgorithm) -> Result<Vkey, PolicyError> {
        let vkey: Vkey = utf8(line, text)?.parse().map_err(|source| PolicyError::Vkey { line, source })?;
        let seen = vkey.algorithm();
        if seen != wanted {
            return Err(PolicyError::Algorithm { line, seen, wanted });
        }
        self.require_new(line, &WitnessKey::Ed25519(Box::new(vkey.clone())))?;
        Ok(vkey)
    }

    fn new_witness_key(&self, line: usize, text: &[u8]) -> Result<WitnessKey, PolicyError> {
        #[cfg(feature = "ml-dsa")]
        if let Some(key) = ml_dsa_key(line, text)? {
            self.require_new(line, &key)?;
            return Ok(key);
        }
        self.new_vkey(line, text, KeyAlgorithm::CosignatureEd25519)
            .map(|key| WitnessKey::Ed25519(Box::new(key)))
    }

    /// No public key twice, and no two keys that a signature line would not tell apart.
    fn require_new(&self, line: usize, key: &WitnessKey) -> Result<(), PolicyError> {
        let logs = self.logs.iter().map(|log| WitnessKey::Ed25519(Box::new(log.vkey.clone())));
        for above in logs.chain(self.witnesses.iter().map(|witness| witness.key.clone())) {
            if above.is_same_key(key) {
                return Err(PolicyError::KeyTwice { line });
            }
            if above.name() == key.name() && above.key_id() == key.key_id() {
                return Err(PolicyError::KeyCollision { line });
            }
        }
        Ok(())
    }
}

/// The key if its algorithm is ML-DSA-44, `None` if it is another, which is then read as such.
#[cfg(feature = "ml-dsa")]
fn ml_dsa_key(line: usize, text: &[u8]) -> Result<Option<WitnessKey>, PolicyError> {
    match utf8(line, text)?.parse() {
        Ok(key) => Ok(Some(WitnessKey::MlDsa(Box::new(key)))),
        Err(source @ (MlDsaVkeyError::KeyLength { .. } | MlDsaVkeyError::KeyIdMismatch { .. })) => {
            Err(PolicyError::MlDsaVkey { line, source })
        }
        Err(_) => Ok(None),
    }
}

fn utf8(line: usize, item: &[u8]) -> Result<String, PolicyError> {
    String::from_utf8(item.to_vec()).map_err(|_| PolicyError::NotUtf8 { line })
}

fn threshold_of(line: usize, text: &[u8], members: usize) -> Result<usize, PolicyError> {
    let seen = match text {
        b"all" => return Ok(members),
        b"any" => return Ok(1),
        // Bytes above 0x7f become some character that is no digit either.
        text => decimal(&String::from_utf8_lossy(text))
            .map_err(|source| PolicyError::Threshold { line, source })?,
    };
    match usize::try_from(seen) {
        Ok(threshold @ 1..) if threshold <= members => Ok(threshold),
        _ => Err(PolicyError::ThresholdOutOfRange { line, seen, members }),
    }
}
