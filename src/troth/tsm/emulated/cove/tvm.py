# SPDX-License-Identifier: Apache-2.0
"""The TVM and the TSM that runs it: measurements, extend, claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from troth.crypto.digest import digest_by_name
from troth.errors import DriverError
from troth.evidence.cove import HashName, Measurement, TvmClaims
from troth.evidence.cove.labels import CHALLENGE_BYTES
from troth.tsm.emulated.cove.settings import Tvm

__all__ = ["RunningTvm", "launched"]

_INITIAL: Final = (b"troth emulated TVM pages", b"troth emulated TVM entry point")
_RUNTIME_COUNT: Final = 4


def launched(tvm: Tvm) -> Tvm:
    """Return the settings of a TVM with every register chosen.

    Raises:
        ValueError: a register is not of the hash algorithm's size.
    """
    size = HashName(tvm.algorithm).size
    chosen = tuple(digest_by_name(tvm.algorithm, one).hex() for one in _INITIAL)
    initial = chosen if tvm.initial is None else tvm.initial
    runtime = ("00" * size,) * _RUNTIME_COUNT if tvm.runtime is None else tvm.runtime
    if any(len(one) != 2 * size for one in (*initial, *runtime)):
        raise ValueError(f"a register is not of {tvm.algorithm}")
    return replace(tvm, initial=initial, runtime=runtime)


class RunningTvm:
    """A running TVM. Its runtime registers change by `extend` alone, all else is fixed."""

    def __init__(self, tvm: Tvm, registers: Sequence[bytes]) -> None:
        """Take what was launched, and the values of the runtime registers."""
        self._tvm = tvm
        self._algorithm = HashName(tvm.algorithm)
        self._registers = list(registers)

    @property
    def registers(self) -> tuple[bytes, ...]:
        """The values of the runtime registers, of the TVM's hash algorithm."""
        return tuple(self._registers)

    def extend(self, index: int, digest: bytes) -> None:
        """Set a runtime register to the hash of its value and `digest`.

        See sbi_covg_extend_measurement: the digest is of the registers' algorithm.

        Args:
            index: of the runtime registers, from 0.
            digest: 48 or 64 bytes, as the algorithm has it.

        Raises:
            DriverError: `tsm.register`, another index or size; the register is as it was.
        """
        if not 0 <= index < len(self._registers):
            raise DriverError("tsm.register", f"{index}; there are {len(self._registers)}")
        if len(digest) != self._algorithm.size:
            raise DriverError("tsm.register", f"a digest of {len(digest)} bytes")
        self._registers[index] = digest_by_name(self._algorithm, self._registers[index] + digest)

    def claims(self, challenge: bytes, public_key: bytes) -> TvmClaims:
        """Return what the TSM says of the TVM (sbi_covg_get_evidence).

        Args:
            challenge: 64 bytes of the TVM's choice.
            public_key: the COSE_Key of the TVM's choice.

        Raises:
            DriverError: `tsm.report-data`, another size.
        """
        if len(challenge) != CHALLENGE_BYTES:
            raise DriverError("tsm.report-data", f"{len(challenge)} bytes, 64 are due")
        tvm = self._tvm
        return TvmClaims(
            challenge=challenge,
            public_key=public_key,
            initial=self._numbered([bytes.fromhex(one) for one in tvm.initial or ()]),
            runtime=self._numbered(self._registers),
            identity=None if tvm.identity is None else bytes.fromhex(tvm.identity),
        )

    def _numbered(self, values: Sequence[bytes]) -> tuple[Measurement, ...]:
        return tuple(Measurement(at, one, self._algorithm) for at, one in enumerate(values))
