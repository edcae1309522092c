# SPDX-License-Identifier: Apache-2.0
"""How a test states a refusal: by its code, and with the class that the table files it under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from troth import errors
from troth.errors import CODES, TrothError, UsageError


@contextmanager
def refused(code: str, detail: str = "") -> Iterator[None]:
    """Demand that the block raises `code`, of exactly its class.

    Args:
        code: a key of `CODES`.
        detail: what the detail for people must contain.
    """
    with pytest.raises((TrothError, UsageError)) as caught:
        yield
    assert caught.value.code == code
    assert type(caught.value) is getattr(errors, CODES[code][0])
    assert detail in caught.value.detail
