# SPDX-License-Identifier: Apache-2.0
"""TOML that a person wrote: read with a bound, and every complaint with its line.

The standard library's reader keeps no positions, so a line is looked for afterwards, by the path
of the key. It is for people: where a file spells a key in an unusual way, no line is given.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final

from troth.errors import UsageError

__all__ = ["Path", "line_of", "parse_toml", "spell"]

Path = Sequence[str | int]
"""Names of tables and keys, and the index of an element behind the name of an array."""

# No two parts that can match the same text stand side by side, so that a line costs linear time.
_HEADER: Final = re.compile(r"[ \t]*+(?P<open>\[\[?)(?P<name>[^\[\]]*+)\]\]?[ \t]*+(#.*)?")
_KEY: Final = re.compile(r"[ \t]*+(?P<name>[A-Za-z0-9_\"'-]++)[ \t]*+(=|\.)")
_MOST_DOTS: Final = 256  # in one line: the library takes quadratic time for a key of many parts


def parse_toml(data: bytes, name: str, code: str, *, max_bytes: int) -> tuple[dict[str, Any], str]:
    """Return the document of a TOML text, and the text for `line_of`.

    Args:
        data: UTF-8.
        name: what to call it in errors, such as the file's name.
        code: the code of an error, of the class UsageError.
        max_bytes: limit on `data`.

    Raises:
        UsageError: `code`; the text is too large, not UTF-8, not TOML, or nested without end.
    """
    if len(data) > max_bytes:
        raise UsageError(code, f"{name}: more than {max_bytes} bytes")
    try:
        text = data.decode("utf-8")
        if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            raise UsageError(code, f"{name}: a line with more than {_MOST_DOTS} dots")
        return tomllib.loads(text), text
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(code, f"{name}: {error}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise UsageError(code, f"{name}: a number of too many digits") from None
    except RecursionError:
        raise UsageError(code, f"{name}: nested too deeply") from None


def line_of(text: str, path: Path) -> str:
    """Return ` (line N)` of a key or table header, or nothing where it cannot be found.

    Args:
        text: the whole TOML text.
        path: such as `("tdx", "debug")`, or `("namespace", 1, "label")` for the second
            `[[namespace]]`.
    """
    wanted = tuple(path)
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header:
            table = _table(header["name"].strip(), counts, is_element=header["open"] == "[[")
            found = table
        else:
            key = _KEY.match(line)
            found = (*table, key["name"].strip("\"'")) if key else ()
        if found and found == wanted:
            return f" (line {number})"
    return ""


def spell(path: Path) -> str:
    """Return a path as people write it: `namespace[1].label`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def _table(
    name: str, counts: dict[tuple[str | int, ...], int], *, is_element: bool
) -> tuple[str | int, ...]:
    """Return the path of a header; an array's name stands for its last element so far."""
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    path: tuple[str | int, ...] = ()
    for at, part in enumerate(parts, 1):
        path = (*path, part)
        if is_element and at == len(parts):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
