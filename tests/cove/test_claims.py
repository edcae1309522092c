# SPDX-License-Identifier: Apache-2.0
"""Claims: each one missing, unknown, of another type or size; counts, digests, registers, keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import cbor2
import pytest

from tests.cove.table import EVIL, Claims, Given, Table, claims, settle
from troth.crypto.signing_key import SigningKey
from troth.evidence.cove.labels import Label

# The claims of each layer, and something of another type for it.
OF: Final[dict[str, dict[Label, object]]] = {
    "platform": {
        Label.PROFILE: b"x",
        Label.PLATFORM_PUBLIC_KEY: {1: 1},
        Label.PLATFORM_MANUFACTURER_ID: "x" * 64,
        Label.PLATFORM_STATE: "secured",
        Label.PLATFORM_SW_COMPONENTS: {},
    },
    "tsm": {Label.TSM_PUBLIC_KEY: {1: 1}, Label.TSM_SW_COMPONENTS: {}},
    "tvm": {
        Label.NONCE: [bytes(64)],
        Label.TVM_PUBLIC_KEY: {1: 1},
        Label.TVM_INITIAL_MEASUREMENTS: {},
        Label.TVM_RUNTIME_MEASUREMENTS: {},
        Label.TVM_IDENTITY: "x" * 64,
    },
}
MAY: Final = frozenset({Label.TVM_RUNTIME_MEASUREMENTS, Label.TVM_IDENTITY})
LAYER_OF_KEY: Final = {
    "platform": Label.PLATFORM_PUBLIC_KEY,
    "tsm": Label.TSM_PUBLIC_KEY,
    "tvm": Label.TVM_PUBLIC_KEY,
}
LAYER_OF_LIST: Final = {
    Label.PLATFORM_SW_COMPONENTS: "platform",
    Label.TSM_SW_COMPONENTS: "tsm",
    Label.TVM_INITIAL_MEASUREMENTS: "tvm",
    Label.TVM_RUNTIME_MEASUREMENTS: "tvm",
}
P256: Final = SigningKey.generate("P-256").public
P384: Final = SigningKey.generate("P-384").public
ED: Final = EVIL.public


def with_value(layer: str, label: int, value: object) -> Given:
    return claims(layer, lambda one: one.__setitem__(int(label), value))


def without(layer: str, label: int) -> Given:
    return claims(layer, lambda one: one.__delitem__(int(label)))


def with_items(label: Label, change: Callable[[list[Any]], list[Any]]) -> Given:
    def put(one: Claims) -> None:
        one[label.value] = change(one[label.value])

    return claims(LAYER_OF_LIST[label], put)


def in_item(label: Label, key: int, value: object) -> Given:
    return with_items(label, lambda items: [{**items[0], key: value}, *items[1:]])


def without_in_item(label: Label, key: int) -> Given:
    def cut(items: list[Any]) -> list[Any]:
        return [{k: v for k, v in items[0].items() if k != key}, *items[1:]]

    return with_items(label, cut)


def numbered(count: int) -> Callable[[list[Any]], list[Any]]:
    """Return `count` sound registers, each with a number of its own."""
    return lambda items: [{**items[0], 1: index} for index in range(count)]


def repeated(count: int) -> Callable[[list[Any]], list[Any]]:
    """Return one sound item, `count` times."""
    return lambda items: items[:1] * count


def key(layer: str, members: dict[Any, Any]) -> Given:
    return with_value(layer, LAYER_OF_KEY[layer], cbor2.dumps(members))


PRESENCE: Final[Table] = {
    **{
        f"{layer}-{label.name.lower()}-missing": (partial(without, layer, label), "cove.claims")
        for layer, labels in OF.items()
        for label in labels
        if label not in MAY
    },
    **{
        f"{layer}-{label.name.lower()}-of-another-type": (
            partial(with_value, layer, label, value),
            "cove.claims",
        )
        for layer, labels in OF.items()
        for label, value in labels.items()
    },
    **{
        f"{layer}-{name}": (partial(with_value, layer, label, b"x"), "cove.claims")
        for layer in OF
        for name, label in {"expiry": 4, "private-claim": -70_099}.items()
    },
    "tsm-profile": (partial(with_value, "tsm", Label.PROFILE, "x"), "cove.claims"),
}
SIZES: Final[Table] = {
    **{
        f"{label.name.lower()}-{size}": (
            partial(with_value, layer, label, bytes(size)),
            "cove.claims",
        )
        for layer, label in (
            ("platform", Label.PLATFORM_MANUFACTURER_ID),
            ("tvm", Label.NONCE),
            ("tvm", Label.TVM_IDENTITY),
        )
        for size in (0, 32, 63, 65)
    },
    **{
        f"state-{value}": (
            partial(with_value, "platform", Label.PLATFORM_STATE, value),
            "cove.claims",
        )
        for value in (0, 5, -1, True)
    },
    "profile-of-the-draft": (
        partial(with_value, "platform", Label.PROFILE, "https://riscv.org/TBD"),
        "unsupported.profile",
    ),
    "profile-of-another-date": (
        partial(with_value, "platform", Label.PROFILE, "urn:x-troth:cove:draft-2024-08-01"),
        "unsupported.profile",
    ),
}
COUNTS: Final[Table] = {
    **{
        f"{label.name.lower()}-{count}": (partial(with_items, label, numbered(count)), "cove.count")
        for label, counts in (
            (Label.TVM_INITIAL_MEASUREMENTS, (0, 9)),
            (Label.TVM_RUNTIME_MEASUREMENTS, (0, 19)),
        )
        for count in counts
    },
    **{
        f"{label.name.lower()}-{count}": (
            partial(with_items, label, repeated(count)),
            "cove.count",
        )
        for label, counts in (
            (Label.PLATFORM_SW_COMPONENTS, (0, 65)),
            (Label.TSM_SW_COMPONENTS, (0, 1, 3)),
        )
        for count in counts
    },
}


def of_register(label: Label) -> Table:
    """The faults of a measurement register."""
    item = partial(in_item, label)
    cases: Table = {
        "index-missing": (lambda: without_in_item(label, 1), "cove.claims"),
        "value-missing": (lambda: without_in_item(label, 2), "cove.claims"),
        "algorithm-missing": (lambda: without_in_item(label, 3), "cove.claims"),
        "unknown-member": (lambda: item(4, 1), "cove.claims"),
        "no-map": (lambda: with_items(label, lambda items: [[1, 2, 3], *items[1:]]), "cove.claims"),
        "index-negative": (lambda: item(1, -1), "cove.claims"),
        "index-text": (lambda: item(1, "0"), "cove.claims"),
        "index-true": (lambda: item(1, True), "cove.claims"),  # noqa: FBT003 - the fault itself
        "index-too-large": (lambda: item(1, 65_536), "cove.claims"),
        "value-text": (lambda: item(2, "x" * 48), "cove.claims"),
        "value-empty": (lambda: item(2, b""), "cove.digest-size"),
        "value-short": (lambda: item(2, bytes(47)), "cove.digest-size"),
        "value-of-sha-512": (lambda: item(2, bytes(64)), "cove.digest-size"),
        "algorithm-of-another-size": (lambda: item(3, "sha-512"), "cove.digest-size"),
        "algorithm-sha-256": (lambda: item(3, "sha-256"), "unsupported.algorithm"),
        "algorithm-in-capitals": (lambda: item(3, "SHA-384"), "unsupported.algorithm"),
        "algorithm-number": (lambda: item(3, 7), "cove.claims"),
        "twice": (
            lambda: with_items(label, lambda items: [*items, {**items[0], 2: bytes(48)}]),
            "cove.register",
        ),
    }
    return {f"{label.name.lower()}-{name}": case for name, case in cases.items()}


def of_component(label: Label) -> Table:
    """The faults of a software component."""
    item = partial(in_item, label)
    cases: Table = {
        **{
            f"{name}-missing": (partial(without_in_item, label, member), "cove.claims")
            for member, name in {
                1: "type",
                2: "measurement",
                3: "svn",
                5: "signer",
                6: "algorithm",
            }.items()
        },
        "unknown-member": (lambda: item(7, "x"), "cove.claims"),
        "no-map": (lambda: with_items(label, lambda items: ["x", *items[1:]]), "cove.claims"),
        "type-empty": (lambda: item(1, ""), "cove.claims"),
        "type-too-long": (lambda: item(1, "x" * 65), "cove.claims"),
        "type-with-a-line-break": (lambda: item(1, "a\nb"), "cove.claims"),
        "svn-number": (lambda: item(3, 7), "cove.claims"),
        "measurement-short": (lambda: item(2, bytes(47)), "cove.digest-size"),
        "measurement-text": (lambda: item(2, "x"), "cove.claims"),
        "manifest-long": (lambda: item(4, bytes(64)), "cove.digest-size"),
        "signer-of-sha-256": (lambda: item(5, bytes(32)), "cove.digest-size"),
        "algorithm-of-another-size": (lambda: item(6, "sha3-512"), "cove.digest-size"),
        "algorithm-unknown": (lambda: item(6, "md5"), "unsupported.algorithm"),
    }
    return {f"{label.name.lower()}-{name}": case for name, case in cases.items()}


def of_key(layer: str) -> Table:
    """The faults of a stated key."""
    k, n, x = partial(key, layer), P384.curve.size, ED.raw
    wide, high = P384.raw[:n], P384.raw[n:]
    okp, ec2 = {1: 1, -1: 6, -2: x}, {1: 2, -1: 2, -2: wide, -3: high}
    p256 = {1: 2, -1: 1, -2: P256.raw[:32], -3: P256.raw[32:]}
    label = LAYER_OF_KEY[layer]
    cases: Table = {
        "empty": (lambda: with_value(layer, label, b""), "cbor.syntax"),
        "trailing": (lambda: with_value(layer, label, cbor2.dumps(okp) + b"\0"), "cbor.trailing"),
        "too-large": (lambda: k(okp | {2: bytes(1100)}), "cbor.too-large"),
        "array": (lambda: with_value(layer, label, cbor2.dumps([1, 6, x])), "cose.key"),
        "private": (lambda: k(okp | {-4: bytes(32)}), "cose.key"),
        "unknown-member": (lambda: k(okp | {5: b"iv"}), "cose.key"),
        "type-missing": (lambda: k({-1: 6, -2: x}), "cose.key"),
        "type-text": (lambda: k(okp | {1: "OKP"}), "cose.key"),
        "curve-missing": (lambda: k({1: 1, -2: x}), "cose.key"),
        "curve-text": (lambda: k(okp | {-1: "Ed25519"}), "cose.key"),
        "curve-p521": (lambda: k(ec2 | {-1: 3}), "cose.key"),
        "curve-of-another-type": (lambda: k(okp | {1: 2}), "cose.key"),
        "x-missing": (lambda: k({1: 1, -1: 6}), "cose.key"),
        "x-short": (lambda: k(okp | {-2: x[:31]}), "cose.key"),
        "x-text": (lambda: k(okp | {-2: "x" * 32}), "cose.key"),
        "x-and-y-cut-elsewhere": (
            lambda: k(ec2 | {-2: wide + high[:1], -3: high[1:]}),
            "cose.key",
        ),
        "type-true": (lambda: k(okp | {1: True}), "cose.key"),
        "curve-true": (lambda: k(p256 | {-1: True}), "cose.key"),
        "y-where-none-is-due": (lambda: k(okp | {-3: x}), "cose.key"),
        "y-missing": (lambda: k({1: 2, -1: 2, -2: wide}), "cose.key"),
        "y-compressed": (lambda: k(ec2 | {-3: True}), "cose.key"),
        "off-curve": (lambda: k(ec2 | {-3: wide}), "cose.point"),
        "zero": (lambda: k(ec2 | {-2: bytes(n), -3: bytes(n)}), "cose.point"),
        "small-order": (lambda: k(okp | {-2: b"\1" + bytes(31)}), "cose.point"),
        "key-id-text": (lambda: k(okp | {2: "x"}), "cose.key"),
    }
    return {f"{layer}-key-{name}": case for name, case in cases.items()}


def of_signing_key(layer: str) -> Table:
    """What a key that signs must not be, and a TVM's own may."""
    k, okp = partial(key, layer), {1: 1, -1: 6, -2: ED.raw}
    cases: Table = {
        "x25519": (lambda: k({1: 1, -1: 4, -2: b"\x09" + bytes(31)}), "cose.key"),
        "x25519-with-y": (
            lambda: k({1: 1, -1: 4, -2: b"\x09" + bytes(31), -3: bytes(32)}),
            "cose.key",
        ),
        "of-another-algorithm": (lambda: k(okp | {3: -7}), "cose.key"),
        "for-agreement": (lambda: k(okp | {3: -31}), "cose.key"),
        "that-only-signs": (lambda: k(okp | {4: [1]}), "cose.key"),
        "operations-text": (lambda: k(okp | {4: "verify"}), "cose.key"),
    }
    return {f"{layer}-key-{name}": case for name, case in cases.items()}


X25519: Final[Table] = {
    "tvm-key-x25519-of-small-order": (
        lambda: key("tvm", {1: 1, -1: 4, -2: bytes(32)}),
        "cose.point",
    ),
    "tvm-key-x25519-with-y": (
        lambda: key("tvm", {1: 1, -1: 4, -2: b"\x09" + bytes(31), -3: bytes(32)}),
        "cose.key",
    ),
}

CASES: Final[Table] = {
    **PRESENCE,
    **SIZES,
    **COUNTS,
    **of_register(Label.TVM_INITIAL_MEASUREMENTS),
    **of_register(Label.TVM_RUNTIME_MEASUREMENTS),
    **of_component(Label.PLATFORM_SW_COMPONENTS),
    **of_component(Label.TSM_SW_COMPONENTS),
    **{name: case for layer in OF for name, case in of_key(layer).items()},
    **{name: case for layer in ("platform", "tsm") for name, case in of_signing_key(layer).items()},
    **X25519,
}


@pytest.mark.parametrize("name", CASES)
def test_claims(name: str) -> None:
    settle(CASES[name])
