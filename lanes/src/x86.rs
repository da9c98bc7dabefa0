//! The SHA-256 instructions of x86-64, for several messages in turn.
//!
//! Intel's layout: one register holds the words A, B, E, F of the state, A in the highest lane, another C, D, G, H. A pair
//! of instructions does four rounds with four words of the schedule, the first in the lowest lane:
//!
//! ```text
//! rnds2(CDGH, ABEF, W + K)          two rounds, the new ABEF; the old one becomes CDGH
//! msg1, msg2                        the next four words of the schedule from the last sixteen
//! ```

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi8, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use crate::BLOCK_BYTES;

/// Constants of the rounds, FIPS 180-4 §4.2.2: four to a register, four registers to sixteen rounds.
const ROUNDS: [[[u32; 4]; 4]; 4] = [
    [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    ],
    [
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    ],
    [
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    ],
    [
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ],
];

/// Whether this machine has what [`compress`] needs.
pub(crate) fn is_there() -> bool {
    std::arch::is_x86_feature_detected!("sha")
        && std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("sse4.1")
}

/// Takes blocks into two, three or four states; false, and nothing is done, for any other number.
///
/// Only where [`is_there`] says so.
pub(crate) fn compress(lanes: &mut [(&mut [u32; 8], &[[u8; BLOCK_BYTES]])]) -> bool {
    debug_assert!(is_there());
    #[expect(unsafe_code, reason = "the one way to call code compiled for instructions found at run time")]
    // SAFETY: the instructions were found on this machine, and that is all the callees ask for: they are safe code.
    unsafe {
        match lanes {
            [a, b] => two(a, b),
            [a, b, c] => three(a, b, c),
            [a, b, c, d] => four(a, b, c, d),
            _ => return false,
        }
    }
    true
}

/// A message in registers.
struct Lane {
    abef: __m128i,
    cdgh: __m128i,
    /// What both were before the block.
    before: (__m128i, __m128i),
    /// The sixteen newest words of the schedule, the oldest first when four rounds are a multiple of four.
    w: (__m128i, __m128i, __m128i, __m128i),
}

impl Lane {
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn load([a, b, c, d, e, f, g, h]: &[u32; 8]) -> Self {
        let (abef, cdgh, zero) = (words([*f, *e, *b, *a]), words([*h, *g, *d, *c]), words([0; 4]));
        Self { abef, cdgh, before: (abef, cdgh), w: (zero, zero, zero, zero) }
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn store(self) -> [u32; 8] {
        let ([f, e, b, a], [h, g, d, c]) = (words_of(self.abef), words_of(self.cdgh));
        [a, b, c, d, e, f, g, h]
    }

    /// Begins a block.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn begin(&mut self, block: &[u8; BLOCK_BYTES]) {
        self.before = (self.abef, self.cdgh);
        if let [w0, w1, w2, w3] = block.as_chunks::<16>().0 {
            self.w = (big_endian(w0), big_endian(w1), big_endian(w2), big_endian(w3));
        }
    }

    /// Four rounds with four words.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn rounds(&mut self, w: __m128i, constants: [u32; 4]) {
        let sum = _mm_add_epi32(w, words(constants));
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, sum);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, _mm_shuffle_epi32::<0b00_00_11_10>(sum));
    }

    /// Ends a block.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn end(&mut self) {
        self.abef = _mm_add_epi32(self.abef, self.before.0);
        self.cdgh = _mm_add_epi32(self.cdgh, self.before.1);
    }
}

/// The next four words of a schedule, from the last sixteen.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn next(w0: __m128i, w1: __m128i, w2: __m128i, w3: __m128i) -> __m128i {
    let early = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
    _mm_sha256msg2_epu32(early, w3)
}

/// A function for so many lanes. Each lane is a variable of its own, so that the compiler keeps it in registers, and each
/// step is written for one lane after the other, which is the order that keeps the unit busy.
macro_rules! side_by_side {
    ($name:ident: $($given:ident $lane:ident),+) => {
        #[target_feature(enable = "sha,ssse3,sse4.1")]
        fn $name($($given: &mut (&mut [u32; 8], &[[u8; BLOCK_BYTES]])),+) {
            let count = [$($given.1.len()),+].into_iter().min().unwrap_or_default();
            $(let mut $lane = Lane::load($given.0);)+
            let [[k0, k1, k2, k3], later @ ..] = ROUNDS;
            for at in 0..count {
                $(if let Some(block) = $given.1.get(at) {
                    $lane.begin(block);
                })+
                $($lane.rounds($lane.w.0, k0);)+
                $($lane.rounds($lane.w.1, k1);)+
                $($lane.rounds($lane.w.2, k2);)+
                $($lane.rounds($lane.w.3, k3);)+
                for [k0, k1, k2, k3] in later {
                    $($lane.w.0 = next($lane.w.0, $lane.w.1, $lane.w.2, $lane.w.3);
                    $lane.rounds($lane.w.0, k0);)+
                    $($lane.w.1 = next($lane.w.1, $lane.w.2, $lane.w.3, $lane.w.0);
                    $lane.rounds($lane.w.1, k1);)+
                    $($lane.w.2 = next($lane.w.2, $lane.w.3, $lane.w.0, $lane.w.1);
                    $lane.rounds($lane.w.2, k2);)+
                    $($lane.w.3 = next($lane.w.3, $lane.w.0, $lane.w.1, $lane.w.2);
                    $lane.rounds($lane.w.3, k3);)+
                }
                $($lane.end();)+
            }
            $(*$given.0 = $lane.store();)+
        }
    };
}

side_by_side!(two: a lane_a, b lane_b);
side_by_side!(three: a lane_a, b lane_b, c lane_c);
side_by_side!(four: a lane_a, b lane_b, c lane_c, d lane_d);

/// Four words, the first in the lowest lane.
#[inline]
#[target_feature(enable = "sse2")]
fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(d.cast_signed(), c.cast_signed(), b.cast_signed(), a.cast_signed())
}

/// The four words of a register, the lowest lane first.
#[inline]
#[target_feature(enable = "sse4.1")]
fn words_of(register: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32::<0>(register).cast_unsigned(),
        _mm_extract_epi32::<1>(register).cast_unsigned(),
        _mm_extract_epi32::<2>(register).cast_unsigned(),
        _mm_extract_epi32::<3>(register).cast_unsigned(),
    ]
}

/// Four big-endian words of a message.
#[inline]
#[target_feature(enable = "ssse3")]
fn big_endian(bytes: &[u8; 16]) -> __m128i {
    let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
    let low = i64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let high = i64::from_le_bytes([i, j, k, l, m, n, o, p]);
    _mm_shuffle_epi8(_mm_set_epi64x(high, low), swap)
}
