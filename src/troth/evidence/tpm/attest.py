# SPDX-License-Identifier: Apache-2.0
"""TPMS_ATTEST of a quote: what a TPM signs over its registers.

     4  magic       2  type        2+n  qualifiedSigner    2+n  extraData
    17  clockInfo   8  firmwareVersion
     n  TPML_PCR_SELECTION         2+n  pcrDigest

Source: TPM 2.0 Library, part 2, 10.12.8 (TPMS_ATTEST), 10.12.1 (TPMS_QUOTE_INFO), 10.11.1.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.tpm.layout import (
    ATTEST_MAX_BYTES,
    BANKS,
    EXTRA_DATA_MAX_BYTES,
    GENERATED,
    ST_ATTEST_QUOTE,
)
from troth.evidence.tpm.selection import PcrSelection, build_selections, parse_selections
from troth.wire.reader import Reader

__all__ = ["ClockInfo", "TpmQuote"]

_HANDLE_BYTES: Final = 4
_DIGEST_SIZES: Final = frozenset(size for _, size in BANKS.values())
_SAFE: Final = {0: False, 1: True}


class ClockInfo(msgspec.Struct, frozen=True):
    """TPMS_CLOCK_INFO.

    Attributes:
        clock: milliseconds for which the TPM has been on.
        reset_count: how often the TPM was reset.
        restart_count: how often it was resumed since.
        safe: whether no greater clock was ever reported before.
    """

    clock: int
    reset_count: int
    restart_count: int
    safe: bool

    def build(self) -> bytes:
        """Return the 17 bytes of this structure."""
        return (
            self.clock.to_bytes(8, "big")
            + self.reset_count.to_bytes(4, "big")
            + self.restart_count.to_bytes(4, "big")
            + bytes((self.safe,))
        )


class TpmQuote(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed quote. Claims, not facts: only `troth.verify.tpm` turns one into the other."""

    qualified_signer: bytes
    extra_data: bytes
    clock: ClockInfo
    firmware_version: int
    selections: tuple[PcrSelection, ...]
    pcr_digest: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a quote, which is all of `data`.

        Args:
            data: a TPMS_ATTEST, at most 1 KiB.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`, `unsupported.algorithm` or `tpm.*`.
        """
        if len(data) > ATTEST_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {ATTEST_MAX_BYTES} bytes")
        reader = Reader(data)
        if reader.take(4, "magic") != GENERATED:
            raise MalformedError("tpm.magic", data[:4].hex())
        kind = reader.big(2, "attestation type")
        if kind != ST_ATTEST_QUOTE:
            raise MalformedError("tpm.attest-type", f"{kind:#06x}; {ST_ATTEST_QUOTE:#06x} is")
        quote = cls(
            qualified_signer=_name(sized(reader, "qualified signer")),
            extra_data=_extra_data(sized(reader, "extra data")),
            clock=_clock(reader),
            firmware_version=reader.big(8, "firmware version"),
            selections=parse_selections(reader),
            pcr_digest=_digest(sized(reader, "PCR digest")),
        )
        reader.finish("tpm.trailing", "the quote")
        return quote

    def build(self) -> bytes:
        """Return the TPMS_ATTEST."""
        return b"".join(
            (
                GENERATED,
                ST_ATTEST_QUOTE.to_bytes(2, "big"),
                with_size(self.qualified_signer),
                with_size(self.extra_data),
                self.clock.build(),
                self.firmware_version.to_bytes(8, "big"),
                build_selections(self.selections),
                with_size(self.pcr_digest),
            )
        )


def sized(reader: Reader, field: str) -> bytes:
    """Read a TPM2B: its size in two bytes, then its bytes."""
    return reader.take(reader.big(2, f"size of the {field}"), field)


def with_size(data: bytes) -> bytes:
    """Return a TPM2B."""
    return len(data).to_bytes(2, "big") + data


def _name(name: bytes) -> bytes:
    """Return a TPM2B_NAME's bytes: none, a handle, or a digest behind its algorithm (10.5.3)."""
    if len(name) in (0, _HANDLE_BYTES):
        return name
    bank = BANKS.get(int.from_bytes(name[:2], "big"))
    if bank is None or len(name) != 2 + bank[1]:
        raise MalformedError("tpm.name", f"a qualified signer of {len(name)} bytes")
    return name


def _extra_data(data: bytes) -> bytes:
    if len(data) > EXTRA_DATA_MAX_BYTES:
        raise MalformedError("tpm.size", f"extra data of {len(data)} bytes")
    return data


def _digest(data: bytes) -> bytes:
    if len(data) not in _DIGEST_SIZES:
        raise MalformedError("tpm.size", f"a PCR digest of {len(data)} bytes")
    return data


def _clock(reader: Reader) -> ClockInfo:
    clock = reader.big(8, "clock")
    resets, restarts = reader.big(4, "reset count"), reader.big(4, "restart count")
    safe = reader.big(1, "safe")
    if safe not in _SAFE:
        raise MalformedError("tpm.size", f"safe is {safe}; 0 and 1 are truth values")
    return ClockInfo(clock, resets, restarts, _SAFE[safe])
