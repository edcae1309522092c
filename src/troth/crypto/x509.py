# SPDX-License-Identifier: Apache-2.0
"""Certificates as a verifier sees them: bytes, names, window, role, key (RFC 5280).

A `Certificate` decodes what it is asked for, once. Of the extensions it knows, it says what they
say; of those it does not, it says which are critical, and `chain` refuses them.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from troth.crypto.digest import sha256
from troth.crypto.p256 import PublicKey
from troth.errors import MalformedError, UntrustedError
from troth.wire.text import pem_blocks

__all__ = [
    "CERTIFICATE_MAX_BYTES",
    "LIBRARY_REFUSALS",
    "Certificate",
    "certificates_from_pem",
    "check_whole_octets",
]

LIBRARY_REFUSALS: Final = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for DER that it cannot read; a property test holds us to the list."""

CERTIFICATE_MAX_BYTES: Final = 16 * 1024

# Extensions whose meaning `chain` enforces or that have none for a fixed-shape chain.
_KNOWN: Final = frozenset(
    oid.dotted_string
    for oid in (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    )
)


class Certificate:
    """One X.509 certificate, identified by its DER bytes."""

    def __init__(self, der: bytes) -> None:
        """Parse `der`, at most 16 KiB.

        Raises:
            MalformedError: `x509.malformed`.
        """
        if len(der) > CERTIFICATE_MAX_BYTES:
            raise MalformedError("x509.malformed", f"{len(der)} bytes")
        self.der = der
        try:
            self._cert = x509.load_der_x509_certificate(der)
            self._extensions = {one.oid.dotted_string: one for one in self._cert.extensions}
            self.not_before: datetime = self._cert.not_valid_before_utc
            self.not_after: datetime = self._cert.not_valid_after_utc
        except LIBRARY_REFUSALS as error:
            raise MalformedError("x509.malformed", str(error)) from None
        check_whole_octets(der, self._cert.signature, "x509.malformed")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.common_name!r}, serial={self.serial:x})"

    @cached_property
    def subject(self) -> bytes:
        """The subject name, DER.

        Raises:
            MalformedError: `x509.malformed`.
        """
        try:
            return self._cert.subject.public_bytes()
        except LIBRARY_REFUSALS as error:
            raise MalformedError("x509.malformed", str(error)) from None

    @cached_property
    def issuer(self) -> bytes:
        """The issuer name, DER.

        Raises:
            MalformedError: `x509.malformed`.
        """
        try:
            return self._cert.issuer.public_bytes()
        except LIBRARY_REFUSALS as error:
            raise MalformedError("x509.malformed", str(error)) from None

    @cached_property
    def common_name(self) -> str:
        """The subject's only common name; empty where there is none, or several, or no name."""
        try:
            names = self._cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        except LIBRARY_REFUSALS:  # a name is decoded when it is asked for, and shown in errors
            return ""
        return str(names[0].value) if len(names) == 1 else ""

    @property
    def serial(self) -> int:
        """The serial number."""
        return self._cert.serial_number

    @cached_property
    def key(self) -> PublicKey:
        """The public key.

        Raises:
            UntrustedError: `chain.algorithm`, not a P-256 key.
        """
        try:
            key = self._cert.public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UntrustedError("chain.algorithm", str(error)) from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise UntrustedError("chain.algorithm", "not a P-256 key")
        return PublicKey(key)

    @cached_property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo: what a trust anchor is pinned by."""
        return sha256(self.key.spki)

    @property
    def unknown_critical(self) -> list[str]:
        """OIDs of critical extensions that nobody here enforces (RFC 5280 §4.2)."""
        return [oid for oid, one in self._extensions.items() if one.critical and oid not in _KNOWN]

    @property
    def ca(self) -> tuple[bool, int | None]:
        """Whether basicConstraints says CA, and its path length."""
        one = self._extensions.get(ExtensionOID.BASIC_CONSTRAINTS.dotted_string)
        if one is None or not isinstance(one.value, x509.BasicConstraints):
            return False, None
        return one.value.ca, one.value.path_length

    @property
    def key_usage(self) -> tuple[bool, bool, bool]:
        """Whether the key may sign (digests, certificates, revocation lists); absent is no."""
        one = self._extensions.get(ExtensionOID.KEY_USAGE.dotted_string)
        if one is None or not isinstance(one.value, x509.KeyUsage):
            return False, False, False
        return one.value.digital_signature, one.value.key_cert_sign, one.value.crl_sign

    def extension(self, oid: str) -> bytes | None:
        """Return the value of an extension the library does not know, or None."""
        one = self._extensions.get(oid)
        if one is None or not isinstance(one.value, x509.UnrecognizedExtension):
            return None
        return one.value.value

    def check_issued_by(self, issuer: Certificate) -> None:
        """Return if `issuer` issued this: names equal as bytes, signed with ECDSA and SHA-256.

        Raises:
            UntrustedError: `chain.algorithm`, another algorithm or kind of key; `chain.issuer`,
                another name; `chain.signature`, another key.
        """
        if self._cert.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
            raise UntrustedError("chain.algorithm", "not signed with ECDSA and SHA-256")
        _ = issuer.key
        try:
            self._cert.verify_directly_issued_by(issuer._cert)
        except InvalidSignature:
            raise UntrustedError(
                "chain.signature", f"{self.common_name!r} is not signed by {issuer.common_name!r}"
            ) from None
        except (ValueError, TypeError) as error:
            raise UntrustedError(
                "chain.issuer", f"{self.common_name!r} under {issuer.common_name!r}: {error}"
            ) from None


def check_whole_octets(der: bytes, signature: bytes, code: str) -> None:
    """Refuse a signed structure whose signature leaves bits of its last octet unused.

    The library passes over them, so that one signed structure would have several encodings.

    Args:
        der: the structure, which ends in the signature.
        signature: the content of its BIT STRING, which the number of unused bits precedes.
        code: the code to raise.

    Raises:
        MalformedError: `code`.
    """
    if der[-len(signature) - 1] != 0:
        raise MalformedError(code, "the signature is not of whole octets")


def certificates_from_pem(pem: bytes, *, most: int) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM text that holds nothing else, in its order.

    Raises:
        MalformedError: `wire.pem` or `x509.malformed`.
    """
    return tuple(Certificate(der) for der in pem_blocks(pem, "CERTIFICATE", most=most))
