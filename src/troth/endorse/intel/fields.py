# SPDX-License-Identifier: Apache-2.0
"""Field types and checks that TCB info and QE identity share."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Final

import msgspec

from troth.errors import MalformedError, UntrustedError
from troth.wire.text import parse_instant

__all__ = [
    "DOCUMENT_MAX_BYTES",
    "MODULE_STATUSES",
    "PLATFORM_STATUSES",
    "QE_STATUSES",
    "Advisories",
    "IsvSvn",
    "Svn",
    "Uint16",
    "check_distinct",
    "check_status",
    "check_version",
    "window",
]

DOCUMENT_MAX_BYTES: Final = 512 * 1024  # ours: the largest TCB info seen is about 20 KiB

Svn = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
Uint16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
IsvSvn = Uint16
Advisories = Annotated[tuple[str, ...], msgspec.Meta(max_length=1024)]

# Intel PCS v4 documentation, "TCB info" and "Quoting Enclave identity", appendix on statuses.
PLATFORM_STATUSES: Final = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "Revoked",
    }
)
MODULE_STATUSES: Final = frozenset({"UpToDate", "OutOfDate", "Revoked"})
QE_STATUSES: Final = PLATFORM_STATUSES - {"SWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"}


def check_status(word: str, known: frozenset[str], what: str) -> None:
    """Refuse a status word that has no meaning in this place.

    Raises:
        UntrustedError: `tcb.status-word`.
    """
    if word not in known:
        raise UntrustedError("tcb.status-word", f"{what}: {word!r}")


def check_version(version: int, due: int, what: str) -> None:
    """Refuse a document version whose rules are not implemented.

    Raises:
        MalformedError: `unsupported.version`.
    """
    if version != due:
        raise MalformedError("unsupported.version", f"{what} version {version}; {due} is")


def check_distinct(keys: list[object], what: str) -> None:
    """Demand at least one level and none twice: two of a kind would make order decide.

    Raises:
        MalformedError: `collateral.levels`.
    """
    if not keys:
        raise MalformedError("collateral.levels", f"{what} has none")
    if any(left == right for left, right in pairwise(keys)):
        raise MalformedError("collateral.levels", f"{what} has one twice")


def window(issue_date: str, next_update: str) -> tuple[datetime, datetime]:
    """Return the two instants between which a document counts."""
    return parse_instant(issue_date), parse_instant(next_update)
