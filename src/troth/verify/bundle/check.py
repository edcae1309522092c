# SPDX-License-Identifier: Apache-2.0
"""Steps 1 to 11 of BINDING 4.9, in its order.

 1. parse                              -> malformed
 2. the nonce, cheaply                 -> stale
 3. the report                         -> untrusted
 4. facts that void everything         -> denied
 5. report data                        -> untrusted
 6. root digest                        -> untrusted
 7. root register                      -> untrusted
 8. epoch signature                    -> untrusted
 9. boot                               -> denied
10. the statement is bound             -> untrusted, too old -> stale
11. claims                             -> denied

Step 12 is in `log`, step 13 is policy's, step 14 is the verifier's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from troth.errors import TrothError
from troth.evidence.binding import Bundle, RootRegister
from troth.verify.bundle.boot import check_boot
from troth.verify.bundle.facts import BundleFacts, BundleInputs, Testimony
from troth.verify.bundle.kinds import BUNDLE_KINDS
from troth.verify.bundle.report import check_report, check_report_data, check_voids
from troth.verify.bundle.root import check_boot_key, check_digest, check_register
from troth.verify.bundle.statement import check_binding, check_claims, check_speaker
from troth.verify.bundle.steps import Steps
from troth.verify.verified import Verified, seal

__all__ = ["verify_bundle", "verify_testimony"]


def verify_bundle(data: bytes, inputs: BundleInputs, steps: Steps) -> Verified[BundleFacts]:
    """Return the facts of an authentic bundle, for the caller of steps 12 to 14.

    Args:
        data: the bundle's bytes, at most 16 MiB.
        inputs: everything else that the answer depends on.
        steps: where each rule is noted, and where the number of a refusal is left.

    Raises:
        MalformedError, UntrustedError, StaleError, DeniedError: nothing else escapes, but what
            `inputs.nonces` raises. The error's `step` says where.

    Unchecked here: log, memory, model (`check_log`, `check_model`), TCB status and measurements
    (`troth.policy`), use of the nonce (step 14).
    """
    with refusing(steps):
        proven = _authenticate(data, inputs, steps)
        steps.begin(11)
        section = check_claims(proven.bundle, inputs, steps)
    return seal(
        BundleFacts(
            bundle=proven.bundle,
            tee=inputs.wanted.report.tee,
            report=proven.report,
            root=proven.root,
            image=proven.image,
            wanted=section,
            policy=inputs.wanted.name,
            nonce_issued=proven.nonce_issued,
            at=inputs.at,
        )
    )


def verify_testimony(data: bytes, inputs: BundleInputs, steps: Steps) -> Verified[Testimony]:
    """Return what a bundle proves of its namespace, for whomever it was made.

    Steps 1 to 10 are taken whole, and of step 11 what says who speaks and of whom: mode, namespace,
    configuration, doors. A verifier asks for it where step 11 refused, so that a namespace which
    left its model is heard although the bundle earns nothing.

    Args:
        data: as `verify_bundle`.
        inputs: likewise; `channel` is not used.
        steps: likewise.

    Raises:
        MalformedError, UntrustedError, StaleError, DeniedError: as `verify_bundle`.

    Unchecked here: audience, nonce in all bytes, `cnf`, channel, alarms, and steps 12 to 14.
    """
    with refusing(steps):
        proven = _authenticate(data, inputs, steps)
        steps.begin(11)
        section = check_speaker(proven.bundle, inputs.wanted, steps)
    return seal(
        Testimony(
            statement=proven.bundle.statement,
            wanted=section,
            policy=inputs.wanted.name,
            nonce_issued=proven.nonce_issued,
        )
    )


@contextmanager
def refusing(steps: Steps) -> Iterator[None]:
    """Give an error of the block the number of the step that it came from."""
    try:
        yield
    except TrothError as error:
        if error.step is None:
            error.step = steps.number
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """What steps 1 to 10 leave."""

    bundle: Bundle
    report: Verified[Any]
    root: RootRegister
    image: str | None
    nonce_issued: datetime | None


def _authenticate(data: bytes, inputs: BundleInputs, steps: Steps) -> _Proven:
    wanted = inputs.wanted
    steps.begin(1)
    with steps.noted("format", expected="an evidence bundle", source="BINDING 4.2, 4.4"):
        bundle = Bundle.parse(data)
    steps.begin(2)
    nonce_issued = inputs.nonces.recognise(bundle.statement.nonce, steps)
    steps.begin(3)
    report = check_report(bundle, inputs, steps)
    steps.begin(4)
    check_voids(report.value, wanted, steps)
    reported = BUNDLE_KINDS[wanted.report.tee].reported(report.value)
    steps.begin(5)
    check_report_data(bundle, reported, wanted, steps)
    steps.begin(6)
    check_digest(bundle, steps)
    steps.begin(7)
    root = check_register(bundle, reported, wanted, steps)
    steps.begin(8)
    check_boot_key(bundle, steps)
    steps.begin(9)
    image = check_boot(bundle.ccel, reported, wanted, steps)
    steps.begin(10)
    check_binding(bundle, inputs, steps)
    return _Proven(bundle=bundle, report=report, root=root, image=image, nonce_issued=nonce_issued)
