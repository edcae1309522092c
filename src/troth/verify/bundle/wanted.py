# SPDX-License-Identifier: Apache-2.0
"""What is fixed before a bundle is looked at (BINDING 4.9): values, made by a policy.

Nothing here has a default. `AnyValue` is the one spelling of "not compared".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from troth.evidence.binding import RootRegister
from troth.verify.options import AnyValue, ChipId, Revocation

__all__ = [
    "BootWanted",
    "BundleTee",
    "CcaWanted",
    "ClaimsWanted",
    "CoveWanted",
    "DelegationWanted",
    "Image",
    "NamespaceWanted",
    "OrchestratorWanted",
    "ReportWanted",
    "RootWanted",
    "SnpWanted",
    "TdxWanted",
    "Wanted",
]

BundleTee = Literal["tdx", "snp", "cca", "cove"]
"""The kinds of TEE whose report a bundle can hold."""

Allowed = frozenset[bytes] | type[AnyValue]
Words = frozenset[str] | type[AnyValue]
Most = int | type[AnyValue]


class TdxWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What voids a TD.

    Attributes:
        debug: `forbid` or `any`.
        service_tds: migration agents that are named; AnyValue names none.
    """

    tee: ClassVar[BundleTee] = "tdx"
    debug: str
    service_tds: Allowed


class SnpWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What voids an SNP guest, and how its report is looked at.

    Attributes:
        debug: `forbid` or `any`.
        migration_agent: likewise; a report says that there may be one, and not which.
        vmpl: the privilege levels that may ask. A host's report is void in any case.
        chip: whether the report must say which chip made it.
        revocation: whether AMD's revocation list is due.
    """

    tee: ClassVar[BundleTee] = "snp"
    debug: str
    migration_agent: str
    vmpl: frozenset[int] | type[AnyValue]
    chip: ChipId
    revocation: Revocation


class CcaWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What voids a realm: `debug` of the platform it runs on, `forbid` or `any`."""

    tee: ClassVar[BundleTee] = "cca"
    debug: str


class CoveWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing: a platform that is not secured is refused with its token."""

    tee: ClassVar[BundleTee] = "cove"


ReportWanted = TdxWanted | SnpWanted | CcaWanted | CoveWanted


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One boot that is wanted: launch measurement and boot registers, which belong together.

    Attributes:
        name: what it is called in results.
        values: measurement or register to value.
        events: each other register, which the boot log of the bundle has to lead to, and its whole
            history: position by position the digests of which any one may stand there.
    """

    name: str
    values: Mapping[str, bytes]
    events: Mapping[str, tuple[frozenset[bytes], ...]]


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

    register: RootRegister
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
        report: by its type the one kind of TEE whose report is taken, and what voids it.
        delegation: None denies delegated bundles.
    """

    name: str
    report: ReportWanted
    boot: BootWanted
    root: RootWanted
    orchestrator: OrchestratorWanted
    namespaces: tuple[NamespaceWanted, ...]
    delegation: DelegationWanted | None
    claims: ClaimsWanted
