# SPDX-License-Identifier: Apache-2.0
"""The software TDX as a provider of the model: what its troubles look like to callers."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from tests.tdx import AT
from tests.view.errnos import refused_with
from troth.errors import DriverError
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.tsm.emulated.view.device import Device
from troth.tsm.emulated.view.provider import KERNELS, Kernel, Request
from troth.tsm.emulated.view.tdx import TdxBank, TdxProvider, tdx_tree

REQUEST = Request(inblob=bytes(64))
NEW = KERNELS["7.3"]
OLD = KERNELS["6.12"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A TEE that a test may break."""
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    return tmp_path / "td"


@pytest.mark.parametrize("length", [1, 63])
def test_report_data_has_64_bytes(tee: Path, length: int) -> None:
    with refused_with(errno.EINVAL):
        TdxProvider(tee, NEW).report(Request(inblob=bytes(length)))


def test_a_tee_that_is_gone_is_an_error_of_the_device(own: Path) -> None:
    provider, bank = TdxProvider(own, NEW), TdxBank(own)
    shutil.rmtree(own)
    for call in (
        lambda: provider.report(REQUEST),
        lambda: bank.read("mrtd:sha384"),
        lambda: bank.extend(3, bytes(48)),
    ):
        with refused_with(errno.EIO):
            call()
    with pytest.raises(DriverError) as caught:
        tdx_tree(own, NEW)
    assert caught.value.code == "tsm.state"


def test_kernels_before_7_1_hide_the_failure_of_the_host_and_no_other() -> None:
    somewhere = Path("/nonexistent")
    assert TdxProvider(somewhere, OLD).report(REQUEST).outblob == b""
    with refused_with(errno.EIO):
        TdxProvider(somewhere, NEW).report(REQUEST)


@pytest.mark.parametrize("kernel", [NEW, OLD])
def test_busy_is_busy_everywhere(tee: Path, kernel: Kernel) -> None:
    with refused_with(errno.EBUSY):
        TdxProvider(tee, kernel, Device(fails_with=errno.EBUSY)).report(REQUEST)
