# SPDX-License-Identifier: Apache-2.0
"""The named alternative to a certificate chain: attestation keys that the caller knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, final

from troth.crypto.tpm_key import TpmKey

__all__ = ["PinnedKeys"]


@final
class PinnedKeys:
    """Attestation keys to trust, whatever certificates say. An empty set trusts none."""

    __slots__ = ("_digests",)

    def __init__(self, spki_sha256: Iterable[bytes]) -> None:
        """Take SHA-256 of the keys' SubjectPublicKeyInfo, 32 bytes each."""
        self._digests: Final = frozenset(spki_sha256)

    def __contains__(self, key: TpmKey) -> bool:
        return key.spki_sha256 in self._digests

    def __repr__(self) -> str:
        return f"PinnedKeys({', '.join(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """What the keys are called."""
        return tuple(sorted(f"sha256:{one.hex()}" for one in self._digests))
