//! The whole judgement: a bundle file that verifies, changed at one of its layers, is refused, or says the
//! same as before.
//!
//! Input: a byte for the key's algorithm and the layer, then edits of three bytes each.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tallymark_fuzz::Publication;

fuzz_target!(|input: &[u8]| {
    let Some((choice, edits)) = input.split_first() else { return };
    let publication = Publication::of(choice % 2);
    let changed = publication.changed(choice / 2, edits);
    if let Some((bundle_file, tree)) = changed {
        publication.judge(&bundle_file, tree);
    }
});
