# SPDX-License-Identifier: Apache-2.0
"""Revocation lists signed with RSASSA-PSS over SHA-384, as AMD's root keys sign them."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat import asn1

from troth.crypto.certificate_parts import PSS_ALGORITHMS
from troth.crypto.crl import Crl
from troth.crypto.der import TAG_INTEGER, encode_tlv
from troth.crypto.pss_certificate import PssCertificate
from troth.errors import UntrustedError

__all__ = ["PssCrl", "is_list"]

_MAY_SIGN_LISTS: Final = 2  # the place in `key_usage`


@asn1.sequence
class _List:
    tbs: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


class PssCrl(Crl):
    """One such list; what a list holds and when it counts is as for every other."""

    def check_signed_by_root(self, issuer: PssCertificate) -> None:
        """Return if `issuer` is whom the list names, may sign lists, and signed this one.

        Raises:
            UntrustedError: `crl.issuer`, `crl.signature` or `crl.extension`.
        """
        if self.issuer != issuer.subject:
            raise UntrustedError("crl.issuer", f"not the list of {issuer.common_name!r}")
        if not issuer.key_usage[_MAY_SIGN_LISTS]:
            raise UntrustedError("crl.issuer", f"{issuer.common_name!r} may not sign lists")
        if self._unknown_critical:
            raise UntrustedError("crl.extension", ", ".join(self._unknown_critical))
        algorithm = asn1.decode_der(_List, self.der).algorithm
        if encode_tlv(algorithm.tag_bytes[0], bytes(algorithm.data)) not in PSS_ALGORITHMS:
            raise UntrustedError("crl.signature", "not RSASSA-PSS with SHA-384")
        issuer.ca_key.verify(self._crl.signature, self._crl.tbs_certlist_bytes, "crl.signature")


def is_list(der: bytes) -> bool:
    """Say whether DER begins as a list does, which states its version without a tag of its own."""
    try:
        return bytes(asn1.decode_der(_List, der).tbs.data)[:1] == bytes((TAG_INTEGER,))
    except ValueError:
        return False
