"""Signs and verifies with model_signing. One job a line on standard input, as JSON; one word and a reason a line as answer.

    {"act": "sign", "model": "...", "signature": "...", "key": "...", "certificate": "...", "chain": ["..."],
     "shard_size": 0, "hash": "sha256", "symlinks": false, "ignore": ["..."]}
    {"act": "verify", "model": "...", "signature": "...", "key": "..."}
"""

import json
import logging
import pathlib
import sys

from model_signing import hashing, signing, verifying

logging.disable(logging.CRITICAL)
SAID, sys.stdout = sys.stdout, sys.stderr  # what the library prints is none of our answers


def hashes(job):
    made = hashing.Config()
    ignored = [job["signature"], *(str(pathlib.Path(job["model"]) / path) for path in job.get("ignore", []))]
    made.set_ignored_paths(paths=ignored, ignore_git_paths=True)
    if job.get("shard_size"):
        made.use_shard_serialization(hashing_algorithm=job.get("hash", "sha256"), shard_size=job["shard_size"],
                                     allow_symlinks=job.get("symlinks", False))
    else:
        made.use_file_serialization(hashing_algorithm=job.get("hash", "sha256"), allow_symlinks=job.get("symlinks", False))
    made.set_allow_symlinks(job.get("symlinks", False))
    return made


def sign(job):
    # Without its constructor, which asks Sigstore's servers for a trust root.
    config = object.__new__(signing.Config)
    if "certificate" in job:
        config.use_certificate_signer(private_key=job["key"], signing_certificate=job["certificate"],
                                      certificate_chain=job["chain"])
    else:
        config.use_elliptic_key_signer(private_key=job["key"])
    config.set_hashing_config(hashes(job)).sign(job["model"], job["signature"])


def verify(job):
    config = verifying.Config().use_elliptic_key_verifier(public_key=job["key"])
    # As its command line does: the bundle's ignored paths and the signature itself are left out.
    config.set_hashing_config(hashes(job)).verify(job["model"], job["signature"])


for line in sys.stdin:
    job = json.loads(line)
    try:
        {"sign": sign, "verify": verify}[job["act"]](job)
        print("ok", file=SAID, flush=True)
    except Exception as error:
        print("no", type(error).__name__, " ".join(str(error).split())[:200], file=SAID, flush=True)
