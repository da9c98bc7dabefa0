use tlog::entry_bundle::{EntryBundle, EntryBundleError, MAX_ENTRY_BYTES, push_entry};
use tlog::tile::TileWidth;

use crate::cases::{Case, list, list_refused};

/// `<case>.<width>.bundle`
fn width(case: &Case) -> TileWidth {
    let width = case.name().rsplit('.').nth(1).unwrap();
    TileWidth::new(width.parse().unwrap()).unwrap()
}

#[test]
fn accepted_bundles_are_written_back() {
    for case in list("entry-bundle/accept") {
        let bytes = case.bytes();
        let bundle = case.accepted(EntryBundle::parse(&bytes, width(&case)));
        assert_eq!(bundle.entries().len(), usize::from(width(&case).get()), "{case}");
        let mut written = Vec::new();
        for entry in bundle.entries() {
            push_entry(&mut written, entry).unwrap();
        }
        assert_eq!(written, bytes, "{case}");
        assert_eq!(bundle.as_bytes(), bytes, "{case}");
    }
}

#[test]
fn refused_bundles_are_refused_for_their_reason() {
    for case in list_refused("entry-bundle/reject") {
        case.refused(EntryBundle::parse(&case.bytes(), width(&case)));
    }
}

#[test]
fn an_entry_of_65536_bytes_is_refused_and_leaves_the_bundle_alone() {
    let mut bundle = Vec::new();
    let refused = push_entry(&mut bundle, &[0; MAX_ENTRY_BYTES + 1]);
    assert_eq!(refused, Err(EntryBundleError::EntryTooLong { seen: 65_536 }));
    assert_eq!(bundle, []);
    assert_eq!(push_entry(&mut bundle, &[0; MAX_ENTRY_BYTES]), Ok(()));
    assert_eq!(bundle.len(), 65_537);
}
