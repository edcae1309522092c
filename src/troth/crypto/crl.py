# SPDX-License-Identifier: Apache-2.0
"""Certificate revocation lists (RFC 5280 §5): full lists only, signed by the issuer they name."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final, Protocol

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from troth.crypto.x509 import LIBRARY_REFUSALS, Certificate, check_whole_octets
from troth.errors import MalformedError, StaleError, UntrustedError

__all__ = ["CRL_MAX_BYTES", "Crl", "Listed"]

CRL_MAX_BYTES: Final = 1024 * 1024

# A list that is partial or speaks for other issuers says so in a critical extension
# (deltaCRLIndicator, issuingDistributionPoint): not known here, so refused.
_KNOWN: Final = frozenset(
    oid.dotted_string for oid in (ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER)
)


class Listed(Protocol):
    """What of a certificate a list can name."""

    @property
    def issuer(self) -> bytes:
        """The issuer name, DER."""
        ...

    @property
    def serial(self) -> int:
        """The serial number."""
        ...


class Crl:
    """One revocation list, identified by its DER bytes."""

    def __init__(self, der: bytes) -> None:
        """Parse `der`, at most 1 MiB.

        Raises:
            MalformedError: `crl.malformed`, or `crl.no-next-update`: it would never expire.
        """
        if len(der) > CRL_MAX_BYTES:
            raise MalformedError("crl.malformed", f"{len(der)} bytes")
        self.der = der
        try:
            self._crl = x509.load_der_x509_crl(der)
            self.this_update: datetime = self._crl.last_update_utc
            next_update = self._crl.next_update_utc
            self.issuer = self._crl.issuer.public_bytes()
            self._unknown_critical = [
                one.oid.dotted_string
                for one in self._crl.extensions
                if one.critical and one.oid.dotted_string not in _KNOWN
            ]
        except LIBRARY_REFUSALS as error:
            raise MalformedError("crl.malformed", str(error)) from None
        check_whole_octets(der, self._crl.signature, "crl.malformed")
        if next_update is None:
            raise MalformedError("crl.no-next-update", "the list would never expire")
        self.next_update: datetime = next_update

    def __repr__(self) -> str:
        return f"Crl({len(self._crl)} entries, until {self.next_update})"

    @property
    def issuer_common_name(self) -> str:
        """The issuer's only common name, for people; empty where there is none, or several."""
        names = self._crl.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if len(names) == 1 else ""

    @cached_property
    def algorithm_known(self) -> bool:
        """Whether the list is signed with ECDSA and SHA-256."""
        return self._crl.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256

    def check_signed_by(self, issuer: Certificate) -> None:
        """Return if `issuer` is whom the list names, may sign lists, and signed this one.

        Raises:
            UntrustedError: `crl.issuer`, `crl.signature` or `crl.extension`.
        """
        if self.issuer != issuer.subject:
            raise UntrustedError("crl.issuer", f"not the list of {issuer.common_name!r}")
        if not issuer.key_usage[2]:
            raise UntrustedError("crl.issuer", f"{issuer.common_name!r} may not sign lists")
        if self._unknown_critical:
            raise UntrustedError("crl.extension", ", ".join(self._unknown_critical))
        if not self.algorithm_known:
            raise UntrustedError("crl.signature", "not ECDSA with SHA-256")
        issuer.key.verify_der(self._crl.signature, self._crl.tbs_certlist_bytes, "crl.signature")

    def check_current(self, at: datetime) -> None:
        """Return if thisUpdate ≤ `at` ≤ nextUpdate.

        Raises:
            StaleError: `crl.not-yet-valid` or `crl.expired`.
        """
        if at < self.this_update:
            raise StaleError("crl.not-yet-valid", f"from {self.this_update}")
        if at > self.next_update:
            raise StaleError("crl.expired", f"until {self.next_update}")

    def revokes(self, certificate: Listed) -> bool:
        """Say whether the list, which the caller knows to be its issuer's, names it."""
        found = self._crl.get_revoked_certificate_by_serial_number(certificate.serial)
        return found is not None and self.issuer == certificate.issuer
