//! An entry bundle: it parses if its lengths add up to its width, and then its entries put together are its
//! bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tlog::entry_bundle::{EntryBundle, push_entry};
use tlog::tile::TileWidth;

fuzz_target!(|input: &[u8]| {
    let entries = entries(input);
    for width in (1..=256).filter_map(|width| TileWidth::new(width).ok()) {
        let wanted = entries.as_ref().filter(|entries| entries.len() == usize::from(width.get()));
        let bundle = EntryBundle::parse(input, width);
        assert_eq!(bundle.as_ref().ok().map(EntryBundle::entries), wanted.map(Vec::as_slice));
        let Ok(bundle) = bundle else { continue };
        assert_eq!(bundle.as_bytes(), input);
        let mut again = Vec::new();
        for entry in bundle.entries() {
            push_entry(&mut again, entry).expect("an entry that was read fits");
        }
        assert_eq!(again, input);
    }
});

/// Takes the records apart; `None` if the last one is cut off.
fn entries(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}
