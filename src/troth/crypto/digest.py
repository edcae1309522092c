# SPDX-License-Identifier: Apache-2.0
"""Digests, and the comparison that takes the same time whatever is compared."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["mac_sha256", "same", "sha256", "sha384"]


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of `data`, 32 bytes (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def sha384(data: bytes) -> bytes:
    """Return the SHA-384 of `data`, 48 bytes (FIPS 180-4)."""
    return hashlib.sha384(data).digest()


def mac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA-256, 32 bytes (FIPS 198-1)."""
    return hmac.digest(key, data, "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Say whether two byte strings are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)
