//! A proof about a key of a map. It is written back; and with whatever end, it shows of a key in a real map what that has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use merkle::{Hash, LeafHash, Map, MapKey, MapProof};
use tallymark_fuzz::written_back;

fuzz_target!(|input: &[u8]| {
    written_back(input, MapProof::parse, MapProof::to_bytes);
    let mut map = Map::new();
    let (keys, proof) = input.split_at_checked(3 * 32).unwrap_or((input, &[]));
    let keys: Vec<_> = keys.as_chunks::<32>().0.iter().map(|bytes| MapKey::from_bytes(*bytes)).collect();
    let value = |key: &MapKey| LeafHash::of(key.as_bytes()).hash();
    for key in keys.iter().step_by(2) {
        map.insert(*key, value(key));
    }
    for key in &keys {
        let own = map.prove(key);
        assert_eq!(own.verify(key, &map.root()), Ok(map.get(key)));
        assert_eq!(MapProof::parse(&own.to_bytes()).as_ref(), Ok(&own));
        if let Ok(other) = MapProof::parse(proof)
            && let Ok(shown) = other.verify(key, &map.root())
        {
            assert_eq!(shown, map.get(key), "two answers under one root");
        }
        assert!(own.verify(key, &Hash::from_bytes([1; 32])).is_err());
    }
});
