# SPDX-License-Identifier: Apache-2.0
"""The broker's key files: made once, readable by their owner alone, refused otherwise."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from troth.crypto.p256 import PrivateKey
from troth.crypto.storage import STORAGE_KEY_BYTES, StorageKey
from troth.errors import MalformedError, UsageError
from troth.token.keys import SigningKey
from troth.wire import base64url

__all__ = ["load_signing_key", "load_storage_key", "make_signing_key", "make_storage_key"]

_CODE: Final = "usage.key-file"
_MAX_BYTES: Final = 4096
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_storage_key(path: Path) -> StorageKey:
    """Make the key that secrets at rest are under, in a new file of mode 0600.

    Raises:
        UsageError: `usage.key-file`.
    """
    key = secrets.token_bytes(STORAGE_KEY_BYTES)
    _write(path, f"{base64url.encode(key)}\n".encode())
    return StorageKey(key)


def make_signing_key(path: Path) -> SigningKey:
    """Make a P-256 signing key, in a new PEM file of mode 0600.

    Raises:
        UsageError: `usage.key-file`.
    """
    key = PrivateKey.generate()
    _write(path, key.pem())
    return SigningKey(key)


def load_storage_key(path: str) -> StorageKey:
    """Load what `make_storage_key` wrote.

    Raises:
        UsageError: `usage.key-file`.
    """
    try:
        return StorageKey(base64url.decode(_read(path).decode().strip()))
    except (MalformedError, ValueError):
        raise UsageError(_CODE, f"{path}: not a storage key") from None


def load_signing_key(path: str) -> SigningKey:
    """Load what `make_signing_key` wrote.

    Raises:
        UsageError: `usage.key-file`.
    """
    try:
        return SigningKey(PrivateKey.from_pem(_read(path)))
    except (ValueError, TypeError):
        raise UsageError(_CODE, f"{path}: not a P-256 private key in PEM") from None


def _read(path: str) -> bytes:
    """Return a file that only its owner, who we are, can read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_IMODE(found.st_mode) & _OTHERS or found.st_uid not in {0, os.geteuid()}:
                raise UsageError(_CODE, f"{path}: others can read it; chmod 600 is due")
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise UsageError(_CODE, f"{path}: {error.strerror}") from None


def _write(path: Path, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise UsageError(_CODE, f"{path}: {error.strerror}") from None
