# SPDX-License-Identifier: Apache-2.0
"""REPORT, 432 bytes: what an enclave gets from its CPU, for enclaves on the same machine.

      0   384  the enclave report body        384  32  key id        416  16  MAC

The CPU's part is EREPORT and EGETKEY: it puts a MAC on the body, with a key that only the enclave
gets for which the report is made, here the quoting enclave. Source: Intel SDM 3D, table 38-21;
the MAC there is AES-CMAC, for which HMAC-SHA-256, cut to 16 bytes, stands in.
"""

from __future__ import annotations

from typing import Final

from troth.crypto.digest import mac_sha256, same
from troth.errors import DriverError
from troth.evidence.intel import EnclaveReport
from troth.evidence.intel.layout import ENCLAVE_REPORT_BYTES, REPORT_DATA_BYTES
from troth.tsm.emulated.sgx.settings import Enclave

__all__ = ["CPU_KEY_BYTES", "REPORT_BYTES", "SgxCpu"]

CPU_KEY_BYTES: Final = 32
REPORT_BYTES: Final = 432
_KEY_ID: Final = bytes(32)
_MAC_BYTES: Final = 16


class SgxCpu:
    """A CPU with its report key. Its repr says nothing of the key."""

    __slots__ = ("cpu_svn", "key")

    def __init__(self, key: bytes, cpu_svn: bytes) -> None:
        """Take a report key (32 bytes) and the CPUSVN (16 bytes)."""
        self.key = key
        self.cpu_svn = cpu_svn

    def report(self, enclave: Enclave, report_data: bytes) -> bytes:
        """Return a REPORT of an enclave for `report_data`, 64 bytes (EREPORT).

        Raises:
            DriverError: `tsm.report-data`, another size.
        """
        if len(report_data) != REPORT_DATA_BYTES:
            raise DriverError("tsm.report-data", f"{len(report_data)} bytes, 64 are due")
        covered = _body(enclave, self.cpu_svn, report_data).build() + _KEY_ID
        return covered + self._mac(covered)

    def check(self, report: bytes) -> EnclaveReport:
        """Return the body of a REPORT that this CPU made.

        Raises:
            DriverError: `tsm.sgx-report`, another size, or its MAC does not hold.
        """
        if len(report) != REPORT_BYTES:
            raise DriverError("tsm.sgx-report", f"{len(report)} bytes, {REPORT_BYTES} are due")
        if not same(self._mac(report[:-_MAC_BYTES]), report[-_MAC_BYTES:]):
            raise DriverError("tsm.sgx-report", "the MAC does not hold")
        return EnclaveReport.parse(report[:ENCLAVE_REPORT_BYTES])

    def _mac(self, covered: bytes) -> bytes:
        return mac_sha256(self.key, covered)[:_MAC_BYTES]


def _body(enclave: Enclave, cpu_svn: bytes, report_data: bytes) -> EnclaveReport:
    return EnclaveReport(
        cpu_svn=cpu_svn,
        misc_select=enclave.misc_select,
        reserved1=bytes(12),
        isv_ext_prod_id=bytes.fromhex(enclave.isv_ext_prod_id),
        attributes=bytes.fromhex(enclave.attributes),
        mr_enclave=bytes.fromhex(enclave.mr_enclave),
        reserved2=bytes(32),
        mr_signer=bytes.fromhex(enclave.mr_signer),
        reserved3=bytes(32),
        config_id=bytes.fromhex(enclave.config_id),
        isv_prod_id=enclave.isv_prod_id,
        isv_svn=enclave.isv_svn,
        config_svn=enclave.config_svn,
        reserved4=bytes(42),
        family_id=bytes.fromhex(enclave.family_id),
        report_data=report_data,
    )
