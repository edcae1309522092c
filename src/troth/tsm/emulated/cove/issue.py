# SPDX-License-Identifier: Apache-2.0
"""Signing the three layers as their owners do, and with one thing changed, for tests.

What a change leaves alone is sound: what it touches before signing is signed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from troth.crypto.cose_token import TokenSign1
from troth.crypto.signing_key import SigningKey
from troth.evidence.cove import Layer, payload_of
from troth.evidence.cove.labels import Label
from troth.wire import cbor

__all__ = ["LayerChanges", "TokenChanges", "issue"]

Claims = dict[int, Any]
Submods = dict[str, Any]


class LayerChanges(TypedDict, total=False):
    """What is to be different from a sound layer.

    Attributes:
        claims: changes the map of claims.
        payload: turns the encoded claims, tag and all, into what is signed.
        key: signs this layer.
        key_id: what the protected header calls that key; None for nothing.
        protected: the protected header, signed as it is.
        envelope: turns the signed COSE_Sign1 into what stands in the submodules.
    """

    claims: Callable[[Claims], object]
    payload: Callable[[bytes], bytes]
    key: SigningKey
    key_id: bytes | None
    protected: bytes
    envelope: Callable[[cbor.Tag], object]


class TokenChanges(TypedDict, total=False):
    """What is to be different from a sound token.

    Attributes:
        platform: in the platform token.
        tsm: in the TSM token.
        tvm: in the TVM token.
        token: turns the submodules into the bytes that are sent.
    """

    platform: LayerChanges
    tsm: LayerChanges
    tvm: LayerChanges
    token: Callable[[Submods], bytes]


def issue(
    claims: dict[Layer, Claims],
    keys: dict[Layer, SigningKey],
    root_id: bytes,
    changes: TokenChanges,
) -> bytes:
    """Return the token of these claims, but for `changes`.

    Args:
        claims: of each layer.
        keys: what signs each layer: the key of the one above.
        root_id: what the platform token calls its key.
        changes: what is to be different.
    """
    platform, tsm, tvm = Layer
    submods: Submods = {
        platform.value: _signed(
            claims[platform], keys[platform], root_id, changes.get("platform", {})
        ),
        tsm.value: _signed(claims[tsm], keys[tsm], None, changes.get("tsm", {})),
        tvm.value: _signed(claims[tvm], keys[tvm], None, changes.get("tvm", {})),
    }
    return changes.get("token", _token)(submods)


def _signed(claims: Claims, key: SigningKey, key_id: bytes | None, changes: LayerChanges) -> object:
    changes.get("claims", _unchanged)(claims)
    payload = changes.get("payload", _same)(payload_of(claims))
    signed = TokenSign1.sign(
        changes.get("key", key),
        payload,
        key_id=changes.get("key_id", key_id),
        protected=changes.get("protected"),
    )
    return changes.get("envelope", _as_it_is)(signed.value())


def _token(submods: Submods) -> bytes:
    return cbor.encode({Label.SUBMODS.value: submods})


def _unchanged(_: Claims) -> None:
    return None


def _same(payload: bytes) -> bytes:
    return payload


def _as_it_is(envelope: cbor.Tag) -> object:
    return envelope
