# SPDX-License-Identifier: Apache-2.0
"""What a verifier knows of nonces (BINDING 4.9, steps 2, 10 and 11)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, final

from troth.crypto.digest import same
from troth.errors import StaleError
from troth.verify.bundle.steps import Steps

__all__ = ["AnyNonce", "ExpectedNonce", "Nonces"]


class Nonces(Protocol):
    """The nonces that are ours, and when we issued them."""

    def recognise(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Return when the nonce was issued if it may be used now; None if nobody can say.

        Raises:
            StaleError: `challenge.*`.
        """
        ...

    def compare(self, nonce: bytes, steps: Steps) -> None:
        """Return if the nonce is the one that is due, in all bytes.

        Raises:
            DeniedError: `claims.nonce`.
        """
        ...

    def issued(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Return when we issued the nonce of an anchor; None if the caller does not ask.

        Raises:
            StaleError: `challenge.unknown`, it is not ours.
        """
        ...


@final
class ExpectedNonce:
    """The one nonce that the caller of an offline appraisal gave."""

    def __init__(self, nonce: bytes) -> None:
        """Take the nonce, 16 to 64 bytes."""
        self._nonce = nonce

    def recognise(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Leave the comparison to step 11."""
        steps.skipped("nonce", why=f"one nonce was given; step 11 compares {len(nonce)} bytes")
        return None

    def compare(self, nonce: bytes, steps: Steps) -> None:
        """Compare all bytes, in constant time."""
        steps.check(
            "nonce",
            same(nonce, self._nonce),
            "claims.nonce",
            expected=self._nonce,
            got=nonce,
            source="caller",
        )

    def issued(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Refuse: nobody here knows when an anchor's nonce was issued."""
        with steps.noted("anchor-nonce", expected="a nonce that we can date", source="caller"):
            raise StaleError("challenge.unknown", f"{nonce.hex()} cannot be dated offline")


@final
class AnyNonce:
    """No nonce is compared and no anchor dated, on purpose: what is judged may be a replay."""

    def recognise(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Note that nothing is asked."""
        steps.skipped("nonce", why=_why(nonce))
        return None

    def compare(self, nonce: bytes, steps: Steps) -> None:
        """Note that nothing is compared."""
        steps.skipped("nonce", why=_why(nonce))

    def issued(self, nonce: bytes, steps: Steps) -> datetime | None:
        """Note that the anchor is of unknown age."""
        steps.skipped("anchor-nonce", why=_why(nonce))
        return None


def _why(nonce: bytes) -> str:
    return f"any nonce, by the caller's word: {nonce.hex()}"
