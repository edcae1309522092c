# SPDX-License-Identifier: Apache-2.0
"""An entry's data as text for people, where it is text, and as the beginning of its hex if not."""

from __future__ import annotations

from typing import Final

__all__ = ["readable"]

_SHOWN_BYTES: Final = 96
_UTF16_LEAST: Final = 4  # bytes; and the first character is a Latin one, or it is no text


def readable(data: bytes) -> str:
    """Return `data` as printable text on one line, cut where it is long.

    What is no text in UTF-8 or UTF-16 is given in hex, with `0x` in front.
    """
    for candidate in (_decoded(data, "utf-8"), _wide(data)):
        if candidate is not None:
            return _cut(candidate)
    return _cut("0x" + data.hex()) if data else ""


def _wide(data: bytes) -> str | None:
    """Return text in UTF-16, as firmware writes it, if `data` is such."""
    if len(data) < _UTF16_LEAST or data[1]:
        return None
    return _decoded(data, "utf-16-le")


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding).rstrip("\0")
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_BYTES else text[: _SHOWN_BYTES - 1] + "…"
