use core::cmp::Reverse;
use core::convert::Infallible;

use minicbor::Encoder;

use crate::digest::Sha256Digest;
use crate::event::{Event, EventPolicy};
use crate::form::Form;
use crate::key::{KeyError, PublicKey};
use crate::model_name::{ModelName, NameError, VersionLabel};
use crate::provenance::InputDigest;
use crate::role::Role;
use crate::statement::{Statement, StatementKind};

use super::cbor::{MapKeys, Reader, encoded};
use super::error::{EntryError, EntryPlace};
use super::salt::ModelSalt;

/// Version of a payload whose digests, name and version label are shown.
const SHOWN: u64 = 1;

/// Version of a payload that has commitments in their place.
const PRIVATE: u64 = 2;

/// Most subjects: the model and its largest files, with room for the forms to come.
pub const MAX_SUBJECTS: usize = 16;

/// Most inputs.
pub const MAX_INPUTS: usize = 64;

/// How many file subjects of a statement become subjects of its entry: the largest, for those are the weights.
pub const MAX_LOGGED_FILES: usize = 4;

/// What an entry says: digests, one name, one key; or commitments to these, and the key.
///
/// ```text
/// { 1: 1,                              version of this format; 2 if private
///   2: kind,                           StatementKind::code
///   3: statement digest,               bstr of 32
///   4: [ [ form, digest ] ... ],       subjects, 1 to 16
///   5: [ [ role, form, digest ] ... ], inputs, 0 to 64
///   6: name,                           tstr
///   7: version label,                  tstr
///   8: key }                           bstr, DER SubjectPublicKeyInfo
/// ```
///
/// In version 2 each digest, the name and the version label are a bstr of 32, made with a [`ModelSalt`]. Kind, forms, roles
/// and key are the same. Elements of 4 and 5 ascend by their encoded bytes, and none is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPayload {
    kind: StatementKind,
    statement: Sha256Digest,
    subjects: Vec<EntrySubject>,
    inputs: Vec<EntryInput>,
    name: EntryName,
    key: PublicKey,
}

/// What an entry says of name and version label.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by spec/entry.md: one for each version")]
pub enum EntryName {
    /// They are shown: version 1.
    Shown {
        /// What the signer calls the model.
        name: ModelName,
        /// Which version of it the signer says it is.
        version: VersionLabel,
    },
    /// Commitments stand in their place, and in that of every digest: version 2.
    Private {
        /// [`ModelSalt::name`].
        name: Sha256Digest,
        /// [`ModelSalt::version`].
        version: Sha256Digest,
    },
}

/// A digest of 20 or 32 bytes, or the commitment to one, and how the digest was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntrySubject {
    form: Form,
    digest: Vec<u8>,
}

/// Something the subject was made from: a digest, how it was made, and as what it went in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryInput {
    role: Role,
    subject: EntrySubject,
}

type EncodeResult = Result<(), minicbor::encode::Error<Infallible>>;

impl EntrySubject {
    fn sha256(form: Form, digest: Sha256Digest) -> Self {
        Self { form, digest: digest.as_bytes().to_vec() }
    }

    /// How the digest was made.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The digest: 32 bytes, or 20 for a git commit. In a private entry the commitment, 32 bytes.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    fn decode(reader: &mut Reader<'_>, place: EntryPlace, version: u64) -> Result<Self, EntryError> {
        let form = reader.code(EntryPlace::Form, |code| Form::from_code(code.try_into().ok()?))?;
        let digest = reader.bytes(place)?;
        let fits = match version {
            SHOWN => form.allows_len(digest.len()),
            _ => digest.len() == Sha256Digest::LEN,
        };
        if !fits {
            return Err(EntryError::DigestLength { place, len: digest.len() });
        }
        Ok(Self { form, digest: digest.to_vec() })
    }

    fn encode(&self, encoder: &mut Encoder<Vec<u8>>) -> EncodeResult {
        encoder.array(2)?.u64(self.form.code())?.bytes(&self.digest)?;
        Ok(())
    }
}

impl EntryInput {
    /// As what it went in.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How the digest was made.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.subject.form
    }

    /// The digest: 32 bytes, or 20 for a git commit. In a private entry the commitment, 32 bytes.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.subject.digest
    }

    fn decode(reader: &mut Reader<'_>, version: u64) -> Result<Self, EntryError> {
        let role = reader.code(EntryPlace::Role, |code| Role::from_code(code.try_into().ok()?))?;
        Ok(Self { role, subject: EntrySubject::decode(reader, EntryPlace::Input, version)? })
    }

    fn encode(&self, encoder: &mut Encoder<Vec<u8>>) -> EncodeResult {
        encoder.array(3)?.u64(self.role.code())?.u64(self.form().code())?.bytes(self.digest())?;
        Ok(())
    }
}

impl EntryPayload {
    /// Computes what the entry of `statement`, signed with `key`, says. Pure: a verifier computes it again and
    /// compares.
    ///
    /// Subjects are the model's or dataset's tree digest and, of a provenance, its [`MAX_LOGGED_FILES`] largest files that are not empty, equal
    /// sizes by smaller digest first. Inputs are, for each of [`Statement::inputs`], its SHA-256 if there is one and its
    /// git commit if there is one, and of an event or a verdict its policy; a private digest is none of them; those with the same role and digest are one input.
    #[must_use]
    pub fn from_statement(statement: &Statement, key: &PublicKey) -> Self {
        let mut files: Vec<_> = statement.files().map_or(&[][..], |tree| tree.files()).iter().collect();
        files.retain(|file| file.size() > 0);
        files.sort_by_key(|file| (Reverse(file.size()), file.sha256()));
        let files = files.into_iter().take(MAX_LOGGED_FILES);
        let model = EntrySubject::sha256(Form::ModelTree, statement.tree_digest().digest());
        let mut subjects: Vec<_> = core::iter::once(model)
            .chain(files.map(|file| EntrySubject::sha256(Form::File, file.sha256())))
            .collect();

        let mut inputs = Vec::new();
        for input in statement.inputs() {
            let role = input.role();
            let (form, commit) = match input.digest() {
                InputDigest::Tree { .. } => (Form::ModelTree, None),
                InputDigest::File { .. } => (Form::File, None),
                InputDigest::Code(checkout) => (Form::ModelTree, Some(checkout.commit())),
                // Nobody could find anything by it, so that the log does not even learn that there is one.
                InputDigest::Private(_) => continue,
            };
            let sha256 = input.digest().sha256().map(|digest| EntrySubject::sha256(form, digest));
            let commit = commit
                .map(|commit| EntrySubject { form: Form::GitCommit, digest: commit.as_bytes().to_vec() });
            inputs.extend(sha256.into_iter().chain(commit).map(|subject| EntryInput { role, subject }));
        }

        let of_event = statement.event().and_then(Event::policy).and_then(EventPolicy::digest);
        let policy = of_event.or_else(|| statement.verdict().map(|verdict| verdict.policy().digest()));
        if let Some(digest) = policy {
            let subject = EntrySubject::sha256(Form::File, digest);
            inputs.push(EntryInput { role: Role::Config, subject });
        }

        subjects.sort_by_cached_key(encoded_subject);
        subjects.dedup();
        inputs.sort_by_cached_key(encoded_input);
        inputs.dedup();
        Self {
            kind: statement.kind(),
            statement: statement.digest(),
            subjects,
            inputs,
            name: EntryName::Shown { name: statement.name().clone(), version: statement.version().clone() },
            key: key.clone(),
        }
    }

    /// The same as a private entry says it, if there is a salt. As pure: statement, key and salt, and nothing else.
    #[must_use]
    pub fn of(statement: &Statement, key: &PublicKey, salt: Option<&ModelSalt>) -> Self {
        let shown = Self::from_statement(statement, key);
        let Some(salt) = salt else { return shown };
        let hidden = |form, digest: Sha256Digest| EntrySubject { form, digest: digest.as_bytes().to_vec() };
        let mut subjects: Vec<_> =
            shown.subjects.iter().map(|one| hidden(one.form, salt.subject(one.form, &one.digest))).collect();
        let mut inputs: Vec<_> = shown
            .inputs
            .iter()
            .map(|one| {
                let commitment = salt.input(one.role, one.form(), one.digest());
                EntryInput { role: one.role, subject: hidden(one.form(), commitment) }
            })
            .collect();
        subjects.sort_by_cached_key(encoded_subject);
        inputs.sort_by_cached_key(encoded_input);
        let name = EntryName::Private {
            name: salt.name(statement.name()),
            version: salt.version(statement.version()),
        };
        Self { statement: salt.statement(shown.statement), subjects, inputs, name, ..shown }
    }

    /// What kind of statement was made.
    #[must_use]
    pub const fn kind(&self) -> StatementKind {
        self.kind
    }

    /// The statement digest: SHA-256 of the DSSE payload. In a private entry the commitment to it.
    #[must_use]
    pub const fn statement(&self) -> Sha256Digest {
        self.statement
    }

    /// What the statement is about, ascending.
    #[must_use]
    pub fn subjects(&self) -> &[EntrySubject] {
        &self.subjects
    }

    /// What that was made from, ascending.
    #[must_use]
    pub fn inputs(&self) -> &[EntryInput] {
        &self.inputs
    }

    /// What it says of name and version label.
    #[must_use]
    pub const fn entry_name(&self) -> &EntryName {
        &self.name
    }

    /// What the signer calls the model, unless that is private.
    #[must_use]
    pub const fn name(&self) -> Option<&ModelName> {
        match &self.name {
            EntryName::Shown { name, .. } => Some(name),
            EntryName::Private { .. } => None,
        }
    }

    /// Which version of it the signer says it is, unless that is private.
    #[must_use]
    pub const fn version(&self) -> Option<&VersionLabel> {
        match &self.name {
            EntryName::Shown { version, .. } => Some(version),
            EntryName::Private { .. } => None,
        }
    }

    /// Whether commitments stand where others have digests and a name.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        matches!(self.name, EntryName::Private { .. })
    }

    /// The key that signed the statement and signs the entry.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The payload in deterministic CBOR (RFC 8949 §4.2.1).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(|encoder| {
            encoder.map(8)?;
            encoder.u8(1)?.u64(if self.is_private() { PRIVATE } else { SHOWN })?;
            encoder.u8(2)?.u64(self.kind.code())?;
            encoder.u8(3)?.bytes(self.statement.as_bytes())?;
            encoder.u8(4)?.array(self.subjects.len() as u64)?;
            self.subjects.iter().try_for_each(|subject| subject.encode(encoder))?;
            encoder.u8(5)?.array(self.inputs.len() as u64)?;
            self.inputs.iter().try_for_each(|input| input.encode(encoder))?;
            match &self.name {
                EntryName::Shown { name, version } => {
                    encoder.u8(6)?.str(name.as_str())?.u8(7)?.str(version.as_str())?;
                }
                EntryName::Private { name, version } => {
                    encoder.u8(6)?.bytes(name.as_bytes())?.u8(7)?.bytes(version.as_bytes())?;
                }
            }
            encoder.u8(8)?.bytes(self.key.as_spki_der())?;
            Ok(())
        })
    }

    /// Reads a payload. That its encoding is the deterministic one is left to the caller, who compares.
    pub(super) fn decode(
        bytes: &[u8],
        key: impl FnOnce(&[u8]) -> Result<PublicKey, KeyError>,
    ) -> Result<Self, EntryError> {
        let reader = &mut Reader::new(bytes);
        let mut keys = MapKeys::begin(reader, EntryPlace::Payload, &[1, 2, 3, 4, 5, 6, 7, 8])?;
        keys.next(reader)?;
        let version = reader.code(EntryPlace::Version, |code| {
            u64::try_from(code).ok().filter(|version| [SHOWN, PRIVATE].contains(version))
        })?;
        keys.next(reader)?;
        let kind = reader.code(EntryPlace::Kind, |code| StatementKind::from_code(code.try_into().ok()?))?;
        keys.next(reader)?;
        let statement = Sha256Digest::from_bytes(reader.fixed(EntryPlace::Statement)?);
        keys.next(reader)?;
        let subjects = elements(reader, bytes, EntryPlace::Subjects, 1, MAX_SUBJECTS, |reader| {
            reader.array(EntryPlace::Subject, 2, 2)?;
            EntrySubject::decode(reader, EntryPlace::Subject, version)
        })?;
        keys.next(reader)?;
        let inputs = elements(reader, bytes, EntryPlace::Inputs, 0, MAX_INPUTS, |reader| {
            reader.array(EntryPlace::Input, 3, 3)?;
            EntryInput::decode(reader, version)
        })?;
        keys.next(reader)?;
        let name = if version == SHOWN {
            let name = word(reader, EntryPlace::Name)?;
            keys.next(reader)?;
            EntryName::Shown { name, version: word(reader, EntryPlace::VersionLabel)? }
        } else {
            let name = Sha256Digest::from_bytes(reader.fixed(EntryPlace::Name)?);
            keys.next(reader)?;
            let version = Sha256Digest::from_bytes(reader.fixed(EntryPlace::VersionLabel)?);
            EntryName::Private { name, version }
        };
        keys.next(reader)?;
        let key = key(reader.bytes(EntryPlace::Key)?).map_err(|source| EntryError::Key { source })?;
        keys.end(reader)?;
        reader.end(EntryPlace::Payload)?;
        Ok(Self { kind, statement, subjects, inputs, name, key })
    }
}

fn encoded_subject(subject: &EntrySubject) -> Vec<u8> {
    encoded(|encoder| subject.encode(encoder))
}

fn encoded_input(input: &EntryInput) -> Vec<u8> {
    encoded(|encoder| input.encode(encoder))
}

/// Reads an array whose elements ascend by their encoded bytes.
fn elements<'b, T>(
    reader: &mut Reader<'b>,
    bytes: &'b [u8],
    place: EntryPlace,
    min: usize,
    max: usize,
    mut element: impl FnMut(&mut Reader<'b>) -> Result<T, EntryError>,
) -> Result<Vec<T>, EntryError> {
    let len = reader.array(place, min as u64, max as u64)?;
    let mut found = Vec::new();
    let mut before: &[u8] = &[];
    for index in 0..len as usize {
        let start = reader.position();
        found.push(element(reader)?);
        let encoding = bytes.get(start..reader.position()).unwrap_or_default();
        if encoding <= before {
            return Err(EntryError::NotSorted { place, index });
        }
        before = encoding;
    }
    Ok(found)
}

/// Reads a name or a version label.
fn word<T: core::str::FromStr<Err = NameError>>(
    reader: &mut Reader<'_>,
    place: EntryPlace,
) -> Result<T, EntryError> {
    reader.text(place)?.parse().map_err(|source| EntryError::Name { place, source })
}
