//! A key in a PKCS#11 token: a hardware module, or a software one such as SoftHSM. Mechanism `CKM_EDDSA` (PKCS#11 3.0).
//!
//! The token is found by its label, the key by the label it has there; the public key comes from the object beside it.
//! A token signs anything for whoever knows its PIN: the guard against a second history is what its user remembers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::place::TokenPlace;

/// No PIN file is longer.
const MAX_PIN_BYTES: u64 = 1024;
/// DER of an OCTET STRING of 32 bytes, in which PKCS#11 3.0 wraps the public key.
const WRAPPED: [u8; 2] = [0x04, 0x20];

/// A module may be initialised once per process; several users share it.
static MODULES: Mutex<Option<HashMap<PathBuf, Pkcs11>>> = Mutex::new(None);

/// A key that a token holds, in a session that is logged in.
pub struct TokenKey {
    session: Session,
    key: ObjectHandle,
    public_key: [u8; 32],
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

impl TokenKey {
    /// Opens the token and finds the key. `pin_variable` is the environment variable with the PIN, if no file is named.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`] if module, token or key is not there or not alone; [`KeyError::Token`] for what the
    /// module says, a wrong PIN for example; [`KeyError::Io`] if the PIN cannot be read.
    pub fn open(place: &TokenPlace, pin_variable: &'static str) -> Result<Self, KeyError> {
        let no_such = || KeyError::NoSuchKey { place: format!("{} of token {}", place.key, place.token) };
        let module = module(&place.module)?;
        let mut slots = Vec::new();
        for slot in module.get_slots_with_initialized_token().map_err(token)? {
            if module.get_token_info(slot).map_err(token)?.label() == place.token {
                slots.push(slot);
            }
        }
        let [slot] = slots[..] else { return Err(no_such()) };
        let session = module.open_ro_session(slot).map_err(token)?;
        match session.login(UserType::User, Some(&pin(place.pin_file.as_deref(), pin_variable)?)) {
            // Logins are the process's, not the session's: another user may have done it.
            Ok(())
            | Err(cryptoki::error::Error::Pkcs11(cryptoki::error::RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(token(error)),
        }
        let object = |class| {
            let label = Attribute::Label(place.key.as_bytes().to_vec());
            let wanted = [Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS), label];
            let found = session.find_objects(&wanted).map_err(token)?;
            // Two keys of one name would make it a matter of luck which one signs.
            let [only] = found[..] else { return Err(no_such()) };
            Ok(only)
        };
        let (key, public) = (object(ObjectClass::PRIVATE_KEY)?, object(ObjectClass::PUBLIC_KEY)?);
        let attributes = session.get_attributes(public, &[AttributeType::EcPoint]).map_err(token)?;
        let [Attribute::EcPoint(point)] = &attributes[..] else { return Err(no_such()) };
        let point = if point.len() == 34 { point.strip_prefix(&WRAPPED).unwrap_or(point) } else { point };
        let public_key = point.try_into().map_err(|_| KeyError::NotAKey)?;
        Ok(Self { session, key, public_key })
    }
}

impl TokenKey {
    /// The 32 bytes of the public key.
    #[must_use]
    pub const fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// What the token returns as the signature over these bytes. The caller verifies it.
    ///
    /// # Errors
    /// [`KeyError::Token`] if it makes none, [`KeyError::Protocol`] if what it makes is not 64 bytes.
    pub fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], KeyError> {
        let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        let signature = self.session.sign(&mechanism, self.key, bytes).map_err(token)?;
        signature.try_into().map_err(|_| KeyError::Protocol { peer: "the token" })
    }
}

fn module(path: &Path) -> Result<Pkcs11, KeyError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let modules = modules.get_or_insert_default();
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(token)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(token)?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn pin(file: Option<&Path>, variable: &str) -> Result<AuthPin, KeyError> {
    let io = |source| KeyError::Io { act: "read the PIN", source };
    let text = match file {
        Some(path) => {
            use std::io::Read as _;
            let mut text = Zeroizing::new(String::new());
            let file = std::fs::File::open(path).map_err(io)?;
            file.take(MAX_PIN_BYTES).read_to_string(&mut text).map_err(io)?;
            Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
        }
        None => Zeroizing::new(std::env::var(variable).unwrap_or_default()),
    };
    if text.is_empty() {
        return Err(io(std::io::Error::other(format!("name a PIN file or set {variable}"))));
    }
    Ok(AuthPin::from(text.as_str()))
}

fn token(source: cryptoki::error::Error) -> KeyError {
    KeyError::Token { source: source.into() }
}
