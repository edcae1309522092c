# SPDX-License-Identifier: Apache-2.0
"""The policy file, version 1: TOML, every key of a section required, `"any"` the only gap.

A misspelt or missing key is an error that names file, key and line, because a rule that is not
read is a rule that is not enforced.

    [tdx] [snp] [cca] [cove]               evidence of these kinds, and the reports of bundles
    [sgx] [tpm]                            evidence of other kinds
    [azure], beside [tpm], [snp] or [tdx]  Azure's confidential VMs, and nothing else
    [boot] [root] [orchestrator] [claims]  bundles, beside exactly one section of their report
    [namespace], or several [[namespace]]  bundles; chosen by label
    [delegation]                           delegated bundles
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from troth.errors import DeniedError, UsageError
from troth.evidence.detect import TEES
from troth.policy import azure, cca, cove, sgx, snp, tdx, tpm
from troth.policy.azure import AzurePolicy
from troth.policy.bundle_boot import boot_problem, root_problem
from troth.policy.bundle_wanted import BUNDLE_TEES, report_wanted
from troth.policy.cca import CcaPolicy
from troth.policy.cove import CovePolicy
from troth.policy.sections import CONVERTERS, check_namespaces
from troth.policy.sgx import SgxPolicy
from troth.policy.snp import SnpPolicy
from troth.policy.tdx import TdxPolicy
from troth.policy.tpm import TpmPolicy
from troth.verify.bundle import (
    BootWanted,
    BundleTee,
    ClaimsWanted,
    DelegationWanted,
    NamespaceWanted,
    OrchestratorWanted,
    RootWanted,
    Wanted,
)
from troth.wire.toml import line_of, parse_toml

__all__ = ["POLICY_MAX_BYTES", "Policy", "parse_policy"]

T = TypeVar("T")

POLICY_MAX_BYTES: Final = 256 * 1024
_VERSION: Final = 1
_MOST_NAMESPACES: Final = 256
_SECTIONS: Final[Mapping[str, tuple[type[msgspec.Struct], Mapping[str, Callable[[Any], Any]]]]] = {
    "tdx": (TdxPolicy, tdx.CONVERTERS),
    "sgx": (SgxPolicy, sgx.CONVERTERS),
    "snp": (SnpPolicy, snp.CONVERTERS),
    "cca": (CcaPolicy, cca.CONVERTERS),
    "cove": (CovePolicy, cove.CONVERTERS),
    "tpm": (TpmPolicy, tpm.CONVERTERS),
    "azure": (AzurePolicy, azure.CONVERTERS),
    **CONVERTERS,
}


class Policy(msgspec.Struct, frozen=True):
    """One policy; a section that the file does not have is None and denies its evidence."""

    name: str
    tdx: TdxPolicy | None
    boot: BootWanted | None = None
    root: RootWanted | None = None
    orchestrator: OrchestratorWanted | None = None
    namespaces: tuple[NamespaceWanted, ...] = ()
    delegation: DelegationWanted | None = None
    claims: ClaimsWanted | None = None
    sgx: SgxPolicy | None = None
    snp: SnpPolicy | None = None
    cca: CcaPolicy | None = None
    cove: CovePolicy | None = None
    tpm: TpmPolicy | None = None
    azure: AzurePolicy | None = None

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections that the file has."""
        have: dict[str, object] = {
            **{name: getattr(self, name) for name in TEES},
            "boot": self.boot,
            "root": self.root,
            "orchestrator": self.orchestrator,
            "namespace": self.namespaces or None,
            "delegation": self.delegation,
            "claims": self.claims,
        }
        return tuple(name for name, section in have.items() if section is not None)

    @property
    def bundle_tee(self) -> BundleTee:
        """The kind of TEE whose reports bundles must have.

        Raises:
            DeniedError: `policy.section`, the policy has the section of none, or [azure].
        """
        if self.azure is not None:
            raise azure.takes_azure_alone(self.name, "a bundle")
        found = _bundle_tees(self)
        if not found:
            known = ", ".join(f"[{one}]" for one in BUNDLE_TEES)
            raise DeniedError("policy.section", f"{self.name}: bundles need one of {known}")
        return found[0]

    def for_bundles(self) -> Wanted:
        """Return what a bundle is held to.

        Raises:
            DeniedError: `policy.section`, one that every bundle needs is missing.
        """
        tee = self.bundle_tee
        if not self.namespaces:
            raise DeniedError("policy.section", f"{self.name}: no section [namespace]")
        return Wanted(
            name=self.name,
            report=report_wanted(tee, getattr(self, tee)),
            boot=_due(self.boot, "boot", self.name),
            root=_due(self.root, "root", self.name),
            orchestrator=_due(self.orchestrator, "orchestrator", self.name),
            namespaces=self.namespaces,
            delegation=self.delegation,
            claims=_due(self.claims, "claims", self.name),
        )


def parse_policy(data: bytes, name: str) -> Policy:
    """Return the policy of a TOML text.

    Args:
        data: UTF-8, at most 256 KiB.
        name: what to call it in errors and traces, such as the file's name.

    Raises:
        UsageError: `usage.policy`.
    """
    document, text = parse_toml(data, name, "usage.policy", max_bytes=POLICY_MAX_BYTES)
    version = document.pop("version", None)
    if type(version) is not int or version != _VERSION:
        raise UsageError("usage.policy", f"{name}: version = {_VERSION} is due")
    for key in document:
        if key not in _SECTIONS:
            known = ", ".join(f"[{one}]" for one in _SECTIONS)
            where = line_of(text, [key])
            raise UsageError(
                "usage.policy", f"{name}: {key!r}{where} is unknown; known are {known}"
            )
    found: dict[str, Any] = {  # each of the type that its name has in Policy
        key: _Reader(name, text, key).section(raw, [key])
        for key, raw in document.items()
        if key != "namespace"
    }
    td = found.pop("tdx", None)
    namespaces = _namespaces(document.get("namespace", []), name, text)
    policy = Policy(name, td, namespaces=namespaces, **found)
    _check_azure(policy, text)
    _check_kind(policy, text)
    return policy


def _check_azure(policy: Policy, text: str) -> None:
    if policy.azure is None:
        return
    problem = azure.companions_problem(policy.azure, policy.sections)
    if problem is not None:
        where = line_of(text, ["azure"])
        raise UsageError("usage.policy", f"{policy.name}: [azure]{where}: {problem}")


def _check_kind(policy: Policy, text: str) -> None:
    """Return if [boot] and [root] are such as the one kind of TEE of the bundles can have."""
    if policy.boot is None:
        return
    tees = _bundle_tees(policy)
    if len(tees) > 1:
        sections = ", ".join(f"[{one}]" for one in tees)
        where = line_of(text, ["boot"])
        raise UsageError(
            "usage.policy",
            f"{policy.name}: [boot]{where}: bundles are of one kind of TEE, and {sections} are "
            "there: a file for each",
        )
    for tee in tees:
        found = {"boot.images": boot_problem(policy.boot, tee)}
        if policy.root is not None:
            found["root.register"] = root_problem(policy.root, tee)
        for key, problem in found.items():
            if problem is not None:
                where = line_of(text, key.split("."))
                raise UsageError("usage.policy", f"{policy.name}: {key}{where}: {problem}")


def _bundle_tees(policy: Policy) -> tuple[BundleTee, ...]:
    return tuple(one for one in BUNDLE_TEES if getattr(policy, one) is not None)


class _Reader:
    """One section while it is read."""

    def __init__(self, name: str, text: str, section: str) -> None:
        self._name = name
        self._text = text
        self._section = section
        self._kind, self._converters = _SECTIONS[section]

    def section(self, raw: object, path: list[str | int]) -> msgspec.Struct:
        """Return the struct of a section, all of its keys read."""
        if not isinstance(raw, dict):
            raise UsageError("usage.policy", f"{self._name}: [{self._section}] is not a section")
        self._check_keys(raw, path)
        values = {key: self._value(key, value, path) for key, value in raw.items()}
        return self._kind(**values)

    def _value(self, key: str, value: object, path: list[str | int]) -> object:
        try:
            return self._converters[key](value)
        except ValueError as error:
            where = line_of(self._text, [*path, key])
            raise UsageError(
                "usage.policy", f"{self._name}: {self._section}.{key}{where}: {error}"
            ) from None

    def _check_keys(self, raw: dict[str, Any], path: list[str | int]) -> None:
        due = set(self._kind.__struct_fields__)
        for key in raw:
            if key not in due:
                where = line_of(self._text, [*path, key])
                raise UsageError(
                    "usage.policy", f"{self._name}: {self._section}.{key}{where} is unknown"
                )
        missing = sorted(due - raw.keys())
        if missing:
            raise UsageError(
                "usage.policy",
                f"{self._name}: [{self._section}]{line_of(self._text, path)} lacks "
                f'{", ".join(missing)}; write "any" for what is not to be compared',
            )


def _namespaces(raw: object, name: str, text: str) -> tuple[NamespaceWanted, ...]:
    reader = _Reader(name, text, "namespace")
    if not isinstance(raw, list):
        read = [reader.section(raw, ["namespace"])]
    elif len(raw) > _MOST_NAMESPACES:
        raise UsageError("usage.policy", f"{name}: more than {_MOST_NAMESPACES} namespaces")
    else:
        read = [reader.section(one, ["namespace", at]) for at, one in enumerate(raw)]
    found = tuple(one for one in read if isinstance(one, NamespaceWanted))
    try:
        check_namespaces(found)
    except ValueError as error:
        where = line_of(text, ["namespace"]) or line_of(text, ["namespace", 0])
        raise UsageError("usage.policy", f"{name}: [namespace]{where}: {error}") from None
    return found


def _due(section: T | None, key: str, name: str) -> T:
    if section is None:
        raise DeniedError("policy.section", f"{name}: no section [{key}]")
    return section
