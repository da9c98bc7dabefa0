//! What is claimed about a model: tree digest, statement, envelope, log entry, bundle, keys.
