# SPDX-License-Identifier: Apache-2.0
"""Steps 6 to 9 of BINDING 4.9: root statement, root register, boot key, boot."""

from __future__ import annotations

from typing import Literal

from troth.crypto.digest import same
from troth.evidence.binding import Bundle, check_epoch_signature, check_root_digest
from troth.evidence.tdx import TdReportBody
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import BootWanted, Image, Wanted

__all__ = ["check_boot", "check_boot_key", "check_digest", "check_register"]


def check_digest(bundle: Bundle, steps: Steps) -> None:
    """Step 6: return if the epoch names this root statement.

    Raises:
        UntrustedError: `binding.root-digest`.
    """
    with steps.noted("root-digest", expected=bundle.root.digest, source="root statement"):
        check_root_digest(bundle.root, bundle.epoch.epoch)


def check_register(
    bundle: Bundle, body: TdReportBody, wanted: Wanted, steps: Steps
) -> Literal["rtmr3", "none"]:
    """Step 7: return the register in the report that holds this root statement, or `none`.

    Raises:
        UntrustedError: `binding.root-register`.
    """
    root = wanted.root
    if root.register == "none":
        steps.skipped("root-register", why=f"unrooted, by {wanted.name}: root.register")
        return "none"
    due = tuple(sorted(bundle.root.tdx_register(before) for before in root.before))
    # Every value is compared, so that the time says nothing of which one matched.
    found = [same(one, body.rtmr3) for one in due]
    steps.check(
        "root-register",
        any(found),
        "binding.root-register",
        expected=due,
        got=body.rtmr3,
        source=f"{wanted.name}: root.before, and the root statement",
    )
    return "rtmr3"


def check_boot_key(bundle: Bundle, steps: Steps) -> None:
    """Step 8: return if the boot key signed the epoch.

    Raises:
        UntrustedError: `binding.epoch-signature`.
    """
    with steps.noted("epoch-signature", expected="signed by the boot key", source="root statement"):
        check_epoch_signature(bundle)


def check_boot(body: TdReportBody, wanted: BootWanted, policy: str, steps: Steps) -> str | None:
    """Step 9: return the name of the image that booted; None if there are no reference values.

    Raises:
        DeniedError: `policy.boot`.
    """
    images = wanted.images
    if isinstance(images, type):
        steps.skipped("boot", why=f'no reference values: {policy}: boot.images = "any"')
        return None
    name = next((one.name for one in images if _is(one, body)), None)
    steps.check(
        "boot",
        name is not None,
        "policy.boot",
        expected=frozenset(one.name for one in images) or "nothing",
        got=name or (body.mr_td, body.rtmr0, body.rtmr1, body.rtmr2),
        source=f"{policy}: boot.images",
    )
    return name


def _is(image: Image, body: TdReportBody) -> bool:
    return (image.mr_td, image.rtmr0, image.rtmr1, image.rtmr2) == (
        body.mr_td,
        body.rtmr0,
        body.rtmr1,
        body.rtmr2,
    )
