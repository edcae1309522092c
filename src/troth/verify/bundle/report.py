# SPDX-License-Identifier: Apache-2.0
"""Steps 3 to 5 of BINDING 4.9: the report, what voids it, and what it is over."""

from __future__ import annotations

import hashlib
from typing import Final

from troth.crypto.digest import same
from troth.evidence.binding import Bundle
from troth.evidence.tdx import TdReportBody
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.manifest import check_manifest
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import Wanted
from troth.verify.options import AnyValue
from troth.verify.tdx.facts import TdxFacts
from troth.verify.tdx.quote import verify_tdx
from troth.verify.verified import Verified

__all__ = ["check_report", "check_report_data", "check_voids"]

_FORM_2_ZEROS: Final = bytes(16)  # what ends like this may be a door's bytes (BINDING 4.8)


def check_report(bundle: Bundle, inputs: BundleInputs, steps: Steps) -> Verified[TdxFacts]:
    """Step 3: return the facts of a genuine report. Its data is step 5's.

    The procedure is the policy's choice; `provider` and media type are hints, and not read.

    Raises:
        MalformedError, UntrustedError, StaleError: as `verify_tdx`.
    """
    return verify_tdx(
        bundle.report.outblob,
        collateral=inputs.collateral,
        anchors=inputs.anchors,
        at=inputs.at,
        report_data=AnyValue,
        trace=steps.nested("tdx"),
    )


def check_voids(body: TdReportBody, wanted: Wanted, steps: Steps) -> None:
    """Step 4: return unless a fact voids everything that the TD could say.

    Raises:
        DeniedError: `policy.debug` or `policy.migratable`.
    """
    steps.check(
        "debug",
        wanted.debug == "any" or not body.attributes.under_debug,
        "policy.debug",
        expected=wanted.debug,
        got=body.td_attributes,
        source=f"{wanted.name}: tdx.debug",
    )
    service = body.mr_service_td or b""
    named = wanted.service_tds
    can_move = "MIGRATABLE" in body.attributes.names or any(service)
    steps.check(
        "migration",
        not can_move or (not isinstance(named, type) and any(service) and service in named),
        "policy.migratable",
        expected="not migratable, or by a service TD that is named",
        got=service if can_move else "not migratable",
        source=f"{wanted.name}: tdx.mr_service_td",
    )


def check_report_data(bundle: Bundle, body: TdReportBody, wanted: Wanted, steps: Steps) -> None:
    """Step 5: return if the report is over this epoch, in form 1, and nobody could mistake it.

    Raises:
        UntrustedError: `binding.manifest` or `binding.report-data`.
    """
    due = form_1(bundle.epoch.epoch.report_data, steps)
    service = bundle.report.service
    is_wanted = wanted.boot.svsm == "required"
    steps.check(
        "manifest",
        (service is not None) == is_wanted,
        "binding.manifest",
        expected="a manifest" if is_wanted else "no manifest",
        got="none" if service is None else f"{len(service.manifest)} bytes",
        source=f"{wanted.name}: boot.svsm",
    )
    if service is not None:
        with steps.noted("manifest-format", expected="one reading", source="AMD 58019"):
            check_manifest(service.manifest)
        due = hashlib.sha512(due + service.manifest).digest()
    steps.check(
        "report-data",
        same(due, body.report_data),
        "binding.report-data",
        expected=due,
        got=body.report_data,
        source="epoch",
    )


def form_1(report_data: bytes, steps: Steps) -> bytes:
    """Return an epoch's report data if it cannot be a form 2 value.

    Raises:
        UntrustedError: `binding.report-data`.
    """
    steps.check(
        "form",
        report_data[-16:] != _FORM_2_ZEROS,
        "binding.report-data",
        expected="last 16 bytes not all zero",
        got=report_data[-16:],
        source="BINDING 4.8",
    )
    return report_data
