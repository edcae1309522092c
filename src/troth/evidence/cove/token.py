# SPDX-License-Identifier: Apache-2.0
"""A CoVE token: an unprotected claims set around three signed ones (draft 0.7, Evidence Format).

    {266: {"platform": 18([…]), "tsm": 18([…]), "tvm": 18([…])}}

Each of the three is a COSE_Sign1 whose payload is tag 61 around a map of claims. The map outside
is not signed, and there is nothing in it but the three.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

import msgspec

from troth.crypto.cose_token import SIGN1_TAG, TokenSign1
from troth.errors import MalformedError
from troth.evidence.cove.claims import ClaimMap, PlatformClaims, TsmClaims, TvmClaims
from troth.evidence.cove.labels import CWT_TAG, EVIDENCE_MAX_BYTES, ROOT_ID_BYTES, Label, Layer
from troth.wire import cbor

__all__ = ["CoveToken", "build_token", "payload_of"]

_OUTER_TAGS: Final = frozenset({SIGN1_TAG})
_PAYLOAD_TAGS: Final = frozenset({CWT_TAG})


class CoveToken(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed token. Claims, not facts: only `troth.verify.cove` turns one into the other."""

    envelopes: Mapping[Layer, TokenSign1]
    root_id: bytes
    platform: PlatformClaims
    tsm: TsmClaims
    tvm: TvmClaims
    size: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a token, which is all of `data`.

        Args:
            data: at most 64 KiB.

        Raises:
            MalformedError: `cbor.*`, `cose.*`, `cove.*`, `unsupported.profile` or
                `unsupported.algorithm`.
        """
        value = cbor.decode_foreign(data, max_bytes=EVIDENCE_MAX_BYTES, tags=_OUTER_TAGS)
        envelopes = {name: TokenSign1.of(one) for name, one in _submods(value).items()}
        return cls(
            envelopes=envelopes,
            root_id=_root_id(envelopes[Layer.PLATFORM]),
            platform=PlatformClaims.of(_claims(envelopes[Layer.PLATFORM])),
            tsm=TsmClaims.of(_claims(envelopes[Layer.TSM])),
            tvm=TvmClaims.of(_claims(envelopes[Layer.TVM])),
            size=len(data),
        )

    def build(self) -> bytes:
        """Return the token with empty unprotected headers, in our encoding."""
        return build_token(self.envelopes)


def build_token(envelopes: Mapping[Layer, TokenSign1]) -> bytes:
    """Return the bytes of a token around three signed ones."""
    submods = {layer.value: envelopes[layer].value() for layer in Layer}
    return cbor.encode({Label.SUBMODS.value: submods})


def payload_of(claims: ClaimMap) -> bytes:
    """Return the payload that carries a map of claims: what is signed."""
    return cbor.encode(cbor.Tag(CWT_TAG, claims))


def _submods(value: object) -> dict[Layer, object]:
    if type(value) is not dict or value.keys() != {Label.SUBMODS}:
        raise MalformedError("cove.form", "not a map of submodules alone")
    submods = value[Label.SUBMODS]
    if type(submods) is not dict or submods.keys() != set(Layer):
        raise MalformedError("cove.form", "the submodules are not platform, tsm and tvm")
    return {layer: submods[layer] for layer in Layer}


def _root_id(platform: TokenSign1) -> bytes:
    """Return what the platform token calls the key that signed it (docs/adr/0023)."""
    if platform.key_id is None or len(platform.key_id) != ROOT_ID_BYTES:
        raise MalformedError("cove.root-id", f"a `kid` of {ROOT_ID_BYTES} bytes is due")
    return platform.key_id


def _claims(envelope: TokenSign1) -> object:
    """Return what the payload's tag is around."""
    value = cbor.decode_foreign(envelope.payload, max_bytes=EVIDENCE_MAX_BYTES, tags=_PAYLOAD_TAGS)
    if not isinstance(value, cbor.Tag):
        raise MalformedError("cove.form", "a payload is not tag 61, CWT")
    return value.value
