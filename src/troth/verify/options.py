# SPDX-License-Identifier: Apache-2.0
"""The named ways to not check something. `grep` for them lists every gap that anybody opened."""

from __future__ import annotations

from enum import Enum
from typing import final

__all__ = ["AnyValue", "Tail", "WithoutCollateral"]


@final
class AnyValue:
    """Accept every value of this field, on purpose."""


@final
class WithoutCollateral:
    """Do not ask whether the platform is up to date or revoked, on purpose."""


class Tail(Enum):
    """What may stand behind a quote: collectors hand over fixed-size buffers."""

    ZEROS = "zero bytes, counted"
    ANYTHING = "anything, counted"
