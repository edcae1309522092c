# SPDX-License-Identifier: Apache-2.0
"""Format: the map outside, envelopes and headers, payloads, and bytes that are none of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import cbor2
import pytest

from tests.cove.table import (
    TEE,
    TOKEN,
    Given,
    Table,
    made,
    settle,
)
from troth.evidence.cove import Layer
from troth.evidence.cove.labels import EVIDENCE_MAX_BYTES
from troth.wire import cbor

Submods = dict[str, Any]

LAYERS: Final = tuple(one.value for one in Layer)
HEAD: Final = b"\xa1\x19\x01\x0a"  # a map of one: 266


def outside(change: Callable[[Submods], object]) -> Given:
    """Put something else together of three sound tokens."""
    return made(token=lambda submods: cbor2.dumps(change(submods)))


def raw(change: Callable[[Submods], bytes]) -> Given:
    return made(token=change)


def submods(change: Callable[[Submods], object]) -> Given:
    return outside(lambda one: {266: change(one)})


def without(layer: str) -> Given:
    return submods(lambda one: {key: value for key, value in one.items() if key != layer})


def swapped(left: str, right: str) -> Given:
    return submods(lambda one: one | {left: one[right], right: one[left]})


def in_place_of(layer: str, other: str) -> Given:
    """One layer says what another one does, signed as the place demands."""
    taken: dict[str, bytes] = {}

    def take(payload: bytes) -> bytes:
        taken["payload"] = payload
        return payload

    made(**{other: {"payload": take}})
    return made(**{layer: {"payload": lambda _: taken["payload"]}})


def envelope(layer: str, change: Callable[[list[Any]], object]) -> Given:
    """Put something else together of the four parts of a layer's COSE_Sign1."""
    return made(**{layer: {"envelope": lambda one: change(one.value)}})


def sign1(layer: str, change: Callable[[list[Any]], object]) -> Given:
    return envelope(layer, lambda one: cbor2.CBORTag(18, change(one)))


def header(layer: str, protected: bytes) -> Given:
    return made(**{layer: {"protected": protected}})


def headers(layer: str, members: Mapping[Any, Any]) -> Given:
    return header(layer, cbor2.dumps(dict(members)))


def payload(layer: str, change: Callable[[bytes], bytes]) -> Given:
    return made(**{layer: {"payload": change}})


def nulls(submods: Submods) -> bytes:
    """Encode with whatever the library can: our encoder refuses what is in there."""
    return cbor2.dumps({266: submods})


def cased(layer: str, change: Callable[[list[Any]], object]) -> Given:
    """Like `sign1`, for parts that our own encoder would refuse."""
    return made(
        token=lambda one: nulls(one | {layer: cbor2.CBORTag(18, change([*one[layer].value]))})
    )


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


def twice(one: Submods) -> bytes:
    """Write the TVM twice: first sound, then as an attacker would have it."""
    members = [*one.items(), ("tvm", TEE_OF_ANOTHER)]
    body = b"".join(cbor2.dumps(part) for pair in members for part in pair)
    return HEAD + b"\xa4" + body


TEE_OF_ANOTHER: Final = cbor2.CBORTag(18, [b"", {}, b"", b""])


def claim_twice(one: bytes) -> bytes:
    """Write the challenge a second time at the end of the map of claims."""
    assert one[2] >> 5 == 5
    return one[:2] + bytes((one[2] + 1,)) + one[3:] + cbor2.dumps(10) + cbor2.dumps(bytes(64))


OUTSIDE: Final[Table] = {
    "empty": (lambda: Given(evidence=b""), "cbor.syntax"),
    "trailing": (lambda: Given(evidence=TOKEN + b"x"), "cbor.trailing"),
    "trailing-zeros": (lambda: Given(evidence=TOKEN + bytes(8)), "cbor.trailing"),
    "trailing-token": (lambda: Given(evidence=TOKEN + TOKEN), "cbor.trailing"),
    "too-large": (lambda: Given(evidence=bytes(EVIDENCE_MAX_BYTES + 1)), "cbor.too-large"),
    "at-the-limit": (
        lambda: Given(evidence=TOKEN.ljust(EVIDENCE_MAX_BYTES, b"\0")),
        "cbor.too-large",  # each zero byte behind it is an item
    ),
    "too-many-items": (
        lambda: sign1("tvm", lambda one: [one[0], {"n": [0] * 5000}, *one[2:]]),
        "cbor.too-large",
    ),
    "too-deep": (lambda: Given(evidence=b"\x81" * 40 + b"\x00"), "cbor.syntax"),
    "no-map": (lambda: outside(lambda one: [266, one]), "cove.form"),
    "a-number": (lambda: Given(evidence=b"\x00"), "cove.form"),
    "other-label": (lambda: outside(lambda one: {267: one}), "cove.form"),
    "label-is-text": (lambda: outside(lambda one: {"266": one}), "cove.form"),
    "one-claim-more": (lambda: outside(lambda one: {266: one, 265: "x"}), "cove.form"),
    "no-claim": (lambda: outside(lambda _: {}), "cove.form"),
    "tagged-as-uccs": (lambda: outside(lambda one: cbor2.CBORTag(601, {266: one})), "cbor.type"),
    "tagged-as-cwt": (lambda: outside(lambda one: cbor2.CBORTag(61, {266: one})), "cbor.type"),
    "submods-no-map": (lambda: submods(lambda one: [*one.values()]), "cove.form"),
    **{f"{layer}-missing": (partial(without, layer), "cove.form") for layer in LAYERS},
    "one-layer-more": (lambda: submods(lambda one: one | {"x": one["tvm"]}), "cove.form"),
    "layer-in-capitals": (
        lambda: submods(lambda one: {key.upper(): value for key, value in one.items()}),
        "cove.form",
    ),
    "label-twice": (
        lambda: raw(lambda one: b"\xa2" + nulls(one)[1:] + nulls(one)[1:]),
        "cbor.duplicate-key",
    ),
    "layer-twice": (lambda: raw(twice), "cbor.duplicate-key"),
}

SWAPPED: Final[Table] = {
    "swapped-platform-tsm": (lambda: swapped("platform", "tsm"), "cove.root-id"),
    "swapped-platform-tvm": (lambda: swapped("platform", "tvm"), "cove.root-id"),
    "swapped-tsm-tvm": (lambda: swapped("tsm", "tvm"), "cove.claims"),
    **{
        f"{other}-in-place-of-{layer}": (partial(in_place_of, layer, other), "cove.claims")
        for layer in LAYERS
        for other in LAYERS
        if layer != other
    },
}


def per_layer(layer: str) -> Table:
    """The same faults of any envelope."""
    e, s, h, p = (partial(one, layer) for one in (envelope, sign1, headers, payload))
    kid = {4: TEE.keys.root.public.spki_sha256} if layer == "platform" else {}
    cases: Table = {
        "untagged": (lambda: e(list), "cose.form"),
        "tag-98": (lambda: e(lambda one: cbor2.CBORTag(98, one)), "cbor.type"),
        "tag-17": (lambda: e(lambda one: cbor2.CBORTag(17, one)), "cbor.type"),
        "tagged-twice": (
            lambda: e(lambda one: cbor2.CBORTag(18, cbor2.CBORTag(18, one))),
            "cose.form",
        ),
        "in-a-byte-string": (
            lambda: e(lambda one: cbor2.dumps(cbor2.CBORTag(18, one))),
            "cose.form",
        ),
        "a-map": (lambda: e(lambda _: {}), "cose.form"),
        "three-parts": (lambda: s(lambda one: one[:3]), "cose.form"),
        "five-parts": (lambda: s(lambda one: [*one, b""]), "cose.form"),
        "detached": (
            lambda: cased(layer, lambda one: [*one[:2], None, one[3]]),
            "cbor.type",
        ),
        "protected-map": (lambda: s(lambda one: [{1: -8}, *one[1:]]), "cose.form"),
        "unprotected-bytes": (lambda: s(lambda one: [one[0], b"", *one[2:]]), "cose.form"),
        "payload-text": (lambda: s(lambda one: [*one[:2], "x", one[3]]), "cose.form"),
        "signature-text": (lambda: s(lambda one: [*one[:3], "x"]), "cose.form"),
        "unprotected-float": (
            lambda: cased(layer, lambda one: [one[0], {9: 1.5}, *one[2:]]),
            "cbor.type",
        ),
        "unprotected-too-deep": (
            lambda: cased(layer, lambda one: [one[0], {9: nested(20)}, *one[2:]]),
            "cbor.syntax",
        ),
        "protected-empty": (lambda: header(layer, b""), "cbor.syntax"),
        "protected-too-large": (lambda: h({1: -8, 3: "x" * 1100}), "cbor.too-large"),
        "protected-array": (lambda: header(layer, cbor2.dumps([1, -8])), "cose.header"),
        "protected-trailing": (
            lambda: header(layer, cbor2.dumps({1: -8}) + b"\0"),
            "cbor.trailing",
        ),
        "protected-twice": (lambda: header(layer, b"\xa2\x01\x27\x01\x27"), "cbor.duplicate-key"),
        "algorithm-missing": (lambda: h(kid), "cose.header"),
        "algorithm-unprotected": (
            lambda: s(lambda one: [cbor2.dumps(kid), {1: -8}, *one[2:]]),
            "cose.header",
        ),
        "algorithm-in-both": (lambda: s(lambda one: [one[0], {1: -8}, *one[2:]]), "cose.header"),
        "algorithm-text": (lambda: h({1: "EdDSA"} | kid), "cose.header"),
        "algorithm-unsupported": (lambda: h({1: -36} | kid), "unsupported.algorithm"),
        "algorithm-mac": (lambda: h({1: 5} | kid), "unsupported.algorithm"),
        "critical": (lambda: h({1: -8, 2: [1]} | kid), "cose.header"),
        "critical-unprotected": (
            lambda: s(lambda one: [one[0], {2: [9], 9: b""}, *one[2:]]),
            "cose.header",
        ),
        "unknown-header": (lambda: h({1: -8, 15: {}} | kid), "cose.header"),
        "key-id-text": (lambda: h({1: -8, 4: "x"}), "cose.header"),
        "key-id-in-both": (
            lambda: s(lambda one: [cbor2.dumps({1: -8, 4: b"x"}), {4: b"y"}, *one[2:]]),
            "cose.header",
        ),
        "payload-empty": (lambda: p(lambda _: b""), "cbor.syntax"),
        "payload-untagged": (lambda: p(lambda one: one[2:]), "cove.form"),
        "payload-other-tag": (lambda: p(lambda one: b"\xd9\x02\x59" + one[2:]), "cbor.type"),
        "payload-tagged-twice": (lambda: p(lambda one: one[:2] + one), "cove.claims"),
        "payload-array": (lambda: p(lambda one: one[:2] + b"\x80"), "cove.claims"),
        "payload-too-deep": (
            lambda: p(lambda one: one[:2] + b"\x81" * 20 + b"\0"),
            "cbor.syntax",
        ),
        "payload-too-many-items": (
            lambda: p(lambda one: one[:2] + b"\x99\x13\x88" + bytes(5000)),
            "cbor.too-large",
        ),
        "payload-trailing": (lambda: p(lambda one: one + b"\0"), "cbor.trailing"),
        "payload-cut": (lambda: p(lambda one: one[:-1]), "cbor.syntax"),
    }
    return {f"{layer}-{name}": case for name, case in cases.items()}


ROOT_ID: Final[Table] = {
    "root-id-missing": (lambda: made(platform={"key_id": None}), "cove.root-id"),
    "root-id-short": (lambda: made(platform={"key_id": bytes(31)}), "cove.root-id"),
    "root-id-long": (lambda: made(platform={"key_id": bytes(33)}), "cove.root-id"),
    "root-id-unprotected": (
        lambda: sign1(
            "platform",
            lambda one: [cbor2.dumps({1: -8}), {4: TEE.root.key.spki_sha256}, *one[2:]],
        ),
        "cove.root-id",
    ),
    "challenge-twice": (lambda: payload("tvm", claim_twice), "cbor.duplicate-key"),
}

CASES: Final[Table] = {
    **OUTSIDE,
    **SWAPPED,
    **{name: case for layer in LAYERS for name, case in per_layer(layer).items()},
    **ROOT_ID,
}


@pytest.mark.parametrize("name", CASES)
def test_format(name: str) -> None:
    settle(CASES[name])


def test_a_token_cut_short_anywhere_is_refused_as_bad_syntax() -> None:
    for size in range(len(TOKEN)):
        settle((partial(Given, evidence=TOKEN[:size]), "cbor.syntax"))


def test_the_builder_writes_the_label_that_the_parser_reads() -> None:
    assert TOKEN.startswith(HEAD)
    assert cbor.decode(TOKEN, max_bytes=EVIDENCE_MAX_BYTES, tags={18}) is not None
