# SPDX-License-Identifier: Apache-2.0
"""What one boot has: its key and its root statement, and the sealed memory that carries them.

The key is never written to a disk. It is handed on in a memfd, sealed so that nobody changes it,
which the supervising parent holds, or the service manager (BINDING 4.5).
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import Final, Self

import troth
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError, MalformedError
from troth.evidence.binding import RootStatement, root_register_value
from troth.wire import cbor

__all__ = ["FD_NAME", "Boot", "Register"]

FD_NAME: Final = "troth-boot"

_MAX_BYTES: Final = 4096
_BEFORE: Final = 3  # in what is sealed: the register before, where there is one
_HASH_BYTES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64, "sha3-384": 48, "sha3-512": 64}
# fcntl(2): nobody writes, grows, shrinks, or takes the seals off.
_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_HIGH_FD: Final = 64  # out of the way of the numbers that a child is handed


@dataclass(frozen=True, slots=True)
class Register:
    """The root register as the root step found it.

    Attributes:
        value: what it held.
        algorithm: the hash that extends it, by its name at IANA (RFC 6920).
    """

    value: bytes
    algorithm: str

    @classmethod
    def of(cls, value: object, algorithm: object) -> Self:
        """Return a register that was written down.

        Raises:
            ValueError: a hash that nobody knows, or a value of another size.
        """
        if (
            not isinstance(algorithm, str)
            or not isinstance(value, bytes)
            or len(value) != _HASH_BYTES.get(algorithm)
        ):
            raise ValueError("not a register")
        return cls(value, algorithm)

    def after(self, root: RootStatement) -> bytes:
        """Return what it holds once it was extended with a root statement and nothing else."""
        return root_register_value(root, self.value, self.algorithm)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Boot:
    """The key and the root statement of one boot.

    Attributes:
        key: signs epochs.
        root: names the key.
        before: the root register before the root step; None where there is none, and the boot is
            unrooted from the start.
    """

    key: PrivateKey
    root: RootStatement
    before: Register | None

    @classmethod
    def make(cls, configuration: bytes, before: Register | None) -> Boot:
        """Return a new boot key and its root statement.

        Args:
            configuration: SHA-256 of the configuration file's bytes.
            before: the root register, or None.
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
        return None if self.before is None else self.before.after(self.root)

    def seal(self) -> int:
        """Return a sealed memfd with all of this, closed on exec."""
        value: dict[int, object] = {1: self.key.pem(), 2: self.root.encoded}
        if self.before is not None:
            value[_BEFORE] = [self.before.value, self.before.algorithm]
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
            before = Register.of(*got[_BEFORE]) if _BEFORE in got else None
        except (OSError, ValueError, KeyError, TypeError, MalformedError) as error:
            raise DriverError("root.handed-over", type(error).__name__) from None
        if CoseKey.from_p256(key.public) != root.boot_key:
            raise DriverError("root.handed-over", "the key is not the root statement's")
        return cls(key=key, root=root, before=before)
