# SPDX-License-Identifier: Apache-2.0
"""Certificates signed with RSASSA-PSS: their largest size, and keys that are none."""

from __future__ import annotations

from tests.refusals import refused
from tests.snp.table import certificate
from tests.snp.world import snp
from troth.crypto._tbs import Extension
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.x509 import CERTIFICATE_MAX_BYTES


def padded(room: int) -> bytes:
    """Return a sound certificate with an extension of `room` octets that nobody knows."""
    return certificate("ask", extensions=(Extension(oid="1.2.3.4", value=bytes(room)),))


def test_a_certificate_is_at_most_16_kib() -> None:
    room = 8192 + CERTIFICATE_MAX_BYTES - len(padded(8192))
    largest = padded(room)
    assert len(largest) == CERTIFICATE_MAX_BYTES
    assert PssCertificate(largest).der == largest
    with refused("x509.malformed", f"{CERTIFICATE_MAX_BYTES + 1} bytes"):
        PssCertificate(padded(room + 1))


def test_an_endorsement_key_off_its_curve_is_said_to_be_so() -> None:
    spki = snp().pki.keys.spki("vcek")
    off = spki[:-1] + bytes((spki[-1] ^ 1,))
    assert PssCertificate(certificate("vcek", spki=spki)).endorsement_key.spki == spki
    with refused("chain.algorithm", "not a point on secp384r1"):
        _ = PssCertificate(certificate("vcek", spki=off)).endorsement_key
