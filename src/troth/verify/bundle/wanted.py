# SPDX-License-Identifier: Apache-2.0
"""What is fixed before a bundle is looked at (BINDING 4.9): values, made by a policy.

Nothing here has a default. `AnyValue` is the one spelling of "not compared".
"""

from __future__ import annotations

from typing import Literal

import msgspec

from troth.verify.options import AnyValue

__all__ = [
    "BootWanted",
    "ClaimsWanted",
    "DelegationWanted",
    "Image",
    "NamespaceWanted",
    "OrchestratorWanted",
    "RootWanted",
    "Wanted",
]

Allowed = frozenset[bytes] | type[AnyValue]
Words = frozenset[str] | type[AnyValue]
Most = int | type[AnyValue]


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One boot that is wanted: launch measurement and boot registers, which belong together."""

    name: str
    mr_td: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes


class BootWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [boot].

    Attributes:
        images: the reference values; AnyValue leaves the verdict at `genuine`.
        emulated: what a root that is no vendor's amounts to.
        svsm: whether the report is an SVSM's, with its manifest.
    """

    images: tuple[Image, ...] | type[AnyValue]
    emulated: Literal["deny", "contraindicate", "accept"]
    svsm: Literal["none", "required"]


class RootWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [root]: the register that holds the root statement, and its values before."""

    register: Literal["rtmr3", "none"]
    before: frozenset[bytes]


class OrchestratorWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [orchestrator].

    Attributes:
        configuration: SHA-256 of the configuration file.
        doors: compatibility doors that are tolerated, by name.
        modes: `fresh`, `delegated`.
        alarms: how many are tolerated.
    """

    configuration: Allowed
    doors: Words
    modes: frozenset[str]
    alarms: Most


class NamespaceWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [namespace], or one of several.

    Attributes:
        label: what the namespace may be called.
        origin: who may have created it.
        image_digest: `sha256:…`, `sha384:…`, `sha512:…`, or `absent`.
        profile: of its event model, or `absent`: no model.
        sealed: whether the model must be sealed or enforcing.
        state: the model's state.
        base: what is mixed into it; `b""` for none.
        forensic_points: how many are tolerated.
        gaps: how many are tolerated.
    """

    label: Words
    origin: Words
    image_digest: Words
    profile: Words
    sealed: Literal["required", "any"]
    state: Allowed
    base: Allowed
    forensic_points: Most
    gaps: Most


class DelegationWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [delegation]: how old an anchor may be, by our own clock and nonce."""

    maximum_age_s: int


class ClaimsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Section [claims]: our names, and what ties the answer to its asker."""

    audiences: frozenset[str]
    cnf: Literal["required", "any"]
    channel: Literal["required", "any"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, and what the policy is called in a trace.

    Attributes:
        name: of the policy.
        debug: `forbid` or `any`, of the section of the TEE.
        service_tds: migration agents that are named; AnyValue names none.
        delegation: None denies delegated bundles.
    """

    name: str
    debug: str
    service_tds: Allowed
    boot: BootWanted
    root: RootWanted
    orchestrator: OrchestratorWanted
    namespaces: tuple[NamespaceWanted, ...]
    delegation: DelegationWanted | None
    claims: ClaimsWanted
