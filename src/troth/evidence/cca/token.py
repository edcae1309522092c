# SPDX-License-Identifier: Apache-2.0
"""A CCA token: two signed sets of claims in one collection, and nothing besides.

The platform token is signed by a key that the maker of the platform vouches for (CPAK), the realm
token by one that the monitor made (RAK). What ties them together is the platform's challenge, the
digest of the RAK's claim: two sound halves of two machines are still no token of either.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.crypto.cose_token import SIGN1_TAG, TokenSign1
from troth.crypto.verifying_key import CURVES, VerifyingKey
from troth.errors import MalformedError
from troth.evidence.cca.layout import (
    COLLECTION_TAG,
    COLLECTION_TAG_LATER,
    PLATFORM_TOKEN,
    REALM_TOKEN,
    TOKEN_MAX_BYTES,
)
from troth.evidence.cca.platform import PlatformClaims
from troth.evidence.cca.realm import RealmClaims
from troth.wire import cbor

__all__ = ["CcaToken", "collection", "realm_key"]

_COLLECTIONS: Final = frozenset({COLLECTION_TAG, COLLECTION_TAG_LATER})
_SIGN1: Final = frozenset({SIGN1_TAG})
_UNCOMPRESSED: Final = b"\x04"  # SEC 1 §2.3.3
_CURVES: Final = frozenset({"P-256", "P-384"})  # of ES256 and ES384


class CcaToken(msgspec.Struct, frozen=True):
    """A parsed token. Claims, not facts: only `troth.verify.cca` turns one into the other."""

    platform_token: TokenSign1
    realm_token: TokenSign1
    platform: PlatformClaims
    realm: RealmClaims
    size: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a token, which is all of `data`.

        Args:
            data: at most 64 KiB.

        Raises:
            MalformedError: `cbor.*`, `cose.form`, `cose.header`, `cca.collection`, `cca.claim`,
                `cca.claim-missing`, `unsupported.collection`, `unsupported.profile` or
                `unsupported.algorithm`.
        """
        members = _members(cbor.decode_foreign(data, max_bytes=TOKEN_MAX_BYTES, tags=_COLLECTIONS))
        platform, realm = (_sign1(one) for one in members)
        return cls(
            platform,
            realm,
            PlatformClaims.parse(platform.payload),
            RealmClaims.parse(realm.payload),
            len(data),
        )


def collection(platform: bytes, realm: bytes) -> bytes:
    """Return the token of two encoded COSE_Sign1."""
    return cbor.encode(cbor.Tag(COLLECTION_TAG, {PLATFORM_TOKEN: platform, REALM_TOKEN: realm}))


def realm_key(realm: RealmClaims) -> VerifyingKey:
    """Return the key that signs a realm token, in the form that its own profile gives it.

    The platform's profile has no say: a legacy platform with a realm of 2023 is in the field.

    Raises:
        MalformedError: `cbor.*`, `cose.key`, `cose.point`; `cca.rak`, another curve than P-256 or
            P-384, or a legacy key that is no uncompressed point.
    """
    if realm.profile is None:
        if realm.rak[:1] != _UNCOMPRESSED:
            raise MalformedError("cca.rak", f"the point begins with 0x{realm.rak[:1].hex()}")
        return VerifyingKey(CURVES["P-384"], realm.rak[1:])
    key = VerifyingKey.from_cose(realm.rak)
    if key.curve.name not in _CURVES:
        raise MalformedError("cca.rak", f"a key on {key.curve.name}")
    return key


def _members(value: object) -> tuple[bytes, bytes]:
    if not isinstance(value, cbor.Tag):
        raise MalformedError("cca.collection", f"not tag {COLLECTION_TAG}")
    if value.tag != COLLECTION_TAG:
        raise MalformedError("unsupported.collection", f"tag {value.tag}; {COLLECTION_TAG} is")
    content = value.value
    if type(content) is not dict or content.keys() != {PLATFORM_TOKEN, REALM_TOKEN}:
        raise MalformedError("cca.collection", "not a map of a platform and a realm token")
    platform, realm = content[PLATFORM_TOKEN], content[REALM_TOKEN]
    if type(platform) is not bytes or type(realm) is not bytes:
        raise MalformedError("cca.collection", "a token is not a byte string")
    return platform, realm


def _sign1(data: bytes) -> TokenSign1:
    value = cbor.decode_foreign(data, max_bytes=TOKEN_MAX_BYTES, tags=_SIGN1)
    return TokenSign1.of(value)
