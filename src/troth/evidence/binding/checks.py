# SPDX-License-Identifier: Apache-2.0
"""The checks that need nothing but the bundle: steps 6, 8 and 10 of BINDING 4.9.

They hold a bundle together; they say nothing about its report. The verifier calls them in its
order, adds what needs a policy, a clock or a memory, and only then are a bundle's claims facts.
"""

from __future__ import annotations

from troth.crypto.digest import same
from troth.errors import UntrustedError
from troth.evidence.binding.bundle import Bundle, Delegated
from troth.evidence.binding.epoch import Epoch
from troth.evidence.binding.root import RootStatement

__all__ = ["check_claim", "check_delegated", "check_epoch_signature", "check_root_digest"]


def check_root_digest(root: RootStatement, epoch: Epoch) -> None:
    """Return if the epoch is of the boot that the root statement describes (step 6).

    Raises:
        UntrustedError: `binding.root-digest`.
    """
    if not same(root.digest, epoch.root_digest):
        raise UntrustedError("binding.root-digest", "the epoch names another root statement")


def check_epoch_signature(bundle: Bundle) -> None:
    """Return if the boot key of the root statement signed the epoch (step 8).

    Raises:
        UntrustedError: `binding.epoch-signature`.
    """
    bundle.epoch.verify(bundle.root.boot_key)


def check_claim(bundle: Bundle) -> None:
    """Return if the statement is bound to the epoch (step 10).

    Unchecked here, for a delegated statement: that the anchor's nonce is ours, and that it is not
    too old.

    Raises:
        UntrustedError: `binding.not-fresh`, `binding.proof`, `binding.statement-key`,
            `binding.statement-signature` or `binding.anchor`.
    """
    if isinstance(bundle.claim, Delegated):
        check_delegated(bundle.claim, bundle.epoch.epoch)
    else:
        bundle.claim.check(bundle.epoch.epoch)


def check_delegated(claim: Delegated, epoch: Epoch) -> None:
    """Return if a delegated statement rests on an anchor in `epoch` and on the key it names.

    Raises:
        UntrustedError: as `check_claim`.
    """
    if epoch.statement_key is None:
        raise UntrustedError("binding.statement-key", "the epoch names no statement key")
    claim.signed.verify(epoch.statement_key)
    statement, anchor = claim.signed.statement, claim.anchor.statement
    if statement.anchor is None or not same(statement.anchor, epoch.report_data):
        raise UntrustedError("binding.anchor", "the statement is anchored in another epoch")
    claim.anchor.check(epoch)
    if anchor.audience != statement.audience:
        raise UntrustedError("binding.anchor", "the anchor is for another audience")
    if anchor.namespace.id != statement.namespace.id:
        raise UntrustedError("binding.anchor", "the anchor is another namespace's")
