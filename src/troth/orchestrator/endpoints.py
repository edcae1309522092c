# SPDX-License-Identifier: Apache-2.0
"""Where a verifier is, and whom trothd takes for it: plain HTTP only where nobody else listens."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from troth.client.endpoint import Endpoint as Address
from troth.errors import UsageError

__all__ = ["Endpoint", "endpoint_problem"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One verifier.

    Attributes:
        url: http, https, or `unix:/path`.
        ca: PEM file of the CA certificates that are trusted, and no others; the system's if None.
    """

    url: str
    ca: str | None = None

    def trust(self) -> ssl.SSLContext | None:
        """Return how to speak TLS with it; None where its CA is one of the system's.

        Raises:
            UsageError: `usage.tls`, the CA file cannot be read, or holds no certificate.
        """
        if self.ca is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError("usage.tls", f"{self.ca}: {error}") from None
        if not context.cert_store_stats()["x509"]:
            raise UsageError("usage.tls", f"{self.ca}: no certificate in it")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


def endpoint_problem(endpoint: Endpoint) -> str:
    """Say what is wrong with an endpoint, its CA file read; nothing, if it can be used."""
    is_path = endpoint.url.startswith("unix:/") and not endpoint.url.startswith("unix://")
    if not is_path and not endpoint.url.lower().startswith(("http://", "https://")):
        return "neither http, https nor unix:/path"
    try:
        Address.parse(endpoint.url)
        endpoint.trust()
    except UsageError as error:
        return str(error)
    if endpoint.ca is not None and not endpoint.url.lower().startswith("https:"):
        return "a CA file is for https"
    return ""
