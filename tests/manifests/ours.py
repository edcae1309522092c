# SPDX-License-Identifier: Apache-2.0
"""This project's own vectors, copied into the tree; and files that nothing here reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.manifests.reader import Reader, stated_bytes
from tests.vectors import ROOT, VectorCase

__all__ = ["READERS", "UNREAD"]


def _copied(case: VectorCase, vectors: Path) -> None:
    """The copy is the original: what it must come to is tested where it lies."""
    copy = ROOT / "tests/binding/data" / case.entry["file"]
    assert copy.read_bytes() == stated_bytes(case, vectors)


def _unread(case: VectorCase, vectors: Path) -> None:
    stated_bytes(case, vectors)


READERS: Final = {"ours": Reader(_copied, "values and structures of the binding, no evidence")}
UNREAD: Final = {"unread": Reader(_unread, "nothing in this version reads such a file")}
