# SPDX-License-Identifier: Apache-2.0
"""Hex, instants and PEM have one spelling in and one out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.crypto.issue import certificate_pem
from troth.wire.text import format_instant, parse_hex, parse_instant, pem_blocks

MIB: Final = 1024 * 1024
FIVE: Final = certificate_pem(b"five!")

# --- hex ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data"), [("", b""), ("00", b"\0"), ("aBcD", b"\xab\xcd"), ("FF" * 3, b"\xff" * 3)]
)
def test_hex_of_either_case(text: str, data: bytes) -> None:
    assert parse_hex(text) == data
    assert parse_hex(text, len(data)) == data


@pytest.mark.parametrize(
    "text",
    ["0", "0x00", "zz", "0 0", " 00", "00\n", "00:00", "é0", "\u0660\u0660", "\ud800\ud800", "0\0"],
    ids=ascii,
)
def test_what_is_no_hex(text: str) -> None:
    with refused("wire.hex"):
        parse_hex(text)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_hex_of_another_size(size: int) -> None:
    with refused("wire.hex", f"2 bytes where {size} are due"):
        parse_hex("0000", size)


@given(st.binary())
def test_hex_is_read_back(data: bytes) -> None:
    assert parse_hex(data.hex(), len(data)) == data


# --- instants -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2024-02-29T00:00:00.5Z", datetime(2024, 2, 29, 0, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_an_instant_is_utc(text: str, at: datetime) -> None:
    assert parse_instant(text) == at
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-01",
        "2026-11-01T12:00:00",
        "2026-11-01T12:00:00+00:00",
        "2026-11-01T12:00:00z",
        "2026-11-01 12:00:00Z",
        "2026-11-01T12:00:00,5Z",
        "2026-11-01T12:00:00.1234567Z",
        "2026-11-01T12:00Z",
        "20261101T120000Z",
        "2026-W44-7T12:00:00Z",
        "2026-11-01T12:00:00Z\n",
        " 2026-11-01T12:00:00Z",
        "\uff12026-11-01T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-11-01T24:00:01Z",
        "2026-11-01T12:60:00Z",
        "2026-11-01T12:00:60Z",
        "0000-01-01T00:00:00Z",
    ],
    ids=ascii,
)
def test_what_is_no_instant(text: str) -> None:
    with refused("wire.time"):
        parse_instant(text)


def test_an_instant_is_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert format_instant(datetime(2026, 11, 1, 14, tzinfo=east)) == "2026-11-01T12:00:00Z"
    at = datetime(2026, 11, 1, 14, 0, 0, 7, tzinfo=UTC)
    assert format_instant(at) == "2026-11-01T14:00:00.000007Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_back(at: datetime) -> None:
    assert parse_instant(format_instant(at)) == at


# --- PEM ------------------------------------------------------------------------------------------


def block(content: str, label: str = "CERTIFICATE", end: str | None = None) -> bytes:
    return f"-----BEGIN {label}-----\n{content}\n-----END {end or label}-----\n".encode()


@pytest.mark.parametrize(
    "pem",
    [
        FIVE,
        FIVE.rstrip(b"\n"),
        FIVE + b"\0",
        FIVE + b"\n\r\t \0\0",
        b"\n\n" + FIVE,
        FIVE.replace(b"\n", b"\r\n"),
        block("Zml2\nZSE="),
        block("Z\nml2Z\n\n\nSE=\n"),
    ],
)
def test_a_block_and_white_space(pem: bytes) -> None:
    assert pem_blocks(pem, "CERTIFICATE", most=1) == [b"five!"]


def test_blocks_keep_their_order() -> None:
    pem = certificate_pem(b"a", b"bb", b"c" * 100)
    assert pem_blocks(pem, "CERTIFICATE", most=3) == [b"a", b"bb", b"c" * 100]


@pytest.mark.parametrize("pem", [b"", b"\0", b" \r\n\t\0 "], ids=repr)
def test_nothing_is_no_blocks(pem: bytes) -> None:
    assert pem_blocks(pem, "CERTIFICATE", most=1) == []


@pytest.mark.parametrize(
    "pem",
    [
        b"x",
        b"x" + FIVE,
        FIVE + b"x",
        FIVE + b"x" + FIVE,
        b"\x0b" + FIVE,
        FIVE + FIVE[:-2],
        FIVE[1:],
        FIVE.replace(b"-----BEGIN", b"----BEGIN"),
        FIVE.replace(b"CERTIFICATE", b"certificate"),
        block("Zml2ZSE=", end="CERTIFICATES"),
        block("Zml2ZSE=", label="X509 CRL"),
        block("Zml2ZSE"),
        block("Zml2ZSE=="),
        block("Zml2ZSF="),
        block("Zml2 ZSE="),
        block("Zml2*ZSE="),
        block("Zml2ZSE=Zml2"),
        block("====", label="CERTIFICATE"),
        block("-----BEGIN CERTIFICATE-----\nZml2ZSE="),
        block("Proc-Type: 4,ENCRYPTED\n\nZml2ZSE="),
        FIVE.replace(b"-----\nZml2", b"----- \nZml2"),
        FIVE.replace(b"-----\nZml2", b"-----Zml2"),
    ],
    ids=repr,
)
def test_what_is_no_pem_and_nothing_else(pem: bytes) -> None:
    with refused("wire.pem"):
        pem_blocks(pem, "CERTIFICATE", most=4)


def test_more_blocks_than_are_due() -> None:
    assert len(pem_blocks(FIVE * 2, "CERTIFICATE", most=2)) == 2
    with refused("wire.pem", "more than 2 blocks"):
        pem_blocks(FIVE * 3, "CERTIFICATE", most=2)


# Each of these is a moment in one pass, and hours where the time is quadratic.
@pytest.mark.parametrize(
    "pem",
    [
        b"-----BEGIN CERTIFICATE-----\n" + b"A" * (4 * MIB),
        b"-----BEGIN CERTIFICATE-----\n" * 150_000,
        b"-----BEGIN CERTIFICATE-----\nAAAA\n" * 100_000,
        b"-----BEGIN " + b"A" * (4 * MIB),
        b"-" * (4 * MIB),
        b"\n" * (4 * MIB) + b"x",
        FIVE * 50_000,
    ],
    ids=["open", "begins", "begins-with-text", "label", "dashes", "filler", "blocks"],
)
def test_hostile_pem_takes_one_pass(pem: bytes) -> None:
    with refused("wire.pem"):
        pem_blocks(pem, "CERTIFICATE", most=3)


@given(st.lists(st.binary(min_size=1), max_size=4))
def test_pem_is_read_back(blocks: list[bytes]) -> None:
    assert pem_blocks(certificate_pem(*blocks), "CERTIFICATE", most=4) == blocks
