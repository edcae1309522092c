# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.running import Trothd
from tests.tdx import AT
from troth.tsm.emulated.tdx import SoftwareTdx, create_in

PAYMENTS = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "delegated", "extend", "log.read"]
model = "A1"
"""
REPORTS = """
[[namespace]]
label = "reports"
cgroup = "any"
capabilities = ["evidence"]
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Trothd]]:
    """Return a maker of trothds, which end with the test."""
    made: list[Trothd] = []

    def maker(namespaces: str = PAYMENTS + REPORTS, name: str = "t", **settings: Any) -> Trothd:
        one = Trothd(tmp_path / name, namespaces, **settings)
        made.append(one)
        return one

    yield maker
    for one in made:
        one.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trothd]:
    """Return one running trothd for tests that leave it as it was."""
    one = Trothd(tmp_path_factory.mktemp("trothd"), PAYMENTS + REPORTS).start()
    yield one
    one.kill()


@pytest.fixture
def tee(tmp_path: Path) -> tuple[Path, SoftwareTdx]:
    """Return a software TDX in a directory."""
    directory, made = tmp_path / "tee", SoftwareTdx.create(at=AT)
    create_in(directory, made)
    return directory, made
