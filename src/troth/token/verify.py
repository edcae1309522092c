# SPDX-License-Identifier: Apache-2.0
"""Reading tokens: signature, claims, status, in this order and never without one of them.

A token of which only the signature is known to hold is a `SignedToken`: its claims are good for a
log, and for nothing else. One whose status has not been looked at is an `AuthenticToken`; only
`settle` makes a `Token` of it. So code that takes a `Token` cannot be handed one that may have been
revoked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NoReturn, final

import msgspec
from joserfc.errors import (
    ClaimError,
    ExpiredTokenError,
    InvalidClaimError,
    MissingClaimError,
)
from joserfc.jwt import JWTClaimsRegistry

from troth.errors import DeniedError, MalformedError, StaleError, TrothError, UntrustedError
from troth.token.claims import EAR_PROFILE, TOKEN_MAX_LIFETIME_S, Ear
from troth.token.confirmation import key_of
from troth.token.issue import TOKEN_TYPE
from troth.token.jws import TOKEN_MAX_BYTES, open_jws
from troth.token.keys import KeySet
from troth.token.status import LEEWAY_S, read_status_list
from troth.wire import json

__all__ = [
    "AuthenticToken",
    "Expected",
    "SignedToken",
    "Token",
    "open_token",
    "read_signed",
    "verify_token",
]

_SEAL: Final = object()
_SUBMODS: Final = frozenset({"platform", "orchestrator", "namespace"})


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a relying party demands of every token: who made it, and for whom."""

    issuer: str
    audience: str


@final
class Token:
    """A token that is authentic, current, for us, and not revoked as of its list."""

    __slots__ = ("ear",)

    def __init__(self, ear: Ear, *, _seal: object) -> None:
        """Refuse everybody but `AuthenticToken.settle`."""
        if _seal is not _SEAL:
            message = "a Token is made by troth.token, not by its callers"
            raise TypeError(message)
        self.ear: Final = ear


@final
class AuthenticToken:
    """A token that is authentic, current and for us; whether it was revoked is not known yet."""

    __slots__ = ("_ear", "_expected", "_keys")

    def __init__(self, ear: Ear, keys: KeySet, expected: Expected, *, _seal: object) -> None:
        """Refuse everybody but `SignedToken.hold`."""
        if _seal is not _SEAL:
            message = "an AuthenticToken is made by troth.token, not by its callers"
            raise TypeError(message)
        self._ear: Final = ear
        self._keys: Final = keys
        self._expected: Final = expected

    @property
    def status_uri(self) -> str:
        """Where its status list is."""
        return self._ear.status.status_list.uri

    def settle(self, status_list: str, at: datetime) -> Token:
        """Return the token if its list, fetched at most `STATUS_TTL_S` ago, does not revoke it.

        Args:
            status_list: the signed list that was found at `status_uri`.
            at: now, aware.

        Raises:
            MalformedError, UntrustedError, StaleError: as `read_status_list`.
            UntrustedError: `token.status-index`.
            DeniedError: `token.revoked`.
        """
        listed = read_status_list(
            status_list, self._keys, issuer=self._expected.issuer, uri=self.status_uri, at=at
        )
        if listed.revoked(self._ear.status.status_list.idx):
            raise DeniedError("token.revoked", self._ear.jti)
        return Token(self._ear, _seal=_SEAL)


@final
class SignedToken:
    """A token that one of the keys signed; for whom, when and whether still, is not known yet."""

    __slots__ = ("_keys", "claims")

    def __init__(self, claims: Ear, keys: KeySet, *, _seal: object) -> None:
        """Refuse everybody but `read_signed`."""
        if _seal is not _SEAL:
            message = "a SignedToken is made by read_signed"
            raise TypeError(message)
        self.claims: Final = claims  # for logs; nothing may be decided by them yet
        self._keys: Final = keys

    def hold(self, expected: Expected, *, at: datetime) -> AuthenticToken:
        """Return the token if its claims hold; arguments and errors as of `open_token`."""
        ear = self.claims
        try:
            key_of(ear.cnf.jwk)
        except TrothError as error:
            raise MalformedError("token.malformed", str(error)) from None
        if ear.submods.keys() != _SUBMODS:
            raise MalformedError("token.malformed", "platform, orchestrator and namespace are due")
        _run_registry(ear, expected, int(at.timestamp()))
        if not 0 < ear.exp - ear.iat <= TOKEN_MAX_LIFETIME_S:
            raise UntrustedError("token.lifetime", f"{ear.exp - ear.iat} seconds")
        for name, submod in ear.submods.items():
            if submod.status != submod.vector.status:
                raise UntrustedError("token.status-tier", f"{name}: {submod.status}")
        return AuthenticToken(ear, self._keys, expected, _seal=_SEAL)


def verify_token(
    text: str,
    *,
    keys: KeySet,
    expected: Expected,
    at: datetime,
    status: Callable[[str], str],
) -> Token:
    """Return a token after every check.

    Args:
        text: the compact JWT.
        keys: the verifier's keys.
        expected: who must have made it, and for whom.
        at: now, aware.
        status: returns the signed status list at an address; what it raises passes through, and
            an OSError becomes `token.status-missing`.

    Raises:
        MalformedError, UntrustedError, StaleError, DeniedError: as `open_token` and
            `AuthenticToken.settle`.
        StaleError: `token.status-missing`.
    """
    token = open_token(text, keys=keys, expected=expected, at=at)
    try:
        listed = status(token.status_uri)
    except OSError as error:
        raise StaleError("token.status-missing", str(error)) from None
    return token.settle(listed, at)


def open_token(text: str, *, keys: KeySet, expected: Expected, at: datetime) -> AuthenticToken:
    """Return a token whose signature and claims hold.

    Args:
        text: the compact JWT.
        keys: the verifier's keys.
        expected: who must have made it, and for whom.
        at: now, aware.

    Raises:
        MalformedError: `token.malformed`.
        UntrustedError: `token.algorithm`, `token.type`, `token.key`, `token.signature`,
            `token.issuer`, `token.lifetime` or `token.status-tier`.
        StaleError: `token.expired` or `token.not-yet-valid`.
        DeniedError: `token.audience`.
    """
    return read_signed(text, keys).hold(expected, at=at)


def read_signed(text: str, keys: KeySet) -> SignedToken:
    """Return a token whose signature holds, and of whose claims nothing more is known.

    Raises:
        MalformedError: `token.malformed`.
        UntrustedError: `token.algorithm`, `token.type`, `token.key` or `token.signature`.
    """
    payload = open_jws(text, keys, typ=TOKEN_TYPE)
    try:
        ear = json.decode(payload, Ear, max_bytes=TOKEN_MAX_BYTES, max_depth=6)
    except TrothError as error:
        raise MalformedError("token.malformed", str(error)) from None
    return SignedToken(ear, keys, _seal=_SEAL)


def _run_registry(ear: Ear, expected: Expected, now: int) -> None:
    """Hold the registered claims (RFC 7519 §4.1) to what is due."""
    registry = JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.audience},
        exp={"essential": True},
        iat={"essential": True},
        jti={"essential": True},
        eat_nonce={"essential": True},
        cnf={"essential": True},
        status={"essential": True},
        eat_profile={"essential": True, "value": EAR_PROFILE},
    )
    try:
        registry.validate(msgspec.to_builtins(ear))
    except ClaimError as error:
        _refuse(error)


def _refuse(error: ClaimError) -> NoReturn:
    detail = error.description or str(error)
    match error:
        case ExpiredTokenError():
            raise StaleError("token.expired", detail) from None
        case MissingClaimError():
            raise MalformedError("token.malformed", detail) from None
        case InvalidClaimError(claim="iss"):
            raise UntrustedError("token.issuer", detail) from None
        case InvalidClaimError(claim="aud"):
            raise DeniedError("token.audience", detail) from None
        case InvalidClaimError(claim="iat"):
            raise StaleError("token.not-yet-valid", detail) from None
    raise MalformedError("token.malformed", detail) from None
