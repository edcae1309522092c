# SPDX-License-Identifier: Apache-2.0
"""Certificates as a verifier sees them: bytes, names, window, role, key (RFC 5280).

A `Certificate` decodes what it is asked for, once. Of the extensions it knows, it says what they
say; of those it does not, it says which are critical, and `chain` refuses them.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from troth.crypto.der import dotted, part
from troth.crypto.digest import sha256
from troth.crypto.names import common_name
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

# AlgorithmIdentifier of ECDSA with SHA-256, which has no parameters (RFC 5758 §3.2).
_ECDSA_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
_TAG_VERSION: Final = 0xA0  # in front of the serial number, not in certificates of version 1
_TO_SUBJECT: Final = 5  # serial number, algorithm, issuer, validity, subject

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
            self._extensions = {dotted(one.oid): one for one in self._cert.extensions}
            self.not_before: datetime = self._cert.not_valid_before_utc
            self.not_after: datetime = self._cert.not_valid_after_utc
        except LIBRARY_REFUSALS as error:
            raise MalformedError("x509.malformed", str(error)) from None
        check_whole_octets(der, self._cert.signature, "x509.malformed")
        self._signed = _Signed.of(der)
        self.subject: bytes = self._signed.subject
        self.issuer: bytes = self._signed.issuer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.common_name!r}, serial={self.serial:x})"

    @cached_property
    def common_name(self) -> str:
        """The subject's only common name; empty where there is none, or several, or no name."""
        try:
            return common_name(self.subject)
        except ValueError:  # a name is decoded when it is asked for, and shown in errors
            return ""

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
    def sha256(self) -> bytes:
        """SHA-256 of the certificate."""
        return sha256(self.der)

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
        if self._signed.algorithms != (_ECDSA_SHA256, _ECDSA_SHA256):
            raise UntrustedError("chain.algorithm", "not signed with ECDSA and SHA-256")
        key = issuer.key
        if self.issuer != issuer.subject:
            raise UntrustedError(
                "chain.issuer", f"{self.common_name!r} under {issuer.common_name!r}"
            )
        try:
            key.verify_der(self._cert.signature, self._signed.tbs, "chain.signature")
        except UntrustedError as error:
            raise UntrustedError(
                error.code, f"{self.common_name!r} is not signed by {issuer.common_name!r}"
            ) from None


class _Signed(NamedTuple):
    """What of a certificate is compared as bytes: the signed part, names, both algorithms."""

    tbs: bytes
    issuer: bytes
    subject: bytes
    algorithms: tuple[bytes, bytes]

    @classmethod
    def of(cls, der: bytes) -> Self:
        """Cut a certificate that the library has read (RFC 5280 §4.1)."""
        start, _ = part(der, 0)
        at, end = part(der, start)
        if der[at] == _TAG_VERSION:
            _, at = part(der, at)
        fields: list[bytes] = []
        for _ in range(_TO_SUBJECT):
            _, after = part(der, at)
            fields.append(der[at:after])
            at = after
        _, algorithm, issuer, _, subject = fields
        _, after = part(der, end)
        return cls(der[start:end], issuer, subject, (algorithm, der[end:after]))


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
