# SPDX-License-Identifier: Apache-2.0
"""Quote format: each length, type and number that an SGX quote can get wrong, in its formats."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import pytest

from tests.negative import table as tdx
from tests.negative.table import Accepted, Refused
from tests.sgx.table import (
    PKI,
    TEE,
    VERSIONS,
    Case,
    Given,
    Table,
    header,
    outcome,
    quoted,
    settle,
    unsigned,
)
from tests.tdx import REPORT_DATA
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.tsm.emulated.sgx.settings import QuoteVersion
from troth.verify import Tail

QUOTES: Final = {n: TEE.quote(REPORT_DATA, version=n) for n in VERSIONS}
SIXTEEN_MIB: Final = 16 * 1024 * 1024


class Offsets:
    """Offsets in the sound quote of a format, of what follows header and body."""

    def __init__(self, version: QuoteVersion) -> None:
        self.section = 48 + 384 + (6 if version == 5 else 0)
        self.outer_type = self.section + 4 + 128
        self.outer_length = self.outer_type + 2
        qe_report = self.outer_type + (0 if version == 3 else 6)
        self.auth_length = qe_report + 384 + 64
        self.inner_type = self.auth_length + 2 + 32
        self.inner_length = self.inner_type + 2
        self.chain = self.inner_length + 4


AT: Final = {n: Offsets(n) for n in VERSIONS}


def patched(version: QuoteVersion, at: int, size: int, change: int, tail: bytes = b"") -> Given:
    """Add `change` to a little-endian field; nothing that is signed stands behind the body."""
    quote = QUOTES[version]
    value = int.from_bytes(quote[at : at + size], "little") + change
    return Given(quote=quote[:at] + value.to_bytes(size, "little") + quote[at + size :] + tail)


def put(version: QuoteVersion, at: int, content: bytes) -> Given:
    quote = QUOTES[version]
    return Given(quote=quote[:at] + content + quote[at + len(content) :])


def descriptor(kind: int, size: int, content: int = 384) -> Given:
    """A format 5 quote whose descriptor says `kind` and `size`, over `content` bytes of body."""

    def change(signed: bytes) -> bytes:
        words = kind.to_bytes(2, "little") + size.to_bytes(4, "little")
        return signed[:48] + words + signed[54:][:content].ljust(content, b"\0")

    return quoted(version=5, signed=change)


def four_read_as_three() -> Given:
    """A quote of format 4 that says 3, which looks for a length in the signature over the QE."""
    quote, at = QUOTES[4], AT[3].auth_length
    return Given(quote=b"\3\0" + quote[2:at] + b"\xff\xff" + quote[at + 2 :])


def filled(size: int) -> Given:
    """A sound quote of exactly `size` bytes: QE authentication data may have any length."""
    room = size - len(TEE.quote(REPORT_DATA, auth_data=b""))
    return quoted(auth_data=b"\x5a" * room)


def of_each(version: QuoteVersion) -> dict[str, Case]:
    """The faults that a quote of every format can have."""
    at, quote = AT[version], QUOTES[version]
    cases: dict[str, Case] = {
        **{
            f"version-{n}": (partial(header, version, version=n), "unsupported.version")
            for n in (0, 1, 2, 6, 1024)
        },
        "tee-unknown": (partial(header, version, tee_type=0x82), "quote.tee-type"),
        "tee-above-a-byte": (partial(header, version, tee_type=0x100), "quote.tee-type"),
        "tee-tdx": (
            partial(header, version, tee_type=0x81),
            "quote.tee-type" if version == 3 else "unsupported.tee",
        ),
        "key-type-0": (partial(header, version, key_type=0), "unsupported.key-type"),
        "key-type-3": (partial(header, version, key_type=3), "unsupported.key-type"),
        "vendor-id": (partial(header, version, qe_vendor_id=bytes(16)), "quote.vendor-id"),
        "vendor-id-last-byte": (
            partial(
                header, version, qe_vendor_id=bytes.fromhex("939a7233f79c4ca9940a0db3957f0606")
            ),
            "quote.vendor-id",
        ),
        "header-svns-and-user-data": (
            partial(header, version, qe_svn=9, pce_svn=9, user_data=b"\xff" * 20),
            Accepted(),
        ),
        "signature-length-beyond": (
            partial(patched, version, at.section, 4, 1),
            "quote.signature-length",
        ),
        "signature-length-huge": (
            partial(put, version, at.section, b"\xff" * 4),
            "quote.signature-length",
        ),
        "signature-length-over-the-tail": (
            partial(patched, version, at.section, 4, 1, b"\0"),
            "quote.signature-length",
        ),
        "signature-length-below": (
            partial(patched, version, at.section, 4, -1),
            "quote.certification-length",
        ),
        "signature-length-zero": (partial(put, version, at.section, bytes(4)), "wire.truncated"),
        "slack-behind-the-chain": (
            partial(patched, version, at.inner_length, 4, -1),
            "quote.signature-length" if version == 3 else "quote.certification-length",
        ),
        "type-6-inside": (
            partial(unsigned, version, certification_type=6),
            "quote.certification-type",
        ),
        "type-0": (partial(unsigned, version, certification_type=0), "quote.certification-type"),
        "type-8": (partial(unsigned, version, certification_type=8), "quote.certification-type"),
        **{
            f"type-{n}": (
                partial(unsigned, version, certification_type=n),
                "unsupported.certification-data",
            )
            for n in (1, 2, 3, 4, 7)
        },
        "certificate-length-beyond": (
            partial(patched, version, at.inner_length, 4, 1),
            "quote.certification-length",
        ),
        "certificate-length-huge": (
            partial(put, version, at.inner_length, b"\xff" * 4),
            "quote.certification-length",
        ),
        "auth-data-length-beyond": (
            partial(put, version, at.auth_length, b"\xff\xff"),
            "wire.truncated",
        ),
        "trailing-garbage": (lambda: Given(quote=quote + b"\1"), "sgx.trailing"),
        "trailing-garbage-behind-zeros": (
            lambda: Given(quote=quote + bytes(69) + b"\1"),
            "sgx.trailing",
        ),
        "trailing-garbage-allowed-by-name": (
            lambda: Given(quote=quote + b"\1" * 70, tail=Tail.ANYTHING),
            Accepted(trailing=70),
        ),
        "trailing-zeros": (lambda: Given(quote=quote + bytes(70)), Accepted(trailing=70)),
    }
    return {f"v{version}-{name}": case for name, case in cases.items()}


def of_the_block(version: QuoteVersion) -> dict[str, Case]:
    """The faults of the block of type 6, which format 3 does not have."""
    at = AT[version]
    cases: dict[str, Case] = {
        "type-6-length-short": (
            partial(patched, version, at.outer_length, 4, -1),
            "quote.signature-length",
        ),
        "type-6-length-beyond": (
            partial(patched, version, at.outer_length, 4, 1),
            "quote.certification-length",
        ),
        "outer-type-5": (
            partial(patched, version, at.outer_type, 2, -1),
            "quote.certification-type",
        ),
    }
    return {f"v{version}-{name}": case for name, case in cases.items()}


CASES: Final[Table] = {
    **of_each(3),
    **of_each(4),
    **of_each(5),
    **of_the_block(4),
    **of_the_block(5),
    "v5-type-0": (lambda: descriptor(0, 384), "quote.body-type"),
    "v5-type-unknown": (lambda: descriptor(5, 384), "quote.body-type"),
    "v5-size-one-short": (lambda: descriptor(1, 383, 383), "quote.body-type"),
    "v5-size-of-a-td-report": (lambda: descriptor(1, 584, 584), "quote.body-type"),
    "v5-size-huge": (lambda: descriptor(1, 0xFFFF_FFFF), "quote.body-type"),
    "v5-body-of-a-td": (lambda: descriptor(2, 584, 584), "quote.body-type"),
    "v5-body-of-a-td-1-5": (lambda: descriptor(3, 648, 648), "quote.body-type"),
    "v5-body-of-a-td-1-5-ex": (lambda: descriptor(4, 885, 885), "quote.body-type"),
    "a-quote-of-tdx": (lambda: Given(quote=tdx.QUOTE), "unsupported.tee"),
    "a-quote-of-tdx-said-to-be-of-sgx": (
        lambda: Given(quote=tdx.header(tee_type=0).quote),
        "wire.truncated",  # where SGX has the section's length, this TD has a register of zeros
    ),
    "v3-read-as-v4": (
        lambda: quoted(version=3, signed=lambda b: b"\4\0" + b[2:]),
        "quote.certification-type",
    ),
    "v4-read-as-v3": (
        four_read_as_three,
        "wire.truncated",
    ),
    "v4-read-as-v5": (
        lambda: quoted(version=4, signed=lambda b: b"\5\0" + b[2:]),
        "quote.body-type",
    ),
    "body-size-beyond-input": (lambda: Given(quote=QUOTES[3][: 48 + 383]), "wire.truncated"),
    "trailing-second-quote": (lambda: Given(quote=QUOTES[3] * 2), "sgx.trailing"),
    "trailing-zeros-to-64-kib": (
        lambda: Given(quote=QUOTES[3].ljust(QUOTE_MAX_BYTES, b"\0")),
        Accepted(trailing=QUOTE_MAX_BYTES - len(QUOTES[3])),
    ),
    "64-kib-quote": (lambda: filled(QUOTE_MAX_BYTES), Accepted()),
    "64-kib-quote-and-one": (lambda: filled(QUOTE_MAX_BYTES + 1), "wire.too-large"),
    "64-kib-and-one-zero": (
        lambda: Given(quote=QUOTES[3].ljust(QUOTE_MAX_BYTES + 1, b"\0")),
        "wire.too-large",
    ),
    "16-mib-chain": (
        lambda: quoted(chain=PKI.pck_chain() + b"\n" * SIXTEEN_MIB),
        "wire.too-large",
    ),
    "empty-input": (lambda: Given(quote=b""), "wire.truncated"),
}


@pytest.mark.parametrize("name", CASES)
def test_quote_format(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_offsets_are_those_of_the_sound_quote(version: QuoteVersion) -> None:
    at, quote, chain = AT[version], QUOTES[version], PKI.pck_chain()
    assert quote[at.inner_type : at.inner_length] == b"\5\0"
    assert int.from_bytes(quote[at.inner_length : at.chain], "little") == len(chain)
    assert quote[at.chain :] == chain
    assert version == 3 or quote[at.outer_type : at.outer_length] == b"\6\0"


@pytest.mark.parametrize("version", VERSIONS)
def test_truncation_at_every_byte_is_malformed(version: QuoteVersion) -> None:
    whole = QUOTES[version]
    due = {"wire.truncated", "quote.signature-length"}
    for size in range(len(whole)):
        got = outcome(dataclasses.replace(Given(), quote=whole[:size], bundles=()))
        assert isinstance(got, Refused), size
        assert got.kind == "MalformedError", size
        assert got.code in due, size
