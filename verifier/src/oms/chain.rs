//! From a signer's certificate to an authority the caller named, at a stated time (RFC 5280 section 6.1, the part that is
//! needed).
//!
//! Other readers judge a chain at the moment its leaf began to be valid, and so believe certificates that ended long ago. Here
//! the caller states the time. Whatever the caller names is an end of the path, an intermediate too.
//!
//! Not here: revocation, policies, name constraints (a certificate that has some is refused). A path is looked for without
//! turning back: of two certificates of one name and key in a bundle the first is taken.

use attest::oms::{Certificate, CertificateError, ChainLink};
use attest::utc_time::UtcTime;

use super::failure::OmsFailure;

/// Finds the path and judges each of its certificates: leaf first, authority last.
pub(super) fn lead<'a>(
    chain: &'a [Certificate],
    authorities: &'a [Certificate],
    at: UtcTime,
) -> Result<Vec<&'a Certificate>, OmsFailure> {
    let path = find(chain, authorities)?;
    for (position, certificate) in path.iter().enumerate() {
        let link = match position.checked_sub(1) {
            None => ChainLink::Leaf,
            Some(below) => ChainLink::Authority { below },
        };
        let subject = || certificate.subject();
        certificate
            .refuse_unfit(link)
            .map_err(|source| OmsFailure::CertificateUnfit { subject: subject(), source })?;
        let (first, last) = certificate.validity();
        if at.unix_seconds() < first {
            return Err(OmsFailure::CertificateNotYetValid { subject: subject(), first, at });
        }
        if at.unix_seconds() > last {
            return Err(OmsFailure::CertificateExpired { subject: subject(), last, at });
        }
    }
    Ok(path)
}

/// Follows signatures from the first certificate of the bundle to one of the authorities.
fn find<'a>(
    chain: &'a [Certificate],
    authorities: &'a [Certificate],
) -> Result<Vec<&'a Certificate>, OmsFailure> {
    let Some((leaf, mut others)) =
        chain.split_first().map(|(leaf, rest)| (leaf, rest.iter().collect::<Vec<_>>()))
    else {
        return Err(OmsFailure::AlgorithmUnknown);
    };
    let (mut path, mut current) = (vec![leaf], leaf);
    loop {
        if let Some(authority) = issuer_among(authorities.iter(), current)? {
            path.push(authority);
            return Ok(path);
        }
        // Each certificate of the bundle is used once, so this ends.
        let Some(next) = issuer_among(others.iter().copied(), current)? else {
            return Err(OmsFailure::CertificateUntrusted {
                subject: leaf.subject(),
                issuer: current.issuer(),
            });
        };
        others.retain(|certificate| !std::ptr::eq(*certificate, next));
        path.push(next);
        current = next;
    }
}

/// The certificate whose name and key issued `certificate`.
fn issuer_among<'a>(
    candidates: impl Iterator<Item = &'a Certificate>,
    certificate: &Certificate,
) -> Result<Option<&'a Certificate>, OmsFailure> {
    for candidate in candidates.filter(|candidate| certificate.names_as_issuer(candidate)) {
        match certificate.verify_issued_by(candidate) {
            Ok(()) => return Ok(Some(candidate)),
            Err(CertificateError::UnknownAlgorithm) => return Err(OmsFailure::AlgorithmUnknown),
            Err(_) => {}
        }
    }
    Ok(None)
}
