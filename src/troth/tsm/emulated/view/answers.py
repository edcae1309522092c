# SPDX-License-Identifier: Apache-2.0
"""The kernel's refusals: an errno, raised as the OSError that a caller in user space would see."""

from __future__ import annotations

import os

__all__ = ["refusal"]


def refusal(code: int) -> OSError:
    """Return the error of one errno, to be raised."""
    return OSError(code, os.strerror(code))
