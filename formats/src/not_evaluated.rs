/// Something that a scan did not look at. A report without such a list would claim more than it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NotEvaluated {
    /// What the image shows, and what its decoder makes of it.
    ImageContent,
    /// Files that are no part of the model, such as `.git`.
    InertPaths,
    /// Checksums of members of archives that were not read.
    MemberChecksums,
    /// What operators of a graph do when they run, among them those of custom domains.
    OperatorBehaviour,
    /// What a template does in an engine, and what it tells the model.
    TemplateBehaviour,
    /// The numbers: tensors are not read.
    TensorValues,
    /// What a text says, and what its reader makes of it.
    TextMeaning,
    /// What the model does: a backdoor in weights is not found here.
    WeightBehaviour,
}

impl NotEvaluated {
    /// All of them, sorted by code.
    pub const ALL: [Self; 8] = [
        Self::ImageContent,
        Self::InertPaths,
        Self::MemberChecksums,
        Self::OperatorBehaviour,
        Self::TemplateBehaviour,
        Self::TensorValues,
        Self::TextMeaning,
        Self::WeightBehaviour,
    ];

    /// What no scan of formats looks at.
    pub const ALWAYS: [Self; 2] = [Self::TensorValues, Self::WeightBehaviour];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ImageContent => "image-content",
            Self::InertPaths => "inert-paths",
            Self::MemberChecksums => "member-checksums",
            Self::OperatorBehaviour => "operator-behaviour",
            Self::TemplateBehaviour => "template-behaviour",
            Self::TensorValues => "tensor-values",
            Self::TextMeaning => "text-meaning",
            Self::WeightBehaviour => "weight-behaviour",
        }
    }

    /// The same in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ImageContent => "what images show, and what a decoder makes of them",
            Self::InertPaths => "files that are no part of the model, such as .git",
            Self::MemberChecksums => "checksums of members of archives that were not read",
            Self::OperatorBehaviour => "what the operators of a graph do when they run",
            Self::TemplateBehaviour => "what a template does in an engine, and what it tells the model",
            Self::TensorValues => "the numbers in tensors",
            Self::TextMeaning => "what texts say",
            Self::WeightBehaviour => "what the model does: a backdoor in weights is not found here",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend() {
        assert!(NotEvaluated::ALL.is_sorted_by(|one, next| one < next && one.code() < next.code()));
    }
}
