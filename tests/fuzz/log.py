# SPDX-License-Identifier: Apache-2.0
"""The door for event logs: TCG2 and CC logs, IMA lists, CEL in TLV and JSON, the agent's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from tests.fuzz.door import Door, Way
from troth.evidence.eventlog import (
    BANKS,
    CcelTable,
    ImaList,
    TcgEvent,
    TcgLog,
    build_cc_log,
    build_ima_ascii,
    build_ima_binary,
    build_sha1_log,
    build_tpm_log,
    parse_aael,
    parse_cc_log,
    parse_cel_json,
    parse_cel_tlv,
    parse_ima,
    parse_ima_binary,
    parse_log,
    parse_tpm_log,
    replay_report,
)
from troth.tsm.emulated.tdx.boot import boot_log
from troth.wire import json

__all__ = ["DOOR"]

EVENTS: Final = (
    (0, 0x8, b"\0"),
    (7, 0x80000001, b"SecureBoot"),
    (4, 0x4, bytes(4)),
    (9, 0xD, b"initrd"),
)
CC_LOG: Final = boot_log()


def tpm_log(*banks: str) -> bytes:
    return build_tpm_log((TcgEvent.of_data(*event, banks=banks) for event in EVENTS), banks=banks)


def ima(template: bytes, *fields: bytes, bank: str = "sha1") -> ImaList:
    data = b"".join(len(one).to_bytes(4, "little") + one for one in fields)
    return ImaList(
        bank=bank,
        registers=[10, 10],
        hashes=[BANKS[bank].digest(data), bytes(BANKS[bank].size)],
        templates=[template] * 2,
        template_data=[data] * 2,
        order="little",
    )


IMA: Final = (
    ima(b"ima-ng", b"sha256:\0" + bytes(32), b"/init\0"),
    ima(b"ima-sig", b"sha256:\0" + bytes(32), b"/bin/sh\0", b"\x03\x02" + bytes(8)),
    ima(b"ima-buf", b"sha256:\0" + bytes(32), b"kexec\0", b"quiet", bank="sha256"),
)


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BI", kind, len(value)) + value


def cel_record(number: int, content: bytes) -> bytes:
    return b"".join(
        (
            tlv(0, number.to_bytes(8, "big")),
            tlv(1, (4).to_bytes(4, "big")),
            tlv(3, tlv(0x0B, bytes(32))),
            content,
        )
    )


CEL: Final = cel_record(0, tlv(9, b"unit")) + cel_record(
    1, tlv(5, tlv(0, (0xD).to_bytes(4, "big")) + tlv(1, b"grub"))
)
CEL_JSON: Final = json.encode(
    [
        {
            "recnum": 0,
            "pcr": 4,
            "digests": [{"hashAlg": "sha256", "digest": "00" * 32}],
            "content_type": "systemd",
            "content": {"string": "machine-id"},
        }
    ]
)
AAEL: Final = b"INIT sha384/" + b"00" * 48 + b"\nexample.com op content\n"
TABLE: Final = CcelTable(2, 0, 65536, 4096).build()


def looked_at(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a parser that also replays, examines and describes what it reads, in each bank."""

    def look(data: bytes) -> tuple[Any, list[Any]]:
        log = parse(data)
        banks = [bank for bank in log.banks if bank in log.banks[:2]]
        return log, [replay_report(log, {}, bank=bank, with_events=True) for bank in banks]

    return look


def is_told(value: Any, _: bytes) -> bool:
    log, reports = value
    return all(one.entries == len(log) and json.encode(one) for one in reports)


def is_same_log(value: Any, data: bytes) -> bool:
    """What is built of the events says the same; headers and unknown digests are not rebuilt."""
    log: TcgLog = value[0]
    if not is_told(value, data):
        return False
    if log.header is None:
        return build_sha1_log(log) == data[: log.size]
    if len(log.header.algorithms) != len(log.banks):
        return True  # a digest is there that nobody here can compute
    if log.kind == "ccel":
        return log.banks != ("sha384",) or [*parse_cc_log(build_cc_log(log))] == [*log]
    return [*parse_tpm_log(build_tpm_log(log, banks=log.banks))] == [*log]


def is_same_list(value: Any, data: bytes) -> bool:
    """A binary list is built again byte by byte."""
    return build_ima_binary(value[0]) == data and is_told(value, data)


def is_same_table(table: CcelTable, _: bytes) -> bool:
    return CcelTable.parse(table.build()) == table


def way(name: str, parse: Callable[[bytes], Any], *seeds: bytes, holds: Any = is_told) -> Way:
    return Way(name=name, parse=looked_at(parse), seeds=seeds, holds=holds)


SHA1_LOG: Final = build_sha1_log(TcgEvent.of_data(*event, banks=("sha1",)) for event in EVENTS)
TPM_LOGS: Final = (tpm_log("sha256"), tpm_log("sha1", "sha256", "sha384"), SHA1_LOG)
IMA_TEXTS: Final = tuple(build_ima_ascii(one) for one in IMA)
IMA_BINARIES: Final = tuple(build_ima_binary(one) for one in IMA)

DOOR: Final = Door(
    name="log",
    ways=(
        way("any", parse_log, CC_LOG, *TPM_LOGS, *IMA_TEXTS, *IMA_BINARIES, CEL, CEL_JSON, AAEL),
        way("CC", parse_cc_log, CC_LOG, CC_LOG + b"\xff" * 64, holds=is_same_log),
        way("TPM", parse_tpm_log, *TPM_LOGS, holds=is_same_log),
        way("IMA text", parse_ima, *IMA_TEXTS),
        way("IMA binary", parse_ima_binary, *IMA_BINARIES, holds=is_same_list),
        way("CEL TLV", parse_cel_tlv, CEL),
        way("CEL JSON", parse_cel_json, CEL_JSON),
        way("AAEL", parse_aael, AAEL),
        Way(name="CCEL table", parse=CcelTable.parse, seeds=(TABLE,), holds=is_same_table),
    ),
    modules=("troth.evidence.eventlog.*",),
)
