# SPDX-License-Identifier: Apache-2.0
"""The test module's parameters, changed for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["count", "parameters"]

_PARAMETERS: Final = Path("/sys/module/troth_tsm_test/parameters")


@contextmanager
def parameters(**values: int) -> Iterator[None]:
    """Have the provider behave differently while the block runs."""
    before = {name: (_PARAMETERS / name).read_text(encoding="ascii") for name in values}
    try:
        for name, value in values.items():
            (_PARAMETERS / name).write_text(str(value), encoding="ascii")
        yield
    finally:
        for name, text in before.items():
            (_PARAMETERS / name).write_text(text, encoding="ascii")


def count(name: str) -> int:
    """Return a parameter that counts."""
    return int((_PARAMETERS / name).read_text(encoding="ascii"))
