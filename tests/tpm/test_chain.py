# SPDX-License-Identifier: Apache-2.0
"""Attestation keys that are nobody's: chains and pinned keys with one fault each."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from tests.tdx import AT
from tests.tpm.table import (
    CHALLENGE,
    EVIL,
    OTHER,
    PKI,
    TPM,
    Given,
    Table,
    chain,
    chain_pem,
    pinned,
    settle,
)
from troth.crypto.tpm_signer import TpmSigner
from troth.evidence.tpm import TpmPublic
from troth.verify import Anchors
from troth.verify.tpm import PinnedKeys

DAY: Final = timedelta(days=1)
AK, CA, ROOT = (PKI.certificates[role] for role in ("ak", "ca", "root"))
EK_USAGE: Final = "2.23.133.8.1"


def public(**changes: int) -> Given:
    """Return evidence with another public area, its key pinned."""

    def changed(area: TpmPublic) -> TpmPublic:
        return replace(area, **changes)

    evidence = TPM.evidence(CHALLENGE, carry="public", public=changed)
    return Given(evidence=evidence, anchors=pinned(TPM))


def without(bit: int) -> Given:
    return public(attributes=TPM.public().attributes & ~(1 << bit))


def own_hierarchy() -> Given:
    """A whole chain of the attacker's, with the names of ours."""
    return chain_pem(*(OTHER.pki.certificates[role] for role in ("ak", "ca", "root")))


def root_of_another_kind() -> Given:
    """A root key on P-521, which nothing here signs with."""
    return chain_pem(AK, CA, _certificate_of_p521())


def _certificate_of_p521() -> bytes:
    key = ec.generate_private_key(ec.SECP521R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "P-521")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, AT - DAY, AT + DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


CASES: Final[Table] = {
    # Shape and root.
    "leaf-alone": (lambda: chain_pem(AK), "tpm.chain-shape"),
    "no-root": (lambda: chain_pem(AK, CA), "chain.root"),
    "own-hierarchy": (own_hierarchy, "chain.root"),
    "no-anchor": (lambda: Given(anchors=Anchors([])), "chain.root"),
    "order-changed": (lambda: chain_pem(CA, AK, ROOT), "chain.issuer"),
    "no-intermediate": (lambda: chain_pem(AK, ROOT), "chain.issuer"),
    "root-twice": (lambda: chain_pem(AK, CA, ROOT, ROOT), "tpm.chain-shape"),
    "root-alone-twice": (lambda: chain_pem(ROOT, ROOT), "tpm.chain-shape"),
    "root-of-p521": (root_of_another_kind, "chain.algorithm"),
    "not-a-chain": (
        lambda: Given(evidence=TPM.evidence(CHALLENGE, carry="pem")),
        "tpm.ak",
    ),
    "public-area-and-no-pin": (
        lambda: Given(evidence=TPM.evidence(CHALLENGE, carry="public")),
        "tpm.ak",
    ),
    # Links.
    "leaf-signed-by-another": (lambda: chain("ak", signed_by=EVIL), "chain.signature"),
    "ca-signed-by-another": (lambda: chain("ca", signed_by=EVIL), "chain.signature"),
    "root-signed-by-another": (lambda: chain("root", signed_by=EVIL), "chain.signature"),
    "leaf-names-another-issuer": (lambda: chain("ak", issuer="somebody"), "chain.issuer"),
    "ca-names-another-issuer": (lambda: chain("ca", issuer="somebody"), "chain.issuer"),
    "leaf-signed-with-sha224": (lambda: chain_pem(leaf_with_sha224(), CA, ROOT), "chain.algorithm"),
    # Roles.
    "leaf-without-usages": (lambda: chain("ak", usages=()), "chain.role"),
    "leaf-of-an-endorsement-key": (lambda: chain("ak", usages=(EK_USAGE,)), "chain.role"),
    "leaf-signs-no-data": (lambda: chain("ak", signs_data=False), "chain.role"),
    "leaf-is-a-ca": (lambda: chain("ak", ca=True), "chain.leaf-is-ca"),
    "leaf-signs-certificates": (lambda: chain("ak", signs_certificates=True), "chain.leaf-is-ca"),
    "ca-is-none": (lambda: chain("ca", ca=False, path_length=None), "chain.not-ca"),
    "ca-signs-no-certificates": (lambda: chain("ca", signs_certificates=False), "chain.not-ca"),
    "root-is-no-ca": (lambda: chain("root", ca=False), "chain.not-ca"),
    "root-signs-no-certificates": (
        lambda: chain("root", signs_certificates=False),
        "chain.not-ca",
    ),
    "root-of-path-length-0": (lambda: chain("root", path_length=0), "chain.not-ca"),
    "ca-between-ca-and-leaf": (
        lambda: chain_pem(*two_intermediates()),
        "chain.not-ca",
    ),
    **{
        f"unknown-critical-{role}": (
            lambda role=role: chain(role, unknown_critical="1.3.6.1.4.1.99999.1"),  # type: ignore[misc]  # mypy reads no default here
            "chain.extension",
        )
        for role in ("ak", "ca", "root")
    },
    # Time.
    **{
        f"{role}-expired": (
            lambda role=role: chain(role, not_after=AT - timedelta(seconds=1)),  # type: ignore[misc]  # as above
            "chain.expired",
        )
        for role in ("ak", "ca", "root")
    },
    **{
        f"{role}-not-yet-valid": (
            lambda role=role: chain(role, not_before=AT + timedelta(seconds=1)),  # type: ignore[misc]  # as above
            "chain.not-yet-valid",
        )
        for role in ("ak", "ca", "root")
    },
    # Pinned keys.
    "pinned-another": (lambda: Given(anchors=pinned(OTHER)), "tpm.ak"),
    "pinned-none": (lambda: Given(anchors=PinnedKeys([])), "tpm.ak"),
    "not-restricted": (lambda: without(16), "tpm.ak-attributes"),
    "not-signing": (lambda: without(18), "tpm.ak-attributes"),
    "not-fixed-to-its-tpm": (lambda: without(1), "tpm.ak-attributes"),
    "not-fixed-to-its-parent": (lambda: without(4), "tpm.ak-attributes"),
    "made-elsewhere": (lambda: without(5), "tpm.ak-attributes"),
    "decrypts": (
        lambda: public(attributes=TPM.public().attributes | 1 << 17),
        "tpm.ak-attributes",
    ),
}


def leaf_with_sha224() -> bytes:
    """The sound certificate of the key, its signature over a digest that is too short."""
    sound = x509.load_der_x509_certificate(AK)
    builder = x509.CertificateBuilder(
        sound.issuer,
        sound.subject,
        sound.public_key(),
        sound.serial_number,
        sound.not_valid_before_utc,
        sound.not_valid_after_utc,
        list(sound.extensions),
    )
    issued = builder.sign(PKI.keys["ca"].library_key, hashes.SHA224())
    return issued.public_bytes(Encoding.DER)


def two_intermediates() -> tuple[bytes, ...]:
    """A second CA below the first, whose path length does not allow one."""
    second = TpmSigner.generate("P-256")
    spec = dataclasses.replace(
        PKI.spec("ca"), subject="second", issuer=PKI.spec("ca").subject, key=second.public
    )
    leaf = dataclasses.replace(PKI.spec("ak"), issuer="second")
    return (
        PKI.certificate("ak", leaf, signed_by=second),
        PKI.certificate("ca", spec, signed_by=PKI.keys["ca"]),
        CA,
        ROOT,
    )


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_one_code(name: str) -> None:
    settle(CASES[name])
