# SPDX-License-Identifier: Apache-2.0
"""What is sound is accepted: every curve, the limits of each count, other encodings of the same."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final, Literal

import cbor2
import pytest
from msgspec.structs import replace

from tests.cove.table import (
    AT,
    CHALLENGE,
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
    with_tvm,
)
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.riscv import CoveRoots
from troth.evidence.cove import CoveToken, PlatformState
from troth.evidence.cove.labels import Label
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.cove.settings import Curves
from troth.verify import AnyValue, Trace
from troth.verify.cove import verify_cove
from troth.wire import cbor

Curve = Literal["P-256", "P-384", "Ed25519"]
CURVES: Final[tuple[Curve, ...]] = ("P-256", "P-384", "Ed25519")
ZERO: Final = "00" * 48
RULES: Final = (
    "1.format",
    "2.root",
    "2.platform-signature",
    "2.manufacturer",
    "3.state",
    "4.tsm-signature",
    "5.tvm-signature",
    "6.keys",
    "7.challenge",
)


def all_on(curve: Curve) -> Given:
    curves = Curves(root=curve, platform=curve, tsm=curve, tvm=curve)
    return on(replace(SOUND, curves=curves))


def mixed() -> Given:
    curves = Curves(root="P-384", platform="P-256", tsm="Ed25519", tvm="P-384")
    return on(replace(SOUND, curves=curves))


def with_full_number(number: int) -> Given:
    """Write the algorithm by its fully specified number (RFC 9864)."""
    curve = {-9: "P-256", -51: "P-384", -19: "Ed25519"}[number]
    curves: Any = Curves(platform=curve)  # type: ignore[arg-type]  # one of the three, from above
    tee = SoftwareCove.create(replace(SOUND, curves=curves), at=AT)
    return made(tee, tsm={"protected": cbor.encode({1: number})})


def indefinite(submods: dict[str, Any]) -> bytes:
    """Encode the maps outside without their lengths, and in another order."""
    members = b"".join(cbor2.dumps(one) for pair in reversed(submods.items()) for one in pair)
    return b"\xbf\x19\x01\x0a\xbf" + members + b"\xff\xff"


def with_long_integer(payload: bytes) -> bytes:
    """Write the first key of the first component, 1, in two bytes."""
    longer = payload.replace(b"\xa5\x01", b"\xa5\x18\x01", 1)
    assert longer != payload
    return longer


def envelope(change: Any) -> Given:
    return made(tvm={"envelope": lambda one: cbor.Tag(18, change(one.value))})


def debugged() -> Given:
    given = on(with_platform(state="debug"))
    return dataclasses.replace(given, states=frozenset({PlatformState.DEBUG}))


def with_x25519(one: dict[int, Any]) -> None:
    one[Label.TVM_PUBLIC_KEY] = cbor.encode({1: 1, -1: 4, -2: b"\x09" + bytes(31)})


def with_key_members(one: dict[int, Any]) -> None:
    """Write key operations, an identifier and the algorithm into the key as well."""
    key = cbor2.loads(one[Label.TSM_PUBLIC_KEY])
    one[Label.TSM_PUBLIC_KEY] = cbor2.dumps({**key, 2: b"k", 3: -8, 4: [2]})


CASES: Final[Table] = {
    "default": (Given, Accepted()),
    **{f"all-on-{one.lower()}": (partial(all_on, one), Accepted()) for one in CURVES},
    "mixed-curves": (mixed, Accepted()),
    **{f"algorithm-{-one}": (partial(with_full_number, one), Accepted()) for one in (-9, -51, -19)},
    "sha-512": (lambda: on(with_tvm(algorithm="sha-512")), Accepted()),
    "sha3-384": (lambda: on(with_tvm(algorithm="sha3-384")), Accepted()),
    "sha3-512": (lambda: on(with_tvm(algorithm="sha3-512")), Accepted()),
    "initial-1": (lambda: on(with_tvm(initial=(ZERO,))), Accepted()),
    "initial-8": (lambda: on(with_tvm(initial=(ZERO,) * 8)), Accepted()),
    "runtime-absent": (lambda: on(with_tvm(runtime=())), Accepted(runtime=0)),
    "runtime-1": (lambda: on(with_tvm(runtime=(ZERO,))), Accepted(runtime=1)),
    "runtime-18": (lambda: on(with_tvm(runtime=(ZERO,) * 18)), Accepted(runtime=18)),
    "identity": (lambda: on(with_tvm(identity="ab" * 64)), Accepted()),
    "components-64": (
        lambda: on(with_platform(components=SOUND.platform.components[:1] * 64)),
        Accepted(),
    ),
    "tvm-key-for-agreement": (lambda: claims("tvm", with_x25519), Accepted()),
    "key-with-all-members": (lambda: claims("tsm", with_key_members), Accepted()),
    "debug-where-the-caller-says-so": (debugged, Accepted(state="debug")),
    "indefinite-lengths-and-another-order": (lambda: made(token=indefinite), Accepted()),
    "long-integers": (
        lambda: made(tsm={"payload": with_long_integer}),
        Accepted(),
    ),
    "unprotected-header-is-not-signed": (
        lambda: envelope(lambda one: [one[0], {"note": 1, 9: b""}, *one[2:]]),
        Accepted(),
    ),
    "key-id-in-another-layer": (lambda: made(tvm={"key_id": b"x"}), Accepted()),
    "content-type": (lambda: made(tvm={"protected": cbor.encode({1: -8, 3: 61})}), Accepted()),
    "several-roots": (
        lambda: Given(roots=(SoftwareCove.create(SOUND, at=AT).root, TEE.root)),
        Accepted(),
    ),
    "any-challenge": (lambda: Given(challenge=AnyValue), Accepted()),
    "short-challenge": (
        lambda: Given(evidence=TEE.token(b"abc" + bytes(61)), challenge=b"abc"),
        Accepted(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_sound_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_every_step_is_in_the_trace_in_order() -> None:
    trace = Trace()
    verify_cove(TOKEN, roots=CoveRoots([TEE.root]), at=AT, challenge=CHALLENGE, trace=trace)
    assert tuple(row.rule for row in trace) == RULES
    assert {row.verdict for row in trace} == {"held"}


def test_a_challenge_that_nobody_expects_is_noted_as_not_checked() -> None:
    trace = Trace()
    verify_cove(TOKEN, roots=CoveRoots([TEE.root]), at=AT, challenge=AnyValue, trace=trace)
    assert [row.rule for row in trace if row.verdict == "skipped"] == ["7.challenge"]


def test_the_facts_are_the_tokens_own() -> None:
    facts = verify_cove(TOKEN, roots=CoveRoots([TEE.root]), at=AT, challenge=CHALLENGE).value
    assert facts.token == CoveToken.parse(TOKEN)
    assert facts.at == AT
    assert facts.anchor.name == TEE.root.name
    assert facts.anchor.spki_sha256 == TEE.root.key.spki_sha256
    assert not facts.anchor.is_vendor
    assert facts.platform.key == TEE.keys.platform.public
    assert facts.tsm.key == TEE.keys.tsm.public
    assert VerifyingKey.from_cose(facts.tvm.public_key) == TEE.keys.tvm.public
