# SPDX-License-Identifier: Apache-2.0
"""A quote's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from troth.evidence.tpm.attest import TpmQuote
from troth.evidence.tpm.registers import Registers

__all__ = ["Claim", "describe_tpm"]

Claim = str | int | bool | list[int | str] | None
"""What a described field can be."""


def describe_tpm(quote: TpmQuote, registers: Registers) -> dict[str, Claim]:
    """Return a quote and its registers: byte strings as lower-case hex, `pcr_sha256_10` by bank."""
    clock = quote.clock
    fields: dict[str, Claim] = {
        "qualified_signer": quote.qualified_signer.hex(),
        "extra_data": quote.extra_data.hex(),
        "clock_ms": clock.clock,
        "reset_count": clock.reset_count,
        "restart_count": clock.restart_count,
        "clock_safe": clock.safe,
        "firmware_version": f"{quote.firmware_version:016x}",
        "pcr_digest": quote.pcr_digest.hex(),
        "pcr_banks": [one.bank for one in quote.selections],
    }
    for selection in quote.selections:
        for index in selection.registers:
            fields[f"pcr_{selection.bank}_{index}"] = registers[selection.bank][index].hex()
    return fields
