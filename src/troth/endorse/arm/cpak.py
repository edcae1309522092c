# SPDX-License-Identifier: Apache-2.0
"""CCA platform attestation keys: which key speaks for which platform.

A token brings no certificates. Whoever makes or runs the platforms hands out the public keys, and
a verifier looks one up by the ids in the platform token. A store is a JSON array:

    [{"implementation-id": 64 hex digits, "instance-id": 66 hex digits, "pkey": JWK}, …]

with keys as in RFC 7517: `kty` EC, `crv` P-256 or P-384, `x`, `y`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec

from troth.crypto.verifying_key import CURVES, VerifyingKey
from troth.errors import MalformedError
from troth.evidence.cca.layout import IMPLEMENTATION_ID_BYTES, INSTANCE_ID_BYTES
from troth.wire import base64url, json
from troth.wire.text import parse_hex

__all__ = ["STORE_MAX_BYTES", "Cpak", "CpakStore", "parse_cpak_key", "parse_cpak_store"]

STORE_MAX_BYTES: Final = 4 * 1024 * 1024
_KEY_MAX_BYTES: Final = 4096
_MOST: Final = 10_000
_PEM: Final = b"-----BEGIN PUBLIC KEY-----"
_CURVES: Final = frozenset({"P-256", "P-384"})


class _Jwk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kty: Literal["EC"]
    crv: Literal["P-256", "P-384"]
    x: str
    y: str


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    implementation_id: str
    instance_id: str
    pkey: _Jwk


_Entries = Annotated[tuple[_Entry, ...], msgspec.Meta(max_length=_MOST)]


class Cpak(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one platform: implementation id of 32 bytes, instance id of 33."""

    implementation_id: bytes
    instance_id: bytes
    key: VerifyingKey


class CpakStore:
    """The platforms whose keys are known. An empty one trusts no platform."""

    __slots__ = ("_cpaks",)

    def __init__(self, cpaks: Iterable[Cpak]) -> None:
        """Take the keys.

        Raises:
            MalformedError: `cpak.store`, two entries are for one platform; `cpak.key`, a key is on
                another curve than P-256 or P-384.
        """
        found: dict[tuple[bytes, bytes], Cpak] = {}
        for one in cpaks:
            platform = (one.implementation_id, one.instance_id)
            if platform in found:
                raise MalformedError("cpak.store", f"twice: instance {one.instance_id.hex()}")
            _check_curve(one.key)
            found[platform] = one
        self._cpaks: Final = found

    def __len__(self) -> int:
        return len(self._cpaks)

    def __iter__(self) -> Iterator[Cpak]:
        return iter(self._cpaks.values())

    def find(self, implementation_id: bytes, instance_id: bytes) -> VerifyingKey | None:
        """Return the key of a platform, or None where none is known."""
        found = self._cpaks.get((implementation_id, instance_id))
        return None if found is None else found.key


def parse_cpak_store(data: bytes) -> CpakStore:
    """Return the store of a JSON text of at most 4 MiB and 10,000 platforms.

    Raises:
        MalformedError: `json.*`, `wire.hex`, `wire.base64url`, `cpak.key`, `cpak.store` or
            `cose.point`.
    """
    entries = json.decode(data, _Entries, max_bytes=STORE_MAX_BYTES)
    return CpakStore(
        Cpak(
            implementation_id=parse_hex(one.implementation_id, IMPLEMENTATION_ID_BYTES),
            instance_id=parse_hex(one.instance_id, INSTANCE_ID_BYTES),
            key=_key(one.pkey),
        )
        for one in entries
    )


def parse_cpak_key(data: bytes) -> VerifyingKey:
    """Return one key, from a JWK or a PEM SubjectPublicKeyInfo of at most 4 KiB.

    Raises:
        MalformedError: `json.*`, `wire.base64url`, `cpak.key`, `cose.key` or `cose.point`.
    """
    if not data.startswith(_PEM):
        return _key(json.decode(data, _Jwk, max_bytes=_KEY_MAX_BYTES))
    if len(data) > _KEY_MAX_BYTES:
        raise MalformedError("cpak.key", f"more than {_KEY_MAX_BYTES} bytes")
    key = VerifyingKey.from_pem(data)
    _check_curve(key)
    return key


def _check_curve(key: VerifyingKey) -> None:
    if key.curve.name not in _CURVES:
        raise MalformedError("cpak.key", f"a key on {key.curve.name}")


def _key(jwk: _Jwk) -> VerifyingKey:
    curve = CURVES[jwk.crv]
    x, y = base64url.decode(jwk.x), base64url.decode(jwk.y)
    if not len(x) == len(y) == curve.size:
        raise MalformedError("cpak.key", f"coordinates are {curve.size} bytes each")
    return VerifyingKey(curve, x + y)
