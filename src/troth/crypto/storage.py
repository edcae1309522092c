# SPDX-License-Identifier: Apache-2.0
"""Secrets at rest: each under a fresh key of its own, and that key under the one of a key file.

    sealed = 01 ‖ nonce[12] ‖ AES-256-GCM(wrap key, data key) [48] ‖ nonce[12] ‖
             AES-256-GCM(data key, value)

Both layers have the same associated data: what the row is, so that rows cannot be exchanged. The
wrap key and the key of the MAC are derived from the file's key by HKDF-SHA-256 (RFC 5869), under
labels of their own. The wrap key takes random nonces, which NIST SP 800-38D §8.3 allows for 2^32
values; the data key is used once.
"""

from __future__ import annotations

import secrets
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from troth.crypto.digest import mac_sha256
from troth.crypto.secret import Secret
from troth.errors import DriverError

__all__ = ["STORAGE_KEY_BYTES", "StorageKey"]

STORAGE_KEY_BYTES: Final = 32
_FORM: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_WRAPPED: Final = _NONCE_BYTES + STORAGE_KEY_BYTES + _TAG_BYTES
_HEAD_BYTES: Final = len(_FORM) + _WRAPPED + _NONCE_BYTES


class StorageKey:
    """What the key file holds, ready for use. Nothing of it can be shown or serialised."""

    __slots__ = ("_mac_key", "_wrap")

    def __init__(self, key: bytes) -> None:
        """Take the file's key, 32 bytes.

        Raises:
            ValueError: another length.
        """
        if len(key) != STORAGE_KEY_BYTES:
            message = f"{len(key)} bytes, {STORAGE_KEY_BYTES} are due"
            raise ValueError(message)
        self._wrap = AESGCM(_derived(key, b"troth/broker/wrap/v1"))
        self._mac_key = _derived(key, b"troth/broker/mac/v1")

    def __repr__(self) -> str:
        return "StorageKey()"

    def __reduce__(self) -> NoReturn:
        message = "a key is not serialised"
        raise TypeError(message)

    def seal(self, value: bytes | memoryview, context: bytes) -> bytes:
        """Return `value` encrypted for the place that `context` names."""
        data_key = AESGCM.generate_key(bit_length=256)
        wrap_nonce = secrets.token_bytes(_NONCE_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return b"".join(
            (
                _FORM,
                wrap_nonce,
                self._wrap.encrypt(wrap_nonce, data_key, context),
                nonce,
                AESGCM(data_key).encrypt(nonce, value, context),
            )
        )

    def open(self, sealed: bytes, context: bytes) -> Secret:
        """Return what was sealed for `context`.

        Raises:
            DriverError: `broker.storage`, another key, another place, or altered bytes.
        """
        if len(sealed) < _HEAD_BYTES + _TAG_BYTES or sealed[:1] != _FORM:
            raise DriverError("broker.storage", "a sealed value has another form")
        wrap_nonce, wrapped = sealed[1:13], sealed[13 : 1 + _WRAPPED]
        nonce, body = sealed[1 + _WRAPPED : _HEAD_BYTES], sealed[_HEAD_BYTES:]
        try:
            data_key = self._wrap.decrypt(wrap_nonce, wrapped, context)
            return Secret(AESGCM(data_key).decrypt(nonce, body, context))
        except InvalidTag:
            raise DriverError("broker.storage", "a sealed value cannot be opened") from None

    def mac(self, data: bytes) -> bytes:
        """Return HMAC-SHA-256 of `data` under a key that only this file's holder has."""
        return mac_sha256(self._mac_key, data)


def _derived(key: bytes, label: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=label).derive(key)
