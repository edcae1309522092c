# SPDX-License-Identifier: Apache-2.0
"""Other encodings of what was signed, which some readers take for the same."""

from __future__ import annotations

from collections.abc import Callable


def with_unused_bit(issue: Callable[[], bytes]) -> bytes:
    """Return a signed structure whose BIT STRING says that its last bit does not count.

    Args:
        issue: makes the sound structure, signed anew each time. It is called until that bit is
            zero, so that the signature itself stays what it was.
    """
    while (data := issue())[-1] & 1:
        pass
    # The structure ends in the BIT STRING: the number of unused bits, then a SEQUENCE to the end.
    (at,) = (
        at
        for at in range(len(data) - 80, len(data) - 60)
        if data[at : at + 2] == b"\0\x30" and data[at + 2] == len(data) - at - 3
    )
    return data[:at] + b"\1" + data[at + 1 :]
