# SPDX-License-Identifier: Apache-2.0
"""Certificates signed with RSASSA-PSS over SHA-384, as AMD has them (RFC 5280, RFC 4055).

The key inside is the 4096-bit RSA key of a CA or the P-384 key of an endorsement; whoever asks for
one says which. Everything is decoded when the certificate is made, so that nothing malformed is
found later.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Final

from cryptography.hazmat import asn1
from cryptography.x509.oid import ExtensionOID

from troth.crypto.certificate_parts import LOADER
from troth.crypto.digest import sha256
from troth.crypto.rsa_pss import RsaPublicKey
from troth.crypto.verifying_key import CURVES, VerifyingKey
from troth.crypto.x509 import CERTIFICATE_MAX_BYTES
from troth.errors import MalformedError, UntrustedError
from troth.wire.text import pem_blocks

__all__ = ["PssCertificate", "pss_certificates_from_pem"]

_BASIC_CONSTRAINTS: Final = ExtensionOID.BASIC_CONSTRAINTS.dotted_string
_KEY_USAGE: Final = ExtensionOID.KEY_USAGE.dotted_string
# Extensions whose meaning the caller enforces or that have none for a fixed-shape chain.
_KNOWN: Final = frozenset(
    {
        _BASIC_CONSTRAINTS,
        _KEY_USAGE,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string,
        ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string,
    }
)
# The first octet of keyUsage (RFC 5280 §4.2.1.3).
_DIGITAL_SIGNATURE: Final = 0x80
_KEY_CERT_SIGN: Final = 0x04
_CRL_SIGN: Final = 0x02
# What a P-384 key's SubjectPublicKeyInfo begins with (RFC 5480): the algorithm, and the BIT STRING
# up to x and y of an uncompressed point, which are all that follows.
_P384_SPKI: Final = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")


@asn1.sequence
class _BasicConstraints:
    ca: Annotated[bool, asn1.Default(value=False)]
    path_length: int | None


class PssCertificate:
    """One certificate, identified by its DER bytes."""

    def __init__(self, der: bytes) -> None:
        """Parse `der`, at most 16 KiB.

        Raises:
            MalformedError: `x509.malformed`.
        """
        if len(der) > CERTIFICATE_MAX_BYTES:
            raise MalformedError("x509.malformed", f"{len(der)} bytes")
        self.der = der
        parts = self._parts = LOADER(der)
        self._extensions = {oid: value for oid, _, value in parts.extensions}
        self.subject: bytes = parts.subject
        self.issuer: bytes = parts.issuer
        self.common_name: str = parts.common_name
        self.serial: int = parts.serial
        self.not_before: datetime = parts.not_before
        self.not_after: datetime = parts.not_after
        try:
            self.ca = _ca(self._extensions.get(_BASIC_CONSTRAINTS))
            self.key_usage = _usage(self._extensions.get(_KEY_USAGE))
        except ValueError as error:
            raise MalformedError("x509.malformed", str(error)) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PssCertificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"PssCertificate({self.common_name!r}, serial={self.serial:x})"

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of the certificate."""
        return sha256(self.der)

    @cached_property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo: what a trust anchor is pinned by."""
        return sha256(self._parts.spki)

    @cached_property
    def ca_key(self) -> RsaPublicKey:
        """The RSA key of a CA.

        Raises:
            UntrustedError: `chain.algorithm`, another kind or size of key.
        """
        return RsaPublicKey(self._parts.spki, "chain.algorithm")

    @cached_property
    def endorsement_key(self) -> VerifyingKey:
        """The P-384 key of an endorsement.

        Raises:
            UntrustedError: `chain.algorithm`, another kind of key.
        """
        spki = self._parts.spki
        if not spki.startswith(_P384_SPKI):
            raise UntrustedError("chain.algorithm", "not a P-384 key")
        try:
            return VerifyingKey(CURVES["P-384"], spki[len(_P384_SPKI) :])
        except MalformedError as error:
            raise UntrustedError("chain.algorithm", error.detail or error.meaning) from None

    @property
    def unknown_critical(self) -> list[str]:
        """OIDs of critical extensions that nobody here enforces (RFC 5280 §4.2)."""
        return [
            oid for oid, critical, _ in self._parts.extensions if critical and oid not in _KNOWN
        ]

    def extension(self, oid: str) -> bytes | None:
        """Return the value of an extension, or None."""
        return self._extensions.get(oid)

    def check_issued_by(self, issuer: PssCertificate) -> None:
        """Return if `issuer` issued this: names equal as bytes, signed with RSASSA-PSS, SHA-384.

        Raises:
            UntrustedError: `chain.algorithm`, another algorithm or kind of key; `chain.issuer`,
                another name; `chain.signature`, another key.
        """
        if not self._parts.is_pss:
            raise UntrustedError("chain.algorithm", "not signed with RSASSA-PSS and SHA-384")
        key = issuer.ca_key
        if self.issuer != issuer.subject:
            raise UntrustedError(
                "chain.issuer", f"{self.common_name!r} under {issuer.common_name!r}"
            )
        key.verify(self._parts.signature, self._parts.tbs, "chain.signature")


def pss_certificates_from_pem(pem: bytes, *, most: int) -> tuple[PssCertificate, ...]:
    """Return the certificates of a PEM text that holds nothing else, in its order.

    Raises:
        MalformedError: `wire.pem` or `x509.malformed`.
    """
    return tuple(PssCertificate(der) for der in pem_blocks(pem, "CERTIFICATE", most=most))


def _ca(value: bytes | None) -> tuple[bool, int | None]:
    """Return whether basicConstraints says CA, and its path length."""
    if value is None:
        return False, None
    read = asn1.decode_der(_BasicConstraints, value)
    return read.ca, read.path_length


def _usage(value: bytes | None) -> tuple[bool, bool, bool]:
    """Return whether the key may sign (digests, certificates, revocation lists); absent is no."""
    octets = b"" if value is None else asn1.decode_der(asn1.BitString, value).as_bytes()
    bits = octets[0] if octets else 0
    return bool(bits & _DIGITAL_SIGNATURE), bool(bits & _KEY_CERT_SIGN), bool(bits & _CRL_SIGN)
