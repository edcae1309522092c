# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted, so no case passes for another reason."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative.table import SOUND, TEE, Accepted, Given, Table, on, quoted, settle
from troth.tsm.emulated.tdx.settings import Module
from troth.verify import AnyValue, WithoutCollateral

CASES: Final[Table] = {
    "v4": (Given, Accepted()),
    "v5-body-1-0": (lambda: quoted(version=5, body_version="1.0"), Accepted()),
    "v5-body-1-5": (lambda: quoted(version=5, body_version="1.5"), Accepted()),
    "processor-ca": (
        lambda: on(replace(SOUND, platform=replace(SOUND.platform, ca="processor"))),
        Accepted(),
    ),
    "module-version-0": (
        lambda: on(replace(SOUND, module=Module(tee_tcb_svn="05000400" + "00" * 12))),
        Accepted(),
    ),
    "module-version-3": (
        lambda: on(replace(SOUND, module=Module(tee_tcb_svn="05030400" + "00" * 12))),
        Accepted(),
    ),
    "any-report-data": (lambda: Given(report_data=AnyValue), Accepted()),
    "without-collateral": (
        lambda: Given(bundles=WithoutCollateral),
        Accepted(status="unknown", number=None),
    ),
    "several-bundles": (lambda: Given(bundles=(TEE.bundle(),) * 2), Accepted()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])
