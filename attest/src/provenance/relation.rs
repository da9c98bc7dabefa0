use core::fmt;

/// How a model came out of its inputs (spec/statement.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by the build type's version")]
pub enum Relation {
    /// Trained from nothing.
    Pretrain,
    /// Trained further from a base model.
    Finetune,
    /// Trained as an addition to a base model, which is not part of it.
    Adapter,
    /// Computed from the weights of several models.
    Merge,
    /// The same model in numbers of lower precision.
    Quantize,
    /// Trained on the answers of a base model.
    Distill,
    /// The same numbers in another file format.
    Convert,
}

impl Relation {
    /// All relations, in the order of the specification.
    pub const ALL: [Self; 7] = [
        Self::Pretrain,
        Self::Finetune,
        Self::Adapter,
        Self::Merge,
        Self::Quantize,
        Self::Distill,
        Self::Convert,
    ];

    /// The name, as statements spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pretrain => "pretrain",
            Self::Finetune => "finetune",
            Self::Adapter => "adapter",
            Self::Merge => "merge",
            Self::Quantize => "quantize",
            Self::Distill => "distill",
            Self::Convert => "convert",
        }
    }

    /// The relation of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.as_str() == name)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
