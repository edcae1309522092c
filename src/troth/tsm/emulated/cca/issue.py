# SPDX-License-Identifier: Apache-2.0
"""Signing tokens as the platform and the monitor do, and with one thing changed, for tests.

What a change leaves alone is sound: what it touches before signing is signed. The platform token
names the key that the monitor handed over, so a change of the realm's claims does not reach it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from troth.crypto.cose_token import TokenSign1
from troth.crypto.signing_key import SigningKey
from troth.evidence.cca import PlatformClaims, RealmClaims, collection
from troth.wire import cbor

__all__ = ["TokenChanges", "issue"]

Change = Callable[[dict[int, Any]], object]
PayloadChange = Callable[[bytes], bytes]
TokenChange = Callable[[cbor.Tag], object]


class TokenChanges(TypedDict, total=False):
    """What is to be different from a sound token.

    Attributes:
        rak: the realm's key as its claim carries it; the platform token names these bytes.
        platform_claims: changes the map of claims.
        realm_claims: likewise.
        platform_payload: turns the encoded claims into what is signed.
        realm_payload: likewise.
        platform_key: signs the platform token.
        realm_key: signs the realm token.
        platform_protected: the protected header, signed as it is.
        realm_protected: likewise.
        platform_token: turns the signed COSE_Sign1 into what is sent.
        realm_token: likewise.
        collection: puts the token of two encoded tokens together.
    """

    rak: bytes
    platform_claims: Change
    realm_claims: Change
    platform_payload: PayloadChange
    realm_payload: PayloadChange
    platform_key: SigningKey
    realm_key: SigningKey
    platform_protected: bytes
    realm_protected: bytes
    platform_token: TokenChange
    realm_token: TokenChange
    collection: Callable[[bytes, bytes], bytes]


def issue(
    platform: PlatformClaims,
    realm: RealmClaims,
    cpak: SigningKey,
    rak: SigningKey,
    changes: TokenChanges,
) -> bytes:
    """Return the token of these claims, signed by these keys, but for `changes`."""
    halves = (
        _signed(
            platform.value(),
            changes.get("platform_claims"),
            changes.get("platform_payload"),
            changes.get("platform_key", cpak),
            changes.get("platform_protected"),
            changes.get("platform_token"),
        ),
        _signed(
            realm.value(),
            changes.get("realm_claims"),
            changes.get("realm_payload"),
            changes.get("realm_key", rak),
            changes.get("realm_protected"),
            changes.get("realm_token"),
        ),
    )
    return changes.get("collection", collection)(*halves)


def _signed(
    claims: dict[int, Any],
    change: Change | None,
    change_payload: PayloadChange | None,
    key: SigningKey,
    protected: bytes | None,
    change_token: TokenChange | None,
) -> bytes:
    if change is not None:
        change(claims)
    payload = cbor.encode(claims)
    if change_payload is not None:
        payload = change_payload(payload)
    token = TokenSign1.sign(key, payload, protected=protected).value()
    return cbor.encode(token if change_token is None else change_token(token))
