# SPDX-License-Identifier: Apache-2.0
"""TCB levels: which one matches, and what parts make of the whole."""

from __future__ import annotations

import json
from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.tdx import AT
from troth.endorse.intel import QeIdentity, TcbInfo
from troth.endorse.intel.fields import MODULE_STATUSES, PLATFORM_STATUSES, QE_STATUSES
from troth.errors import UntrustedError
from troth.tsm.emulated.tdx import Settings
from troth.tsm.emulated.tdx.documents import qe_identity, tcb_info
from troth.verify.intel import tcb
from troth.verify.intel.tcb import converge, module_level, platform_level, qe_level

SETTINGS: Final = Settings()
INFO: Final = TcbInfo.parse(json.dumps(tcb_info(SETTINGS, AT)).encode())
IDENTITY: Final = QeIdentity.parse(json.dumps(qe_identity(SETTINGS, AT)).encode())
COMPONENTS: Final = SETTINGS.platform.components
PCE_SVN: Final = SETTINGS.platform.pce_svn
SVN: Final = bytes.fromhex(SETTINGS.module.tee_tcb_svn)  # 0b 01 04 …: module version 1


def lowered(index: int, by: int = 1) -> tuple[int, ...]:
    return tuple(one - by * (at == index) for at, one in enumerate(COMPONENTS))


def svn(*first: int) -> bytes:
    return bytes(first).ljust(16, b"\0")


def index_of(components: tuple[int, ...], pce_svn: int, tee_tcb_svn: bytes | None) -> int:
    """Return which level matches, the highest being 0; none is lower than all."""
    try:
        return INFO.levels.index(platform_level(INFO, components, pce_svn, tee_tcb_svn))
    except UntrustedError as error:
        if error.code != "tcb.no-level":
            raise
        return len(INFO.levels)


def test_the_first_level_that_is_reached_counts() -> None:
    assert index_of(COMPONENTS, PCE_SVN, SVN) == 0
    assert index_of((255,) * 16, 65535, b"\xff" * 16) == 0


@pytest.mark.parametrize("index", [one for one in range(16) if INFO.levels[0].sgx[one]])
def test_every_component_counts(index: int) -> None:
    level = INFO.levels[0]
    exact = level.sgx
    assert index_of(exact, PCE_SVN, SVN) == 0
    low = tuple(one - (at == index) for at, one in enumerate(exact))
    assert index_of(low, PCE_SVN, SVN) > 0


def test_the_pce_svn_counts() -> None:
    assert index_of(COMPONENTS, 11, SVN) == 0
    assert index_of(COMPONENTS, 10, SVN) == 2
    with refused("tcb.no-level"):
        platform_level(INFO, COMPONENTS, 4, SVN)


@pytest.mark.parametrize(
    ("tee_tcb_svn", "level"),
    [
        (svn(11, 1, 4), 0),
        (svn(0, 1, 4), 0),
        (svn(11, 1, 3), 1),
        (svn(255, 255, 2), 2),
        (svn(5, 0, 4), 0),
        (svn(6, 0, 3), 1),
    ],
    ids=lambda one: one.hex()[:6] if isinstance(one, bytes) else str(one),
)
def test_the_modules_own_bytes_count_only_in_version_0(tee_tcb_svn: bytes, level: int) -> None:
    assert index_of(COMPONENTS, PCE_SVN, tee_tcb_svn) == level


@pytest.mark.parametrize("tee_tcb_svn", [svn(4, 0, 4), svn(0, 0, 4), svn(11, 1, 1)])
def test_no_level_is_another_thing_than_out_of_date(tee_tcb_svn: bytes) -> None:
    with refused("tcb.no-level"):
        platform_level(INFO, COMPONENTS, PCE_SVN, tee_tcb_svn)


def test_sgx_does_not_look_at_tdx_components() -> None:
    assert index_of(COMPONENTS, PCE_SVN, None) == 0


@pytest.mark.parametrize("components", [COMPONENTS[:15], (*COMPONENTS, 0), ()])
def test_lists_of_another_length_never_match(components: tuple[int, ...]) -> None:
    # A comparison that stops at the shorter list would match everything.
    with pytest.raises(ValueError, match="argument 2 is"):
        platform_level(INFO, components, PCE_SVN, SVN)


def test_a_module_is_known_by_its_version() -> None:
    assert tcb.module_identity(INFO, svn(9, 1)).identifier == "TDX_01"
    assert tcb.module_identity(INFO, svn(9, 3)).identifier == "TDX_03"
    assert tcb.module_identity(INFO, svn(9, 0)) is INFO.module
    for version in (2, 4, 255):
        with refused("tdx.module-unknown", f"TDX_{version:02X}"):
            tcb.module_identity(INFO, svn(9, version))


def test_version_0_without_a_module_is_unknown() -> None:
    document = tcb_info(SETTINGS, AT)
    del document["tdxModule"]
    info = TcbInfo.parse(json.dumps(document).encode())
    with refused("tdx.module-unknown", "no tdxModule"):
        tcb.module_identity(info, svn(9, 0))


def test_a_module_level_is_the_first_that_is_reached() -> None:
    module = tcb.module_identity(INFO, SVN)
    statuses = {}
    for number in (6, 10, 11, 255):
        level = module_level(module, number)
        assert level is not None
        statuses[number] = level.status
    assert statuses == {6: "OutOfDate", 10: "OutOfDate", 11: "UpToDate", 255: "UpToDate"}
    with refused("tcb.no-module-level", "ISVSVN 5"):
        module_level(module, 5)
    assert INFO.module is not None
    assert module_level(INFO.module, 0) is None


def test_a_qe_level_is_the_first_that_is_reached() -> None:
    assert [qe_level(IDENTITY, number).isv_svn for number in (4, 6, 7, 65535)] == [4, 4, 7, 7]
    with refused("tcb.no-qe-level", "ISVSVN 3"):
        qe_level(IDENTITY, 3)


# --- what becomes of the parts --------------------------------------------------------------------

OUT_OF_DATE: Final = {
    "UpToDate": "OutOfDate",
    "SWHardeningNeeded": "OutOfDate",
    "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
    "OutOfDate": "OutOfDate",
    "OutOfDateConfigurationNeeded": "OutOfDateConfigurationNeeded",
    "Revoked": "Revoked",
}


@pytest.mark.parametrize(
    ("platform", "module", "qe"),
    [*product(sorted(PLATFORM_STATUSES), sorted(MODULE_STATUSES), sorted(QE_STATUSES))],
)
def test_the_table_of_convergence(platform: str, module: str, qe: str) -> None:
    parts = {module, qe}
    if "Revoked" in parts:
        due = "Revoked"
    elif parts & {"OutOfDate", "OutOfDateConfigurationNeeded"}:
        due = OUT_OF_DATE[platform]
    else:
        due = platform
    assert converge(platform, [module, qe]) == due
    assert converge(platform, [qe, module]) == due


@pytest.mark.parametrize("platform", sorted(PLATFORM_STATUSES))
def test_a_part_that_is_up_to_date_never_raises_the_platform(platform: str) -> None:
    assert converge(platform, ["UpToDate", "UpToDate"]) == platform
    assert converge(platform, []) == platform


GOOD: Final = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
)
BEHIND: Final = ("OutOfDate", "OutOfDateConfigurationNeeded")


@pytest.mark.parametrize(
    ("launch", "current"), [*product(sorted(PLATFORM_STATUSES), sorted(PLATFORM_STATUSES))]
)
def test_the_table_of_relaunch(launch: str, current: str) -> None:
    outcome = tcb.TcbOutcome(judged(launch), judged(current), 20)
    if current == "Revoked":
        due = "Revoked"
    elif launch in BEHIND and current in GOOD:
        configuration = "Configuration" in launch or "Configuration" in current
        due = "TDRelaunchAdvisedConfigurationNeeded" if configuration else "TDRelaunchAdvised"
    else:
        due = launch
    assert outcome.status == due


def judged(status: str, *advisories: str) -> tcb.Judged:
    level = INFO.levels[0]
    module = module_level(tcb.module_identity(INFO, SVN), SVN[0])
    return tcb.Judged(
        status,
        type(level)(level.sgx, level.pce_svn, level.tdx, level.date, status, advisories),
        module,
        qe_level(IDENTITY, 7),
    )


def test_without_a_second_look_the_launch_stands() -> None:
    outcome = tcb.TcbOutcome(judged("OutOfDate"), None, 20)
    assert outcome.status == "OutOfDate"
    assert outcome.date == outcome.launch.date


def test_advisories_of_both_looks_each_once() -> None:
    outcome = tcb.TcbOutcome(judged("OutOfDate", "B", "A"), judged("UpToDate", "A", "C"), 20)
    assert outcome.advisories == ("B", "A", "C")
    assert tcb.TcbOutcome(judged("OutOfDate", "B"), None, 20).advisories == ("B",)


def test_the_date_is_the_earliest_of_the_parts() -> None:
    old_module = module_level(tcb.module_identity(INFO, SVN), 6)
    assert old_module is not None
    level, qe = INFO.levels[0], qe_level(IDENTITY, 7)
    assert tcb.Judged("x", level, old_module, qe).date == old_module.date < level.date
    assert tcb.Judged("x", level, None, qe).date == min(level.date, qe.date)
    assert tcb.Judged("x", level, None, qe_level(IDENTITY, 4)).date == old_module.date


@given(
    st.tuples(*[st.integers(0, 8)] * 16),
    st.integers(0, 16),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 17),
)
def test_more_of_anything_never_lowers_the_level(
    components: tuple[int, ...], pce_svn: int, tee_tcb_svn: bytes, raised: int
) -> None:
    before = index_of(components, pce_svn, tee_tcb_svn)
    more = tuple(one + (at == raised) for at, one in enumerate(components))
    after = index_of(more, pce_svn + (raised == 16), tee_tcb_svn)
    assert after <= before
