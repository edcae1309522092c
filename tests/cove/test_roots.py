# SPDX-License-Identifier: Apache-2.0
"""Lists of roots of trust: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.cove.table import OTHER, TEE
from tests.refusals import refused
from troth.crypto.signing_key import SigningKey
from troth.endorse.riscv import CoveRoots, build_roots, parse_roots

SOUND: Final[dict[str, Any]] = json.loads(TEE.roots())[0]


def text(*entries: object) -> bytes:
    return json.dumps(entries).encode()


@pytest.mark.parametrize("curve", ["P-256", "P-384", "Ed25519"])
def test_what_is_written_is_read(curve: Any) -> None:
    key = SigningKey.generate(curve).public
    roots = parse_roots(text(SOUND | {"public_key": key.pem().decode()}))
    assert roots.match(key.spki_sha256).key == key
    with refused("cove.root"):
        roots.match(TEE.root.key.spki_sha256)


def test_a_list_of_several_keeps_each() -> None:
    roots = parse_roots(build_roots([TEE.root, OTHER.root]))
    assert len(roots) == 2
    assert roots.names == (TEE.root.name, OTHER.root.name)
    for one in (TEE.root, OTHER.root):
        assert roots.match(one.key.spki_sha256) == one


def test_an_empty_list_trusts_nothing() -> None:
    roots = parse_roots(b"[]")
    assert len(roots) == len(CoveRoots([])) == 0
    with refused("cove.root"):
        roots.match(TEE.root.key.spki_sha256)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json.syntax"),
        (b"{}", "json.type"),
        (text(SOUND, SOUND), "cove.roots"),
        (text(SOUND | {"more": 1}), "json.type"),
        (text({key: value for key, value in SOUND.items() if key != "name"}), "json.type"),
        (text(SOUND | {"name": ""}), "cove.roots"),
        (text(SOUND | {"name": "x" * 65}), "cove.roots"),
        (text(SOUND | {"name": "a\nb"}), "cove.roots"),
        (text(SOUND | {"manufacturer_id": "00" * 63}), "wire.hex"),
        (text(SOUND | {"manufacturer_id": "x" * 128}), "wire.hex"),
        (text(SOUND | {"public_key": ""}), "cose.key"),
        (text(SOUND | {"public_key": TEE.keys.root.pem().decode()}), "cose.key"),
        (text(*[{}] * 4097), "json.type"),
        (b'[{"name": "a", "name": "b"}]', "json.duplicate"),
    ],
)
def test_what_is_no_list_of_roots_is_refused(data: bytes, code: str) -> None:
    with refused(code):
        parse_roots(data)
