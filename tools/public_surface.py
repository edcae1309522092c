# SPDX-License-Identifier: Apache-2.0
"""The public surface of troth: what each public module lists in `__all__`.

Run as `python -m tools.public_surface` to see it, with `--write` to pin it for the tests.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

PINNED: Final = Path(__file__).resolve().parent.parent / "tests" / "public-surface.txt"


def modules(package: str = "troth") -> list[str]:
    """Name the public modules: no part of their path begins with an underscore."""
    walked = pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    names = [package, *(one.name for one in walked if ".migrations" not in one.name)]
    return [name for name in names if "._" not in name]


def unlisted(package: str = "troth") -> list[str]:
    """Name the public modules that hold more than a docstring and do not say what they offer."""
    return [
        name
        for name in modules(package)
        if not hasattr(module := import_module(name), "__all__")
        if len(ast.parse(inspect.getsource(module)).body) > 1
    ]


def surface(package: str = "troth") -> list[str]:
    """Return every public name with its module, sorted."""
    return sorted(
        f"{name}.{item}"
        for name in modules(package)
        for item in getattr(import_module(name), "__all__", ())
    )


def main(arguments: list[str]) -> int:
    """Print the surface, or with `--write` pin it."""
    text = "".join(f"{name}\n" for name in surface())
    if "--write" in arguments:
        PINNED.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
