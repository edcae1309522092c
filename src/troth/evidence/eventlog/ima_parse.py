# SPDX-License-Identifier: Apache-2.0
"""Reader of IMA lists in either form, which the first entry shows."""

from __future__ import annotations

from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_ascii import parse_ima_ascii
from troth.evidence.eventlog.ima_binary import binary_layout, parse_ima_binary

__all__ = ["parse_ima"]


def parse_ima(data: bytes) -> ImaList:
    """Return a list in either form: a binary one is known by the template's name in its place.

    Raises:
        MalformedError: as the two readers.
    """
    if binary_layout(data) is not None:
        return parse_ima_binary(data)
    return parse_ima_ascii(data)
