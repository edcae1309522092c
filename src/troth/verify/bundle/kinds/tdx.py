# SPDX-License-Identifier: Apache-2.0
"""TDX in a bundle: RTMR[3] holds the root; debug and migration void a TD."""

from __future__ import annotations

from typing import Final

from troth.evidence.binding import Bundle
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.kinds._kind import BundleKind, Reported, named
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import TdxWanted, Wanted
from troth.verify.options import AnyValue
from troth.verify.tdx.facts import TdxFacts
from troth.verify.tdx.quote import verify_tdx
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["TDX"]

_BOOT: Final = ("mr_td", "rtmr0", "rtmr1", "rtmr2")
_REGISTER_BYTES: Final = 48


def _verify(bundle: Bundle, _: TdxWanted, inputs: BundleInputs, trace: Trace) -> Verified[TdxFacts]:
    return verify_tdx(
        bundle.report.outblob,
        collateral=inputs.collateral,
        anchors=inputs.anchors,
        at=inputs.at,
        report_data=AnyValue,
        cache=inputs.cache,
        trace=trace,
    )


def _check_voids(facts: TdxFacts, wanted: TdxWanted, policy: Wanted, steps: Steps) -> None:
    body = facts.body
    steps.check(
        "debug",
        wanted.debug == "any" or not body.attributes.under_debug,
        "policy.debug",
        expected=wanted.debug,
        got=body.td_attributes,
        source=f"{policy.name}: tdx.debug",
    )
    service = body.mr_service_td or b""
    agents = wanted.service_tds
    can_move = "MIGRATABLE" in body.attributes.names or any(service)
    steps.check(
        "migration",
        not can_move or (not isinstance(agents, type) and any(service) and service in agents),
        "policy.migratable",
        expected="not migratable, or by a service TD that is named",
        got=service if can_move else "not migratable",
        source=f"{policy.name}: tdx.mr_service_td",
    )


def _reported(facts: TdxFacts) -> Reported:
    body = facts.body
    return Reported(
        data=body.report_data,
        boot={name: getattr(body, name) for name in _BOOT},
        root=body.rtmr3,
    )


TDX: Final[BundleKind[TdxWanted, TdxFacts]] = BundleKind(
    register="rtmr3",
    sizes=frozenset({_REGISTER_BYTES}),
    is_boot=named(*_BOOT),
    boot_words=", ".join(_BOOT),
    logged=frozenset(_BOOT) - {"mr_td"},  # UEFI 2.11 §38.4.1: nothing extends MRTD
    verify=_verify,
    check_voids=_check_voids,
    reported=_reported,
)
