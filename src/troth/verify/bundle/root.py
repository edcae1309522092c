# SPDX-License-Identifier: Apache-2.0
"""Steps 6 to 8 of BINDING 4.9: root statement, root register, boot key."""

from __future__ import annotations

from troth.crypto.digest import same
from troth.evidence.binding import (
    REGISTER_BYTES,
    Bundle,
    RootRegister,
    check_epoch_signature,
    check_root_digest,
    root_register_value,
)
from troth.verify.bundle.kinds import BUNDLE_KINDS, Reported
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import Wanted

__all__ = ["check_boot_key", "check_digest", "check_register"]


def check_digest(bundle: Bundle, steps: Steps) -> None:
    """Step 6: return if the epoch names this root statement.

    Raises:
        UntrustedError: `binding.root-digest`.
    """
    with steps.noted("root-digest", expected=bundle.root.digest, source="root statement"):
        check_root_digest(bundle.root, bundle.epoch.epoch)


def check_register(
    bundle: Bundle, reported: Reported, wanted: Wanted, steps: Steps
) -> RootRegister:
    """Step 7: return the register in the report that holds this root statement, or `none`.

    Raises:
        UntrustedError: `binding.root-register`, another value; also where the TVM has no such
            register, or the policy names that of another kind.
    """
    root = wanted.root
    if root.register == "none":
        steps.skipped("root-register", why=f"unrooted, by {wanted.name}: root.register")
        return "none"
    steps.check(
        "root-register-name",
        root.register == BUNDLE_KINDS[wanted.report.tee].register,
        "binding.root-register",
        expected=root.register,
        got=BUNDLE_KINDS[wanted.report.tee].register,
        source=f"{wanted.name}: root.register",
    )
    # A TVM without the register has no value that could be due.
    value, hashed = reported.root or b"", reported.algorithm
    due = tuple(
        sorted(
            root_register_value(bundle.root, before, hashed)
            for before in root.before
            if len(before) == REGISTER_BYTES[hashed]
        )
    )
    # Every value is compared, so that the time says nothing of which one matched.
    found = [same(one, value) for one in due]
    steps.check(
        "root-register",
        any(found),
        "binding.root-register",
        expected=due or f"a value before of {REGISTER_BYTES[hashed]} bytes",
        got=value,
        source=f"{wanted.name}: root.before, and the root statement",
    )
    return root.register


def check_boot_key(bundle: Bundle, steps: Steps) -> None:
    """Step 8: return if the boot key signed the epoch.

    Raises:
        UntrustedError: `binding.epoch-signature`.
    """
    with steps.noted("epoch-signature", expected="signed by the boot key", source="root statement"):
        check_epoch_signature(bundle)
