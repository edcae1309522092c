# SPDX-License-Identifier: Apache-2.0
"""Reports that do not follow their format, each signed by the chip as it stands."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal

import pytest

from tests.snp.reports import u32
from tests.snp.table import Given, Table, patched, reported, settle, sound_report, unsigned
from tests.snp.world import settings_of, snp
from troth.tsm.emulated.snp import Settings

R, S = 0x2A0, 0x2E8
RESERVED: Final = {
    "flags": 0x04C,
    "cpuid-first": 0x18B,
    "cpuid-last": 0x19F,
    "current-firmware": 0x1EB,
    "committed-firmware": 0x1EF,
    "end-first": 0x208,
    "end-last": 0x29F,
    "current-tcb": 0x03A,
    "reported-tcb": 0x183,
    "committed-tcb": 0x1E4,
    "launch-tcb": 0x1F5,
}
TURIN_RESERVED: Final = {
    "turin-current-tcb": 0x03C,
    "turin-reported-tcb": 0x186,
    "turin-chip-id-first": 0x1A8,
    "turin-chip-id-last": 0x1DF,
}
HUGE: Final = b"\xff" * 48
EARLY: Final[tuple[Literal[2, 3, 4], ...]] = (2, 3, 4)


def patched_on(settings: Settings, at: int) -> Given:
    return patched(at, b"\1", snp(settings))


CASES: Final[Table] = {
    "size-less-one": (lambda: Given(report=sound_report()[:-1]), "snp.size"),
    "size-and-one": (lambda: Given(report=sound_report() + b"\0"), "snp.size"),
    "size-zero": (lambda: Given(report=b""), "snp.size"),
    "size-kernel-buffer": (lambda: Given(report=sound_report().ljust(4000, b"\0")), "snp.size"),
    **{
        f"version-{version}": (
            partial(patched, 0, u32(version)),
            "unsupported.version",
        )
        for version in (0, 1, 6, 255)
    },
    **{
        f"reserved-{name}": (partial(patched, at, b"\1"), "snp.reserved")
        for name, at in RESERVED.items()
    },
    **{
        f"reserved-{name}": (
            partial(patched_on, settings_of("Turin"), at),
            "snp.reserved",
        )
        for name, at in TURIN_RESERVED.items()
    },
    "reserved-flag": (lambda: patched(0x048, u32(1 << 5)), "snp.reserved"),
    "cpuid-in-v2": (
        lambda: patched(0x188, bytes((0x19, 1, 1)), snp(settings_of(version=2))),
        "snp.reserved",
    ),
    **{
        f"{name}-mitigations-in-v{version}": (
            partial(patched_on, settings_of(version=version), at),
            "snp.reserved",
        )
        for name, at in (("launch", 0x1F8), ("current", 0x200))
        for version in EARLY
    },
    "algorithm-0": (lambda: patched(0x034, u32(0)), "snp.algorithm"),
    "algorithm-2": (lambda: patched(0x034, u32(2)), "snp.algorithm"),
    "vmpl-4": (lambda: patched(0x030, u32(4)), "snp.vmpl"),
    "policy-bit-17-clear": (lambda: reported(policy=0x1_00_00), "snp.policy"),
    **{
        f"signing-key-{number}": (
            partial(patched, 0x048, u32(number << 2)),
            "snp.signing-key",
        )
        for number in (2, 3, 4, 5, 6)
    },
    "signing-key-7": (lambda: patched(0x048, u32(7 << 2)), "snp.unsigned"),
    "cpuid-unknown": (lambda: patched(0x188, b"\x18"), "unsupported.product"),
    "r-upper": (lambda: unsigned(R + 48, b"\1"), "snp.signature-form"),
    "r-top": (lambda: unsigned(R + 71, b"\1"), "snp.signature-form"),
    "s-upper": (lambda: unsigned(S + 48, b"\1"), "snp.signature-form"),
    "s-top": (lambda: unsigned(S + 71, b"\1"), "snp.signature-form"),
    "tail-first": (lambda: unsigned(0x330, b"\1"), "snp.signature-form"),
    "tail-last": (lambda: unsigned(0x49F, b"\1"), "snp.signature-form"),
    "signature-zero": (lambda: unsigned(R, bytes(144)), "snp.signature"),
    "signature-r-zero": (lambda: unsigned(R, bytes(48)), "snp.signature"),
    "signature-s-zero": (lambda: unsigned(S, bytes(48)), "snp.signature"),
    "signature-r-above-n": (lambda: unsigned(R, HUGE), "snp.signature"),
    "signature-s-above-n": (lambda: unsigned(S, HUGE), "snp.signature"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_its_code(name: str) -> None:
    settle(CASES[name])
