# SPDX-License-Identifier: Apache-2.0
"""A commented policy for TPM quotes, written from the values that one shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.tpm import Registers, TpmQuote
from troth.evidence.tpm.layout import PCR_COUNT
from troth.policy.tpm import POLICY_BANKS

__all__ = ["policy_template_tpm", "tpm_section"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

"""


def policy_template_tpm(
    quote: TpmQuote, registers: Registers, ak_sha256: bytes, source: str
) -> str:
    """Return the text of a policy that accepts quotes like this one.

    Args:
        quote: a parsed quote; nothing of it has been verified.
        registers: those that it covers.
        ak_sha256: SHA-256 of the attestation key's SubjectPublicKeyInfo.
        source: a name for it, such as the file's.
    """
    safe = "".join(one if one.isprintable() else "?" for one in source)
    return _HEAD.format(source=safe) + tpm_section(quote, registers, ak_sha256)


def tpm_section(quote: TpmQuote, registers: Registers, ak_sha256: bytes) -> str:
    """Return the section `[tpm]`: the registers quoted by value, the others not compared."""
    lines = [
        "[tpm]",
        "# SHA-256 of the attestation key's SubjectPublicKeyInfo.",
        f"ak = {_list(ak_sha256.hex())}",
        f"firmware_version = {_list(f'{quote.firmware_version:016x}')}",
        "# Whether the TPM must say that its clock was never greater than it is: require, or any.",
        'clock_safe = "require"',
        "# The registers, bank by bank: a table of all of them, or any. One that is not quoted is",
        "# denied unless it is any.",
    ]
    lines += [f'{bank} = "any"' for bank in POLICY_BANKS if bank not in registers]
    for bank in POLICY_BANKS:
        if bank not in registers:
            continue
        lines += ["", f"[tpm.{bank}]"]
        given = registers[bank]
        lines += [
            f"{index} = {_list(given[index].hex()) if index in given else _ANY}"
            for index in range(PCR_COUNT)
        ]
    return "\n".join(lines) + "\n"


_ANY: Final = '"any"'


def _list(value: str) -> str:
    return f'["{value}"]'
