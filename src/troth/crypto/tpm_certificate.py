# SPDX-License-Identifier: Apache-2.0
"""Certificates of TPM attestation keys, and of the authorities above them.

Unlike the chains of silicon vendors these have no one algorithm: RSA or ECDSA, with SHA-256 or
longer, link by link. An attestation key's certificate says by its extended key usage that it is
one (TCG EK credential profile, 3.2.16; TCG infrastructure, tcg-kp-AIKCertificate).
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID, SignatureAlgorithmOID

from troth.crypto.tpm_key import TpmKey
from troth.crypto.x509 import Certificate
from troth.errors import MalformedError, UntrustedError
from troth.wire.text import pem_blocks

__all__ = ["ATTESTATION_KEY_USAGE", "TpmCertificate", "tpm_certificates_from_pem"]

ATTESTATION_KEY_USAGE: Final = "2.23.133.8.3"  # tcg-kp-AIKCertificate

# Critical where the subject is empty, as TCG's profile has it; names decide nothing here.
_NAMES_ONLY: Final = ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string
_USAGES: Final = ExtensionOID.EXTENDED_KEY_USAGE.dotted_string  # looked at for its one leaf
_ALGORITHMS: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)


class TpmCertificate(Certificate):
    """One certificate of an attestation key's chain."""

    @cached_property
    def public_key(self) -> TpmKey:
        """The public key.

        Raises:
            UntrustedError: `chain.algorithm`, not one of the kinds that `TpmKey` knows.
        """
        try:
            return TpmKey.of(self._cert.public_key())
        except (ValueError, TypeError, UnsupportedAlgorithm, MalformedError) as error:
            raise UntrustedError("chain.algorithm", str(error)) from None

    @cached_property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo: what a trust anchor is pinned by."""
        return self.public_key.spki_sha256

    @property
    def unknown_critical(self) -> list[str]:
        """OIDs of critical extensions that nobody here enforces (RFC 5280 §4.2)."""
        return [oid for oid in super().unknown_critical if oid not in (_NAMES_ONLY, _USAGES)]

    @property
    def usages(self) -> frozenset[str]:
        """The OIDs of its extended key usage; none where the extension is absent."""
        one = self._extensions.get(_USAGES)
        if one is None or not isinstance(one.value, x509.ExtendedKeyUsage):
            return frozenset()
        return frozenset(oid.dotted_string for oid in one.value)

    def check_issued_by(self, issuer: Certificate) -> None:
        """Return if `issuer` issued this: names equal as bytes, and the signature holds.

        Raises:
            UntrustedError: `chain.algorithm`, an algorithm or key that is not allowed;
                `chain.issuer`, another name; `chain.signature`, another key.
        """
        if self._cert.signature_algorithm_oid not in _ALGORITHMS:
            raise UntrustedError("chain.algorithm", "not RSA or ECDSA with SHA-256 or longer")
        _ = issuer.spki_sha256  # a key of an allowed kind and size
        try:
            above = x509.load_der_x509_certificate(issuer.der)
            self._cert.verify_directly_issued_by(above)
        except InvalidSignature:
            raise UntrustedError(
                "chain.signature", f"{self.common_name!r} is not signed by {issuer.common_name!r}"
            ) from None
        except (ValueError, TypeError) as error:
            raise UntrustedError(
                "chain.issuer", f"{self.common_name!r} under {issuer.common_name!r}: {error}"
            ) from None


def tpm_certificates_from_pem(pem: bytes, *, most: int) -> tuple[TpmCertificate, ...]:
    """Return the certificates of a PEM text that holds nothing else, in its order.

    Raises:
        MalformedError: `wire.pem` or `x509.malformed`.
    """
    return tuple(TpmCertificate(der) for der in pem_blocks(pem, "CERTIFICATE", most=most))
