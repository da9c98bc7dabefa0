//! Step 1: the bundle file and the trust file.

use verifier::Reason;

use super::{edit, edit_first, value};
use crate::accept::plain;
use crate::case::Case;
use crate::world::plain_trust;

fn malformed(name: &'static str, why: &'static str, bundle: impl Into<Vec<u8>>) -> Case {
    Case::new(name, why, bundle).refused(Reason::BundleMalformed)
}

pub(super) fn cases() -> Vec<Case> {
    let plain = plain();
    let body = plain.trim_end();
    let sig = format!("{{\"sig\":\"{}\"}}", value(&plain, "sig"));
    let payload = format!("\"payload\":\"{}\"", value(&plain, "payload"));
    let key = format!("\"hint\":\"{}\"", value(&plain, "hint"));
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    vec![
        Case::new("bundle-missing", "a model without a bundle file", "")
            .no_bundle()
            .refused(Reason::BundleMissing),
        Case::new("bundle-is-a-directory", "a directory where the bundle file should be", "")
            .no_bundle()
            .add("tallymark.jsonl/lines", b"")
            .refused(Reason::BundleUnreadable),
        Case::new("model-missing", "there is no model at the path", "")
            .no_bundle()
            .model_at("elsewhere")
            .refused(Reason::ModelUnreadable),
        malformed("bundle-file-empty", "a bundle file of no bytes", ""),
        malformed("byte-order-mark", "three bytes before the first line", format!("\u{feff}{plain}")),
        malformed("trailing-garbage", "a word after the value", format!("{body} x\n")),
        malformed("no-final-line-feed", "the last line may be cut short", body),
        malformed("empty-line", "a line without a bundle between two with one", format!("{plain}\n{plain}")),
        malformed("second-line-malformed", "half a file is not evidence", format!("{plain}{{}}\n")),
        malformed("duplicate-member", "one member twice", edit(&plain, &key, &format!("{key},{key}"))),
        malformed(
            "float",
            "a number with a fraction",
            edit(&plain, "\"integratedTime\":\"0\"", "\"integratedTime\":0.0"),
        ),
        malformed(
            "deep-nesting",
            "65 arrays within each other",
            edit(&plain, &key, &format!("{key},\"x\":{deep}")),
        ),
        malformed(
            "unknown-member",
            "a member that the format does not have",
            edit(&plain, &key, &format!("{key},\"x\":1")),
        ),
        malformed(
            "two-signatures",
            "an envelope with two signatures",
            edit(&plain, &sig, &format!("{sig},{sig}")),
        ),
        malformed("no-signature", "an envelope without a signature", edit(&plain, &sig, "")),
        malformed(
            "media-type",
            "another version of the bundle format",
            edit(&plain, "bundle.v0.3+json", "bundle.v0.4+json"),
        ),
        malformed(
            "payload-type",
            "an envelope around something that is not a statement",
            edit(&plain, "application/vnd.in-toto+json", "application/json"),
        ),
        malformed(
            "payload-type-unspecific",
            "a payload type that in-toto's begins with",
            edit(&plain, "application/vnd.in-toto+json", "application/vnd.in-toto"),
        ),
        malformed(
            "certificate",
            "material of another kind beside the key",
            edit(&plain, &key, &format!("{key}}},\"certificate\":{{\"rawBytes\":\"\"")),
        ),
        malformed(
            "base64-unpadded",
            "a payload in base64 with a character too many",
            edit(&plain, &payload, &payload.replacen(":\"", ":\"=", 1)),
        ),
        malformed(
            "hint-upper-case",
            "a key id that is not in lower case",
            edit(&plain, &key, &key.to_uppercase().replacen("HINT", "hint", 1)),
        ),
        malformed(
            "leading-zero",
            "an index with a leading zero",
            edit_first(&plain, "\"logIndex\":\"4\"", "\"logIndex\":\"04\""),
        ),
        malformed(
            "integrated-time",
            "a time, about which our logs make no claim",
            edit(&plain, "\"integratedTime\":\"0\"", "\"integratedTime\":\"1795000000\""),
        ),
        malformed(
            "entry-kind",
            "an entry of another kind of log",
            edit(&plain, "\"kind\":\"tallymark\"", "\"kind\":\"hashedrekord\""),
        ),
        Case::new("trust-malformed", "a misspelt demand", plain.clone())
            .trust(plain_trust().replace("keys =", "key ="))
            .refused(Reason::TrustMalformed),
        Case::new("trust-without-publisher", "a trust file that lets nobody sign", plain.clone())
            .trust(plain_trust().split("[[publisher]]").next().unwrap().to_owned())
            .refused(Reason::TrustMalformed),
        Case::new("trust-missing", "the trust file that was named is not there", plain.clone())
            .trust(None)
            .trust_at("nowhere.toml")
            .refused(Reason::TrustUnreadable),
        Case::new("trust-inside-model", "a model that brings its own trust file", plain)
            .trust_at("model/tallymark.toml")
            .refused(Reason::TrustInsideModel),
    ]
}
