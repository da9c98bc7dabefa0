//! The one map from errors to exit status, stable code and hints. The compiler insists on every case.

use std::sync::Arc;

use attest::provenance::ProvenanceError;
use attest::scan::{CacheError, ScanError};
use verifier::Class;

use super::{Exit, Failure, OutputError};
use crate::bom::BomError;
use crate::bundle_file::BundleFileError;
use crate::diff::DiffError;
use crate::exec::ExecError;
use crate::gate::GateCommandError;
use crate::gather::GatherError;
use crate::git::GitError;
use crate::hub::{ENDPOINT_VARIABLE, HubError};
use crate::inspect::InspectError;
use crate::key_file::KeyFileError;
use crate::lineage::LineageError;
use crate::log_token::TOKEN_VARIABLE;
use crate::oms::OmsError;
use crate::pack::PackCommandError;
use crate::pages::PagesError;
use crate::passphrase::PASSPHRASE_VARIABLE;
use crate::read_set::ReadSetError;
use crate::sign::SignError;
use crate::train::RunError;
use crate::trust::TrustError;
use crate::trust_file::TrustFileError;
use crate::verify::OfferError;

/// A sentence of the verifier's table in the form of our hints: lower case, no full stop.
pub(super) fn sentence_as_hint(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::new(Exit::Io, "output", &error).hint("check the disk or program that standard output goes to")
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        match &error {
            CacheError::NotOurs { path } => Self::new(Exit::Refused, "hash-cache-open-to-others", &error)
                .hint(format!("others may have written to it; to begin anew: rm {}", path.display())),
            CacheError::Damaged { path } => Self::new(Exit::Refused, "hash-cache-damaged", &error)
                .hint(format!("it holds nothing that cannot be made again: rm {}", path.display())),
            _ => Self::new(Exit::Io, "hash-cache-io", &error)
                .hint("check the path and its permissions, or leave out --hash-cache"),
        }
    }
}

impl From<ReadSetError> for Failure {
    fn from(error: ReadSetError) -> Self {
        match &error {
            ReadSetError::NoStrace(_) => Self::new(Exit::Usage, "strace-missing", &error)
                .hint("install strace, or leave out --read-set"),
            ReadSetError::NotUnderstood { .. } | ReadSetError::TooMany => {
                Self::new(Exit::Undecidable, "read-set-incomplete", &error)
                    .hint("nothing was signed; without --read-set no list is needed")
            }
            ReadSetError::Io { .. } => {
                Self::new(Exit::Io, "read-set-io", &error).hint("check the path and its permissions")
            }
        }
    }
}

impl From<DiffError> for Failure {
    fn from(error: DiffError) -> Self {
        match &error {
            DiffError::NoStatement { model, .. } => Self::new(Exit::Refused, "no-provenance", &error)
                .hint(format!("to sign it: tallymark sign {} --as NAME:VERSION", model.display())),
            DiffError::NotNamed { model, has_private_names, .. } => {
                let told = Self::new(Exit::Usage, "input-not-named", &error)
                    .hint(format!("to see the names: tallymark inspect {}", model.display()));
                if *has_private_names {
                    told.hint("a name that is private is found by what opens it: --openings FILE")
                } else {
                    told
                }
            }
        }
    }
}

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Self {
        match &error {
            ExecError::ModelNotNamed { model } => Self::new(Exit::Usage, "model-not-named", &error)
                .hint("it would read something else than what was verified")
                .hint(format!(
                    "say where the copy shall stand: tallymark exec {} -- PROGRAM {{}}",
                    model.display()
                )),
            ExecError::NoRoom { .. } | ExecError::Copy(_) => Self::new(Exit::Io, "copy-io", &error)
                .hint("nothing was started; with --copy-in the copy goes where there is room"),
            ExecError::Start { .. } | ExecError::Wait { .. } => {
                Self::new(Exit::Io, "program", &error).hint("check the program's name and permissions")
            }
        }
    }
}

impl From<PackCommandError> for Failure {
    fn from(error: PackCommandError) -> Self {
        match &error {
            PackCommandError::Exists { .. } => Self::new(Exit::Usage, "file-exists", &error)
                .hint("give another name with --out, or remove it"),
            PackCommandError::InsideModel { .. } => Self::new(Exit::Usage, "out-inside-model", &error)
                .hint("give a name outside of the model with --out"),
            PackCommandError::Io { .. } | PackCommandError::Lineage(_) | PackCommandError::Scan(_) => {
                Self::new(Exit::Io, "pack-io", &error)
                    .hint("nothing was packed; check the path, its permissions and the disk")
            }
        }
    }
}

impl From<GateCommandError> for Failure {
    fn from(error: GateCommandError) -> Self {
        match &error {
            GateCommandError::Nothing(_) => Self::new(Exit::Usage, "no-models", &error)
                .hint("name each model, or a directory of them: tallymark gate --each ./models"),
            GateCommandError::TooMany => {
                Self::new(Exit::Usage, "too-many-models", &error).hint("judge them in several runs")
            }
            GateCommandError::List(_) | GateCommandError::Unlisted { .. } => {
                Self::new(Exit::Io, "models-unlisted", &error)
                    .hint("nothing was judged; check the path and its permissions")
            }
            GateCommandError::Report { .. } => {
                Self::new(Exit::Io, "report-io", &error).hint("check the path and its permissions")
            }
        }
    }
}

impl From<OfferError> for Failure {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Hub(error) => error.into(),
            OfferError::Name { .. } => Self::new(Exit::Usage, "hub-name", &error)
                .hint("as in: tallymark verify hf://acme/churn@v2 --no-download"),
            OfferError::NotHere { ref text, ref name } => Self::new(Exit::Usage, "model-not-here", &error)
                .hint(format!("by the hub's word alone: tallymark verify {text} --no-download"))
                .hint(format!("to fetch it first: hf download {} --local-dir DIR", name.repository())),
            OfferError::OfFilesHere { .. } => Self::new(Exit::Usage, "model-not-here", &error)
                .hint("leave out --bundle and --oms, or download the model first"),
            OfferError::Here { ref path } => Self::new(Exit::Usage, "model-is-here", &error)
                .hint(format!("without it: tallymark verify {}", path.display())),
        }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Token(error) => error.into(),
            HubError::Endpoint { .. } => Self::new(Exit::Usage, "hub-address", &error)
                .hint(format!("unset {ENDPOINT_VARIABLE}, or correct it")),
            HubError::Absent { .. } => Self::new(Exit::Io, "hub-absent", &error)
                .hint("check name and revision; for a model that is not for everybody set HF_TOKEN"),
            HubError::TokenInClear { .. } => Self::new(Exit::Usage, "token-in-clear", &error)
                .hint(format!("use https:// in {ENDPOINT_VARIABLE}, or unset HF_TOKEN")),
            HubError::Status { .. } | HubError::Unreachable { .. } | HubError::Broken { .. } => {
                Self::new(Exit::Io, "hub-unreachable", &error)
                    .hint("nothing was judged; try again, or check HF_ENDPOINT and the network")
            }
            HubError::TooLarge { .. } | HubError::Malformed { .. } => {
                Self::new(Exit::Undecidable, "hub-malformed", &error)
                    .hint("nothing was judged; download the model and judge that: tallymark verify DIR")
            }
            HubError::Path { .. } | HubError::Tree(_) => Self::new(Exit::VerifiedFalse, "hub-files", &error)
                .hint("no model that was signed here looks like that; do not download it"),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        use KeyFileError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Exists { path } => told(Exit::Refused, "key-exists")
                .hint("keys are never overwritten; choose another file with --key FILE")
                .hint(format!("to see whose it is: tallymark inspect {}", path.display())),
            E::Io { act: "create", path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                let dir = path.parent().unwrap_or(path).display();
                told(Exit::Io, "key-io").hint(format!("make the directory first: mkdir -p -m 700 {dir}"))
            }
            E::Io { .. } => told(Exit::Io, "key-io").hint("check the path and its permissions"),
            E::Loose { path, .. } => told(Exit::Refused, "key-readable-by-others")
                .hint(format!("others may have copied it; if not: chmod 600 {}", path.display())),
            E::Malformed { .. } => told(Exit::Refused, "key-unusable")
                .hint("check the passphrase; it is taken from --passphrase-file, TALLYMARK_PASSPHRASE or the terminal")
                .hint("a key that is not PKCS#8 PEM of Ed25519 or P-256 cannot be used; to make one: tallymark keygen"),
            E::Missing { .. } => told(Exit::Usage, "key-missing")
                .hint("to make one: tallymark keygen")
                .hint("if it lies elsewhere, name it with --key FILE or TALLYMARK_KEY"),
            E::NoHome => told(Exit::Usage, "no-home").hint("name the file with --key FILE"),
            E::NoPassphrase { .. } => told(Exit::Usage, "no-passphrase")
                .hint(format!("set --passphrase-file FILE or {PASSPHRASE_VARIABLE}, or run it in a terminal")),
            E::NotAFile { .. } | E::NotText { .. } | E::TooLarge { .. } => {
                told(Exit::Usage, "not-a-key-file").hint("name the private key with --key FILE")
            }
            E::TokenUnfit { .. } => told(Exit::Usage, "token-unfit")
                .hint(format!("put the token alone on the first line of a file: --token-file FILE, or set {TOKEN_VARIABLE}")),
            E::PassphraseEmpty { .. } => told(Exit::Usage, "passphrase-empty")
                .hint("give a passphrase, or for a machine: tallymark keygen --unencrypted"),
            E::PassphrasesDiffer => told(Exit::Usage, "passphrases-differ").hint("try again: tallymark keygen"),
            E::Public { path } => told(Exit::Usage, "public-key-given").hint(format!(
                "the private key is the file without .pub: --key {}",
                path.display().to_string().trim_end_matches(".pub")
            )),
        }
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        use GitError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::AnswerMalformed { .. } | E::AnswerTooLarge { .. } => told(Exit::Undecidable, "git-answer")
                .hint("check the checkout with: git fsck; or leave out --code"),
            E::Changed { .. } => told(Exit::Undecidable, "changed-while-signing")
                .hint("nothing was sent and nothing was written; sign again when nobody writes there"),
            E::Failed { dir, said, .. } if said.contains("dubious ownership") => {
                told(Exit::Refused, "git-failed").hint(format!(
                    "if you trust that checkout: git config --global --add safe.directory {dir}"
                ))
            }
            E::Failed { dir, .. } => told(Exit::Usage, "git-failed")
                .hint(format!("--code wants a git checkout with a commit; to see one: git -C {dir} log -1"))
                .hint("code outside git can be given as an input: --data code=DIR"),
            E::NotStarted { .. } => {
                told(Exit::Io, "git-not-run").hint("install git or put it on PATH, or leave out --code")
            }
            E::WorkTreeElsewhere { dir, .. } => told(Exit::Refused, "git-work-tree-elsewhere").hint(format!(
                "if you did not set that yourself, distrust it: git -C {dir} config core.worktree"
            )),
        }
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        use SignError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match error {
            E::Changed { .. } => told(Exit::Undecidable, "changed-while-signing")
                .hint("nothing was sent and nothing was written; sign again when nothing writes there"),
            E::ChangedDuringRun { .. } => told(Exit::Undecidable, "changed-during-run")
                .hint("nothing was signed; find out what writes there, such as a cache or the training itself, and run again"),
            E::CodeInsideModel { .. } | E::InputInsideModel { .. } => told(Exit::Usage, "input-inside-model")
                .hint("a model and what it was made from are different things; move one out of the other"),
            E::ModelInsideInput { .. } => told(Exit::Usage, "model-inside-input")
                .hint("the signature would change the input it is about; move the model out, or name a narrower input"),
            E::ModelInsideCode { .. } => told(Exit::Usage, "model-inside-code")
                .hint("git lists the model's files as code; ignore them with a line in .gitignore, or move the model out"),
            E::CodeName(_) | E::Entry { .. } | E::Statement { .. } => told(Exit::Refused, "statement-not-written")
                .hint("shorten the list of inputs; the message says which bound was met"),
            E::EmptyModel { .. } => told(Exit::Usage, "model-empty")
                .hint("name the directory that holds the model's files; what git and download tools leave there does not count"),
            E::NoLog => told(Exit::Usage, "no-log")
                .hint("name it with --log URL or TALLYMARK_LOG")
                .hint("to sign now and log later: --pending"),
            E::Unreadable { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
        }
    }
}

impl From<OmsError> for Failure {
    fn from(error: OmsError) -> Self {
        use OmsError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Exists { path } => told(Exit::Refused, "oms-exists")
                .hint(format!("signatures are never overwritten; if it is outdated: mv {0} {0}.old", path.display())),
            E::InsideModel { .. } => told(Exit::Usage, "oms-inside-model")
                .hint("write it to the usual place with --oms alone, or outside the model with --oms=FILE"),
            E::Io { .. } => told(Exit::Io, "oms-io")
                .hint("check permissions and free space, then run the same command again: the log knows a duplicate"),
            E::Key { .. } => told(Exit::Refused, "oms-key-unusable")
                .hint("it has to be PKCS#8 in PEM; from another form: openssl pkcs8 -topk8 -in OLD -out NEW")
                .hint("to make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out oms.pem"),
            E::Manifest { .. } | E::Statement { .. } => told(Exit::Refused, "oms-not-written")
                .hint("sign without --oms; the message says which bound was met"),
            E::NotEcdsa => told(Exit::Usage, "oms-key-missing")
                .hint("name an ECDSA key for it: --oms-key FILE")
                .hint("to make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out oms.pem"),
        }
    }
}

impl From<GatherError> for Failure {
    fn from(error: GatherError) -> Self {
        use GatherError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Incomplete(_) | E::Nothing { .. } | E::TooManyFacts { .. } => told(Exit::Refused, "source-incomplete")
                .hint("nothing was signed; mend the source, or leave out --strict and have the gap shown as a warning"),
            E::Mlflow(_) => told(Exit::Usage, "source-mlflow")
                .hint("name the run and where its store lies: --from mlflow:RUN@DIR"),
            E::Provenance(_) => told(Exit::Refused, "source-facts")
                .hint("name fewer sources; the message says which bound was met"),
            E::Wandb(_) => told(Exit::Usage, "source-wandb")
                .hint("name the directory of one run: --from wandb:wandb/offline-run-..."),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match &error {
            RunError::NotEmpty { .. } => Self::new(Exit::Usage, "out-not-empty", &error).hint(
                "old files would be signed as if the run had made them; name a new directory with --out",
            ),
            RunError::Io { act: "start", .. } => {
                Self::new(Exit::Io, "not-started", &error).hint("check the name of the program behind --")
            }
            RunError::Io { .. } => {
                Self::new(Exit::Io, "run-io", &error).hint("check the path and its permissions")
            }
        }
    }
}

impl From<ProvenanceError> for Failure {
    fn from(error: ProvenanceError) -> Self {
        Self::new(Exit::Usage, "inputs", &error)
            .hint("give each input its own name, and not more of them than that")
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        // The verifier has the one table of what a scan may find; its sentence is the hint.
        let error = Arc::new(error);
        let reason = verifier::Failure::Scan { source: Arc::clone(&error) }.reason();
        let exit = match reason.class() {
            Class::VerifiedFalse | Class::Refused => Exit::Refused,
            Class::Undecidable => Exit::Undecidable,
            Class::Io => Exit::Io,
        };
        Self::new(exit, reason.code(), &*error).hint(sentence_as_hint(reason.remedy()))
    }
}

impl From<BundleFileError> for Failure {
    fn from(error: BundleFileError) -> Self {
        use BundleFileError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Busy { .. } => told(Exit::Undecidable, "bundle-file-busy").hint("run the same command again"),
            E::Full { .. } => told(Exit::Refused, "bundle-file-full")
                .hint("move statements that nobody needs any more to another file"),
            E::Io { .. } => told(Exit::Io, "bundle-file-io")
                .hint("check permissions and free space, then run the same command again: the log knows a duplicate"),
            E::Malformed { path, .. } => told(Exit::VerifiedFalse, "bundle-malformed")
                .hint(format!("nothing was written; move {} away, or fetch it again", path.display())),
            E::Missing { .. } => told(Exit::Usage, "bundle-missing").hint("sign the model first: tallymark sign"),
            E::NotAFile { .. } => {
                told(Exit::Refused, "bundle-not-a-file").hint("move it away; nothing is written through a link")
            }
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        use TrustError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::InsideModel { .. } => told(Exit::Refused, "trust-inside-model")
                .hint("keep the trust file elsewhere; a model does not say whom to trust"),
            E::Io { .. } => told(Exit::Io, "trust-unreadable").hint("check the path given with --trust"),
            E::LogKey { .. } => told(Exit::Usage, "log-key")
                .hint("copy the line that tallymark-log init printed: --log-key NAME+ID+KEY"),
            E::Malformed { .. } => told(Exit::Undecidable, "trust-malformed")
                .hint("correct the trust file, or name the log's key: --log-key VKEY"),
            E::Missing => told(Exit::Usage, "no-log-key")
                .hint("name the log's key, as its operator prints it: --log-key VKEY")
                .hint("or a trust file whose policy has the log: --trust tallymark.toml"),
        }
    }
}

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        use InspectError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Io { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
            E::Malformed { .. } => told(Exit::VerifiedFalse, "malformed").hint("the message names the place"),
            E::PrivateKey { path } => told(Exit::Refused, "private-key")
                .hint(format!("its public half is shown by: tallymark inspect {}.pub", path.display())),
            E::TooLarge { .. } | E::Unknown { .. } => told(Exit::Usage, "unknown-kind").hint(
                "tallymark inspect knows bundles, log entries, tlog proofs, checkpoints, vkeys and public keys",
            ),
            E::Unsigned { path } => told(Exit::Usage, "bundle-missing")
                .hint(format!("to sign it: tallymark sign {} --as NAME:VERSION", path.display())),
        }
    }
}

impl From<BomError> for Failure {
    fn from(error: BomError) -> Self {
        use BomError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Unreadable { .. } => told(Exit::Io, "unreadable").hint("check the path and its permissions"),
            E::NoStatement { path } => told(Exit::Undecidable, "no-statement")
                .hint(format!("to see what is in it: tallymark inspect {}", path.display())),
            E::Write { .. } => told(Exit::Io, "bom-io").hint("check the path given with --out"),
            E::TooFewVerified { .. } => told(Exit::Refused, "too-few-verified")
                .hint("to see which fields are missing: tallymark bom DIR --check"),
        }
    }
}

impl From<TrustFileError> for Failure {
    fn from(error: TrustFileError) -> Self {
        use TrustFileError as E;
        let told = |exit, code| Self::new(exit, code, &error);
        match &error {
            E::Already { .. } => {
                told(Exit::Usage, "already-trusted").hint("to see the file: tallymark trust list")
            }
            E::Io { .. } => told(Exit::Io, "trust-io").hint("check the path and its permissions"),
            E::Key { .. } => told(Exit::Usage, "key-malformed")
                .hint("a key is what stands in KEY.pub, and what tallymark keygen prints under keys"),
            E::LogKey { .. } => told(Exit::Usage, "log-key-malformed")
                .hint("a log's key looks like name+id+key, as tallymark-log init prints it"),
            E::Layout { .. } => told(Exit::Undecidable, "trust-layout").hint("change the file in an editor"),
            E::Malformed { .. } | E::Toml { .. } => told(Exit::Undecidable, "trust-malformed")
                .hint("correct the trust file; the message names the place"),
            E::Missing => told(Exit::Undecidable, "no-trust")
                .hint("to begin one: tallymark trust add NAME KEY --log-key VKEY"),
            E::NobodyLeft { path } => told(Exit::Refused, "nobody-left")
                .hint(format!("to believe nobody any more: rm {}", path.display())),
            E::NotThere { .. } => {
                told(Exit::Usage, "not-trusted").hint("to see the file: tallymark trust list")
            }
        }
    }
}

impl From<LineageError> for Failure {
    fn from(error: LineageError) -> Self {
        Self::new(Exit::Io, "lineage-io", &error).hint("check the path given with --out")
    }
}

impl From<PagesError> for Failure {
    fn from(error: PagesError) -> Self {
        Self::new(Exit::Io, "pages-io", &error).hint("name a directory that you may write to")
    }
}
