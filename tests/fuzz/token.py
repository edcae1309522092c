# SPDX-License-Identifier: Apache-2.0
"""The door for tokens: CCA, CoVE, TPM quotes, Azure's evidence, and our own results as JWT.

A fuzzer does not make signatures. So there are ways on which the input is what is signed, and a
software TEE or a verifier's key signs it: what stands behind the signature is reached too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.fuzz.door import Door, Way
from tests.fuzz.ear import WAYS
from tests.fuzz.judged import AT, CHALLENGE, judged, shown
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.crypto.tpm_certificate import TpmCertificate
from troth.crypto.x509 import Certificate
from troth.endorse.arm import CpakStore
from troth.endorse.intel import parse_bundle
from troth.endorse.riscv import parse_roots
from troth.evidence.azure import AzureEvidence, HclReport
from troth.evidence.cca import CcaToken, PlatformClaims, RealmClaims
from troth.evidence.cove import CoveToken
from troth.evidence.tpm import TpmEvidence, TpmPublic, TpmQuote, TpmSignature
from troth.policy import Endorsements
from troth.tsm.emulated.azure import Settings as AzureSettings
from troth.tsm.emulated.azure import SoftwareAzure
from troth.tsm.emulated.cca import Settings as CcaSettings
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cca.settings import Platform, Realm
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tpm import Settings as TpmSettings
from troth.tsm.emulated.tpm import SoftwareTpm
from troth.verify import Anchor, Anchors
from troth.verify.tpm import PinnedKeys

__all__ = ["DOOR"]

NONCE: Final = CHALLENGE[:32]
LEGACY: Final = CcaSettings(platform=Platform(profile="legacy"), realm=Realm(profile="legacy"))
CCA: Final = SoftwareCca.create(at=AT)
OLD_CCA: Final = SoftwareCca.create(LEGACY, at=AT)
COVE: Final = SoftwareCove.create(at=AT)
TPM: Final = SoftwareTpm.create(at=AT)
RSA: Final = SoftwareTpm.create(TpmSettings(key="RSA"), at=AT)
TDX: Final = SoftwareTdx.create(at=AT)
SNP: Final = SoftwareSnp.create(at=AT)
ON_TDX: Final = SoftwareAzure(AzureSettings(), TDX, RSA)
ON_SNP: Final = SoftwareAzure(AzureSettings(hcl_version=1), SNP, RSA)

CCA_TOKENS: Final = (CCA.token(CHALLENGE), OLD_CCA.token(CHALLENGE))
CCA_PARSED: Final = tuple(CcaToken.parse(one) for one in CCA_TOKENS)
COVE_TOKENS: Final = (COVE.token(CHALLENGE),)
QUOTED: Final = tuple(one.quote(NONCE) for one in (TPM, RSA))
EVIDENCE: Final = (
    TPM.evidence(NONCE),
    TPM.evidence(NONCE, carry="pem"),
    RSA.evidence(NONCE, carry="public"),
)
AZURE: Final = (ON_TDX.evidence(NONCE), ON_SNP.evidence(NONCE))
HCL: Final = tuple(AzureEvidence.parse(one).hcl.build() for one in AZURE)

TPM_ANCHORS: Final = Anchors(
    Anchor.of(TpmCertificate(one.pki.certificates["root"])) for one in (TPM, RSA)
)
AZURE_ANCHORS: Final = Anchors(
    [
        Anchor.of(Certificate(TDX.pki.certificates["root"])),
        Anchor.of(PssCertificate(SNP.pki.certificates["ark"])),
    ]
)
CPAKS: Final = Endorsements(cpaks=CpakStore(one.cpak for one in (CCA, OLD_CCA)))
KNOWN: Final = Endorsements(tpm_keys=PinnedKeys(one.key.public.spki_sha256 for one in (TPM, RSA)))
ROOTS: Final = Endorsements(cove_roots=parse_roots(COVE.roots()))
AMD: Final = Endorsements(
    amd_certificates=tuple(PssCertificate(SNP.pki.certificates[one]) for one in ("ask", "ark")),
    amd_crls=(PssCrl(SNP.crl),),
)
CCA_JUDGED: Final = judged("cca", *CCA_TOKENS, endorsements=CPAKS)
TPM_JUDGED: Final = judged("tpm", EVIDENCE[0], anchors=TPM_ANCHORS)


def is_built_again(value: Any, data: bytes) -> bool:
    built: bytes = value.build()
    return built == data


def is_read_again(value: Any, _: bytes) -> bool:
    """Others choose the encoding of these; what is built of them says the same."""
    return bool(type(value).parse(value.build()).build() == value.build())


def anything(_: object, __: bytes) -> bool:
    return True


def signed(name: str, sign: Callable[[bytes], bytes], way: Way, *seeds: bytes) -> Way:
    """Return a way whose input is signed before it is judged."""
    return Way(
        name=f"{name}, signed",
        parse=lambda data: way.parse(sign(data)),
        seeds=seeds,
        holds=way.holds,
    )


def platform_signed(payload: bytes) -> bytes:
    return CCA.token(CHALLENGE, platform_payload=lambda _: payload)


def realm_signed(payload: bytes) -> bytes:
    return CCA.token(CHALLENGE, realm_payload=lambda _: payload)


def message_signed(message: bytes) -> bytes:
    return TPM.evidence(NONCE, message=lambda _: message)


DOOR: Final = Door(
    name="token",
    ways=(
        Way(name="CCA", parse=CcaToken.parse, seeds=CCA_TOKENS, holds=anything),
        Way(
            name="CCA platform",
            parse=PlatformClaims.parse,
            seeds=tuple(one.platform_token.payload for one in CCA_PARSED),
            holds=is_read_again,
        ),
        Way(
            name="CCA realm",
            parse=RealmClaims.parse,
            seeds=tuple(one.realm_token.payload for one in CCA_PARSED),
            holds=is_read_again,
        ),
        Way(name="CoVE", parse=CoveToken.parse, seeds=COVE_TOKENS, holds=is_read_again),
        Way(name="TPM", parse=TpmEvidence.parse, seeds=EVIDENCE, holds=anything),
        Way(
            name="TPMS_ATTEST",
            parse=TpmQuote.parse,
            seeds=tuple(message for message, _, _ in QUOTED),
            holds=is_built_again,
        ),
        Way(
            name="TPMT_SIGNATURE",
            parse=TpmSignature.parse,
            seeds=tuple(signature.build() for _, signature, _ in QUOTED),
            holds=is_read_again,
        ),
        Way(
            name="TPM2B_PUBLIC",
            parse=TpmPublic.parse,
            seeds=tuple(one.public().build() for one in (TPM, RSA)),
            holds=is_read_again,
        ),
        Way(name="HCL", parse=HclReport.parse, seeds=HCL, holds=is_built_again),
        Way(name="Azure", parse=AzureEvidence.parse, seeds=AZURE, holds=anything),
        shown("cca", *CCA_TOKENS),
        shown("cove", *COVE_TOKENS),
        shown("tpm", *EVIDENCE),
        shown("azure", *AZURE),
        CCA_JUDGED,
        signed(
            "CCA platform",
            platform_signed,
            CCA_JUDGED,
            CCA_PARSED[0].platform_token.payload,
        ),
        signed("CCA realm", realm_signed, CCA_JUDGED, CCA_PARSED[0].realm_token.payload),
        judged("cove", *COVE_TOKENS, endorsements=ROOTS),
        TPM_JUDGED,
        judged("tpm", *EVIDENCE, endorsements=KNOWN),
        signed("TPMS_ATTEST", message_signed, TPM_JUDGED, QUOTED[0][0]),
        judged(
            "azure",
            *AZURE,
            anchors=AZURE_ANCHORS,
            collateral=(parse_bundle(TDX.bundle(), "a bundle"),),
            endorsements=AMD,
        ),
        *WAYS,
    ),
    modules=(
        "troth.evidence.cca.*",
        "troth.evidence.cove.*",
        "troth.evidence.tpm.*",
        "troth.evidence.azure.*",
        "troth.verify.cca.*",
        "troth.verify.cove.*",
        "troth.verify.tpm.*",
        "troth.verify.azure.*",
        "troth.crypto.cose_token",
        "troth.token.*",
    ),
)
