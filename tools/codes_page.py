# SPDX-License-Identifier: Apache-2.0
"""The page of codes, made from `troth.errors.CODES` and from the tests that name each code.

Run as `python -m tools.codes_page` to see whether it is current, with `--write` to make it anew.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Final

from tools import house
from troth import errors

PAGE: Final = house.ROOT / "docs" / "reference" / "codes.md"

_HEAD: Final = """\
# Codes

<!-- Made by `python -m tools.codes_page --write` from troth.errors.CODES; do not edit. -->

Every outcome that is not a yes has a code. Codes are promises: match them, never text. A code
belongs to one class, which says who is at fault, and the class decides the exit status. An error
cannot be made with a code that is not in this table.

The last column names the test files in which a code is demanded. A code that no test demands
fails a test, as does one that nothing raises.
"""

_ROW: Final = re.compile(r"^\| `(?P<code>[^`]+)` \| .* \| (?P<files>[^|]*) \|$", re.MULTILINE)
_FILE: Final = re.compile(r"`([^`]+)`")

_CLASSES: Final = {
    "UsageError": "The command, or a file that it names, cannot be used as given.",
    "MalformedError": "The bytes do not follow the format, or follow one that is not supported.",
    "UntrustedError": "Well-formed, and it does not hold. Trying again does not help.",
    "StaleError": "Only time or missing collateral is in the way. Fresher input can help.",
    "DeniedError": "Genuine, and the policy says no.",
    "DriverError": "This machine failed; the peer is not to blame.",
}


def tests_of(root: Path) -> dict[str, list[str]]:
    """Return for each code the test files that name it, relative to `tests/`."""
    texts = {
        str(path.relative_to(root / "tests")): path.read_text(encoding="utf-8")
        for path in house.python_files(root, "tests")
    }
    return {
        code: [name for name, text in texts.items() if f'"{code}"' in text] for code in errors.CODES
    }


def stated(text: str) -> dict[str, list[str]]:
    """Return for each code the test files that a page names."""
    return {row["code"]: _FILE.findall(row["files"]) for row in _ROW.finditer(text)}


def current(text: str, tests: dict[str, list[str]]) -> bool:
    """Say whether a page is right: it may lag behind new tests, and name no wrong ones."""
    said = stated(text)
    still = {
        code: [one for one in said.get(code, []) if one in files] or files
        for code, files in tests.items()
    }
    return text == page(still)


def page(tests: dict[str, list[str]]) -> str:
    """Return the text of the page.

    Args:
        tests: the files that name each code.
    """
    parts = [_HEAD]
    for name, codes in groupby(sorted(errors.CODES, key=_order), key=_class):
        kind = getattr(errors, name)
        parts.append(f"\n## {name}\n\n{_CLASSES[name]} Verdict `{kind.verdict}`, exit status ")
        parts.append(
            f"{kind.exit_code}.\n\n| Code | Meaning | Demanded in |\n| --- | --- | --- |\n"
        )
        for code in codes:
            files = ", ".join(f"`{one}`" for one in sorted(tests[code])) or "-"
            parts.append(f"| `{code}` | {errors.CODES[code][1]} | {files} |\n")
    return "".join(parts)


def _class(code: str) -> str:
    return errors.CODES[code][0]


def _order(code: str) -> int:
    """Classes in the order of their exit status; codes stay in the order of the table."""
    return list(_CLASSES).index(_class(code))


def main(arguments: list[str]) -> int:
    """Compare, or with `--write` rewrite; return the exit status."""
    tests = tests_of(house.ROOT)
    if "--write" in arguments:
        PAGE.write_text(page(tests), encoding="utf-8")
    elif not current(PAGE.read_text(encoding="utf-8"), tests):
        print("docs/reference/codes.md is not current; run `python -m tools.codes_page --write`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
