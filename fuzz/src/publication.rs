//! A model, signed and logged: everything that a verifier is handed, and every layer at which it can be
//! tampered with.

use std::sync::LazyLock;

use attest::bundle::{Bundle, BundleFile, LogEntry};
use attest::digest::Sha256Digest;
use attest::dsse::Envelope;
use attest::entry::{Entry, EntryPayload};
use attest::key::PrivateKey;
use attest::provenance::{Input, InputDigest, Provenance, Source};
use attest::role::Role;
use attest::statement::Statement;
use attest::tree::{FileLeaf, Tree};
use ed25519_dalek::SigningKey;
use merkle::{Frontier, Hash, InclusionProof, LeafHash, LeafIndex};
use tlog::checkpoint::{CheckpointSigner, SignedCheckpoint};
use tlog::cosignature::{UnixSeconds, cosign};
use tlog::proof::LogProof;
use tlog::vkey::Vkey;
use verifier::{Expectation, Requirements, verify};

/// Keys for tests only, Ed25519 and P-256: the private halves are here for all to read.
const PRIVATE_KEYS: [&str; 2] = [
    "-----BEGIN PRIVATE KEY-----\n\
     MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
     -----END PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\n\
     MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAQEBAQEBAQEBAQEB\n\
     AQEBAQEBAQEBAQEBAQEBAQEBAQGhRANCAARv8DuUkkHOHa3UNRnmlg4KhbQaaaBc\n\
     MoEDqivOFZTKFjxPdTpVvwHcU/bAsMfu54tAxv99JaluIoK5ic73HBRK\n\
     -----END PRIVATE KEY-----\n",
];

/// The private key number `choice` of [`PRIVATE_KEYS`].
pub(crate) fn private_key(choice: usize) -> PrivateKey {
    PrivateKey::from_pem(PRIVATE_KEYS[choice], None).expect("a private key in PKCS#8")
}

/// A bundle that verifies, and what it verifies against.
pub struct Publication {
    bundle: Bundle,
    checkpoint: SignedCheckpoint,
    requirements: Requirements,
    tree: Tree,
}

static PUBLICATIONS: [LazyLock<Publication>; 2] =
    [LazyLock::new(|| Publication::new(0)), LazyLock::new(|| Publication::new(1))];

impl Publication {
    /// The publication signed with Ed25519 (0) or P-256 (1).
    pub fn of(choice: u8) -> &'static Self {
        &PUBLICATIONS[usize::from(choice % 2)]
    }

    fn new(choice: usize) -> Self {
        let key = private_key(choice);
        let file = |path: &str, size| {
            FileLeaf::new(path.parse().expect("a path"), size, Sha256Digest::of(path.as_bytes()))
        };
        let files = vec![file("config.json", 640), file("model.safetensors", 1 << 33), file("b/empty", 0)];
        let tree = Tree::new(files).expect("three files");
        let base = InputDigest::File { digest: Sha256Digest::of(b"base"), bytes: Some(4) };
        let base = Input::new(Role::BaseModel, "base".parse().expect("a name"), Source::Observed, base);
        let inputs = vec![base.expect("a file is no checkout")];
        let provenance =
            Provenance::new(None, inputs, "0.1.0".parse().expect("a version")).expect("one input");
        let (name, version) = ("acme/churn".parse().expect("a name"), "1.0".parse().expect("a version"));
        let payload = provenance.to_statement_bytes(&name, &version, &tree);
        let statement = Statement::parse(&payload).expect("a statement");
        let entry = Entry::sign(EntryPayload::from_statement(&statement, &key.public_key()), &key);
        let entry = entry.expect("an entry");

        let mut log = Frontier::new();
        let others = [b"one".as_slice(), b"two", b"three"].map(LeafHash::of);
        let leaves = [others[0], others[1], entry.leaf_hash(), others[2]];
        for leaf in leaves {
            log.append(leaf).expect("a small tree");
        }
        let (index, siblings) = (LeafIndex::new(2).expect("small"), vec![others[2].hash()]);
        let pair = merkle::node_hash(&others[0].hash(), &others[1].hash());
        let inclusion = InclusionProof::new(index, [siblings, vec![pair]].concat()).expect("two hashes");

        let signer = CheckpointSigner::ed25519(
            "log.example.org/models".parse().expect("an origin"),
            SigningKey::from_bytes(&[3; 32]),
        );
        let signer = signer.expect("a key name");
        let signed = SignedCheckpoint::parse(&signer.sign(&log.head())).expect("a checkpoint");
        let witness = SigningKey::from_bytes(&[7; 32]);
        let witness_name = "witness.example.org/w".parse().expect("a key name");
        let time = UnixSeconds::new(1_700_000_000).expect("a time");
        let line = cosign(&witness, &witness_name, signed.note().text(), time);
        let checkpoint = signed.with_signatures(&[line]).expect("a short note");

        let proof = LogProof::new(inclusion, checkpoint.clone());
        let logged = LogEntry::logged(entry.as_bytes().to_vec(), *signer.vkey().log_id(), proof);
        let envelope = Envelope::sign(payload, &key).expect("a short payload");
        let bundle = Bundle::new(envelope, key.public_key().key_id(), Some(logged.expect("a log's entry")));

        let witness = Vkey::cosignature_ed25519(witness_name, witness.verifying_key().as_bytes());
        let trust = format!(
            "version = 1\npolicy = \"\"\"\nlog {}\nwitness w {}\nquorum w\n\"\"\"\n\
             [[publisher]]\nname = \"acme/*\"\nkeys = [\"{}\"]\n",
            signer.vkey(),
            witness.expect("a key"),
            key.public_key().to_base64(),
        );
        let requirements = Requirements::parse(trust.as_bytes()).expect("a trust file");
        let publication = Self { bundle, checkpoint, requirements, tree };
        let unchanged = publication.changed(0, &[]).expect("the bundle file as it is");
        assert!(publication.judge(&unchanged.0, unchanged.1), "what is as it was published verifies");
        publication
    }

    /// The bundle file and the files, with edits made to one layer; `None` if no bundle can be put together
    /// from them.
    pub fn changed(&self, layer: u8, edits: &[u8]) -> Option<(Vec<u8>, Tree)> {
        let (envelope, hint) = (self.bundle.envelope(), self.bundle.hint());
        let logged = self.bundle.log_entry()?;
        let (log_id, proof) = (*logged.log_id()?, logged.proof()?);
        let whole = |bundle: Bundle| BundleFile::of(bundle).ok().map(|file| file.to_bytes());
        let with_entry = |entry: LogEntry| whole(Bundle::new(envelope.clone(), hint, Some(entry)));
        let with_envelope =
            |envelope: Option<Envelope>| whole(Bundle::new(envelope?, hint, Some(logged.clone())));
        let tree = self.tree.clone();
        let bundle_file = match layer % 8 {
            0 => edited(&whole(self.bundle.clone())?, edits),
            1 => with_envelope(
                Envelope::new(edited(envelope.payload(), edits), envelope.signature().to_vec()).ok(),
            )?,
            2 => with_envelope(
                Envelope::new(envelope.payload().to_vec(), edited(envelope.signature(), edits)).ok(),
            )?,
            3 => {
                let entry = edited(logged.entry_bytes(), edits);
                with_entry(LogEntry::logged(entry, log_id, proof.clone()).ok()?)?
            }
            4 => {
                let checkpoint = SignedCheckpoint::parse(&edited(self.checkpoint.as_bytes(), edits)).ok()?;
                let proof = LogProof::new(proof.inclusion().clone(), checkpoint);
                with_entry(LogEntry::logged(logged.entry_bytes().to_vec(), log_id, proof).ok()?)?
            }
            5 => {
                let (index, edits) = edits.split_first()?;
                let hashes: Vec<u8> =
                    proof.inclusion().hashes().iter().flat_map(|hash| hash.to_bytes()).collect();
                let hashes = edited(&hashes, edits).chunks_exact(32).filter_map(Hash::from_slice).collect();
                let inclusion = InclusionProof::new(LeafIndex::new(u64::from(*index)).ok()?, hashes).ok()?;
                let proof = LogProof::new(inclusion, proof.checkpoint().clone());
                with_entry(LogEntry::logged(logged.entry_bytes().to_vec(), log_id, proof).ok()?)?
            }
            6 => {
                let hint = Sha256Digest::from_slice(&edited(hint.as_bytes(), edits))?;
                whole(Bundle::new(envelope.clone(), hint, Some(logged.clone())))?
            }
            _ => return Some((whole(self.bundle.clone())?, with_other_content(&tree, edits)?)),
        };
        Some((bundle_file, tree))
    }

    /// Verifies; what passes has to say what was published, of the files that were published. Whether it
    /// passed.
    pub fn judge(&self, bundle_file: &[u8], tree: Tree) -> bool {
        let files = tree.digest();
        let Ok(model) = verify(bundle_file, Some(&self.requirements), &Expectation::default(), |_| Ok(tree))
        else {
            return false;
        };
        let logged = model.logged();
        assert_eq!(files, self.tree.digest(), "other files pass");
        assert_eq!(logged.signed().statement().as_bytes(), self.bundle.envelope().payload());
        assert_eq!(logged.checkpoint().checkpoint(), self.checkpoint.unverified());
        assert_eq!(logged.position().index(), 2);
        assert_eq!(logged.cosignatures().len(), 1);
        let bundle = logged.signed().bundle();
        assert_eq!(bundle.envelope(), self.bundle.envelope(), "another signature passes");
        assert_eq!(bundle.hint(), self.bundle.hint());
        let placed = |bundle: &Bundle| {
            let logged = bundle.log_entry().expect("a bundle that passes was logged");
            let inclusion = logged.proof().expect("and is not pending").inclusion().clone();
            (logged.entry_bytes().to_vec(), logged.log_id().copied(), inclusion)
        };
        assert_eq!(placed(bundle), placed(&self.bundle));
        true
    }
}

/// Applies edits of three bytes: what to do and where, in 2 and 14 bits, and a byte to do it with.
fn edited(bytes: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for edit in edits.chunks_exact(3) {
        let [high, low, value] = edit else { continue };
        let place = usize::from(u16::from_be_bytes([high & 0x3f, *low])) % (bytes.len() + 1);
        match (high >> 6, bytes.get_mut(place)) {
            (0, Some(byte)) => *byte ^= value,
            (1, Some(byte)) => *byte = *value,
            (2, Some(_)) => drop(bytes.remove(place)),
            _ => bytes.insert(place, *value),
        }
    }
    bytes
}

/// Changes sizes and contents of files.
fn with_other_content(tree: &Tree, edits: &[u8]) -> Option<Tree> {
    let mut files = tree.files().to_vec();
    for edit in edits.chunks_exact(3) {
        let [which, place, value] = edit else { continue };
        let which = usize::from(*which) % files.len();
        let file = &mut files[which];
        let (mut size, mut sha256) = (file.size(), file.sha256().to_bytes());
        match sha256.get_mut(usize::from(*place)) {
            Some(byte) => *byte ^= value,
            None => size ^= u64::from(*value) << (place % 56),
        }
        *file = FileLeaf::new(file.path().clone(), size, Sha256Digest::from_bytes(sha256));
    }
    Tree::new(files).ok()
}
