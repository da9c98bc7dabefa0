//! RFC 6962 §2.1 as the RFC writes it: recursive, slow and obvious.
