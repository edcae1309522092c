# SPDX-License-Identifier: Apache-2.0
"""A boot that firmware, kernel and IMA measured into a TPM: its quote and its logs, taken out.

Signatures and digests are looked at here with the library alone; `test_evidence.py` verifies the
same as a relying party does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate

from tests.refusals import refused
from tests.vm.artefacts import NAMES, SIZES, nonce, quoted
from tests.vm.places import say
from tests.vm.tpm import ISSUER, ROOT_CA
from troth.evidence.eventlog import (
    MAPPINGS,
    match_prefix,
    parse_ima_ascii,
    parse_ima_binary,
    parse_tpm_log,
)

MAGIC: Final = b"\xffTCG\x80\x18"  # TPMS_ATTEST: TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE
FIRMWARE: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9)
IMA_PCR: Final = 10


def test_everything_came_out(artefacts: Path) -> None:
    empty = [name for name in NAMES if not (artefacts / name).stat().st_size]
    assert empty == []


def test_the_quote_is_over_the_nonce_and_these_values(artefacts: Path) -> None:
    attest = (artefacts / "quote.attest").read_bytes()
    assert attest.startswith(MAGIC)
    asked = nonce(artefacts)
    assert len(asked).to_bytes(2, "big") + asked in attest
    digest = hashlib.sha256((artefacts / "quote.pcrs").read_bytes()).digest()
    assert attest.endswith(len(digest).to_bytes(2, "big") + digest)


def test_the_attestation_key_signed_the_quote_and_nothing_else(artefacts: Path) -> None:
    key = load_pem_public_key((artefacts / "ak.pem").read_bytes())
    assert isinstance(key, EllipticCurvePublicKey)
    signature = (artefacts / "quote.signature").read_bytes()
    assert signature[:4] == b"\x00\x18\x00\x0b"  # TPMT_SIGNATURE: ECDSA, SHA-256
    size = int.from_bytes(signature[4:6], "big")
    r = int.from_bytes(signature[6 : 6 + size], "big")
    s = int.from_bytes(signature[8 + size :], "big")
    attest = (artefacts / "quote.attest").read_bytes()
    key.verify(encode_dss_signature(r, s), attest, ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(encode_dss_signature(r, s), attest + b"\0", ECDSA(SHA256()))


def test_the_endorsement_key_is_the_manufacturers(artefacts: Path) -> None:
    endorsement = load_der_x509_certificate((artefacts / "ek.crt").read_bytes())
    issuer, root = (
        load_pem_x509_certificate((artefacts / name).read_bytes()) for name in (ISSUER, ROOT_CA)
    )
    endorsement.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    key = load_pem_public_key((artefacts / "ek.pem").read_bytes())
    assert endorsement.public_key() == key


@pytest.mark.parametrize("bank", SIZES)
def test_the_firmware_log_replays_to_the_quote(artefacts: Path, bank: str) -> None:
    log = parse_tpm_log((artefacts / "firmware.log").read_bytes())
    expected = {f"pcr{pcr}": quoted(artefacts)[bank][pcr] for pcr in FIRMWARE}
    matches = match_prefix(log.extends(bank), MAPPINGS["pcr"], expected)
    assert all(match.matched == len(match.entries) for match in matches)
    expected["pcr4"] = b"\x04" * SIZES[bank]
    with refused("eventlog.wrong"):
        match_prefix(log.extends(bank), MAPPINGS["pcr"], expected)


@pytest.mark.parametrize("bank", SIZES)
def test_a_prefix_of_the_ima_list_replays_to_the_quote(artefacts: Path, bank: str) -> None:
    listed = parse_ima_binary((artefacts / "ima.bin").read_bytes())
    expected = {f"pcr{IMA_PCR}": quoted(artefacts)[bank][IMA_PCR]}
    (match,) = match_prefix(listed.extends(bank), MAPPINGS["pcr"], expected)
    assert match.matched
    assert match.matched > 100
    assert match.behind
    say(f"IMA: {match.matched} of {len(match.entries)} entries are in the quote ({bank})")


def test_both_forms_of_the_ima_list_say_the_same(artefacts: Path) -> None:
    binary = parse_ima_binary((artefacts / "ima.bin").read_bytes())
    text = parse_ima_ascii((artefacts / "ima.txt").read_bytes())
    shared = len(text.hashes)  # the binary list was read later
    assert text.hashes == binary.hashes[:shared]
    assert text.template_data == binary.template_data[:shared]
