# SPDX-License-Identifier: Apache-2.0
"""Quotes that do not hold: signature, challenge, digest of registers; one fault each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.tpm.table import (
    BANKS,
    CHALLENGE,
    EVIDENCE,
    EVIL,
    OTHER,
    P384,
    RSA,
    TPM,
    Accepted,
    Given,
    Table,
    public,
    quoted,
    settle,
    signature,
    with_bytes,
)
from troth.crypto.tpm_signer import TpmSigner
from troth.evidence.tpm import TpmSignature
from troth.tsm.emulated.tpm import SoftwareTpm

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
ZERO: Final = bytes(32)


def value(change: Callable[[bytes], bytes], tpm: SoftwareTpm = TPM) -> Given:
    """Return evidence with another signature value; nothing is signed again."""
    return quoted(tpm, signature=lambda one: replace(one, value=change(one.value)))


def negated(value: bytes) -> bytes:
    """Return (r, n - s), which is a signature of the same message as well."""
    s = ORDER - int.from_bytes(value[32:], "big")
    return value[:32] + s.to_bytes(32, "big")


def shortened(_: TpmSignature) -> TpmSignature:
    """Return an RSA signature without its first byte."""
    sound = RSA.quote(CHALLENGE)[1]
    return replace(sound, value=sound.value[1:])


def register(index: str, digest: str, bank: str = "sha256", tpm: SoftwareTpm = TPM) -> Given:
    """Return evidence in which a register given has another value."""

    def put(document: dict[str, Any]) -> None:
        document["pcrs"][bank][index] = digest

    return quoted(tpm, document=put)


def exchanged() -> Given:
    """Return evidence in which two registers have each other's values."""

    def put(document: dict[str, Any]) -> None:
        bank = document["pcrs"]["sha256"]
        bank["0"], bank["17"] = bank["17"], bank["0"]

    return quoted(document=put)


def digested_with_another_hash() -> Given:
    """Return a quote whose registers were digested with SHA-384, signed with SHA-256."""
    _, _, selections = TPM.quote(CHALLENGE)
    message, _, _ = TPM.quote(CHALLENGE, selections, hash_name="sha384")
    return quoted(message=lambda _: message)


def empty_challenge_of_the_caller() -> Given:
    return Given(challenge=b"")


def scheme(hash_number: int, offset: int, tpm: SoftwareTpm) -> Given:
    """Return evidence whose public area names another hash for the key's scheme."""
    return public(lambda one: with_bytes(one, offset, hash_number.to_bytes(2, "big")), tpm)


CASES: Final[Table] = {
    # Step 3.
    "scheme-of-another-hash": (lambda: scheme(0x000C, 14, TPM), "tpm.signature"),
    "scheme-of-another-hash-p384": (lambda: scheme(0x000B, 14, P384), "tpm.signature"),
    "scheme-of-another-hash-rsa": (lambda: scheme(0x000C, 14, RSA), "tpm.signature"),
    "scheme-of-the-same-hash": (lambda: scheme(0x000B, 14, TPM), Accepted()),
    "signed-by-another": (lambda: quoted(key=EVIL), "tpm.signature"),
    "signed-by-another-tpm": (lambda: quoted(key=OTHER.key), "tpm.signature"),
    "rsa-signed-by-another": (
        lambda: quoted(RSA, key=TpmSigner.generate("RSA")),
        "tpm.signature",
    ),
    "rsassa-under-a-point": (
        lambda: quoted(signature=lambda one: replace(one, scheme="RSASSA")),
        "tpm.signature",
    ),
    "ecdsa-under-rsa": (
        lambda: quoted(RSA, key=EVIL),
        "tpm.signature",
    ),
    "another-hash-named": (
        lambda: quoted(signature=lambda one: replace(one, hash_name="sha384")),
        "tpm.signature",
    ),
    "another-hash-named-rsa": (
        lambda: quoted(RSA, signature=lambda one: replace(one, hash_name="sha384")),
        "tpm.signature",
    ),
    "p384-another-hash-named": (
        lambda: quoted(P384, signature=lambda one: replace(one, hash_name="sha256")),
        "tpm.signature",
    ),
    "r-and-s-zero": (lambda: value(lambda _: bytes(64)), "tpm.signature"),
    "r-and-s-empty": (lambda: value(lambda _: b""), "tpm.signature"),
    "s-zero": (lambda: value(lambda one: one[:32] + ZERO), "tpm.signature"),
    "r-of-the-order": (
        lambda: value(lambda one: ORDER.to_bytes(32, "big") + one[32:]),
        "tpm.signature",
    ),
    "n-minus-s": (lambda: value(negated), Accepted()),
    "rsa-zero": (lambda: value(lambda one: bytes(len(one)), RSA), "tpm.signature"),
    "rsa-empty": (lambda: value(lambda _: b"", RSA), "tpm.signature"),
    "rsa-short": (lambda: quoted(RSA, signature=shortened), "tpm.signature"),
    "signature-flipped": (
        lambda: signature(lambda one: one[:-1] + bytes((one[-1] ^ 1,))),
        "tpm.signature",
    ),
    "message-changed-behind-the-signature": (
        lambda: quoted(document=flip_firmware),
        "tpm.signature",
    ),
    # Step 4.
    "challenge-of-another": (lambda: Given(challenge=bytes(32)), "tpm.challenge"),
    "challenge-cut": (lambda: Given(challenge=CHALLENGE[:31]), "tpm.challenge"),
    "challenge-padded": (lambda: Given(challenge=CHALLENGE + bytes(32)), "tpm.challenge"),
    "challenge-empty": (empty_challenge_of_the_caller, "tpm.challenge"),
    "quote-without-challenge": (lambda: Given(evidence=TPM.evidence(b"")), "tpm.challenge"),
    "quote-of-a-padded-challenge": (
        lambda: Given(evidence=TPM.evidence(CHALLENGE.ljust(64, b"\0"))),
        "tpm.challenge",
    ),
    # Step 5.
    "register-changed": (lambda: register("14", "01" + "00" * 31), "tpm.pcr-digest"),
    "register-of-the-second-bank-changed": (
        lambda: register("14", "01" + "00" * 47, "sha384", BANKS),
        "tpm.pcr-digest",
    ),
    "registers-exchanged": (exchanged, "tpm.pcr-digest"),
    "digest-of-nothing": (
        lambda: quoted(quote=lambda one: replace(one, pcr_digest=bytes(32))),
        "tpm.pcr-digest",
    ),
    "digest-with-another-hash": (digested_with_another_hash, "tpm.pcr-digest"),
}


def flip_firmware(document: dict[str, Any]) -> None:
    message = bytearray.fromhex(document["message"])
    message[100] ^= 1  # the last byte of firmwareVersion
    document["message"] = message.hex()


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_one_code(name: str) -> None:
    settle(CASES[name])


def test_what_is_changed_is_sound_before() -> None:
    settle((lambda: Given(evidence=EVIDENCE), Accepted()))
