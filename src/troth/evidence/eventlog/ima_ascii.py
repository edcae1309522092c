# SPDX-License-Identifier: Apache-2.0
"""Reader of IMA lists in ASCII: `ascii_runtime_measurements`.

    PCR, hash in hex, template's name, fields; one space between, a line feed behind

A list has thousands of lines of one shape: the same template, files' digests of the same
algorithm. Lines are read one by one until a shape is known. From then on whole blocks of lines are
taken by one regular expression, and a block with any line that it does not take is read line by
line. It takes no line that is refused, or means anything else, by itself.

Source: Linux, security/integrity/ima/ima_fs.c.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from troth.errors import MalformedError
from troth.evidence.banks import PCR_COUNT
from troth.evidence.eventlog.banks import BANKS, bank_of_size
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES
from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_template import (
    LEGACY,
    TEMPLATES,
    U32,
    Order,
    encode_field,
    legacy_data,
)

__all__ = ["parse_ima_ascii"]

_REGISTERS: Final = {b"%d" % number: number for number in range(PCR_COUNT)}
_PARTS: Final = 4
_DIGEST_AND_NAME: Final = 2  # fields of the templates of most lists
_BLOCK_BYTES: Final = 1 << 15  # what is made of a block stays in a core's cache until it is used
_SHAPES_MOST: Final = 8  # of one list: each is compiled


def parse_ima_ascii(data: bytes, *, order: Order = "little") -> ImaList:
    """Return an ASCII list.

    Args:
        data: lines, each ended by a line feed; at the last one it may be missing.
        order: byte order of the machine that measured, which the text does not say.

    Raises:
        MalformedError: `wire.too-large`, `eventlog.ima`, `eventlog.register` or
            `unsupported.ima-template`.
    """
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    if b"\0" in data:
        raise MalformedError("eventlog.ima", "a NUL in a list that is text")
    reading = _Reading(order)
    for block in _blocks(data):
        if not reading.take_block(block):
            reading.take_lines(block.split(b"\n"))
        if len(reading.hashes) > LOG_MAX_ENTRIES:
            raise MalformedError("wire.too-large", f"more than {LOG_MAX_ENTRIES} lines")
    bank = bank_of_size(reading.size) or BANKS["sha1"]
    return ImaList(
        bank=bank.name,
        registers=reading.registers,
        hashes=reading.hashes,
        templates=reading.templates,
        template_data=reading.contents,
        order=order,
    )


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield the lines of a list, many at once, without the line feed behind the last of them."""
    at, end = 0, len(data) - data.endswith(b"\n")
    while data and at <= end:
        cut = data.find(b"\n", at + _BLOCK_BYTES, end)
        cut = end if cut < 0 else cut
        yield data[at:cut]
        at = cut + 1


@dataclass(slots=True)
class _Reading:
    """The columns while they are read, and the shapes of lines that were met.

    Attributes:
        size: of a hash in bytes; 0 until the first line is read.
        shape: that of the line that was last read by itself.
    """

    order: Order
    registers: list[int] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    templates: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    size: int = 0
    shape: _Shape | None = None
    shapes: dict[tuple[int, bytes, bytes], _Shape] = field(default_factory=dict)

    def take_block(self, block: bytes) -> bool:
        """Read the lines of a block if all are of the shape that is known; else do nothing."""
        shape = self.shape
        if shape is None or not block or block.endswith(b"\n"):  # the last line is empty
            return False
        # What the expression did not take stands between what it took.
        parts = shape.pattern.split(block)
        if any(parts[::4]):
            return False
        try:
            hashes = [*map(unhexlify, parts[1::4])]
            contents = shape.contents(parts[2::4], parts[3::4])
        except (ValueError, MalformedError):
            return False
        self.registers += [shape.register] * len(hashes)
        self.hashes += hashes
        self.templates += [shape.template] * len(hashes)
        self.contents += contents
        return True

    def take_lines(self, lines: Sequence[bytes]) -> None:
        """Read lines one by one, and keep the shape of the last one in mind.

        Raises:
            MalformedError: `eventlog.ima`, `eventlog.register` or `unsupported.ima-template`.
        """
        template = rest = b""
        for number, line in enumerate(lines, len(self.hashes) + 1):
            # `%2d`: a register of one digit has a space in front.
            parts = (line if line[:1] != b" " else line[1:]).split(b" ", 3)
            if len(parts) != _PARTS:
                raise MalformedError("eventlog.ima", f"line {number} has {len(parts)} parts")
            text, digits, template, rest = parts
            if text not in _REGISTERS:
                raise MalformedError("eventlog.register", f"line {number}: {text[:20]!r}")
            try:
                content = _template_data(template, rest, self.order)
                recorded = unhexlify(digits)
            except ValueError:
                raise MalformedError("eventlog.ima", f"line {number}: what is no hex") from None
            if len(recorded) != self.size:
                self.size = _hash_size(recorded, self.size, number)
            self.registers.append(_REGISTERS[text])
            self.hashes.append(recorded)
            self.templates.append(template)
            self.contents.append(content)
        self.shape = self._shape_of(self.registers[-1], template, rest)

    def _shape_of(self, register: int, template: bytes, rest: bytes) -> _Shape | None:
        """Return the shape of a line that is sound; None if its like are read by themselves."""
        names, _, digits = rest.partition(b" ")[0].rpartition(b":")
        key = register, template, names
        if template == LEGACY or (key not in self.shapes and len(self.shapes) == _SHAPES_MOST):
            return None
        if key not in self.shapes:
            self.shapes[key] = _Shape.of(*key, len(digits), self.size, self.order)
        return self.shapes[key]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What lines have in common: all but the hash, the file's digest, and what is behind it.

    Attributes:
        register: its number.
        template: its name.
        head: what the template data begins with, up to the file's digest.
        order: of integers.
        pattern: takes such a line with its end; its groups are the hash, the file's digest, and the
            name with what is behind it.
    """

    register: int
    template: bytes
    head: bytes
    order: Order
    pattern: re.Pattern[bytes]

    @classmethod
    def of(
        cls, register: int, template: bytes, names: bytes, digits: int, size: int, order: Order
    ) -> _Shape:
        """Return the shape of lines of a template that have digests of so many digits.

        Args:
            register: its number.
            template: a key of `TEMPLATES`.
            names: what stands before a file's digest, in a line that is sound.
            digits: of that digest.
            size: of the hash, in bytes.
            order: of integers.
        """
        head = names + b":\0"
        head = U32[order].pack(len(head) + digits // 2) + head
        parts = register, 2 * size, re.escape(template), re.escape(names), digits
        pattern = re.compile(rb"%2d (.{%d}) %b %b:(.{%d}) (.+)\n?" % parts)
        return cls(register, template, head, order, pattern)

    def contents(self, digests: Sequence[bytes], rests: Sequence[bytes]) -> list[bytes]:
        """Return the template data of lines.

        Args:
            digests: of the files, in hex.
            rests: names, and what is behind them.

        Raises:
            ValueError: what should be hex is not.
            MalformedError: `eventlog.ima`, fields are missing or malformed.
        """
        head, pack, join = self.head, U32[self.order].pack, b"".join
        pairs = zip(digests, rests, strict=True)
        if len(TEMPLATES[self.template]) == _DIGEST_AND_NAME:
            return [
                join((head, unhexlify(digest), pack(len(name) + 1), name, b"\0"))
                for digest, name in pairs
            ]
        return [
            join((head, unhexlify(digest), _behind_digest(self.template, rest, self.order)))
            for digest, rest in pairs
        ]


def _template_data(template: bytes, text: bytes, order: Order) -> bytes:
    """Return the template data of which a line shows `text`.

    Raises:
        MalformedError: `eventlog.ima` or `unsupported.ima-template`.
        ValueError: what should be hex is not.
    """
    digest, _, rest = text.partition(b" ")
    if template == LEGACY:
        if not rest:
            raise MalformedError("eventlog.ima", f"a name is missing in {text[:60]!r}")
        return legacy_data(unhexlify(digest), rest)
    if template not in TEMPLATES:
        raise MalformedError("unsupported.ima-template", repr(template[:40]))
    first = encode_field(TEMPLATES[template][0], digest, order)
    return U32[order].pack(len(first)) + first + _behind_digest(template, rest, order)


def _behind_digest(template: bytes, text: bytes, order: Order) -> bytes:
    """Return the part of template data behind the file's digest, lengths included."""
    _, *kinds = TEMPLATES[template]
    # The name is the only field that may hold spaces, in lists of old kernels.
    texts = text.rsplit(b" ", len(kinds) - 1)
    if len(texts) != len(kinds) or not texts[0]:
        raise MalformedError("eventlog.ima", f"{len(kinds) + 1} fields are due in {text[:60]!r}")
    fields = [encode_field(one, value, order) for one, value in zip(kinds, texts, strict=True)]
    return b"".join(U32[order].pack(len(one)) + one for one in fields)


def _hash_size(recorded: bytes, before: int, number: int) -> int:
    """Return the size of the hashes of a list, which is that of a bank and the same in all."""
    if before or bank_of_size(len(recorded)) is None:
        raise MalformedError("eventlog.ima", f"line {number}: a hash of {len(recorded)} bytes")
    return len(recorded)
