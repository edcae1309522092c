# SPDX-License-Identifier: Apache-2.0
"""Profile A1: application events, and what is hashed of them (docs/reference/model-a1.md).

An event is three texts: domain, operation, content. All of each is hashed, lengths included, so
that no two events share a point. `base` and `aggregate` are 32 bytes each, zero unless given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from troth.errors import MalformedError

__all__ = [
    "CONTENT_MAX_BYTES",
    "NAME_MAX_BYTES",
    "POINT_BYTES",
    "PROFILE",
    "ZERO",
    "measurement_next",
    "measurement_start",
    "point_of",
    "state_of",
]

PROFILE: Final = "A1"
POINT_BYTES: Final = 32  # SHA-256
ZERO: Final = bytes(POINT_BYTES)
NAME_MAX_BYTES: Final = 128  # domain and operation, each
CONTENT_MAX_BYTES: Final = 65_024  # so that the event fits into a log entry

_EVENT: Final = b"troth/a1/event/v1\0"
_START: Final = b"troth/a1/measurement/v1\0"
_NEXT: Final = b"troth/a1/next/v1\0"
_STATE: Final = b"troth/a1/state/v1\0"


def point_of(domain: str, operation: str, content: str) -> bytes:
    """Return the point of an event, 32 bytes.

    Args:
        domain: 1 to 128 bytes of UTF-8.
        operation: 1 to 128 bytes of UTF-8.
        content: up to 65,024 bytes of UTF-8.

    Raises:
        MalformedError: `binding.range`, `binding.type`.
    """
    try:
        first, second, third = domain.encode(), operation.encode(), content.encode()
    except UnicodeEncodeError:
        raise MalformedError("binding.type", "an event has no UTF-8 form") from None
    one, two, three = len(first), len(second), len(third)
    if not (0 < one <= NAME_MAX_BYTES >= two > 0 and three <= CONTENT_MAX_BYTES):
        raise MalformedError("binding.range", f"an event of {one}, {two} and {three} bytes")
    # The lengths as one big-endian number: 1 byte, 1 byte, 2 bytes.
    lengths = (one << 24 | two << 16 | three).to_bytes(4, "big")
    return hashlib.sha256(_EVENT + lengths + first + second + third).digest()


def measurement_start(base: bytes, aggregate: bytes) -> bytes:
    """Return the measurement of a model without points."""
    return hashlib.sha256(_START + base + aggregate).digest()


def measurement_next(measurement: bytes, point: bytes) -> bytes:
    """Return the measurement behind one further point."""
    return hashlib.sha256(_NEXT + measurement + point).digest()


def state_of(points: Iterable[bytes], base: bytes = ZERO, aggregate: bytes = ZERO) -> bytes:
    """Return the state of a set of points, forensic ones included.

    Args:
        points: each once, in any order.
        base: mixed in, such as a verifier's nonce.
        aggregate: mixed in, such as a digest of the boot.
    """
    ascending = sorted(points)
    count = len(ascending).to_bytes(8, "big")
    return hashlib.sha256(_STATE + base + aggregate + count + b"".join(ascending)).digest()
