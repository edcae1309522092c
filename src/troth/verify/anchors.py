# SPDX-License-Identifier: Apache-2.0
"""Trust anchors: public keys by their digest, with a name.

A root certificate inside evidence is the sender's text; only its key counts. To compare the pinned
value with Intel's publication, a person runs, once and anywhere:

    curl -sO https://certificates.trustedservices.intel.com/IntelSGXRootCA.cer
    openssl x509 -inform der -in IntelSGXRootCA.cer -noout -pubkey |
        openssl pkey -pubin -outform der | sha256sum

and AMD's, whose answer has the ARK behind the ASK, for Milan, Genoa and Turin:

    curl -s https://kdsintf.amd.com/vcek/v1/Milan/cert_chain |
        sed '1,/END/d' | openssl x509 -noout -pubkey |
        openssl pkey -pubin -outform der | sha256sum
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from troth.crypto.digest import sha256
from troth.errors import UntrustedError

__all__ = [
    "AMD_ARK_GENOA",
    "AMD_ARK_MILAN",
    "AMD_ARK_TURIN",
    "INTEL_SGX_ROOT",
    "Anchor",
    "Anchors",
    "Keyed",
]


class Keyed(Protocol):
    """A certificate, of which only the key counts."""

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of its SubjectPublicKeyInfo."""
        ...


class Anchor(msgspec.Struct, frozen=True):
    """One trusted key: SHA-256 of its SubjectPublicKeyInfo, 32 bytes, and what to call it.

    `td_qe_mr_signer` and `sgx_qe_mr_signer` are the signers of the quoting enclaves of TDX and SGX
    under this root, for judgements without collateral: a PCE certifies any enclave of its platform.
    None where nobody fixed it.
    """

    name: str
    spki_sha256: bytes
    td_qe_mr_signer: bytes | None = None
    sgx_qe_mr_signer: bytes | None = None

    @classmethod
    def of(cls, root: Keyed) -> Anchor:
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
    # As in every QE identity that Intel has signed (PCS v4, sgx/certification/v4/qe/identity).
    bytes.fromhex("8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"),
)
# The AMD root keys of each product; AMD 57230, chapter 3, has no digest, so compare as above.
AMD_ARK_MILAN: Final = Anchor(
    "amd-ark-milan",
    bytes.fromhex("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"),
)
AMD_ARK_GENOA: Final = Anchor(
    "amd-ark-genoa",
    bytes.fromhex("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"),
)
AMD_ARK_TURIN: Final = Anchor(
    "amd-ark-turin",
    bytes.fromhex("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08"),
)
_VENDORS: Final = {
    one.spki_sha256: one for one in (INTEL_SGX_ROOT, AMD_ARK_MILAN, AMD_ARK_GENOA, AMD_ARK_TURIN)
}


class Anchors:
    """A set of trust anchors. An empty one trusts nothing."""

    __slots__ = ("_by_key", "sha256")

    sha256: bytes
    """A digest of every anchor, name included."""

    def __init__(self, anchors: Iterable[Anchor]) -> None:
        """Take the anchors to trust."""
        self._by_key: Final = {one.spki_sha256: one for one in anchors}
        self.sha256 = sha256(b"".join(_digest(one) for one in self._by_key.values()))

    def __repr__(self) -> str:
        return f"Anchors({', '.join(one.name for one in self._by_key.values())})"

    @property
    def names(self) -> tuple[str, ...]:
        """What the anchors are called."""
        return tuple(one.name for one in self._by_key.values())

    def match(self, root: Keyed) -> Anchor:
        """Return the anchor whose key `root` has.

        Raises:
            UntrustedError: `chain.root` or `chain.algorithm`.
        """
        anchor = self._by_key.get(root.spki_sha256)
        if anchor is None:
            raise UntrustedError("chain.root", f"sha256:{root.spki_sha256.hex()} is not trusted")
        return anchor


def _digest(anchor: Anchor) -> bytes:
    """Return a digest that no other anchor has."""
    parts = (
        anchor.name.encode(),
        anchor.spki_sha256,
        b"" if anchor.td_qe_mr_signer is None else b"\1" + anchor.td_qe_mr_signer,
        b"" if anchor.sgx_qe_mr_signer is None else b"\1" + anchor.sgx_qe_mr_signer,
    )
    return sha256(b"".join(sha256(one) for one in parts))
