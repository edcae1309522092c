# SPDX-License-Identifier: Apache-2.0
"""Our tokens against a description of the draft's structures, and against a plain reading.

The CDDL says of each map what the draft's chapter says of it, with our labels where that has none;
the plain reading uses the two libraries directly and none of our code.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import cbor2
import pycddl  # type: ignore[import-untyped]  # it has no stubs and no marker
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cove.table import AT, CHALLENGE, OTHER, SOUND, TEE, TOKEN, with_tvm
from troth.tsm.emulated.cove import Settings, SoftwareCove

# From the outside in: what is inside a byte string has a description of its own.
OUTSIDE: Final = """
token = { 266 => { "platform" => signed, "tsm" => signed, "tvm" => signed } }
signed = #6.18([ bstr, { * (int / tstr) => any }, bstr, bstr ])
"""
HEADER: Final = "header = { 1 => int, ? 4 => bstr }"
KEY: Final = "key = { 1 => 1..2, -1 => int, -2 => bstr, ? -3 => bstr }"
COMMON: Final = """
component = { 1 => tstr, 2 => digest, 3 => tstr, ? 4 => digest, 5 => digest, 6 => tstr }
register = { 1 => uint, 2 => digest, 3 => tstr }
digest = (bstr .size 48) / (bstr .size 64)
"""
CLAIMS: Final = {
    "platform": """
platform = #6.61({ 265 => "urn:x-troth:cove:draft-2025-01-03", -70001 => bstr,
                   -70002 => bstr .size 64, -70003 => 1..4, -70004 => [ + component ] })
""",
    "tsm": "tsm = #6.61({ -70005 => bstr, -70006 => [ component, component ] })",
    "tvm": """
tvm = #6.61({ 10 => bstr .size 64, ? -70007 => bstr .size 64, -70008 => bstr,
              -70009 => [ 1*8 register ], ? -70010 => [ 1*18 register ] })
""",
}
KEYS: Final = {"platform": -70_001, "tsm": -70_005, "tvm": -70_008}


def described(cddl: str, data: bytes) -> Any:
    """Hold bytes to a description, and return what they are."""
    pycddl.Schema(cddl).validate_cbor(data)
    return cbor2.loads(data)


def read(token: bytes) -> None:
    """Hold every part of a token to its description."""
    for layer, envelope in described(OUTSIDE, token)[266].items():
        protected, _, payload, _ = envelope.value
        described(HEADER, protected)
        claims = described(f"{CLAIMS[layer]}\n{COMMON}", payload).value
        described(KEY, claims[KEYS[layer]])


@pytest.mark.parametrize(
    "settings",
    [
        SOUND,
        Settings(),
        with_tvm(algorithm="sha3-512", identity="ab" * 64),
        with_tvm(runtime=()),
        with_tvm(initial=("00" * 48,) * 8, runtime=("00" * 48,) * 18),
    ],
)
def test_tokens_follow_the_description(settings: Settings) -> None:
    read(SoftwareCove.create(settings, at=AT).token(CHALLENGE))


@pytest.mark.parametrize(
    "more", [{10: bytes(63)}, {-70_009: []}, {-70_011: 1}, {-70_010: []}, {-70_008: b"\xa0"}]
)
def test_the_description_refuses_what_is_otherwise(more: dict[int, Any]) -> None:
    token = TEE.token(CHALLENGE, tvm={"claims": lambda one: one.update(more)})
    with pytest.raises(pycddl.ValidationError):
        read(token)


def ed25519(claims: dict[int, Any], label: int) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(cbor2.loads(claims[label])[-2])


def test_a_plain_reading_agrees() -> None:
    submods = cbor2.loads(TOKEN)[266]
    root = Ed25519PublicKey.from_public_bytes(TEE.root.key.raw)
    spki = root.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = root
    for layer, label in (("platform", -70_001), ("tsm", -70_005), ("tvm", -70_008)):
        assert submods[layer].tag == 18
        protected, _, payload, signature = submods[layer].value
        key.verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]))
        if layer == "platform":
            assert cbor2.loads(protected)[4] == hashlib.sha256(spki).digest()
        assert cbor2.loads(payload).tag == 61
        key = ed25519(cbor2.loads(payload).value, label)
    assert key.public_bytes_raw() == TEE.keys.tvm.public.raw != OTHER.keys.tvm.public.raw
    assert cbor2.loads(submods["tvm"].value[2]).value[10] == CHALLENGE
