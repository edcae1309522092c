# SPDX-License-Identifier: Apache-2.0
"""Readers of IMA lists: `ascii_runtime_measurements` and `binary_runtime_measurements`.

    ASCII     PCR, hash in hex, template's name, fields; one space between, a line feed behind
    binary    PCR u32, hash, length of the name u32, name, length of the template data u32, data

In a binary list the template `ima` has no length of the data: 20 bytes of digest, length of the
name, name. A list of one bank (`…_sha256`, Linux 6.12 and later) differs in the hash's size alone.

Source: Linux, security/integrity/ima/ima_fs.c.
"""

from __future__ import annotations

import struct
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import BANKS, Bank, bank_of_size
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES
from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_template import (
    LEGACY,
    LEGACY_DIGEST_BYTES,
    TEMPLATES,
    Order,
    encode_field,
    legacy_data,
    split_fields,
)
from troth.evidence.eventlog.mapping import PCR_COUNT
from troth.wire.reader import Reader

__all__ = ["binary_layout", "parse_ima", "parse_ima_ascii", "parse_ima_binary"]

_REGISTERS: Final = {b"%d" % number: number for number in range(PCR_COUNT)}
_NAME_MAX_BYTES: Final = 16
_PARTS: Final = 4
_U32: Final[dict[Order, struct.Struct]] = {
    "little": struct.Struct("<I"),
    "big": struct.Struct(">I"),
}

Rebuild = Callable[[bytes], bytes]


def parse_ima(data: bytes) -> ImaList:
    """Return a list in either form: a binary one is known by the template's name in its place.

    Raises:
        MalformedError: as the two readers.
    """
    if binary_layout(data) is not None:
        return parse_ima_binary(data)
    return parse_ima_ascii(data)


def parse_ima_ascii(data: bytes, *, order: Order = "little") -> ImaList:
    """Return an ASCII list.

    Args:
        data: lines, each ended by a line feed; at the last one it may be missing.
        order: byte order of the machine that measured, which the text does not say.

    Raises:
        MalformedError: `wire.too-large`, `eventlog.ima`, `eventlog.register` or
            `unsupported.ima-template`.
    """
    registers: list[int] = []
    hashes: list[bytes] = []
    templates: list[bytes] = []
    contents: list[bytes] = []
    readers: dict[bytes, Rebuild] = {}
    size = 0
    for number, line in enumerate(_lines(data), 1):
        # `%2d`: a register of one digit has a space in front.
        parts = (line if line[:1] != b" " else line[1:]).split(b" ", 3)
        if len(parts) != _PARTS:
            raise MalformedError("eventlog.ima", f"line {number} has {len(parts)} parts")
        text, digits, template, rest = parts
        register = _REGISTERS.get(text)
        if register is None:
            raise MalformedError("eventlog.register", f"line {number}: {text[:20]!r}")
        if template not in readers:
            readers[template] = _reader(template, order)
        try:
            recorded = unhexlify(digits)
            content = readers[template](rest)
        except ValueError:
            raise MalformedError("eventlog.ima", f"line {number}: what is no hex") from None
        if len(recorded) != size:
            size = _hash_size(recorded, size, number)
        registers.append(register)
        hashes.append(recorded)
        templates.append(template)
        contents.append(content)
    bank = bank_of_size(size) or BANKS["sha1"]
    return ImaList(
        bank=bank.name,
        registers=registers,
        hashes=hashes,
        templates=templates,
        template_data=contents,
        order=order,
    )


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
    reader = _BinaryReader(Reader(data), bank, order)
    lists = ImaList(
        bank=bank.name, registers=[], hashes=[], templates=[], template_data=[], order=order
    )
    while reader.source.left:
        register, recorded, template = reader.head()
        lists.registers.append(register)
        lists.hashes.append(recorded)
        lists.templates.append(template)
        lists.template_data.append(reader.template_data(template))
        if len(lists) > LOG_MAX_ENTRIES:
            raise MalformedError("wire.too-large", f"more than {LOG_MAX_ENTRIES} entries")
    return lists


def binary_layout(data: bytes) -> tuple[Bank, Order] | None:
    """Return bank and byte order of a binary list, or None if `data` does not begin as one."""
    for order, word in _U32.items():
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


@dataclass(frozen=True, slots=True)
class _BinaryReader:
    source: Reader
    bank: Bank
    order: Order

    def head(self) -> tuple[int, bytes, bytes]:
        """Return register, hash and template's name of the next entry."""
        register = self.number("PCR")
        if register >= PCR_COUNT:
            raise MalformedError("eventlog.register", f"an IMA entry of register {register}")
        recorded = self.source.take(self.bank.size, "template hash")
        size = self.number("length of the template's name")
        if size > _NAME_MAX_BYTES:
            raise MalformedError("eventlog.ima", f"a template's name of {size} bytes")
        name = self.source.take(size, "template's name")
        if name != LEGACY and name not in TEMPLATES:
            raise MalformedError("unsupported.ima-template", repr(name))
        return register, recorded, name

    def template_data(self, template: bytes) -> bytes:
        """Return the template data of the entry, whose fields have been looked at."""
        if template == LEGACY:
            digest = self.source.take(LEGACY_DIGEST_BYTES, "file digest")
            name = self.source.take(self.number("length of the file's name"), "file's name")
            return legacy_data(digest, name)
        data = self.source.take(self.number("length of the template data"), "template data")
        split_fields(template, data, self.order)
        return data

    def number(self, field: str) -> int:
        value: int = _U32[self.order].unpack(self.source.take(4, field))[0]
        return value


def _lines(data: bytes) -> list[bytes]:
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    if b"\0" in data:
        raise MalformedError("eventlog.ima", "a NUL in a list that is text")
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    if len(lines) > LOG_MAX_ENTRIES:
        raise MalformedError("wire.too-large", f"{len(lines)} lines, {LOG_MAX_ENTRIES} allowed")
    return lines


def _hash_size(recorded: bytes, before: int, number: int) -> int:
    """Return the size of the hashes of a list, which is that of a bank and the same in all."""
    if before or bank_of_size(len(recorded)) is None:
        raise MalformedError("eventlog.ima", f"line {number}: a hash of {len(recorded)} bytes")
    return len(recorded)


def _reader(template: bytes, order: Order) -> Rebuild:
    """Return the function that makes template data of the text behind a template's name."""
    if template == LEGACY:
        return _legacy_text
    if template not in TEMPLATES:
        raise MalformedError("unsupported.ima-template", repr(template[:40]))
    kind, _, *kinds = TEMPLATES[template]
    pack = _U32[order].pack
    # A digest's algorithm to what stands before the digest, and the number of its hex digits: a
    # list has one or two algorithms, and thousands of entries.
    heads: dict[bytes, tuple[bytes, int]] = {}
    behind = len(kinds)

    def named(text: bytes) -> bytes:
        """Return the data of digest and name, the fields that every template begins with."""
        first, _, name = text.partition(b" ")
        names, _, digits = first.rpartition(b":")
        head, due = heads.get(names, (b"", -1))
        if len(digits) != due:
            field = encode_field(kind, first, order)
            head = pack(len(field)) + names + b":\0"
            heads[names] = (head, len(digits))
        if not name:
            raise MalformedError("eventlog.ima", f"a name is missing in {text[:60]!r}")
        return b"%b%b%b%b\0" % (head, unhexlify(digits), pack(len(name) + 1), name)

    def rebuild(text: bytes) -> bytes:
        # The name is the only field that may hold spaces, in lists of old kernels.
        front, *tail = text.rsplit(b" ", behind)
        if len(tail) != behind:
            raise MalformedError("eventlog.ima", f"{behind + 2} fields are due in {text[:60]!r}")
        fields = [encode_field(one, value, order) for one, value in zip(kinds, tail, strict=True)]
        return named(front) + b"".join(pack(len(one)) + one for one in fields)

    return rebuild if behind else named


def _legacy_text(text: bytes) -> bytes:
    digest, _, name = text.partition(b" ")
    if not name:
        raise MalformedError("eventlog.ima", f"a name is missing in {text[:60]!r}")
    return legacy_data(unhexlify(digest), name)
