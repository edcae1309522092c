# SPDX-License-Identifier: Apache-2.0
"""What trothd does for namespaces unasked: warm tokens and pushes, one task for each.

Each verifier that issues tokens to a namespace can revoke only its own. So each is told when the
namespace leaves its model, and is told again until it has heard, whatever the others do.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

import structlog

from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import StaleError
from troth.evidence.binding import Request
from troth.evidence.binding.request import key_of_jwk
from troth.infra.log import Event
from troth.infra.metrics import OrchestratorMetrics
from troth.orchestrator.configuration import (
    NamespaceSettings,
    VerifierSettings,
    issuer_of,
    pushed_to,
)
from troth.orchestrator.endpoints import Endpoint
from troth.orchestrator.namespace import Namespace
from troth.orchestrator.renewal import LoopClock, Push, WarmToken
from troth.orchestrator.verifier_client import HttpVerifier

__all__ = ["Errands"]

Attest = Callable[[Namespace, Request], Awaitable[bytes]]

_log = structlog.get_logger()


class Errands:
    """The tokens and pushes of all namespaces."""

    def __init__(
        self, verifier: VerifierSettings | None, attest: Attest, metrics: OrchestratorMetrics
    ) -> None:
        """Take the verifier of `[verifier]` and what makes a namespace's fresh bundle."""
        self._settings = verifier
        self._attest = attest
        self._metrics = metrics
        self._verifiers: dict[Endpoint, HttpVerifier] = {}
        self._tokens: dict[bytes, dict[str, WarmToken]] = {}
        self._pushes: dict[bytes, list[Push]] = {}
        self._tasks: dict[bytes, list[asyncio.Task[None]]] = {}

    def begin(self, namespace: Namespace, settings: NamespaceSettings) -> None:
        """Start the errands of a namespace."""
        key = namespace.creation.id
        attest = functools.partial(self._attest, namespace)
        tokens: dict[str, WarmToken] = {}
        count = self._metrics.count_token
        for one in settings.token:
            cnf = None if one.cnf is None else key_of_jwk(dict(one.cnf))
            request = functools.partial(_request, one.audience, cnf)
            verifier = self._verifier(issuer_of(one, self._settings))
            tokens[one.audience] = WarmToken(request, attest, verifier, LoopClock(), count)
        self._tokens[key] = tokens
        model = namespace.state.model
        pushes = [] if model is None else self._pushes_of(settings, attest)
        self._pushes[key] = pushes
        # A gap, such as of our restart, counts as a step out of the model; and what was to be told
        # when we were killed, nobody may have heard.
        if model is not None and (model.forensic or (namespace.is_sealed and namespace.state.gaps)):
            for push in pushes:
                push.demand()
        runs = [*(one.run() for one in tokens.values()), *(one.run() for one in pushes)]
        self._tasks[key] = [asyncio.create_task(run) for run in runs]
        for task in self._tasks[key]:
            task.add_done_callback(_report_bug)

    def left_model(self, namespace: Namespace) -> None:
        """Tell each verifier at once, and give out no token that it was told nothing for."""
        for token in self._tokens.get(namespace.creation.id, {}).values():
            token.drop()
        for push in self._pushes.get(namespace.creation.id, []):
            push.demand()

    def warm(self, namespace: Namespace, audience: str) -> str:
        """Return a namespace's token for an audience.

        Raises:
            StaleError: `token.not-ready`, `token.not-kept`.
            DeniedError: `verifier.refused`.
        """
        found = self._tokens.get(namespace.creation.id, {}).get(audience)
        if found is None:
            raise StaleError("token.not-kept", "no token is kept warm for this audience")
        return found.token

    def end(self, namespace: Namespace) -> None:
        """Stop the errands of a namespace."""
        key = namespace.creation.id
        self._tokens.pop(key, None)
        self._pushes.pop(key, None)
        for task in self._tasks.pop(key, []):
            task.cancel()

    async def close(self) -> None:
        """Stop all errands."""
        tasks = [task for group in self._tasks.values() for task in group]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for verifier in self._verifiers.values():
            await verifier.close()

    def _pushes_of(
        self, settings: NamespaceSettings, attest: Callable[[Request], Awaitable[bytes]]
    ) -> list[Push]:
        """Return one push for each verifier, over a statement for an audience that it knows."""
        audiences: dict[Endpoint, str] = {}
        if self._settings is not None:
            audiences[pushed_to(self._settings)] = self._settings.audience
        for one in settings.token:
            audiences.setdefault(issuer_of(one, self._settings), one.audience)
        # Policies demand a key before they look at the model. This one's private half is gone at
        # once: what a verifier answers is for nobody to use.
        unheld = CoseKey.from_p256(PrivateKey.generate().public)
        return [
            Push(
                functools.partial(_request, audience, unheld),
                attest,
                self._verifier(endpoint),
                LoopClock(),
                self._metrics.count_push,
            )
            for endpoint, audience in audiences.items()
        ]

    def _verifier(self, endpoint: Endpoint) -> HttpVerifier:
        return self._verifiers.setdefault(endpoint, HttpVerifier(endpoint))


def _request(audience: str, cnf: CoseKey | None, nonce: bytes) -> Request:
    return Request(nonce=nonce, audience=audience, cnf=cnf)


def _report_bug(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error(Event.BUG, kind=type(error).__name__, exc_info=error)
