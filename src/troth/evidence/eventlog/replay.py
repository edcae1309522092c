# SPDX-License-Identifier: Apache-2.0
"""Replay: extend registers as a log says, and see what comes out.

A register is extended by hashing its old value and the digest: `v = H(v ‖ d)`
(TPM 2.0 Part 1 §17.2; Intel TDX module ABI, TDG.MR.RTMR.EXTEND).
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.evidence.eventlog.banks import bank_named
from troth.evidence.eventlog.columns import UNEXTENDED, Extends
from troth.evidence.eventlog.mapping import RegisterMap

__all__ = ["chain", "digests_of", "entries_of", "replay", "start_of"]


def replay(extends: Extends, mapping: RegisterMap) -> dict[str, bytes]:
    """Return the value of each register that the log extends, after its last entry.

    Args:
        extends: the columns of a log, in one bank.
        mapping: which number in the log is which register.

    Raises:
        MalformedError: `eventlog.bank`.
    """
    new = bank_named(extends.bank).new
    names = mapping.registers
    slots = _slots(mapping)
    values = [start_of(extends, mapping, name) for name in names]
    touched = bytearray(len(names) + 1)
    values.append(b"")  # the slot of entries that extend nothing, which is thrown away
    nothing = len(names)
    for register, digest in zip(extends.registers, extends.digests, strict=True):
        slot = slots[register]
        if slot != nothing:
            values[slot] = new(values[slot] + digest).digest()
            touched[slot] = 1
    return {name: values[slot] for slot, name in enumerate(names) if touched[slot]}


def chain(extends: Extends, value: bytes, digests: Sequence[bytes]) -> bytes:
    """Return `value` extended by each of `digests` in their order."""
    new = bank_named(extends.bank).new
    for digest in digests:
        value = new(value + digest).digest()
    return value


def entries_of(extends: Extends, mapping: RegisterMap, register: str) -> Sequence[int]:
    """Return the indexes of the entries that extend `register`, ascending."""
    numbers = {number for number, name in enumerate(mapping.targets) if name == register}
    if numbers.issuperset(extends.registers):  # as in a list of the kernel's, which has one
        return range(len(extends.registers))
    return [index for index, number in enumerate(extends.registers) if number in numbers]


def digests_of(extends: Extends, entries: Sequence[int]) -> Sequence[bytes]:
    """Return the digests of entries that `entries_of` named."""
    if len(entries) == len(extends.digests):
        return extends.digests
    return [extends.digests[index] for index in entries]


def start_of(extends: Extends, mapping: RegisterMap, register: str) -> bytes:
    """Return the value that `register` had before the log's first entry."""
    for number, value in extends.start.items():
        if number < len(mapping.targets) and mapping.targets[number] == register:
            return value
    return bytes(bank_named(extends.bank).size)


def _slots(mapping: RegisterMap) -> list[int]:
    """Return the slot for each register number; the last one, for `UNEXTENDED`, is reached as -1.

    The list is as long as any number of a register, so that no number is out of its range.
    """
    names = {name: slot for slot, name in enumerate(mapping.registers)}
    nothing = len(names)
    slots = [names.get(name, nothing) for name in mapping.targets]
    slots += [nothing] * (_NUMBERS - len(slots))
    slots[UNEXTENDED] = nothing
    return slots


_NUMBERS = 256
"""More than any register number that a parser lets through."""
