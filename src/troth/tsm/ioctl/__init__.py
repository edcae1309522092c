# SPDX-License-Identifier: Apache-2.0
"""Drivers over the guest devices of TDX and SNP, for kernels without configfs-tsm.

TdxIoctlDriver(CharacterDevice(Path("/dev/tdx_guest")), UnixAddress(path))
SnpIoctlDriver(CharacterDevice(Path("/dev/sev-guest")), TokenBucket(...))
"""

from troth.tsm.ioctl.device import CharacterDevice, Device
from troth.tsm.ioctl.qgs import UnixAddress, VsockAddress
from troth.tsm.ioctl.snp import SnpIoctlDriver
from troth.tsm.ioctl.tdx import TdxIoctlDriver

__all__ = [
    "CharacterDevice",
    "Device",
    "SnpIoctlDriver",
    "TdxIoctlDriver",
    "UnixAddress",
    "VsockAddress",
]
