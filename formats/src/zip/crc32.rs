//! CRC-32 of zip and gzip: polynomial 0xedb88320, bits reversed.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut row = 0;
    while row < 256_u32 {
        let mut value = row;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 0 { value >> 1 } else { (value >> 1) ^ 0xedb8_8320 };
            bit += 1;
        }
        table[row as usize] = value;
        row += 1;
    }
    table
};

/// A sum under way.
pub(crate) struct Crc32(u32);

impl Crc32 {
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            // A byte has 256 values, and so many rows has the table.
            self.0 = TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (self.0 >> 8);
        }
    }

    pub(crate) const fn finish(self) -> u32 {
        !self.0
    }

    pub(crate) fn of(bytes: &[u8]) -> u32 {
        let mut sum = Self::new();
        sum.update(bytes);
        sum.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!((Crc32::of(b"123456789"), Crc32::of(b"")), (0xcbf4_3926, 0));
    }
}
