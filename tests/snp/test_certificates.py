# SPDX-License-Identifier: Apache-2.0
"""The host's certificate table: entries lead into the table and nowhere else."""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.snp.reports import with_bytes
from troth.errors import MalformedError
from troth.evidence.snp import CertificateTable
from troth.evidence.snp.certificates import TABLE_MAX_BYTES

VCEK: Final = UUID("63da758d-e664-4564-adc5-f4b93be8accd").bytes
ARK: Final = UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae").bytes
EXTRA: Final = UUID("ecae0c0f-9502-43b1-afa2-0ae2e0d565b6").bytes
FULL: Final = CertificateTable(vcek=b"leaf", vlek=b"other leaf", ask=b"ca", ark=b"root")


def entry(guid: bytes, start: int, length: int) -> bytes:
    return guid + struct.pack("<II", start, length)


def table(*entries: bytes, content: bytes = b"leaf") -> bytes:
    return b"".join(entries) + bytes(24) + content


def test_a_table_is_built_and_read_back() -> None:
    data = FULL.build()
    assert data[:16] == VCEK
    assert CertificateTable.parse(data) == FULL
    padded = data + bytes(4096 - len(data))
    assert CertificateTable.parse(padded) == FULL
    assert padded[: CertificateTable.extent(padded)] == data
    assert CertificateTable.parse(CertificateTable(ark=b"root").build()).vcek is None


@pytest.mark.parametrize("data", [b"", bytes(24), bytes(4096)])
def test_a_host_may_have_no_certificates(data: bytes) -> None:
    assert CertificateTable.parse(data) == CertificateTable()
    assert CertificateTable.extent(data) == 0


def test_other_entries_are_left_out_and_still_checked() -> None:
    data = table(entry(EXTRA, 72, 2), entry(VCEK, 72, 4))
    assert CertificateTable.parse(data) == CertificateTable(vcek=b"leaf")
    with refused("snp.certificate-table"):
        CertificateTable.parse(table(entry(EXTRA, 72, 5), entry(VCEK, 72, 4)))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (table(entry(VCEK, 48, 5)), "snp.certificate-table"),
        (table(entry(VCEK, 53, 0)), "snp.certificate-table"),
        (table(entry(VCEK, 0, 4)), "snp.certificate-table"),
        (table(entry(VCEK, 47, 4)), "snp.certificate-table"),
        (table(entry(VCEK, 48, 0xFFFFFFFF)), "snp.certificate-table"),
        (table(entry(VCEK, 0xFFFFFFFF, 4)), "snp.certificate-table"),
        (table(entry(VCEK, 0xFFFFFFE0, 0x60)), "snp.certificate-table"),  # wraps in 32 bits
        (table(entry(VCEK, 72, 4), entry(VCEK, 72, 4)), "snp.certificate-table"),
        (table(entry(EXTRA, 72, 4), entry(EXTRA, 72, 4)), "snp.certificate-table"),
        (entry(VCEK, 24, 0), "wire.truncated"),
        (entry(VCEK, 24, 0) + bytes(23), "wire.truncated"),
        (bytes(23), "wire.truncated"),
    ],
)
def test_entries_that_lead_elsewhere(data: bytes, code: str) -> None:
    with refused(code):
        CertificateTable.parse(data)
    with refused(code):
        CertificateTable.extent(data)


def test_a_certificate_of_no_byte_is_one_and_is_written_again() -> None:
    found = CertificateTable.parse(table(entry(VCEK, 48, 0)))
    assert found.vcek == b""
    assert CertificateTable.parse(found.build()) == found


def test_a_table_that_is_too_large() -> None:
    data = table(entry(ARK, 48, 4))
    assert CertificateTable.parse(data.ljust(TABLE_MAX_BYTES, b"\0")).ark == b"leaf"
    with refused("wire.too-large"):
        CertificateTable.parse(data.ljust(TABLE_MAX_BYTES + 1, b"\0"))


@given(st.binary(max_size=400))
def test_bytes_are_a_table_or_malformed(data: bytes) -> None:
    try:
        found = CertificateTable.parse(data)
    except MalformedError:
        return
    assert all(one is None or one in data for one in (found.vcek, found.vlek, found.ask, found.ark))


@given(st.integers(0, 24 * 5 * 8 - 1))
def test_a_flipped_bit_of_the_entries_leads_nowhere_else(bit: int) -> None:
    data = FULL.build()
    flipped = bytes((data[bit // 8] ^ 1 << bit % 8,))
    bad = with_bytes(data, bit // 8, flipped)
    try:
        found = CertificateTable.parse(bad)
    except MalformedError:
        return
    assert CertificateTable.extent(bad) <= len(bad)
    assert found != FULL or bad == data
