# SPDX-License-Identifier: Apache-2.0
"""The named ways to not check something. `grep` for them lists every gap that anybody opened."""

from __future__ import annotations

from enum import Enum
from typing import final

__all__ = ["AnyValue", "ChipId", "NoCache", "Revocation", "Tail", "WithoutCollateral"]


@final
class AnyValue:
    """Accept every value of this field, on purpose."""


@final
class WithoutCollateral:
    """Do not ask whether the platform is up to date or revoked, on purpose."""


@final
class NoCache:
    """Remember nothing, and look nothing up."""


class Revocation(Enum):
    """Whether AMD's revocation list is due; a list that is there is looked at in any case."""

    REQUIRED = "a current list of the root key"
    ANY = "no list is due"


class ChipId(Enum):
    """Whether a report must say which chip made it; AMD lets a host keep that back."""

    NAMED = "the chip of the certificate"
    MASKED = "the chip of the certificate, or none: the caller knows whose certificate it is"


class Tail(Enum):
    """What may stand behind a quote: collectors hand over fixed-size buffers."""

    ZEROS = "zero bytes, counted"
    ANYTHING = "anything, counted"
