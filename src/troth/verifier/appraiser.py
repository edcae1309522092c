# SPDX-License-Identifier: Apache-2.0
"""From a bundle to a token: BINDING 4.9 whole, step 14 included.

    1 to 11   authentic, and meant for us          troth.verify.bundle
    12        log and memory, then the model       troth.verify.bundle
    13        policy                               troth.policy.bundle
    14        commit: nonce, bars, memory, token   store

A bundle that is authentic (1 to 10 hold) and whose namespace left its model is refused, and in the
same breath its namespace id is barred at this count and its tokens are revoked; see `bars`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from troth.errors import DeniedError, DriverError, TrothError
from troth.infra import clock
from troth.infra.log import Event
from troth.policy.bundle import Appraisal, appraise_bundle
from troth.token import StatusReference, issue, issue_status_list
from troth.verifier.bars import Bars, seen
from troth.verifier.challenge import Challenges, make_challenge
from troth.verifier.ear import Issue, make_ear
from troth.verifier.keys import KeyRing
from troth.verifier.settings import Configured
from troth.verifier.sources import Sources, load_sources
from troth.verifier.store import Place, Store
from troth.verify import AnyValue, Trace, TraceEntry, Verified
from troth.verify.bundle import (
    BundleFacts,
    BundleInputs,
    Steps,
    check_log,
    check_model,
    verify_bundle,
)
from troth.verify.bundle.check import refusing

__all__ = ["Appraiser", "Result"]

_CLAIMS: Final = 11
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An accepted bundle: its token, and every rule behind it."""

    token: str
    trace: tuple[TraceEntry, ...]


class Appraiser:
    """The verifier without its sockets; safe for several threads."""

    def __init__(self, configured: Configured, keys: KeyRing, store: Store) -> None:
        """Read policy, anchors and collateral.

        Raises:
            UsageError: as `load_sources`.
        """
        self._configured = configured
        self._keys = keys
        self._store = store
        self._bars = Bars(store)
        self._sources = load_sources(configured)
        self._replacements = store.replacements
        self._not_before: datetime | None = None

    def reload(self) -> None:
        """Read policy, anchors and collateral anew; the old ones stay if that fails.

        Raises:
            UsageError: as `load_sources`.
        """
        self._sources = load_sources(self._configured)

    def challenge(self) -> tuple[bytes, int]:
        """Return a nonce, and for how many seconds it may be used."""
        nonce = make_challenge(self._keys.challenge, clock.exact())
        return nonce, self._configured.value.challenge_s

    def jwks(self) -> bytes:
        """Return the keys that tokens are verified with."""
        return self._keys.jwks

    def check(self) -> None:
        """Return if the database answers.

        Raises:
            DriverError: `database.*`.
        """
        self._store.check()

    def status_list(self, name: str) -> str | None:
        """Return a signed status list; None if there is none of this name.

        Raises:
            DriverError: `database.*`.
        """
        revoked = self._store.revoked(name)
        if revoked is None:
            return None
        return issue_status_list(
            revoked,
            self._keys.signing,
            issuer=self._configured.value.issuer,
            uri=self._uri(name),
            at=clock.now(),
        )

    def appraise(self, data: bytes) -> Result:
        """Return the token of a bundle that passes all steps.

        Raises:
            MalformedError, UntrustedError, StaleError, DeniedError, DriverError: with its `step`.
        """
        at = clock.exact()
        steps = Steps(Trace())
        try:
            with refusing(steps):
                return self._appraise(data, at, steps)
        except TrothError as error:
            _log.info(Event.APPRAISAL_REFUSED, code=error.code, step=error.step)
            raise

    def _appraise(self, data: bytes, at: datetime, steps: Steps) -> Result:
        sources, replacements = self._sources, self._store.replacements
        inputs = self._inputs(sources, at)
        try:
            verified = verify_bundle(data, inputs, steps)
        except DeniedError as refusal:
            if steps.number == _CLAIMS and (barred := self._bars.hear(data, inputs)) is not None:
                steps.begin(14)
                # The bar counts for who pushed this, more than whom it should have been for.
                detail = f"{barred}; refused at step {_CLAIMS}: {refusal.code}"
                raise DeniedError("binding.barred", detail) from None
            raise
        with self._barring(verified, at):
            check_log(verified, self._store, steps)
            check_model(verified, steps)
        appraisal = appraise_bundle(verified, sources.policy, steps)
        with self._barring(verified, at):
            return self._commit(verified, appraisal, replacements, steps)

    def _inputs(self, sources: Sources, at: datetime) -> BundleInputs:
        if self._store.replacements != self._replacements:
            # What the lost file remembered of nonces is gone; none of that time is taken again.
            self._not_before = at
            self._replacements = self._store.replacements
        nonces = Challenges(
            self._keys.challenge,
            lifetime_s=self._configured.value.challenge_s,
            at=at,
            not_before=self._not_before,
        )
        return BundleInputs(
            wanted=sources.wanted,
            collateral=sources.vouching.collateral,
            anchors=sources.vouching.anchors,
            endorsements=sources.vouching.endorsements,
            at=at,
            nonces=nonces,
            channel=AnyValue,
            cache=sources.cache,
        )

    def _commit(
        self,
        verified: Verified[BundleFacts],
        appraisal: Appraisal,
        replacements: int,
        steps: Steps,
    ) -> Result:
        """Step 14. The trace is complete before the token is signed: it holds its digest."""
        facts = verified.value
        at = facts.at
        cnf = facts.statement.cnf
        if cnf is None:  # the policy demands one, and step 11 has looked
            raise DeniedError("claims.cnf")
        iat = int(at.timestamp())
        exp = iat + self._configured.value.token_s
        trace: tuple[TraceEntry, ...] = ()

        def sign(place: Place) -> str:
            nonlocal trace
            if self._store.replacements != replacements:
                # Step 2 did not know of it: the nonce may have been used in the file before.
                raise DriverError("database.unavailable", "the file was replaced; ask again")
            trace = tuple(steps.trace)
            status = StatusReference(idx=place.index, uri=self._uri(place.list))
            said = Issue(
                issuer=self._configured.value.issuer, iat=iat, exp=exp, status=status, trace=trace
            )
            return issue(make_ear(facts, cnf, appraisal, said), self._keys.signing)

        token = self._store.accept(seen(facts, at), steps, expires_s=exp, issue=sign)
        namespace = facts.statement.namespace
        _log.info(Event.APPRAISED, label=namespace.label, count=namespace.log.count)
        return Result(token=token, trace=trace)

    @contextmanager
    def _barring(self, verified: Verified[BundleFacts], at: datetime) -> Iterator[None]:
        """Ask behind a refusal of the block whether it bars the namespace."""
        try:
            yield
        except DeniedError:
            self._bars.note(verified, at)
            raise

    def _uri(self, name: str) -> str:
        return f"{self._configured.value.status_url.rstrip('/')}/{name}"
