# SPDX-License-Identifier: Apache-2.0
"""The FUSE view against what a real kernel answered to the same script, line by line.

`kernel-6.12.jsonl` was recorded from Debian's kernel with the test provider behind it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.conformance.bench import ROWS
from tests.conformance.differences import DIFFERENCES, KERNEL_ONLY
from tests.conformance.operations import main
from tests.view.mounting import Mounted, needs_fuse, scripted_view

# The rows fork, as their processes on a kernel do; newer Pythons warn of that among threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")

RECORDING: Final = Path(__file__).with_name("kernel-6.12.jsonl")
Lines = dict[str, object]


@cache
def recorded() -> dict[str, Lines]:
    """Return what the kernel answered: row to operation to result."""
    rows: dict[str, Lines] = {}
    for line in RECORDING.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        rows.setdefault(told["row"], {})[told["operation"]] = told["result"]
    return rows


@pytest.fixture(scope="module")
def view() -> Iterator[Mounted]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # other users take part
        with scripted_view(folder, "6.12") as mounted:
            yield mounted


def answered(view: Mounted, row: str) -> Lines:
    """Run one row on the view."""
    out = io.StringIO()
    main([str(view.root), f"unix:{view.socket}", row], out)
    lines = map(json.loads, out.getvalue().splitlines())
    return {told["operation"]: told["result"] for told in lines}


def test_the_recording_has_every_row() -> None:
    assert list(recorded()) == [name for name, _ in ROWS]


def test_every_difference_is_of_a_recorded_operation() -> None:
    assert all(operation in recorded()[row] for row, operation in DIFFERENCES)
    assert set(KERNEL_ONLY) <= set(recorded())


@needs_fuse
@pytest.mark.parametrize("row", [name for name, _ in ROWS if name not in KERNEL_ONLY])
def test_row(view: Mounted, row: str) -> None:
    got = answered(view, row)
    kernel = recorded()[row]
    assert list(got) == list(kernel)
    same = [operation for operation in kernel if (row, operation) not in DIFFERENCES]
    assert {one: got[one] for one in same} == {one: kernel[one] for one in same}


@needs_fuse
@pytest.mark.parametrize(
    ("row", "operation"),
    [
        pytest.param(row, operation, marks=pytest.mark.xfail(strict=True, reason=reason))
        for (row, operation), reason in DIFFERENCES.items()
    ],
)
def test_fuse_cannot(view: Mounted, row: str, operation: str) -> None:
    assert answered(view, row)[operation] == recorded()[row][operation]
