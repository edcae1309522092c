# SPDX-License-Identifier: Apache-2.0
"""How a driver asks: its defaults for level and service, its patience and its pace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from troth.errors import DriverError
from troth.tsm.bucket import SNP_RATE, UNLIMITED, Rate
from troth.tsm.driver import SNP, ServiceRequest

__all__ = ["DEADLINE_S", "PRIVLEVEL_MAX", "Options", "demand_service"]

DEADLINE_S: Final = 60.0
PRIVLEVEL_MAX: Final = 3  # VMPL 3 is the lowest privilege (AMD 56860)
_U32_MAX: Final = 2**32 - 1
_PROVIDER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a driver does where a request does not say otherwise.

    Attributes:
        privlevel: 0 to 3; None for the lowest that the TSM accepts, where it has levels.
        service: which service makes reports; None for none, the firmware does.
        deadline_s: for how long a busy TSM is asked again, in seconds.
        rate: how often a report is asked for; None for what the provider needs, which is
            `SNP_RATE` for SNP, and nothing for TDX, whose kernel makes callers wait by itself.
    """

    privlevel: int | None = None
    service: ServiceRequest | None = None
    deadline_s: float = DEADLINE_S
    rate: Rate | None = None

    def rate_of(self, provider: str) -> Rate:
        """Return the rate for a provider."""
        if self.rate is not None:
            return self.rate
        return SNP_RATE if provider == SNP else UNLIMITED


def demand_service(service: ServiceRequest) -> None:
    """Return if a service can be named to the kernel.

    Raises:
        DriverError: `tsm.argument`.
    """
    if _PROVIDER.fullmatch(service.provider) is None:
        raise DriverError("tsm.argument", f"service provider {service.provider!r}")
    version = service.manifest_version
    if version is not None and not 0 <= version <= _U32_MAX:
        raise DriverError("tsm.argument", f"manifest version {version}")
