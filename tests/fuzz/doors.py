# SPDX-License-Identifier: Apache-2.0
"""The six doors through which bytes of strangers come in, by name."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from tests.fuzz.door import Door

__all__ = ["DOORS", "door_named"]

DOORS: Final = ("quote", "report", "token", "log", "collateral", "bundle")


def door_named(name: str) -> Door:
    """Return a door; its software TEEs are made when it is asked for first."""
    found: Door = import_module(f"tests.fuzz.{name}").DOOR
    return found
