//! SHA-256 (FIPS 180-4) over up to four messages side by side on one core.
//!
//! The instructions for SHA-256 of x86-64 have a long latency and a short interval: one message leaves the unit idle for
//! more than half of the time. A second, third and fourth message, each with a chain of its own, fill the gaps. A single
//! message gains nothing from it, whatever its length: each block needs the state that the last one left.
//!
//! ```text
//! Message   state 8 × u32 ‖ whole blocks taken in so far
//! advance   [Message; N] × [blocks; N], the same number of blocks for each
//! finish    the bytes after the last whole block ‖ 0x80 ‖ zeros ‖ u64 BE length in bits
//! ```
//!
//! Where the instructions are not there, and for one message, crate `sha2` does the work, and it is the reference that
//! the tests compare with.
//!
//! In scope: states and blocks. Out of scope: where bytes come from and how many messages are worth it.

#[cfg(target_arch = "x86_64")]
mod x86;

use sha2::block_api::compress256;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 64;
/// Most messages side by side. Beyond four the registers are full and nothing is gained.
pub const MAX_LANES: usize = 4;

/// FIPS 180-4 §5.3.3.
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A message of which only whole blocks have been taken in so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    state: [u32; 8],
    blocks: u64,
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl Message {
    /// A message of which nothing has been taken in.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: INITIAL_STATE, blocks: 0 }
    }

    /// Takes in the last bytes, any number of them, and gives the digest.
    ///
    /// A message has at most 2^61 bytes; the length of a longer one, which nobody has, would wrap.
    #[must_use]
    pub fn finish(mut self, rest: &[u8]) -> [u8; 32] {
        let (blocks, tail) = rest.as_chunks::<BLOCK_BYTES>();
        compress256(&mut self.state, blocks);
        let bytes = (self.blocks + blocks.len() as u64) * BLOCK_BYTES as u64 + tail.len() as u64;
        let mut last = [[0; BLOCK_BYTES]; 2];
        let flat = last.as_flattened_mut();
        for (to, from) in flat.iter_mut().zip(tail.iter().chain(&[0x80])) {
            *to = *from;
        }
        // The length takes eight bytes; a tail that leaves no room for it goes into a block of its own.
        let used = if tail.len() + 1 + 8 <= BLOCK_BYTES { 1 } else { 2 };
        let last = last.get_mut(..used).unwrap_or_default();
        if let Some(end) = last.as_flattened_mut().last_chunk_mut() {
            *end = (bytes * 8).to_be_bytes();
        }
        compress256(&mut self.state, last);
        let mut digest = [0; 32];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

/// Whole blocks of a message.
pub type Blocks<'a> = &'a [[u8; BLOCK_BYTES]];

/// Takes whole blocks into each of the messages, as many as the shortest of the slices has; gives that number.
///
/// Two, three and four messages go side by side; any other number goes one after the other.
pub fn advance<const N: usize>(messages: [(&mut Message, Blocks<'_>); N]) -> usize {
    let count = messages.iter().map(|(_, blocks)| blocks.len()).min().unwrap_or_default();
    let mut lanes = messages.map(|(message, blocks)| {
        message.blocks += count as u64;
        (&mut message.state, blocks.get(..count).unwrap_or_default())
    });
    #[cfg(target_arch = "x86_64")]
    if x86::is_there() && x86::compress(&mut lanes) {
        return count;
    }
    for (state, blocks) in &mut lanes {
        compress256(state, blocks);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::Digest as _;

    fn sha2(message: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(message).into()
    }

    /// The digests of messages, side by side for as long as all of them have whole blocks left.
    fn together<const N: usize>(messages: [&[u8]; N]) -> [[u8; 32]; N] {
        let mut states = [const { Message::new() }; N];
        let mut given = messages.iter().map(|message| message.as_chunks().0);
        let taken = advance(states.each_mut().map(|state| (state, given.next().unwrap())));
        let mut digests = [[0; 32]; N];
        for ((digest, state), message) in digests.iter_mut().zip(states).zip(messages) {
            *digest = state.finish(&message[taken * BLOCK_BYTES..]);
        }
        digests
    }

    #[test]
    fn the_example_of_the_standard() {
        let abc = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
            0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(Message::new().finish(b"abc"), abc);
    }

    #[test]
    fn every_length_around_the_ends_of_blocks_is_padded_as_it_must_be() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..=200 {
            assert_eq!(Message::new().finish(&bytes[..len]), sha2(&bytes[..len]), "{len}");
        }
    }

    #[test]
    fn the_instructions_are_used_where_the_machine_has_them() {
        #[cfg(target_arch = "x86_64")]
        assert_eq!(x86::is_there(), std::arch::is_x86_feature_detected!("sha"));
    }

    #[test]
    fn a_message_goes_on_in_another_number_of_lanes() {
        let bytes: Vec<u8> = (0..10_000_u32).map(|number| (number * 7 % 251) as u8).collect();
        let blocks = bytes.as_chunks::<BLOCK_BYTES>().0;
        let (mut a, mut b, mut c, mut d) = (Message::new(), Message::new(), Message::new(), Message::new());
        assert_eq!(advance([(&mut a, &blocks[..5]), (&mut b, &blocks[..9])]), 5);
        let three = [(&mut a, &blocks[5..20]), (&mut b, &blocks[5..]), (&mut c, &blocks[..30])];
        assert_eq!(advance(three), 15);
        let four = [&mut a, &mut b, &mut c, &mut d].map(|message| (message, &blocks[20..]));
        assert_eq!(advance(four), blocks.len() - 20);
        assert_eq!(advance([(&mut a, &[])]), 0);
        let rest = &bytes[blocks.len() * BLOCK_BYTES..];
        assert_eq!([a.finish(rest), b.finish(rest)], [sha2(&bytes); 2]);
        let c_bytes = [&bytes[..15 * BLOCK_BYTES], &bytes[20 * BLOCK_BYTES..]].concat();
        assert_eq!(c.finish(rest), sha2(&c_bytes));
        assert_eq!(d.finish(rest), sha2(&bytes[20 * BLOCK_BYTES..]));
    }

    proptest! {
        #[test]
        fn side_by_side_is_what_sha2_says(
            a in proptest::collection::vec(any::<u8>(), 0..700),
            b in proptest::collection::vec(any::<u8>(), 0..700),
            c in proptest::collection::vec(any::<u8>(), 0..700),
            d in proptest::collection::vec(any::<u8>(), 0..700),
            e in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let [a, b, c, d, e] = [&a[..], &b, &c, &d, &e];
            prop_assert_eq!(together([a]), [a].map(sha2));
            prop_assert_eq!(together([a, b]), [a, b].map(sha2));
            prop_assert_eq!(together([a, b, c]), [a, b, c].map(sha2));
            prop_assert_eq!(together([a, b, c, d]), [a, b, c, d].map(sha2));
            prop_assert_eq!(together([a, b, c, d, e]), [a, b, c, d, e].map(sha2));
        }
    }
}
