# SPDX-License-Identifier: Apache-2.0
"""Evidence of Azure VMs. The MANIFEST describes it and states no verdicts, so they are here.

Three pieces are whole and verify under the vendors' own roots. Of the loose pieces, one quote is
signed by the key of the report beside it, and of one the key is nowhere: its verdict is unknown.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.tpm_key import TpmKey
from troth.endorse.amd import read_certificates
from troth.evidence.azure import HclReport, describe_azure
from troth.evidence.tpm import TpmQuote, describe_tpm, digest_of
from troth.verify import (
    AMD_ARK_MILAN,
    INTEL_SGX_ROOT,
    Anchors,
    ChipId,
    Revocation,
    WithoutCollateral,
)
from troth.verify.azure import AzureFacts, SnpInputs, TdxInputs, verify_azure
from troth.wire import base64url

__all__ = ["FOLDER", "NONCE", "READERS", "WHOLE", "evidence_of", "verified"]

FOLDER: Final = "azure-vtpm"
AT: Final = datetime(2026, 6, 1, tzinfo=UTC)
NONCE: Final = b"challenge"  # what the collectors of these quotes asked with
CHAIN: Final = "snp-certs/ask_ark_milan.pem"
QUOTE_AT: Final = 272  # in the serialised quote: behind the signature and two lengths
SIGNATURE_AT: Final = slice(8, 264)
MESSAGE_BYTES: Final = 122
SOFT_KEY: Final = 256  # bytes of an RSA signature
# Whole evidence: the anchor it hangs from, its challenge, and some of its facts.
WHOLE: Final[dict[str, tuple[str, bytes, dict[str, Any]]]] = {
    "snp-evidence-v1.json": (
        "amd-ark-milan",
        NONCE,
        {"hardware": "snp", "vm_unique_id": "26F8BC30-774E-4290-8E7A-535F3B672AEE"},
    ),
    "snp-milan-v3-attestation.json": (
        "amd-ark-milan",
        b"",
        {"hardware": "snp", "vm_unique_id": "D62DE809-4115-4C18-B16C-6314707DE1FB"},
    ),
    "tdx-evidence-v1.json": (
        "intel-sgx-root",
        NONCE,
        {"hardware": "tdx", "vm_unique_id": "6332533D-5649-4D02-8AA7-8F64B7C3EE21"},
    ),
}


def evidence_of(path: Path) -> bytes:
    """Return the evidence of a file; one of them has it inside another project's envelope."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps(document.get("evidence", document)).encode()


def verified(vectors: Path, name: str, challenge: bytes, at: datetime = AT) -> AzureFacts:
    """Verify a file of whole evidence, without collateral and without a revocation list."""
    certificates: tuple[PssCertificate, ...] = read_certificates((vectors / CHAIN).read_bytes())
    return verify_azure(
        evidence_of(vectors / FOLDER / name),
        snp=SnpInputs(
            certificates=certificates,
            crls=(),
            anchors=Anchors([AMD_ARK_MILAN]),
            revocation=Revocation.ANY,
            chip=ChipId.NAMED,
        ),
        tdx=TdxInputs(collateral=WithoutCollateral, anchors=Anchors([INTEL_SGX_ROOT])),
        at=at,
        challenge=challenge,
    ).value


def _evidence(case: VectorCase, vectors: Path) -> None:
    stated_bytes(case, vectors)
    name = case.entry["file"]
    anchor, challenge, due = WHOLE[name]
    facts = verified(vectors, name, challenge)
    assert facts.anchor.name == anchor
    told = describe_azure(facts.hcl)
    assert {key: told[key] for key in due} == due
    document = json.loads(evidence_of(vectors / case.file))
    quoted = facts.quoted
    assert quoted.quote.build().hex() == document["tpm_quote"]["message"]
    assert len(quoted.registers["sha256"]) == 24
    assert describe_tpm(quoted.quote, quoted.registers)["extra_data"] == challenge.hex()
    report = facts.hcl.build()
    assert base64url.decode(document["hcl_report"].rstrip("="))[: len(report)] == report
    with refused("tpm.challenge"):
        verified(vectors, name, b"another")


def _judge(case: VectorCase, vectors: Path, scratch: Path) -> tuple[Command, ...]:
    anchor, challenge, due = WHOLE[case.entry["file"]]
    file = scratch / "evidence.json"
    file.write_bytes(evidence_of(vectors / case.file))
    given: tuple[object, ...] = ("--without-collateral",)
    if due["hardware"] == "snp":
        given = ("--without-crl", "--collateral", vectors / CHAIN)
    words = ("verify", file, *given, "--at", int(AT.timestamp()))

    def check(told: dict[str, Any]) -> None:
        assert {key: told["facts"][key] for key in due} == due

    genuine = {"verdict": "genuine", "tee": "azure", "anchor": anchor, "code": None}
    untrusted = {"verdict": "untrusted", "code": "tpm.challenge", "facts": None}
    expected = ("--report-data", challenge.hex()) if challenge else ()
    return (
        Command(arguments=(*words, *expected), status=EXIT["genuine"], told=genuine, check=check),
        Command(
            arguments=(*words, "--report-data", "00"), status=EXIT["untrusted"], told=untrusted
        ),
        Command(arguments=("inspect", file), status=0, told={"verified": False}, check=check),
    )


def _report(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    report = HclReport.parse(data)
    assert report.hardware == case.entry["file"].partition("-")[0]
    assert report.report_data in report.hardware_report
    built = report.build()
    assert built + bytes(len(data) - len(built)) == data


def _part(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    """Of a part of evidence the program says so, whichever way it is asked."""
    told = {"verdict": "malformed", "code": "unsupported.tee"}
    return tuple(
        Command(arguments=(word, vectors / case.file), status=EXIT["malformed"], told=told)
        for word in ("verify", "inspect")
    )


def _serialised(case: VectorCase, vectors: Path) -> None:
    """Another project's serialisation: signature, message and registers behind their lengths."""
    data = stated_bytes(case, vectors)
    message = data[QUOTE_AT : QUOTE_AT + MESSAGE_BYTES]
    quote = TpmQuote.parse(message)
    report = HclReport.parse((vectors / FOLDER / "snp-hcl-report.bin").read_bytes())
    key = report.claims.attestation_key
    key.verify("sha256", data[SIGNATURE_AT], message, "tpm.signature")
    assert quote.extra_data == NONCE
    tail = data[QUOTE_AT + MESSAGE_BYTES + 8 :]
    values = {index: tail[32 * index : 32 * index + 32] for index in range(24)}
    assert len(tail) == 24 * 32
    assert digest_of(quote.selections, {"sha256": values}, "sha256") == quote.pcr_digest


def _loose(case: VectorCase, vectors: Path) -> None:
    """Each is well-formed by itself, and the key signed no quote that is here."""
    data = stated_bytes(case, vectors)
    folder = vectors / FOLDER
    message, signature = ((folder / f"snp-tpm-quote.{end}").read_bytes() for end in ("msg", "sig"))
    quote = TpmQuote.parse(message)
    key = TpmKey.from_pem((folder / "akpub.pem").read_bytes())
    assert data in (message, signature, (folder / "akpub.pem").read_bytes())
    assert (quote.build(), quote.extra_data) == (message, NONCE)
    assert [one.registers for one in quote.selections] == [(0, 1, 2, 3, 4, 5, 6, 7, 14)]
    assert (len(signature), key.kind) == (SOFT_KEY, "RSA")
    with refused("tpm.signature"):
        key.verify("sha256", signature, message, "tpm.signature")


_ANOTHERS: Final = "another project's serialisation, which the program does not take"
_LOOSE: Final = "a part of evidence whose other parts are nowhere"
READERS: Final = {
    "evidence": Reader(_evidence, _judge),
    "report": Reader(_report, _part),
    "quote": Reader(_serialised, _ANOTHERS),
    "unknown": Reader(_loose, _LOOSE),
}
