# SPDX-License-Identifier: Apache-2.0
"""The three programs as objects whose methods block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from troth.client import calls
from troth.client.endpoint import Endpoint
from troth.client.message import Call
from troth.client.refusal import check
from troth.client.transport import exchange, tls_context

__all__ = ["TIMEOUT_S", "Broker", "Service", "Trothd", "Verifier"]

T = TypeVar("T")

TIMEOUT_S: Final = 30.0  # a report can take seconds, and the one before it as long again


class Service:
    """One peer. A call makes a connection of its own, so an object may be shared by threads."""

    def __init__(
        self, endpoint: str, *, timeout_s: float = TIMEOUT_S, ca_file: str | None = None
    ) -> None:
        """Name the peer; nothing is sent yet.

        Args:
            endpoint: `unix:/path`, a path, an https URL, or an http URL of a loopback address.
            timeout_s: for each whole call, in seconds.
            ca_file: PEM file of the CA certificates to trust for https; None for the system's.

        Raises:
            UsageError: `usage.url`, `usage.tls`, `usage.file`.
        """
        self.endpoint = Endpoint.parse(endpoint)
        self._timeout_s = timeout_s
        self._tls = tls_context(self.endpoint, ca_file)

    def send(self, call: Call[T]) -> T:
        """Make any call.

        Raises:
            TrothError, UsageError: what the peer answered, or `client.unreachable`,
                `client.timeout`, `client.answer`, `client.refused`.
        """
        answer = exchange(self.endpoint, call, timeout_s=self._timeout_s, tls=self._tls)
        return call.read(check(answer))

    def health(self) -> dict[str, Any]:
        """Ask whether the peer is well."""
        return self.send(calls.get_json("/v1/health"))


class Trothd(Service):
    """The orchestrator, over the socket of one namespace."""

    def evidence(
        self,
        nonce: bytes,
        audience: str,
        *,
        mode: str = "fresh",
        cnf: Mapping[str, str] | None = None,
        user_data: bytes | None = None,
        log_since: int | None = None,
    ) -> bytes:
        """Return an evidence bundle (CMW) for a relying party's nonce.

        Args:
            nonce: 16 to 64 bytes, the relying party's.
            audience: whom the statement is for, 1 to 255 bytes of UTF-8.
            mode: `fresh` or `delegated`.
            cnf: a public JWK with `alg`, to which a token or secret is to be bound.
            user_data: 1 to 64 bytes that the statement carries as they are.
            log_since: index of the first log entry to disclose.
        """
        return self.send(
            calls.evidence(
                nonce, audience, mode=mode, cnf=cnf, user_data=user_data, log_since=log_since
            )
        )

    def event(self, domain: str, operation: str, content: str) -> calls.Receipt:
        """Append an event to the caller's namespace and return where it stands."""
        return self.send(calls.event(domain, operation, content))

    def namespace(self) -> dict[str, Any]:
        """Return what trothd knows of the caller's namespace."""
        return self.send(calls.namespace())

    def token(self, audience: str) -> str:
        """Return the token that trothd keeps warm for `audience`."""
        return self.send(calls.token(audience))


class Verifier(Service):
    """A verifier: challenges, appraisals, and what its tokens are checked with."""

    def challenge(self) -> calls.Challenge:
        """Return a fresh nonce of the verifier."""
        return self.send(calls.challenge())

    def appraise(self, bundle: bytes) -> calls.Appraisal:
        """Hand in a bundle and return the token that it earned."""
        return self.send(calls.appraise(bundle))


class Broker(Service):
    """A broker of secrets."""

    def secret(self, path: str, token: str, nonce: bytes) -> str:
        """Return the broker's signed answer, a JWS; verifying and opening it is the caller's."""
        return self.send(calls.secret(path, token, nonce))
