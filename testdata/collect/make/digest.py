"""The digest of an environment, form record-set/v1, computed from its definition with hashlib alone."""

import hashlib
import re
import sys
from pathlib import Path


def sha256(data):
    return hashlib.sha256(data).digest()


def root(leaves):
    """RFC 6962's tree hash, as the RFC defines it."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + root(leaves[:split]) + root(leaves[split:]))


leaves, total = [], 0
for info in Path(sys.argv[1]).glob("*.dist-info"):
    fields = dict(re.findall(r"(?m)^(Name|Version): (.*)$", (info / "METADATA").read_text().split("\n\n")[0]))
    name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
    record = (info / "RECORD").read_bytes()
    path = f"{name}/{fields['Version']}/RECORD".encode()
    leaves.append((path, b"\1" + len(path).to_bytes(4) + path + len(record).to_bytes(8) + sha256(record)))
    total += len(record)
tree = root([data for _, data in sorted(leaves)])
digest = sha256(b"model-tree/v1\n" + len(leaves).to_bytes(8) + total.to_bytes(8) + tree)
print("packages", len(leaves))
print("digest sha256:" + digest.hex())
