# SPDX-License-Identifier: Apache-2.0
"""A policy with [azure] takes Azure's evidence alone, and has what Azure's evidence needs."""

from __future__ import annotations

import re
from typing import Final

import pytest
from msgspec.structs import replace

from tests.azure.table import CHALLENGE, EVIDENCE, SNP, SNP_INPUTS, TDX_INPUTS, template
from tests.bundle_kinds import machine_of
from tests.tdx import AT
from troth.errors import DeniedError, UsageError
from troth.evidence.azure import AzureEvidence
from troth.evidence.detect import Tee
from troth.evidence.tpm.evidence import TpmDocument
from troth.evidence.tpm.key import KeyText
from troth.policy import Endorsements, Judgement, JudgeOptions, Policy, judge, parse_policy
from troth.verify import Anchors, AnyValue
from troth.verify.tpm import PinnedKeys

TEXTS: Final = {hardware: template(evidence) for hardware, evidence in EVIDENCE.items()}
PARTS: Final[list[tuple[str, Tee]]] = [
    ("snp", "snp"),
    ("snp", "tpm"),
    ("tdx", "tdx"),
    ("tdx", "tpm"),
]


def cut_out(hardware: str, part: Tee) -> bytes:
    """Return the evidence of one part of a VM, as whoever holds that of the whole can make it."""
    whole = AzureEvidence.parse(EVIDENCE[hardware])
    if part == "snp":
        return whole.hcl.hardware_report
    if part == "tdx":
        return whole.td_quote
    return TpmDocument(
        kind="tpm-quote",
        version=1,
        message=whole.message.hex(),
        signature=whole.signature.build().hex(),
        pcrs={
            bank: {str(index): value.hex() for index, value in held.items()}
            for bank, held in whole.registers.items()
        },
        ak=KeyText(pem=whole.hcl.claims.attestation_key.pem().decode()),
    ).json()


def judged(hardware: str, part: Tee, policy: Policy | None) -> Judgement:
    key = AzureEvidence.parse(EVIDENCE[hardware]).hcl.claims.attestation_key
    given = Endorsements(snp=(SNP.collateral(),), tpm_keys=PinnedKeys([key.spki_sha256]))
    anchors = {"snp": SNP_INPUTS.anchors, "tdx": TDX_INPUTS.anchors, "tpm": Anchors(())}
    options = JudgeOptions(
        collateral=TDX_INPUTS.collateral,
        anchors=anchors[part],
        at=AT,
        report_data=CHALLENGE if part == "tpm" else AnyValue,
        policy=policy,
        endorsements=given,
    )
    return judge(cut_out(hardware, part), options)


def wrong(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^usage\.policy: p\.toml: ") as caught:
        parse_policy(text.encode(), "p.toml")
    assert said in str(caught.value)


def without(text: str, section: str) -> str:
    """Return a policy without a section and the tables in it."""
    parts = re.split(r"(?m)^(?=\[)", text)
    return "".join(one for one in parts if not one.startswith((f"[{section}]", f"[{section}.")))


@pytest.mark.parametrize(("hardware", "part"), PARTS)
def test_a_part_cut_out_of_azures_evidence_is_denied(hardware: str, part: Tee) -> None:
    """It is genuine, its section takes it, and [azure] holds it to nothing: no VM is proven."""
    policy = parse_policy(TEXTS[hardware].encode(), "p.toml")
    alone = replace(policy, azure=None)
    assert judged(hardware, part, alone).verdict == "accepted"
    judgement = judged(hardware, part, policy)
    assert (judgement.verdict, judgement.code) == ("denied", "policy.section")
    assert judgement.detail == (
        f"p.toml has [azure], which takes Azure's evidence alone: {part} evidence by itself needs "
        "a policy without that section"
    )
    assert judgement.trace[-1].rule == "policy.section"
    assert judgement.trace[-1].verdict == "failed"


@pytest.mark.parametrize("kind", ["snp", "tdx"])
def test_bundles_are_not_azures_evidence(kind: str) -> None:
    machine = machine_of("snp" if kind == "snp" else "tdx")
    azure = parse_policy(TEXTS[kind].encode(), "p.toml").azure
    policy = replace(machine.policy(), azure=azure)
    for ask in (lambda: policy.bundle_tee, policy.for_bundles):
        with pytest.raises(DeniedError, match=r"^policy\.section: .*Azure's evidence alone"):
            ask()


@pytest.mark.parametrize("hardware", ["snp", "tdx"])
def test_each_section_that_azure_needs(hardware: str) -> None:
    text = TEXTS[hardware]
    assert set(parse_policy(text.encode(), "p").sections) == {"azure", "tpm", hardware}
    wrong(without(text, "tpm"), "[azure] (line ")
    wrong(without(text, "tpm"), "lacks [tpm] beside it")
    wrong(without(text, hardware), f"lacks [{hardware}] beside it")
    both = without(without(text, "tpm"), hardware)
    wrong(both, f"lacks [tpm], [{hardware}] beside it")


def test_the_hardware_that_is_named_decides_which_sections() -> None:
    text, other = TEXTS["snp"], TEXTS["tdx"].partition("\n[tdx]\n")[2]
    both = f"{text}\n[tdx]\n{other}"
    wrong(both, "[tdx] has no use beside it")
    wrong(text.replace('hardware = ["snp"]', 'hardware = ["tdx"]'), "lacks [tdx] beside it")
    for words in ('["snp", "tdx"]', '"any"'):
        line = f"hardware = {words}"
        parse_policy(both.replace('hardware = ["snp"]', line).encode(), "p")
        wrong(text.replace('hardware = ["snp"]', line), "lacks [tdx] beside it")


def test_sections_of_other_evidence_stand_in_another_file() -> None:
    claims = '[claims]\naudiences = ["a"]\ncnf = "any"\nchannel = "any"\n'
    wrong(f"{TEXTS['snp']}\n{claims}", "[claims] has no use beside it")
