//! Logs of a policy, and where they are read.

use std::path::Path;
use std::sync::Arc;

use tlog::checkpoint::Origin;
use tlog::policy::{MAX_POLICY_BYTES, Policy};

use crate::config::ConfigError;
use crate::disk;
use crate::seen::Demand;
use crate::source::Source;

/// A log: what its checkpoints are held against, and where it is read.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the program")]
pub struct Place {
    /// The log.
    pub demand: Demand,
    /// Its files.
    pub source: Source,
}

/// Reads a policy file.
///
/// # Errors
/// [`ConfigError::Disk`], [`ConfigError::Missing`], [`ConfigError::Policy`].
pub fn read_policy(path: &Path) -> Result<Policy, ConfigError> {
    let bytes =
        disk::read(path, MAX_POLICY_BYTES as u64)?.ok_or(ConfigError::Missing { what: "the policy file" })?;
    Policy::parse(&bytes).map_err(|source| ConfigError::Policy { path: path.to_owned(), source })
}

/// Each log of a policy that has an address, or the one at `url`.
///
/// # Errors
/// [`ConfigError::Source`], [`ConfigError::NoLog`].
pub fn places(policy: &Policy, origin: Option<&str>, url: Option<&str>) -> Result<Vec<Place>, ConfigError> {
    let policy = Arc::new(policy.clone());
    let mut places: Vec<Place> = Vec::new();
    for log in policy.logs() {
        let name = log.vkey().name().to_string();
        let Some(url) = url.or(log.url()).filter(|_| origin.is_none_or(|origin| origin == name)) else {
            continue;
        };
        let origin: Origin = match name.parse() {
            Ok(origin) => origin,
            Err(source) => return Err(ConfigError::Origin { text: name, source }),
        };
        // Two keys of a log are two lines of the policy and one log.
        if places.iter().all(|place| place.demand.origin != origin) {
            let demand = Demand { origin, policy: Arc::clone(&policy), max_age: None };
            places.push(Place { demand, source: Source::at(url)? });
        }
    }
    if places.is_empty() { Err(ConfigError::NoLog) } else { Ok(places) }
}
