# SPDX-License-Identifier: Apache-2.0
"""What a log says about itself beyond its digests: is an entry's data what was measured?

A register proves digests. It proves an entry's data only where the digest is one of the data, and
it never proves an entry's type. Data that has another digest than the entry is to be treated as
absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Data", "Digester", "Examination", "Finding"]

Digester = Callable[[bytes], bytes]
"""From data to its digest in one bank."""


class Data(StrEnum):
    """How an entry's data stands to its digest."""

    MEASURED = "measured"
    """The digest is one of the data, all of it."""
    PART = "part-measured"
    """The digest is one of a part: a variable's value, or the text behind a prefix."""
    DIFFERS = "differs"
    """The digest should be one of the data, and is not: the data is to be treated as absent."""
    UNPROVEN = "unproven"
    """The digest is one of something else, such as an image, or nothing is known of it."""
    UNEXTENDED = "unextended"
    """The entry extends nothing: whoever wrote the log chose all of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader of the log must know. No finding is a refusal by itself.

    Attributes:
        index: of the entry; None where it is about the log.
        name: `data-differs`, `second-separator`, `no-separator`, `separator-value`, `violation`,
            `no-boot-aggregate` or `starts-elsewhere`.
        detail: for people.
    """

    index: int | None
    name: str
    detail: str


class Examination(NamedTuple):
    """The outcome for a whole log in one bank.

    Attributes:
        data: for each entry.
        findings: in the order of entries, those about the log last.
        recomputed: index to digest of the data, for the entries whose data differs.
    """

    data: Sequence[Data]
    findings: Sequence[Finding]
    recomputed: Mapping[int, bytes]
