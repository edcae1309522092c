# SPDX-License-Identifier: Apache-2.0
"""A refusal by its errno."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["refused_with"]


@contextmanager
def refused_with(code: int) -> Iterator[None]:
    """Demand that a block raises OSError with one errno."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the errno is looked at below
        yield
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[code]
