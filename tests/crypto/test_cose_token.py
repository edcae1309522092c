# SPDX-License-Identifier: Apache-2.0
"""Vendors' COSE_Sign1 and keys: round trips, against RFC vectors, and what is refused."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Final

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.refusals import refused
from troth.crypto.cose_token import TokenSign1
from troth.crypto.signing_key import SigningKey
from troth.crypto.verifying_key import CURVES, VerifyingKey, check_public_key
from troth.wire import cbor

NAMES: Final[Any] = tuple(CURVES)

# RFC 8032 §7.1, test 2: secret key, public key, message, signature.
ED25519_PUBLIC: Final = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
ED25519_SIGNATURE: Final = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
# RFC 6979 A.2.6: P-384 with SHA-384, message "sample".
P384_PUBLIC: Final = (
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"
)
P384_SIGNATURE: Final = (
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"
)
# RFC 6979 A.2.5: P-256 with SHA-256, message "sample".
P256_PUBLIC: Final = (
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
P256_SIGNATURE: Final = (
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)


@pytest.mark.parametrize(
    ("curve", "algorithm", "public", "message", "signature"),
    [
        ("Ed25519", -8, ED25519_PUBLIC, b"\x72", ED25519_SIGNATURE),
        ("P-384", -35, P384_PUBLIC, b"sample", P384_SIGNATURE),
        ("P-256", -7, P256_PUBLIC, b"sample", P256_SIGNATURE),
    ],
)
def test_the_vectors_of_the_rfcs_hold(
    curve: str, algorithm: int, public: str, message: bytes, signature: str
) -> None:
    key = VerifyingKey(CURVES[curve], bytes.fromhex(public))
    key.verify(algorithm, bytes.fromhex(signature), message, "cose.algorithm")
    with refused("cove.state"):
        key.verify(algorithm, bytes.fromhex(signature), message + b"x", "cove.state")


@pytest.mark.parametrize("name", NAMES)
def test_keys_come_back_from_every_form(name: Any) -> None:
    key = SigningKey.generate(name)
    public = key.public
    assert VerifyingKey.from_cose(public.cose()) == public
    assert VerifyingKey.from_pem(public.pem()) == public
    assert SigningKey.from_pem(key.pem()).public == public
    assert len(public.spki_sha256) == 32
    assert public != SigningKey.generate(name).public
    check_public_key(public.cose())


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), X25519PrivateKey.generate()]
)
def test_a_private_key_that_signs_nothing_here(key: Any) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not a private key of an elliptic curve"):
        SigningKey.from_pem(pem)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_a_signature_is_only_its_keys(name: Any, other: Any) -> None:
    key, wrong = SigningKey.generate(name), SigningKey.generate(other)
    token = TokenSign1.of(TokenSign1.sign(key, b"payload", key_id=b"k").value())
    assert (token.payload, token.key_id, token.algorithm) == (b"payload", b"k", key.algorithm)
    token.verify(key.public, "cove.state")
    with refused("cove.state" if name == other else "cose.algorithm"):
        token.verify(wrong.public, "cove.state")


def test_a_message_is_verified_as_rfc_9052_says() -> None:
    key = SigningKey.generate("P-256")
    token = TokenSign1.sign(key, b"payload")
    structure = cbor2.dumps(["Signature1", bytes.fromhex("a10126"), b"", b"payload"])
    key.public.verify(-7, token.signature, structure, "cove.state")


def test_the_protected_header_counts_as_it_came() -> None:
    key = SigningKey.generate("P-384")
    long = bytes.fromhex("bf013822ff")  # {1: -35} without its length
    token = TokenSign1.of(TokenSign1.sign(key, b"p", protected=long).value())
    token.verify(key.public, "cove.state")
    short = TokenSign1(bytes.fromhex("a1013822"), -35, None, b"p", token.signature)
    with refused("cove.state"):
        short.verify(key.public, "cove.state")


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        [b"\xa1\x01\x26", {}, b"", b""],
        cbor.Tag(98, [b"\xa1\x01\x26", {}, b"", b""]),
        cbor.Tag(18, {}),
        cbor.Tag(18, [b"\xa1\x01\x26", {}, b""]),
        cbor.Tag(18, [b"\xa1\x01\x26", {}, None, b""]),
    ],
)
def test_what_is_no_sign1_is_refused(value: object) -> None:
    with refused("cose.form"):
        TokenSign1.of(value)


def test_keys_of_other_kinds_are_refused() -> None:
    for key in (
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        X25519PrivateKey.generate().public_key(),
    ):
        with refused("cose.key"):
            VerifyingKey.of(key)
    with refused("cose.key"):
        VerifyingKey.from_pem(b"-----BEGIN PUBLIC KEY-----")
    pem = ec.generate_private_key(ec.SECP521R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with refused("cose.key"):
        SigningKey.from_pem(pem)
    other = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="elliptic"):
        SigningKey.from_pem(other)


def pem_of(der: bytes, label: str) -> bytes:
    body = b64encode(der).decode()
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


@pytest.mark.parametrize("oid", ["2a8648ce3d030107", "2a8648ce3d0201"])  # P-256; EC public key
def test_kinds_that_the_library_does_not_know_are_refused(oid: str) -> None:
    key = SigningKey.generate("P-256")
    known = bytes.fromhex(oid)
    unknown = known[:-1] + b"\x77"
    with refused("cose.key"):
        VerifyingKey.from_pem(pem_of(key.public.spki.replace(known, unknown), "PUBLIC KEY"))
    private = b64decode("".join(key.pem().decode().splitlines()[1:-1]))
    with pytest.raises(ValueError, match=r"."):
        SigningKey.from_pem(pem_of(private.replace(known, unknown), "PRIVATE KEY"))


def test_a_point_off_its_curve_is_refused_in_pem() -> None:
    spki = SigningKey.generate("P-256").public.spki
    with refused("cose.key"):
        VerifyingKey.from_pem(pem_of(spki[:-1] + bytes((spki[-1] ^ 1,)), "PUBLIC KEY"))


def test_an_encrypted_key_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    with pytest.raises(ValueError, match="encrypted"):
        SigningKey.from_pem(pem)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_another_size_is_refused(name: str) -> None:
    raw = SigningKey.generate(name).public.raw  # type: ignore[arg-type]  # one of the three
    for wrong in (b"", raw[:-1], raw + b"\0"):
        with refused("cose.key"):
            VerifyingKey(CURVES[name], wrong)
    with refused("cose.point"):
        VerifyingKey(CURVES[name], bytes(len(raw)))
