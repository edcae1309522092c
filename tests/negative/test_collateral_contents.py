# SPDX-License-Identifier: Apache-2.0
"""What collateral says: components, levels, words, numbers, which set is used, and its bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    BUNDLE,
    OTHER,
    PKI,
    SOUND,
    Accepted,
    Change,
    Given,
    Table,
    document,
    endorsed,
    identity,
    info,
    instant,
    levels,
    modules,
    newest,
    on,
    settle,
)
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.tsm.emulated.tdx.documents import Document
from troth.tsm.emulated.tdx.settings import Module


def numbered(number: int, status: str = "UpToDate", **fields: Change) -> Given:
    """A set of this evaluation number, in both documents."""

    def change(one: Document) -> None:
        one.update(tcbEvaluationDataNumber=number, **fields)
        if one["id"] == "TDX":
            levels(one)[0].update(tcbStatus=status)

    return endorsed(tcb_info=change, qe_identity=change)


def several(*sets: Given) -> Given:
    """The sound quote, and the collateral of all of these."""
    found: list[bytes] = []
    for one in sets:
        assert not isinstance(one.bundles, type)
        found.extend(one.bundles)
    return Given(bundles=tuple(found))


def outer(change: Callable[[bytes], bytes]) -> Given:
    return Given(bundles=(change(BUNDLE),))


COMPONENTS: Final[Table] = {
    f"{kind}-components-{name}": (
        partial(info, partial(edit, f"{kind}tcbcomponents")),
        "collateral.components",
    )
    for kind in ("sgx", "tdx")
    for name, edit in {
        "short": lambda key, one: newest(one)[key].pop(),
        "empty": lambda key, one: newest(one)[key].clear(),
        "17": lambda key, one: newest(one)[key].append({"svn": 0}),
        "short-in-the-last-level": lambda key, one: levels(one)[-1]["tcb"][key].pop(),
    }.items()
}

CASES: Final[Table] = {
    **COMPONENTS,
    "sgx-components-absent": (
        lambda: info(lambda one: newest(one).pop("sgxtcbcomponents")),
        "json.type",
    ),
    "tdx-components-absent": (
        lambda: info(lambda one: newest(one).pop("tdxtcbcomponents")),
        "collateral.components",
    ),
    "component-256": (
        lambda: info(lambda one: newest(one)["sgxtcbcomponents"][0].update(svn=256)),
        "json.type",
    ),
    "component-negative": (
        lambda: info(lambda one: newest(one)["tdxtcbcomponents"][2].update(svn=-1)),
        "json.type",
    ),
    "component-null": (
        lambda: info(lambda one: newest(one)["tdxtcbcomponents"][2].update(svn=None)),
        "json.type",
    ),
    "pcesvn-65536": (lambda: info(lambda one: newest(one).update(pcesvn=65_536)), "json.type"),
    "levels-in-another-order": (lambda: info(lambda one: levels(one).reverse()), Accepted()),
    "qe-levels-in-another-order": (lambda: identity(lambda one: levels(one).reverse()), Accepted()),
    "module-levels-in-another-order": (
        lambda: info(lambda one: levels(modules(one)[1]).reverse()),
        Accepted(),
    ),
    "duplicate-levels": (
        lambda: info(lambda one: levels(one).append({**levels(one)[0], "tcbStatus": "OutOfDate"})),
        "collateral.levels",
    ),
    "duplicate-levels-apart": (
        lambda: info(lambda one: levels(one).append(levels(one)[1])),
        "collateral.levels",
    ),
    "duplicate-qe-levels": (
        lambda: identity(lambda one: levels(one).append(levels(one)[0])),
        "collateral.levels",
    ),
    "duplicate-module-levels": (
        lambda: info(lambda one: levels(modules(one)[0]).append(levels(modules(one)[0])[0])),
        "collateral.levels",
    ),
    "module-level-list-empty": (
        lambda: info(lambda one: levels(modules(one)[1]).clear()),
        "collateral.levels",
    ),
    "duplicate-modules": (
        lambda: info(lambda one: modules(one).append(modules(one)[1])),
        "collateral.levels",
    ),
    "duplicate-modules-in-another-case": (
        lambda: info(lambda one: modules(one).append({**modules(one)[1], "id": "tdx_01"})),
        "collateral.levels",
    ),
    **{
        f"status-word-{what}-{word.lower() or 'empty'}": (
            partial(of, partial(judged, word)),
            "tcb.status-word",
        )
        for what, of, judged, words in (
            ("platform", info, lambda word, one: levels(one)[0].update(tcbStatus=word), ()),
            (
                "lowest-platform",
                info,
                lambda word, one: levels(one)[-1].update(tcbStatus=word),
                (),
            ),
            (
                "module",
                info,
                lambda word, one: levels(modules(one)[1])[0].update(tcbStatus=word),
                ("ConfigurationNeeded", "SWHardeningNeeded"),
            ),
            (
                "qe",
                identity,
                lambda word, one: levels(one)[0].update(tcbStatus=word),
                ("SWHardeningNeeded", "ConfigurationAndSWHardeningNeeded"),
            ),
        )
        for word in ("Splendid", "uptodate", "", "TDRelaunchAdvised", *words)
    },
    "unknown-module-id": (
        lambda: on(replace(SOUND, module=Module(tee_tcb_svn="0507" + "04" + "00" * 13))),
        "tdx.module-unknown",
    ),
    "module-signer-short": (
        lambda: info(lambda one: modules(one)[1].update(mrsigner="00" * 47)),
        "wire.hex",
    ),
    "qe-attributes-mask-short": (
        lambda: document("qe_identity", attributesMask="FF" * 15),
        "wire.hex",
    ),
    # Evaluation numbers, and which of several sets is used.
    "evaluation-number-at-the-floor": (lambda: Given(floor=20), Accepted()),
    "evaluation-number-below-floor": (lambda: Given(floor=21), "collateral.below-floor"),
    "evaluation-number-rolled-back": (
        lambda: dataclasses.replace(document("tcb_info", tcbEvaluationDataNumber=19), floor=20),
        "collateral.below-floor",
    ),
    "mixed-numbers": (
        lambda: document("qe_identity", tcbEvaluationDataNumber=19),
        Accepted(number=19),
    ),
    "mixed-numbers-the-other-way": (
        lambda: document("tcb_info", tcbEvaluationDataNumber=19),
        Accepted(number=19),
    ),
    "mixed-numbers-below-floor": (
        lambda: dataclasses.replace(document("qe_identity", tcbEvaluationDataNumber=19), floor=20),
        "collateral.below-floor",
    ),
    "several-sets-highest-number": (
        lambda: several(numbered(19), numbered(22, "OutOfDate"), numbered(20)),
        Accepted("OutOfDate", number=22),
    ),
    "several-sets-current-before-highest": (
        lambda: several(numbered(22, nextUpdate=instant(-0.5)), numbered(20)),
        Accepted(),
    ),
    "several-sets-current-before-future": (
        lambda: several(numbered(22, issueDate=instant(0.5)), numbered(20)),
        Accepted(),
    ),
    "several-sets-none-current": (
        lambda: several(numbered(22, nextUpdate=instant(-0.5)), numbered(20, issueDate=instant(1))),
        "collateral.expired",
    ),
    "several-sets-latest-issue": (
        lambda: several(
            numbered(20, "OutOfDate", issueDate=instant(-0.2)),
            numbered(20, issueDate=instant(-0.1)),
            numbered(20, "OutOfDate", issueDate=instant(-0.3)),
        ),
        Accepted(),
    ),
    "several-sets-of-others": (
        lambda: several(
            document("tcb_info", fmspc="E00000000001"),
            document("tcb_info", id="SGX"),
            endorsed(pck_crl=PKI.crl("processor-ca")),
        ),
        "collateral.missing",
    ),
    "collateral-of-another-platform-of-the-family": (
        lambda: Given(bundles=(OTHER.bundle(),)),
        "crl.issuer",
    ),
    # The bundle around it all.
    "bundle-of-64-kib": (lambda: outer(lambda one: one.ljust(64 * 1024)), Accepted()),
    "bundle-of-4-mib": (lambda: outer(lambda one: one.ljust(BUNDLE_MAX_BYTES)), Accepted()),
    "bundle-over-4-mib": (
        lambda: outer(lambda one: one.ljust(BUNDLE_MAX_BYTES + 1)),
        "json.too-large",
    ),
    "bundle-of-16-mib": (lambda: outer(lambda one: one.ljust(16 * 1024 * 1024)), "json.too-large"),
    "bundle-of-16-mib-of-brackets": (
        lambda: outer(lambda _: b"[" * (16 * 1024 * 1024)),
        "json.too-large",
    ),
    "bundle-empty": (lambda: outer(lambda _: b""), "json.syntax"),
    "bundle-cut-short": (lambda: outer(lambda one: one[:-1]), "json.syntax"),
    "bundle-two": (lambda: outer(lambda one: one * 2), "json.syntax"),
    "bundle-with-byte-order-mark": (
        lambda: outer(lambda one: b"\xef\xbb\xbf" + one),
        "json.syntax",
    ),
    "bundle-not-utf-8": (
        lambda: outer(lambda one: one[:-1] + b',"x":"\xff"}'),
        "json.syntax",
    ),
    "bundle-duplicate-key": (
        lambda: outer(lambda one: one[:-1] + b',"pck_crl":""}'),
        "json.duplicate",
    ),
    "bundle-nested": (
        lambda: outer(lambda one: one[:-1] + b',"x":' + b"[" * 99 + b"]" * 99 + b"}"),
        "json.depth",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_collateral_contents(name: str) -> None:
    settle(CASES[name])
