# SPDX-License-Identifier: Apache-2.0
"""trothd's side of a verifier: a challenge, and evidence for it.

What the verifier answers is not verified here: a token is for its audience, and trothd believes
nothing in it but how long it says that it lives, to know when to renew it.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from troth.errors import (
    DeniedError,
    DriverError,
    MalformedError,
    StaleError,
    TrothError,
    UsageError,
)
from troth.orchestrator.endpoints import Endpoint
from troth.wire import base64url, json

__all__ = ["HttpVerifier", "Verifier", "lifetime_s", "was_heard"]

T = TypeVar("T")

_TIMEOUT_S: Final = 15.0
_ANSWER_MAX_BYTES: Final = 1024 * 1024
_CMW_TYPE: Final = "application/cmw+cbor"
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_CONFLICT: Final = 409
_HEARD: Final = ("model.", "binding.barred")  # codes behind which the verifier has barred

LONGEST_S: Final = 300  # BINDING, "What this asks of tokens": five minutes at most
SHORTEST_S: Final = 5  # what says less is renewed as if it said this


class Verifier(Protocol):
    """A verifier, as renewal and push see it."""

    async def challenge(self) -> bytes:
        """Return a nonce.

        Raises:
            DriverError: `verifier.unreachable`.
            DeniedError: `verifier.refused`.
            StaleError: `verifier.stale`.
        """
        ...

    async def appraise(self, bundle: bytes) -> str:
        """Return the token that a bundle earns.

        Raises:
            DriverError, DeniedError, StaleError: as `challenge`.
        """
        ...


class _Challenge(msgspec.Struct, frozen=True):
    nonce: str


class _Appraisal(msgspec.Struct, frozen=True):
    token: str


class _Refusal(msgspec.Struct, frozen=True):
    code: str


class _Claims(msgspec.Struct, frozen=True):
    iat: int
    exp: int


class HttpVerifier:
    """A verifier at an http(s) URL or behind `unix:/path`."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Name the verifier; nothing is sent yet."""
        self._endpoint = endpoint
        self._client: httpx2.AsyncClient | None = None

    async def challenge(self) -> bytes:
        """Return a nonce; see `Verifier.challenge`."""
        body = await self._post("/v1/challenge", b"", "application/json")
        return base64url.decode(_read(body, _Challenge).nonce)

    async def appraise(self, bundle: bytes) -> str:
        """Return the token that a bundle earns; see `Verifier.appraise`."""
        return _read(await self._post("/v1/appraise", bundle, _CMW_TYPE), _Appraisal).token

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, path: str, body: bytes, kind: str) -> bytes:
        client = self._client = self._client or _client(self._endpoint)
        try:
            request = client.stream("POST", path, content=body, headers={"content-type": kind})
            async with request as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _ANSWER_MAX_BYTES:
                        raise DriverError("verifier.unreachable", "its answer has no end")
        except (httpx2.HTTPError, OSError) as error:
            raise DriverError("verifier.unreachable", _next_step(self._endpoint, error)) from None
        if response.status_code >= _CLIENT_ERROR:
            raise _refusal(response.status_code, bytes(content))
        return bytes(content)


def lifetime_s(token: str) -> int:
    """Return how long a JWT says that it lives, held to 5 to 300 seconds; nothing is verified.

    Raises:
        DriverError: `verifier.answer`, not the form of a JWT with `iat` and `exp`.
    """
    try:
        _, claims, _ = token.split(".")
        got = json.decode(base64url.decode(claims), _Claims, max_bytes=_ANSWER_MAX_BYTES)
    except (ValueError, MalformedError):
        raise DriverError("verifier.answer", "not a token") from None
    return max(SHORTEST_S, min(LONGEST_S, got.exp - got.iat))


def was_heard(error: TrothError) -> bool:
    """Say whether a verifier refused evidence because of the event model, and so has barred it."""
    return error.code == "verifier.refused" and error.detail.partition(" ")[2].startswith(_HEARD)


def _next_step(endpoint: Endpoint, error: Exception) -> str:
    """Return what happened, where, and what to look at."""
    what = f"{endpoint.url}: {type(error).__name__}"
    return f"{what}; try `troth doctor --verifier {endpoint.url}` on this machine"


def _client(endpoint: Endpoint) -> httpx2.AsyncClient:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "unix":
        transport = httpx2.AsyncHTTPTransport(uds=parts.path)
        return httpx2.AsyncClient(
            transport=transport, base_url="http://verifier", timeout=_TIMEOUT_S
        )
    try:
        verify = endpoint.trust() or True
    except UsageError as error:  # it was whole at the start
        raise DriverError("verifier.unreachable", str(error)) from None
    return httpx2.AsyncClient(
        base_url=endpoint.url, timeout=_TIMEOUT_S, trust_env=False, verify=verify
    )


def _refusal(status: int, body: bytes) -> TrothError:
    """Return the error for an answer that is none: whose fault, and whether to ask again."""
    try:
        code = json.decode(body, _Refusal, max_bytes=_ANSWER_MAX_BYTES).code
    except MalformedError:
        code = ""
    detail = f"{status} {code}".strip()
    if status >= _SERVER_ERROR:
        return DriverError("verifier.unreachable", detail)
    if status == _CONFLICT:
        return StaleError("verifier.stale", detail)
    return DeniedError("verifier.refused", detail)


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return json.decode(body, kind, max_bytes=_ANSWER_MAX_BYTES)
    except MalformedError as error:
        raise DriverError("verifier.answer", str(error)) from None
