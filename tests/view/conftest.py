# SPDX-License-Identifier: Apache-2.0
"""Views that the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.snp import world
from tests.tdx import AT
from tests.view.mounting import Mounted, scripted_view, tdx_view
from troth.tsm.emulated import cca, cove, snp
from troth.tsm.emulated.snp import SoftwareSnp
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


@pytest.fixture(scope="session")
def tees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a software TEE of each kind, and `svsm`, an SNP under an SVSM."""
    folder = tmp_path_factory.mktemp("tees")
    create_in(folder / "tdx", SoftwareTdx.create(at=AT))
    for name, settings in (("snp", snp.Settings()), ("svsm", snp.Settings.under_svsm())):
        made = SoftwareSnp.create(settings, at=world.AT, keys=world.keys())
        snp.create_in(folder / name, made)
    cca.create_in(folder / "cca", cca.SoftwareCca.create(at=AT))
    cove.create_in(folder / "cove", cove.SoftwareCove.create(at=AT))
    return folder
