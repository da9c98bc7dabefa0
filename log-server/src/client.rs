//! Who a client is, said in one place: by its socket, or by a proxy that may speak for others.
//!
//! A proxy adds the address it was asked from at the end of `X-Forwarded-For`. So the line is read from its end, as
//! long as the one who wrote the next item is a proxy that the settings list; the first address that is not one of
//! them is the client. What stands before it was written by the client itself and means nothing.
//!
//! In scope: the address, and how many connections it holds. Out of scope: rates ([`crate::admission`]).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::settings::SettingsError;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// What the settings call whoever is behind a unix socket.
const UNIX: &str = "unix";
/// An IPv6 customer has a /64 at least, so one is counted as one.
const V6_BLOCK_BITS: u32 = 64;

/// Where a request comes from. In the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are no other sockets")]
pub enum Client {
    /// From this address.
    Address(IpAddr),
    /// Through a unix socket, from this machine.
    Local,
}

impl Client {
    /// What is counted as one client: an IPv4 address or an IPv6 /64. `None` for one behind a unix socket.
    #[must_use]
    pub fn block(self) -> Option<AddressBlock> {
        match self {
            Self::Address(address) => Some(AddressBlock::of(address)),
            Self::Local => None,
        }
    }
}

/// An IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock(IpAddr);

impl AddressBlock {
    /// The block an address is in. An IPv4 address in IPv6 form counts as IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - V6_BLOCK_BITS))).into())
            }
            v4 => Self(v4),
        }
    }
}

/// Proxies whose word about the client counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
    unix: bool,
}

impl Proxies {
    /// Nobody may speak for others.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads a list of networks, addresses, and `unix`.
    ///
    /// # Errors
    /// [`SettingsError::Proxy`] with the first that is none of these.
    pub fn parse(texts: &[String]) -> Result<Self, SettingsError> {
        let mut proxies = Self::none();
        for text in texts {
            if text == UNIX {
                proxies.unix = true;
                continue;
            }
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            proxies.networks.push(network.map_err(|_| SettingsError::Proxy { text: text.clone() })?);
        }
        Ok(proxies)
    }

    /// Whether this one may speak for others.
    #[must_use]
    pub fn trusts(&self, client: Client) -> bool {
        match client {
            Client::Address(address) => {
                let address = address.to_canonical();
                self.networks.iter().any(|network| network.contains(&address))
            }
            Client::Local => self.unix,
        }
    }

    /// The client behind a request that came from `peer`.
    #[must_use]
    pub fn client(&self, peer: Client, headers: &HeaderMap) -> Client {
        let mut client = peer;
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes()).collect();
        for item in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
            if !self.trusts(client) {
                break;
            }
            let address = std::str::from_utf8(item).ok().and_then(|item| item.trim().parse::<IpAddr>().ok());
            // What is no address was not written by a proxy that works: it is the last who speaks for itself.
            let Some(address) = address else { break };
            client = Client::Address(address.to_canonical());
        }
        client
    }
}

/// Open connections of each client.
#[derive(Debug, Clone)]
pub(crate) struct PerAddress {
    // Held for one look-up at a time. Holds no more keys than there are connections.
    held: Arc<Mutex<HashMap<AddressBlock, usize>>>,
    limit: usize,
}

impl PerAddress {
    pub(crate) fn new(limit: usize) -> Self {
        Self { held: Arc::default(), limit }
    }

    /// Counts one more connection, until what is returned is dropped. `None` if the client has its number already.
    pub(crate) fn take(&self, block: AddressBlock) -> Option<AddressPermit> {
        let mut held = lock(&self.held);
        let count = held.entry(block).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(AddressPermit { held: Arc::clone(&self.held), block })
    }
}

fn lock(held: &Mutex<HashMap<AddressBlock, usize>>) -> MutexGuard<'_, HashMap<AddressBlock, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One counted connection.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    held: Arc<Mutex<HashMap<AddressBlock, usize>>>,
    block: AddressBlock,
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&self.block) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Client {
        Client::Address(text.parse().unwrap())
    }

    fn proxies(texts: &[&str]) -> Proxies {
        Proxies::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn forwarded(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_a_listed_proxy_speaks_for_others() {
        let headers = forwarded(&["198.51.100.7"]);
        assert_eq!(Proxies::none().client(at("192.0.2.1"), &headers), at("192.0.2.1"));
        assert_eq!(proxies(&["10.0.0.0/8"]).client(at("192.0.2.1"), &headers), at("192.0.2.1"));
        assert_eq!(proxies(&["192.0.2.0/24"]).client(at("192.0.2.1"), &headers), at("198.51.100.7"));
        assert_eq!(proxies(&["192.0.2.1"]).client(at("::ffff:192.0.2.1"), &headers), at("198.51.100.7"));
        assert_eq!(Proxies::none().client(Client::Local, &headers), Client::Local);
        assert_eq!(proxies(&["unix"]).client(Client::Local, &headers), at("198.51.100.7"));
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let trusted = proxies(&["10.0.0.0/8", "fd00::/8"]);
        for (lines, client) in [
            (&["203.0.113.9, 198.51.100.7"][..], "198.51.100.7"),
            (&["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            (&["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["10.9.9.9, 198.51.100.7, fd00::2"], "198.51.100.7"),
            (&["198.51.100.7, unknown"], "10.0.0.1"),
            (&["198.51.100.7, , 10.0.0.2"], "10.0.0.2"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["10.0.0.3"], "10.0.0.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(trusted.client(at("10.0.0.1"), &forwarded(lines)), at(client), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "example.org", "10.0.0", "unix:/x"] {
            let refused = Proxies::parse(&[text.to_owned()]);
            assert!(matches!(refused, Err(SettingsError::Proxy { .. })), "{text:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let block = |text: &str| at(text).block();
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1:2:3"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
        assert_eq!(block("192.0.2.1"), block("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_client_has_its_number_of_connections_and_no_trace_stays() {
        let counted = PerAddress::new(2);
        let (one, other) = (at("192.0.2.1").block().unwrap(), at("192.0.2.2").block().unwrap());
        let held = [counted.take(one).unwrap(), counted.take(one).unwrap()];
        assert!(counted.take(one).is_none());
        let elsewhere = counted.take(other).unwrap();
        drop(held);
        drop(counted.take(one).unwrap());
        drop(elsewhere);
        assert!(lock(&counted.held).is_empty());
    }
}
