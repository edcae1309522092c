# SPDX-License-Identifier: Apache-2.0
"""Write the table of docs/figures.md from the results of the last run: `python -m benchmarks.page`.

The words around the table are a person's; whoever writes new figures reads them again.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

from benchmarks.run import HERE, RESULTS

__all__ = ["table"]

PAGE: Final = HERE.parent / "docs" / "figures.md"
_BETWEEN: Final = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)


def main() -> int:
    """Exchange what stands between the marks."""
    document = json.loads(RESULTS.read_text())
    text, count = _BETWEEN.subn(
        lambda found: f"{found[1]}{table(document)}{found[2]}", PAGE.read_text()
    )
    if count != 1:
        raise SystemExit(f"{PAGE.name} has no place for the figures")
    PAGE.write_text(text)
    return 0


def table(document: dict[str, Any]) -> str:
    """Return the machine in a sentence, and a row for each contender of each case."""
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    measured_on = (
        f"{machine['cores']} cores, {machine['architecture']}, Python {machine['python']}, "
        f"{machine['date']}, load {machine['load']}; {versions}."
    )
    lines = [
        measured_on,
        "",
        "| Case | Against | troth, µs | it, µs | times its rate | of fastest rounds | bar | met |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [row for result in document["results"] for row in rows(result)]
    return "\n".join(lines) + "\n"


def rows(result: dict[str, Any]) -> list[str]:
    """Return the rows of a case: one for each other contender, or the one that has none."""
    ours = result["measured"]["troth"]["microseconds"]
    found = []
    for name, ratio in result["ratios"].items():
        bar = result["bars"].get(name)
        cells = (
            result["case"],
            name,
            f"{ours:,.1f}",
            f"{result['measured'][name]['microseconds']:,.1f}",
            f"{ratio:.2f}",
            f"{result['ratios_of_fastest'][name]:.2f}",
            "" if bar is None else f"{bar:g}",
            "" if bar is None else ("yes" if ratio >= bar else "no"),
        )
        found.append(f"| {' | '.join(cells)} |")
    return found or [f"| {result['case']} | | {ours:,.1f} | | | | | |"]


if __name__ == "__main__":
    sys.exit(main())
