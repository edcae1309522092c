# SPDX-License-Identifier: Apache-2.0
"""The CPU's part: it puts a MAC on a TDREPORT and checks one, with a key that never leaves it.

On hardware these are SEAMREPORT, which the module uses, and EVERIFYREPORT2, which the quoting
enclave does (Intel SDM volume 3). The MAC algorithm is not documented; HMAC-SHA-256 stands in.
"""

from __future__ import annotations

from typing import Final

import msgspec

from troth.crypto.digest import mac_sha256, same, sha384
from troth.errors import DriverError
from troth.tsm.emulated.tdx.tdreport import (
    MAC_COVERS,
    TD_INFO,
    TEE_TCB_INFO,
    TdInfo,
    TdReport,
    TeeTcbInfo,
)

__all__ = ["CPU_KEY_BYTES", "Cpu"]

CPU_KEY_BYTES: Final = 32


class Cpu:
    """A CPU with its report key. Its repr says nothing of the key."""

    __slots__ = ("cpu_svn", "key")

    def __init__(self, key: bytes, cpu_svn: bytes) -> None:
        """Take a report key (32 bytes) and the CPUSVN (16 bytes)."""
        self.key = key
        self.cpu_svn = cpu_svn

    def report(
        self, version: int, report_data: bytes, tcb_info: TeeTcbInfo, td_info: TdInfo
    ) -> bytes:
        """Return a TDREPORT over these parts, with digests and MAC."""
        unsealed = TdReport(
            version=version,
            cpu_svn=self.cpu_svn,
            tcb_info_digest=sha384(tcb_info.build()),
            td_info_digest=sha384(td_info.build()),
            report_data=report_data,
            mac=bytes(32),
            tcb_info=tcb_info,
            td_info=td_info,
        )
        mac = mac_sha256(self.key, unsealed.build()[MAC_COVERS])
        return msgspec.structs.replace(unsealed, mac=mac).build()

    def check(self, report: bytes) -> TdReport:
        """Return the parts of a TDREPORT that this CPU made.

        Raises:
            DriverError: `tsm.tdreport`, its MAC or one of its digests does not hold.
        """
        parts = TdReport.parse(report)
        if not same(mac_sha256(self.key, report[MAC_COVERS]), parts.mac):
            raise DriverError("tsm.tdreport", "the MAC does not hold")
        if not same(sha384(report[TEE_TCB_INFO]), parts.tcb_info_digest):
            raise DriverError("tsm.tdreport", "the digest of TEE_TCB_INFO does not hold")
        if not same(sha384(report[TD_INFO]), parts.td_info_digest):
            raise DriverError("tsm.tdreport", "the digest of TDINFO does not hold")
        return parts
