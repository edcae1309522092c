# SPDX-License-Identifier: Apache-2.0
"""A kind of TEE whose report a bundle can hold: what steps 3 to 9 need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from troth.evidence.binding import Bundle, RootRegister
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import Wanted
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["BundleKind", "Reported", "named"]

F = TypeVar("F")
W = TypeVar("W")


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What a genuine report says, in the words of BINDING 4.9.

    Attributes:
        data: the 64 bytes that it is over: report data or challenge.
        boot: launch measurements and boot registers by name; an image has exactly these.
        root: the value of the root register; None where there is none.
        algorithm: the root register's hash by its name at IANA.
    """

    data: bytes
    boot: Mapping[str, bytes]
    root: bytes | None = None
    algorithm: str = "sha-384"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleKind(Generic[W, F]):
    """One kind.

    Attributes:
        register: the root register, or `none`.
        sizes: which sizes measurements and registers can have, in bytes.
        is_boot: whether an image of this kind can have exactly these values.
        boot_words: their names, for people.
        logged: registers that a boot log can lead to.
        verify: step 3; returns genuine facts or raises what the kind's verifier does.
        check_voids: step 4; returns, or raises DeniedError.
        reported: what the facts say.
    """

    register: RootRegister
    sizes: frozenset[int]
    is_boot: Callable[[frozenset[str]], bool]
    boot_words: str
    logged: frozenset[str] = frozenset()
    verify: Callable[[Bundle, W, BundleInputs, Trace], Verified[F]]
    check_voids: Callable[[F, W, Wanted, Steps], None]
    reported: Callable[[F], Reported]


def named(*names: str) -> Callable[[frozenset[str]], bool]:
    """Return the test for a kind whose images always have the same values."""
    due = frozenset(names)
    return lambda given: given == due
