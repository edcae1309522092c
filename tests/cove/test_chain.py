# SPDX-License-Identifier: Apache-2.0
"""The chain of keys: who signed each layer, under which root, in which state, for whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

import pytest
from msgspec.structs import replace

from tests.cove.table import (
    AT,
    CHALLENGE,
    EVIL,
    OTHER,
    SOUND,
    TEE,
    TOKEN,
    Accepted,
    Given,
    Table,
    claims,
    made,
    on,
    settle,
    with_platform,
)
from troth.evidence.cove import CoveToken, Layer, PlatformState, build_token
from troth.evidence.cove.labels import Label
from troth.tsm.emulated.cove import Keys, SoftwareCove
from troth.tsm.emulated.cove.settings import Curves
from troth.wire import cbor

# The orders of P-256 and P-384 (FIPS 186-4, D.1.2.3 and D.1.2.4).
ORDER: Final = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
}
MANUFACTURER: Final = Label.PLATFORM_MANUFACTURER_ID.value
OWNER: Final = {"platform": "root", "tsm": "platform", "tvm": "tsm"}
CODE: Final = {layer: f"cove.{layer}-signature" for layer in OWNER}
KEYS: Final = {name: getattr(TEE.keys, name) for name in ("root", "platform", "tsm", "tvm")} | {
    "evil": EVIL,
    "other-root": OTHER.keys.root,
}


def signed_by(layer: str, name: str) -> Given:
    return made(**{layer: {"key": KEYS[name], "protected": sound(layer).protected}})


def sound(layer: str) -> Any:
    return CoveToken.parse(TOKEN).envelopes[Layer(layer)]


def after_signing(layer: str, **fields: Any) -> Given:
    """Change the parts of a layer's envelope when it has been signed."""
    envelopes = CoveToken.parse(TOKEN).envelopes
    changed = dataclasses.replace(envelopes[Layer(layer)], **fields)
    return Given(evidence=build_token({**envelopes, Layer(layer): changed}))


def flipped(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def payload_of_another(layer: str) -> bytes:
    """Return the payload that a like platform's owner would have signed, and ours did not."""
    return CoveToken.parse(OTHER.token(CHALLENGE)).envelopes[Layer(layer)].payload


def from_another(*layers: str) -> Given:
    """Take layers of another platform's token, each sound where it comes from."""
    theirs = CoveToken.parse(OTHER.token(CHALLENGE)).envelopes
    envelopes = {**CoveToken.parse(TOKEN).envelopes}
    return Given(
        evidence=build_token(envelopes | {Layer(one): theirs[Layer(one)] for one in layers})
    )


def curved(curve: Literal["P-256", "P-384"]) -> SoftwareCove:
    curves = Curves(root=curve, platform=curve, tsm=curve, tvm=curve)
    return SoftwareCove.create(replace(SOUND, curves=curves), at=AT)


CURVED: Final = {"P-256": curved("P-256"), "P-384": curved("P-384")}


def ecdsa(curve: str, layer: str, change: Callable[[bytes, int, int], bytes]) -> Given:
    """Change an ECDSA signature: `change` takes it, the size of a half, and the order."""
    size = {"P-256": 32, "P-384": 48}[curve]

    def changed(one: Any) -> cbor.Tag:
        *parts, signature = one.value
        return cbor.Tag(18, [*parts, change(signature, size, ORDER[curve])])

    return made(CURVED[curve], **{layer: {"envelope": changed}})


def mirrored(signature: bytes, size: int, order: int) -> bytes:
    """Return (r, n - s), which is a signature as good as (r, s)."""
    s = int.from_bytes(signature[size:], "big")
    return signature[:size] + (order - s).to_bytes(size, "big")


CHANGES: Final[dict[str, Callable[[bytes, int, int], bytes]]] = {
    "zero": lambda one, _, __: bytes(len(one)),
    "r-zero": lambda one, size, _: bytes(size) + one[size:],
    "s-zero": lambda one, size, _: one[:size] + bytes(size),
    "r-is-n": lambda one, size, order: order.to_bytes(size, "big") + one[size:],
    "s-is-n": lambda one, size, order: one[:size] + order.to_bytes(size, "big"),
    "swapped": lambda one, size, _: one[size:] + one[:size],
    "empty": lambda _, __, ___: b"",
    "short": lambda one, _, __: one[:-1],
    "long": lambda one, _, __: one + b"\0",
    "padded": lambda one, size, _: one[:size] + b"\0" + one[size:],
}


def algorithm(tee: SoftwareCove, layer: str, number: int) -> Given:
    """State another algorithm than the key's, and sign that statement."""
    members: dict[int, object] = {1: number}
    if layer == "platform":
        members[4] = tee.root.key.spki_sha256
    return made(tee, **{layer: {"protected": cbor.encode(members)}})


def with_one_key(*names: str) -> Given:
    """A TEE in which several layers share a key, and all signatures hold."""
    shared = dict.fromkeys(names, getattr(TEE.keys, names[0]))
    keys = {one.name: getattr(TEE.keys, one.name) for one in dataclasses.fields(Keys)}
    return made(SoftwareCove(TEE.settings, AT, Keys(**keys | shared)))


def in_state(word: str, *accepted: PlatformState) -> Given:
    given = on(with_platform(state=word))
    return dataclasses.replace(given, states=frozenset(accepted)) if accepted else given


ROOTS: Final[Table] = {
    "no-root": (lambda: Given(roots=()), "cove.root"),
    "root-twice": (lambda: Given(roots=(TEE.root, TEE.root)), "cove.roots"),
    "another-root": (lambda: Given(roots=(OTHER.root,)), "cove.root"),
    "root-names-another-key": (
        lambda: made(platform={"key_id": OTHER.root.key.spki_sha256}),
        "cove.root",
    ),
    "root-named-of-two": (  # a known one, that did not sign
        lambda: dataclasses.replace(
            made(platform={"key_id": OTHER.root.key.spki_sha256}), roots=(TEE.root, OTHER.root)
        ),
        "cove.platform-signature",
    ),
    "manufacturer-of-another-root": (
        lambda: Given(roots=(replace(TEE.root, manufacturer_id=bytes(64)),)),
        "cove.manufacturer",
    ),
    "platform-of-another-manufacturer": (
        lambda: claims("platform", lambda one: one.update({MANUFACTURER: bytes(64)})),
        "cove.manufacturer",
    ),
}
SIGNATURES: Final[Table] = {
    **{
        f"{layer}-signed-by-{name}": (partial(signed_by, layer, name), CODE[layer])
        for layer, owner in OWNER.items()
        for name in KEYS
        if name != owner
    },
    **{
        f"{layer}-payload-changed": (
            partial(after_signing, layer, payload=payload_of_another(layer)),
            CODE[layer],
        )
        for layer in OWNER
    },
    **{
        f"{layer}-header-changed": (
            partial(
                after_signing,
                layer,
                protected=cbor.encode(
                    {1: -8, 3: 1} | ({4: TEE.root.key.spki_sha256} if layer == "platform" else {})
                ),
            ),
            CODE[layer],
        )
        for layer in OWNER
    },
    **{
        f"{layer}-signature-{name}": (
            partial(after_signing, layer, signature=signature),
            CODE[layer],
        )
        for layer in OWNER
        for name, signature in {
            "flipped": flipped(sound(layer).signature),
            "zero": bytes(64),
            "empty": b"",
            "short": sound(layer).signature[:-1],
            "long": sound(layer).signature + b"\0",
        }.items()
    },
    **{
        f"{layer}-{curve.lower()}-{name}": (partial(ecdsa, curve, layer, change), CODE[layer])
        for layer in OWNER
        for curve in CURVED
        for name, change in CHANGES.items()
    },
    **{
        f"{layer}-{curve.lower()}-mirrored": (partial(ecdsa, curve, layer, mirrored), Accepted())
        for layer in OWNER
        for curve in CURVED
    },
    "tsm-from-another-platform": (lambda: from_another("tsm"), "cove.tsm-signature"),
    "tvm-from-another-platform": (lambda: from_another("tvm"), "cove.tvm-signature"),
    "tsm-and-tvm-from-another-platform": (
        lambda: from_another("tsm", "tvm"),
        "cove.tsm-signature",
    ),
    "platform-from-another-platform": (lambda: from_another("platform"), "cove.root"),
    "everything-from-another-platform": (lambda: from_another(*OWNER), "cove.root"),
}
ALGORITHMS: Final[Table] = {
    **{
        f"{layer}-{tee.settings.curves.root.lower()}-under-{-number}": (
            partial(algorithm, tee, layer, number),
            "cose.algorithm",
        )
        for layer in OWNER
        for tee in (TEE, *CURVED.values())
        for number in (-7, -9, -35, -51, -8, -19)
        if number not in tee.root.key.curve.algorithms
    },
}
STATES: Final[Table] = {
    "not-configured": (lambda: in_state("not-configured"), "cove.state"),
    "debug": (lambda: in_state("debug"), "cove.state"),
    "recovery": (lambda: in_state("recovery"), "cove.state"),
    "recovery-where-debug-does": (lambda: in_state("recovery", PlatformState.DEBUG), "cove.state"),
    "secured-where-debug-does": (lambda: in_state("secured", PlatformState.DEBUG), "cove.state"),
    "secured-where-nothing-does": (lambda: Given(states=frozenset()), "cove.state"),
    "recovery-where-it-does": (
        lambda: in_state("recovery", PlatformState.RECOVERY, PlatformState.SECURED),
        Accepted(state="recovery"),
    ),
}
REUSE: Final[Table] = {
    "root-is-platform": (lambda: with_one_key("root", "platform"), "cove.key-reuse"),
    "platform-is-tsm": (lambda: with_one_key("platform", "tsm"), "cove.key-reuse"),
    "root-is-tsm": (lambda: with_one_key("root", "tsm"), "cove.key-reuse"),
    "tsm-is-tvm": (lambda: with_one_key("tsm", "tvm"), Accepted()),  # the TVM's own choice
}
CHALLENGES: Final[Table] = {
    "another": (lambda: Given(challenge=flipped(CHALLENGE)), "cove.challenge"),
    "first-byte": (lambda: Given(challenge=flipped(CHALLENGE, 0)), "cove.challenge"),
    "a-prefix": (lambda: Given(challenge=CHALLENGE[:32]), "cove.challenge"),
    "nothing": (lambda: Given(challenge=b""), "cove.challenge"),
    "too-long": (lambda: Given(challenge=CHALLENGE + b"\0"), "cove.challenge"),
    "replayed": (lambda: Given(evidence=TEE.token(bytes(64))), "cove.challenge"),
}

CASES: Final[Table] = {
    **ROOTS,
    **SIGNATURES,
    **ALGORITHMS,
    **{f"state-{name}": case for name, case in STATES.items()},
    **{f"keys-{name}": case for name, case in REUSE.items()},
    **{f"challenge-{name}": case for name, case in CHALLENGES.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_chain(name: str) -> None:
    settle(CASES[name])
