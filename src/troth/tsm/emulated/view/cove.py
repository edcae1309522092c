# SPDX-License-Identifier: Apache-2.0
"""The software CoVE of a directory behind the view: its tokens, under a name of this project's own.

No kernel has a provider for RISC-V CoVE. What is shown is what one would show that is like the
driver of TDX: the four attributes that every provider has, and an inblob of 64 bytes. Measurement
registers are not shown, since nothing says what their files would be called.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from troth.evidence.cove.labels import CHALLENGE_BYTES
from troth.tsm.driver import COVE
from troth.tsm.emulated.cove import load, opened
from troth.tsm.emulated.view import attributes
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.device import Device
from troth.tsm.emulated.view.provider import Blobs, Kernel, Request
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["CoveProvider", "cove_tree"]


def cove_tree(
    directory: Path, kernel: Kernel, *, latency_s: float = 0.0, fails_with: int | None = None
) -> Tree:
    """Return what a kernel might show of the software CoVE in a directory.

    Args:
        directory: of the software CoVE.
        kernel: whose configfs-tsm is around it.
        latency_s: how long a token takes, at least.
        fails_with: the errno with which every token fails, if it is to fail.

    Raises:
        DriverError: `tsm.state`, there is no usable software CoVE.
    """
    load(directory)
    device = Device(latency_s=latency_s, fails_with=fails_with)
    return Tree(Tsm(kernel, CoveProvider(directory, device)))


class CoveProvider:
    """`cove_guest`, which no kernel has."""

    name: Final = COVE
    attributes: Final = attributes.COVE
    floor: Final = 0

    def __init__(self, directory: Path, device: Device) -> None:
        """Take a directory."""
        self._directory = directory
        self._device = device

    def report(self, request: Request) -> Blobs:
        """Return a token whose challenge is the inblob.

        Raises:
            OSError: EINVAL, a challenge of another size than 64 bytes; EIO, the software CoVE
                cannot be used; the errno that the device is to fail with.
        """
        if len(request.inblob) != CHALLENGE_BYTES:
            raise refusal(errno.EINVAL)
        return self._device.ask(lambda: self._made(request.inblob))

    def _made(self, challenge: bytes) -> Blobs:
        with opened(self._directory) as tee:
            return Blobs(outblob=tee.token(challenge))
