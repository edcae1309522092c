# SPDX-License-Identifier: Apache-2.0
"""Quotes of swtpm, a TPM of other people's making, verify under a chain of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests.refusals import refused
from tests.tdx import AT
from tests.tpm.swtpm import Tpm, running
from tests.tpm.table import ANCHORS, CHALLENGE, PKI
from troth.crypto.digest import sha256, sha384
from troth.evidence.tpm import KeyText, PcrSelection, TpmDocument, TpmPublic, describe_tpm
from troth.verify.tpm import PinnedKeys, verify_tpm

INDEX: Final = 14
BOTH: Final = (PcrSelection("sha256", (0, 7, INDEX)), PcrSelection("sha384", (INDEX,)))
KINDS: Final = {"RSA": "sha256", "P-256": "sha256", "P-384": "sha384"}


@pytest.fixture(scope="module")
def tpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tpm]:
    with running(tmp_path_factory.mktemp("swtpm")) as started:
        yield started


def evidence_of(tpm: Tpm, handle: int, area: TpmPublic, *, certified: bool) -> bytes:
    message, signature = tpm.quote(handle, CHALLENGE, BOTH)
    spec = dataclasses.replace(PKI.spec("ak"), key=area.key)
    chain = PKI.chain(ak=PKI.certificate("ak", spec)).decode()
    ak = KeyText(certificates=chain) if certified else KeyText(public=area.build().hex())
    return TpmDocument(
        kind="tpm-quote",
        version=1,
        message=message.hex(),
        signature=signature.hex(),
        pcrs={
            one.bank: {str(n): tpm.read(one.bank, n).hex() for n in one.registers} for one in BOTH
        },
        ak=ak,
    ).json()


@pytest.mark.parametrize("kind", KINDS)
def test_a_quote_verifies_certified_and_pinned(kind: str, tpm: Tpm) -> None:
    handle, area = tpm.create_key(kind, KINDS[kind])
    assert area.is_attestation_key
    evidence = evidence_of(tpm, handle, area, certified=True)
    facts = verify_tpm(evidence, anchors=ANCHORS, at=AT, challenge=CHALLENGE).value
    assert facts.quoted.key == area.key
    assert facts.quoted.quote.clock.safe in (True, False)
    pinned = PinnedKeys([area.key.spki_sha256])
    evidence = evidence_of(tpm, handle, area, certified=False)
    tpm.flush(handle)
    again = verify_tpm(evidence, anchors=pinned, at=AT, challenge=CHALLENGE).value
    assert again.quoted.registers == facts.quoted.registers
    with refused("tpm.challenge"):
        verify_tpm(evidence, anchors=pinned, at=AT, challenge=CHALLENGE[:16])


def test_what_is_extended_is_what_is_quoted(tpm: Tpm) -> None:
    handle, area = tpm.create_key("P-256")
    before = tpm.read("sha256", INDEX), tpm.read("sha384", INDEX)
    old = evidence_of(tpm, handle, area, certified=True)
    tpm.extend(INDEX, {"sha256": sha256(b"event"), "sha384": sha384(b"event")})
    new = evidence_of(tpm, handle, area, certified=True)
    tpm.flush(handle)
    facts = verify_tpm(new, anchors=ANCHORS, at=AT, challenge=CHALLENGE).value
    described = describe_tpm(facts.quoted.quote, facts.quoted.registers)
    assert described["pcr_sha256_14"] == sha256(before[0] + sha256(b"event")).hex()
    assert described["pcr_sha384_14"] == sha384(before[1] + sha384(b"event")).hex()
    # The registers of one quote under the signature of the other.
    documents = [msgspec.json.decode(one) for one in (old, new)]  # our own, a moment ago
    mixed = msgspec.json.encode(documents[1] | {"pcrs": documents[0]["pcrs"]})
    with refused("tpm.pcr-digest"):
        verify_tpm(mixed, anchors=ANCHORS, at=AT, challenge=CHALLENGE)


def test_a_key_that_is_not_restricted_is_refused(tpm: Tpm) -> None:
    handle, area = tpm.create_key("P-256")
    loose = msgspec.structs.replace(area, attributes=area.attributes & ~(1 << 16))
    evidence = evidence_of(tpm, handle, loose, certified=False)
    tpm.flush(handle)
    with refused("tpm.ak-attributes"):
        verify_tpm(
            evidence,
            anchors=PinnedKeys([area.key.spki_sha256]),
            at=AT,
            challenge=CHALLENGE,
        )


def test_swtpm_leaves_nothing_running(tmp_path: Path) -> None:
    with running(tmp_path) as tpm:
        assert tpm.read("sha256", 0) == bytes(32)
