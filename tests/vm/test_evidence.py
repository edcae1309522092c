# SPDX-License-Identifier: Apache-2.0
"""The measured boot's quote and lists, verified as a relying party does: library and program.

Its attestation key is known because the guest said so: no authority certified it, and of the
endorsement key's certificate only the chain is looked at. Under a certificate that a test's own
authority makes of the same key, the quote verifies as well.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.manifests.guest import IMA, ima_prefixes, quote_document, verified
from tests.program import troth
from tests.refusals import refused
from tests.tdx import AT
from tests.tpm.table import ANCHORS, EVIL, PKI
from tests.vm.artefacts import PCRS, SIZES, evidence, nonce, quoted
from tests.vm.places import say
from tests.vm.tpm import ISSUER, ROOT_CA
from troth.crypto.tpm_certificate import TpmCertificate, tpm_certificates_from_pem
from troth.crypto.tpm_key import TpmKey
from troth.evidence.eventlog import (
    MAPPINGS,
    match_prefix,
    parse_ima_ascii,
    parse_ima_binary,
    parse_tpm_log,
)
from troth.evidence.tpm import TpmPublic
from troth.verify.tpm import TpmFacts, verify_tpm


@pytest.fixture
def key(artefacts: Path) -> TpmKey:
    """The attestation key, by its public area: one that signs nothing but what a TPM says."""
    area = TpmPublic.parse((artefacts / "ak.pub").read_bytes())
    assert area.is_attestation_key
    assert area.key == TpmKey.from_pem((artefacts / "ak.pem").read_bytes())
    return area.key


@pytest.fixture
def facts(artefacts: Path, key: TpmKey) -> TpmFacts:
    """What the quote says, verified."""
    return verified(evidence(artefacts), key, nonce(artefacts))


def test_the_quote_verifies(artefacts: Path, facts: TpmFacts, key: TpmKey) -> None:
    assert facts.quoted.key == key
    assert facts.quoted.quote.extra_data == nonce(artefacts)
    assert facts.quoted.registers == quoted(artefacts)
    assert {one.bank: one.registers for one in facts.quoted.quote.selections} == {
        bank: tuple(PCRS) for bank in SIZES
    }


def test_another_challenge_or_register_or_key_is_refused(artefacts: Path, key: TpmKey) -> None:
    asked = nonce(artefacts)
    with refused("tpm.challenge"):
        verified(evidence(artefacts), key, bytes(32))
    changed = quoted(artefacts)
    changed["sha256"][IMA] = bytes(32)
    with refused("tpm.pcr-digest"):
        verified(evidence(artefacts, changed), key, asked)
    with refused("tpm.ak"):
        verified(evidence(artefacts), EVIL.public, asked)


def test_a_certified_key_verifies_too(artefacts: Path, key: TpmKey) -> None:
    spec = dataclasses.replace(PKI.spec("ak"), key=key)
    chain = PKI.chain(ak=PKI.certificate("ak", spec)).decode()
    certified = quote_document(
        (artefacts / "quote.attest").read_bytes(),
        (artefacts / "quote.signature").read_bytes(),
        quoted(artefacts),
        {"certificates": chain},
    )
    facts = verify_tpm(certified, anchors=ANCHORS, at=AT, challenge=nonce(artefacts)).value
    assert facts.quoted.key == key


def test_the_endorsement_key_hangs_from_its_manufacturer(artefacts: Path, key: TpmKey) -> None:
    endorsement = TpmCertificate((artefacts / "ek.crt").read_bytes())
    (issuer,), (root,) = (
        tpm_certificates_from_pem((artefacts / name).read_bytes(), most=1)
        for name in (ISSUER, ROOT_CA)
    )
    endorsement.check_issued_by(issuer)
    issuer.check_issued_by(root)
    root.check_issued_by(root)
    with refused("chain.issuer"):
        endorsement.check_issued_by(root)
    held = TpmKey.from_pem((artefacts / "ek.pem").read_bytes())
    assert endorsement.public_key == held != key
    with refused("tpm.public"):  # it encrypts and signs nothing
        TpmPublic.parse((artefacts / "ek.pub").read_bytes())


@pytest.mark.parametrize("name", ["ima.bin", "ima.txt"])
def test_the_quoted_register_matches_a_proper_prefix(
    name: str, artefacts: Path, facts: TpmFacts
) -> None:
    parse = parse_ima_binary if name == "ima.bin" else parse_ima_ascii
    log = parse((artefacts / name).read_bytes())
    found = ima_prefixes(log, facts)
    assert set(found) == set(SIZES)
    ((matched, behind),) = set(found.values())
    assert 100 < matched < matched + behind == len(log)
    say(f"{name}: the quoted PCR {IMA} is of the first {matched} of {len(log)} entries")


def test_a_list_without_its_last_quoted_entry_is_wrong(artefacts: Path, facts: TpmFacts) -> None:
    lines = (artefacts / "ima.txt").read_bytes().splitlines(keepends=True)
    log = parse_ima_ascii(b"".join(lines))
    ((matched, _),) = set(ima_prefixes(log, facts).values())
    value = {f"pcr{IMA}": facts.quoted.registers["sha256"][IMA]}
    for kept in (lines[: matched - 1], lines[: matched - 1] + lines[matched:]):
        with refused("eventlog.wrong"):
            match_prefix(parse_ima_ascii(b"".join(kept)).extends("sha256"), MAPPINGS["pcr"], value)


def test_the_program_says_the_same(artefacts: Path, facts: TpmFacts, tmp_path: Path) -> None:
    document = tmp_path / "evidence.json"
    document.write_bytes(evidence(artefacts))
    words = ("verify", document, "--ak", artefacts / "ak.pem", "--json", "--report-data")
    done = troth(*words, nonce(artefacts).hex())
    judged = done.json()
    assert (done.status, judged["verdict"], judged["tee"]) == (1, "genuine", "tpm")
    value = facts.quoted.registers["sha256"][IMA].hex()
    assert judged["facts"][f"pcr_sha256_{IMA}"] == value
    other = troth(*words, "00" * 32)
    assert (other.status, other.json()["code"]) == (4, "tpm.challenge")
    for name in ("ima.bin", "ima.txt"):
        done = troth("replay", artefacts / name, f"--register=pcr{IMA}={value}", "--json")
        (register,) = done.json()["registers"]
        entries = done.json()["entries"]
        assert (done.status, register["verdict"]) == (0, "matched")
        assert register["prefix"] + register["behind"] == entries
        assert register["behind"] > 0


def test_the_program_replays_the_firmwares_log(artefacts: Path, facts: TpmFacts) -> None:
    log = parse_tpm_log((artefacts / "firmware.log").read_bytes())
    extended = sorted({one for one in log.extends("sha256").registers if one in PCRS})
    values = facts.quoted.registers["sha256"]
    given = [f"--register=pcr{pcr}={values[pcr].hex()}" for pcr in extended]
    done = troth("replay", artefacts / "firmware.log", *given, "--json")
    told = done.json()
    assert (done.status, told["verdict"], told["bank"]) == (0, "matched", "sha256")
    assert {one["behind"] for one in told["registers"]} == {0}
