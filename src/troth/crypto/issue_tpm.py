# SPDX-License-Identifier: Apache-2.0
"""Issue the certificates of software TPMs; as in `issue`, a spec says what a certificate claims.

Nothing here is checked: a certificate can be issued that no verifier accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from troth.crypto.tpm_key import HashName, TpmKey, hash_by_name
from troth.crypto.tpm_signer import TpmSigner

__all__ = ["TpmCertificateSpec", "issue_tpm_certificate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TpmCertificateSpec:
    """What a certificate says.

    Attributes:
        subject: its common name; empty for a subject without names.
        issuer: the common name of its issuer.
        key: the subject's public key.
        serial: serial number, positive.
        not_before: aware; whole seconds count.
        not_after: aware; whole seconds count.
        ca: what basicConstraints says.
        path_length: pathLenConstraint; None leaves it out.
        signs_data: whether keyUsage has digitalSignature.
        signs_certificates: whether keyUsage has keyCertSign.
        usages: OIDs of the extended key usage; none leaves the extension out.
        unknown_critical: the OID of a critical extension that nobody knows.
        digest: what the signature is made with.
    """

    subject: str
    issuer: str
    key: TpmKey
    serial: int
    not_before: datetime
    not_after: datetime
    ca: bool
    path_length: int | None = None
    signs_data: bool
    signs_certificates: bool
    usages: tuple[str, ...] = ()
    unknown_critical: str | None = None
    digest: HashName = "sha256"


def issue_tpm_certificate(spec: TpmCertificateSpec, *, signed_by: TpmSigner) -> bytes:
    """Return the DER of a certificate that says what `spec` says."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(spec.subject))
        .issuer_name(_name(spec.issuer))
        .public_key(load_der_public_key(spec.key.spki))  # type: ignore[arg-type]  # RSA or EC
        .serial_number(spec.serial)
        .not_valid_before(spec.not_before)
        .not_valid_after(spec.not_after)
        .add_extension(x509.BasicConstraints(spec.ca, spec.path_length), critical=True)
        .add_extension(_key_usage(spec), critical=True)
    )
    if spec.usages:
        usages = x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in spec.usages])
        builder = builder.add_extension(usages, critical=False)
    if spec.unknown_critical is not None:
        oid = x509.ObjectIdentifier(spec.unknown_critical)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, b"\x05\0"), critical=True)
    # The library takes these three hashes; its type of the argument does not say so of a base.
    algorithm = hash_by_name(spec.digest)
    issued = builder.sign(signed_by.library_key, algorithm)  # type: ignore[arg-type]  # see above
    return issued.public_bytes(Encoding.DER)


def _name(common_name: str) -> x509.Name:
    if not common_name:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(spec: TpmCertificateSpec) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=spec.signs_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=spec.signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
