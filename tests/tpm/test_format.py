# SPDX-License-Identifier: Apache-2.0
"""Evidence whose bytes do not follow the format: one fault each, signed where something signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from tests.tpm.table import (
    CHALLENGE,
    EVIDENCE,
    P384,
    PKI,
    RSA,
    TPM,
    Given,
    Table,
    chain_pem,
    member,
    message,
    public,
    quoted,
    settle,
    signature,
    with_bytes,
)
from troth.evidence.tpm import PcrSelection, TpmSignature

# Offsets in a quote of this TPM: a name of 34 bytes, extra data of 32, one bank.
NAME: Final = 6
EXTRA: Final = 42
CLOCK: Final = 76
SAFE: Final = 92
COUNT: Final = 101
BANK: Final = 105
SELECT: Final = 107
DIGEST: Final = 111
ENTRY: Final = slice(BANK, DIGEST)


def put(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda data: with_bytes(data, offset, value)


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def selections(*entries: bytes, count: int | None = None) -> Given:
    """Return a quote with these selections."""
    listed = u32(len(entries) if count is None else count) + b"".join(entries)
    return message(lambda data: data[:COUNT] + listed + data[DIGEST:])


def entry(bank: int, bits: bytes = b"\xff\xff\xff") -> bytes:
    return u16(bank) + bytes((len(bits),)) + bits


def sized(offset: int, data: bytes, value: bytes) -> bytes:
    """Return a quote with another TPM2B in place of the one at an offset."""
    old = int.from_bytes(data[offset : offset + 2], "big")
    return data[:offset] + u16(len(value)) + value + data[offset + 2 + old :]


def truncated(size: int) -> Given:
    return message(lambda data: data[:size])


def pcrs(change: Callable[[dict[str, Any]], object]) -> Given:
    return quoted(document=lambda document: change(document["pcrs"]))


def ak(**forms: str) -> Given:
    return member(ak=forms)


def rsa_pem(bits: int, exponent: int = 65537) -> str:
    """Return a key of some bits, which nobody can sign with."""
    numbers = rsa.RSAPublicNumbers(exponent, (1 << bits) - 1)
    spki = PublicFormat.SubjectPublicKeyInfo
    return numbers.public_key().public_bytes(Encoding.PEM, spki).decode()


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    spki = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, spki).decode()


PEM: Final = TPM.key.public.pem().decode()
AREA: Final = TPM.public()
AREA_HEX: Final = AREA.build().hex()
RSA_SCHEME: Final = (
    12  # offset in an area without policy: type, name, attributes, policy, symmetric
)

FRAME: Final[Table] = {
    "empty": (lambda: Given(evidence=b""), "json.syntax"),
    "not-json": (lambda: Given(evidence=bytes(100)), "json.syntax"),
    "too-large": (lambda: Given(evidence=EVIDENCE + b" " * 128 * 1024), "json.too-large"),
    "kind-another": (lambda: member(kind="tdx"), "json.type"),
    "kind-missing": (lambda: member(kind=None), "json.type"),
    "version-missing": (lambda: member(version=None), "json.type"),
    "version-2": (lambda: member(version=2), "unsupported.version"),
    "member-unknown": (lambda: member(nonce="00"), "json.type"),
    "member-missing": (lambda: member(pcrs=None), "json.type"),
    "member-twice": (
        lambda: Given(evidence=EVIDENCE.replace(b'"version":1', b'"version":1,"version":1')),
        "json.duplicate",
    ),
    "message-not-hex": (lambda: member(message="zz"), "wire.hex"),
    "key-none": (ak, "tpm.form"),
    "key-two": (lambda: ak(pem=PEM, public=AREA_HEX), "tpm.form"),
    "key-certificates-none": (lambda: ak(certificates=""), "tpm.form"),
    "key-certificates-six": (
        lambda: chain_pem(*[PKI.certificates["root"]] * 6),
        "wire.pem",
    ),
    "key-certificate-broken": (lambda: chain_pem(b"\x30\x00"), "x509.malformed"),
    "key-pem-broken": (lambda: ak(pem="-----BEGIN"), "tpm.key"),
    "key-pem-rsa-1024": (lambda: ak(pem=rsa_pem(1024)), "tpm.key"),
    "key-pem-rsa-2040": (lambda: ak(pem=rsa_pem(2040)), "tpm.key"),
    "key-pem-rsa-4104": (lambda: ak(pem=rsa_pem(4104)), "tpm.key"),
    "key-pem-exponent-3": (lambda: ak(pem=rsa_pem(2048, 3)), "tpm.key"),
    "key-pem-p521": (lambda: ak(pem=pem_of(ec.generate_private_key(ec.SECP521R1()))), "tpm.key"),
}
QUOTE: Final[Table] = {
    "magic": (lambda: message(put(0, b"\xffTCH")), "tpm.magic"),
    "magic-of-a-caller": (lambda: message(put(0, bytes(4))), "tpm.magic"),
    "type-certify": (lambda: message(put(4, u16(0x8017))), "tpm.attest-type"),
    "type-time": (lambda: message(put(4, u16(0x8019))), "tpm.attest-type"),
    "name-of-33": (lambda: message(lambda one: sized(NAME, one, bytes(33))), "tpm.name"),
    "name-of-35": (
        lambda: message(lambda one: sized(NAME, one, u16(0x000B) + bytes(33))),
        "tpm.name",
    ),
    "name-of-an-unknown-hash": (lambda: message(put(NAME + 2, u16(0x0099))), "tpm.name"),
    "name-too-long": (lambda: message(put(NAME, u16(0xFFFF))), "wire.truncated"),
    "extra-of-67": (lambda: message(lambda one: sized(EXTRA, one, bytes(67))), "tpm.size"),
    "extra-too-long": (lambda: message(put(EXTRA, u16(0x1000))), "wire.truncated"),
    "safe-2": (lambda: message(put(SAFE, b"\2")), "tpm.size"),
    "digest-of-31": (lambda: message(lambda one: sized(DIGEST, one, bytes(31))), "tpm.size"),
    "digest-empty": (lambda: message(lambda one: sized(DIGEST, one, b"")), "tpm.size"),
    "tail": (lambda: message(lambda one: one + b"\0"), "tpm.trailing"),
    "over-1024": (lambda: message(lambda one: one + bytes(1024)), "wire.too-large"),
    "selection-none": (selections, "tpm.selection"),
    "selection-of-nothing": (lambda: selections(entry(0x0B, bytes(3))), "tpm.selection"),
    "selection-twice": (lambda: selections(entry(0x0B), entry(0x0B)), "tpm.selection"),
    "selection-twice-apart": (
        lambda: selections(entry(0x0B), entry(0x0C), entry(0x0B)),
        "tpm.selection",
    ),
    "selection-of-six": (lambda: selections(*[entry(0x0B)] * 6), "tpm.selection"),
    "selection-count-huge": (lambda: selections(count=0xFFFF_FFFF), "tpm.selection"),
    "selection-count-beyond": (lambda: selections(count=5), "unsupported.algorithm"),
    "selection-of-4-bytes": (lambda: selections(entry(0x0B, bytes([255] * 4))), "tpm.selection"),
    "selection-of-2-bytes": (lambda: selections(entry(0x0B, b"\xff\xff")), "tpm.selection"),
    "selection-of-0-bytes": (lambda: selections(entry(0x0B, b"")), "tpm.selection"),
    "selection-unknown-bank": (lambda: selections(entry(0x0027)), "unsupported.algorithm"),
    **{
        f"cut-at-{size}": (
            lambda size=size: truncated(size),  # type: ignore[misc]  # mypy reads no default here
            "wire.truncated",
        )
        for size in (*range(DIGEST), *range(DIGEST, DIGEST + 34))
    },
}
REGISTERS: Final[Table] = {
    "one-missing": (lambda: pcrs(lambda banks: banks["sha256"].pop("14")), "tpm.pcr-values"),
    "bank-missing": (lambda: pcrs(lambda banks: banks.pop("sha256")), "tpm.pcr-values"),
    "one-not-quoted": (
        lambda: quoted(
            selections=(PcrSelection("sha256", (1, 2)),),
            document=lambda one: one["pcrs"]["sha256"].update({"3": "00" * 32}),
        ),
        "tpm.pcr-values",
    ),
    "bank-not-quoted": (
        lambda: pcrs(lambda one: one.update(sha1={"0": "00" * 20})),
        "tpm.pcr-values",
    ),
    "bank-unknown": (lambda: pcrs(lambda one: one.update(md5={"0": "00"})), "tpm.pcr-values"),
    "index-24": (
        lambda: pcrs(lambda one: one["sha256"].update({"24": "00" * 32})),
        "tpm.pcr-values",
    ),
    "index-spelt-01": (
        lambda: pcrs(lambda one: one["sha256"].update({"01": one["sha256"].pop("1")})),
        "tpm.pcr-values",
    ),
    "value-short": (lambda: pcrs(lambda one: one["sha256"].update({"1": "00" * 31})), "wire.hex"),
}
SIGNATURE: Final[Table] = {
    "scheme-rsapss": (lambda: signature(put(0, u16(0x0016)), RSA), "unsupported.algorithm"),
    "scheme-ecdaa": (lambda: signature(put(0, u16(0x001A))), "unsupported.algorithm"),
    "scheme-none": (lambda: signature(lambda _: u16(0x0010)), "unsupported.algorithm"),
    "hash-sha1": (lambda: signature(put(2, u16(0x0004))), "unsupported.algorithm"),
    "hash-sha512": (lambda: signature(put(2, u16(0x000D))), "unsupported.algorithm"),
    "empty": (lambda: signature(lambda _: b""), "wire.truncated"),
    "cut": (lambda: signature(lambda one: one[:-1]), "wire.truncated"),
    "cut-rsa": (lambda: signature(lambda one: one[:-1], RSA), "wire.truncated"),
    "tail": (lambda: signature(lambda one: one + b"\0"), "tpm.trailing"),
    "tail-rsa": (lambda: signature(lambda one: one + b"\0", RSA), "tpm.trailing"),
    "over-1024": (lambda: signature(lambda one: one + bytes(1024)), "wire.too-large"),
    "ecdsa-of-49": (
        lambda: quoted(signature=lambda one: replace(one, value=bytes(98))),
        "tpm.size",
    ),
    "rsa-of-513": (
        lambda: quoted(RSA, signature=lambda _: TpmSignature("RSASSA", "sha256", bytes(513))),
        "tpm.size",
    ),
}
PUBLIC: Final[Table] = {
    "area-too-large": (lambda: ak(public="00" * 1025), "wire.too-large"),
    "area-cut": (lambda: ak(public=AREA_HEX[:-2]), "wire.truncated"),
    "area-tail": (lambda: ak(public=AREA_HEX + "00"), "tpm.trailing"),
    "area-tail-inside": (lambda: public(lambda one: one + b"\0"), "tpm.trailing"),
    "type-keyed-hash": (lambda: public(put(0, u16(0x0008))), "unsupported.algorithm"),
    "name-hash-unknown": (lambda: public(put(2, u16(0x0099))), "unsupported.algorithm"),
    "symmetric": (lambda: public(put(10, u16(0x0006))), "tpm.public"),
    "scheme-rsapss": (lambda: public(put(RSA_SCHEME, u16(0x0016)), RSA), "unsupported.algorithm"),
    "scheme-hash-unknown": (lambda: public(put(14, u16(0x0099))), "unsupported.algorithm"),
    "curve-unknown": (lambda: public(put(16, u16(0x0020))), "unsupported.algorithm"),
    "key-derivation": (lambda: public(put(18, u16(0x0022))), "tpm.public"),
    "coordinate-of-33": (
        lambda: public(lambda one: sized(20, one, bytes(33))),
        "tpm.public",
    ),
    "off-the-curve": (lambda: public(put(22, bytes(32))), "tpm.key"),
    "p384-off-the-curve": (lambda: public(put(22, bytes(48)), P384), "tpm.key"),
    "exponent-3": (lambda: public(put(18, u32(3)), RSA), "tpm.public"),
    "bits-1024": (lambda: public(put(16, u16(1024)), RSA), "tpm.public"),
    "modulus-with-a-zero-first": (lambda: public(put(24, b"\0"), RSA), "tpm.public"),
    "modulus-of-257-bytes": (
        lambda: public(lambda one: one[:22] + u16(257) + b"\0" + one[24:], RSA),
        "tpm.public",
    ),
    "modulus-of-1024-bits": (
        lambda: public(lambda one: one[:16] + u16(1024) + bytes(4) + u16(128) + b"\xff" * 128, RSA),
        "tpm.key",
    ),
}
CASES: Final[Table] = {
    f"{group}-{name}": case
    for group, table in (
        ("frame", FRAME),
        ("quote", QUOTE),
        ("registers", REGISTERS),
        ("signature", SIGNATURE),
        ("public", PUBLIC),
    )
    for name, case in table.items()
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_one_code(name: str) -> None:
    settle(CASES[name])


def test_the_offsets_are_those_of_the_quote() -> None:
    data, _, _ = TPM.quote(CHALLENGE)
    assert data[EXTRA + 2 : CLOCK] == CHALLENGE
    assert data[SAFE] == 1
    assert data[ENTRY] == entry(0x0B)
    assert len(data) == DIGEST + 34
