# SPDX-License-Identifier: Apache-2.0
"""P-256: points are on the curve, signatures hold or are refused, keys tell nothing."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.crypto.digest import mac_sha256, same, sha256, sha384
from troth.crypto.p256 import PrivateKey, PublicKey

KEY: Final = PrivateKey.generate()
OTHER: Final = PrivateKey.generate()
MESSAGE: Final = b"header, descriptor, body"
SIGNATURE: Final = KEY.sign(MESSAGE)

# SEC 2 §2.4.2: the field's prime and the group's order.
P: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# FIPS 186-4, as in RFC 6979 §A.2.5: the message "sample" under a published key.
RAW: Final = bytes.fromhex(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
SAMPLE: Final = bytes.fromhex(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)


def pair(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_a_published_signature_holds() -> None:
    key = PublicKey.from_raw(RAW, "quote.key")
    assert key.raw == RAW
    key.verify(SAMPLE, b"sample", "quote.signature")
    with refused("quote.signature"):
        key.verify(SAMPLE, b"Sample", "quote.signature")


def test_a_signature_holds_under_its_key_for_its_message() -> None:
    KEY.public.verify(SIGNATURE, MESSAGE, "quote.signature")
    with refused("quote.signature"):
        KEY.public.verify(SIGNATURE, MESSAGE + b"\0", "quote.signature")
    with refused("qe.report-signature"):
        OTHER.public.verify(SIGNATURE, MESSAGE, "qe.report-signature")


def test_the_mirrored_signature_holds_too() -> None:
    r, s = (int.from_bytes(half, "big") for half in (SIGNATURE[:32], SIGNATURE[32:]))
    KEY.public.verify(pair(r, N - s), MESSAGE, "quote.signature")


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        b"\xff" * 64,
        pair(0, int.from_bytes(SIGNATURE[32:], "big")),
        pair(int.from_bytes(SIGNATURE[:32], "big"), 0),
        pair(N, 1),
        pair(1, N),
        pair(N + 1, N + 1),
        pair(1, 1),
        SIGNATURE[32:] + SIGNATURE[:32],
        b"",
        SIGNATURE[:63],
        SIGNATURE + b"\0",
    ],
    ids=[
        "zero",
        "ones",
        "r=0",
        "s=0",
        "r=n",
        "s=n",
        "n+1",
        "1",
        "swapped",
        "none",
        "short",
        "long",
    ],
)
def test_what_is_no_signature(signature: bytes) -> None:
    with refused("quote.signature"):
        KEY.public.verify(signature, MESSAGE, "quote.signature")


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x06\2\1\1\2\1\1", b"\xff" * 72])
def test_what_is_no_der_signature(der: bytes) -> None:
    with refused("crl.signature"):
        KEY.public.verify_der(der, MESSAGE, "crl.signature")


X: Final = int.from_bytes(RAW[:32], "big")
Y: Final = int.from_bytes(RAW[32:], "big")


@pytest.mark.parametrize(
    "raw",
    [
        bytes(64),
        b"\xff" * 64,
        pair(X, Y ^ 1),
        pair(X, 0),
        pair(P, Y),
        pair(X, P),
        pair(0, 1),
        RAW[32:] + RAW[:32],
        b"",
        RAW[:-1],
        RAW + b"\0",
        RAW[:32],
    ],
    ids=["0", "ones", "y", "y=0", "x=p", "y=p", "0,1", "swapped", "none", "short", "long", "half"],
)
def test_what_is_no_point(raw: bytes) -> None:
    with refused("quote.key"):
        PublicKey.from_raw(raw, "quote.key")


def test_the_other_point_of_the_same_x_is_another_key() -> None:
    other = PublicKey.from_raw(pair(X, P - Y), "quote.key")
    assert other.raw != RAW
    with refused("quote.signature"):
        other.verify(SAMPLE, b"sample", "quote.signature")


def test_a_public_key_as_der_says_its_curve() -> None:
    spki = PublicKey.from_raw(RAW, "quote.key").spki
    assert spki == bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + RAW


def test_a_private_key_is_saved_and_loaded_and_says_nothing() -> None:
    loaded = PrivateKey.from_pem(KEY.pem())
    assert loaded.public.raw == KEY.public.raw
    loaded.public.verify(loaded.sign(b"x"), b"x", "quote.signature")
    assert repr(KEY) == "PrivateKey(P-256)"
    assert repr(KEY) in f"{[KEY]}"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p-384", "k1", "rsa"],
)
def test_another_kind_of_private_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not a P-256 private key"):
        PrivateKey.from_pem(pem)


def test_what_is_no_private_key() -> None:
    with pytest.raises(ValueError, match="PEM"):
        PrivateKey.from_pem(b"nothing")


def test_an_encrypted_private_key_is_not_asked_a_password_for() -> None:
    kind = BestAvailableEncryption(b"secret")
    pem = KEY.library_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kind)
    with pytest.raises((TypeError, ValueError)):
        PrivateKey.from_pem(pem)


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_may_flip(bit: int) -> None:
    bad = bytearray(SIGNATURE)
    bad[bit // 8] ^= 1 << bit % 8
    with refused("quote.signature"):
        KEY.public.verify(bytes(bad), MESSAGE, "quote.signature")


def test_digests_are_the_standards() -> None:
    assert sha256(b"abc").hex().startswith("ba7816bf8f01cfea")
    assert sha384(b"abc").hex().startswith("cb00753f45a35e8b")
    # RFC 4231 §4.3, test case 2.
    mac = mac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert mac.hex().startswith("5bdcc146bf60754e")
    assert (len(sha256(b"")), len(sha384(b"")), len(mac)) == (32, 48, 32)


def test_same_is_equality() -> None:
    assert same(b"abc", b"abc")
    assert not same(b"abc", b"abd")
    assert not same(b"abc", b"ab")
