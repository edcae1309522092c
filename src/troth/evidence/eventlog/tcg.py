# SPDX-License-Identifier: Apache-2.0
"""The firmware's log: TCG PC Client (TPM) and confidential computing (CCEL), which share a frame.

    SHA-1 form (TPM 1.2)      register u32, type u32, digest[20], size u32, data
    crypto-agile form         the first event, in the SHA-1 form, names the algorithms; then
                              register u32, type u32, count u32, {algorithm u16, digest}…,
                              size u32, data

Little-endian. Source: TCG PC Client Platform Firmware Profile 1.06 §10; for CC logs UEFI 2.11
§38.4. The log area of a CC log is longer than the log: 0xFF (EDK2) or 0x00 (td-shim) fill it.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from troth.errors import MalformedError
from troth.evidence.banks import PCR_COUNT
from troth.evidence.eventlog.banks import ALGORITHMS
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES, UNEXTENDED
from troth.evidence.eventlog.mapping import CC_REGISTER_COUNT
from troth.evidence.eventlog.spec_id import SPEC_ID_SIGNATURE, SpecId
from troth.evidence.eventlog.tcg_log import NO_REGISTER, SHA1_EVENT, STARTUP_LOCALITY, TcgLog
from troth.evidence.eventlog.tcg_types import EV_NO_ACTION

__all__ = ["parse_cc_log", "parse_tpm_log"]

_WORDS: Final = struct.Struct("<III")
_SHA1: Final = 0x0004
_PADDINGS: Final = (0xFF, 0x00)
_LOCALITIES: Final = (0, 3, 4)  # TPM 2.0 Part 1 §34.2: where a start-up can come from


def parse_tpm_log(data: bytes) -> TcgLog:
    """Return a TPM's firmware log; one without a specification id event is in the SHA-1 form.

    Args:
        data: `binary_bios_measurements`, at most 16 MiB.

    Raises:
        MalformedError: `wire.too-large`, `wire.truncated`, `eventlog.header`,
            `eventlog.algorithm`, `eventlog.register`, `eventlog.locality` or `eventlog.trailing`.
    """
    first = _first(data)
    if first.register != 0:
        raise MalformedError("eventlog.header", f"the first event is of register {first.register}")
    if first.type == EV_NO_ACTION and first.data.startswith(SPEC_ID_SIGNATURE):
        return _agile(data, "tpm", SpecId.parse(first.data), first.end)
    table = _sha1_events(data)
    start = _start_values(data, table, ("sha1",))
    return _log(data, "tpm", None, ("sha1",), table, start)


def parse_cc_log(data: bytes) -> TcgLog:
    """Return a CC log: the contents of the ACPI data `CCEL`, padding included.

    Args:
        data: at most 16 MiB.

    Raises:
        MalformedError: as `parse_tpm_log`; `eventlog.header` where there is no specification
            id event, `eventlog.register` for MR indexes that no entry can extend.
    """
    first = _first(data)
    is_header = first.type == EV_NO_ACTION and first.data.startswith(SPEC_ID_SIGNATURE)
    if not is_header or first.register not in (0, 1):
        raise MalformedError("eventlog.header", "a CC log begins with a specification id event")
    return _agile(data, "ccel", SpecId.parse(first.data), first.end)


class _Sha1Event(NamedTuple):
    register: int
    type: int
    digest: bytes
    data: bytes
    end: int


class _Table(NamedTuple):
    """The columns while they are read, and where reading stopped."""

    registers: list[int]
    types: list[int]
    digests: list[list[bytes]]
    spans: list[tuple[int, int]]
    end: int


def _first(data: bytes) -> _Sha1Event:
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    if len(data) < SHA1_EVENT.size:
        raise MalformedError("wire.truncated", f"{len(data)} bytes are not an event log")
    register, kind, digest, size = SHA1_EVENT.unpack_from(data)
    end = _data_end(data, SHA1_EVENT.size, size, 0)
    return _Sha1Event(register, kind, digest, data[SHA1_EVENT.size : end], end)


def _agile(data: bytes, kind: str, header: SpecId, at: int) -> TcgLog:
    """Read the events behind the header. The usual event has all digests in the header's order."""
    algorithms = tuple(number for number, _ in header.algorithms)
    digest_fields = "".join(f"H{size}s" for _, size in header.algorithms)
    usual = struct.Struct(f"<III{digest_fields}I")
    count = len(algorithms)
    registers: list[int] = []
    types: list[int] = []
    columns: list[list[bytes]] = [[] for _ in algorithms]
    spans: list[tuple[int, int]] = []
    length, fixed = len(data), usual.size
    while at < length:
        if length - at < fixed and _is_padding(data, at):
            break
        _need(data, at, fixed, len(types))
        fields = usual.unpack_from(data, at)
        if fields[0] in (0, NO_REGISTER) and _is_padding(data, at):
            break
        digests = fields[4:-1:2]
        if fields[2] != count or fields[3:-1:2] != algorithms:
            digests = _sorted_digests(data, at, header, len(types))
        registers.append(fields[0])
        types.append(fields[1])
        for column, digest in zip(columns, digests, strict=True):
            column.append(digest)
        at += fixed
        end = _data_end(data, at, fields[-1], len(types) - 1)
        spans.append((at, end))
        at = end
        _bound(len(types))
    _check_registers(registers, types, kind)
    table = _Table(registers, types, columns, spans, at)
    names = tuple(ALGORITHMS[one].name if one in ALGORITHMS else "" for one in algorithms)
    start = _start_values(data, table, names) if kind == "tpm" else {}
    return _log(data, kind, header, names, table, start)


def _sorted_digests(data: bytes, at: int, header: SpecId, index: int) -> tuple[bytes, ...]:
    """Return the digests of an event whose algorithms stand in another order, in the header's."""
    count = _WORDS.unpack_from(data, at)[2]
    sizes = dict(header.algorithms)
    found: dict[int, bytes] = {}
    at += _WORDS.size
    if count == len(sizes):
        for _ in range(count):
            number = int.from_bytes(data[at : at + 2], "little")
            size = sizes.get(number, 0)
            found[number] = data[at + 2 : at + 2 + size]
            at += 2 + size
    if found.keys() != sizes.keys():
        raise MalformedError("eventlog.algorithm", f"event {index} has not the header's digests")
    return tuple(found[number] for number in sizes)


def _sha1_events(data: bytes) -> _Table:
    registers: list[int] = []
    types: list[int] = []
    digests: list[bytes] = []
    spans: list[tuple[int, int]] = []
    at, length, fixed = 0, len(data), SHA1_EVENT.size
    while at < length:
        if length - at < fixed and _is_padding(data, at):
            break
        _need(data, at, fixed, len(types))
        register, kind, digest, size = SHA1_EVENT.unpack_from(data, at)
        if register in (0, NO_REGISTER) and _is_padding(data, at):
            break
        registers.append(register)
        types.append(kind)
        digests.append(digest)
        at += fixed
        end = _data_end(data, at, size, len(types) - 1)
        spans.append((at, end))
        at = end
        _bound(len(types))
    _check_registers(registers, types, "tpm")
    return _Table(registers, types, [digests], spans, at)


def _is_padding(data: bytes, at: int) -> bool:
    """Say whether the log ends here: what is left begins as padding does.

    Raises:
        MalformedError: `eventlog.trailing`, other bytes stand in the padding.
    """
    one = data[at]
    begins = data[at : at + _WORDS.size]
    if one not in _PADDINGS or begins.count(one) != len(begins):
        return False
    if data.count(one, at) != len(data) - at:
        raise MalformedError("eventlog.trailing", f"behind the padding that begins at byte {at}")
    return True


def _need(data: bytes, at: int, size: int, index: int) -> None:
    if at + size > len(data):
        raise MalformedError(
            "wire.truncated", f"event {index} begins at byte {at} and does not end"
        )


def _data_end(data: bytes, at: int, size: int, index: int) -> int:
    if size > len(data) - at:
        left = len(data) - at
        raise MalformedError("wire.truncated", f"event {index}: {size} bytes of data, {left} left")
    return at + size


def _bound(count: int) -> None:
    if count > LOG_MAX_ENTRIES:
        raise MalformedError("wire.too-large", f"more than {LOG_MAX_ENTRIES} events")


def _check_registers(registers: list[int], types: list[int], kind: str) -> None:
    """Demand registers that exist; an event that extends nothing may be of none."""
    least, most = (1, CC_REGISTER_COUNT) if kind == "ccel" else (0, PCR_COUNT)
    for index, (register, event) in enumerate(zip(registers, types, strict=True)):
        if not least <= register < most and event != EV_NO_ACTION:
            raise MalformedError("eventlog.register", f"event {index} is of register {register}")


def _start_values(data: bytes, table: _Table, banks: tuple[str, ...]) -> dict[str, bytes]:
    """Return PCR 0's start value for each bank, where the log names another locality than 0.

    Source: TCG PC Client Platform Firmware Profile 1.06 §10.4.5.3, TCG_EfiStartupLocalityEvent.
    """
    found: int | None = None
    for index, (register, kind) in enumerate(zip(table.registers, table.types, strict=True)):
        begin, end = table.spans[index]
        if kind != EV_NO_ACTION or not data.startswith(STARTUP_LOCALITY, begin, end):
            continue
        extended = any(
            number == 0 and event != EV_NO_ACTION
            for number, event in zip(table.registers[:index], table.types, strict=False)
        )
        locality = data[end - 1]
        is_sound = end - begin == len(STARTUP_LOCALITY) + 1 and locality in _LOCALITIES
        if not is_sound or register != 0 or extended or found is not None:
            raise MalformedError("eventlog.locality", f"event {index}")
        found = locality
    if not found:
        return {}
    sizes = (len(column[0]) for column in table.digests)
    return {
        name: found.to_bytes(size, "big") for name, size in zip(banks, sizes, strict=True) if name
    }


def _log(
    data: bytes,
    kind: str,
    header: SpecId | None,
    names: tuple[str, ...],
    table: _Table,
    start: dict[str, bytes],
) -> TcgLog:
    extended = [
        UNEXTENDED if event == EV_NO_ACTION else register
        for register, event in zip(table.registers, table.types, strict=True)
    ]
    return TcgLog(
        kind=kind,
        header=header,
        registers=table.registers,
        types=table.types,
        extended=extended,
        columns={name: one for name, one in zip(names, table.digests, strict=True) if name},
        spans=table.spans,
        start=start,
        size=table.end,
        data=data,
    )
