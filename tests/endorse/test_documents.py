# SPDX-License-Identifier: Apache-2.0
"""TCB info and QE identity: what decides something is typed, bounded and demanded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.refusals import refused
from tests.tdx import AT
from troth.endorse.intel import QeIdentity, TcbInfo
from troth.endorse.intel.fields import DOCUMENT_MAX_BYTES
from troth.tsm.emulated.tdx import Settings
from troth.tsm.emulated.tdx.documents import Document, qe_identity, tcb_info

Change = Callable[[Document], object]


def info(change: Change = lambda one: one) -> TcbInfo:
    document = tcb_info(Settings(), AT)
    change(document)
    return TcbInfo.parse(json.dumps(document).encode())


def identity(change: Change = lambda one: one) -> QeIdentity:
    document = qe_identity(Settings(), AT)
    change(document)
    return QeIdentity.parse(json.dumps(document).encode())


def newest(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["tcbLevels"][0]
    return found


def module(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["tdxModuleIdentities"][0]
    return found


# --- TCB info -------------------------------------------------------------------------------------


def test_a_tcb_info_is_read() -> None:
    found = info()
    settings = Settings()
    assert (found.tee, found.fmspc.hex()) == ("TDX", settings.platform.fmspc)
    assert found.issue_date < AT < found.next_update
    assert [level.status for level in found.levels] == ["UpToDate", "OutOfDate", "OutOfDate"]
    assert found.levels[0].sgx == settings.tcb.levels[0].sgx
    assert found.levels[0].tdx == settings.tcb.levels[0].tdx
    assert found.levels[0].advisories == ()
    assert found.module is not None
    assert found.module.levels == ()
    assert {one.identifier for one in found.modules} == {"TDX_01", "TDX_03"}


def test_levels_are_in_descending_order_whatever_the_json_says() -> None:
    sound = info()
    assert info(lambda one: one["tcbLevels"].reverse()) == sound
    assert info(lambda one: module(one)["tcbLevels"].reverse()) == sound
    assert [level.isv_svn for level in sound.modules[0].levels] == [5, 3]


def test_what_is_new_is_passed_over() -> None:
    assert info(lambda one: one.update(something={"new": [1]})) == info()
    assert info(lambda one: newest(one)["tcb"].update(something="new")) == info()


def test_hex_is_of_either_case() -> None:
    def lower(document: Document) -> None:
        document["fmspc"] = document["fmspc"].lower()
        document["tdxModule"]["mrsigner"] = document["tdxModule"]["mrsigner"].lower()

    assert info(lower) == info()


def test_sgx_levels_have_no_tdx_components() -> None:
    def sgx(document: Document) -> None:
        document.update(id="SGX")
        for level in document["tcbLevels"]:
            level["tcb"].pop("tdxtcbcomponents")
        for name in ("tdxModule", "tdxModuleIdentities"):
            document.pop(name)

    found = info(sgx)
    assert (found.tee, found.module, found.modules) == ("SGX", None, ())
    assert {level.tdx for level in found.levels} == {()}


INFO: Final[dict[str, tuple[Change, str]]] = {
    "id": (lambda one: one.update(id="TDX2"), "json.type"),
    "version-2": (lambda one: one.update(version=2), "unsupported.version"),
    "version-4": (lambda one: one.update(version=4), "unsupported.version"),
    "version-2-without-id": (
        lambda one: [one.pop("id"), one.update(version=2)],
        "unsupported.version",
    ),
    "version-absent": (lambda one: one.pop("version"), "json.type"),
    "version-text": (lambda one: one.update(version="3"), "json.type"),
    "version-true": (lambda one: one.update(version=True), "json.type"),
    "tcb-type-1": (lambda one: one.update(tcbType=1), "collateral.tcb-type"),
    "tcb-type-absent": (lambda one: one.pop("tcbType"), "json.type"),
    "date": (lambda one: one.update(issueDate="2026-11-01"), "wire.time"),
    "no-date": (lambda one: one.pop("nextUpdate"), "json.type"),
    "fmspc": (lambda one: one.update(fmspc="00" * 5), "wire.hex"),
    "pce-id": (lambda one: one.update(pceId="00" * 3), "wire.hex"),
    "number-negative": (lambda one: one.update(tcbEvaluationDataNumber=-1), "json.type"),
    "number-huge": (lambda one: one.update(tcbEvaluationDataNumber=65536), "json.type"),
    "number-float": (lambda one: one.update(tcbEvaluationDataNumber=20.0), "json.number"),
    "no-levels": (lambda one: one.update(tcbLevels=[]), "collateral.levels"),
    "levels-absent": (lambda one: one.pop("tcbLevels"), "json.type"),
    "level-twice": (lambda one: one["tcbLevels"].append(newest(one)), "collateral.levels"),
    "status": (lambda one: newest(one).update(tcbStatus="Uptodate"), "tcb.status-word"),
    "status-relaunch": (
        lambda one: newest(one).update(tcbStatus="TDRelaunchAdvised"),
        "tcb.status-word",
    ),
    "status-absent": (lambda one: newest(one).pop("tcbStatus"), "json.type"),
    "level-date": (lambda one: newest(one).update(tcbDate=""), "wire.time"),
    "advisories": (lambda one: newest(one).update(advisoryIDs=["A"] * 1025), "json.type"),
    "advisory": (lambda one: newest(one).update(advisoryIDs=[1]), "json.type"),
    "pce-svn": (lambda one: newest(one)["tcb"].update(pcesvn=65536), "json.type"),
    "component-256": (
        lambda one: newest(one)["tcb"]["sgxtcbcomponents"][0].update(svn=256),
        "json.type",
    ),
    "component-negative": (
        lambda one: newest(one)["tcb"]["tdxtcbcomponents"][0].update(svn=-1),
        "json.type",
    ),
    "component-absent": (
        lambda one: newest(one)["tcb"]["sgxtcbcomponents"][0].pop("svn"),
        "json.type",
    ),
    "sgx-15": (
        lambda one: newest(one)["tcb"]["sgxtcbcomponents"].pop(),
        "collateral.components",
    ),
    "sgx-17": (
        lambda one: newest(one)["tcb"]["sgxtcbcomponents"].append({"svn": 0}),
        "collateral.components",
    ),
    "sgx-0": (
        lambda one: newest(one)["tcb"].update(sgxtcbcomponents=[]),
        "collateral.components",
    ),
    "sgx-absent": (lambda one: newest(one)["tcb"].pop("sgxtcbcomponents"), "json.type"),
    "tdx-absent": (
        lambda one: newest(one)["tcb"].pop("tdxtcbcomponents"),
        "collateral.components",
    ),
    "tdx-15": (
        lambda one: newest(one)["tcb"]["tdxtcbcomponents"].pop(),
        "collateral.components",
    ),
    "module-signer": (lambda one: module(one).update(mrsigner="00" * 47), "wire.hex"),
    "module-attributes": (lambda one: module(one).update(attributes="00" * 9), "wire.hex"),
    "module-mask": (lambda one: module(one).pop("attributesMask"), "json.type"),
    "module-no-levels": (lambda one: module(one).update(tcbLevels=[]), "collateral.levels"),
    "module-level-twice": (
        lambda one: module(one)["tcbLevels"].append(newest(module(one))),
        "collateral.levels",
    ),
    "module-status": (
        lambda one: newest(module(one)).update(tcbStatus="SWHardeningNeeded"),
        "tcb.status-word",
    ),
    "module-svn": (lambda one: newest(module(one))["tcb"].update(isvsvn=65536), "json.type"),
    "module-twice": (
        lambda one: one["tdxModuleIdentities"].append(module(one)),
        "collateral.levels",
    ),
    "module-twice-by-case": (
        lambda one: one["tdxModuleIdentities"].append(
            module(one) | {"id": module(one)["id"].lower()}
        ),
        "collateral.levels",
    ),
    "module-0-signer": (lambda one: one["tdxModule"].update(mrsigner=""), "wire.hex"),
}


@pytest.mark.parametrize("name", INFO)
def test_a_tcb_info_is_refused(name: str) -> None:
    change, code = INFO[name]
    with refused(code):
        info(change)


# --- QE identity ----------------------------------------------------------------------------------


def test_a_qe_identity_is_read() -> None:
    found = identity()
    assert (found.identifier, found.evaluation_number) == ("TD_QE", 20)
    assert [level.isv_svn for level in found.levels] == [7, 4]
    assert found.misc_select_mask == 0xFFFFFFFF
    assert found.attributes_mask.hex() == "fb" + "ff" * 7 + "00" * 8
    assert identity(lambda one: one["tcbLevels"].reverse()) == found


def test_miscselect_is_a_big_endian_integer() -> None:
    assert identity(lambda one: one.update(miscselect="00000001")).misc_select == 1


IDENTITY: Final[dict[str, tuple[Change, str]]] = {
    "id-absent": (lambda one: one.pop("id"), "json.type"),
    "version-1": (lambda one: one.update(version=1), "unsupported.version"),
    "version-3": (lambda one: one.update(version=3), "unsupported.version"),
    "date": (lambda one: one.update(nextUpdate="soon"), "wire.time"),
    "number": (lambda one: one.pop("tcbEvaluationDataNumber"), "json.type"),
    "misc-select": (lambda one: one.update(miscselect="00"), "wire.hex"),
    "misc-select-mask": (lambda one: one.update(miscselectMask="00" * 5), "wire.hex"),
    "attributes": (lambda one: one.update(attributes="00" * 15), "wire.hex"),
    "attributes-mask": (lambda one: one.update(attributesMask=""), "wire.hex"),
    "mr-signer": (lambda one: one.update(mrsigner="00" * 33), "wire.hex"),
    "isv-prod-id": (lambda one: one.update(isvprodid=65536), "json.type"),
    "no-levels": (lambda one: one.update(tcbLevels=[]), "collateral.levels"),
    "level-twice": (lambda one: one["tcbLevels"].append(newest(one)), "collateral.levels"),
    "level-svn": (lambda one: newest(one)["tcb"].update(isvsvn=-1), "json.type"),
    "level-date": (lambda one: newest(one).update(tcbDate="2026"), "wire.time"),
    "status": (lambda one: newest(one).update(tcbStatus="Good"), "tcb.status-word"),
    "status-hardening": (
        lambda one: newest(one).update(tcbStatus="SWHardeningNeeded"),
        "tcb.status-word",
    ),
}


@pytest.mark.parametrize("name", IDENTITY)
def test_a_qe_identity_is_refused(name: str) -> None:
    change, code = IDENTITY[name]
    with refused(code):
        identity(change)


@pytest.mark.parametrize("kind", [TcbInfo, QeIdentity])
def test_a_document_that_is_too_large(kind: type[TcbInfo | QeIdentity]) -> None:
    with refused("json.too-large"):
        kind.parse(b" " * (DOCUMENT_MAX_BYTES + 1))
