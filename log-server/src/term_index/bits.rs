//! Numbers in as few bits as they need: fixed width, Rice, Elias gamma. Most significant bit first.
//!
//! ```text
//! rice(v, k)   v >> k zeros, a one, the low k bits of v       good if v is about 2^k on average
//! gamma(v)     one zero fewer than v has bits, then v         good for small v; v >= 1
//! ```
//!
//! Reading is total: past the end, or a number above the bound the caller gives, is `None`.

/// Widest number, bits.
const MAX_WIDTH: u8 = 32;

/// Writes numbers one after another.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    // The bits that make no whole byte yet, fewer than 8, at the bottom.
    pending: u64,
    count: u8,
}

impl BitWriter {
    /// The low `width` bits of `value`, at most 32.
    pub(super) fn fixed(&mut self, value: u32, width: u8) {
        let width = width.min(MAX_WIDTH);
        let low = u64::from(value) & ((1 << width) - 1);
        // At most 7 bits were there before, so 39 are now.
        self.pending = (self.pending << width) | low;
        self.count += width;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
        self.pending &= (1 << self.count) - 1;
    }

    pub(super) fn rice(&mut self, value: u32, k: u8) {
        self.zeros(value >> k);
        self.fixed(1, 1);
        self.fixed(value, k);
    }

    /// `value` is at least 1; 0 is written as 1.
    pub(super) fn gamma(&mut self, value: u32) {
        let width = value.max(1).ilog2();
        self.zeros(width);
        self.fixed(1, 1);
        self.fixed(value, width as u8);
    }

    fn zeros(&mut self, mut count: u32) {
        while count > 0 {
            let now = count.min(u32::from(MAX_WIDTH));
            self.fixed(0, now as u8);
            count -= now;
        }
    }

    /// The bytes, the last one filled with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.fixed(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Reads numbers one after another.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    // In bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn fixed(&mut self, width: u8) -> Option<u32> {
        if width == 0 {
            return Some(0);
        }
        if width > MAX_WIDTH || self.left() < usize::from(width) {
            return None;
        }
        let bits = self.window() >> (64 - width);
        self.at += usize::from(width);
        u32::try_from(bits).ok()
    }

    /// A Rice number of at most `max`.
    pub(super) fn rice(&mut self, k: u8, max: u32) -> Option<u32> {
        let high = self.zeros(max >> k)?;
        let value = (u64::from(high) << k) | u64::from(self.fixed(k)?);
        u32::try_from(value).ok().filter(|value| *value <= max)
    }

    /// A gamma number of at most `max`.
    pub(super) fn gamma(&mut self, max: u32) -> Option<u32> {
        let width = self.zeros(max.max(1).ilog2())?;
        let value = (1 << width) | self.fixed(width as u8)?;
        (value <= max).then_some(value)
    }

    /// Counts zeros up to a one, and takes the one; `None` if there are more than `most`.
    fn zeros(&mut self, most: u32) -> Option<u32> {
        let mut zeros = 0;
        loop {
            let run = self.window().leading_zeros();
            // A window has at least 57 bits of ours; what lies behind them is looked at again.
            let seen = run.min(56);
            zeros += seen;
            self.at += seen as usize;
            if zeros > most || self.left() == 0 {
                return None;
            }
            if run < 56 {
                self.at += 1;
                return Some(zeros);
            }
        }
    }

    fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// The next bits, at the top of a word; zeros behind the end.
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let mut word = [0; 8];
        match rest.first_chunk::<8>() {
            Some(full) => word = *full,
            None => word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from),
        }
        u64::from_be_bytes(word) << (self.at % 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values: Vec<u32> = (0..2000_u32).map(|n| n.wrapping_mul(2_654_435_761) >> (n % 32)).collect();
        let mut writer = BitWriter::default();
        for value in &values {
            writer.gamma(value.max(&1).to_owned());
            let k = (31 - value.max(&1).leading_zeros().min(31)) as u8;
            writer.rice(*value, k);
            writer.fixed(*value, 32);
        }
        writer.rice(300, 0);
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        for value in &values {
            assert_eq!(reader.gamma(u32::MAX), Some(*value.max(&1)));
            let k = (31 - value.max(&1).leading_zeros().min(31)) as u8;
            assert_eq!(reader.rice(k, u32::MAX), Some(*value));
            assert_eq!(reader.fixed(32), Some(*value));
        }
        assert_eq!(reader.rice(0, 300), Some(300));
    }

    #[test]
    fn numbers_above_the_bound_and_past_the_end_are_refused() {
        let mut writer = BitWriter::default();
        writer.rice(300, 0);
        let bytes = writer.finish();
        assert_eq!(BitReader::new(&bytes).rice(0, 299), None);
        assert_eq!(BitReader::new(&bytes[..10]).rice(0, 1000), None);
        assert_eq!(BitReader::new(&[0; 64]).rice(0, u32::MAX), None);
        assert_eq!(BitReader::new(&[0; 64]).gamma(u32::MAX), None);
        assert_eq!(BitReader::new(&[]).gamma(1), None);
        assert_eq!(BitReader::new(&[0xff]).fixed(9), None);
        assert_eq!(BitReader::new(&[0xff]).fixed(0), Some(0));
        assert_eq!(BitReader::new(&[0b0101_0000]).gamma(1), None);
    }
}
