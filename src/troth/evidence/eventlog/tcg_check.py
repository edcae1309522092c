# SPDX-License-Identifier: Apache-2.0
"""Which events' digests are of their data, by type, and what separators there are.

Source: TCG PC Client Platform Firmware Profile 1.06 §10.4.1 and what firmware and boot loaders
in fact do: EDK2 measures of a boot variable its value alone, GRUB of `grub_cmd: X` the X.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from troth.evidence.eventlog.examination import Data, Digester, Finding
from troth.evidence.eventlog.tcg_types import EV_NO_ACTION, EV_SEPARATOR

__all__ = ["data_of_event", "separators"]

_VARIABLE_BOOT: Final = frozenset({0x80000002, 0x8000000C})
# The profile says that the digest is one of the data.
_WHOLE: Final = frozenset(
    {EV_SEPARATOR, 0x5, 0x8, 0x80000001, 0x80000006, 0x80000007, 0x800000E0} | _VARIABLE_BOOT
)
# The digest is often one of the data, or of the text in it, and nobody says when.
_PERHAPS: Final = frozenset({0x6, 0xA, 0xB, 0xC, 0xD, 0xE, 0x10, 0x11, 0x12})
_IPL: Final = 0xD
_PREFIX_MAX_BYTES: Final = 32  # `grub_kernel_cmdline: `

# VariableName (a GUID), UnicodeNameLength in characters, VariableDataLength in bytes
_VARIABLE: Final = struct.Struct("<16sQQ")

_SEPARATOR_VALUES: Final = (bytes(4), b"\xff" * 4)
_TPM_SEPARATED: Final = tuple(range(8))  # PCRs of the firmware
_CC_SEPARATED: Final = (1, 2)  # MR indexes of RTMR0 and RTMR1


def data_of_event(kind: int, digest: bytes, data: bytes, new: Digester) -> Data:
    """Return how an event's data stands to its digest.

    Args:
        kind: the event's type.
        digest: in the bank that `new` computes.
        data: the event's data.
        new: the bank's hash.
    """
    if kind == EV_NO_ACTION:
        return Data.UNEXTENDED
    if kind not in _WHOLE and kind not in _PERHAPS:
        return Data.UNPROVEN
    if new(data) == digest:
        return Data.MEASURED
    if any(new(part) == digest for part in _parts(kind, data)):
        return Data.PART
    return Data.DIFFERS if kind in _WHOLE else Data.UNPROVEN


def separators(
    registers: Sequence[int], types: Sequence[int], contents: Sequence[bytes], kind: str
) -> Iterator[Finding]:
    """Yield what is odd about the separators, which end the firmware's part of a register.

    Args:
        registers: the log's columns.
        types: likewise.
        contents: likewise.
        kind: `tpm` or `ccel`.
    """
    seen: set[int] = set()
    for index, (register, event) in enumerate(zip(registers, types, strict=True)):
        if event != EV_SEPARATOR:
            continue
        if register in seen:
            yield Finding(index, "second-separator", f"register {register} had one before")
        seen.add(register)
        if contents[index] not in _SEPARATOR_VALUES:
            yield Finding(index, "separator-value", f"{contents[index][:8].hex()}: an error's")
    due = _CC_SEPARATED if kind == "ccel" else _TPM_SEPARATED
    for register in sorted(set(due) & set(registers) - seen):
        yield Finding(None, "no-separator", f"register {register} has no separator")


def _parts(kind: int, data: bytes) -> Iterator[bytes]:
    """Yield the parts of an event's data that may be what was measured."""
    if kind in _VARIABLE_BOOT and len(data) >= _VARIABLE.size:
        _, characters, size = _VARIABLE.unpack_from(data)
        begin = _VARIABLE.size + 2 * characters
        if begin + size == len(data):
            yield data[begin:]
    if kind == _IPL:
        text = data.rstrip(b"\0")
        yield text
        prefix, colon, rest = text.partition(b": ")
        if colon and len(prefix) <= _PREFIX_MAX_BYTES:
            yield rest
