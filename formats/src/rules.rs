/// Which rules a report was made by. Part of every report and of every statement about one.
pub(crate) const RULES_ID: &str = "formats/v1";

/// What is allowed beyond the list of spec/formats.md.
///
/// There is no way to allow a path, a pattern or "all files": a waiver is a signed event about one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    torch: bool,
}

impl Rules {
    /// The list as it stands: no pickle at any depth.
    #[must_use]
    pub const fn strict() -> Self {
        Self { torch: false }
    }

    /// Also PyTorch files whose pickles name nothing but what rebuilds tensors, for those who cannot leave them yet.
    #[must_use]
    pub const fn with_torch() -> Self {
        Self { torch: true }
    }

    /// Whether PyTorch files may be allowed.
    #[must_use]
    pub const fn allows_torch(self) -> bool {
        self.torch
    }

    /// The name of these rules, `formats/v1`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        RULES_ID
    }

    /// What is allowed beyond them, by name.
    #[must_use]
    pub const fn exceptions(self) -> &'static [&'static str] {
        if self.torch { &["torch"] } else { &[] }
    }
}
