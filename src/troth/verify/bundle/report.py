# SPDX-License-Identifier: Apache-2.0
"""Steps 3 to 5 of BINDING 4.9: the report, what voids it, and what it is over."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from troth.crypto.digest import same
from troth.errors import MalformedError
from troth.evidence.binding import Bundle
from troth.evidence.detect import detect_tee
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.kinds import BUNDLE_KINDS, Reported
from troth.verify.bundle.manifest import check_manifest
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import Wanted
from troth.verify.verified import Verified

__all__ = ["check_report", "check_report_data", "check_voids"]

_FORM_2_ZEROS: Final = bytes(16)  # what ends like this may be a door's bytes (BINDING 4.8)


def check_report(bundle: Bundle, inputs: BundleInputs, steps: Steps) -> Verified[Any]:
    """Step 3: return the facts of a genuine report, of the policy's kind. Its data is step 5's.

    The procedure is the policy's choice; `provider` and media type are hints, and not read.

    Raises:
        MalformedError: `binding.report-kind`, the report is of another kind; else as the verifier
            of the kind.
        UntrustedError, StaleError: as the verifier of the kind.
    """
    wanted = inputs.wanted.report
    kind = BUNDLE_KINDS[wanted.tee]
    try:
        return kind.verify(bundle, wanted, inputs, steps.nested(wanted.tee))
    except MalformedError as error:
        other = _other_kind(bundle.report.outblob, wanted.tee)
        if other is None:
            raise
        detail = f"a report of {other}, [{wanted.tee}] is the policy's kind: {error}"
        source = f"{inputs.wanted.name}: [{wanted.tee}]"
        with steps.noted("report-kind", expected=f"a report of {wanted.tee}", source=source):
            raise MalformedError("binding.report-kind", detail) from None


def check_voids(facts: object, wanted: Wanted, steps: Steps) -> None:
    """Step 4: return unless a fact voids everything that the TVM could say.

    Raises:
        DeniedError: `policy.debug`, `policy.migratable`, `policy.migration-agent`, `policy.vmpl`
            or `policy.chip`.
    """
    BUNDLE_KINDS[wanted.report.tee].check_voids(facts, wanted.report, wanted, steps)


def check_report_data(bundle: Bundle, reported: Reported, wanted: Wanted, steps: Steps) -> None:
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
        same(due, reported.data),
        "binding.report-data",
        expected=due,
        got=reported.data,
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


def _other_kind(outblob: bytes, due: str) -> str | None:
    """Return the kind that a malformed report begins as, if that is not the one that is due.

    It chooses nothing: the bundle is refused in any case, and this says why.
    """
    try:
        found = detect_tee(outblob)
    except MalformedError:
        return None
    return None if found == due else found
