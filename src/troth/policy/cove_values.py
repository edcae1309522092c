# SPDX-License-Identifier: Apache-2.0
"""From TOML values to what a rule of `[cove]` compares with: components, and tables of registers.

Every converter raises ValueError for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from troth.evidence.cove import Component, HashName, Measurement
from troth.evidence.cove.labels import REGISTER_INDEX_MAX
from troth.policy import values
from troth.policy.values import ANY, Words
from troth.verify import AnyValue

__all__ = [
    "CoveComponent",
    "Registers",
    "components",
    "registers",
    "spell_component",
    "spell_register",
]

Registers = Mapping[int, Words] | type[AnyValue]

_ABSENT: Final = "absent"
_MOST: Final = 1024
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
_DIGEST: Final = re.compile(
    "|".join(f"{one}:[0-9a-f]{{{2 * one.size}}}" for one in HashName), re.ASCII
)


class CoveComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted build of a component: a table `[[cove.platform_components]]` or of the TSM's."""

    type: str
    svn: str
    measurement: str
    signer: str
    manifest: str


def spell_component(one: Component) -> CoveComponent:
    """Return a component of a token as a policy names it."""
    return CoveComponent(
        type=one.kind,
        svn=one.svn,
        measurement=_digest(one.algorithm, one.measurement),
        signer=_digest(one.algorithm, one.signer),
        manifest=_ABSENT if one.manifest is None else _digest(one.algorithm, one.manifest),
    )


def spell_register(one: Measurement) -> str:
    """Return the value of a register as a policy names it."""
    return _digest(one.algorithm, one.value)


def components(value: object) -> frozenset[CoveComponent] | type[AnyValue]:
    """Return a list of tables as components, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    if not isinstance(value, list) or len(value) > _MOST:
        message = f'up to {_MOST} tables, or "any", are due'
        raise ValueError(message)
    return frozenset(_component(one) for one in value)


def registers(value: object) -> Registers:
    """Return a table from register numbers to accepted digests, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    if not isinstance(value, dict) or len(value) > _MOST:
        message = 'a table such as { 0 = ["sha-384:…"] }, or "any", is due'
        raise ValueError(message)
    return {_index(key): _digests(one) for key, one in value.items()}


def _component(value: object) -> CoveComponent:
    due = CoveComponent.__struct_fields__
    if not isinstance(value, dict) or value.keys() != set(due):
        message = f"a component has {', '.join(due)} and nothing else"
        raise ValueError(message)
    if not all(isinstance(one, str) for one in value.values()):
        message = "every key of a component is a text"
        raise ValueError(message)
    for key in ("measurement", "signer", "manifest"):
        if not (key == "manifest" and value[key] == _ABSENT):
            _check_digest(value[key])
    return CoveComponent(**value)


def _index(key: str) -> int:
    if not _INDEX.fullmatch(key) or int(key) > REGISTER_INDEX_MAX:
        message = f"{key!r}: not the number of a register"
        raise ValueError(message)
    return int(key)


def _digests(value: object) -> Words:
    found = values.words(value)
    if not isinstance(found, type):
        for one in sorted(found):
            _check_digest(one)
    return found


def _check_digest(text: str) -> None:
    if not _DIGEST.fullmatch(text):
        known = ", ".join(HashName)
        message = f"{text!r}: an algorithm ({known}), a colon and lower-case hex are due"
        raise ValueError(message)


def _digest(algorithm: HashName, value: bytes) -> str:
    return f"{algorithm}:{value.hex()}"
