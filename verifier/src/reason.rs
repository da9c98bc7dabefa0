//! The one table of stable reason codes: what was seen, whose fault it is, at which step, and what to do.
//!
//! `spec/reasons.md` shows the same table; a test compares the two both ways, and a second one asks that every code
//! has a case under `testdata/bundle/reject` or names the test that produces it.
//!
//! In scope: codes, classes, exit codes, steps. Out of scope: the observation itself, which is
//! [`Failure`](crate::Failure), and words on a screen, which are [`report`](crate::report).

mod class;
mod step;

use std::fmt;

pub use self::class::Class;
pub use self::step::Step;

/// Writes the enum, the list of all its values and the lookups from one table, so that no row can be forgotten.
macro_rules! reasons {
    ($($step:ident { $($variant:ident $code:literal $class:ident, $seen:literal, $todo:literal;)+ })+) => {
        /// Why a model was not verified: a stable code that programs and tests may rely on.
        ///
        /// A code is never renamed and never reused; new ones may appear.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $seen] $variant,)+)+
        }

        impl Reason {
            /// Every reason, in the order of the steps.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The stable kebab-case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($(Self::$variant => $code,)+)+ }
            }

            /// What it means to a program.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $($(Self::$variant => Class::$class,)+)+ }
            }

            /// The step of the procedure that gives it.
            #[must_use]
            pub const fn step(self) -> Step {
                match self { $($(Self::$variant => Step::$step,)+)+ }
            }

            /// What was seen, in one sentence.
            #[must_use]
            pub const fn seen(self) -> &'static str {
                match self { $($(Self::$variant => $seen,)+)+ }
            }

            /// What to do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $($(Self::$variant => $todo,)+)+ }
            }
        }
    };
}

reasons! {
    Read {
        AnchorInsideModel "anchor-inside-model" Refused,
            "The key or certificate that is to be believed lies inside the model it is to judge.",
            "Keep it elsewhere; a model does not say whom to trust.";
        AnchorMalformed "anchor-malformed" Undecidable,
            "The file given with --oms-key or --oms-ca is not a key or certificate that OMS signatures are made with.",
            "Name the signer's public key in PEM (P-256, P-384, P-521), or certificates in PEM.";
        AnchorUnreadable "anchor-unreadable" Io,
            "The file given with --oms-key or --oms-ca could not be read.",
            "Check the path and its permissions.";
        BundleMalformed "bundle-malformed" VerifiedFalse,
            "A line of the bundle file is not a bundle, or the file is not lines.",
            "Fetch the bundle file again; if it stays so, it was not written by tallymark.";
        BundleMissing "bundle-missing" Refused,
            "There is no bundle file with the model: it is unsigned.",
            "Ask the publisher for the bundle file, or sign the model if it is yours.";
        BundleUnreadable "bundle-unreadable" Io,
            "The bundle file exists and could not be read.",
            "Check the path and its permissions.";
        CacheUnusable "cache-unusable" Undecidable,
            "The cache of digests is damaged, open to others, or could not be read or written.",
            "It holds nothing that cannot be made again: remove it, or leave out --trust-cache.";
        LineageMalformed "lineage-malformed" Undecidable,
            "What was given with --lineage holds a bundle file that is none, or more than is read.",
            "Take out what is no bundle file, or name the files that are needed; what one of them says may count against the model.";
        LineageUnreadable "lineage-unreadable" Io,
            "What was given with --lineage could not be read.",
            "Check the path and its permissions.";
        MemoryUnreadable "memory-unreadable" Undecidable,
            "What was verified before could not be read, so it is not known whether this goes back.",
            "Check the file given with --state; without what was seen before: --no-state.";
        OmsBundleMalformed "oms-bundle-malformed" VerifiedFalse,
            "The file is not an OMS bundle of any version.",
            "Fetch it again from the publisher; which versions are read is in spec/oms.md.";
        ModelUnreadable "model-unreadable" Io,
            "The model's path could not be read.",
            "Check the path and its permissions.";
        PackMalformed "pack-malformed" VerifiedFalse,
            "The file begins as a pack and is none.",
            "Fetch it again, or ask whoever packed it.";
        PinsUnreadable "pins-unreadable" Undecidable,
            "Who signed which name first could not be read.",
            "Check tallymark.lock beside the trust file; if it is lost, compare signers over another channel before it is begun anew.";
        TrustInsideModel "trust-inside-model" Refused,
            "The trust file lies inside the model it is to judge.",
            "Keep the trust file elsewhere; a model does not say whom to trust.";
        TrustMalformed "trust-malformed" Undecidable,
            "The trust file is not one: unknown key, bad pattern, bad key, bad policy.",
            "Correct the trust file; the message names the place.";
        TrustUnreadable "trust-unreadable" Io,
            "The trust file that was named could not be read.",
            "Check the path given with --trust or TALLYMARK_TRUST.";
    }
    Statement {
        ProvenanceMissing "provenance-missing" Refused,
            "No line of the bundle file is a provenance statement.",
            "Ask the publisher to sign the model's provenance.";
        HashUnsupported "hash-unsupported" Undecidable,
            "The OMS manifest has digests of a kind that is not computed here.",
            "Ask the publisher for a signature with sha256, or verify with the tool that made it.";
        ResourceNameRefused "resource-name-refused" VerifiedFalse,
            "The OMS manifest has a name that is no path inside a model, or names that are not one set of files.",
            "Refuse the model; other tools may read the same manifest in another way.";
        ResourceRepeated "resource-repeated" VerifiedFalse,
            "The OMS manifest has one name twice.",
            "Refuse the model; other tools take the one or the other.";
        RootDigestMismatch "root-digest-mismatch" VerifiedFalse,
            "The root digest of the OMS statement is not that of its resources.",
            "Refuse the file; a correct signer does not write this.";
        StatementMalformed "statement-malformed" VerifiedFalse,
            "The payload is not a statement, or it contradicts itself.",
            "Refuse the file; a correct signer does not write this.";
    }
    Signature {
        KeyHintMismatch "key-hint-mismatch" VerifiedFalse,
            "The bundle names a key that is neither trusted nor the one in its log entry.",
            "The hint was altered; fetch the bundle again from the publisher.";
        SignatureAlgorithmUnknown "signature-algorithm-unknown" Undecidable,
            "A certificate is of an algorithm that is not checked here, such as RSA.",
            "Ask the publisher for a signature with ECDSA, or verify with the tool that made it.";
        SignatureInvalid "signature-invalid" VerifiedFalse,
            "The signature does not verify under the key that the bundle names.",
            "The statement or the signature was altered; fetch both again from the publisher.";
    }
    Entry {
        EntryMalformed "entry-malformed" VerifiedFalse,
            "The log entry in the bundle is not an entry in its one permitted encoding.",
            "Refuse the file; no log of ours admits such an entry.";
        EntryMismatch "entry-mismatch" VerifiedFalse,
            "The log entry is not the one that this statement and key produce, with this salt if it is private.",
            "The bundle pairs a statement with another entry; fetch it again from the publisher.";
        EntrySaltMissing "entry-salt-missing" Undecidable,
            "The log entry is private, and the bundle has no salt to compute it again with.",
            "Fetch the bundle again from the publisher; the salt is in its line.";
        EntrySaltUnexpected "entry-salt-unexpected" VerifiedFalse,
            "The bundle has a salt, and its log entry is not private.",
            "The line was altered; fetch the bundle again from the publisher.";
        EntrySignatureInvalid "entry-signature-invalid" VerifiedFalse,
            "The log entry's own signature does not verify.",
            "The entry was altered; fetch the bundle again from the publisher.";
    }
    Inclusion {
        InclusionProofInvalid "inclusion-proof-invalid" VerifiedFalse,
            "The hashes do not lead from the entry to the root that the checkpoint names.",
            "The proof was altered or belongs to another entry; fetch the bundle again.";
        LogFieldsInconsistent "log-fields-inconsistent" VerifiedFalse,
            "An index, size or root written beside the proof disagrees with the proof or the checkpoint.",
            "Other tools may trust those copies; refuse the file and fetch it again.";
        NotLogged "not-logged" Refused,
            "The bundle carries no proof that the statement is in a log.",
            "Submit it to the log, or ask the publisher for the finished bundle.";
    }
    Checkpoint {
        CheckpointMalformed "checkpoint-malformed" VerifiedFalse,
            "The checkpoint is not a signed note over a tree head.",
            "Fetch the bundle again.";
        CheckpointSignatureInvalid "checkpoint-signature-invalid" VerifiedFalse,
            "The checkpoint is not signed by the key that the policy has for its origin.",
            "Refuse the file; if the log changed its key, get the new one from its operator.";
        LogForked "log-forked" VerifiedFalse,
            "The log signed two different trees of one size.",
            "Keep both files and tell the log's operator and its witnesses; until that is settled believe nothing it holds.";
        LogIdMismatch "log-id-mismatch" VerifiedFalse,
            "The bundle names another log than the one whose checkpoint it carries.",
            "Fetch the bundle again.";
        LogUnknown "log-unknown" Refused,
            "The policy has no log with the checkpoint's origin.",
            "If you trust that log, add its line to the policy in your trust file.";
    }
    Witnesses {
        CosignatureInvalid "cosignature-invalid" VerifiedFalse,
            "A line in the name of a witness of the policy does not verify.",
            "Refuse the file and fetch it again.";
        CosignaturesInsufficient "cosignatures-insufficient" Refused,
            "Fewer witnesses than the policy's quorum saw this checkpoint.",
            "Ask the publisher for a bundle with a cosigned checkpoint.";
    }
    Requirements {
        AncestorRevoked "ancestor-revoked" Refused,
            "Something the model was made from is withdrawn with all that was made from it, and nobody has undone it.",
            "Do not use it; ask the publisher for a model that was made without it.";
        ApprovalsInsufficient "approvals-insufficient" Refused,
            "Fewer people approved the model than a rule of the trust file demands.",
            "Ask them for an approval each: tallymark approve; whoever signed the provenance does not count.";
        ApproverRoleMissing "approver-role-missing" Refused,
            "Nobody with a role that a rule of the trust file names approved the model.",
            "Ask somebody with that role for an approval: tallymark approve.";
        CertificateExpired "certificate-expired" Refused,
            "A certificate of the chain had expired by the time that counts.",
            "Ask the publisher to sign again; --oms-time states another time, if you can prove when it was signed.";
        CertificateNotYetValid "certificate-not-yet-valid" Refused,
            "A certificate of the chain was not yet valid at the time that counts.",
            "Check the clock, or the time given with --oms-time.";
        CertificateUnfit "certificate-unfit" Refused,
            "A certificate of the chain is not for this use, or has a condition that is not followed here.",
            "Ask the publisher for a signature with a code signing certificate.";
        CertificateUntrusted "certificate-untrusted" Refused,
            "No chain leads from the signer's certificate to one of the authorities given.",
            "If you trust its authority, name that with --oms-ca.";
        CheckpointAgeUnknown "checkpoint-age-unknown" Undecidable,
            "A rule limits the age of the checkpoint, and no cosignature says when it was current.",
            "Ask for a bundle whose checkpoint a witness of the policy saw.";
        CheckpointStale "checkpoint-stale" Undecidable,
            "The youngest cosignature is older than a rule of the trust file allows.",
            "Fetch the bundle again; withdrawals since then are not in this one.";
        CheckpointOlder "checkpoint-older" Undecidable,
            "The bundle file is older than one that was verified for this name.",
            "Fetch the bundle file again; what was said since may be missing from this one.";
        EntrySaltDiffers "entry-salt-differs" Refused,
            "What speaks for the model is logged under another salt than the model, where nobody finds it who watches it.",
            "Ask for it to be signed again beside the model's bundle file, whose salt it then has.";
        EvaluationsInsufficient "evaluations-insufficient" Refused,
            "Fewer people signed an evaluation that passed than a rule of the trust file demands.",
            "Ask for one: tallymark attest eval; whoever signed the provenance does not count.";
        KeylessNotVerified "keyless-not-verified" Undecidable,
            "The OMS signature is keyless: only Fulcio's and Rekor's keys could decide it, which are not here.",
            "Verify it with a tool that has Sigstore's trust root, or ask for a signature with a key.";
        LineageCycle "lineage-cycle" VerifiedFalse,
            "By its statements something was made from itself, and a rule of the trust file demands its lineage.",
            "Refuse the model; the statements cannot all be true. The publisher signs it again.";
        LineageDisagrees "lineage-disagrees" Undecidable,
            "Two verified statements name different inputs for one thing, and a rule of the trust file demands its lineage.",
            "Ask the publishers which is right, and take the other's key or statement out.";
        LineageMissing "lineage-missing" Refused,
            "No statement says where something comes from whose lineage a rule of the trust file demands.",
            "Ask its publisher for the bundle file and give it with --lineage, or vouch for its digest with an [[anchor]].";
        LineageRelationRefused "lineage-relation-refused" Refused,
            "A model of the lineage came out of its inputs in a way that a rule of the trust file does not allow.",
            "Use a model that was made in another way, or add the relation to lineage-relations.";
        LineageSourceRefused "lineage-source-refused" Refused,
            "A link of the lineage is known in a way that a rule of the trust file does not accept.",
            "Ask the publisher to sign what was hashed, not what a tracker or a text says.";
        LineageTooDeep "lineage-too-deep" Undecidable,
            "The lineage goes on beyond the number of links that are followed.",
            "Vouch for a model on the way with an [[anchor]], where the lineage then ends.";
        LineageTooLarge "lineage-too-large" Undecidable,
            "The lineage has more models, datasets or links than are looked at.",
            "Vouch for a model on the way with an [[anchor]], where the lineage then ends.";
        LineageUnpinned "lineage-unpinned" Refused,
            "Something the model was made from is named without a digest, and a rule of the trust file demands its lineage.",
            "Ask the publisher to sign it with the input's digest.";
        LineageUnverified "lineage-unverified" Refused,
            "There are statements about where something comes from, and none that verifies by this trust file.",
            "Look at the reason given for it; if you trust its signer, add the key to the trust file.";
        MemoryUnwritten "memory-unwritten" Undecidable,
            "The model holds, and that it was verified could not be remembered.",
            "Check the disk and the file given with --state; to remember nothing: --no-state.";
        NoAnchor "no-anchor" Refused,
            "No key and no authority says whose OMS signature to believe.",
            "Name the signer's public key with --oms-key, or the authority's certificate with --oms-ca.";
        NameUnexpected "name-unexpected" Refused,
            "The statement is about another name than the caller asked for.",
            "Check that you fetched the right model.";
        NoTrust "no-trust" Refused,
            "No trust file says which logs and signers to believe.",
            "Write a trust file and name it with --trust.";
        PinsUnwritten "pins-unwritten" Undecidable,
            "The model holds, and who signed it first could not be written down.",
            "Check that tallymark.lock beside the trust file can be written, or name the signer with tallymark trust add.";
        PromotionMissing "promotion-missing" Refused,
            "The last promotion of the model is not to the stage that a rule of the trust file names.",
            "Ask whoever may for a promotion: tallymark promote.";
        Rejected "rejected" Refused,
            "Somebody who may say so of this name rejected the model, and nobody has undone it.",
            "Do not use it; to undo it another person signs tallymark reinstate.";
        ReleaseOlder "release-older" Refused,
            "A later release of this name was verified here before.",
            "Use the later one; if this one is meant, name its version with --version.";
        Revoked "revoked" Refused,
            "Somebody who may say so of this name withdrew the model, and nobody has undone it.",
            "Do not use it; ask the publisher for another version.";
        SignerChanged "signer-changed" Refused,
            "Another key signed this name when it was first verified.",
            "Ask the publisher over another channel; if the new key is right: tallymark trust add NAME KEY.";
        SignerOutOfTerm "signer-out-of-term" Refused,
            "The key may sign this name, but not at this place in the log.",
            "Ask the publisher to sign with the key that counts now.";
        SignerUnexpected "signer-unexpected" Refused,
            "The key is not one that may sign this name.",
            "Compare the key with the publisher over another channel before you add it to the trust file.";
        StatusContradicts "status-contradicts" VerifiedFalse,
            "A log signed a status that leaves out an event which its own tree has.",
            "Keep the bundle file and tell the log's operator and whoever audits it; until that is settled believe no status of it.";
        StatusInvalid "status-invalid" VerifiedFalse,
            "A status snapshot is not what its log signed, or does not show what it says.",
            "Refuse the file, or take the line out and fetch the status again: tallymark status.";
        StatusMissing "status-missing" Undecidable,
            "A rule limits the age of the status, and there is none of a log of the policy.",
            "Fetch it from the log: tallymark status; a withdrawal may be missing from the bundle file.";
        StatusStale "status-stale" Undecidable,
            "The newest status of a log is older than a rule of the trust file allows.",
            "Fetch it again: tallymark status; a later withdrawal may be missing from the bundle file.";
        StatusWithheld "status-withheld" Refused,
            "A log knows of an event by a key that counts, and its statement is not here: it may withdraw the model.",
            "Ask the publisher for the whole bundle file; a line was left out of this one, or never added.";
        Superseded "superseded" Refused,
            "Another model takes the place of this one, and a rule of the trust file refuses such.",
            "Use the successor that the event names.";
        VersionUnexpected "version-unexpected" Refused,
            "The statement is about another version than the caller asked for.",
            "Check that you fetched the right version.";
    }
    Contents {
        FileChanged "file-changed" VerifiedFalse,
            "A signed file is here with other bytes.",
            "Fetch the file again; do not load the model.";
        FileMissing "file-missing" VerifiedFalse,
            "A signed file is not here.",
            "Fetch the file; the signature is over the whole model.";
        FileRenamed "file-renamed" VerifiedFalse,
            "Signed bytes lie here under another name.",
            "Restore the names that were signed; loaders go by name.";
        FileUnexpected "file-unexpected" VerifiedFalse,
            "A file lies here that was not signed.",
            "Move it out of the model; engines load what lies there.";
        FileUnreadable "file-unreadable" Io,
            "A file of the model could not be read.",
            "Check the path, its permissions and the disk.";
        FormatRefused "format-refused" Refused,
            "A file is of a format that can run code when it is loaded, or that a rule of the trust file does not allow.",
            "Ask for the model as safetensors or GGUF; what was found where: tallymark scan.";
        FormatsUnknown "formats-unknown" Undecidable,
            "A rule of the trust file asks what the files are, and they could not be looked at for that.",
            "See why: tallymark scan.";
        ModelTooLarge "model-too-large" VerifiedFalse,
            "More files or bytes lie here than a signed model may have.",
            "Check that this is the model's directory and not one above it.";
        ModelUnstable "model-unstable" Undecidable,
            "The model changed while it was being read.",
            "Verify again when nothing writes to it.";
        PathRefused "path-refused" VerifiedFalse,
            "A path in the model is one that no signed model may contain.",
            "Move the file out of the model.";
        PathsCollide "paths-collide" VerifiedFalse,
            "Two paths differ only in case or Unicode form, so some file systems hold one of them.",
            "Refuse the model; one of the two was added to deceive.";
        SpecialFileFound "special-file-found" VerifiedFalse,
            "A socket, pipe or device lies in the model.",
            "Move it out of the model.";
        SubjectMismatch "subject-mismatch" VerifiedFalse,
            "The statement is about a model with another tree digest.",
            "Check that the bundle file belongs to this model.";
        SymlinkFound "symlink-found" VerifiedFalse,
            "A symbolic link lies in the model.",
            "Replace the link by the file it points to, or move it out of the model.";
        WaiverExpired "waiver-expired" Refused,
            "A file that can run code when it is loaded was let pass by a waiver, which has expired.",
            "Ask whoever signed it to look again: tallymark waive; or for the model as safetensors or GGUF.";
    }
}

impl Reason {
    /// The exit code of a program that stops for this reason.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self.class().exit_code()
    }

    /// The reason with that code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
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
    fn codes_are_distinct_kebab_case_and_find_their_reason_again() {
        for reason in Reason::ALL {
            let code = reason.code();
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
            assert_eq!(Reason::from_code(code), Some(*reason));
        }
    }

    #[test]
    fn a_page_of_the_spec_shows_every_row_of_the_table_and_no_other() {
        let page = include_str!("../../spec/reasons.md");
        let (_, page) = page.split_once("\n## Codes\n").unwrap();
        let shown: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let table: Vec<String> = Reason::ALL
            .iter()
            .map(|r| {
                format!(
                    "| `{}` | {} | {} | {} {} | {} | {} |",
                    r.code(),
                    r.class(),
                    r.exit_code(),
                    r.step().number(),
                    r.step(),
                    r.seen(),
                    r.remedy()
                )
            })
            .collect();
        assert_eq!(shown, table);
    }

    #[test]
    fn the_procedure_lists_the_reasons_of_each_step() {
        let row = |page: &'static str, step: Step| {
            let start = format!("| {} {step} | ", step.number());
            page.lines().find(|line| line.starts_with(&start)).unwrap_or_default()
        };
        for step in Step::ALL {
            // What an OMS signature alone can give stands on its page and not in the procedure.
            let oms = row(include_str!("../../spec/oms.md"), step);
            let (own, foreign): (Vec<String>, Vec<String>) = Reason::ALL
                .iter()
                .filter(|reason| reason.step() == step)
                .map(|reason| format!("`{reason}`"))
                .partition(|code| !oms.contains(code.as_str()));
            let row = row(include_str!("../../spec/verification.md"), step);
            assert!(row.ends_with(&format!("| {} |", own.join(", "))), "{row}");
            assert!(oms.is_empty() || oms.ends_with(&format!("| {} |", foreign.join(", "))), "{oms}");
        }
    }
}
