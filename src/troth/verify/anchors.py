# SPDX-License-Identifier: Apache-2.0
"""Trust anchors: public keys by their digest, with a name.

A root certificate inside evidence is the sender's text; only its key counts. To compare the pinned
value with Intel's publication, a person runs, once and anywhere:

    curl -sO https://certificates.trustedservices.intel.com/IntelSGXRootCA.cer
    openssl x509 -inform der -in IntelSGXRootCA.cer -noout -pubkey |
        openssl pkey -pubin -outform der | sha256sum
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from troth.crypto.x509 import Certificate
from troth.errors import UntrustedError

__all__ = ["INTEL_SGX_ROOT", "Anchor", "Anchors"]


class Anchor(msgspec.Struct, frozen=True):
    """One trusted key: SHA-256 of its SubjectPublicKeyInfo, 32 bytes, and what to call it.

    `td_qe_mr_signer` is the signer of the TD quoting enclaves under this root, for judgements
    without collateral: a PCE certifies any enclave of its platform. None where nobody fixed it.
    """

    name: str
    spki_sha256: bytes
    td_qe_mr_signer: bytes | None = None

    @classmethod
    def of(cls, root: Certificate) -> Anchor:
        """Return the anchor of a root certificate, named `sha256:…` unless it is a vendor's.

        Raises:
            UntrustedError: `chain.algorithm`, not a P-256 key.
        """
        known = _VENDORS.get(root.spki_sha256)
        return known or cls(f"sha256:{root.spki_sha256.hex()}", root.spki_sha256)

    @property
    def is_vendor(self) -> bool:
        """Whether this is a silicon vendor's root and not one that somebody named."""
        return self.spki_sha256 in _VENDORS


# Intel SGX Root CA, valid 2018-05-21 to 2049-12-31; the certificate's own SHA-256 begins 44a0196b.
INTEL_SGX_ROOT: Final = Anchor(
    "intel-sgx-root",
    bytes.fromhex("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"),
    # As in every TD_QE identity that Intel has signed (PCS v4, tdx/certification/v4/qe/identity).
    bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"),
)
_VENDORS: Final = {INTEL_SGX_ROOT.spki_sha256: INTEL_SGX_ROOT}


class Anchors:
    """A set of trust anchors. An empty one trusts nothing."""

    __slots__ = ("_by_key",)

    def __init__(self, anchors: Iterable[Anchor]) -> None:
        """Take the anchors to trust."""
        self._by_key: Final = {one.spki_sha256: one for one in anchors}

    def __repr__(self) -> str:
        return f"Anchors({', '.join(one.name for one in self._by_key.values())})"

    @property
    def names(self) -> tuple[str, ...]:
        """What the anchors are called."""
        return tuple(one.name for one in self._by_key.values())

    def match(self, root: Certificate) -> Anchor:
        """Return the anchor whose key `root` has.

        Raises:
            UntrustedError: `chain.root` or `chain.algorithm`.
        """
        anchor = self._by_key.get(root.spki_sha256)
        if anchor is None:
            raise UntrustedError("chain.root", f"sha256:{root.spki_sha256.hex()} is not trusted")
        return anchor
