# SPDX-License-Identifier: Apache-2.0
"""Tokens of configured verifiers: their keys and status lists, fetched, kept briefly, or refused.

Keys and lists come from the URL that the configuration names, never from one in a token: of a
token's status URI only the last part is used. What cannot be fetched is believed for as long as the
settings say and no longer; then every token of that verifier is refused.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from troth.broker.fetched import Fetched
from troth.broker.settings import Settings, TrustedVerifier
from troth.client import AsyncVerifier
from troth.client.calls import get_text
from troth.errors import MalformedError, StaleError, TrothError, UntrustedError
from troth.token import (
    Expected,
    KeySet,
    SignedToken,
    Token,
    parse_jwks,
    read_signed,
)
from troth.token.jws import TOKEN_MAX_BYTES
from troth.wire import base64url, json

__all__ = ["Trust", "VerifierView"]

_STATUS_PATH: Final = re.compile(r"/v1/status/[A-Za-z0-9_-]{1,64}\Z", re.ASCII)
_ANEW_S: Final = 2.0  # an unknown key's name causes at most one fetch in this time
_LISTS_MOST: Final = 256


class _Issuer(msgspec.Struct, frozen=True):
    """What is read of a token before anything is known of it: whose keys to try."""

    iss: str


class VerifierView:
    """What the broker knows of one verifier."""

    def __init__(self, verifier: TrustedVerifier, settings: Settings) -> None:
        """Take its place in the configuration; nothing is fetched yet."""
        self.issuer: Final = verifier.issuer
        self._expected = Expected(issuer=verifier.issuer, audience=settings.audience)
        self._client = AsyncVerifier(
            verifier.url,
            timeout_s=settings.fetch_timeout_s,
            ca_file=verifier.ca_file or None,
        )
        self._status_max_age_s = settings.status_max_age_s
        self._keys_max_age_s = settings.keys_max_age_s
        self._keys = Fetched(self._fetch_keys)
        self._lists: dict[str, Fetched[str]] = {}

    async def signed(self, text: str) -> SignedToken:
        """Return a token that one of the verifier's keys signed.

        Raises:
            TrothError: as `read_signed`.
            StaleError: `token.keys-missing`.
        """
        try:
            return read_signed(text, await self.keys())
        except UntrustedError as error:
            if error.code != "token.key":
                raise
        # Signed by a key that was not there when we last looked: it may be a new one.
        return read_signed(text, await self.keys(anew=True))

    async def check(self, signed: SignedToken, at: datetime) -> Token:
        """Return a token after every check, its status included.

        Raises:
            TrothError: as `SignedToken.hold` and `AuthenticToken.settle`.
            StaleError: `token.status-missing`.
        """
        token = signed.hold(self._expected, at=at)
        return token.settle(await self.status(token.status_uri), at)

    async def keys(self, *, anew: bool = False) -> KeySet:
        """Return the verifier's keys.

        Args:
            anew: fetch them even if they are not old, if they are not quite new either.

        Raises:
            StaleError: `token.keys-missing`.
        """
        most = self._keys_max_age_s
        return await self._keys.newest(_ANEW_S if anew else most, otherwise_s=most)

    async def status(self, uri: str) -> str:
        """Return the signed status list that a token names, at most `status_max_age_s` old.

        Raises:
            UntrustedError: `token.status-uri`, not an address of a status list.
            StaleError: `token.status-missing`.
        """
        path = _STATUS_PATH.search(uri)
        if path is None:
            raise UntrustedError("token.status-uri", uri)
        listed = self._lists.get(path[0])
        if listed is None:
            if len(self._lists) >= _LISTS_MOST:
                self._lists.clear()
            listed = self._lists[path[0]] = Fetched(partial(self._fetch_list, path[0]))
        return await listed.newest(self._status_max_age_s)

    async def _fetch_keys(self) -> KeySet:
        try:
            text = await self._client.send(get_text("/v1/jwks", "application/jwk-set+json"))
            return parse_jwks(text.encode())
        except TrothError as error:
            raise StaleError("token.keys-missing", f"{self.issuer}: {error}") from None

    async def _fetch_list(self, path: str) -> str:
        try:
            return await self._client.send(get_text(path, "application/statuslist+jwt"))
        except TrothError as error:
            raise StaleError("token.status-missing", f"{self.issuer}: {error}") from None


class Trust:
    """All configured verifiers."""

    def __init__(self, settings: Settings) -> None:
        """Take the configuration; nothing is fetched yet."""
        self.views = tuple(VerifierView(one, settings) for one in settings.verifier)
        self._by_issuer = {view.issuer: view for view in self.views}

    async def signed(self, text: str) -> SignedToken:
        """Return a token that one of the verifiers signed.

        Raises:
            MalformedError: `token.malformed`.
            UntrustedError: `token.issuer`, and what the verifier's view raises.
            TrothError: as `VerifierView.signed`.
        """
        issuer = _issuer_of(text)
        view = self._by_issuer.get(issuer)
        if view is None:
            raise UntrustedError("token.issuer", f"{issuer!r} is not configured")
        return await view.signed(text)

    async def check(self, signed: SignedToken, at: datetime) -> Token:
        """Return the token if it is for us, bound to a key, and not revoked.

        Raises:
            TrothError: as `VerifierView.check`.
        """
        return await self._by_issuer[signed.claims.iss].check(signed, at)


def _issuer_of(text: str) -> str:
    """Return who a token claims to be from: whose keys to try, and nothing more."""
    if len(text) > TOKEN_MAX_BYTES:
        raise MalformedError("token.malformed", f"more than {TOKEN_MAX_BYTES} characters")
    parts = text.split(".")
    try:
        payload = base64url.decode(parts[1] if len(parts) > 1 else "")
        return json.decode(payload, _Issuer, max_bytes=TOKEN_MAX_BYTES, max_depth=6).iss
    except MalformedError as error:
        raise MalformedError("token.malformed", str(error)) from None
