# SPDX-License-Identifier: Apache-2.0
"""Numbers and GUIDs as the kernel reads them from text.

Source: `lib/kstrtox.c` (`kstrtouint`, base 0) and `lib/uuid.c` (`guid_parse`).
"""

from __future__ import annotations

import errno
import re
import uuid
from typing import Final

from troth.tsm.emulated.view.answers import refusal

__all__ = ["guid", "unsigned"]

_NUMBER: Final = re.compile(
    rb"\+?(?:0[xX](?P<hex>[0-9a-fA-F]+)|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*))(?P<rest>.*)",
    re.DOTALL,
)
_GUID: Final = re.compile(
    rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_U32: Final = 2**32
_U64: Final = 2**64


def unsigned(text: bytes) -> int:
    """Return the unsigned 32-bit number that `text` is, up to its first NUL.

    Decimal, hexadecimal after `0x`, octal after `0`; a plus sign before and one newline behind.

    Raises:
        OSError: EINVAL, no number or something behind it; ERANGE, a number too large.
    """
    found = _NUMBER.fullmatch(text.partition(b"\0")[0])
    if found is None:
        raise refusal(errno.EINVAL)
    if found["hex"] is not None:
        value = int(found["hex"], 16)
    elif found["oct"] is not None:
        value = int(found["oct"], 8)
    else:
        value = int(found["dec"])
    if value >= _U64:  # said before what stands behind is looked at
        raise refusal(errno.ERANGE)
    if found["rest"] not in {b"", b"\n"}:
        raise refusal(errno.EINVAL)
    if value >= _U32:
        raise refusal(errno.ERANGE)
    return value


def guid(text: bytes) -> bytes:
    """Return the 16 bytes of a GUID, first three fields little-endian; what follows is ignored.

    Raises:
        OSError: EINVAL.
    """
    found = _GUID.match(text)
    if found is None:
        raise refusal(errno.EINVAL)
    return uuid.UUID(found[0].decode()).bytes_le
