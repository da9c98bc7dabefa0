//! Sigstore bundle v0.3: envelope, verification material and proof of logging in one JSON line.
