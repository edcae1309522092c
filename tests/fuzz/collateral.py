# SPDX-License-Identifier: Apache-2.0
"""The door for collateral: sets of Intel and AMD, PCS answers, certificates, lists, known keys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tests.fuzz.door import Door, Way
from tests.fuzz.judged import AT, CHALLENGE
from troth.crypto.crl import Crl
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl, is_list
from troth.crypto.tpm_certificate import TpmCertificate
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.endorse.amd import parse_snp_bundle, read_certificates, read_crl
from troth.endorse.arm import parse_cpak_key, parse_cpak_store
from troth.endorse.intel import QeIdentity, TcbInfo, is_bundle, parse_bundle, pcs_document
from troth.endorse.riscv import build_roots, parse_roots
from troth.errors import TrothError
from troth.evidence.intel import PckChain, PckExtension
from troth.evidence.intel.pck import SGX_EXTENSION
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.sgx import SoftwareSgx
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tpm import SoftwareTpm
from troth.verify import Anchor, Anchors
from troth.verify.tdx import verify_tdx

__all__ = ["DOOR"]

TDX: Final = SoftwareTdx.create(at=AT)
SGX: Final = SoftwareSgx.create(at=AT)
SNP: Final = SoftwareSnp.create(at=AT)
CCA: Final = SoftwareCca.create(at=AT)
COVE: Final = SoftwareCove.create(at=AT)
TPM: Final = SoftwareTpm.create(at=AT)

QUOTE: Final = TDX.quote(CHALLENGE)
ANCHORS: Final = Anchors([Anchor.of(Certificate(TDX.pki.certificates["root"]))])
BUNDLES: Final = (TDX.bundle(), SGX.bundle())
SETS: Final = tuple(parse_bundle(one, "a bundle") for one in BUNDLES)
INFOS: Final = tuple(one.tcb_info.signed for one in SETS)
IDENTITIES: Final = tuple(one.qe_identity.signed for one in SETS)
ANSWER: Final = b'{"tcbInfo":' + INFOS[0] + b',"signature":"' + b"00" * 64 + b'"}'
CERTIFICATES: Final = tuple(TDX.pki.certificates.values())
LISTS: Final = (TDX.pki.crl("root", at=AT), TDX.pki.crl(TDX.pki.ca, at=AT))
AMD: Final = tuple(SNP.pki.certificates.values())
CHAIN: Final = TDX.pki.pck_chain()
STORE: Final = CCA.store()
CPAK: Final = CCA.cpak.key.pem()
PCK_EXTENSION: Final = Certificate(TDX.pki.certificates["pck"]).extension(SGX_EXTENSION) or b""


def judged_by(data: bytes) -> Any:
    """Judge a sound quote by a set of anybody's."""
    found = parse_bundle(data, "a bundle")
    with suppress(TrothError):
        return verify_tdx(QUOTE, collateral=(found,), anchors=ANCHORS, at=AT, report_data=CHALLENGE)
    return found


def read_to_the_end(certificate: Any) -> Any:
    """Ask a certificate everything that a verifier may ask; each answer may be an error."""
    asked: tuple[Callable[[], object], ...] = (
        lambda: certificate.subject,
        lambda: certificate.issuer,
        lambda: certificate.common_name,
        lambda: certificate.spki_sha256,
        lambda: certificate.unknown_critical,
        lambda: certificate.ca,
        lambda: certificate.key_usage,
        lambda: certificate.extension(SGX_EXTENSION),
        lambda: certificate.check_issued_by(certificate),
    )
    for ask in asked:
        with suppress(TrothError):
            ask()
    return certificate


def is_itself(value: Any, _: bytes) -> bool:
    return bool(value == type(value)(value.der)) and len(repr(value)) > 0


def is_a_list(value: Any, data: bytes) -> bool:
    with suppress(TrothError):
        value.check_current(AT)
    return is_list(data) and len(repr(value)) > 0


def anything(_: object, __: bytes) -> bool:
    return True


def certificate_way(name: str, kind: Any, seeds: tuple[bytes, ...]) -> Way:
    return Way(
        name=name, parse=lambda data: read_to_the_end(kind(data)), seeds=seeds, holds=is_itself
    )


DOOR: Final = Door(
    name="collateral",
    ways=(
        Way(name="Intel set", parse=judged_by, seeds=BUNDLES, holds=anything),
        Way(name="TCB info", parse=TcbInfo.parse, seeds=INFOS, holds=anything),
        Way(name="QE identity", parse=QeIdentity.parse, seeds=IDENTITIES, holds=anything),
        Way(name="PCS answer", parse=pcs_document, seeds=(ANSWER,), holds=anything),
        Way(name="which file", parse=is_bundle, seeds=(BUNDLES[0], b"[]"), holds=anything),
        certificate_way("certificate", Certificate, CERTIFICATES),
        certificate_way("AMD certificate", PssCertificate, AMD),
        certificate_way("TPM certificate", TpmCertificate, tuple(TPM.pki.certificates.values())),
        Way(
            name="PEM",
            parse=lambda data: certificates_from_pem(data, most=4),
            seeds=(CHAIN,),
            holds=anything,
        ),
        Way(
            name="PCK chain",
            parse=lambda data: PckChain.parse(data).extension,
            seeds=(CHAIN,),
            holds=lambda found, _: len(found.components) == 16,
        ),
        Way(
            name="PCK extension",
            parse=PckExtension.parse,
            seeds=(PCK_EXTENSION,),
            holds=lambda found, _: len(found.components) == 16 and len(found.fmspc) == 6,
        ),
        Way(name="list", parse=Crl, seeds=LISTS, holds=is_a_list),
        Way(name="AMD list", parse=PssCrl, seeds=(SNP.crl,), holds=is_a_list),
        Way(
            name="AMD set",
            parse=lambda data: parse_snp_bundle(data, "a bundle"),
            seeds=(SNP.bundle(),),
            holds=lambda found, _: len(found.sha256) == 32,
        ),
        Way(name="AMD file", parse=read_certificates, seeds=(SNP.root_pem, *AMD), holds=anything),
        Way(name="AMD list file", parse=read_crl, seeds=(SNP.crl,), holds=anything),
        Way(name="CPAKs", parse=parse_cpak_store, seeds=(STORE,), holds=anything),
        Way(name="CPAK", parse=parse_cpak_key, seeds=(CPAK,), holds=anything),
        Way(
            name="CoVE roots",
            parse=parse_roots,
            seeds=(COVE.roots(),),
            holds=lambda found, _: parse_roots(build_roots(found)).names == found.names,
        ),
    ),
    modules=(
        "troth.endorse.*",
        "troth.crypto.certificate_parts",
        "troth.crypto.crl",
        "troth.crypto.der",
        "troth.crypto.pss_certificate",
        "troth.crypto.pss_crl",
        "troth.crypto.tpm_certificate",
        "troth.crypto.x509",
        "troth.wire.json",
        "troth.wire.text",
    ),
)
