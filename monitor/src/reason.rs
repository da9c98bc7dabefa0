//! Why somebody is told something: stable codes, and the words beside them.
//!
//! The one table; spec/monitor.md has the same, and a test compares the two.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a reason is about. Programs branch on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "exit codes are one for each")]
pub enum Class {
    /// An entry is one of those that were asked for. Exit code 3.
    Watched,
    /// It could not be looked, or what is shown is too old to say anything. Exit code 4.
    Blind,
    /// The log is not what it says it is. Exit code 1.
    False,
}

impl Class {
    /// How the program ends if this is the worst it met.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::False => 1,
            Self::Watched => 3,
            Self::Blind => 4,
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $class:ident $code:literal $title:literal $advice:literal;)+) => {
        /// Why somebody is told something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $code)] $name,)+
        }

        impl Reason {
            /// All of them, in the order of the specification.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it is about.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)+ }
            }

            /// What happened, in words for everybody.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)+ }
            }
        }
    };
}

reasons! {
    /// The checkpoint is no checkpoint.
    CheckpointMalformed False "checkpoint-malformed"
        "The log shows something that is no checkpoint." "Ask whoever keeps the log; keep what it showed.";
    /// An older checkpoint than one that was seen.
    CheckpointReplayed False "checkpoint-replayed"
        "The log shows an older state than it showed before."
        "A cache on the way may be stale. If it stays so, somebody is hiding new entries: read the log by another way.";
    /// The youngest cosignature is too old.
    CheckpointStale Blind "checkpoint-stale"
        "No witness has confirmed the log for too long."
        "New entries may be withheld. Ask whoever keeps the log, and its witnesses.";
    /// The log did not sign it.
    CheckpointUnsigned False "checkpoint-unsigned"
        "What is shown is not signed by the log." "Believe nothing from this address until it is.";
    /// Somebody else was shown a newer one, and this address does not have it.
    CheckpointWithheld False "checkpoint-withheld"
        "Others are shown a newer state of the log than this address shows."
        "Read the log by another way; entries are being kept from you.";
    /// A line by a witness of the policy does not verify.
    CosignatureInvalid False "cosignature-invalid"
        "The confirmation of a witness is forged or broken." "Ask whoever keeps the log and that witness.";
    /// The quorum is not met.
    CosignaturesInsufficient Blind "cosignatures-insufficient"
        "Fewer witnesses than wanted have confirmed the log."
        "Nobody can tell whether everybody is shown the same. Ask whoever keeps the log.";
    /// Two signed trees, of which neither extends the other.
    Fork False "fork"
        "The log has rewritten its history: it signed two that contradict each other."
        "Publish the evidence file. Trust nothing that is only in this log any more.";
    /// An address or a witness shows a tree that contradicts this one.
    SplitView False "split-view"
        "The log shows different people different histories."
        "Publish the evidence file. Trust nothing that is only in this log any more.";
    /// The entries of a bundle are not those of the tree.
    BundleDiffers False "bundle-differs"
        "The log hands out other entries than those it signed for."
        "What it hands out is not what was signed. Ask whoever keeps the log; keep a copy.";
    /// The tree has an entry that is not handed out.
    EntryHidden False "entry-hidden"
        "The log has an entry that it does not hand out."
        "Somebody may have signed in your name, and you cannot see it. Ask whoever keeps the log.";
    /// The tiles do not lead to the signed root.
    TileDiffers False "tile-differs"
        "The log's files do not fit the state that it signed." "Ask whoever keeps the log.";
    /// Less than was shown before, and the rest is gone.
    TreeRolledBack False "tree-rolled-back"
        "The log has lost entries that it had shown before."
        "Entries that were published are gone. Keep the evidence file, and ask whoever keeps the log.";
    /// No answer, or none that can be used.
    LogUnreachable Blind "log-unreachable"
        "The log could not be read." "You are not being warned of anything while this lasts. Look at the network first.";
    /// Bytes that are no entry.
    EntryMalformed Watched "entry-malformed"
        "The log took something that is no entry." "The log admits what it should not. Ask whoever keeps it.";
    /// An entry that its key did not sign.
    EntrySignatureInvalid Watched "entry-signature-invalid"
        "The log took an entry whose signature is forged."
        "Somebody wanted it to look as if that key had signed. Verifiers refuse it. Ask whoever keeps the log.";
    /// A digest that is watched.
    DigestWatched Watched "digest-watched"
        "Somebody signed something about a digest that you watch."
        "See who it was. Nothing is wrong if you know the key.";
    /// An event about a watched name.
    EventWatched Watched "event-watched"
        "An approval, withdrawal or the like was signed about a name of yours."
        "If it was not you, ask whoever has the key. Verifiers judge events by their own rules.";
    /// Made from something that is watched.
    InputWatched Watched "input-watched"
        "Somebody made something from what is yours." "See what it is and whether your licence allows it.";
    /// A key that is watched.
    KeyWatched Watched "key-watched"
        "A key that you watch was used."
        "If you did not use it, it is stolen: withdraw what it signed, and tell your users from which entry on.";
    /// A key that never signed this name before.
    KeyNew Watched "key-new"
        "A name that is known was signed with a key that never signed it before."
        "If the key is yours, acknowledge this. If not, somebody signs in your name.";
    /// A key that may not sign there.
    KeyUnexpected Watched "key-unexpected"
        "Somebody else signed in your name."
        "Tell your users, and `tallymark revoke` the digest. Verifiers that know your keys refuse it anyway.";
    /// A name that looks like a watched one.
    NameLookalike Watched "name-lookalike"
        "Somebody signed under a name that looks like yours."
        "See whether it is meant to be taken for you, and tell your users.";
    /// A name that is watched.
    NameWatched Watched "name-watched"
        "Something was signed under a name that you watch."
        "If you made it, `tallymark-monitor expect` its bundle before the next one. If not, somebody signs in your name.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_the_table_are_the_same() {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/monitor.md")).unwrap();
        for reason in Reason::ALL {
            let class = match reason.class() {
                Class::False => "false",
                Class::Watched => "watched",
                Class::Blind => "blind",
            };
            let row = format!("| `{}` | {class} | {} |", reason.code(), reason.title());
            assert!(page.contains(&row), "spec/monitor.md has no row:\n{row}");
        }
        let rows = page.lines().filter(|line| {
            ["| false |", "| watched |", "| blind |"].iter().any(|class| line.contains(class))
        });
        assert_eq!(rows.count(), Reason::ALL.len());
    }
}
