# SPDX-License-Identifier: Apache-2.0
"""The calls that trothd, the verifier and the broker take, as values; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from troth.client.message import Call
from troth.errors import MalformedError
from troth.wire import base64url, json

__all__ = [
    "BUNDLE_MAX_BYTES",
    "Appraisal",
    "Challenge",
    "Receipt",
    "appraise",
    "challenge",
    "event",
    "evidence",
    "get_json",
    "get_text",
    "namespace",
    "secret",
    "token",
]

T = TypeVar("T")

BUNDLE_MAX_BYTES: Final = 16 * 1024 * 1024  # BINDING 4.9 step 1
_ANSWER_MAX_BYTES: Final = 1024 * 1024
_CMW: Final = "application/cmw+cbor"  # RFC 9999


class Receipt(msgspec.Struct, frozen=True):
    """What trothd says of an event that it took: it is in the log at `count`."""

    count: int
    head: str
    forensic: int = 0


class Challenge(msgspec.Struct, frozen=True):
    """A nonce of the verifier, base64url, and how long it takes it, in seconds."""

    nonce: str
    expires_in: int


class Appraisal(msgspec.Struct, frozen=True):
    """What the verifier says of a bundle that it accepts."""

    token: str
    verdict: str = ""
    trace: list[dict[str, Any]] = []


def evidence(
    nonce: bytes,
    audience: str,
    *,
    mode: str = "fresh",
    cnf: Mapping[str, str] | None = None,
    user_data: bytes | None = None,
    log_since: int | None = None,
) -> Call[bytes]:
    """Ask trothd for a bundle (BINDING 4.2, the JSON request)."""
    request: dict[str, object] = {
        "nonce": base64url.encode(nonce),
        "audience": audience,
        "mode": mode,
    }
    if cnf is not None:
        request["cnf"] = dict(cnf)
    if user_data is not None:
        request["user_data"] = base64url.encode(user_data)
    if log_since is not None:
        request["log_since"] = log_since
    return Call(
        method="POST",
        target="/v1/evidence",
        body=json.encode(request),
        accept=_CMW,
        read=bytes,
        most=BUNDLE_MAX_BYTES,
    )


def event(domain: str, operation: str, content: str) -> Call[Receipt]:
    """Append an event to the caller's namespace."""
    body = json.encode({"domain": domain, "operation": operation, "content": content})
    return Call(
        method="POST", target="/v1/events", body=body, read=_as(Receipt), most=_ANSWER_MAX_BYTES
    )


def namespace() -> Call[dict[str, Any]]:
    """Ask trothd who it takes the caller for."""
    return get_json("/v1/namespace")


def token(audience: str) -> Call[str]:
    """Ask trothd for the token that it keeps warm for `audience`."""
    return Call(
        method="GET",
        target=f"/v1/token?audience={quote(audience, safe='')}",
        read=_token,
        most=_ANSWER_MAX_BYTES,
    )


def challenge() -> Call[Challenge]:
    """Ask the verifier for a nonce."""
    return Call(method="POST", target="/v1/challenge", read=_as(Challenge), most=_ANSWER_MAX_BYTES)


def appraise(bundle: bytes) -> Call[Appraisal]:
    """Hand the verifier a bundle."""
    return Call(
        method="POST",
        target="/v1/appraise",
        body=bundle,
        content_type=_CMW,
        read=_as(Appraisal),
        most=_ANSWER_MAX_BYTES,
    )


def secret(path: str, token_text: str, nonce: bytes) -> Call[str]:
    """Ask the broker for a secret; the answer is its JWS, which is not verified here."""
    body = json.encode({"token": token_text, "nonce": base64url.encode(nonce)})
    return Call(
        method="POST",
        target=f"/v1/secret/{quote(path, safe='/')}",
        body=body,
        read=_answer,
        most=_ANSWER_MAX_BYTES,
    )


def get_json(target: str) -> Call[dict[str, Any]]:
    """Fetch a JSON object, such as `/v1/health`."""
    return Call(method="GET", target=target, read=_as(dict[str, Any]), most=_ANSWER_MAX_BYTES)


def get_text(target: str, accept: str) -> Call[str]:
    """Fetch ASCII text, such as a signed status list."""
    return Call(method="GET", target=target, accept=accept, read=_text, most=_ANSWER_MAX_BYTES)


class _Token(msgspec.Struct, frozen=True):
    token: str


class _Answer(msgspec.Struct, frozen=True):
    answer: str


def _as(kind: type[T]) -> Callable[[bytes], T]:
    """Read JSON as one type; what else stands in the object is a later version's."""

    def read(body: bytes) -> T:
        try:
            return json.decode(body, kind, max_bytes=_ANSWER_MAX_BYTES)
        except MalformedError as error:
            raise MalformedError("client.answer", str(error)) from None

    return read


def _token(body: bytes) -> str:
    return _as(_Token)(body).token


def _answer(body: bytes) -> str:
    return _as(_Answer)(body).answer


def _text(body: bytes) -> str:
    if not body.isascii():
        raise MalformedError("client.answer", "not ASCII")
    return body.decode("ascii").strip()
