# SPDX-License-Identifier: Apache-2.0
"""Reader of IMA lists in binary: `binary_runtime_measurements`.

    PCR u32, hash, length of the name u32, template's name, length of the template data u32, data

With the template `ima` the data has no length: 20 bytes of digest, length of the name, name. A
list of one bank (`…_sha256`, Linux 6.12 and later) differs in the hash's size alone.

Source: Linux, security/integrity/ima/ima_fs.c.
"""

from __future__ import annotations

import struct
from typing import Final

from troth.errors import MalformedError
from troth.evidence.banks import PCR_COUNT
from troth.evidence.eventlog.banks import BANKS, Bank
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES
from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_template import (
    LEGACY,
    LEGACY_DIGEST_BYTES,
    TEMPLATES,
    U32,
    Order,
    legacy_data,
    split_fields,
)

__all__ = ["binary_layout", "parse_ima_binary"]

_NAME_MAX_BYTES: Final = 16
_SIGNS: Final[dict[Order, str]] = {"little": "<", "big": ">"}


def parse_ima_binary(data: bytes) -> ImaList:
    """Return a binary list, of either byte order and of any bank: the first entry shows both.

    Args:
        data: at most 16 MiB.

    Raises:
        MalformedError: `wire.too-large`, `wire.truncated`, `eventlog.unknown`, `eventlog.ima`,
            `eventlog.register` or `unsupported.ima-template`.
    """
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    layout = binary_layout(data)
    if layout is None:
        raise MalformedError("eventlog.unknown", "no IMA list in binary begins like this")
    bank, order = layout
    head = struct.Struct(f"{_SIGNS[order]}I{bank.size}sI")
    entries = ImaList(
        bank=bank.name, registers=[], hashes=[], templates=[], template_data=[], order=order
    )
    at = 0
    while at < len(data):
        begin = _end(data, at, head.size)
        register, recorded, size = head.unpack_from(data, at)
        if register >= PCR_COUNT:
            raise MalformedError("eventlog.register", f"an IMA entry of register {register}")
        if size > _NAME_MAX_BYTES:
            raise MalformedError("eventlog.ima", f"a template's name of {size} bytes")
        at = _end(data, begin, size)
        template = data[begin:at]
        content, at = _template_data(data, at, template, order)
        entries.registers.append(register)
        entries.hashes.append(recorded)
        entries.templates.append(template)
        entries.template_data.append(content)
        if len(entries) > LOG_MAX_ENTRIES:
            raise MalformedError("wire.too-large", f"more than {LOG_MAX_ENTRIES} entries")
    return entries


def binary_layout(data: bytes) -> tuple[Bank, Order] | None:
    """Return bank and byte order of a binary list, or None if `data` does not begin as one."""
    for order, word in U32.items():
        if len(data) < word.size or word.unpack_from(data)[0] >= PCR_COUNT:
            continue
        for bank in BANKS.values():
            at = word.size + bank.size
            if len(data) < at + word.size:
                continue
            size = word.unpack_from(data, at)[0]
            name = data[at + word.size : at + word.size + size]
            if size <= _NAME_MAX_BYTES and (name == LEGACY or name in TEMPLATES):
                return bank, order
    return None


def _template_data(data: bytes, at: int, template: bytes, order: Order) -> tuple[bytes, int]:
    """Return the template data that begins at `at`, its fields looked at, and where it ends."""
    if template in TEMPLATES:
        content, end = _sized(data, at, order)
        split_fields(template, content, order)
        return content, end
    if template != LEGACY:
        raise MalformedError("unsupported.ima-template", repr(template))
    begin = _end(data, at, LEGACY_DIGEST_BYTES)
    name, end = _sized(data, begin, order)
    return legacy_data(data[at:begin], name), end


def _sized(data: bytes, at: int, order: Order) -> tuple[bytes, int]:
    """Return the bytes whose length stands at `at`, and where they end."""
    word = U32[order]
    begin = _end(data, at, word.size)
    end = _end(data, begin, word.unpack_from(data, at)[0])
    return data[begin:end], end


def _end(data: bytes, at: int, size: int) -> int:
    if size > len(data) - at:
        raise MalformedError("wire.truncated", f"{size} bytes at byte {at}, {len(data) - at} left")
    return at + size
