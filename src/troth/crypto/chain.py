# SPDX-License-Identifier: Apache-2.0
"""Chains of fixed shape: each link of a chain whose length and roles the caller knows.

Vendor chains are always leaf, intermediate, root (or leaf, root), so there is no path to build
and nothing to choose; what is left are these checks, each with a code of its own. Authenticity
comes before time, so that a forged certificate is never reported as merely expired.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from troth.errors import StaleError, UntrustedError

__all__ = ["Profiled", "check_ca", "check_current", "check_leaf"]


class Profiled(Protocol):
    """What of a certificate these checks look at, whatever it is signed with."""

    @property
    def common_name(self) -> str:
        """The subject's only common name."""
        ...

    @property
    def not_before(self) -> datetime:
        """The first instant at which it counts."""
        ...

    @property
    def not_after(self) -> datetime:
        """The last one."""
        ...

    @property
    def ca(self) -> tuple[bool, int | None]:
        """Whether basicConstraints says CA, and its path length."""
        ...

    @property
    def key_usage(self) -> tuple[bool, bool, bool]:
        """Whether the key may sign digests, certificates, revocation lists."""
        ...

    @property
    def unknown_critical(self) -> list[str]:
        """OIDs of critical extensions that nobody enforces."""
        ...


def check_ca(certificate: Profiled, *, below: int) -> None:
    """Return if `certificate` may issue certificates with `below` CAs between it and the leaf.

    Raises:
        UntrustedError: `chain.not-ca` or `chain.extension`.
    """
    _check_extensions(certificate)
    is_ca, path_length = certificate.ca
    if not is_ca or not certificate.key_usage[1]:
        raise UntrustedError("chain.not-ca", f"{certificate.common_name!r} is not a CA")
    if path_length is not None and path_length < below:
        raise UntrustedError("chain.not-ca", f"path length {path_length}, {below} needed")


def check_leaf(certificate: Profiled) -> None:
    """Return if `certificate` is an end entity that may sign data and issue nothing.

    Raises:
        UntrustedError: `chain.leaf-is-ca`, `chain.extension` or `chain.role`.
    """
    _check_extensions(certificate)
    digests, certificates, _ = certificate.key_usage
    if certificate.ca[0] or certificates:
        raise UntrustedError("chain.leaf-is-ca", f"{certificate.common_name!r} is a CA")
    if not digests:
        raise UntrustedError("chain.role", f"{certificate.common_name!r} may not sign data")


def check_current(certificate: Profiled, at: datetime) -> None:
    """Return if notBefore ≤ `at` ≤ notAfter.

    Raises:
        StaleError: `chain.not-yet-valid` or `chain.expired`.
    """
    if at < certificate.not_before:
        raise StaleError(
            "chain.not-yet-valid", f"{certificate.common_name!r} from {certificate.not_before}"
        )
    if at > certificate.not_after:
        raise StaleError(
            "chain.expired", f"{certificate.common_name!r} until {certificate.not_after}"
        )


def _check_extensions(certificate: Profiled) -> None:
    unknown = certificate.unknown_critical
    if unknown:
        raise UntrustedError("chain.extension", f"critical and unknown: {', '.join(unknown)}")
