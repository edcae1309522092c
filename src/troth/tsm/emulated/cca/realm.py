# SPDX-License-Identifier: Apache-2.0
"""The realm and the monitor that runs it: measurements, extend, claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from troth.crypto.digest import digest_by_name
from troth.crypto.signing_key import SigningKey
from troth.errors import DriverError
from troth.evidence.cca import RealmClaims
from troth.evidence.cca.layout import CHALLENGE_BYTES, HASHES, REALM_PROFILE, REM_COUNT
from troth.tsm.emulated.cca.settings import Realm

__all__ = ["RunningRealm", "launched"]

_EXTEND_MAX_BYTES: Final = 64
_UNCOMPRESSED: Final = b"\x04"  # SEC 1 §2.3.3


def launched(realm: Realm) -> Realm:
    """Return the settings of a realm with every measurement chosen.

    Raises:
        ValueError: a measurement is not of the hash algorithm's size, or the key's curve has no
            place in a legacy token.
    """
    size = HASHES[realm.hash_algorithm]
    rim = realm.rim or digest_by_name(realm.hash_algorithm, b"troth emulated realm").hex()
    rems = realm.rems or ("00" * size,) * REM_COUNT
    if any(len(one) != 2 * size for one in (rim, *rems)):
        message = f"a measurement is not of {realm.hash_algorithm}"
        raise ValueError(message)
    if realm.profile == "legacy" and realm.curve != "P-384":
        message = "a legacy realm token has its key on P-384"
        raise ValueError(message)
    return replace(realm, rim=rim, rems=rems)


class RunningRealm:
    """A running realm. Its registers change by `extend` alone, all else is fixed at launch."""

    def __init__(self, realm: Realm, rak: SigningKey, registers: Sequence[bytes]) -> None:
        """Take what was launched, the monitor's key and the registers' values."""
        self._realm = realm
        self._rak = rak
        self._registers = list(registers)

    @property
    def registers(self) -> tuple[bytes, ...]:
        """The values of REM0 to REM3, of the realm's hash algorithm."""
        return tuple(self._registers)

    def extend(self, index: int, digest: bytes) -> None:
        """Set a REM to the hash of its value and `digest` (RSI_MEASUREMENT_EXTEND).

        Args:
            index: 0 to 3, for REM0 to REM3. The call itself counts them from 1.
            digest: 1 to 64 bytes.

        Raises:
            DriverError: `tsm.register`, another index or size; the register is as it was.
        """
        if not 0 <= index < REM_COUNT:
            raise DriverError("tsm.register", f"REM{index}; there are REM0 to REM3")
        if not 0 < len(digest) <= _EXTEND_MAX_BYTES:
            raise DriverError("tsm.register", f"{len(digest)} bytes, 1 to 64 are due")
        value = self._registers[index] + digest
        self._registers[index] = digest_by_name(self._realm.hash_algorithm, value)

    def claims(self, challenge: bytes, rak: bytes | None = None) -> RealmClaims:
        """Return what the monitor says for a challenge of 64 bytes.

        Args:
            challenge: what the token is for.
            rak: the key's claim, if it is to be other bytes than the key's own.

        Raises:
            DriverError: `tsm.report-data`, another size.
        """
        if len(challenge) != CHALLENGE_BYTES:
            raise DriverError("tsm.report-data", f"{len(challenge)} bytes, 64 are due")
        realm = self._realm
        return RealmClaims(
            challenge=challenge,
            personalization_value=bytes.fromhex(realm.personalization_value),
            rim=bytes.fromhex(realm.rim or ""),
            rems=self.registers,
            hash_algorithm=realm.hash_algorithm,
            rak=self._rak_claim() if rak is None else rak,
            rak_hash_algorithm=realm.rak_hash_algorithm,
            profile=None if realm.profile == "legacy" else REALM_PROFILE,
        )

    def _rak_claim(self) -> bytes:
        public = self._rak.public
        return _UNCOMPRESSED + public.raw if self._realm.profile == "legacy" else public.cose()
