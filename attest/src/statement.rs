//! in-toto Statement v1: subject, predicate type, predicate.
