# SPDX-License-Identifier: Apache-2.0
"""A token's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from collections.abc import Iterable

from troth.crypto.digest import sha256
from troth.evidence.cove.claims import Component, Measurement
from troth.evidence.cove.labels import PROFILE, Layer
from troth.evidence.cove.token import CoveToken

__all__ = ["Claim", "describe_token"]

Claim = str | int | bool | list[int | str] | None
"""What a described field can be."""


def describe_token(token: CoveToken) -> dict[str, Claim]:
    """Return the claims: byte strings as lower-case hex, what is not there as null.

    A register is `index:algorithm:value`, a component `type:svn:algorithm:measurement:signer`, and
    `:manifest` behind it where it has one; colons in a type or SVN are written as they came.
    """
    platform, tsm, tvm = token.platform, token.tsm, token.tvm
    return {
        "profile": PROFILE,
        "manufacturer_id": platform.manufacturer_id.hex(),
        "platform_state": platform.state.word,
        "platform_key_sha256": platform.key.spki_sha256.hex(),
        "platform_components": _components(platform.components),
        "tsm_key_sha256": tsm.key.spki_sha256.hex(),
        "tsm_components": _components(tsm.components),
        "challenge": tvm.challenge.hex(),
        "identity": None if tvm.identity is None else tvm.identity.hex(),
        "public_key": tvm.public_key.hex(),
        "public_key_sha256": sha256(tvm.public_key).hex(),
        "initial": _registers(tvm.initial),
        "runtime": _registers(tvm.runtime),
        "algorithms": [token.envelopes[layer].algorithm for layer in Layer],
        "token_bytes": token.size,
    }


def _components(components: Iterable[Component]) -> list[int | str]:
    return [_component(one) for one in components]


def _component(one: Component) -> str:
    words = [one.kind, one.svn, one.algorithm.value, one.measurement.hex(), one.signer.hex()]
    return ":".join(words + ([one.manifest.hex()] if one.manifest is not None else []))


def _registers(registers: Iterable[Measurement]) -> list[int | str]:
    return [f"{one.index}:{one.algorithm}:{one.value.hex()}" for one in registers]
