//! SLSA provenance v1 with our own build type.
