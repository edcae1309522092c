# SPDX-License-Identifier: Apache-2.0
"""Quote format: each length, type and number that a quote can get wrong."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import pytest

from tests.negative.table import (
    PKI,
    QUOTE,
    TEE,
    Accepted,
    Given,
    Refused,
    Table,
    header,
    outcome,
    quoted,
    section,
    settle,
)
from tests.tdx import REPORT_DATA
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.verify import Tail

# Offsets in the sound quote, format 4, of what follows header (48) and body (584).
SECTION: Final = 632  # u32 length of the signature section
OUTER_TYPE: Final = SECTION + 4 + 128
OUTER_LENGTH: Final = OUTER_TYPE + 2
AUTH_LENGTH: Final = OUTER_LENGTH + 4 + 384 + 64
INNER_TYPE: Final = AUTH_LENGTH + 2 + 32
INNER_LENGTH: Final = INNER_TYPE + 2
CHAIN: Final = INNER_LENGTH + 4
SIXTEEN_MIB: Final = 16 * 1024 * 1024


def little(at: int, size: int, change: int, given: bytes = QUOTE) -> bytes:
    """Add `change` to a little-endian field; nothing that is signed stands behind the body."""
    value = int.from_bytes(given[at : at + size], "little") + change
    return given[:at] + value.to_bytes(size, "little") + given[at + size :]


def patched(at: int, size: int, change: int, tail: bytes = b"") -> Given:
    return Given(quote=little(at, size, change) + tail)


def at_least_short() -> Given:
    """Both outer lengths agree, and the last byte of the chain is left outside."""
    return Given(quote=little(OUTER_LENGTH, 4, -1, little(SECTION, 4, -1)))


def descriptor(kind: int, size: int, content: int | None = None) -> Given:
    """A format 5 quote whose descriptor says `kind` and `size`, over `content` bytes of body."""

    def change(signed: bytes) -> bytes:
        words = kind.to_bytes(2, "little") + size.to_bytes(4, "little")
        return signed[:48] + words + signed[54:][:content].ljust(content or 0, b"\0")

    return quoted(version=5, body_version="1.0", signed=change)


def filled(size: int) -> Given:
    """A sound quote of exactly `size` bytes: QE authentication data may have any length."""
    room = size - len(TEE.quote(REPORT_DATA, auth_data=b""))
    return quoted(auth_data=b"\x5a" * room)


CASES: Final[Table] = {
    **{
        f"version-{n}": (partial(header, version=n), "unsupported.version")
        for n in (0, 1, 2, 6, 1024)
    },
    "version-3-with-tdx-tee": (lambda: header(version=3), "unsupported.version"),
    "tee-unknown": (lambda: header(tee_type=0x82), "quote.tee-type"),
    "tee-above-a-byte": (lambda: header(tee_type=0x181), "quote.tee-type"),
    "tee-sgx": (lambda: header(tee_type=0), "unsupported.tee"),
    "key-type-3": (lambda: header(key_type=3), "unsupported.key-type"),
    "key-type-0": (lambda: header(key_type=0), "unsupported.key-type"),
    "vendor-id": (lambda: header(qe_vendor_id=bytes(16)), "quote.vendor-id"),
    "vendor-id-last-byte": (
        lambda: header(qe_vendor_id=bytes.fromhex("939a7233f79c4ca9940a0db3957f0606")),
        "quote.vendor-id",
    ),
    "header-svns-and-user-data": (
        lambda: header(qe_svn=9, pce_svn=9, user_data=b"\xff" * 20),
        Accepted(),
    ),
    # The body of format 5.
    "v5-type-0": (lambda: descriptor(0, 584), "quote.body-type"),
    "v5-type-unknown": (lambda: descriptor(5, 584), "quote.body-type"),
    "v5-type-1-0-size-1-5": (lambda: descriptor(2, 648, 648), "quote.body-type"),
    "v5-type-1-5-size-1-0": (lambda: descriptor(3, 584), "quote.body-type"),
    "v5-size-one-short": (lambda: descriptor(2, 583, 583), "quote.body-type"),
    "v5-size-huge": (lambda: descriptor(2, 0xFFFF_FFFF), "quote.body-type"),
    "v5-body-of-another-tee": (lambda: descriptor(1, 384, 384), "quote.body-type"),
    "v5-body-1-5-ex": (lambda: descriptor(4, 885, 885), "unsupported.body-type"),
    "v5-tdx-body-under-sgx": (
        lambda: quoted(version=5, signed=lambda b: b[:4] + bytes(4) + b[8:]),
        "unsupported.tee",
    ),
    "body-size-beyond-input": (
        lambda: Given(quote=TEE.quote(REPORT_DATA, version=5)[: 54 + 647]),
        "wire.truncated",
    ),
    "v4-read-as-v5": (
        lambda: quoted(version=4, signed=lambda b: b"\5\0" + b[2:]),
        "quote.body-type",
    ),
    # The signature section.
    "signature-length-beyond": (lambda: patched(SECTION, 4, 1), "quote.signature-length"),
    "signature-length-huge": (
        lambda: Given(quote=QUOTE[:SECTION] + b"\xff" * 4 + QUOTE[SECTION + 4 :]),
        "quote.signature-length",
    ),
    "signature-length-over-the-tail": (
        lambda: patched(SECTION, 4, 1, b"\0"),
        "quote.signature-length",
    ),
    "signature-length-below": (lambda: patched(SECTION, 4, -1), "quote.certification-length"),
    "signature-length-zero": (
        lambda: Given(quote=QUOTE[:SECTION] + bytes(4) + QUOTE[SECTION + 4 :]),
        "wire.truncated",
    ),
    "type-6-length-short": (lambda: patched(OUTER_LENGTH, 4, -1), "quote.signature-length"),
    "type-6-length-short-and-outer-too": (at_least_short, "quote.certification-length"),
    "type-6-length-beyond": (lambda: patched(OUTER_LENGTH, 4, 1), "quote.certification-length"),
    "slack-inside-type-6": (lambda: patched(INNER_LENGTH, 4, -1), "quote.certification-length"),
    "outer-type-5": (lambda: patched(OUTER_TYPE, 2, -1), "quote.certification-type"),
    "type-6-nested": (lambda: section(certification_type=6), "quote.certification-type"),
    "inner-type-0": (lambda: section(certification_type=0), "quote.certification-type"),
    "inner-type-8": (lambda: section(certification_type=8), "quote.certification-type"),
    **{
        f"inner-type-{n}": (
            partial(section, certification_type=n),
            "unsupported.certification-data",
        )
        for n in (1, 2, 3, 4, 7)
    },
    "certificate-length-beyond": (
        lambda: patched(INNER_LENGTH, 4, 1),
        "quote.certification-length",
    ),
    "certificate-length-huge": (
        lambda: Given(quote=QUOTE[:INNER_LENGTH] + b"\xff" * 4 + QUOTE[CHAIN:]),
        "quote.certification-length",
    ),
    "auth-data-length-beyond": (
        lambda: Given(quote=QUOTE[:AUTH_LENGTH] + b"\xff\xff" + QUOTE[AUTH_LENGTH + 2 :]),
        "wire.truncated",
    ),
    # What stands behind, and how large it may be.
    "trailing-garbage": (lambda: Given(quote=QUOTE + b"\1"), "tdx.trailing"),
    "trailing-garbage-behind-zeros": (
        lambda: Given(quote=QUOTE + bytes(69) + b"\1"),
        "tdx.trailing",
    ),
    "trailing-second-quote": (lambda: Given(quote=QUOTE * 2), "tdx.trailing"),
    "trailing-garbage-allowed-by-name": (
        lambda: Given(quote=QUOTE + b"\1" * 70, tail=Tail.ANYTHING),
        Accepted(trailing=70),
    ),
    "trailing-zeros": (lambda: Given(quote=QUOTE + bytes(70)), Accepted(trailing=70)),
    "trailing-zeros-to-64-kib": (
        lambda: Given(quote=QUOTE.ljust(QUOTE_MAX_BYTES, b"\0")),
        Accepted(trailing=QUOTE_MAX_BYTES - len(QUOTE)),
    ),
    "64-kib-quote": (lambda: filled(QUOTE_MAX_BYTES), Accepted()),
    "64-kib-quote-and-one": (lambda: filled(QUOTE_MAX_BYTES + 1), "wire.too-large"),
    "64-kib-and-one-zero": (
        lambda: Given(quote=QUOTE.ljust(QUOTE_MAX_BYTES + 1, b"\0")),
        "wire.too-large",
    ),
    "16-mib": (lambda: Given(quote=QUOTE.ljust(SIXTEEN_MIB, b"\0")), "wire.too-large"),
    "16-mib-of-zeros": (lambda: Given(quote=bytes(SIXTEEN_MIB)), "wire.too-large"),
    "16-mib-chain": (
        lambda: quoted(chain=PKI.pck_chain() + b"\n" * SIXTEEN_MIB),
        "wire.too-large",
    ),
    "empty-input": (lambda: Given(quote=b""), "wire.truncated"),
}


@pytest.mark.parametrize("name", CASES)
def test_quote_format(name: str) -> None:
    settle(CASES[name])


def test_the_offsets_are_those_of_the_sound_quote() -> None:
    chain = PKI.pck_chain()
    assert QUOTE[OUTER_TYPE:OUTER_LENGTH] == b"\6\0"
    assert QUOTE[INNER_TYPE:INNER_LENGTH] == b"\5\0"
    assert int.from_bytes(QUOTE[INNER_LENGTH:CHAIN], "little") == len(chain)
    assert QUOTE[CHAIN:] == chain


@pytest.mark.parametrize("given", [Given(), quoted(version=5)], ids=["v4", "v5"])
def test_truncation_at_every_byte_is_malformed(given: Given) -> None:
    whole = given.quote
    due = {"wire.truncated", "quote.signature-length"}
    for size in range(len(whole)):
        got = outcome(dataclasses.replace(given, quote=whole[:size], bundles=()))
        assert isinstance(got, Refused), size
        assert got.kind == "MalformedError", size
        assert got.code in due, size
