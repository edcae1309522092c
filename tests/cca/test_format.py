# SPDX-License-Identifier: Apache-2.0
"""The token's frame: collection, COSE_Sign1, headers, and what stands behind each of them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import cbor2
import pytest
from cbor2 import CBORTag

from tests.cca.table import (
    TOKEN,
    Accepted,
    Given,
    Table,
    collected,
    header,
    outcome,
    payload,
    put,
    settle,
    sign1,
)
from troth.errors import CODES

PLATFORM, REALM = 44234, 44241
HALVES: Final = ("platform", "realm")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def duplicate(data: bytes) -> bytes:
    """Give a map its last member twice: one more member, and those bytes again."""
    value = cbor2.loads(data)
    label, last = list(value.items())[-1]
    return bytes((data[0] + 1,)) + data[1:] + cbor2.dumps(label) + cbor2.dumps(last)


def duplicate_component(data: bytes) -> bytes:
    """Give the first component its signer twice."""
    value = cbor2.loads(data)
    first = cbor2.dumps(value[2399][0])
    assert data.count(first) == 1
    return data.replace(first, duplicate(first))


def members(tag: CBORTag, **changes: Any) -> CBORTag:
    names = ("protected", "unprotected", "payload", "signature")
    values = dict(zip(names, tag.value, strict=True)) | changes
    return CBORTag(tag.tag, [values[one] for one in names])


def of_both(make: Any, due: str | Accepted, name: str) -> Table:
    """Return one case for each half."""
    return {f"{name}-{half}": (partial(make, half), due) for half in HALVES}


CASES: Final[Table] = {
    "empty": (lambda: Given(token=b""), "cbor.syntax"),
    "too-large": (lambda: Given(token=TOKEN + bytes(65_537 - len(TOKEN))), "cbor.too-large"),
    "trailing": (lambda: Given(token=TOKEN + b"\xf6"), "cbor.trailing"),
    "trailing-zero": (lambda: Given(token=TOKEN + b"\0"), "cbor.trailing"),
    "untagged": (lambda: collected(lambda p, r: {PLATFORM: p, REALM: r}), "cca.collection"),
    "tag-907": (
        lambda: collected(lambda p, r: CBORTag(907, {PLATFORM: p, REALM: r})),
        "unsupported.collection",
    ),
    "tag-398": (
        lambda: collected(lambda p, r: CBORTag(398, {PLATFORM: p, REALM: r})),
        "cbor.type",
    ),
    "tagged-twice": (
        lambda: collected(lambda p, r: CBORTag(399, CBORTag(399, {PLATFORM: p, REALM: r}))),
        "cca.collection",
    ),
    "an-array": (lambda: collected(lambda p, r: CBORTag(399, [p, r])), "cca.collection"),
    "no-realm": (lambda: collected(lambda p, _: CBORTag(399, {PLATFORM: p})), "cca.collection"),
    "no-platform": (lambda: collected(lambda _, r: CBORTag(399, {REALM: r})), "cca.collection"),
    "one-more": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: p, REALM: r, 1: r})),
        "cca.collection",
    ),
    "swapped": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: r, REALM: p})),
        "unsupported.profile",
    ),
    "platform-no-bytes": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: {1: p}, REALM: r})),
        "cca.collection",
    ),
    "realm-no-bytes": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: p, REALM: [r]})),
        "cca.collection",
    ),
    "realm-not-wrapped": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: p, REALM: cbor2.loads(r)})),
        "cbor.type",
    ),
    "a-key-twice": (
        lambda: collected(
            lambda p, r: b"\xd9\x01\x8f" + duplicate(cbor2.dumps({PLATFORM: p, REALM: r}))
        ),
        "cbor.duplicate-key",
    ),
    "trailing-in-the-platform": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: p + b"\0", REALM: r})),
        "cbor.trailing",
    ),
    "trailing-in-the-realm": (
        lambda: collected(lambda p, r: CBORTag(399, {PLATFORM: p, REALM: r + b"\0"})),
        "cbor.trailing",
    ),
    # COSE_Sign1.
    **of_both(lambda h: sign1(h, lambda tag: tag.value), "cose.form", "sign1-untagged"),
    **of_both(lambda h: sign1(h, lambda tag: CBORTag(98, tag.value)), "cbor.type", "sign1-tag-98"),
    **of_both(
        lambda h: sign1(h, lambda tag: CBORTag(18, tag.value[:3])), "cose.form", "sign1-of-three"
    ),
    **of_both(
        lambda h: sign1(h, lambda tag: CBORTag(18, [*tag.value, b""])),
        "cose.form",
        "sign1-of-five",
    ),
    **of_both(
        lambda h: sign1(h, lambda tag: members(tag, payload="text")),
        "cose.form",
        "payload-a-text",
    ),
    **of_both(
        lambda h: sign1(h, lambda tag: members(tag, unprotected=[])),
        "cose.form",
        "unprotected-an-array",
    ),
    **of_both(
        lambda h: sign1(h, lambda tag: members(tag, signature=1)), "cose.form", "signature-a-number"
    ),
    # Headers.
    **of_both(lambda h: header(h, {}), "cose.header", "no-algorithm"),
    **of_both(lambda h: header(h, b""), "cbor.syntax", "no-protected-header"),
    **of_both(lambda h: header(h, {}, {1: -35}), "cose.header", "algorithm-unprotected"),
    **of_both(lambda h: header(h, {1: -35}, {1: -35}), "cose.header", "algorithm-in-both"),
    **of_both(lambda h: header(h, {1: -35, 2: [1]}), "cose.header", "critical"),
    **of_both(lambda h: header(h, {1: -35}, {2: [1]}), "cose.header", "critical-unprotected"),
    **of_both(lambda h: header(h, {1: "ES384"}), "cose.header", "algorithm-a-text"),
    **of_both(lambda h: header(h, [1, -35]), "cose.header", "protected-an-array"),
    **of_both(lambda h: header(h, {1: -36}), "unsupported.algorithm", "algorithm-es512"),
    **of_both(lambda h: header(h, {1: -37}), "unsupported.algorithm", "algorithm-ps256"),
    **of_both(lambda h: header(h, {1: -7}), "cose.algorithm", "algorithm-of-another-curve"),
    **of_both(lambda h: header(h, {1: -8}), "cose.algorithm", "algorithm-eddsa"),
    **of_both(
        lambda h: header(h, duplicate(cbor2.dumps({1: -35}))),
        "cbor.duplicate-key",
        "algorithm-twice",
    ),
    **of_both(lambda h: header(h, b"\xa1\x01\x38\x22\0"), "cbor.trailing", "header-trailing"),
    **of_both(lambda h: header(h, {1: -35}, {4: b"kid"}), Accepted(), "key-id-unprotected"),
    **of_both(lambda h: header(h, {1: -35, 4: b"kid"}), Accepted(), "key-id-protected"),
    **of_both(lambda h: header(h, {1: -35, 4: "kid"}), "cose.header", "key-id-a-text"),
    **of_both(lambda h: header(h, {1: -51}), Accepted(), "algorithm-esp384"),
    # Claims as a map.
    **of_both(lambda h: payload(h, lambda _: b""), "cbor.syntax", "claims-empty"),
    **of_both(lambda h: payload(h, lambda _: b"\x80"), "cca.claim", "claims-an-array"),
    **of_both(lambda h: payload(h, duplicate), "cbor.duplicate-key", "claim-twice"),
    **of_both(lambda h: payload(h, lambda one: one + b"\0"), "cbor.trailing", "claims-trailing"),
    **of_both(lambda h: put(h, 9999, nested(16)), Accepted(unknown=1), "arrays-16-deep"),
    **of_both(lambda h: put(h, 9999, nested(17)), "cbor.syntax", "arrays-17-deep"),
    **of_both(
        lambda h: payload(h, lambda one: _with(one, b"\xc1\x00")), "cbor.type", "claim-tagged"
    ),
    **of_both(lambda h: payload(h, lambda one: _with(one, b"\xf6")), "cbor.type", "claim-null"),
    **of_both(
        lambda h: payload(h, lambda one: _with(one, b"\xf9\x7e\x00")), "cbor.type", "claim-nan"
    ),
    **of_both(lambda h: put(h, 9999, [0] * 4096), "cbor.too-large", "more-items-than-a-token-has"),
    "component-with-a-key-twice": (
        lambda: payload("platform", duplicate_component),
        "cbor.duplicate-key",
    ),
}


def _with(data: bytes, value: bytes) -> bytes:
    """Add an unknown claim with an encoded value."""
    return bytes((data[0] + 1,)) + data[1:] + b"\x19\x27\x0f" + value


@pytest.mark.parametrize("name", CASES)
def test_format(name: str) -> None:
    settle(CASES[name])


def test_a_token_cut_anywhere_is_malformed() -> None:
    codes = {getattr(outcome(Given(token=TOKEN[:end])), "code", None) for end in range(len(TOKEN))}
    assert {CODES[str(one)][0] for one in codes} == {"MalformedError"}
