# SPDX-License-Identifier: Apache-2.0
"""Fresh keys for whoever is to hold a token, as raw numbers; from the kernel's generator.

See `troth.crypto.p256.PrivateKey.generate` for why not from the library's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from troth.crypto.cose_key import AGREEMENT, ESP256, CoseKey
from troth.crypto.p256 import PrivateKey

__all__ = ["HolderKey", "new_agreement_key", "new_signing_key"]

_X25519: Final = 4  # RFC 9053 §7.2
_P256: Final = 1  # RFC 9053 §7.1
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class HolderKey:
    """A key pair.

    Attributes:
        public: with its one use.
        private: 32 bytes, big-endian on P-256 (RFC 7518 §6.2.2.1), as they are on X25519
            (RFC 8037 §2).
    """

    public: CoseKey
    private: bytes = field(repr=False)


def new_agreement_key() -> HolderKey:
    """Return an X25519 key, to which secrets can be sealed."""
    private = secrets.token_bytes(_BYTES)
    x = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return HolderKey(CoseKey(algorithm=AGREEMENT, curve=_X25519, x=x), private)


def new_signing_key() -> HolderKey:
    """Return a P-256 key for ES256, with which possession can be proved."""
    key = PrivateKey.generate()
    raw = key.public.raw
    scalar = key.library_key.private_numbers().private_value
    public = CoseKey(algorithm=ESP256, curve=_P256, x=raw[:_BYTES], y=raw[_BYTES:])
    return HolderKey(public, scalar.to_bytes(_BYTES, "big"))
