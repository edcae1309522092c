# SPDX-License-Identifier: Apache-2.0
"""Canonical event logs in JSON: an array of records, byte strings in hex.

    {"recnum": 2, "pcr": 6, "digests": [{"hashAlg": "sha1", "digest": "bac9…"}],
     "content_type": "pcclient_std",
     "content": {"event_type": "EV_COMPACT_HASH", "event_data": "4465…"}}

Source: TCG Canonical Event Log Format 1.0 §5.3. `nv_index` may stand in the place of `pcr`, an
algorithm may be its number, as `0x000B`, and so may an event's type.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import BANKS
from troth.evidence.eventlog.cel import CelContent, CelLog, CelRegister
from troth.evidence.eventlog.columns import LOG_MAX_BYTES
from troth.evidence.eventlog.tcg_types import EVENT_TYPES
from troth.wire import json
from troth.wire.text import parse_hex

__all__ = ["parse_cel_json"]

T = TypeVar("T")

_TYPES: Final = {name: number for number, name in EVENT_TYPES.items()}
_ALGORITHM: Final = re.compile(r"0x[0-9A-Fa-f]{1,4}", re.ASCII)
_MAX_DEPTH: Final = 8


class _Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hashAlg: str  # noqa: N815 - the format's own name
    digest: str


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    recnum: int
    digests: list[_Digest]
    content_type: str
    content: object
    pcr: int | None = None
    nv_index: int | None = None


class _Event(msgspec.Struct, frozen=True):
    event_type: int | str
    event_data: str = ""


class _Template(msgspec.Struct, frozen=True):
    template_name: str
    template_data: str


def parse_cel_json(data: bytes) -> CelLog:
    """Return a log in JSON.

    Args:
        data: UTF-8; at most 16 MiB.

    Raises:
        MalformedError: `json.*`, `wire.hex`, `eventlog.cel`, `eventlog.cel-order`,
            `eventlog.register`, `eventlog.algorithm` or `wire.too-large`.
    """
    records = json.decode(data, list[_Record], max_bytes=LOG_MAX_BYTES, max_depth=_MAX_DEPTH)
    if not records:
        raise MalformedError("eventlog.cel", "no record")
    log = CelLog()
    for record in records:
        log.add(record.recnum, _register(record), _digests(record.digests), _content(record))
    return log


def _register(record: _Record) -> CelRegister:
    if (record.pcr is None) == (record.nv_index is None):
        raise MalformedError("eventlog.cel", f"record {record.recnum}: either pcr or nv_index")
    if record.pcr is not None:
        return CelRegister("pcr", record.pcr)
    return CelRegister("nv", record.nv_index or 0)


def _digests(digests: list[_Digest]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for one in digests:
        algorithm = _algorithm(one.hashAlg)
        if algorithm in found:
            raise MalformedError("eventlog.algorithm", f"two digests of {one.hashAlg!r}")
        found[algorithm] = parse_hex(one.digest)
    return found


def _algorithm(text: str) -> int:
    if text in BANKS:
        return BANKS[text].algorithm
    if not _ALGORITHM.fullmatch(text):
        raise MalformedError("eventlog.algorithm", f"{text!r}")
    return int(text, 16)


def _content(record: _Record) -> CelContent:
    if record.content_type == "pcclient_std":
        event = _converted(record.content, _Event)
        return CelContent("pcclient_std", parse_hex(event.event_data), _event_type(event))
    if record.content_type == "ima_template":
        data = parse_hex(_converted(record.content, _Template).template_data)
        return CelContent("ima_template", data, measured=data)
    return CelContent(record.content_type, json.encode(record.content))


def _event_type(event: _Event) -> int:
    if isinstance(event.event_type, int):
        return event.event_type
    if event.event_type not in _TYPES:
        raise MalformedError("eventlog.cel", f"event type {event.event_type!r}")
    return _TYPES[event.event_type]


def _converted(value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise MalformedError("eventlog.cel", str(error)) from None
