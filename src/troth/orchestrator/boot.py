# SPDX-License-Identifier: Apache-2.0
"""What one boot has: its key and its root statement, and the sealed memory that carries them.

The key is never written to a disk. It is handed on in a memfd, sealed so that nobody changes it,
which the supervising parent holds, or the service manager (BINDING 4.5).
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import Final

import troth
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError, MalformedError
from troth.evidence.binding import RootStatement
from troth.wire import cbor

__all__ = ["FD_NAME", "Boot"]

FD_NAME: Final = "troth-boot"

_MAX_BYTES: Final = 4096
# fcntl(2): nobody writes, grows, shrinks, or takes the seals off.
_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_HIGH_FD: Final = 64  # out of the way of the numbers that a child is handed


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Boot:
    """The key and the root statement of one boot.

    Attributes:
        key: signs epochs.
        root: names the key.
        before: what the root register held before the root step; None where there is none, and
            the boot is unrooted from the start.
    """

    key: PrivateKey
    root: RootStatement
    before: bytes | None

    @classmethod
    def make(cls, configuration: bytes, before: bytes | None) -> Boot:
        """Return a new boot key and its root statement.

        Args:
            configuration: SHA-256 of the configuration file's bytes.
            before: the root register's value, or None.
        """
        key = PrivateKey.generate()
        root = RootStatement(
            boot_key=CoseKey.from_p256(key.public),
            configuration=configuration,
            software=f"trothd {troth.__version__}",
        )
        return cls(key=key, root=root, before=before)

    @property
    def after(self) -> bytes | None:
        """What the root register holds if nobody but the root step extended it."""
        return None if self.before is None else self.root.tdx_register(self.before)

    def seal(self) -> int:
        """Return a sealed memfd with all of this, closed on exec."""
        value: dict[int, object] = {1: self.key.pem(), 2: self.root.encoded}
        if self.before is not None:
            value[3] = self.before
        content = cbor.encode(value)
        low = os.memfd_create(FD_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(low, content)
            fcntl.fcntl(low, fcntl.F_ADD_SEALS, _SEALS)
            return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
        finally:
            os.close(low)

    @classmethod
    def unseal(cls, descriptor: int) -> Boot:
        """Return what a sealed memfd holds; it stays open and as it is.

        Raises:
            DriverError: `root.handed-over`, it is not sealed, or not what it should be.
        """
        try:
            if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
                raise DriverError("root.handed-over", "the memory is not sealed")
            content = os.pread(descriptor, _MAX_BYTES + 1, 0)
            got = cbor.decode(content, max_bytes=_MAX_BYTES)
            if not isinstance(got, dict):
                raise DriverError("root.handed-over", "not a map")
            key = PrivateKey.from_pem(got[1])
            root = RootStatement.parse(got[2])
            before = got.get(3)
        except (OSError, ValueError, KeyError, MalformedError) as error:
            raise DriverError("root.handed-over", type(error).__name__) from None
        if CoseKey.from_p256(key.public) != root.boot_key:
            raise DriverError("root.handed-over", "the key is not the root statement's")
        return cls(key=key, root=root, before=before)
