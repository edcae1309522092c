# SPDX-License-Identifier: Apache-2.0
"""Views that the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tdx import AT
from tests.view.mounting import Mounted, scripted_view, tdx_view
from troth.tsm.emulated.tdx import SoftwareTdx, create_in


@pytest.fixture(scope="module")
def tee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tee") / "td"
    create_in(folder, SoftwareTdx.create(at=AT))
    return folder


@pytest.fixture(scope="module")
def tdx(tee: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    with tdx_view(tmp_path_factory.mktemp("view"), tee) as view:
        yield view


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mounted]:
    with scripted_view(tmp_path_factory.mktemp("view")) as view:
        yield view
