//! Tensors counted: how many there are, how many numbers are in them, and of which type.

use std::collections::BTreeMap;

/// Sums over tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    tensors: u64,
    parameters: u64,
    by_dtype: BTreeMap<String, u64>,
}

impl Totals {
    /// Counts one tensor; `None` if the sum has no room for it.
    #[must_use]
    pub(crate) fn add(&mut self, dtype: &str, elements: u64) -> Option<()> {
        // The sum over all types is the larger one, so the other cannot overflow either.
        self.parameters = self.parameters.checked_add(elements)?;
        self.tensors += 1;
        match self.by_dtype.get_mut(dtype) {
            Some(sum) => *sum += elements,
            None => drop(self.by_dtype.insert(dtype.to_owned(), elements)),
        }
        Some(())
    }

    /// Counts what another file of the same set holds; `None` if a sum has no room for it.
    #[must_use]
    pub(crate) fn join(&mut self, other: &Self) -> Option<()> {
        self.parameters = self.parameters.checked_add(other.parameters)?;
        self.tensors += other.tensors;
        for (dtype, elements) in &other.by_dtype {
            *self.by_dtype.entry(dtype.clone()).or_default() += elements;
        }
        Some(())
    }

    /// Number of tensors.
    pub(crate) const fn tensors(&self) -> u64 {
        self.tensors
    }

    /// Numbers in all tensors.
    pub(crate) const fn parameters(&self) -> u64 {
        self.parameters
    }

    /// Numbers by type, in order of the type's name.
    pub(crate) fn by_dtype(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_dtype.iter().map(|(dtype, elements)| (dtype.as_str(), *elements))
    }
}

/// Number of elements of a tensor: the product of its dimensions, 1 for a scalar; `None` if that is more than 2^64-1. A zero
/// among the dimensions does not excuse an overflow before it, because other readers multiply in this order too.
pub(crate) fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, dimension| product.checked_mul(*dimension))
}

/// Bytes of so many elements of so many bits; `None` if they do not fill whole bytes or are too many.
pub(crate) fn bytes(elements: u64, bits: u64) -> Option<u64> {
    let bits = elements.checked_mul(bits)?;
    bits.is_multiple_of(8).then_some(bits / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_refuse_to_overflow() {
        let mut totals = Totals::default();
        assert_eq!(totals.add("F32", 6), Some(()));
        assert_eq!(totals.add("BF16", u64::MAX - 6), Some(()));
        assert_eq!(totals.clone().add("F32", 1), None);
        assert_eq!(totals.clone().join(&totals), None);
        assert_eq!((totals.tensors(), totals.parameters()), (2, u64::MAX));
        assert_eq!(elements(&[]), Some(1));
        assert_eq!(elements(&[1 << 32, 1 << 32]), None);
        assert_eq!(elements(&[1 << 32, 1 << 32, 0]), None);
        assert_eq!((bytes(3, 4), bytes(4, 4), bytes(u64::MAX, 8)), (None, Some(2), None));
    }
}
