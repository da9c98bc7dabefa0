//! The `Authorization` line of a request (RFC 9110 §11.6.2, RFC 6750 §2.1): a bearer token or nothing.

use axum::http::{HeaderMap, header};

use crate::admission::gate::Shown;

const SCHEME: &str = "Bearer";

/// What the line says. Nothing but `Bearer`, one or more spaces and a word without spaces is a token; a second line
/// makes both void, because the two ends could differ in which they believe.
pub(super) fn shown(headers: &HeaderMap) -> Shown<'_> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (line, more) = (lines.next(), lines.next());
    match (line, more) {
        (None, _) => Shown::Nothing,
        (Some(line), None) => line.to_str().ok().and_then(token).map_or(Shown::Other, Shown::Token),
        (Some(_), Some(_)) => Shown::Other,
    }
}

fn token(line: &str) -> Option<&str> {
    let (scheme, rest) = line.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty() && !token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_line_holds_one_token_or_it_is_void() {
        assert!(shown(&of(&[])) == Shown::Nothing);
        for line in ["Bearer abc", "bearer abc", "BEARER   abc"] {
            assert!(shown(&of(&[line])) == Shown::Token("abc"), "{line:?}");
        }
        for line in ["", "Bearer", "Bearer ", "Bearer a b", "Basic abc", "abc", "Bearerabc", "Bearer\tabc"] {
            assert!(shown(&of(&[line])) == Shown::Other, "{line:?}");
        }
        assert!(shown(&of(&["Bearer abc", "Bearer abc"])) == Shown::Other);
    }
}
