# SPDX-License-Identifier: Apache-2.0
"""TCB: which level matches, what the parts make of the whole, and relaunch.

The three tables at the top are written down from Intel's rules and not computed: they are what
`troth.verify.intel.tcb` must agree with.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    SOUND,
    TEE,
    Accepted,
    Case,
    Change,
    Due,
    Given,
    Table,
    body,
    enclave,
    info,
    judged,
    levels,
    modules,
    newest,
    on,
    settle,
)
from tests.tdx import AT, REPORT_DATA
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.tsm.emulated.tdx.documents import Document
from troth.tsm.emulated.tdx.settings import Module, Platform

# Platform status: what it becomes where a part is out of date, and where none is.
CONVERGED: Final = {
    "UpToDate": ("OutOfDate", "UpToDate"),
    "SWHardeningNeeded": ("OutOfDate", "SWHardeningNeeded"),
    "ConfigurationNeeded": ("OutOfDateConfigurationNeeded", "ConfigurationNeeded"),
    "ConfigurationAndSWHardeningNeeded": (
        "OutOfDateConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
    ),
    "OutOfDate": ("OutOfDate", "OutOfDate"),
    "OutOfDateConfigurationNeeded": (
        "OutOfDateConfigurationNeeded",
        "OutOfDateConfigurationNeeded",
    ),
    "Revoked": ("Revoked", "Revoked"),
}
# Statuses of a part, and whether they drag the platform down.
MODULE: Final = {"UpToDate": False, "OutOfDate": True, "Revoked": True}
QE: Final = {
    "UpToDate": False,
    "ConfigurationNeeded": False,
    "OutOfDate": True,
    "OutOfDateConfigurationNeeded": True,
    "Revoked": True,
}
# As launched and as now, where a relaunch is advised. In all other pairs the first stands.
RELAUNCH: Final = {
    ("OutOfDate", "UpToDate"): "TDRelaunchAdvised",
    ("OutOfDate", "SWHardeningNeeded"): "TDRelaunchAdvised",
    ("OutOfDate", "ConfigurationNeeded"): "TDRelaunchAdvisedConfigurationNeeded",
    ("OutOfDate", "ConfigurationAndSWHardeningNeeded"): "TDRelaunchAdvisedConfigurationNeeded",
    ("OutOfDateConfigurationNeeded", "UpToDate"): "TDRelaunchAdvisedConfigurationNeeded",
    ("OutOfDateConfigurationNeeded", "SWHardeningNeeded"): "TDRelaunchAdvisedConfigurationNeeded",
    ("OutOfDateConfigurationNeeded", "ConfigurationNeeded"): "TDRelaunchAdvisedConfigurationNeeded",
    (
        "OutOfDateConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
    ): "TDRelaunchAdvisedConfigurationNeeded",
}

REST: Final = "00" * 12
SA: Final = "EMULATED-SA-{:05}".format  # 1, 2, 3: platform, module, QE; the rest by level


def convergence(platform: str, module: str, qe: str) -> Case:
    """One row of the matrix, every part with an advisory of its own unless it is up to date."""
    given = partial(endorsed_with, platform, module, qe)
    if "Revoked" in (platform, module, qe):
        return given, "tcb.revoked"
    behind, current = CONVERGED[platform]
    status = behind if MODULE[module] or QE[qe] else current
    parts = ((platform, 1), (qe, 3), (module, 2))
    return given, Accepted(status, tuple(SA(n) for word, n in parts if word != "UpToDate"))


def endorsed_with(platform: str, module: str, qe: str) -> Given:
    """The sound quote, and the collateral of a TEE of these statuses under the same keys."""
    settings = replace(
        TEE.settings, tcb=SOUND.tcb.with_status(platform=platform, module=module, qe=qe)
    )
    other = SoftwareTdx(settings, AT, TEE.pki, TEE.secret)
    return Given(bundles=(other.bundle(),))


def module(**fields: Change) -> Given:
    """A platform with another module; in format 5, so that the current SVNs are in the report."""
    return on(with_module(**fields), version=5)


def with_module(**fields: Change) -> Settings:
    return replace(SOUND, module=Module(**fields))


def launched(launch: str, now: str) -> Given:
    """A TD launched at the second level, on a platform that is at the first level now."""
    tee = SoftwareTdx.create(with_module(tee_tcb_svn="0b010300" + REST), at=AT)

    def change(document: Document) -> None:
        for level, status in zip(levels(document), (now, launch), strict=False):
            level.update(tcbStatus=status, advisoryIDs=[])

    bundle = tee.collateral(tcb_info=change).json()
    return Given(tee=tee, quote=tee.quote(REPORT_DATA, version=5), bundles=(bundle,))


def relaunch(launch: str, now: str) -> Case:
    given = partial(launched, launch, now)
    if "Revoked" in (launch, now):
        return given, "tcb.revoked"
    return given, Accepted(RELAUNCH.get((launch, now), launch))


def raised(kind: str, index: int) -> Given:
    """The newest level demands one more of one component than the platform has."""

    def change(document: Document) -> None:
        newest(document)[f"{kind}tcbcomponents"][index]["svn"] += 1

    return info(change)


def raised_for_version_0(index: int) -> Given:
    """The same of a TDX component, where the module is of version 0."""
    tee = SoftwareTdx.create(with_module(tee_tcb_svn="05000400" + REST), at=AT)

    def change(document: Document) -> None:
        newest(document)["tdxtcbcomponents"][index]["svn"] += 1

    bundle = tee.collateral(tcb_info=change).json()
    return Given(tee=tee, quote=tee.quote(REPORT_DATA), bundles=(bundle,))


def platform(**fields: Change) -> Given:
    return on(replace(SOUND, platform=Platform(**fields)))


def identified(identifier: str, version: int = 10) -> Given:
    """A module of another version, and an identity that is called `identifier`."""
    tee = SoftwareTdx.create(with_module(tee_tcb_svn=f"0b{version:02x}0400" + REST), at=AT)
    bundle = tee.collateral(tcb_info=lambda one: modules(one)[1].update(id=identifier))
    return Given(tee=tee, quote=tee.quote(REPORT_DATA), bundles=(bundle.json(),))


def version_0_without(member: str) -> Given:
    tee = SoftwareTdx.create(with_module(tee_tcb_svn="05000400" + REST), at=AT)
    bundle = tee.collateral(tcb_info=lambda one: one.pop(member))
    return Given(tee=tee, quote=tee.quote(REPORT_DATA), bundles=(bundle.json(),))


def seam(signer: str, attributes: str, version: int = 1) -> Given:
    """What the identity says of the module's signer and attributes; the module has zeros."""
    tee = SoftwareTdx.create(with_module(tee_tcb_svn=f"0b{version:02x}0400" + REST), at=AT)

    def change(document: Document) -> None:
        one = modules(document)[1] if version else document["tdxModule"]
        one.update(mrsigner=signer, attributes=attributes)

    bundle = tee.collateral(tcb_info=change).json()
    return Given(tee=tee, quote=tee.quote(REPORT_DATA), bundles=(bundle,))


def agreeing_attributes() -> Given:
    """Module and identity agree on attributes that are not zero, which Intel refuses too."""
    given = seam("00" * 48, "0100000000000000")
    quote = given.tee.quote(
        REPORT_DATA, body=lambda one: replace(one, seam_attributes=b"\1" + bytes(7))
    )
    return dataclasses.replace(given, quote=quote)


def all_advise(document: Document) -> None:
    levels(document)[0].update(advisoryIDs=["A", "B"])
    levels(modules(document)[1])[0].update(advisoryIDs=["D", "A", "C"])


def union() -> Given:
    bundle = TEE.collateral(
        tcb_info=all_advise,
        qe_identity=lambda one: levels(one)[0].update(advisoryIDs=["C", "B"]),
    )
    return Given(bundles=(bundle.json(),))


SECOND_LEVEL: Final = Accepted("OutOfDate", (SA(11),))
LOWEST_LEVEL: Final = Accepted("OutOfDate", (SA(11), SA(12)))

MATRIX: Final[Table] = {
    f"platform-{one}-module-{part}-qe-{qe}": convergence(one, part, qe)
    for one in CONVERGED
    for part in MODULE
    for qe in QE
}

RELAUNCHES: Final[Table] = {
    f"launched-{launch}-now-{now}": relaunch(launch, now)
    for launch in CONVERGED
    for now in CONVERGED
}


def tdx_component(index: int) -> Due:
    """Where the module has a version, its identity judges the first two."""
    return Accepted() if index < 2 else SECOND_LEVEL


LEVELS: Final[Table] = {
    "pcesvn-low": (lambda: platform(pce_svn=10), LOWEST_LEVEL),
    "pcesvn-equal": (lambda: platform(pce_svn=11), Accepted()),
    "pcesvn-below-all": (lambda: platform(pce_svn=4), "tcb.no-level"),
    **{f"sgx-component-{n}-low": (partial(raised, "sgx", n), SECOND_LEVEL) for n in range(16)},
    **{f"tdx-component-{n}-low": (partial(raised, "tdx", n), tdx_component(n)) for n in range(16)},
    **{
        f"tdx-component-{n}-low-version-0": (partial(raised_for_version_0, n), SECOND_LEVEL)
        for n in (0, 1, 2, 15)
    },
    "tdx-component-2-of-the-quote-low": (
        lambda: on(with_module(tee_tcb_svn="0b010300" + REST)),
        SECOND_LEVEL,
    ),
    "sgx-component-below-all": (
        lambda: platform(components=(4, 1, 2, 2, 4, 1, 0, 5, *(0,) * 8)),
        "tcb.no-level",
    ),
    "tdx-component-below-all": (
        lambda: on(with_module(tee_tcb_svn="0b010100" + REST)),
        "tcb.no-level",
    ),
    "tdx-component-0-below-all-version-0": (
        lambda: on(with_module(tee_tcb_svn="04000400" + REST)),
        "tcb.no-level",
    ),
    "module-old": (
        lambda: on(with_module(tee_tcb_svn="0a010400" + REST)),
        Accepted("OutOfDate", (SA(21),)),
    ),
    "module-below-all": (
        lambda: on(with_module(tee_tcb_svn="05010400" + REST)),
        "tcb.no-module-level",
    ),
    "qe-old": (lambda: enclave(isv_svn=6), Accepted("OutOfDate", (SA(31),))),
    "qe-below-all": (lambda: enclave(isv_svn=3), "tcb.no-qe-level"),
    "levels-reversed-and-platform-low": (
        lambda: dataclasses.replace(
            (given := platform(pce_svn=10)),
            bundles=(given.tee.collateral(tcb_info=lambda one: levels(one).reverse()).json(),),
        ),
        LOWEST_LEVEL,
    ),
    "module-id-upper-case": (lambda: identified("TDX_0A"), Accepted()),
    "module-id-lower-case": (lambda: identified("tdx_0a"), Accepted()),
    "module-id-of-one-digit": (lambda: identified("TDX_A"), "tdx.module-unknown"),
    "module-id-in-decimal": (lambda: identified("TDX_10"), "tdx.module-unknown"),
    "module-id-with-a-tail": (lambda: identified("TDX_0A0"), "tdx.module-unknown"),
    "identities-absent": (
        lambda: info(lambda one: one.pop("tdxModuleIdentities")),
        "tdx.module-unknown",
    ),
    "identities-absent-version-0": (lambda: version_0_without("tdxModuleIdentities"), Accepted()),
    "tdx-module-absent-version-0": (lambda: version_0_without("tdxModule"), "tdx.module-unknown"),
    "mr-signer-seam": (
        lambda: on(with_module(mr_signer_seam="00" * 47 + "01")),
        "tdx.module-signer",
    ),
    "mr-signer-seam-of-the-identity": (
        lambda: seam("00" * 47 + "01", "00" * 8),
        "tdx.module-signer",
    ),
    "mr-signer-seam-version-0": (
        lambda: seam("00" * 47 + "01", "00" * 8, 0),
        "tdx.module-signer",
    ),
    "seam-attributes": (
        lambda: on(with_module(seam_attributes="00" * 7 + "01")),
        "tdx.module-attributes",
    ),
    "seam-attributes-of-the-identity": (
        lambda: seam("00" * 48, "00" * 7 + "01"),
        "tdx.module-attributes",
    ),
    "seam-attributes-agree-and-are-not-zero": (agreeing_attributes, "tdx.module-attributes"),
    "seam-attributes-version-0": (
        lambda: seam("00" * 48, "00" * 7 + "01", 0),
        "tdx.module-attributes",
    ),
    "mr-seam-is-policys-matter": (lambda: body(mr_seam=b"\1" * 48), Accepted()),
    # As it is now, in a report of version 1.5.
    "svn2-below-all": (lambda: module(tee_tcb_svn2="0b010100" + REST), "tcb.no-level"),
    "svn2-module-below-all": (
        lambda: module(tee_tcb_svn2="05010400" + REST),
        "tcb.no-module-level",
    ),
    "svn2-module-unknown": (lambda: module(tee_tcb_svn2="0b070400" + REST), "tdx.module-unknown"),
    "svn2-not-in-a-body-1-0": (
        lambda: on(with_module(tee_tcb_svn2="05010100" + REST)),
        Accepted(),
    ),
    "relaunch-by-module": (
        lambda: module(tee_tcb_svn="06010400" + REST),
        Accepted("TDRelaunchAdvised", (SA(21),)),
    ),
    "current-behind-launch": (
        lambda: module(tee_tcb_svn2="06010400" + REST),
        Accepted("UpToDate", (SA(21),)),
    ),
    "advisories-union": (union, Accepted("UpToDate", ("A", "B", "C", "D"))),
}

CASES: Final[Table] = {**MATRIX, **RELAUNCHES, **LEVELS}


@pytest.mark.parametrize("name", CASES)
def test_tcb(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("earliest", ["platform", "module", "qe"])
def test_the_date_is_the_earliest_of_the_parts(earliest: str) -> None:
    def date(part: str) -> str:
        return "2020-01-01T00:00:00Z" if part == earliest else "2025-08-13T00:00:00Z"

    def change(document: Document) -> None:
        levels(document)[0].update(tcbDate=date("platform"))
        levels(modules(document)[1])[0].update(tcbDate=date("module"))

    bundle = TEE.collateral(
        tcb_info=change, qe_identity=lambda one: levels(one)[0].update(tcbDate=date("qe"))
    )
    tcb = judged(Given(bundles=(bundle.json(),))).tcb
    assert tcb is not None
    assert tcb.date == datetime(2020, 1, 1, tzinfo=UTC)
