# SPDX-License-Identifier: Apache-2.0
"""From the register number in a log to the register that a report carries.

Which of them holds is not written in the log: it is the firmware's, or the kernel's, and the
verifier must know it. Where a mapping has no register for a number, entries with that number are
not replayed, and nothing proves them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from troth.evidence.banks import PCR_COUNT

__all__ = ["MAPPINGS", "RegisterMap"]

CC_REGISTER_COUNT: Final = 5  # UEFI 2.11 §38.4.1: MRTD and four RTMRs


class RegisterMap(NamedTuple):
    """A name, and the register for each number in a log; an empty text where there is none."""

    name: str
    targets: tuple[str, ...]

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers that can come out, each once, in their order."""
        return tuple(dict.fromkeys(one for one in self.targets if one))


def _spread(*ranges: tuple[range, str]) -> tuple[str, ...]:
    """Return the targets of PCR 0 to 23: that of the first range which has the number."""
    return tuple(
        next((target for numbers, target in ranges if number in numbers), "")
        for number in range(PCR_COUNT)
    )


_RTMR0: Final = ((range(1, 2), "rtmr0"), (range(7, 8), "rtmr0"))
_OS: Final = (range(8, 16), "rtmr2")

MAPPINGS: Final = {
    mapping.name: mapping
    for mapping in (
        # A TPM's log: the number is the PCR.
        RegisterMap("pcr", tuple(f"pcr{number}" for number in range(PCR_COUNT))),
        # A CC log: the number is the MR index, 0 for MRTD, which nothing extends after the launch.
        RegisterMap("cc", ("", "rtmr0", "rtmr1", "rtmr2", "rtmr3")),
        # A list whose writer used the RTMR's own number, as IMA does with its register index set.
        RegisterMap("rtmr", ("rtmr0", "rtmr1", "rtmr2", "rtmr3")),
        # PCR numbers under a TD, as the firmware maps them. UEFI 2.11 §38.4.1, table "TDX".
        RegisterMap("uefi", _spread(*_RTMR0, (range(2, 7), "rtmr1"), _OS)),
        # The narrower usage of td-shim: boot loader and kernel, and their configuration.
        RegisterMap("td-shim", _spread(*_RTMR0, (range(4, 6), "rtmr1"), _OS)),
        # CoCo's attestation agent: as UEFI, and RTMR3 for all numbers that are left.
        RegisterMap(
            "coco",
            _spread(*_RTMR0, (range(2, 7), "rtmr1"), _OS, (range(PCR_COUNT), "rtmr3")),
        ),
    )
}
"""The mappings by name."""
