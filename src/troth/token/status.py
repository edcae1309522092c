# SPDX-License-Identifier: Apache-2.0
"""Token status lists (draft-ietf-oauth-status-list): one bit a token, compressed and signed.

A list is a snapshot. Whoever reads it fetches it anew when its `ttl` has passed, and takes a list
that is past its `exp`, or that cannot be had, as a revocation of everything in it.

Three times, and what each is for:

    ttl, 2 s        how old a list gets at a reader, by one clock: the reader's own, counted from
                    before it asked the verifier, over TLS or a socket of this machine
    exp, 10 s       how long somebody in between, or a file, could show an older list instead
    leeway, 30 s    what the two machines' clocks may differ by, as for tokens; without it a reader
                    whose clock is wrong by seconds would refuse every token

So a revocation reaches whoever asks the verifier in 2 s. Who is shown an older list, where nothing
protects the way it came, takes it for 40 s if the clocks agree and for 70 s if his is 30 s behind;
that stays below the life of a token, which ends what nobody can be told of.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from troth.errors import MalformedError, StaleError, TrothError, UntrustedError
from troth.token.claims import Seconds, Short
from troth.token.jws import open_jws, sign_jws
from troth.token.keys import KeySet, SigningKey
from troth.wire import base64url, json

__all__ = [
    "LIST_TOKENS",
    "STATUS_LIFETIME_S",
    "STATUS_TTL_S",
    "StatusList",
    "issue_status_list",
    "read_status_list",
]

LIST_TOKENS: Final = 1 << 16  # tokens in one list: 8 KiB before compression
STATUS_TTL_S: Final = 2  # how long a reader may keep a list
STATUS_LIFETIME_S: Final = 10  # how long a list says anything at all
LEEWAY_S: Final = 30  # what two machines' clocks may differ by
_TYPE: Final = "statuslist+jwt"
_LIST_BYTES: Final = LIST_TOKENS // 8
_MAX_BYTES: Final = 64 * 1024


class _Bits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    bits: Literal[1]
    lst: str


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Draft §5.1. `exp` and `ttl` are optional there and required here."""

    sub: Short
    iss: Short
    iat: Seconds
    exp: Seconds
    ttl: Annotated[int, Meta(ge=1, le=3600)]
    status_list: _Bits


class StatusList:
    """A verified list: which of its tokens have been revoked."""

    __slots__ = ("_bits", "ttl_s", "uri")

    def __init__(self, uri: str, ttl_s: int, bits: bytes) -> None:
        """Take the bits, lowest of the first byte first; `read_status_list` is the usual way."""
        self.uri: Final = uri
        self.ttl_s: Final = ttl_s
        self._bits: Final = bits

    def revoked(self, index: int) -> bool:
        """Say whether a token has been revoked.

        Raises:
            UntrustedError: `token.status-index`, the list has no such token.
        """
        if not 0 <= index < len(self._bits) * 8:
            raise UntrustedError("token.status-index", f"no token {index} in {self.uri}")
        return bool(self._bits[index >> 3] >> (index & 7) & 1)


def issue_status_list(
    revoked: Iterable[int], key: SigningKey, *, issuer: str, uri: str, at: datetime
) -> str:
    """Return a signed list in which these indices are set.

    Args:
        revoked: indices below `LIST_TOKENS`.
        key: who signs.
        issuer: what the verifier is called.
        uri: the list's own address.
        at: when it is issued.
    """
    bits = bytearray(_LIST_BYTES)
    for index in revoked:
        bits[index >> 3] |= 1 << (index & 7)
    issued = int(at.timestamp())
    claims = _Claims(
        sub=uri,
        iss=issuer,
        iat=issued,
        exp=issued + STATUS_LIFETIME_S,
        ttl=STATUS_TTL_S,
        status_list=_Bits(bits=1, lst=base64url.encode(zlib.compress(bits, 9))),
    )
    return sign_jws(json.encode(claims), key, typ=_TYPE)


def read_status_list(text: str, keys: KeySet, *, issuer: str, uri: str, at: datetime) -> StatusList:
    """Return a list that the verifier signed for this address and that still says something.

    Args:
        text: the signed list.
        keys: the verifier's keys.
        issuer: what the verifier is called.
        uri: the address that a token named.
        at: now, aware.

    Raises:
        MalformedError: `token.malformed`.
        UntrustedError: as `open_jws`, `token.issuer`, or `token.status-uri`: the list of another
            address.
        StaleError: `token.status-stale`.
    """
    payload = open_jws(text, keys, typ=_TYPE, max_bytes=_MAX_BYTES)
    try:
        claims = json.decode(payload, _Claims, max_bytes=_MAX_BYTES, max_depth=4)
        bits = _inflate(base64url.decode(claims.status_list.lst))
    except TrothError as error:
        raise MalformedError("token.malformed", f"status list: {error}") from None
    if claims.iss != issuer:
        raise UntrustedError("token.issuer", f"{claims.iss!r}, {issuer!r} is due")
    if claims.sub != uri:
        raise UntrustedError("token.status-uri", f"{claims.sub!r}, {uri!r} is due")
    now = int(at.timestamp())
    if not claims.iat - LEEWAY_S <= now < claims.exp + LEEWAY_S:
        raise StaleError("token.status-stale", f"issued at {claims.iat}, it is {now}")
    return StatusList(claims.sub, min(claims.ttl, STATUS_TTL_S), bits)


def _inflate(data: bytes) -> bytes:
    """Return the decompressed list, at most `LIST_TOKENS` bits of it, with nothing behind."""
    inflater = zlib.decompressobj()
    try:
        bits = inflater.decompress(data, _LIST_BYTES)
    except zlib.error as error:
        raise MalformedError("token.malformed", str(error)) from None
    if not inflater.eof or inflater.unused_data:
        raise MalformedError("token.malformed", "a bitstring cut short, too long, or with a tail")
    return bits
