# SPDX-License-Identifier: Apache-2.0
"""The entry of the demo; `python demo/demo.py --help` lists what it takes."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # so that demo.… is found
    sys.exit(import_module("demo.play").main())
