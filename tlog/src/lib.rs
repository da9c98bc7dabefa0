//! How a transparency log speaks: C2SP note, checkpoint, tile, cosignature, proof, policy.
