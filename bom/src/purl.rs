//! Package URLs: `pkg:pypi/torch@2.9.1`.

use std::fmt::Write as _;

/// The purl of a package of Python, or of conda if a channel is named. `None` without a version, since a purl without one
/// stands for all of them.
pub(crate) fn of_package(name: &str, version: Option<&str>, is_conda: bool) -> Option<String> {
    let version = version.filter(|version| !version.is_empty())?;
    let (kind, name) = if is_conda {
        ("conda", name.to_owned())
    } else {
        ("pypi", name.to_ascii_lowercase().replace('_', "-"))
    };
    (!name.is_empty()).then(|| format!("pkg:{kind}/{}@{}", encoded(&name), encoded(version)))
}

/// Percent-encoding of all but the characters that a purl leaves as they are.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_nothing_slips_into_another_part() {
        assert_eq!(
            of_package("Torch_Vision", Some("0.1+cpu"), false).as_deref(),
            Some("pkg:pypi/torch-vision@0.1%2Bcpu")
        );
        assert_eq!(
            of_package("a/b@c?d#e", Some("1"), true).as_deref(),
            Some("pkg:conda/a%2Fb%40c%3Fd%23e@1")
        );
        assert_eq!((of_package("a", None, false), of_package("", Some("1"), false)), (None, None));
    }
}
