# SPDX-License-Identifier: Apache-2.0
"""Bytes that must not be shown: no repr, no pickling, wiped when a `with` block ends.

Wiping reaches this buffer only. Python and the libraries below make copies that nobody can find
again; LIMITATIONS says so.
"""

from __future__ import annotations

from typing import NoReturn

__all__ = ["Secret"]


class Secret:
    """Own copy of secret bytes; `with secret as view:` gives them, and zeroes them at the end."""

    __slots__ = ("_buffer",)

    def __init__(self, value: bytes | bytearray | memoryview) -> None:
        """Copy `value`; the caller's own copy is the caller's to wipe."""
        self._buffer = bytearray(value)

    def __repr__(self) -> str:
        return f"Secret({len(self._buffer)} bytes)"

    def __len__(self) -> int:
        return len(self._buffer)

    def __reduce__(self) -> NoReturn:
        message = "a secret is not serialised"
        raise TypeError(message)

    def __copy__(self) -> NoReturn:
        self.__reduce__()

    def __deepcopy__(self, _memo: object) -> NoReturn:
        self.__reduce__()

    def __enter__(self) -> memoryview:
        return memoryview(self._buffer).toreadonly()

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def wipe(self) -> None:
        """Overwrite the bytes with zeros."""
        self._buffer[:] = bytes(len(self._buffer))
