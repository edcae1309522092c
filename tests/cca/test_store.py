# SPDX-License-Identifier: Apache-2.0
"""The store of platform keys is read strictly, and a key in each of its two forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.cca.table import OTHER, TEE
from tests.refusals import refused
from troth.crypto.signing_key import SigningKey
from troth.endorse.arm import CpakStore, parse_cpak_key, parse_cpak_store

ENTRY: Final = json.loads(TEE.store())[0]
P256: Final = SigningKey.generate("P-256").public
EDWARDS: Final = SigningKey.generate("Ed25519").public

Entry = dict[str, Any]


def store(change: Callable[[Entry], object]) -> bytes:
    """Return the store of the sound platform with one change to its entry."""
    entry = json.loads(json.dumps(ENTRY))
    change(entry)
    return json.dumps([entry]).encode()


def jwk(**members: Any) -> bytes:
    """Return the sound platform's JWK with other members; None leaves one out."""
    found = ENTRY["pkey"] | members
    return json.dumps({key: one for key, one in found.items() if one is not None}).encode()


WRONG: Final[dict[str, tuple[bytes, str]]] = {
    "empty": (b"", "json.syntax"),
    "no-array": (json.dumps(ENTRY).encode(), "json.type"),
    "too-large": (b" " * (4 * 1024 * 1024 + 1), "json.too-large"),
    "a-name-twice": (TEE.store().replace(b'"pkey"', b'"pkey":1,"pkey"'), "json.duplicate"),
    "one-more-member": (store(lambda one: one.update(kid="1")), "json.type"),
    "without-an-instance": (store(lambda one: one.pop("instance-id")), "json.type"),
    "without-an-implementation": (store(lambda one: one.pop("implementation-id")), "json.type"),
    "without-a-key": (store(lambda one: one.pop("pkey")), "json.type"),
    "implementation-short": (
        store(lambda one: one.update({"implementation-id": "00" * 31})),
        "wire.hex",
    ),
    "instance-short": (store(lambda one: one.update({"instance-id": "01" * 32})), "wire.hex"),
    "instance-no-hex": (store(lambda one: one.update({"instance-id": "zz" * 33})), "wire.hex"),
    "one-platform-twice": (json.dumps([ENTRY, ENTRY]).encode(), "cpak.store"),
    "key-in-another-case-is-the-same-platform": (
        json.dumps([ENTRY, ENTRY | {"instance-id": ENTRY["instance-id"].upper()}]).encode(),
        "cpak.store",
    ),
}
WRONG_KEYS: Final[dict[str, tuple[bytes, str]]] = {
    "symmetric": (jwk(kty="oct"), "json.type"),
    "another-curve": (jwk(crv="P-521"), "json.type"),
    "edwards": (jwk(kty="OKP", crv="Ed25519"), "json.type"),
    "without-y": (jwk(y=None), "json.type"),
    "private": (jwk(d="AA"), "json.type"),
    "one-more-member": (jwk(kid="1"), "json.type"),
    "padded": (jwk(x=ENTRY["pkey"]["x"] + "="), "wire.base64url"),
    "short-x": (jwk(x="AA"), "cpak.key"),
    "short-y": (jwk(y="AA"), "cpak.key"),
    "curve-of-another-size": (jwk(crv="P-256"), "cpak.key"),
    "off-the-curve": (jwk(y="A" * 64), "cose.point"),
    "empty": (b"", "json.syntax"),
    "too-large": (b" " * 4097, "json.too-large"),
    "pem-of-edwards": (EDWARDS.pem(), "cpak.key"),
    "pem-too-large": (P256.pem() + b" " * 4096, "cpak.key"),
    "pem-cut": (P256.pem()[:60], "cose.key"),
    "pem-of-a-private-key": (SigningKey.generate("P-256").pem(), "json.syntax"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_store_that_is_not_one_is_refused(case: str) -> None:
    data, code = WRONG[case]
    with refused(code):
        parse_cpak_store(data)


@pytest.mark.parametrize("case", WRONG_KEYS)
def test_a_key_that_is_not_one_is_refused(case: str) -> None:
    data, code = WRONG_KEYS[case]
    with refused(code):
        parse_cpak_key(data)


def test_a_key_is_found_by_both_ids() -> None:
    text = json.dumps([ENTRY, json.loads(OTHER.store())[0]]).encode()
    found = parse_cpak_store(text)
    own, other = TEE.cpak, OTHER.cpak
    assert len(found) == 2
    assert found.find(own.implementation_id, own.instance_id) == own.key
    assert found.find(other.implementation_id, other.instance_id) == other.key
    assert found.find(bytes(32), own.instance_id) is None
    assert found.find(own.implementation_id, b"\1" + bytes(32)) is None


def test_a_store_made_in_code_has_no_platform_twice() -> None:
    with refused("cpak.store"):
        CpakStore([TEE.cpak, TEE.cpak])
    assert len(CpakStore([])) == 0


def test_a_store_made_in_code_has_no_key_of_another_curve() -> None:
    own = TEE.cpak
    with refused("cpak.key"):
        CpakStore([replace(own, key=EDWARDS)])


def test_stores_are_put_together_from_what_they_hold() -> None:
    both = CpakStore([*parse_cpak_store(TEE.store()), *parse_cpak_store(OTHER.store())])
    assert list(both) == [TEE.cpak, OTHER.cpak]


def test_a_key_reads_the_same_in_both_forms() -> None:
    assert parse_cpak_key(jwk()) == parse_cpak_key(TEE.cpak.key.pem()) == TEE.cpak.key
    assert parse_cpak_key(P256.pem()) == P256


def test_a_store_may_be_empty_and_trusts_nobody() -> None:
    assert parse_cpak_store(b"[]").find(TEE.cpak.implementation_id, TEE.cpak.instance_id) is None
