# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of `troth verify --json`, from the type that the program prints.

Run as `python -m tools.judgement_schema` to see it, with `--write` to publish it in the docs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from troth.policy.judgement import Judgement

PUBLISHED: Final = (
    Path(__file__).resolve().parent.parent / "docs" / "reference" / "judgement.schema.json"
)


def schema() -> dict[str, Any]:
    """Return the schema, JSON Schema 2020-12.

    It is open: a later version of troth may add members, and a reader passes over those that it
    does not know.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "troth judgement",
        **msgspec.json.schema(Judgement),
    }


def text() -> str:
    """Return the schema as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Print the schema, or with `--write` publish it."""
    if "--write" in arguments:
        PUBLISHED.write_text(text(), encoding="utf-8")
    else:
        print(text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
