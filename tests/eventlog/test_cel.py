# SPDX-License-Identifier: Apache-2.0
"""Canonical event logs in TLV and JSON, the agent's log, and which kind a log is."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventlog.logs import BOOT, cc_log, chained, ima_list, tlv
from tests.refusals import refused
from troth.errors import MalformedError
from troth.evidence.eventlog import (
    MAPPINGS,
    Data,
    build_ima_ascii,
    build_ima_binary,
    build_sha1_log,
    build_tpm_log,
    parse_aael,
    parse_cel_json,
    parse_cel_tlv,
    parse_log,
    replay,
)
from troth.evidence.eventlog.cel import CelRegister
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES, UNEXTENDED
from troth.evidence.eventlog.text import readable

PCR: Final = MAPPINGS["pcr"]
ZEROS: Final = "0" * 64


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def record(
    number: int = 0,
    content: bytes = b"",
    *,
    digest: bytes = b"d" * 32,
    register: int = 4,
    space: int = 1,
    algorithm: int = 0x0B,
) -> bytes:
    parts = [
        tlv(0, number.to_bytes(8, "big")),
        tlv(space, register.to_bytes(4, "big")),
        tlv(3, tlv(algorithm, digest)),
        content or tlv(9, b"unit"),
    ]
    return b"".join(parts)


def event(kind: int, data: bytes) -> bytes:
    return tlv(5, tlv(0, struct.pack(">I", kind)) + tlv(1, data))


def launcher(data: bytes) -> bytes:
    return tlv(80, tlv(3, data))


def test_records_of_every_writer() -> None:
    template = ima_list([(b"ima-ng", [b"sha1:\0" + bytes(20), b"/x\0"])]).template_data[0]
    contents = [
        (event(0xD, b"grub_cmd: ls"), sha256(b"ls"), Data.PART),
        (event(4, bytes(4)), sha256(b"other"), Data.DIFFERS),
        (event(3, b"quiet"), bytes(32), Data.UNEXTENDED),
        (tlv(7, tlv(0, b"ima-ng") + tlv(1, template)), sha256(template), Data.MEASURED),
        (tlv(7, tlv(0, b"ima-ng") + tlv(1, template)), b"x" * 32, Data.DIFFERS),
        (launcher(b"image"), sha256(launcher(b"image")), Data.MEASURED),
        (launcher(b"image"), sha256(b"image"), Data.DIFFERS),
        (tlv(9, b"unit"), sha256(b"unit"), Data.UNPROVEN),
        (tlv(77, b"new"), b"y" * 32, Data.UNPROVEN),
    ]
    log = parse_cel_tlv(
        b"".join(record(n, one, digest=digest) for n, (one, digest, _) in enumerate(contents))
    )
    assert log.examine("sha256").data == [status for _, _, status in contents]
    assert log.examine("sha256").recomputed.keys() == {1, 4, 6}
    assert log.registers == [4, 4, UNEXTENDED, *[4] * 6]
    extended = [digest for n, (_, digest, _) in enumerate(contents) if n != 2]
    assert replay(log.extends("sha256"), PCR) == {"pcr4": chained("sha256", *extended)}
    assert [log.describe(n)["type"] for n in (0, 5, 8)] == ["EV_IPL", "cos-3", "77"]


def test_mr_indexes_and_nv_indexes() -> None:
    cc = parse_cel_tlv(record(space=108, algorithm=0x0C, digest=b"d" * 48))
    assert replay(cc.extends("sha384"), MAPPINGS["cc"]) == {"rtmr3": chained("sha384", b"d" * 48)}
    nv = parse_cel_tlv(record(space=2, register=0x1C00002))
    assert nv.registers == [UNEXTENDED]
    other = parse_cel_tlv(record(algorithm=0x12))
    with refused("eventlog.bank", "none that can be computed"):
        other.extends("sha256")


@pytest.mark.parametrize(("space", "register"), [(1, 0), (1, 23), (108, 1), (108, 4)])
def test_the_first_and_the_last_register(space: int, register: int) -> None:
    assert parse_cel_tlv(record(space=space, register=register)).registers == [register]


def test_each_register_counts_its_own_records() -> None:
    both = record(0, register=4) + record(0, register=5) + record(1, register=4)
    assert parse_cel_tlv(both).registers == [4, 5, 4]


TLV_FAULTS: Final = {
    "empty": (b"", "eventlog.cel"),
    "order": (record(1) + record(1), "eventlog.cel-order"),
    "order-back": (record(2) + record(1), "eventlog.cel-order"),
    "pcr-24": (record(register=24), "eventlog.register"),
    "mr-index-0": (record(register=0, space=108), "eventlog.register"),
    "mr-index-5": (record(register=5, space=108), "eventlog.register"),
    "register-type": (record(space=107), "eventlog.cel"),
    "no-number": (record()[13:], "wire.truncated"),
    "number-type": (tlv(2, b"\0") + record()[13:], "eventlog.cel"),
    "digests-type": (record()[:22] + b"\4" + record()[23:], "eventlog.cel"),
    "fields-turned": (tlv(1, b"\4") + tlv(0, b"\0") + record()[22:], "eventlog.cel"),
    "number-empty": (tlv(0, b"") + record()[13:], "eventlog.cel"),
    "number-long": (tlv(0, bytes(9)) + record()[13:], "eventlog.cel"),
    "no-digest": (tlv(0, b"\0") + tlv(1, b"\4") + tlv(3, b"") + tlv(9, b""), "eventlog.algorithm"),
    "digest-twice": (
        tlv(0, b"\0") + tlv(1, b"\4") + tlv(3, tlv(11, bytes(32)) * 2) + tlv(9, b""),
        "eventlog.algorithm",
    ),
    "digest-size": (record(digest=bytes(31)), "eventlog.algorithm"),
    "digests-change": (record() + record(1, algorithm=0x12), "eventlog.algorithm"),
    "registers-mixed": (record() + record(1, space=108), "eventlog.cel"),
    "launcher-two": (record(content=tlv(80, tlv(0, b"") * 2)), "eventlog.cel"),
    "event-fields": (record(content=tlv(5, tlv(1, b"") + tlv(0, b""))), "eventlog.cel"),
    "template-fields": (record(content=tlv(7, tlv(0, b"ima"))), "eventlog.cel"),
    "cut": (record()[:-1], "wire.truncated"),
    "field-head-cut": (record() + b"\0\0", "wire.truncated"),
    "too-large": (bytes(LOG_MAX_BYTES + 1), "wire.too-large"),
}


@pytest.mark.parametrize("name", TLV_FAULTS)
def test_each_fault_in_tlv_has_its_code(name: str) -> None:
    data, code = TLV_FAULTS[name]
    with refused(code):
        parse_cel_tlv(data)


def test_more_records_than_any_log_has() -> None:
    log = parse_cel_tlv(record())
    log.contents *= LOG_MAX_ENTRIES  # as long as a log of smaller records can be
    with refused("wire.too-large"):
        log.add(1, CelRegister("pcr", 4), {0x0B: bytes(32)}, log.contents[0])


# The record that TCG Canonical Event Log Format 1.0 §5.3 gives as its example.
EXAMPLE: Final[dict[str, Any]] = {
    "recnum": 2,
    "pcr": 6,
    "digests": [
        {"hashAlg": "sha1", "digest": "bac9a8935b720760bcdea2faae75152f5d1e4bea"},
        {
            "hashAlg": "sha256",
            "digest": "d18bf8d221a3a3b08774c8d077328c4b2ca205e4f1618ad4bac2b5786f453bc7",
        },
    ],
    "content_type": "pcclient_std",
    "content": {
        "event_type": "EV_COMPACT_HASH",
        "event_data": b"Dell Configuration Information 2".hex(),
    },
}


def as_json(*records: dict[str, Any]) -> bytes:
    return json.dumps(list(records)).encode()


def test_the_formats_own_example() -> None:
    log = parse_cel_json(as_json(EXAMPLE))
    assert log.banks == ("sha1", "sha256")
    digest = bytes.fromhex(EXAMPLE["digests"][1]["digest"])
    assert replay(log.extends("sha256"), PCR) == {"pcr6": chained("sha256", digest)}
    assert log.describe(0) == {
        "type": "EV_COMPACT_HASH",
        "content": "Dell Configuration Information 2",
    }


def test_other_spellings_of_a_record() -> None:
    algorithms = [EXAMPLE["digests"][0] | {"hashAlg": "0x0004"}, EXAMPLE["digests"][1]]
    numbered = EXAMPLE | {
        "digests": algorithms,
        "content": {"event_type": 12, "event_data": EXAMPLE["content"]["event_data"]},
    }
    spelt, plain = parse_cel_json(as_json(numbered)), parse_cel_json(as_json(EXAMPLE))
    assert (spelt.columns, spelt.contents) == (plain.columns, plain.contents)
    nv = {key: value for key, value in EXAMPLE.items() if key != "pcr"} | {"nv_index": 1}
    assert parse_cel_json(as_json(nv)).registers == [UNEXTENDED]
    data = b"template data"
    template = EXAMPLE | {
        "content_type": "ima_template",
        "content": {"template_name": "ima-ng", "template_data": data.hex()},
        "digests": [{"hashAlg": "sha256", "digest": sha256(data).hex()}],
    }
    assert parse_cel_json(as_json(template)).examine("sha256").data == [Data.MEASURED]
    other = EXAMPLE | {"content_type": "cel", "content": {"type": "cel_version"}}
    assert parse_cel_json(as_json(other)).examine("sha1").data == [Data.UNPROVEN]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recnum": -1}, "eventlog.cel-order"),
        ({"pcr": 24}, "eventlog.register"),
        ({"pcr": None}, "eventlog.cel"),
        ({"nv_index": 1}, "eventlog.cel"),
        ({"digests": []}, "eventlog.algorithm"),
        ({"digests": EXAMPLE["digests"][:1] * 2}, "eventlog.algorithm"),
        ({"digests": [{"hashAlg": "blake", "digest": "00"}]}, "eventlog.algorithm"),
        ({"digests": [{"hashAlg": "sha1", "digest": "00"}]}, "eventlog.algorithm"),
        ({"digests": [{"hashAlg": "sha1", "digest": "0"}]}, "wire.hex"),
        ({"content": {"event_type": "EV_NONE", "event_data": ""}}, "eventlog.cel"),
        ({"content": {"event_data": ""}}, "eventlog.cel"),
        ({"content": []}, "eventlog.cel"),
        ({"content_type": "ima_template"}, "eventlog.cel"),
        ({"surprise": 1}, "json.type"),
    ],
)
def test_each_fault_in_json_has_its_code(change: dict[str, Any], code: str) -> None:
    with refused(code):
        parse_cel_json(as_json(EXAMPLE | change))


def test_nv_indexes_count_their_own_records() -> None:
    def nv(index: int) -> dict[str, Any]:
        return {key: value for key, value in EXAMPLE.items() if key != "pcr"} | {"nv_index": index}

    assert len(parse_cel_json(as_json(nv(0), nv(1), nv(2)))) == 3
    with refused("eventlog.cel-order"):
        parse_cel_json(as_json(nv(1), nv(1)))


def test_json_comes_in_through_its_door() -> None:
    with refused("eventlog.cel", "no record"):
        parse_cel_json(b"[]")
    with refused("json.duplicate"):
        parse_cel_json(as_json(EXAMPLE).replace(b'"pcr": 6', b'"pcr": 6, "pcr": 7'))
    with refused("eventlog.cel-order"):
        parse_cel_json(as_json(EXAMPLE, EXAMPLE))


# Registers after these two events as the agent's own tests have them (CoCo trustee, eventlog).
AGENT_REGISTER: Final = "e3f24e31c29b371c521ead351f6fed0865695cf512cfcb0df658090217f6f678"
AGENT_LOG: Final = f"INIT sha256/{ZEROS}\ndomain event operation\ndomain event2 operation\n"


def test_the_agents_log_in_text() -> None:
    log = parse_aael(AGENT_LOG.encode())
    assert replay(log.extends("sha256"), PCR)["pcr17"].hex() == AGENT_REGISTER
    assert replay(log.extends("sha256"), MAPPINGS["coco"])["rtmr3"].hex() == AGENT_REGISTER
    assert log.examine("sha256").data == [Data.MEASURED] * 3
    assert log.describe(1) == {"type": "domain", "content": "event operation"}
    assert parse_aael(AGENT_LOG[:-1].encode()) == log
    other = parse_aael(AGENT_LOG.encode(), register=8)
    assert list(replay(other.extends("sha256"), PCR)) == ["pcr8"]
    with refused("eventlog.bank"):
        log.extends("sha384")


def test_the_specifications_spelling_of_the_first_line_is_measured_as_it_stands() -> None:
    line = f"INIT/sha256 {ZEROS}"
    log = parse_aael(line.encode())
    due = chained("sha256", sha256(line.encode()))
    assert replay(log.extends("sha256"), PCR) == {"pcr17": due}


def test_the_agents_line_that_is_at_fault_is_named() -> None:
    with refused("eventlog.aael", "line 4 is not"):
        parse_aael(f"{AGENT_LOG}two parts\n".encode())


def test_the_agents_log_may_be_as_long_as_any() -> None:
    lines = [f"INIT sha256/{ZEROS}", *["d o c"] * (LOG_MAX_ENTRIES - 1)]
    assert len(parse_aael("\n".join(lines).encode())) == LOG_MAX_ENTRIES


def test_a_log_that_begins_in_the_middle_says_so() -> None:
    log = parse_aael(f"INIT sha256/{'1' * 64}\nd o c\n".encode())
    assert [one.name for one in log.examine("sha256").findings] == ["starts-elsewhere"]
    start = bytes.fromhex("1" * 64)
    lines = [sha256(one.encode()) for one in log.lines]
    assert replay(log.extends("sha256"), PCR)["pcr17"] == sha256(
        sha256(start + lines[0]) + lines[1]
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "eventlog.header"),
        ("domain event operation\n", "eventlog.header"),
        (f"INIT sha256/{ZEROS[:-2]}\n", "eventlog.header"),
        (f"INIT  sha256/{ZEROS}\n", "eventlog.header"),
        (f"INIT sha999/{ZEROS}\n", "eventlog.bank"),
        (AGENT_LOG + "two parts\n", "eventlog.aael"),
        (f"INIT sha256/{ZEROS}\ntwo parts\n", "eventlog.aael"),
        (AGENT_LOG + "\n", "eventlog.aael"),
        (AGENT_LOG + "d o c\r\n", "eventlog.aael"),
        (AGENT_LOG + "d  o c\n", "eventlog.aael"),
        (AGENT_LOG + "d o \x1b[31m\n", "eventlog.aael"),
        (AGENT_LOG + "d o c\n" * LOG_MAX_ENTRIES, "wire.too-large"),
    ],
)
def test_each_fault_in_the_agents_log_has_its_code(text: str, code: str) -> None:
    with refused(code):
        parse_aael(text.encode())
    with refused("eventlog.aael"):
        parse_aael(AGENT_LOG.encode() + b"\xff o c")
    with refused("wire.too-large"):
        parse_aael(bytes(LOG_MAX_BYTES + 1))


def test_each_kind_is_known_by_how_it_begins() -> None:
    events = [one._replace(register=0, digests={"sha1": bytes(20)}) for one in BOOT]
    rows = ima_list([(b"ima-ng", [b"sha1:\0" + bytes(20), b"boot_aggregate\0"])])
    logs = {
        "ccel": cc_log(),
        "tpm": build_sha1_log(events),
        "aael": AGENT_LOG.encode(),
        "cel": record(),
    }
    assert {kind: parse_log(data).kind for kind, data in logs.items()} == {
        kind: kind for kind in logs
    }
    assert parse_log(build_tpm_log([], banks=("sha384",))).kind == "tpm"
    assert parse_log(as_json(EXAMPLE)).kind == "cel"
    assert parse_log(b" \r\n\t" + as_json(EXAMPLE)).kind == "cel"
    assert parse_log(record(space=108)).kind == "cel"
    for data in (build_ima_ascii(rows), build_ima_binary(rows)):
        assert parse_log(data).kind == "ima"


def first_event(register: int, kind: int, data: bytes, size: int | None = None) -> bytes:
    length = len(data) if size is None else size
    return struct.pack("<II20sI", register, kind, b"\1" * 20, length) + data


def test_a_log_in_the_sha1_form_is_known_by_its_first_event() -> None:
    named = b"Spec ID Event03\0 td-shim"
    for data in (first_event(0, 8, b""), first_event(0, 0xD, named)):
        log = parse_log(data)
        assert (log.kind, log.banks, len(log)) == ("tpm", ("sha1",), 1)
    for data in (
        first_event(1, 8, b""),
        first_event(0, 0x1000, b""),
        first_event(0, 8, b"", 1),
        first_event(1, 3, b"quiet"),
    ):
        with refused("eventlog.unknown"):
            parse_log(data)


@given(st.binary(max_size=300))
def test_nothing_known_begins_like_this(data: bytes) -> None:
    try:
        parse_log(data)
    except MalformedError:
        return
    assert data  # an empty log is of no kind


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, b"{}", b"hello\n", bytes(31)])
def test_no_log(data: bytes) -> None:
    with refused("eventlog.unknown"):
        parse_log(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"boot\0", "boot"),
        ("Boot0001".encode("utf-16-le") + b"\0\0", "Boot0001"),
        (b"a\0b\0", "ab"),
        (b"a\0b\0c", "0x6100620063"),
        (b"\0\1\2", "0x000102"),
        (bytes(4), "0x00000000"),
        (b"", ""),
        (b"a\x1b[31m", "0x611b5b33316d"),
        (b"x" * 96, "x" * 96),
        (b"x" * 200, "x" * 95 + "…"),
    ],
)
def test_data_as_text(data: bytes, text: str) -> None:
    assert readable(data) == text
