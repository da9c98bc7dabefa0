"""What schemathesis sends as a log entry: valid ones from testdata, those with one bit turned, and plain noise.

Loaded through SCHEMATHESIS_HOOKS by `cargo xtask interop`; TALLYMARK_ENTRIES names the directory of valid entries.
"""

import os
import pathlib

import schemathesis
from hypothesis import strategies as st

ENTRIES = [path.read_bytes() for path in sorted(pathlib.Path(os.environ["TALLYMARK_ENTRIES"]).glob("*.cbor"))]
assert ENTRIES, "no entries to send"


@st.composite
def bodies(draw):
    entry = draw(st.sampled_from(ENTRIES))
    kind = draw(st.sampled_from(["valid", "bit", "cut", "noise"]))
    if kind == "valid":
        return entry
    if kind == "cut":
        return entry[: draw(st.integers(0, len(entry) - 1))]
    if kind == "noise":
        return draw(st.binary(max_size=9000))
    at = draw(st.integers(0, 8 * len(entry) - 1))
    turned = bytearray(entry)
    turned[at // 8] ^= 1 << (at % 8)
    return bytes(turned)


for media_type in ["application/cose", "*/*"]:
    schemathesis.openapi.media_type(media_type, bodies())


@schemathesis.serializer("application/cose")
def as_is(ctx, value):
    return value if isinstance(value, bytes) else repr(value).encode()
