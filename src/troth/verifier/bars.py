# SPDX-License-Identifier: Apache-2.0
"""What a refused bundle still proves of its namespace, and the bar that follows (decision 0011).

    refused at 1 to 10   nothing is proven; nobody is barred
    refused at 11        the statement is authentic, but not for us: `hear` asks what it says
    refused at 12, 14    it is authentic and for us: `note`

Two things bar: the namespace left its model, or its log contradicts what was accepted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog

from troth.errors import DeniedError
from troth.infra.log import Event
from troth.verifier.store import Seen, Store
from troth.verify import Trace, Verified
from troth.verify.bundle import BundleFacts, BundleInputs, Steps, Testimony, verify_testimony
from troth.verify.bundle.check import refusing
from troth.verify.bundle.log import left_model

__all__ = ["Bars", "seen"]

_FORENSIC: Final = "model.forensic"  # it cannot be undone, so no honest namespace is hurt
_log = structlog.get_logger()


class Bars:
    """The bars of one store."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store

    def hear(self, data: bytes, inputs: BundleInputs) -> str | None:
        """Bar by a bundle that was refused at step 11; return why, or None if it bars nobody.

        Raises:
            StaleError: `challenge.used` or `challenge.expired`.
            DriverError: `database.*`.
        """
        try:
            testimony = verify_testimony(data, inputs, Steps(Trace()))
        except DeniedError:  # by one whom the policy does not believe, or about nobody it names
            return None
        return self.note(testimony, inputs.at)

    def note(
        self, verified: Verified[BundleFacts] | Verified[Testimony], at: datetime
    ) -> str | None:
        """Bar by an authentic bundle that was refused; return why, or None if it bars nobody.

        Raises:
            StaleError, DriverError: as `hear`.
        """
        code, one = left_model(verified), seen(verified.value, at)
        if code is None and not self._store.contradicts(one):
            return None  # without a lock: most refusals end here
        steps = Steps(Trace())  # of its own: the refusal keeps its number, and a used nonce gets 14
        with refusing(steps):
            barred = self._store.bar(one, steps, code=code, always=code == _FORENSIC)
        if barred is not None:
            namespace = verified.value.statement.namespace
            _log.warning(
                Event.BARRED, label=namespace.label, count=namespace.log.count, code=barred
            )
        return barred


def seen(facts: BundleFacts | Testimony, at: datetime) -> Seen:
    """Return what the store needs to know of a bundle."""
    statement = facts.statement
    return Seen(
        nonce=statement.nonce,
        # Known for every nonce of ours; a nonce that nobody can date is never forgotten too early.
        issued=facts.nonce_issued or at,
        namespace_id=statement.namespace.id,
        log=statement.namespace.log,
        at=at,
    )
