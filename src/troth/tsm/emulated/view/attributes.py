# SPDX-License-Identifier: Apache-2.0
"""The attributes of an entry: name, mode, size and kind, and who shows which.

Source: `drivers/virt/coco/guest/report.c`; modes and sizes as `ls -l` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ["ATTRIBUTES", "CCA", "COVE", "SNP", "SVSM", "TDX", "Attribute", "Kind"]

_TEXT_BYTES: Final = 4096


class Kind(Enum):
    """How an attribute is read or written."""

    INBLOB = auto()  # bytes, gathered while open and committed at close
    BLOB = auto()  # bytes, made when first read
    SHOW = auto()  # text to read
    STORE = auto()  # text to write


@dataclass(frozen=True, slots=True)
class Attribute:
    """One file of an entry."""

    name: str
    kind: Kind

    @property
    def mode(self) -> int:
        """Permissions at the start of an entry's life."""
        return 0o444 if self.is_readable else 0o200

    @property
    def size(self) -> int:
        """What stat() says, whatever the content."""
        return _TEXT_BYTES if self.kind in {Kind.SHOW, Kind.STORE} else 0

    @property
    def is_readable(self) -> bool:
        """Whether it is read, and never written; the others are the reverse, for root too."""
        return self.kind in {Kind.BLOB, Kind.SHOW}


ATTRIBUTES: Final = {
    name: Attribute(name, kind)
    for name, kind in (
        ("generation", Kind.SHOW),
        ("provider", Kind.SHOW),
        ("privlevel", Kind.STORE),
        ("privlevel_floor", Kind.SHOW),
        ("service_provider", Kind.STORE),
        ("service_guid", Kind.STORE),
        ("service_manifest_version", Kind.STORE),
        ("inblob", Kind.INBLOB),
        ("outblob", Kind.BLOB),
        ("auxblob", Kind.BLOB),
        ("manifestblob", Kind.BLOB),
    )
}

TDX: Final = frozenset({"generation", "provider", "inblob", "outblob"})
"""What `tdx_guest` shows."""

SNP: Final = TDX | {"privlevel", "privlevel_floor", "auxblob"}
"""What `sev_guest` shows."""

SVSM: Final = frozenset(ATTRIBUTES)
"""What `sev_guest` shows where an SVSM runs below the guest."""

CCA: Final = frozenset(ATTRIBUTES)
"""What `arm_cca_guest` shows, whose driver hides nothing."""

COVE: Final = TDX
"""What this project's `cove_guest` shows; no kernel has it."""
