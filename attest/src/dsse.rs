//! DSSE: payload type, payload, signatures; the bytes that are signed.
