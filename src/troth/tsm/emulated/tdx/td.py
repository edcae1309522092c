# SPDX-License-Identifier: Apache-2.0
"""The TD and the module that runs it: registers, extend, TDREPORT."""

from __future__ import annotations

from collections.abc import Sequence

from troth.crypto.digest import sha384
from troth.errors import DriverError
from troth.evidence.tdx.layout import MEASUREMENT_BYTES, REPORT_DATA_BYTES, RTMR_COUNT
from troth.tsm.emulated.tdx.cpu import Cpu
from troth.tsm.emulated.tdx.settings import Module, Td
from troth.tsm.emulated.tdx.tdreport import (
    VALID_1_0,
    VALID_1_5,
    VERSION_1_0,
    VERSION_1_5,
    TdInfo,
    TeeTcbInfo,
)

__all__ = ["TrustDomain"]


class TrustDomain:
    """A running TD. Its registers change by `extend` alone, all else is fixed at launch."""

    def __init__(self, td: Td, module: Module, cpu: Cpu, registers: Sequence[bytes]) -> None:
        """Take what was launched, on what, and the registers' values."""
        self._td = td
        self._module = module
        self._cpu = cpu
        self._registers = list(registers)

    @property
    def registers(self) -> tuple[bytes, ...]:
        """The values of RTMR0 to RTMR3, 48 bytes each."""
        return tuple(self._registers)

    def extend(self, index: int, digest: bytes) -> None:
        """Set RTMR `index` to SHA-384(its value ‖ `digest`) (TDG.MR.RTMR.EXTEND).

        Args:
            index: 0 to 3.
            digest: 48 bytes.

        Raises:
            DriverError: `tsm.register`, another index or size; the register is as it was.
        """
        if not 0 <= index < RTMR_COUNT:
            raise DriverError("tsm.register", f"RTMR{index}; there are RTMR0 to RTMR3")
        if len(digest) != MEASUREMENT_BYTES:
            raise DriverError("tsm.register", f"a digest of {len(digest)} bytes, 48 are due")
        self._registers[index] = sha384(self._registers[index] + digest)

    def report(self, report_data: bytes) -> bytes:
        """Return a TDREPORT for `report_data`, 64 bytes (TDG.MR.REPORT).

        Raises:
            DriverError: `tsm.report-data`, another size.
        """
        if len(report_data) != REPORT_DATA_BYTES:
            raise DriverError("tsm.report-data", f"{len(report_data)} bytes, 64 are due")
        is_1_5 = self._module.version == "1.5"
        return self._cpu.report(
            VERSION_1_5 if is_1_5 else VERSION_1_0,
            report_data,
            self._tcb_info(is_1_5=is_1_5),
            self._td_info(is_1_5=is_1_5),
        )

    def _tcb_info(self, *, is_1_5: bool) -> TeeTcbInfo:
        module = self._module
        return TeeTcbInfo(
            valid=VALID_1_5 if is_1_5 else VALID_1_0,
            tee_tcb_svn=bytes.fromhex(module.tee_tcb_svn),
            mr_seam=bytes.fromhex(module.mr_seam),
            mr_signer_seam=bytes.fromhex(module.mr_signer_seam),
            seam_attributes=bytes.fromhex(module.seam_attributes),
            tee_tcb_svn2=bytes.fromhex(module.tee_tcb_svn2) if is_1_5 else bytes(16),
        )

    def _td_info(self, *, is_1_5: bool) -> TdInfo:
        td = self._td
        rtmr0, rtmr1, rtmr2, rtmr3 = self._registers
        return TdInfo(
            attributes=bytes.fromhex(td.attributes),
            xfam=bytes.fromhex(td.xfam),
            mr_td=bytes.fromhex(td.mr_td),
            mr_config_id=bytes.fromhex(td.mr_config_id),
            mr_owner=bytes.fromhex(td.mr_owner),
            mr_owner_config=bytes.fromhex(td.mr_owner_config),
            rtmr0=rtmr0,
            rtmr1=rtmr1,
            rtmr2=rtmr2,
            rtmr3=rtmr3,
            mr_service_td=bytes.fromhex(td.mr_service_td) if is_1_5 else bytes(48),
        )
