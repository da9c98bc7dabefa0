//! Skeleton: add-checkpoint.
