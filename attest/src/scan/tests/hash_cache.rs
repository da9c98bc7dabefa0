//! What a hash cache may believe and what it must not.

use std::time::{Duration, SystemTime};

use super::*;
use crate::digest::Sha256Digest;

const LARGE: usize = MIN_FILE_BYTES as usize;

/// A cache beside a model, and the tree that a scan with it gives.
struct Cached {
    model: Model,
    cache: Model,
}

impl Cached {
    fn of(content: &[u8]) -> Self {
        let cached = Self { model: Model::new(), cache: Model::new() };
        cached.model.write("weights.bin", content);
        cached
    }

    fn file(&self) -> PathBuf {
        self.cache.path("deep/down/hashes")
    }

    /// Scans so many seconds after now; gives the digest of the file, and how many came from the cache.
    fn scan_after(&self, seconds: u64) -> (Sha256Digest, usize) {
        let began = SystemTime::now() + Duration::from_secs(seconds);
        let cache = HashCache::open_at(&self.file(), began).unwrap();
        let options = ScanOptions::new().cache(Some(&cache));
        let scan = scan_noting_inert(self.model.0.path(), &options, &|_, _| ()).unwrap();
        cache.save().unwrap();
        (scan.tree().files()[0].sha256(), scan.cached())
    }

    /// Puts a digest into the cache that no content has.
    fn poison(&self) -> Sha256Digest {
        let mut bytes = fs::read(self.file()).unwrap();
        let end = bytes.len() - Sha256Digest::LEN;
        bytes.truncate(end);
        bytes[end - Sha256Digest::LEN..].fill(7);
        bytes.extend(Sha256Digest::of(&bytes).as_bytes());
        fs::write(self.file(), bytes).unwrap();
        Sha256Digest::from_bytes([7; 32])
    }
}

#[test]
fn an_unchanged_file_is_not_read_again_and_any_change_is_noticed() {
    let cached = Cached::of(&vec![1; LARGE]);
    let digest = Sha256Digest::of(&vec![1; LARGE]);
    assert_eq!(cached.scan_after(10), (digest, 0));
    assert_eq!(cached.scan_after(20), (digest, 1));
    // It really comes from there.
    let poison = cached.poison();
    assert_eq!(cached.scan_after(30), (poison, 1));

    // Same length, and the time of the last change of content set back: the inode's own time tells.
    let path = cached.model.path("weights.bin");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    cached.model.write("weights.bin", &vec![2; LARGE]);
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let digest = Sha256Digest::of(&vec![2; LARGE]);
    assert_eq!(cached.scan_after(40), (digest, 0));
    cached.poison();

    // Another file in its place.
    cached.model.write("other", &vec![3; LARGE]);
    fs::rename(cached.model.path("other"), &path).unwrap();
    assert_eq!(cached.scan_after(50), (Sha256Digest::of(&vec![3; LARGE]), 0));
    // And the cache forgot neither.
    assert_eq!(cached.scan_after(60).1, 1);
}

#[test]
fn a_file_that_changed_a_moment_ago_is_not_remembered() {
    let cached = Cached::of(&vec![1; LARGE]);
    assert_eq!(cached.scan_after(0).1, 0);
    assert!(!cached.file().exists());
    assert_eq!(cached.scan_after(10).1, 0);
    assert_eq!(cached.scan_after(10).1, 1);
}

#[test]
fn a_file_of_the_future_or_a_small_one_is_not_remembered() {
    let cached = Cached::of(&vec![1; LARGE]);
    let file = fs::File::options().write(true).open(cached.model.path("weights.bin")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    assert_eq!(cached.scan_after(10).1, 0);
    assert_eq!(cached.scan_after(10).1, 0);
    let cached = Cached::of(&vec![1; LARGE - 1]);
    assert_eq!(cached.scan_after(10).1, 0);
    assert_eq!(cached.scan_after(10).1, 0);
}

#[test]
fn a_cache_that_is_not_as_it_was_written_or_open_to_others_is_refused() {
    let cached = Cached::of(&vec![1; LARGE]);
    cached.scan_after(10);
    let whole = fs::read(cached.file()).unwrap();
    assert_eq!(fs::metadata(cached.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = |bytes: &[u8]| {
        fs::write(cached.file(), bytes).unwrap();
        HashCache::open(&cached.file()).expect_err("a cache that is refused")
    };
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        assert!(matches!(refused(&flipped), CacheError::Damaged { .. }), "{at}");
        assert!(matches!(refused(&whole[..at]), CacheError::Damaged { .. }), "{at}");
    }
    // The same record twice, sealed.
    let record = whole.len() - Sha256Digest::LEN - 88;
    let mut twice = [&whole[..whole.len() - Sha256Digest::LEN], &whole[record..record + 88]].concat();
    twice.extend(Sha256Digest::of(&twice).as_bytes());
    assert!(matches!(refused(&twice), CacheError::Damaged { .. }));

    fs::write(cached.file(), &whole).unwrap();
    HashCache::open(&cached.file()).unwrap();
    fs::set_permissions(cached.file(), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(matches!(HashCache::open(&cached.file()), Err(CacheError::NotOurs { .. })));
    fs::remove_file(cached.file()).unwrap();
    symlink("/dev/null", cached.file()).unwrap();
    assert!(matches!(HashCache::open(&cached.file()), Err(CacheError::Io { .. })));
}
