# SPDX-License-Identifier: Apache-2.0
"""A FUSE view as a process: `python -m tests.tsm.serving POINT SETTINGS`, SETTINGS in JSON.

It prints READY when it can be used, and serves until SIGTERM.
"""

from __future__ import annotations

import errno
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.tsm.standin import Snp
from troth.tsm.driver import SNP
from troth.tsm.emulated.view import (
    KERNELS,
    attributes,
    cca_tree,
    cove_tree,
    serve,
    snp_tree,
    tdx_tree,
)
from troth.tsm.emulated.view.provider import Blobs, Request
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

SOFTWARE: Final[dict[str, Callable[..., Tree]]] = {
    "software-snp": snp_tree,
    "software-cca": cca_tree,
    "software-cove": cove_tree,
}


class Firmware:
    """An SNP firmware, with an SVSM in front of it or without.

    Its manifest says which service was asked, so that a test sees what arrived.
    """

    name = SNP

    def __init__(self, *, svsm: bool) -> None:
        self.attributes = attributes.SVSM if svsm else attributes.SNP
        self.floor = 2 if svsm else 0

    def report(self, request: Request) -> Blobs:
        if len(request.inblob) != 64:
            raise OSError(errno.EINVAL, "inblob")
        if request.service_provider not in {None, b"svsm"}:
            raise OSError(errno.EINVAL, "service_provider")
        firmware = Snp(floor=self.floor, services=bool(request.service_provider))
        written = {"inblob": request.inblob, "privlevel": b"%d" % request.privlevel}
        if request.service_provider:
            written["service_provider"] = request.service_provider
            version = struct.pack("<I", request.service_manifest_version)
            firmware.manifest = request.service_guid + version
        made = firmware.make(written)
        return Blobs(
            outblob=made["outblob"],
            auxblob=made["auxblob"],
            manifestblob=made.get("manifestblob"),
        )


def tree_of(settings: dict[str, Any]) -> Tree:
    kernel = KERNELS[settings["kernel"]]
    if settings["provider"] == "tdx":
        fails_with = settings["fails_with"]
        return tdx_tree(
            Path(settings["tee"]),
            kernel,
            latency_s=settings["latency_s"],
            fails_with=getattr(errno, fails_with) if fails_with else None,
        )
    if settings["provider"] in SOFTWARE:
        return SOFTWARE[settings["provider"]](Path(settings["tee"]), kernel)
    firmware = Firmware(svsm=settings["provider"] == "svsm")
    return Tree(Tsm(kernel, firmware), registers=None, firmware={})


def main(point: str, text: str) -> None:
    settings = json.loads(text)

    def ready() -> None:
        sys.stdout.write("READY\n")
        sys.stdout.flush()

    serve(tree_of(settings), Path(point), ready=ready, everybody=settings["everybody"])


if __name__ == "__main__":
    main(*sys.argv[1:])
