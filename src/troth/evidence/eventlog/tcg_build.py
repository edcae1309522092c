# SPDX-License-Identifier: Apache-2.0
"""The other direction: events become the bytes of a firmware log, for software TEEs and tests."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from troth.evidence.eventlog.banks import BANKS
from troth.evidence.eventlog.spec_id import SpecId
from troth.evidence.eventlog.tcg_log import SHA1_EVENT, TcgEvent
from troth.evidence.eventlog.tcg_types import EV_NO_ACTION

__all__ = ["build_cc_log", "build_sha1_log", "build_tpm_log"]


def build_cc_log(events: Iterable[TcgEvent], *, area: int | None = None) -> bytes:
    """Return a CC log with SHA-384 digests, as EDK2 writes it.

    Args:
        events: each with a `sha384` digest; registers are MR indexes, 1 to 4.
        area: size of the log area in bytes, which 0xFF fills behind the log; None for no padding.

    Raises:
        ValueError: the events do not fit into the area. A bug, never peer data.
    """
    log = _build(events, SpecId(_algorithms(("sha384",))), first_register=1)
    if area is None:
        return log
    if len(log) > area:
        message = f"a log of {len(log)} bytes in an area of {area}"
        raise ValueError(message)
    return log.ljust(area, b"\xff")


def build_tpm_log(events: Iterable[TcgEvent], *, banks: Sequence[str] = ("sha256",)) -> bytes:
    """Return a crypto-agile TPM log; each event has a digest of each of `banks`."""
    return _build(events, SpecId(_algorithms(banks)), first_register=0)


def build_sha1_log(events: Iterable[TcgEvent]) -> bytes:
    """Return a log in the SHA-1 form, which has no header; each event has a `sha1` digest."""
    return b"".join(
        SHA1_EVENT.pack(one.register, one.type, one.digests["sha1"], len(one.data)) + one.data
        for one in events
    )


def _algorithms(banks: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple((BANKS[name].algorithm, BANKS[name].size) for name in banks)


def _build(events: Iterable[TcgEvent], header: SpecId, *, first_register: int) -> bytes:
    data = header.build()
    parts = [SHA1_EVENT.pack(first_register, EV_NO_ACTION, b"", len(data)), data]
    names = {bank.algorithm: name for name, bank in BANKS.items()}
    for event in events:
        parts.append(struct.pack("<III", event.register, event.type, len(header.algorithms)))
        for number, _ in header.algorithms:
            parts += [struct.pack("<H", number), event.digests[names[number]]]
        parts += [struct.pack("<I", len(event.data)), event.data]
    return b"".join(parts)
