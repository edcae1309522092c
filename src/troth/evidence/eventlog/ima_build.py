# SPDX-License-Identifier: Apache-2.0
"""The other direction: IMA lists as the kernel would write them, for software TEEs and tests."""

from __future__ import annotations

from collections.abc import Iterator

from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_template import LEGACY, LEGACY_DIGEST_BYTES

__all__ = ["build_ima_ascii", "build_ima_binary"]


def build_ima_ascii(entries: ImaList) -> bytes:
    """Return an ASCII list."""
    return b"".join(
        b"%2d %b %b %b\n"
        % (
            entries.registers[index],
            entries.hashes[index].hex().encode(),
            entries.templates[index],
            b" ".join(_texts(entries, index)),
        )
        for index in range(len(entries))
    )


def build_ima_binary(entries: ImaList) -> bytes:
    """Return a binary list in the byte order that the template data is in."""
    return b"".join(part for index in range(len(entries)) for part in _parts(entries, index))


def _parts(entries: ImaList, index: int) -> Iterator[bytes]:
    order = entries.order
    template, data = entries.templates[index], entries.template_data[index]
    yield entries.registers[index].to_bytes(4, order)
    yield entries.hashes[index]
    yield len(template).to_bytes(4, order)
    yield template
    if template == LEGACY:
        yield data[:LEGACY_DIGEST_BYTES]
        data = entries.name(index)
    yield len(data).to_bytes(4, order)
    yield data


def _texts(entries: ImaList, index: int) -> Iterator[bytes]:
    """Yield the fields of an entry as the kernel prints them."""
    for kind, field in entries.fields(index).items():
        if kind.startswith("d-") and field:
            names, _, digest = field.partition(b":\0")
            yield names + b":" + digest.hex().encode()
        elif kind in {"n", "n-ng", "xattrnames"}:
            yield field.rstrip(b"\0")
        elif kind in {"iuid", "igid", "imode"} and field:
            yield b"%d" % int.from_bytes(field, entries.order)
        else:
            yield field.hex().encode()
