# SPDX-License-Identifier: Apache-2.0
"""configfs-tsm with a realm or a TVM behind it: tokens, and nothing that they would not heed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.refusals import refused
from tests.tsm.standin import (
    AT,
    BASE,
    LEVELS,
    SERVICES,
    SYSFS,
    Blobs,
    ConfigfsFiles,
    FakeClock,
)
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import CCA, COVE, ServiceRequest, glance
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import SoftwareCove

REPORT_DATA: Final = bytes(range(64))


class Tokens:
    """A TSM that makes tokens, as its driver in the kernel shows it."""

    floor = 0

    def __init__(self, name: str) -> None:
        self.name = name
        # arm_cca_guest hides no attribute, and what is written to the others comes to nothing.
        self.attributes = BASE | LEVELS | SERVICES if name == CCA else BASE
        self.tee = SoftwareCca.create(at=AT) if name == CCA else SoftwareCove.create(at=AT)

    def make(self, written: dict[str, bytes]) -> Blobs:
        return Blobs(outblob=self.tee.token(written["inblob"]))


@pytest.fixture(params=[CCA, COVE])
def files(request: pytest.FixtureRequest) -> ConfigfsFiles:
    return ConfigfsFiles(Tokens(request.param))


def driver(files: ConfigfsFiles, **options: Any) -> ConfigfsDriver:
    return ConfigfsDriver(SYSFS, Options(**options), files=files, clock=FakeClock())


def test_a_token_is_over_what_was_asked_and_nothing_else_is_written(files: ConfigfsFiles) -> None:
    assert files.provider is not None
    report = driver(files).report(REPORT_DATA)
    assert report.provider == files.provider.name
    assert glance(report).report_data == REPORT_DATA
    assert (report.auxblob, report.manifestblob, report.service_provider) == (None, None, None)
    assert [name for operation, name in files.calls if operation == "write"] == ["inblob"]
    assert files.count("read", "auxblob") == 0
    assert files.items == {}


@pytest.mark.parametrize("wanted", [{"privlevel": 0}, {"service": ServiceRequest()}])
def test_what_the_tsm_would_not_heed_is_refused(
    files: ConfigfsFiles, wanted: dict[str, Any]
) -> None:
    with refused("tsm.argument"):
        driver(files).report(REPORT_DATA, **wanted)
    with refused("tsm.argument"):
        driver(files, **wanted).report(REPORT_DATA)
    assert files.reports_made == 0


def test_linux_has_no_call_that_extends_its_registers(files: ConfigfsFiles) -> None:
    one = driver(files)
    calls: tuple[Callable[[], object], ...] = (
        one.registers,
        one.register_hash,
        lambda: one.extend(3, bytes(48)),
    )
    for call in calls:
        with refused("tsm.no-registers"):
            call()
    assert any(map(len, glance(one.report(REPORT_DATA)).registers))  # the token shows them
