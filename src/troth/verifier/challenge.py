# SPDX-License-Identifier: Apache-2.0
"""Challenges without a row: a nonce carries its own time, and a MAC says that it is ours.

    version[1] ‖ issued[8] ‖ random[16] ‖ HMAC-SHA-256(key, version ‖ issued ‖ random)[32]

57 bytes; `issued` is big-endian microseconds since 1970. A nonce is bound to nothing else: which
namespace it ends up in is the statement's matter. Only a nonce that is *used* costs a row.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Final, final

from troth.crypto.digest import mac_sha256, same
from troth.errors import StaleError
from troth.verify.bundle import Steps

__all__ = ["CHALLENGE_KEY_BYTES", "Challenges", "make_challenge"]

CHALLENGE_KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_TIME_BYTES: Final = 8
_RANDOM_BYTES: Final = 16
_BODY_BYTES: Final = 1 + _TIME_BYTES + _RANDOM_BYTES
_MAC_BYTES: Final = 32
_NONCE_BYTES: Final = _BODY_BYTES + _MAC_BYTES
_TOLERANCE: Final = timedelta(seconds=2)  # between the clocks of two replicas
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def make_challenge(key: bytes, at: datetime) -> bytes:
    """Return a new nonce, 57 bytes, issued at `at` (aware)."""
    issued = int((at - _EPOCH) / timedelta(microseconds=1))
    body = _VERSION + issued.to_bytes(_TIME_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)
    return body + mac_sha256(key, body)


@final
class Challenges:
    """Our nonces as one appraisal sees them; see `troth.verify.bundle.Nonces`."""

    def __init__(
        self, key: bytes, *, lifetime_s: int, at: datetime, not_before: datetime | None = None
    ) -> None:
        """Take the key and the instant of the appraisal.

        Args:
            key: that of `make_challenge`.
            lifetime_s: how long a nonce may be used.
            at: now, aware.
            not_before: nonces issued earlier are refused: the memory of their use may be lost.
        """
        self._key = key
        self._lifetime = timedelta(seconds=lifetime_s)
        self._at = at
        self._not_before = not_before

    def recognise(self, nonce: bytes, steps: Steps) -> datetime:
        """Return when the nonce was issued if it may be used now.

        Raises:
            StaleError: `challenge.unknown`, `challenge.expired` or `challenge.future`.
        """
        with steps.noted("nonce", expected="ours, and current", source="challenge key"):
            issued = self._issued(nonce)
            if self._not_before is not None and issued <= self._not_before:
                raise StaleError("challenge.expired", "issued before the database was replaced")
            if issued > self._at + _TOLERANCE:
                raise StaleError("challenge.future", f"issued at {issued}, it is {self._at}")
            if self._at - issued > self._lifetime:
                raise StaleError("challenge.expired", f"issued at {issued}, it is {self._at}")
        return issued

    def compare(self, nonce: bytes, steps: Steps) -> None:
        """Return: the MAC covers every byte of the nonce, and step 2 has looked at it."""
        with steps.noted("nonce", expected="all bytes as issued", source="challenge key"):
            self._issued(nonce)

    def issued(self, nonce: bytes, steps: Steps) -> datetime:
        """Return when we issued an anchor's nonce, however long ago.

        Raises:
            StaleError: `challenge.unknown`.
        """
        with steps.noted("anchor-nonce", expected="ours", source="challenge key"):
            return self._issued(nonce)

    def _issued(self, nonce: bytes) -> datetime:
        body, mac = nonce[:_BODY_BYTES], nonce[_BODY_BYTES:]
        ours = len(nonce) == _NONCE_BYTES and same(mac, mac_sha256(self._key, body))
        if not ours or body[:1] != _VERSION:
            raise StaleError("challenge.unknown", "not a nonce of this verifier")
        micros = int.from_bytes(body[1 : 1 + _TIME_BYTES], "big")
        return _EPOCH + timedelta(microseconds=micros)
