# SPDX-License-Identifier: Apache-2.0
"""The software CCA of a directory behind the view: its tokens.

Source: `drivers/virt/coco/arm-cca-guest/arm-cca-guest.c`. The driver hides no attribute, so that an
entry has all of them: privilege levels and services are taken and come to nothing, auxblob and
manifestblob are empty. Linux has no call that extends a REM and shows no measurement registers of
a realm; `troth emulate cca extend` extends those of the software CCA.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from troth.evidence.cca.layout import CHALLENGE_BYTES
from troth.tsm.driver import CCA
from troth.tsm.emulated.cca import load, opened
from troth.tsm.emulated.view import attributes
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.device import Device
from troth.tsm.emulated.view.provider import Blobs, Kernel, Request
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["CcaProvider", "cca_tree"]

_CHALLENGE_LEAST_BYTES: Final = 32


def cca_tree(
    directory: Path, kernel: Kernel, *, latency_s: float = 0.0, fails_with: int | None = None
) -> Tree:
    """Return what a kernel would show of the software CCA in a directory.

    Args:
        directory: of the software CCA.
        kernel: which one; it must have the driver.
        latency_s: how long a token takes, at least.
        fails_with: the errno with which every token fails, if it is to fail.

    Raises:
        DriverError: `tsm.state`, there is no usable software CCA.
        ValueError: the kernel has no driver for CCA.
    """
    if not kernel.has_cca:
        raise ValueError("this kernel has no arm_cca_guest")
    load(directory)
    device = Device(latency_s=latency_s, fails_with=fails_with, broken=errno.ENXIO)
    return Tree(Tsm(kernel, CcaProvider(directory, device)))


class CcaProvider:
    """`arm_cca_guest`, as its driver in the kernel answers."""

    name: Final = CCA
    attributes: Final = attributes.CCA
    floor: Final = 0

    def __init__(self, directory: Path, device: Device) -> None:
        """Take a directory."""
        self._directory = directory
        self._device = device

    def report(self, request: Request) -> Blobs:
        """Return a token whose challenge is the inblob, zeros behind it.

        Raises:
            OSError: EINVAL, an inblob of fewer than 32 bytes; ENXIO, the software CCA cannot be
                used; the errno that the device is to fail with.
        """
        if len(request.inblob) < _CHALLENGE_LEAST_BYTES:
            raise refusal(errno.EINVAL)
        return self._device.ask(lambda: self._made(request.inblob.ljust(CHALLENGE_BYTES, b"\0")))

    def _made(self, challenge: bytes) -> Blobs:
        with opened(self._directory) as tee:
            return Blobs(outblob=tee.token(challenge))
