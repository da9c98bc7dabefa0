//! An Atom feed (RFC 4287) of the newest messages, as a file that any web server can hand out.
//!
//! ```text
//! FILE           the feed
//! FILE.lines     the messages in it as JSON lines, oldest first: the feed is written from these
//! ```
//!
//! Both are replaced as a whole. A message that is delivered again takes its own place. Heartbeats are not in it: whoever reads a feed
//! does not want one an hour.

use std::fmt::Write as _;
use std::path::PathBuf;

use attest::digest::Sha256Digest;

use super::SinkError;
use crate::alert::{Alert, Kind};
use crate::disk;

/// Messages in the feed.
const MAX_ENTRIES: usize = 100;
/// As many of the longest messages there are.
const MAX_LINES_BYTES: u64 = 16 * 1024 * 1024;

/// A feed at a path.
#[derive(Debug)]
pub struct FeedSink {
    path: PathBuf,
}

impl FeedSink {
    /// The feed in this file.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        if alert.kind == Kind::Heartbeat {
            return Ok(());
        }
        let mut lines = self.path.clone().into_os_string();
        lines.push(".lines");
        let lines = PathBuf::from(lines);
        let known = disk::read(&lines, MAX_LINES_BYTES)?.unwrap_or_default();
        // What is not a message of ours is left out, and so are those before the newest hundred.
        let known = String::from_utf8_lossy(&known);
        let mut alerts: Vec<Alert> =
            known.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        alerts.retain(|known| (&known.id, known.kind) != (&alert.id, alert.kind));
        alerts.push(alert.clone());
        let alerts = alerts.get(alerts.len().saturating_sub(MAX_ENTRIES)..).unwrap_or_default();
        let kept: String = alerts.iter().map(|alert| alert.to_json() + "\n").collect();
        disk::replace(&lines, kept.as_bytes())?;
        Ok(disk::replace_public(&self.path, self.feed(alerts).as_bytes())?)
    }

    fn feed(&self, alerts: &[Alert]) -> String {
        let id = Sha256Digest::of(self.path.display().to_string().as_bytes()).to_string();
        let updated = alerts.iter().map(|alert| alert.at.as_str()).max().unwrap_or_default();
        let mut feed = String::new();
        // Writing to a string does not fail.
        let _ = write!(
            feed,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
             <id>tag:tallymark.dev,2026:monitor:{}</id>\n<title>tallymark-monitor</title>\n\
             <author><name>tallymark-monitor</name></author>\n<updated>{updated}</updated>\n",
            id.get(..32).unwrap_or_default()
        );
        for alert in alerts.iter().rev() {
            let kind = if alert.kind == Kind::Resolved { "resolved" } else { "alert" };
            let _ = writeln!(
                feed,
                "<entry><id>tag:tallymark.dev,2026:{kind}:{}</id><updated>{}</updated><title>{}</title>\
                 <content type=\"text\">{}</content></entry>",
                escaped(&alert.id),
                escaped(&alert.at),
                escaped(&alert.subject()),
                escaped(&alert.text())
            );
        }
        feed.push_str("</feed>\n");
        feed
    }
}

/// Text for XML 1.0, in which most control characters cannot stand.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\t' => escaped.push(character),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}')
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;
    use crate::seen::Concern;

    #[test]
    fn a_feed_has_the_newest_hundred_and_each_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("feed.xml");
        let sink = FeedSink::new(path.clone());
        let alert = |number: u32| {
            let concern = Concern::new(Reason::Fork, format!("number {number} of <many> & \u{7}"));
            Alert::of_concern("log.test/1", &concern, dir.path())
        };
        (0..120).chain([119]).for_each(|number| sink.deliver(&alert(number)).unwrap());
        sink.deliver(&Alert::heartbeat("well".to_owned(), vec![])).unwrap();
        let feed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(feed.matches("<entry>").count(), 100);
        assert!(feed.contains("number 119 of &lt;many&gt; &amp; \u{fffd}") && !feed.contains("number 19 "));
        assert!(feed.find("number 119").unwrap() < feed.find("number 118").unwrap(), "the newest first");
    }
}
