# SPDX-License-Identifier: Apache-2.0
"""What a caller asks for, in CBOR or, as a convenience, in JSON (BINDING 4.2, 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from troth.crypto.cose_key import CoseKey
from troth.errors import MalformedError
from troth.evidence.binding import _check
from troth.evidence.binding.statement import Channel
from troth.wire import base64url, cbor, json

__all__ = ["REQUEST_JSON_MAX_BYTES", "REQUEST_MAX_BYTES", "Mode", "Request", "key_of_jwk"]

REQUEST_MAX_BYTES: Final = 1024  # all bounds together leave less
REQUEST_JSON_MAX_BYTES: Final = 8192

_DUE: Final = frozenset({1, 2})
_CNF, _CHANNEL = 4, 6
_MAY: Final = frozenset({3, _CNF, 5, _CHANNEL, 7})
_PRIVATE: Final = frozenset({"d", "p", "q", "k", "priv"})
_JWK_DUE: Final = frozenset({"kty", "crv", "alg", "x"})


class Mode(IntEnum):
    """Whether a report is due."""

    FRESH = 0
    DELEGATED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A caller's wish, all bounds checked.

    Attributes:
        nonce: 16 to 64 bytes.
        audience: whom the statement is for; required.
        mode: fresh or delegated.
        cnf: the caller's own key.
        user_data: 1 to 64 bytes, copied as they are.
        channel: the connection that the caller means.
        log_since: index of the first log entry wanted.
        encoded: the request in CBOR.
    """

    nonce: bytes
    audience: str
    mode: int = Mode.FRESH
    cnf: CoseKey | None = None
    user_data: bytes | None = None
    channel: Channel | None = None
    log_since: int | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode; the default mode is written by leaving it out.

        Raises:
            MalformedError: `binding.…`.
        """
        value: dict[int, object] = {
            1: _check.some_bytes(self.nonce, 16, 64, "nonce"),
            2: _check.text(self.audience, 1, 255, "audience"),
        }
        if _check.unsigned(self.mode, 0, 1, "mode") != Mode.FRESH:
            value[3] = int(self.mode)
        if self.cnf is not None:
            value[4] = self.cnf.value
        if self.user_data is not None:
            value[5] = _check.some_bytes(self.user_data, 1, 64, "user data")
        if self.channel is not None:
            value[6] = self.channel.value
        if self.log_since is not None:
            value[7] = _check.unsigned(self.log_since, 0, _check.MAX_UINT, "log_since")
        object.__setattr__(self, "encoded", cbor.encode(value))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request in CBOR. The default mode may be spelt out.

        Raises:
            MalformedError: `cbor.…`, `binding.…` or `cose.…`.
        """
        value = cbor.decode(data, max_bytes=REQUEST_MAX_BYTES)
        got = _check.members(value, _DUE, _MAY, "request")
        return cls(
            nonce=got[1],
            audience=got[2],
            mode=got.get(3, 0),
            cnf=CoseKey.of(got[_CNF]) if _CNF in got else None,
            user_data=got.get(5),
            channel=Channel.of(got[_CHANNEL]) if _CHANNEL in got else None,
            log_since=got.get(7),
        )

    @classmethod
    def parse_json(cls, data: bytes) -> Self:
        """Read a request in JSON.

        Raises:
            MalformedError: `json.…`, `wire.base64url`, `binding.…` or `cose.…`.
        """
        got = json.decode(data, JsonRequest, max_bytes=REQUEST_JSON_MAX_BYTES, max_depth=3)
        channel = None
        if got.channel is not UNSET:
            channel = Channel(got.channel.role, base64url.decode(got.channel.value))
        user_data = None if got.user_data is UNSET else base64url.decode(got.user_data)
        return cls(
            nonce=base64url.decode(got.nonce),
            audience=got.audience,
            mode=Mode.DELEGATED if got.mode == "delegated" else Mode.FRESH,
            cnf=None if got.cnf is UNSET else key_of_jwk(got.cnf),
            user_data=user_data,
            channel=channel,
            log_since=None if got.log_since is UNSET else got.log_since,
        )


class _JsonChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: int
    value: str


class JsonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of a request in JSON (BINDING 4.2). null is nowhere a value."""

    nonce: str
    audience: str
    mode: Literal["fresh", "delegated"] = "fresh"
    cnf: dict[str, object] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    channel: _JsonChannel | UnsetType = UNSET
    log_since: int | UnsetType = UNSET


def key_of_jwk(jwk: dict[str, object]) -> CoseKey:
    """Return the COSE key of a decoded JWK (BINDING 4.2).

    Args:
        jwk: `kty`, `crv`, `alg`, `x` and, for EC, `y`; nothing else.

    Raises:
        MalformedError: `binding.private-key`, a private member stands in it; `binding.members`,
            `binding.type`, `wire.base64url`, `cose.key` or `cose.point`.
    """
    if _PRIVATE & jwk.keys():
        raise MalformedError("binding.private-key", "a private key does not belong into a request")
    due = _JWK_DUE | {"y"} if jwk.get("kty") == "EC" else _JWK_DUE
    got = _check.members(jwk, due, frozenset(), "JWK")
    for name, one in got.items():
        _check.text(one, 1, 128, f"JWK {name}")
    y = base64url.decode(got["y"]) if "y" in got else b""
    x = base64url.decode(got["x"])
    return CoseKey.from_jwk(kty=got["kty"], crv=got["crv"], alg=got["alg"], x=x, y=y)
