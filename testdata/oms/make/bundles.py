"""Bundles as model_signing itself writes them, one case a folder. Run under each version:

    python bundles.py KEYS OUT

with model_signing 1.1.1 (and pyOpenSSL), 1.0.1 (and sigstore<4) or 0.2.0 (and sigstore<4, sigstore-protobuf-specs<0.4).
"""

import os
import pathlib
import shutil
import sys

import model_signing

KEYS, OUT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
VERSION = model_signing.__version__
FILES = {"config.json": b'{"layers":2}\n', "weights/a.bin": b"0123456789" * 100, "weights-int8.bin": b"\x00\x01", "empty": b""}


def case(name, why, files=FILES, refused=None, **expected):
    folder = OUT / f"{VERSION}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in files.items():
        file = folder / "model" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    lines = [f'why = "{why}, model_signing {VERSION}"', 'model = "model"']
    lines += [f'{key} = "{value}"' for key, value in expected.items()]
    verdict, reason, code, step = refused or ("verified", None, 0, None)
    lines.append(f'verdict = "{verdict}"')
    lines += [f'reason = "{reason}"'] if reason else []
    lines.append(f"exit = {code}")
    lines += [f"step = {step}"] if step else []
    (folder / "case.toml").write_text("\n".join(lines) + "\n")
    os.chdir(folder)
    return folder / "model"


def new():
    from model_signing import hashing, signing

    def config(model, **flags):
        ignore = flags.pop("ignore", [])
        made = hashing.Config().set_ignored_paths(paths=[model / "model.sig", *ignore], ignore_git_paths=True)
        return made

    def configuration():
        # Without its constructor, which asks Sigstore's servers for a trust root that no case here needs.
        return object.__new__(signing.Config)

    def key(name, why, curve, files=FILES, hash_config=None, refused=None):
        model = case(name, why, files, refused, key=f"../../keys/p{curve}.pub")
        made = config(model)
        if hash_config:
            hash_config(made, model)
        signer = configuration().use_elliptic_key_signer(private_key=KEYS / f"p{curve}.pem")
        signer.set_hashing_config(made).sign(model, model / "model.sig")

    for curve in (256, 384, 521):
        key(f"key-p{curve}", f"signed with a key over P-{curve}", curve)
    key("git-names", "a checkout; the git names are left out by default", 256,
        {**FILES, ".gitattributes": b"*.bin -text\n", ".github/workflows/ci.yml": b"on: push\n"})
    key("odd-names", "names with spaces, a colon and letters beyond ASCII", 256,
        {"a b": b"1", "a:b": b"2", "\u4e2d\u6587/\u00e9": b"3", "'quoted'": b"4"})
    key("shards", "files cut in pieces of 300 bytes, and one that is empty and in none", 256,
        hash_config=lambda made, _: made.use_shard_serialization(hashing_algorithm="sha256", shard_size=300))
    key("blake2b", "digests by another hash function", 256, {"a": b"1"},
        lambda made, _: made.use_file_serialization(hashing_algorithm="blake2"))

    def certificate(name, why, leaf, refused=None, ca="root", **expected):
        model = case(name, why, FILES, refused, ca=f"../../keys/{ca}.crt", **expected)
        signer = configuration().use_certificate_signer(
            private_key=KEYS / f"{leaf}.pem",
            signing_certificate=KEYS / f"{leaf}.crt",
            certificate_chain=[KEYS / "middle.crt", KEYS / "root.crt"],
        )
        signer.set_hashing_config(config(model)).sign(model, model / "model.sig")

    certificate("certificate", "a certificate that leads to the authority over one between", "leaf")
    certificate("certificate-expired", "believed by model_signing, which judges a chain at its first second", "expired",
                ("refused", "certificate-expired", 3, 8))
    certificate("certificate-in-its-time", "the same, judged while it was valid", "expired", time="2020-06-01T00:00:00Z")
    certificate("certificate-future", "not valid before 2099", "future", ("refused", "certificate-not-yet-valid", 3, 8))
    certificate("certificate-server", "a certificate for TLS, believed by model_signing", "server",
                ("refused", "certificate-unfit", 3, 8))
    certificate("certificate-other-authority", "an authority that issued none of them", "leaf",
                ("refused", "certificate-untrusted", 3, 8), ca="other-root")


def old():
    from model_signing import model as signing
    from model_signing.hashing import file, memory
    from model_signing.serialization import serialize_by_file
    from model_signing.signature import key as ec_key
    from model_signing.signature import pki
    from model_signing.signing import in_toto, in_toto_signature

    def sign(model, signer):
        serializer = serialize_by_file.ManifestSerializer(
            lambda path: file.SimpleFileHasher(path, memory.SHA256()), allow_symlinks=False)
        signature = signing.sign(model, in_toto_signature.IntotoSigner(signer),
                                 in_toto.DigestsIntotoPayload.from_manifest, serializer, [model / "model.sig"])
        signature.write(model / "model.sig")

    for curve in (256, 384, 521):
        model = case(f"key-p{curve}", f"signed with a key over P-{curve}, and SHA-256 whatever the curve",
                     key=f"../../keys/p{curve}.pub")
        sign(model, ec_key.ECKeySigner.from_path(str(KEYS / f"p{curve}.pem")))
    model = case("odd-names", "names whose bytes that version escaped", {"a b": b"1", "'q'": b"2", "\u00e9": b"3"},
                 key="../../keys/p256.pub")
    sign(model, ec_key.ECKeySigner.from_path(str(KEYS / "p256.pem")))
    model = case("certificate", "a certificate that leads to the authority over one between", ca="../../keys/root.crt")
    chain = [str(KEYS / "middle.crt"), str(KEYS / "root.crt")]
    sign(model, pki.PKISigner.from_path(str(KEYS / "leaf.pem"), str(KEYS / "leaf.crt"), chain))


old() if VERSION.startswith("0.") else new()
