# SPDX-License-Identifier: Apache-2.0
"""Errors that name the file whose fault they are."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager

from troth.collect.sorts import sort_of
from troth.errors import TrothError, UsageError

__all__ = ["as_usage", "expected", "named"]


@contextmanager
def as_usage(path: str, due: str = "") -> Iterator[None]:
    """Turn what is wrong with a file that says whom to trust into an error of usage.

    Args:
        path: of the file.
        due: what it should be, and what it is; see `expected`.

    Raises:
        UsageError: `usage.root`.
    """
    try:
        yield
    except TrothError as error:
        raise UsageError("usage.root", f"{path}: {due}{error}") from None


def expected(due: str, sorts: Container[str], data: bytes) -> str:
    """Return words for what a file should be and is; none where it is of a sort that is due."""
    sort = sort_of(data)
    return "" if sort in sorts else f"{due}, and this is {sort}: "


@contextmanager
def named(path: str) -> Iterator[None]:
    """Put the file's name in front of what is wrong with it; class and code stay."""
    try:
        yield
    except TrothError as error:
        raise type(error)(error.code, f"{path}: {error.detail}") from None
