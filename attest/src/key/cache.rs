//! Public keys that were read before, so that a publisher's thousandth entry does not pay for its curve point again.
//!
//! Reading a key costs a square root; the same bytes always read as the same key, so remembering changes no verdict. Only
//! good keys are remembered, and no more than a fixed number of them.

use std::collections::HashMap;

use crate::key::{KeyError, PublicKey};

/// Most keys remembered, about 400 bytes each.
const MOST: usize = 1024;

/// Keys by their SPKI. Not shared: each thread that reads entries has its own.
#[derive(Debug, Default)]
pub struct KeyCache {
    keys: HashMap<Vec<u8>, PublicKey>,
}

impl KeyCache {
    /// Reads a key as [`PublicKey::from_spki_der`] does.
    ///
    /// # Errors
    /// As there.
    pub fn read(&mut self, der: &[u8]) -> Result<PublicKey, KeyError> {
        if let Some(key) = self.keys.get(der) {
            return Ok(key.clone());
        }
        let key = PublicKey::from_spki_der(der)?;
        // Starting anew is cheaper than knowing which was used last, and rare: few logs have so many publishers at work.
        if self.keys.len() >= MOST {
            self.keys.clear();
        }
        self.keys.insert(der.to_vec(), key.clone());
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distinct points: multiples of the base, taken from counted secrets.
    fn spki(number: u32) -> Vec<u8> {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&number.to_be_bytes());
        let key = ed25519_dalek::SigningKey::from_bytes(&secret);
        [&super::super::SPKI_ED25519[..], key.verifying_key().as_bytes()].concat()
    }

    #[test]
    fn a_key_reads_the_same_the_second_time() {
        let mut cache = KeyCache::default();
        let first = cache.read(&spki(1)).unwrap();
        assert_eq!(cache.read(&spki(1)).unwrap(), first);
        assert_eq!(PublicKey::from_spki_der(&spki(1)).unwrap(), first);
        assert_eq!(cache.keys.len(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused_again_and_not_remembered() {
        let mut cache = KeyCache::default();
        let mut bad = spki(1);
        bad.truncate(43);
        for _ in 0..2 {
            assert_eq!(cache.read(&bad), Err(KeyError::NotSpki { len: 43 }));
        }
        assert_eq!(cache.keys.len(), 0);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let mut cache = KeyCache::default();
        for number in 0..=MOST as u32 {
            cache.read(&spki(number)).unwrap();
            assert!(cache.keys.len() <= MOST);
        }
    }
}
