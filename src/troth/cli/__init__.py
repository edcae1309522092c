# SPDX-License-Identifier: Apache-2.0
"""The command line: arguments in, library calls, text or JSON out. Nothing is decided here."""

from troth.cli._main import main

__all__ = ["main"]
