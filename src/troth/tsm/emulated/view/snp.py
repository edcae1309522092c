# SPDX-License-Identifier: Apache-2.0
"""The software SNP of a directory behind the view: its reports, and an SVSM's.

Source: `drivers/virt/coco/sev-guest/sev-guest.c`, `sev_report_new` and `sev_svsm_report_new`. SNP
has no runtime registers, so the kernel shows none.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final
from uuid import UUID

from troth.tsm.driver import SNP
from troth.tsm.emulated.snp import load, opened
from troth.tsm.emulated.snp.firmware import REPORT_DATA_BYTES
from troth.tsm.emulated.view import attributes
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.device import Device
from troth.tsm.emulated.view.provider import Blobs, Kernel, Request
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["SnpProvider", "snp_tree"]

_ALL_SERVICES: Final = bytes(16)


def snp_tree(
    directory: Path, kernel: Kernel, *, latency_s: float = 0.0, fails_with: int | None = None
) -> Tree:
    """Return what a kernel would show of the software SNP in a directory.

    Args:
        directory: of the software SNP.
        kernel: which one.
        latency_s: how long a report takes, at least.
        fails_with: the errno with which every report fails, if it is to fail.

    Raises:
        DriverError: `tsm.state`, there is no usable software SNP.
    """
    device = Device(latency_s=latency_s, fails_with=fails_with)
    return Tree(Tsm(kernel, SnpProvider(directory, device)))


class SnpProvider:
    """`sev_guest`, as its driver in the kernel answers.

    Attributes:
        floor: the guest's privilege level, as the kernel takes it from the key it was given.
        attributes: those of a service as well, where the guest is above level 0.
    """

    name: Final = SNP

    def __init__(self, directory: Path, device: Device | None = None) -> None:
        """Take a directory.

        Raises:
            DriverError: `tsm.state`, there is no usable software SNP.
        """
        self.floor = load(directory).settings.guest.floor
        self.attributes = attributes.SVSM if self.floor else attributes.SNP
        self._directory = directory
        self._device = device or Device()

    def report(self, request: Request) -> Blobs:
        """Return a report, the host's certificate table, and the manifest of a service.

        Raises:
            OSError: EINVAL, report data of another size than 64 bytes, a level below the floor, or
                a service that is not there; EIO, the software SNP cannot be used; the errno that
                the device is to fail with.
        """
        if len(request.inblob) != REPORT_DATA_BYTES:
            raise refusal(errno.EINVAL)
        return self._device.ask(lambda: self._made(request))

    def _made(self, request: Request) -> Blobs:
        guid = request.service_guid
        with opened(self._directory) as tee:
            if request.service_provider is None:
                got = tee.attest(request.inblob, privlevel=request.privlevel)
                return Blobs(outblob=got.report, auxblob=got.certificates)
            got = tee.attest(
                request.inblob,
                service=request.service_provider.decode(errors="replace"),
                guid=None if guid == _ALL_SERVICES else UUID(bytes_le=guid),
                manifest_version=request.service_manifest_version,
            )
        return Blobs(outblob=got.report, auxblob=got.certificates, manifestblob=got.manifest)
