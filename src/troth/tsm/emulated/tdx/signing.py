# SPDX-License-Identifier: Apache-2.0
"""What the quoting enclaves of TDX and SGX do alike: vouch for a key, and sign with it.

    section = sign(attestation key, header ‖ [descriptor] ‖ body)
    QE report, REPORTDATA = SHA-256(attestation key ‖ auth data) ‖ 0, signed with the PCK key

With `SigningChanges` a section is made that is sound in everything but what is named: a change
before a signature is signed for, a change behind it is not. Source: Intel TDX DCAP Quoting Library
API, appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from troth.crypto.digest import sha256
from troth.crypto.p256 import PrivateKey
from troth.evidence.intel import EnclaveReport, SignatureSection
from troth.evidence.intel.layout import CERT_PCK_CHAIN
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.settings import Platform, Qe

__all__ = ["Signer", "SigningChanges", "platform_id"]


class SigningChanges(TypedDict, total=False):
    """What is to be different in a signature section, in the order in which it takes effect.

    Attributes:
        attestation_key: the key that signs and is carried, while the QE vouches for its own.
        vouched: the key (x‖y) that the QE vouches for.
        auth_data: the QE's authentication data, at most 65,535 bytes.
        qe_report: makes another QE report, which the PCK key then signs.
        pck_key: the key that signs the QE report.
        chain: certification data in place of the PCK chain.
        section: makes another signature section; nothing is signed again.
    """

    attestation_key: PrivateKey
    vouched: bytes
    auth_data: bytes
    qe_report: Callable[[EnclaveReport], EnclaveReport]
    pck_key: PrivateKey
    chain: bytes
    section: Callable[[SignatureSection], SignatureSection]


class Signer:
    """A quoting enclave's attestation key, and the PCE that certifies it."""

    def __init__(self, qe: Qe, cpu_svn: bytes, pki: Pki, attestation_key: PrivateKey) -> None:
        """Take the enclave, its CPU's SVN (16 bytes), its certificates, and its key."""
        self._qe = qe
        self._cpu_svn = cpu_svn
        self._pki = pki
        self._key = attestation_key

    def section(self, signed: bytes, changes: SigningChanges) -> SignatureSection:
        """Return the signature section over `signed`."""
        key = changes.get("attestation_key", self._key)
        vouched = changes.get("vouched", self._key.public.raw)
        auth_data = changes.get("auth_data", bytes.fromhex(self._qe.auth_data))
        qe_report = self._report(sha256(vouched + auth_data))
        if "qe_report" in changes:
            qe_report = changes["qe_report"](qe_report)
        content = qe_report.build()
        section = SignatureSection(
            signature=key.sign(signed),
            attestation_key=key.public.raw,
            qe_report=content,
            qe_report_signature=changes.get("pck_key", self._pki.keys["pck"]).sign(content),
            qe_auth_data=auth_data,
            certification_type=CERT_PCK_CHAIN,
            certification_data=changes.get("chain", self._pki.pck_chain()),
        )
        return changes["section"](section) if "section" in changes else section

    def _report(self, binding: bytes) -> EnclaveReport:
        qe = self._qe
        return EnclaveReport(
            cpu_svn=self._cpu_svn,
            misc_select=qe.misc_select,
            reserved1=bytes(12),
            isv_ext_prod_id=bytes(16),
            attributes=bytes.fromhex(qe.attributes),
            mr_enclave=bytes.fromhex(qe.mr_enclave),
            reserved2=bytes(32),
            mr_signer=bytes.fromhex(qe.mr_signer),
            reserved3=bytes(32),
            config_id=bytes(64),
            isv_prod_id=qe.isv_prod_id,
            isv_svn=qe.isv_svn,
            config_svn=0,
            reserved4=bytes(42),
            family_id=bytes(16),
            report_data=binding + bytes(32),
        )


def platform_id(platform: Platform) -> bytes:
    """Return the QE's name for the platform: sixteen bytes, and four of zero."""
    return sha256(bytes.fromhex(platform.ppid or ""))[:16] + bytes(4)
