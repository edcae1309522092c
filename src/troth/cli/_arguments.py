# SPDX-License-Identifier: Apache-2.0
"""From what a user types to what the library takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from troth.errors import MalformedError, UsageError
from troth.infra import clock
from troth.wire.text import parse_hex, parse_instant

__all__ = [
    "hex_bytes",
    "instant",
    "one_reader_of_stdin",
]

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,11}", re.ASCII)


def instant(text: str | None) -> datetime:
    """Return an instant given as RFC 3339 with Z, a date, or Unix seconds; now if not given.

    Raises:
        UsageError: `usage.time`.
    """
    if text is None:
        return clock.now()
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        return parse_instant(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except (MalformedError, ValueError, OverflowError, OSError):
        raise UsageError(
            "usage.time", f"{text!r}; give YYYY-MM-DDThh:mm:ssZ, YYYY-MM-DD or Unix seconds"
        ) from None


def hex_bytes(text: str, option: str, most: int, *, least: int = 1) -> bytes:
    """Return `least` to `most` bytes given in hex.

    Raises:
        UsageError: `usage.hex`.
    """
    try:
        data = parse_hex(text)
    except MalformedError as error:
        raise UsageError("usage.hex", f"{option}: {error.detail}") from None
    if not least <= len(data) <= most:
        due = f"{most}" if least == most else f"{least} to {most}"
        raise UsageError("usage.hex", f"{option}: {len(data)} bytes, {due} are due")
    return data


def one_reader_of_stdin(*paths: str | None) -> None:
    """Demand that `-`, standard input, is named at most once.

    Raises:
        UsageError: `usage.arguments`.
    """
    if paths.count("-") > 1:
        raise UsageError("usage.arguments", "standard input can be read once: give - once")
