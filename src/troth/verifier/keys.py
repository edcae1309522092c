# SPDX-License-Identifier: Apache-2.0
"""The verifier's keys: a directory of files that only their owner can read.

    current.pem     signs tokens and status lists
    previous.pem    signed before the last rotation; stands in the JWK set until the next one
    challenge.key   32 bytes, for the MAC in nonces

A rotation replaces `current.pem` last, so that a crash between the writes leaves a signing key
whose public half is published. A running server notices the new file.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
from pathlib import Path
from typing import Final

from troth.crypto.p256 import PrivateKey, PublicKey
from troth.errors import UsageError
from troth.token.keys import KeySet, SigningKey, jwks_json
from troth.verifier.challenge import CHALLENGE_KEY_BYTES

__all__ = ["KeyRing", "create_keys", "rotate_keys"]

_CURRENT: Final = "current.pem"
_PREVIOUS: Final = "previous.pem"
_CHALLENGE: Final = "challenge.key"
_PRIVATE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700
_MAX_BYTES: Final = 4096


class KeyRing:
    """The keys in a directory, read again when they change."""

    def __init__(self, directory: Path) -> None:
        """Read the keys.

        Raises:
            UsageError: `usage.keys`.
        """
        self._directory = directory
        self._lock = threading.Lock()
        self._seen = self._fingerprint()
        self._signing, self._public = self._load()
        self.challenge: Final = _read(directory / _CHALLENGE)
        if len(self.challenge) != CHALLENGE_KEY_BYTES:
            raise UsageError("usage.keys", f"{_CHALLENGE}: {CHALLENGE_KEY_BYTES} bytes are due")

    @property
    def signing(self) -> SigningKey:
        """The key that signs now.

        Raises:
            UsageError: `usage.keys`, the files have changed and cannot be read.
        """
        self._refresh()
        return self._signing

    @property
    def jwks(self) -> bytes:
        """The JWK set: the signing key, and the one before it."""
        self._refresh()
        return jwks_json(self._public)

    @property
    def key_set(self) -> KeySet:
        """The same keys, for who verifies here."""
        self._refresh()
        return KeySet(self._public)

    def _refresh(self) -> None:
        found = self._fingerprint()
        if found != self._seen:
            with self._lock:
                self._signing, self._public = self._load()
                self._seen = found

    def _load(self) -> tuple[SigningKey, tuple[PublicKey, ...]]:
        current = _key(self._directory / _CURRENT)
        public = [current.public]
        if (self._directory / _PREVIOUS).exists():
            previous = _key(self._directory / _PREVIOUS).public
            if previous.raw != current.public.raw:  # a rotation that was cut short
                public.append(previous)
        return SigningKey(current), tuple(public)

    def _fingerprint(self) -> tuple[int, int]:
        """Return what changes with every rotation."""
        try:
            found = (self._directory / _CURRENT).stat()
        except OSError as error:
            raise UsageError("usage.keys", f"{_CURRENT}: {error.strerror}") from None
        return found.st_ino, found.st_mtime_ns


def create_keys(directory: Path) -> None:
    """Make fresh keys in a directory that does not exist yet.

    Raises:
        UsageError: `usage.file`.
    """
    try:
        directory.mkdir(_PRIVATE_DIRECTORY)
        _write(directory / _CHALLENGE, secrets.token_bytes(CHALLENGE_KEY_BYTES))
        _write(directory / _CURRENT, PrivateKey.generate().pem())
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None


def rotate_keys(directory: Path) -> str:
    """Sign with a fresh key from now on; return its name.

    Raises:
        UsageError: `usage.keys` or `usage.file`.
    """
    fresh = PrivateKey.generate()
    current = _read(directory / _CURRENT)
    try:
        _write(directory / _PREVIOUS, current)
        _write(directory / _CURRENT, fresh.pem())
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    return SigningKey(fresh).kid


def _key(path: Path) -> PrivateKey:
    try:
        return PrivateKey.from_pem(_read(path))
    except ValueError as error:
        raise UsageError("usage.keys", f"{path.name}: {error}") from None


def _read(path: Path) -> bytes:
    """Read a file that nobody but its owner can read."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise UsageError("usage.keys", f"{path.name}: {error.strerror}") from None
    if mode & 0o077:
        raise UsageError("usage.keys", f"{path.name}: mode {mode:o}, 600 is due")
    return data


def _write(path: Path, data: bytes) -> None:
    """Put a whole file in place, or leave what was there."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
