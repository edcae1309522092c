# SPDX-License-Identifier: Apache-2.0
"""Bundles and the vendor's own answers: what is signed is kept byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import pytest

from tests.refusals import refused
from tests.tdx import AT
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.endorse.intel import (
    CollateralSet,
    QeIdentity,
    TcbInfo,
    Window,
    choose,
    is_bundle,
    parse_bundle,
    pcs_document,
)
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.tsm.emulated.tdx import Settings, SoftwareTdx

Field = Any  # of a bundle, or an argument of the choice

TEE: Final = SoftwareTdx.create(at=AT)
TEXT: Final = TEE.bundle()
MEMBERS: Final[dict[str, Any]] = json.loads(TEXT)
SET: Final = parse_bundle(TEXT, "own")
CA: Final = Certificate(TEE.pki.certificates["platform-ca"])
FMSPC: Final = bytes.fromhex(TEE.settings.platform.fmspc)


def bundle(**members: Field) -> bytes:
    """Return the sound bundle with other members; None leaves one out."""
    changed = MEMBERS | members
    return json.dumps({key: value for key, value in changed.items() if value is not None}).encode()


# --- bundles --------------------------------------------------------------------------------------


def test_a_bundle_is_read_whole() -> None:
    assert SET.source == "own"
    assert (SET.tee, SET.fmspc, SET.evaluation_number) == ("TDX", FMSPC, 20)
    assert SET.tcb_info.signed == MEMBERS["tcb_info"].encode()
    assert SET.qe_identity.signed == MEMBERS["qe_identity"].encode()
    assert SET.tcb_info.signature.hex() == MEMBERS["tcb_info_signature"]
    assert SET.pck_crl.der.hex() == MEMBERS["pck_crl"]
    assert SET.root_crl.der.hex() == MEMBERS["root_ca_crl"]
    assert SET.tcb_info.signer.der == TEE.pki.certificates["tcb-signing"]
    assert SET.pck_crl_issuer == CA
    # One chain for two documents is read once.
    assert SET.qe_identity.signer is SET.tcb_info.signer


def test_two_chains_are_two_signers() -> None:
    other = MEMBERS["qe_identity_issuer_chain"] + "\n"
    found = parse_bundle(bundle(qe_identity_issuer_chain=other), "own")
    assert found.qe_identity.signer is not found.tcb_info.signer
    assert found.qe_identity.signer == found.tcb_info.signer


def test_signed_objects_keep_their_bytes() -> None:
    # A document may stand there as an object; what is inside its braces is signed, spaces too.
    spaced = json.dumps(json.loads(MEMBERS["tcb_info"]), indent=3)
    rest = {key: value for key, value in MEMBERS.items() if key != "tcb_info"}
    text = f'{{"tcb_info" :  {spaced}  , {json.dumps(rest)[1:]}'
    found = parse_bundle(text.encode(), "own")
    assert found.tcb_info.signed == spaced.encode()
    assert found.tcb_info.value == SET.tcb_info.value


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_missing_or_of_another_type(member: str) -> None:
    with refused("json.type"):
        parse_bundle(bundle(**{member: None}), "own")
    with refused("json.type"):
        parse_bundle(bundle(**{member: 7}), "own")


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("pck_crl", "zz", "wire.hex"),
        ("pck_crl", "", "crl.malformed"),
        ("root_ca_crl", "3000", "crl.malformed"),
        ("tcb_info_signature", "00" * 63, "wire.hex"),
        ("tcb_info_signature", "", "wire.hex"),
        ("qe_identity_signature", "00" * 65, "wire.hex"),
        ("tcb_info_issuer_chain", "", "wire.pem"),
        ("pck_crl_issuer_chain", "hello", "wire.pem"),
        ("qe_identity_issuer_chain", "\u00e9", "wire.pem"),
        ("tcb_info", "{", "json.syntax"),
        ("tcb_info", "[]", "json.type"),
        ("tcb_info", "", "json.syntax"),
        ("tcb_info", "\u00e9", "json.syntax"),
        ("qe_identity", {}, "json.type"),
        ("qe_identity", '{"id": 1, "id": 2}', "json.duplicate"),
        ("qe_identity", '{"id": 1.5}', "json.number"),
    ],
)
def test_a_member_that_cannot_be_read(member: str, value: object, code: str) -> None:
    with refused(code):
        parse_bundle(bundle(**{member: value}), "own")


@pytest.mark.parametrize(
    "chain", ["pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain"]
)
def test_a_chain_is_issuer_and_root(chain: str) -> None:
    one = TEE.pki.pem("root").decode()
    with refused("collateral.chain-shape", "1 certificates, issuer and root are due"):
        parse_bundle(bundle(**{chain: one}), "own")
    with refused("collateral.chain-shape", "3 certificates"):
        parse_bundle(bundle(**{chain: one * 3}), "own")
    with refused("wire.pem"):
        parse_bundle(bundle(**{chain: one * 4}), "own")


def test_a_lone_surrogate_in_a_document_is_no_text() -> None:
    text = TEXT.replace(b'"tcb_info":"{', b'"tcb_info":"\\ud800{')
    assert text != TEXT
    with refused("json.syntax"):
        parse_bundle(text, "own")


def test_a_bundle_that_is_too_large() -> None:
    with refused("json.too-large"):
        parse_bundle(TEXT.ljust(BUNDLE_MAX_BYTES + 1), "own")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (TEXT, True),
        (b'{"tcb_info": 1}', True),
        (b"{}", False),
        (b'{"files": [], "kind": "tdx"}', False),
        (b"[]", False),
        (b"1", False),
        (b'"tcb_info"', False),
    ],
    ids=["whole", "one-member", "empty", "another", "array", "number", "string"],
)
def test_what_is_meant_as_a_bundle(data: bytes, answer: bool) -> None:
    assert is_bundle(data) is answer


@pytest.mark.parametrize(
    ("data", "code"), [(b"{", "json.syntax"), (b'{"a": 1, "a": 2}', "json.duplicate")]
)
def test_what_is_no_json_is_no_answer(data: bytes, code: str) -> None:
    with refused(code):
        is_bundle(data)


def test_every_real_bundle_is_read(vectors: Path) -> None:
    paths = sorted(vectors.glob("intel-collateral/*-*.json"))
    assert len(paths) >= 20
    for path in paths:
        data = path.read_bytes()
        assert is_bundle(data)
        found = parse_bundle(data, path.name)
        kind, fmspc, *_ = path.stem.split("-")
        assert (found.tee.lower(), found.fmspc.hex()) == (kind, fmspc)
        assert found.window.start < found.window.end
        for document in (found.tcb_info, found.qe_identity):
            key = document.signer.key
            key.verify(document.signature, document.signed, "collateral.signature")
    assert not is_bundle((vectors / "intel-collateral" / "MANIFEST.json").read_bytes())


# --- what a set says of itself --------------------------------------------------------------------


def evaluated(info: int, identity: int) -> CollateralSet:
    made = TEE.collateral(
        tcb_info=lambda one: one.update(tcbEvaluationDataNumber=info),
        qe_identity=lambda one: one.update(tcbEvaluationDataNumber=identity),
    )
    return parse_bundle(made.json(), f"{info}/{identity}")


def test_mixed_numbers_count_as_the_older() -> None:
    assert evaluated(19, 20).evaluation_number == 19
    assert evaluated(20, 18).evaluation_number == 18


def test_the_window_is_when_everything_counts() -> None:
    info, identity = SET.tcb_info.value, SET.qe_identity.value
    starts = [info.issue_date, identity.issue_date, SET.pck_crl.this_update]
    assert SET.window.start == max(*starts, SET.root_crl.this_update)
    ends = [info.next_update, identity.next_update, SET.pck_crl.next_update]
    assert SET.window.end == min(*ends, SET.root_crl.next_update)
    assert AT in SET.window


@pytest.mark.parametrize("member", ["issueDate", "nextUpdate"])
def test_the_window_narrows_with_each_document(member: str) -> None:
    made = TEE.collateral(qe_identity=lambda one: one.update({member: "2026-11-05T00:00:00Z"}))
    window = parse_bundle(made.json(), "x").window
    end = window.start if member == "issueDate" else window.end
    assert end == datetime(2026, 11, 5, tzinfo=UTC)


def test_a_window_includes_both_ends() -> None:
    second = timedelta(seconds=1)
    window = Window(AT, AT + second)
    assert AT in window
    assert AT + second in window
    assert AT - second not in window
    assert AT + 2 * second not in window


def test_the_digest_is_of_every_byte() -> None:
    seen = {SET.sha256}
    other = SoftwareTdx.create(at=AT)
    for member, value in json.loads(other.bundle()).items():
        if MEMBERS[member] != value:
            seen.add(parse_bundle(bundle(**{member: value}), "x").sha256)
    # All members but the documents themselves differ, which two platforms share.
    assert len(seen) == 8
    changed = MEMBERS["tcb_info"].replace("UpToDate", "OutOfDate")
    seen.add(parse_bundle(bundle(tcb_info=changed), "x").sha256)
    assert len(seen) == 9
    assert parse_bundle(TEXT, "another name").sha256 == SET.sha256


# --- choosing -------------------------------------------------------------------------------------


def chosen(*sets: CollateralSet, at: datetime = AT, **wanted: Field) -> str:
    platform: dict[str, Field] = {"tee": "TDX", "fmspc": FMSPC, "ca": CA} | wanted
    return choose(sets, at=at, **platform).source


def issued(days: int, number: int = 20, name: str = "") -> CollateralSet:
    """Return a set issued `days` after the sound one, which counts for 29 days after that."""
    change = {"tcbEvaluationDataNumber": number}
    made = TEE.collateral(
        AT + timedelta(days=days),
        tcb_info=lambda one: one.update(change),
        qe_identity=lambda one: one.update(change),
    )
    return parse_bundle(made.json(), name or f"{days}d-{number}")


def test_the_highest_number_of_those_that_count() -> None:
    sets = [issued(0, 18), issued(0, 20), issued(0, 19)]
    assert chosen(*sets) == "0d-20"
    assert chosen(*reversed(sets)) == "0d-20"


def test_then_the_latest_issue_date() -> None:
    sets = [issued(-9), issued(-1), issued(-5)]
    assert chosen(*sets) == "-1d-20"
    assert chosen(*reversed(sets)) == "-1d-20"


def test_one_that_counts_beats_a_higher_number_that_does_not() -> None:
    late, early = issued(40, 22), issued(-40, 21)
    assert chosen(late, issued(0, 17), early) == "0d-17"
    assert chosen(late, issued(0, 17), early, at=AT + timedelta(days=41)) == "40d-22"


def test_where_none_counts_the_best_says_why() -> None:
    assert chosen(issued(-60, 20), issued(-40, 19)) == "-60d-20"


def test_another_platforms_sets_are_not_looked_at() -> None:
    other = parse_bundle(
        TEE.collateral(tcb_info=lambda one: one.update(fmspc="00" * 6)).json(), "other"
    )
    sgx = parse_bundle(TEE.collateral(tcb_info=lambda one: one.update(id="SGX")).json(), "sgx")
    list_of_other_ca = parse_bundle(
        TEE.collateral(pck_crl=TEE.pki.crl("processor-ca")).json(), "ca"
    )
    assert chosen(other, sgx, list_of_other_ca, SET) == "own"
    assert chosen(other, sgx, SET, tee="SGX") == "sgx"
    wanted = (
        f"wanted: TDX collateral for FMSPC {FMSPC.hex()} and 'Intel SGX PCK Platform CA'; "
        f"given: SGX collateral for FMSPC {FMSPC.hex()} and 'Intel SGX PCK Platform CA', "
        f"TDX collateral for FMSPC {'00' * 6} and 'Intel SGX PCK Platform CA', "
        f"TDX collateral for FMSPC {FMSPC.hex()} and 'Intel SGX PCK Processor CA'"
    )
    with refused("collateral.missing", wanted):
        chosen(other, sgx, list_of_other_ca)


def test_nothing_given_is_nothing_chosen() -> None:
    with refused("collateral.missing", "given: none"):
        chosen()


# --- the vendor's answers -------------------------------------------------------------------------

ANSWERS: Final[dict[str, tuple[type[TcbInfo | QeIdentity], str]]] = {
    "sample_tcbInfo_response": (TcbInfo, "TCB-Info-Issuer-Chain.header"),
    "sample_qeIdentity_response": (QeIdentity, "SGX-Enclave-Identity-Issuer-Chain.header"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_signed_over_its_exact_bytes(vectors: Path, name: str) -> None:
    folder = vectors / "pcs-response"
    kind, header = ANSWERS[name]
    body = (folder / name).read_bytes()
    signed, signature = pcs_document(body)
    assert signed in body
    chain = unquote((folder / header).read_text(encoding="ascii").strip()).encode()
    signer, _ = certificates_from_pem(chain, most=2)
    signer.key.verify(signature, signed, "collateral.signature")
    assert kind.parse(signed).issue_date < AT
    # The same object written anew is another text, and nobody signed it.
    anew = json.dumps(json.loads(signed), sort_keys=True).encode()
    with refused("collateral.signature"):
        signer.key.verify(signature, anew, "collateral.signature")


def test_an_answer_with_white_space_is_cut_out_exactly() -> None:
    inner = b'{ "id" : "TDX" ,\n "x":[ 1 ] }'
    body = b' { "signature" : "' + b"ab" * 64 + b'" , "tcbInfo" :  ' + inner + b" } "
    assert pcs_document(body) == (inner, b"\xab" * 64)
    identity = body.replace(b"tcbInfo", b"enclaveIdentity")
    assert pcs_document(identity) == (inner, b"\xab" * 64)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "json.type"),
        (b'{"signature": "S"}', "json.type"),
        (b'{"tcbInfo": {}}', "json.type"),
        (b'{"tcbInfo": {}, "enclaveIdentity": {}, "signature": "S"}', "json.type"),
        (b'{"tcbInfo": {}, "signature": "S", "more": 1}', "json.type"),
        (b'{"tcbInfo": {}, "signature": 1}', "json.type"),
        (b'{"tcbInfo": {}, "signature": "00"}', "wire.hex"),
        (b'{"tcbInfo": {}, "tcbInfo": {}, "signature": "S"}', "json.duplicate"),
        (b'{"tcbInfo": {"a": 1, "a": 1}, "signature": "S"}', "json.duplicate"),
        (b'{"tcbInfo": {}, "signature": "S"} x', "json.syntax"),
        (b"", "json.syntax"),
    ],
)
def test_what_is_no_answer(body: bytes, code: str) -> None:
    with refused(code):
        pcs_document(body.replace(b'"S"', b'"' + b"00" * 64 + b'"'))


def test_a_set_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        SET.tcb_info.signed = b""  # type: ignore[misc]  # that it cannot is the test
    assert msgspec.structs.replace(SET, source="b").sha256 == SET.sha256


def test_statuses_come_through() -> None:
    tee = SoftwareTdx.create(Settings().with_status(platform="Revoked"), at=AT)
    assert parse_bundle(tee.bundle(), "x").tcb_info.value.levels[0].status == "Revoked"
