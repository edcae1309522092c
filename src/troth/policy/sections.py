# SPDX-License-Identifier: Apache-2.0
"""The sections of a policy for bundles: each key's value in TOML, and what it becomes.

What a key means stands with the struct that holds it, in `troth.verify.bundle.wanted`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from troth.evidence.binding import ROOT_REGISTERS, Door
from troth.policy import bundle_boot, values
from troth.policy.values import Allowed, Words
from troth.verify import AnyValue
from troth.verify.bundle import (
    BootWanted,
    ClaimsWanted,
    DelegationWanted,
    NamespaceWanted,
    OrchestratorWanted,
    RootWanted,
)
from troth.verify.bundle.statement import ORIGINS

__all__ = ["CONVERTERS", "check_namespaces"]

_HASH_BYTES: Final = 32
_MAX_AGE_S: Final = 7 * 24 * 3600
_IMAGE_DIGEST: Final = re.compile(
    r"absent|sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
)
_DOORS: Final = frozenset(one.name.lower() for one in Door)


def _choice(*words: str) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if value not in words:
            message = " or ".join(f'"{one}"' for one in words) + " is due"
            raise ValueError(message)
        return str(value)

    return convert


def _known(*words: str) -> Callable[[object], Words]:
    return lambda value: values.words(value, frozenset(words))


def _modes(value: object) -> frozenset[str]:
    return values.word_set(value, frozenset({"fresh", "delegated"}))


def _image_digests(value: object) -> Words:
    found = values.words(value)
    wrong = [] if isinstance(found, type) else [x for x in found if not _IMAGE_DIGEST.fullmatch(x)]
    if wrong:
        message = f'{wrong[0]!r}: "sha256:…", "sha384:…", "sha512:…" or "absent" is due'
        raise ValueError(message)
    return found


def _hashes(value: object) -> Allowed:
    return values.values(value, _HASH_BYTES)


def _seconds(value: object) -> int:
    if type(value) is not int or not 0 < value <= _MAX_AGE_S:
        message = f"1 to {_MAX_AGE_S} seconds are due"
        raise ValueError(message)
    return value


def check_namespaces(sections: tuple[NamespaceWanted, ...]) -> None:
    """Return if each label has one section, and each pinned label a pinned origin.

    Raises:
        ValueError: for people.
    """
    seen: set[str] = set()
    for one in sections:
        pins_label = isinstance(one.label, frozenset)
        if not pins_label and len(sections) > 1:
            message = 'label = "any" stands alone: another section could never be meant'
            raise ValueError(message)
        if pins_label and one.origin is AnyValue:
            # Who may create namespaces can give any of them this label (BINDING 6).
            message = 'a policy that pins a label pins the origin with it; origin = "any" does not'
            raise ValueError(message)
        labels = one.label if isinstance(one.label, frozenset) else frozenset()
        if seen & labels:
            message = f"{', '.join(sorted(seen & labels))}: a label stands in two sections"
            raise ValueError(message)
        seen |= labels


CONVERTERS: Final[Mapping[str, tuple[type[msgspec.Struct], Mapping[str, Callable[[Any], Any]]]]] = {
    "boot": (
        BootWanted,
        {
            "images": bundle_boot.images,
            "emulated": _choice("deny", "contraindicate", "accept"),
            "svsm": _choice("none", "required"),
        },
    ),
    "root": (
        RootWanted,
        {"register": _choice(*ROOT_REGISTERS), "before": bundle_boot.before},
    ),
    "orchestrator": (
        OrchestratorWanted,
        {
            "configuration": _hashes,
            "doors": _known(*_DOORS),
            "modes": _modes,
            "alarms": values.number,
        },
    ),
    "namespace": (
        NamespaceWanted,
        {
            "label": values.words,
            "origin": _known(*ORIGINS.values()),
            "image_digest": _image_digests,
            "profile": values.words,
            "sealed": _choice("required", "any"),
            "state": _hashes,
            "base": lambda value: values.values(value, _HASH_BYTES, absent=True),
            "forensic_points": values.number,
            "gaps": values.number,
        },
    ),
    "delegation": (DelegationWanted, {"maximum_age_s": _seconds}),
    "claims": (
        ClaimsWanted,
        {
            "audiences": values.word_set,
            "cnf": _choice("required", "any"),
            "channel": _choice("required", "any"),
        },
    ),
}
"""For each section its struct, and for each key what makes a value of it or raises ValueError."""
