# SPDX-License-Identifier: Apache-2.0
"""Which kind evidence is, its form says: first bytes, or a JSON's members. No parser is tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.kinds import example
from tests.refusals import refused
from troth.evidence.detect import TEES, Tee, begins_as_token, detect_tee

START: Final = 48  # bytes, of a quote's header
VENDOR: Final = slice(12, 28)
TEE_TYPE: Final = 4


@pytest.mark.parametrize("tee", TEES)
def test_sound_evidence_is_known(tee: Tee) -> None:
    data = example(tee).evidence
    assert detect_tee(data) == tee
    # What follows the first bytes decides nothing, be it there or not; a report has its size,
    # and JSON its members.
    start = data if tee in ("snp", "tpm", "azure") else data[:START]
    assert detect_tee(start) == tee
    assert begins_as_token(data) == (tee if tee in ("cca", "cove") else None)


def test_real_evidence_is_known(vectors: Path) -> None:
    for folder, pattern, tee in (
        ("sgx-quote", "*.quote", "sgx"),
        ("snp", "*.report", "snp"),
        ("cca", "*token*.cbor", "cca"),
        ("azure-vtpm", "*-evidence-v1.json", "azure"),
    ):
        files = list((vectors / folder).glob(pattern))
        assert files, folder
        assert {detect_tee(one.read_bytes()) for one in files} == {tee}, folder


def test_an_sgx_quote_is_one_of_intels_enclave() -> None:
    quote = bytearray(example("sgx").evidence)
    quote[VENDOR] = bytes(16)
    with refused("evidence.unknown"):
        detect_tee(bytes(quote))


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6, 255])
def test_a_report_is_known_by_its_size_and_that_it_begins_with_a_small_number(
    version: int,
) -> None:
    report = bytearray(1184)
    report[0] = version
    assert detect_tee(bytes(report)) == "snp"
    for other in (report[:-1], [*report, 0], bytes(1184)):
        with refused("evidence.unknown"):
            detect_tee(bytes(other))


@pytest.mark.parametrize("guest_svn", [0x81, 0x00])
def test_a_report_whose_guest_svn_is_a_tee_type_is_a_report(guest_svn: int) -> None:
    """The number lies where a quote has its TEE type, and the guest's owner chooses it."""
    report = bytearray(example("snp").evidence)
    report[TEE_TYPE] = guest_svn
    assert detect_tee(bytes(report)) == "snp"


def test_a_quote_of_a_reports_size_is_a_quote() -> None:
    """Its third byte is the kind of its key, which is never 0."""
    assert detect_tee(example("tdx").evidence[:1184]) == "tdx"
    assert detect_tee(example("sgx").evidence[:1184]) == "sgx"


@pytest.mark.parametrize(
    ("start", "tee"),
    [
        (b"\xd9\x01\x8f", "cca"),
        (b"\xd9\x03\x8b", "cca"),
        (b"\xa1\x19\x01\x0a", "cove"),
    ],
)
def test_the_first_bytes_are_enough(start: bytes, tee: Tee) -> None:
    assert detect_tee(start) == tee
    assert detect_tee(start + b"\xff" * 64) == tee


@pytest.mark.parametrize(
    "data",
    [
        b"\xd9\x01\x8e",
        b"\xa2\x19\x01\x0a",
        b"\xa1\x19\x01",
        b'["kind"',
        b'x{"kind"',
    ],
)
def test_what_begins_as_nothing_known(data: bytes) -> None:
    with refused("evidence.unknown"):
        detect_tee(data)


@pytest.mark.parametrize("tee", ["tpm", "azure"])
def test_the_order_of_members_decides_nothing(tee: Tee) -> None:
    members = json.loads(example(tee).evidence)
    for first in members:
        turned = {first: members[first]} | members
        assert next(iter(turned)) == first
        for indent in (None, 2):
            assert detect_tee(b" \t\r\n" + json.dumps(turned, indent=indent).encode()) == tee
    assert detect_tee(json.dumps(members, sort_keys=True).encode()) == tee


@pytest.mark.parametrize(
    ("text", "tee"),
    [
        ('{"kind": "tpm-quote"}', "tpm"),
        ('{"pcrs": 1, "signature": 2, "message": 3}', "tpm"),
        ('{"hcl_report": 1}', "azure"),
        ('{"version": 2, "tpm_quote": 1}', "azure"),
    ],
)
def test_members_that_one_kind_alone_has_are_enough(text: str, tee: Tee) -> None:
    assert detect_tee(text.encode()) == tee


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"version": 1}',
        '{"kind": "quote"}',
        '{"kind": ["tpm-quote"]}',
        '{"Kind": "tpm-quote"}',
        '{"message": "not found"}',
        '{"message": "", "signature": ""}',
        '{"vcek": ""}',
        '{"td_quote": ""}',
        '{"tpm": {"kind": "tpm-quote"}, "azure": {"hcl_report": 1}}',
        '{"kind": "tpm-quote", "hcl_report": 1}',
        '{"message": 1, "signature": 1, "pcrs": 1, "tpm_quote": 1}',
        '["kind", "tpm-quote"]',
    ],
)
def test_json_that_is_neither_kind_or_both_is_none(text: str) -> None:
    with refused("evidence.unknown"):
        detect_tee(text.encode())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"kind": "tpm-quote"', "json.syntax"),
        ('{"kind": "tpm-quote"} {}', "json.syntax"),
        ('{"kind": "x", "kind": "tpm-quote"}', "json.duplicate"),
        ('{"kind": "tpm-quote", "x": 0.5}', "json.number"),
        ('{"x": ' + "[" * 17 + "]" * 17 + "}", "json.depth"),
        ('{"x": "' + "x" * (128 * 1024) + '"}', "json.too-large"),
    ],
)
def test_what_begins_as_json_must_be_json(text: str, code: str) -> None:
    with refused(code):
        detect_tee(text.encode())


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"HCLA" + bytes(60), "paravisor"), (bytes.fromhex("ff544347801800"), "statement alone")],
)
def test_a_part_of_evidence_is_told_to_be_one(data: bytes, what: str) -> None:
    with refused("unsupported.tee", what):
        detect_tee(data)
