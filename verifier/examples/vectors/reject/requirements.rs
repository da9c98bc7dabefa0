//! Step 8: what the caller demands.

use verifier::Reason;

use crate::accept::{dataset, logged, pending, plain};
use crate::case::Case;
use crate::world::{files, publisher, publisher_p256, statement, trust};

pub(super) fn cases() -> Vec<Case> {
    let plain = plain();
    let key = publisher().public_key();
    let trusted_for = |pattern: &str| trust("", "none", pattern, std::slice::from_ref(&key));
    vec![
        Case::new("no-trust", "nobody said whom to trust; all else holds", plain.clone())
            .trust(None)
            .refused(Reason::NoTrust),
        Case::new("trusted-key-other-name", "a trusted key, for other names", plain.clone())
            .trust(trusted_for("acme/fraud"))
            .refused(Reason::SignerUnexpected),
        Case::new(
            "pattern-is-one-component",
            "a star does not reach into a second component",
            logged(&statement("acme/eu/churn:2.1.3", &files(), vec![dataset()]), &publisher()),
        )
        .refused(Reason::SignerUnexpected),
        Case::new("pattern-covers-the-whole-name", "a pattern that the name begins with", plain.clone())
            .trust(trusted_for("acme/ch"))
            .refused(Reason::SignerUnexpected),
        Case::new("other-key-of-the-name", "the name is expected from another key", plain.clone())
            .trust(trust("", "none", "acme/churn", &[publisher_p256().public_key()]))
            .refused(Reason::SignerUnexpected),
        Case::new("name-unexpected", "another model of the same publisher", plain.clone())
            .expecting(Some("acme/fraud"), None)
            .refused(Reason::NameUnexpected),
        Case::new("version-unexpected", "another version of the model", plain.clone())
            .expecting(Some("acme/churn"), Some("2.1.4"))
            .refused(Reason::VersionUnexpected),
        Case::new(
            "several-lines-none-passes",
            "the line that came furthest is reported",
            format!("{}{plain}", pending()),
        )
        .trust(trusted_for("acme/fraud"))
        .refused(Reason::SignerUnexpected),
    ]
}
