//! The other end of [`super::remote`]: a process that holds a key and its own ledger, and answers one socket.
//!
//! Whoever can open the socket can have heads signed that extend the last one, and nothing else. The socket is for its
//! owner only (mode 0600). Questions are taken one at a time; a peer that dawdles is cut off after 5 s.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tlog::checkpoint::Origin;
use tlog::note::Note;

use super::frame::{self, Answer, Question, Reason};
use super::status::Draft;
use super::{HeadSigner, LedgeredSigner, SigningError};

/// Makes a socket that only its owner may open. One that a former process left behind is replaced.
///
/// It is made in a directory nobody else can enter and then given its name, so it is never open to others.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if something else than a socket has that name; what the system says.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut private = path.as_os_str().to_owned();
    private.push(format!(".{}", std::process::id()));
    let private = Path::new(&private);
    std::fs::DirBuilder::new().mode(0o700).create(private)?;
    let inside = private.join("s");
    let bound = UnixListener::bind(&inside).and_then(|listener| {
        std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        Ok(listener)
    });
    let removed = std::fs::remove_dir_all(private);
    let listener = bound?;
    removed?;
    Ok(listener)
}

/// How many questions ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Heads signed, the same head again included, and statuses.
    pub signed: u64,
    /// Heads and statuses refused.
    pub refused: u64,
    /// Connections that brought no question.
    pub malformed: u64,
}

/// A signer behind a socket.
#[derive(Debug)]
pub struct SigningProcess {
    origin: Origin,
    signer: LedgeredSigner,
    counts: Counts,
}

impl SigningProcess {
    /// Takes the signer of the log called `origin`.
    #[must_use]
    pub fn new(origin: Origin, signer: LedgeredSigner) -> Self {
        Self { origin, signer, counts: Counts::default() }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Answers until `stop` is set and one more connection comes, or until the signer meets an error.
    ///
    /// # Errors
    /// [`SigningError`] if key or ledger failed: the outcome is unknown and the process must end.
    pub fn run(&mut self, listener: &UnixListener, stop: &AtomicBool) -> Result<(), SigningError> {
        while !stop.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, _)) => self.serve(stream)?,
                Err(error) => tracing::warn!(%error, "could not accept a connection"),
            }
        }
        Ok(())
    }

    fn serve(&mut self, mut stream: UnixStream) -> Result<(), SigningError> {
        let question = frame::read(&mut stream).map(|body| Question::decode(&body));
        let (answer, failure) = match question {
            Ok(Ok(question)) => self.answer(&question),
            Ok(Err(malformed)) => {
                self.counts.malformed += 1;
                tracing::warn!(%malformed, count = self.counts.malformed, "not a question");
                (Answer::Refused(Reason::Malformed), None)
            }
            Err(error) => {
                self.counts.malformed += 1;
                tracing::warn!(%error, count = self.counts.malformed, "no question came");
                return Ok(());
            }
        };
        if let Err(error) = frame::write(&mut stream, &answer.encode()) {
            tracing::warn!(%error, "an answer was not taken");
        }
        failure.map_or(Ok(()), Err)
    }

    /// The answer, and what must end the process after it is out.
    fn answer(&mut self, question: &Question) -> (Answer, Option<SigningError>) {
        let (head, time, proof) = match question {
            Question::Last => {
                let (last, origin) = (*self.signer.last(), self.origin.clone());
                let public_key = *self.signer.vkey().public_key();
                let (head, time) = (*last.head(), last.time());
                return (Answer::Last { public_key, head, time, origin }, None);
            }
            Question::Sign { head, time, proof } => (head, *time, proof),
            Question::SignStatus(draft) => return (self.answer_status(draft), None),
        };
        let (size, root) = (head.size().get(), head.root());
        match self.signer.sign(head, proof, time).map(|checkpoint| signature_of(checkpoint.note())) {
            Ok(Some(signature)) => {
                self.counts.signed += 1;
                tracing::info!(size, %root, count = self.counts.signed, "head signed");
                (Answer::Signed(signature), None)
            }
            // An Ed25519 signature that verified has 64 bytes.
            Ok(None) => (Answer::Refused(Reason::Failed), Some(SigningError::Spent)),
            Err(error) => {
                self.counts.refused += 1;
                tracing::error!(size, %root, %error, count = self.counts.refused, "head refused");
                (Answer::Refused(reason(&error)), (!error.is_refusal()).then_some(error))
            }
        }
    }

    /// The answer about a status. Whatever goes wrong, the ledger is what it was.
    fn answer_status(&mut self, draft: &Draft) -> Answer {
        let size = draft.head().size().get();
        match self.signer.sign_status(draft).map(|status| signature_of(status.note())) {
            Ok(Some(signature)) => {
                self.counts.signed += 1;
                tracing::debug!(size, map = %draft.map(), count = self.counts.signed, "status signed");
                Answer::Signed(signature)
            }
            Ok(None) => Answer::Refused(Reason::Failed),
            Err(error) => {
                self.counts.refused += 1;
                tracing::error!(size, %error, count = self.counts.refused, "status refused");
                Answer::Refused(reason(&error))
            }
        }
    }
}

fn reason(error: &SigningError) -> Reason {
    match error {
        SigningError::NotSigned { .. } => Reason::NotSigned,
        SigningError::OtherRoot { .. } => Reason::OtherRoot,
        SigningError::Smaller { .. } => Reason::Smaller,
        SigningError::TimeGoesBack { .. } => Reason::TimeGoesBack,
        SigningError::NotBeginning { .. }
        | SigningError::ProofNotEmpty { .. }
        | SigningError::Unproven { .. } => Reason::Unproven,
        _ => Reason::Failed,
    }
}

fn signature_of(note: &Note) -> Option<[u8; 64]> {
    note.signatures().first()?.payload().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::signing::KeyError;
    use crate::signing::remote::{RemoteKey, ask};
    use ed25519_dalek::SigningKey;
    use merkle::{ConsistencyProof, Frontier, LeafHash, TreeHead};
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::thread::JoinHandle;
    use tlog::vkey::Vkey;

    fn none() -> ConsistencyProof {
        ConsistencyProof::new(Vec::new()).unwrap()
    }

    /// Heads of sizes 0, 1 and 2, and the proof from 1 to 2.
    fn heads() -> ([TreeHead; 3], ConsistencyProof) {
        let (one, two) = (LeafHash::of(b"one"), LeafHash::of(b"two"));
        let mut frontier = Frontier::new();
        frontier.append(one).unwrap();
        let first = frontier.head();
        frontier.append(two).unwrap();
        ([TreeHead::empty(), first, frontier.head()], ConsistencyProof::new(vec![two.hash()]).unwrap())
    }

    /// A running signing process and the log that uses it.
    struct Case {
        dir: tempfile::TempDir,
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<Counts>>,
    }

    impl Case {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let key = SigningKey::from_bytes(&[1; 32]);
            let ledger = Ledger::create(&dir.path().join("theirs"), &vkey(), 100).unwrap();
            let origin: Origin = "log.test/1".parse().unwrap();
            let signer = LedgeredSigner::of_file(origin.clone(), key, ledger).unwrap();
            let listener = bind(&dir.path().join("socket")).unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            let thread = std::thread::spawn(move || {
                let mut process = SigningProcess::new(origin, signer);
                process.run(&listener, &stopped).unwrap();
                process.counts()
            });
            Ledger::create(&dir.path().join("ours"), &vkey(), 100).unwrap();
            Self { dir, stop, thread: Some(thread) }
        }

        fn socket(&self) -> PathBuf {
            self.dir.path().join("socket")
        }

        /// The log's side, as after a start.
        fn signer(&self) -> LedgeredSigner {
            let ledger = Ledger::open(&self.dir.path().join("ours"), &vkey(), &mut |_| {}).unwrap();
            let key = Box::new(RemoteKey::new(self.socket(), *vkey().public_key()));
            LedgeredSigner::new("log.test/1".parse().unwrap(), key, ledger).unwrap()
        }

        fn end(&mut self) -> Counts {
            self.stop.store(true, Ordering::Release);
            let _ = UnixStream::connect(self.socket());
            self.thread.take().unwrap().join().unwrap()
        }
    }

    fn vkey() -> Vkey {
        let key = SigningKey::from_bytes(&[1; 32]);
        Vkey::ed25519("log.test/1".parse().unwrap(), key.verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn heads_are_signed_over_the_socket_and_remembered_on_both_sides() {
        let mut case = Case::new();
        let ([empty, one, two], proof) = heads();
        let mut signer = case.signer();
        for (head, proof) in [(empty, none()), (one, none()), (two, proof)] {
            let checkpoint = signer.sign(&head, &proof, 200).unwrap();
            assert_eq!(checkpoint.open(&vkey()).unwrap().head(), &head);
            assert_eq!((signer.last().head(), ask(&case.socket()).unwrap().head), (&head, head));
        }
        // A start signs the same head again.
        case.signer().sign(&two, &none(), 300).unwrap();
        let counts = case.end();
        assert_eq!((counts.signed, counts.refused), (4, 0));
    }

    #[test]
    fn a_crash_between_the_two_ledgers_is_caught_up_with() {
        let mut case = Case::new();
        let ([_, one, two], proof) = heads();
        let ours = case.dir.path().join("ours");
        let mut signer = case.signer();
        signer.sign(&one, &none(), 200).unwrap();
        let before = std::fs::read(&ours).unwrap();
        signer.sign(&two, &proof, 200).unwrap();
        std::fs::write(&ours, before).unwrap();
        let mut signer = case.signer();
        signer.sign(&two, &proof, 200).unwrap();
        assert_eq!(signer.last().head(), &two);
        case.end();
    }

    #[test]
    fn an_older_ledger_on_this_side_does_not_get_a_fork_signed() {
        let mut case = Case::new();
        let ([_, one, two], proof) = heads();
        let ours = case.dir.path().join("ours");
        let fresh = std::fs::read(&ours).unwrap();
        let mut signer = case.signer();
        signer.sign(&one, &none(), 200).unwrap();
        signer.sign(&two, &proof, 200).unwrap();
        // An old copy of the directory is put back.
        std::fs::write(&ours, fresh).unwrap();
        let mut other = Frontier::new();
        other.append(LeafHash::of(b"another")).unwrap();
        let refused = case.signer().sign(&other.head(), &none(), 200).unwrap_err();
        let source = std::error::Error::source(&refused).unwrap().to_string();
        assert!(
            matches!(
                refused,
                SigningError::Key { source: KeyError::Elsewhere { size_there: 2, size_here: 0 } }
            ),
            "{source}"
        );
        case.end();
    }

    #[test]
    fn the_process_itself_refuses_what_does_not_extend_its_last_head() {
        let mut case = Case::new();
        let ([empty, one, two], proof) = heads();
        let ask = |question: &Question| {
            let mut stream = UnixStream::connect(case.socket()).unwrap();
            frame::write(&mut stream, &question.encode()).unwrap();
            Answer::decode(&frame::read(&mut stream).unwrap()).unwrap()
        };
        let sign = |head: &TreeHead, proof: &ConsistencyProof, time| {
            ask(&Question::Sign { head: *head, time, proof: proof.clone() })
        };
        let mut forked = Frontier::new();
        forked.append(LeafHash::of(b"forked")).unwrap();
        assert!(matches!(sign(&one, &none(), 200), Answer::Signed(_)));
        assert_eq!(sign(&two, &none(), 200), Answer::Refused(Reason::Unproven));
        assert_eq!(sign(&forked.head(), &none(), 200), Answer::Refused(Reason::OtherRoot));
        assert_eq!(sign(&two, &proof, 199), Answer::Refused(Reason::TimeGoesBack));
        assert!(matches!(sign(&two, &proof, 200), Answer::Signed(_)));
        assert_eq!(sign(&one, &none(), 200), Answer::Refused(Reason::Smaller));
        assert_eq!(sign(&empty, &none(), 200), Answer::Refused(Reason::Smaller));
        let counts = case.end();
        assert_eq!((counts.signed, counts.refused), (2, 5));
    }

    #[test]
    fn a_status_is_signed_over_the_socket_and_the_process_refuses_one_of_a_tree_it_did_not_sign() {
        let mut case = Case::new();
        let ([empty, one, two], proof) = heads();
        let mut signer = case.signer();
        signer.sign(&one, &none(), 200).unwrap();
        signer.sign(&two, &proof, 200).unwrap();
        let map = merkle::Hash::from_bytes([5; 32]);
        for (head, to_last) in [(two, none()), (one, proof.clone()), (empty, none())] {
            let status = signer.sign_status(&Draft::new(head, to_last, map, 300)).unwrap();
            assert_eq!(status.open(&vkey()).unwrap().status().head(), &head);
        }
        let ask = |draft: Draft| {
            let mut stream = UnixStream::connect(case.socket()).unwrap();
            frame::write(&mut stream, &Question::SignStatus(draft).encode()).unwrap();
            Answer::decode(&frame::read(&mut stream).unwrap()).unwrap()
        };
        let mut forked = Frontier::new();
        forked.append(LeafHash::of(b"forked")).unwrap();
        let forked = Draft::new(forked.head(), proof, map, 300);
        assert_eq!(ask(forked), Answer::Refused(Reason::Unproven));
        assert_eq!(ask(Draft::new(two, none(), map, 299)), Answer::Refused(Reason::TimeGoesBack));
        let mut grown = Frontier::new();
        for _ in 0..3 {
            grown.append(LeafHash::of(b"x")).unwrap();
        }
        assert_eq!(ask(Draft::new(grown.head(), none(), map, 300)), Answer::Refused(Reason::NotSigned));
        assert_eq!(signer.last().head(), &two);
        case.end();
    }

    #[test]
    fn hostile_frames_are_counted_and_the_next_peer_is_served() {
        let mut case = Case::new();
        let hostile: [&[u8]; 6] = [
            b"",
            b"\0\0\0\0",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x09GET / HTT",
            b"\0\0\0\x02\x01\0",
            b"\0\0\0\x32\x02",
        ];
        for bytes in hostile {
            let mut stream = UnixStream::connect(case.socket()).unwrap();
            stream.write_all(bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            if let Ok(body) = frame::read(&mut stream) {
                assert_eq!(Answer::decode(&body), Ok(Answer::Refused(Reason::Malformed)));
            }
        }
        assert_eq!(ask(&case.socket()).unwrap().head, TreeHead::empty());
        // The connection that ends it may count too, or find the door closed.
        let surplus = case.end().malformed.checked_sub(hostile.len() as u64);
        assert!(matches!(surplus, Some(0 | 1)), "{surplus:?}");
    }

    #[test]
    fn the_socket_is_for_its_owner_and_never_takes_the_place_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        for _ in 0..2 {
            let _listener = bind(&path).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        std::fs::write(dir.path().join("file"), b"mine").unwrap();
        assert_eq!(bind(&dir.path().join("file")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
