"""Keys and certificates of the cases: worthless, and published on purpose. Needs cryptography; made once with 46.

    python keys.py DIR

The authority and the intermediate hold until 2100. `leaf` does too, `expired` ended in 2021, `server` is for TLS.
"""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)
PEM = serialization.Encoding.PEM


def write_key(name, key):
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (OUT / f"{name}.pem").write_bytes(private)
    (OUT / f"{name}.pem").chmod(0o600)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (OUT / f"{name}.pub").write_bytes(public)


def usage(sign, certify):
    return x509.KeyUsage(sign, False, False, False, False, certify, False, False, False)


def issue(name, curve, issuer, years, authority, purpose):
    key = ec.generate_private_key(curve) if curve else rsa.generate_private_key(65537, 2048)
    write_key(name, key)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tallymark test {name}")])
    issuer_key, issuer_name = issuer or (key, subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(years[0], 1, 1))
        .not_valid_after(datetime.datetime(years[1], 1, 1))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage(not authority, authority), critical=True)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA384())
    (OUT / f"{name}.crt").write_bytes(certificate.public_bytes(PEM))
    return key, subject


for bits, curve in [(256, ec.SECP256R1()), (384, ec.SECP384R1()), (521, ec.SECP521R1())]:
    write_key(f"p{bits}", ec.generate_private_key(curve))
root = issue("root", ec.SECP384R1(), None, (2020, 2100), True, None)
issue("other-root", ec.SECP256R1(), None, (2020, 2100), True, None)
middle = issue("middle", ec.SECP521R1(), root, (2020, 2100), True, None)
issue("leaf", ec.SECP384R1(), middle, (2020, 2100), False, ExtendedKeyUsageOID.CODE_SIGNING)
issue("expired", ec.SECP256R1(), middle, (2020, 2021), False, ExtendedKeyUsageOID.CODE_SIGNING)
issue("future", ec.SECP256R1(), middle, (2099, 2100), False, ExtendedKeyUsageOID.CODE_SIGNING)
issue("server", ec.SECP256R1(), middle, (2020, 2100), False, ExtendedKeyUsageOID.SERVER_AUTH)
issue("rsa", None, None, (2020, 2100), False, ExtendedKeyUsageOID.CODE_SIGNING)
