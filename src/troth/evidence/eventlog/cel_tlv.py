# SPDX-License-Identifier: Apache-2.0
"""Canonical event logs in TLV: type u8, length u32, value; big-endian.

    record    RECNUM (0), register (1 PCR, 2 NV index, 108 MR index), DIGESTS (3), content
    DIGESTS   type is the algorithm, value the digest
    content   5 pcclient_std, 7 ima_template, 4, 8, 9 others of the format, 80 container launchers

Source: TCG Canonical Event Log Format 1.0 §5.1. 80 and 108 are Google's (go-eventlog, package cel):
a launcher's digest is of the whole content, its type and length included.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from troth.errors import MalformedError
from troth.evidence.eventlog.cel import CelContent, CelLog, CelRegister
from troth.evidence.eventlog.columns import LOG_MAX_BYTES

__all__ = ["parse_cel_tlv"]

_HEAD: Final = struct.Struct(">BI")
_FIELDS: Final = 4  # number, register, digests, content
_RECNUM: Final = 0
_DIGESTS: Final = 3
_REGISTERS: Final = {1: "pcr", 2: "nv", 108: "cc"}
_PCCLIENT_STD: Final = 5
_IMA_TEMPLATE: Final = 7
_COS: Final = 80
_OTHERS: Final = {4: "cel", 8: "ima_tlv", 9: "systemd"}
_NUMBER_MAX_BYTES: Final = 8


class _Field(NamedTuple):
    type: int
    value: bytes
    whole: bytes


def parse_cel_tlv(data: bytes) -> CelLog:
    """Return a log in TLV.

    Args:
        data: records, at least one, and nothing behind them; at most 16 MiB.

    Raises:
        MalformedError: `wire.too-large`, `wire.truncated`, `eventlog.cel`, `eventlog.cel-order`,
            `eventlog.register` or `eventlog.algorithm`.
    """
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    log = CelLog()
    fields = _fields(data)
    for first in fields:
        record = [first, *islice(fields, _FIELDS - 1)]
        if len(record) != _FIELDS:
            raise MalformedError("wire.truncated", f"record {len(log)} has {len(record)} fields")
        number, register, digests, content = record
        if number.type != _RECNUM or digests.type != _DIGESTS or register.type not in _REGISTERS:
            kinds = [one.type for one in record]
            raise MalformedError("eventlog.cel", f"record {len(log)} has fields {kinds}")
        log.add(
            _number(number.value),
            CelRegister(_REGISTERS[register.type], _number(register.value)),
            _digests(digests.value),
            _content(content),
        )
    if not len(log):
        raise MalformedError("eventlog.cel", "no record")
    return log


def _fields(data: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        begin = at + _HEAD.size
        if begin > len(data):
            raise MalformedError("wire.truncated", f"a field begins at byte {at}")
        kind, size = _HEAD.unpack_from(data, at)
        if size > len(data) - begin:
            raise MalformedError("wire.truncated", f"a field of {size} bytes at byte {at}")
        yield _Field(kind, data[begin : begin + size], data[at : begin + size])
        at = begin + size


def _number(value: bytes) -> int:
    if not 1 <= len(value) <= _NUMBER_MAX_BYTES:
        raise MalformedError("eventlog.cel", f"a number of {len(value)} bytes")
    return int.from_bytes(value, "big")


def _digests(value: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for one in _fields(value):
        if one.type in found:
            raise MalformedError("eventlog.algorithm", f"two digests of algorithm {one.type:#x}")
        found[one.type] = one.value
    return found


def _content(content: _Field) -> CelContent:
    if content.type == _PCCLIENT_STD:
        kind, data = _pair(content)
        return CelContent("pcclient_std", data, _number(kind))
    if content.type == _IMA_TEMPLATE:
        _, data = _pair(content)
        return CelContent("ima_template", data, measured=data)
    if content.type == _COS:
        inner = [*_fields(content.value)]
        if len(inner) != 1:
            raise MalformedError("eventlog.cel", f"a launcher's event of {len(inner)} fields")
        return CelContent(f"cos-{inner[0].type}", inner[0].value, measured=content.whole)
    return CelContent(_OTHERS.get(content.type, f"{content.type}"), content.value)


def _pair(content: _Field) -> tuple[bytes, bytes]:
    """Return the two fields, 0 and 1, of a content."""
    inner = [*_fields(content.value)]
    if [one.type for one in inner] != [0, 1]:
        raise MalformedError("eventlog.cel", f"a content of type {content.type} without its fields")
    return inner[0].value, inner[1].value
