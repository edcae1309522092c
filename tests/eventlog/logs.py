# SPDX-License-Identifier: Apache-2.0
"""Logs that tests make: small, sound, and with one fault at a time put in."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from troth.errors import MalformedError
from troth.evidence.eventlog import BANKS, ImaList, Log, TcgEvent, build_cc_log
from troth.evidence.eventlog.ima_template import TEMPLATES, Order

SEPARATOR: Final = 0x4
NO_ACTION: Final = 0x3
IPL: Final = 0xD
VARIABLE: Final = 0x80000001
BOOT: Final = [
    TcgEvent.of_data(1, VARIABLE, b"SecureBoot"),
    TcgEvent.of_data(1, SEPARATOR, bytes(4)),
    TcgEvent.of_data(2, 0x80000007, b"Calling EFI Application"),
    TcgEvent.of_data(2, SEPARATOR, bytes(4)),
    TcgEvent.of_data(3, IPL, b"grub_cmd: boot"),
    TcgEvent.of_data(3, IPL, b"initrd"),
]
HEADER_BYTES: Final = 65  # of a CC log: 32 and the data, 33
EVENT_BYTES: Final = 12 + 2 + 48 + 4  # without data


def cc_log() -> bytes:
    return build_cc_log(BOOT)


def chained(bank: str, *digests: bytes) -> bytes:
    """Extend zeros by each digest, by hashlib alone."""
    value = bytes(BANKS[bank].size)
    for one in digests:
        value = hashlib.new(bank, value + one).digest()
    return value


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def cuts(data: bytes, parse: Callable[[bytes], Log]) -> dict[int, Log | str]:
    """Return what a parser makes of `data` cut at each offset: a log, or the error's code."""
    found: dict[int, Log | str] = {}
    for end in range(len(data)):
        try:
            found[end] = parse(data[:end])
        except MalformedError as error:
            found[end] = error.code
    return found


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BI", kind, len(value)) + value


def ima_list(
    rows: list[tuple[bytes, list[bytes]]], *, bank: str = "sha1", order: Order = "little"
) -> ImaList:
    """Make a list of (template, fields), each field without its length, with sound hashes."""
    contents = [b"".join(len(one).to_bytes(4, order) + one for one in fields) for _, fields in rows]
    return ImaList(
        bank=bank,
        registers=[10] * len(rows),
        hashes=[BANKS[bank].digest(data) for data in contents],
        templates=[template for template, _ in rows],
        template_data=contents,
        order=order,
    )


_NAMES = st.binary(min_size=1, max_size=40).map(
    lambda raw: b"/" + raw.replace(b"\0", b"x").replace(b"\n", b"y").replace(b" ", b"_") + b"\0"
)
_DIGEST = st.binary(min_size=32, max_size=32)
_HEX = st.binary(max_size=20)
_FIELDS: Final = {
    "d-ng": _DIGEST.map(lambda raw: b"sha256:\0" + raw),
    "d-ngv2": _DIGEST.map(lambda raw: b"verity:sha256:\0" + raw),
    "d-modsig": st.just(b"") | _DIGEST.map(lambda raw: b"sha256:\0" + raw),
    "n-ng": _NAMES,
    "xattrnames": st.just(b"") | st.just(b"security.ima|security.capability\0"),
    "iuid": st.binary(min_size=4, max_size=4),
    "igid": st.binary(min_size=4, max_size=4),
    "imode": st.binary(min_size=2, max_size=2),
}


@st.composite
def ima_rows(draw: st.DrawFn) -> list[tuple[bytes, list[bytes]]]:
    """Rows of every template, with any contents that the kernel can write."""
    templates = draw(st.lists(st.sampled_from(sorted(TEMPLATES)), min_size=1, max_size=6))
    return [
        (template, [draw(_FIELDS.get(kind, _HEX)) for kind in TEMPLATES[template]])
        for template in templates
    ]
