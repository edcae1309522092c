# SPDX-License-Identifier: Apache-2.0
"""Digests, and the comparison that takes the same time whatever is compared."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

__all__ = ["digest_by_name", "mac_sha256", "same", "sha256", "sha384"]


_NAMED: Final = {
    "sha-256": "sha256",
    "sha-384": "sha384",
    "sha-512": "sha512",
    "sha3-384": "sha3_384",
    "sha3-512": "sha3_512",
}


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of `data`, 32 bytes (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def sha384(data: bytes) -> bytes:
    """Return the SHA-384 of `data`, 48 bytes (FIPS 180-4)."""
    return hashlib.sha384(data).digest()


def digest_by_name(algorithm: str, data: bytes) -> bytes:
    """Return a digest by an algorithm's name in IANA's registry of named information (RFC 6920).

    Args:
        algorithm: `sha-256`, `sha-384`, `sha-512`, `sha3-384` or `sha3-512`.
        data: what is digested.

    Raises:
        KeyError: another name. A bug: whoever reads names out of evidence checks them.
    """
    return hashlib.new(_NAMED[algorithm], data).digest()


def mac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA-256, 32 bytes (FIPS 198-1)."""
    return hmac.digest(key, data, "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Say whether two byte strings are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)
