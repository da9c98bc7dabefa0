//! The log entry: a COSE_Sign1 computed from a statement.
