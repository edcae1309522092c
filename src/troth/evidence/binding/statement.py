# SPDX-License-Identifier: Apache-2.0
"""The statement: one namespace's claims for one nonce (BINDING 4.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from troth.crypto.cose import Sign1
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import MalformedError
from troth.evidence.binding import _check, labels
from troth.evidence.binding.namespace import Namespace
from troth.wire import cbor

__all__ = ["STATEMENT_MAX_BYTES", "Caller", "Channel", "SignedStatement", "Statement"]

STATEMENT_MAX_BYTES: Final = 4096  # all bounds together leave less than 3,000

_AUD, _IAT, _CNF, _NONCE, _PROFILE = 3, 6, 8, 10, 265
_ANCHOR, _NAMESPACE, _CALLER = -65537, -65538, -65539
_USER_DATA, _CHANNEL, _ALARMS = -65540, -65541, -65542
_DUE: Final = frozenset({_AUD, _IAT, _NONCE, _PROFILE, _NAMESPACE, _ALARMS})
_MAY: Final = frozenset({_CNF, _ANCHOR, _CALLER, _USER_DATA, _CHANNEL})
_CNF_DUE: Final = frozenset({1})
_CALLER_DUE: Final = frozenset({1})
_CALLER_MAY: Final = frozenset({2, 3})
_NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Channel:
    """The connection that a caller means.

    Attributes:
        role: the caller's: 1 TLS client, 2 TLS server.
        exporter: what the TLS exporter gives for it, 32 bytes.
        value: the CBOR array, for encoding; not to be changed.
    """

    role: int
    exporter: bytes
    value: list[object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            MalformedError: `binding.type`, `binding.range`.
        """
        role = _check.unsigned(self.role, 1, 2, "channel role")
        exporter = _check.exact_bytes(self.exporter, _check.HASH32, "channel value")
        object.__setattr__(self, "value", [role, exporter])

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded array says.

        Raises:
            MalformedError: `binding.…`.
        """
        role, exporter = _check.items(value, 2, "channel")
        return cls(role, exporter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Which process asked. Executable and uid are hints: no policy may rest on them.

    Attributes:
        method: 1 socket and cgroup, 2 loopback TCP.
        uid: in the initial user namespace.
        executable: SHA-256 of the executable.
        value: the CBOR map, for encoding; not to be changed.
    """

    method: int
    uid: int | None = None
    executable: bytes | None = None
    value: dict[int, object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            MalformedError: `binding.type`, `binding.range`.
        """
        value: dict[int, object] = {1: _check.unsigned(self.method, 1, 2, "caller method")}
        if self.uid is not None:
            value[2] = _check.unsigned(self.uid, 0, _check.MAX_UINT, "uid")
        if self.executable is not None:
            value[3] = _check.exact_bytes(self.executable, _check.HASH32, "executable")
        object.__setattr__(self, "value", value)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded map says.

        Raises:
            MalformedError: `binding.…`.
        """
        got = _check.members(value, _CALLER_DUE, _CALLER_MAY, "caller")
        return cls(method=got[1], uid=got.get(2), executable=got.get(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One namespace's claims for one nonce.

    Attributes:
        audience: whom it is for.
        issued_at: the guest's clock, seconds: a hint.
        nonce: 16 to 64 bytes.
        namespace: the claims, frozen after the request and before the report.
        alarms: alarms of this boot so far.
        cnf: the caller's own key.
        anchor: report data of the anchor epoch, 64 bytes; in delegated statements only.
        caller: which process asked.
        user_data: the caller's bytes, as they were.
        channel: the connection that the caller means.
        encoded: the bare map's bytes.
    """

    audience: str
    issued_at: int
    nonce: bytes
    namespace: Namespace
    alarms: int = 0
    cnf: CoseKey | None = None
    anchor: bytes | None = None
    caller: Caller | None = None
    user_data: bytes | None = None
    channel: Channel | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode.

        Raises:
            MalformedError: `binding.…`.
        """
        # In the order of the encoded keys, so that the encoder need not sort.
        value: dict[int, object] = {
            _AUD: _check.text(self.audience, 1, 255, "audience"),
            _IAT: _check.unsigned(self.issued_at, 0, _check.MAX_UINT, "iat"),
        }
        if self.cnf is not None:
            value[_CNF] = {1: self.cnf.value}
        value[_NONCE] = _check.some_bytes(self.nonce, 16, 64, "nonce")
        value[_PROFILE] = labels.STATEMENT_PROFILE
        if self.anchor is not None:
            value[_ANCHOR] = _check.exact_bytes(self.anchor, _check.HASH64, "anchor")
        value[_NAMESPACE] = self.namespace.value
        if self.caller is not None:
            value[_CALLER] = self.caller.value
        if self.user_data is not None:
            value[_USER_DATA] = _check.some_bytes(self.user_data, 1, 64, "user data")
        if self.channel is not None:
            value[_CHANNEL] = self.channel.value
        value[_ALARMS] = _check.unsigned(self.alarms, 0, _check.MAX_UINT, "alarms")
        object.__setattr__(self, "encoded", cbor.encode(value))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the bare map of a statement, fresh or delegated.

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.profile`.
        """
        value = cbor.decode(data, max_bytes=STATEMENT_MAX_BYTES)
        got = _check.members(value, _DUE, _MAY, "statement")
        if got[_PROFILE] != labels.STATEMENT_PROFILE:
            raise MalformedError("unsupported.profile", f"{got[_PROFILE]!r}")
        cnf = None
        if _CNF in got:
            cnf = CoseKey.of(_check.members(got[_CNF], _CNF_DUE, _NONE, "cnf")[1])
        return cls(
            audience=got[_AUD],
            issued_at=got[_IAT],
            nonce=got[_NONCE],
            namespace=Namespace.of(got[_NAMESPACE]),
            alarms=got[_ALARMS],
            cnf=cnf,
            anchor=got.get(_ANCHOR),
            caller=Caller.of(got[_CALLER]) if _CALLER in got else None,
            user_data=got.get(_USER_DATA),
            channel=Channel.of(got[_CHANNEL]) if _CHANNEL in got else None,
        )

    @property
    def digest(self) -> bytes:
        """H(statement), 32 bytes: what the leaf covers."""
        return hashlib.sha256(self.encoded).digest()

    def sign(self, statement_key: PrivateKey) -> SignedStatement:
        """Sign a delegated statement with the key that its anchor epoch names.

        Raises:
            ValueError: the statement has no anchor: it is no delegated one.
        """
        if self.anchor is None:
            message = "bare statements are never signed"
            raise ValueError(message)
        signed = Sign1.sign(statement_key, self.encoded, labels.AAD_STATEMENT)
        return SignedStatement(statement=self, signature=signed.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """A delegated statement under a signature that nobody has verified yet.

    Attributes:
        statement: the payload.
        signature: r‖s, 64 bytes.
        encoded: the bytes of the COSE_Sign1.
    """

    statement: Statement
    signature: bytes
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Encode."""
        _check.exact_bytes(self.signature, 64, "signature")
        encoded = Sign1(self.statement.encoded, self.signature).build()
        object.__setattr__(self, "encoded", encoded)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a signed statement.

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.profile`.
        """
        signed = Sign1.parse(data, max_bytes=STATEMENT_MAX_BYTES + 128)
        return cls(statement=Statement.parse(signed.payload), signature=signed.signature)

    def verify(self, statement_key: CoseKey) -> None:
        """Return if `statement_key` signed this statement as one (BINDING 4.9, step 10).

        Raises:
            UntrustedError: `binding.statement-signature`.
        """
        signed = Sign1(self.statement.encoded, self.signature)
        signed.verify(statement_key, labels.AAD_STATEMENT, "binding.statement-signature")
