# SPDX-License-Identifier: Apache-2.0
"""One boot: QEMU without hardware support, a console that is kept, results that are taken off."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.vm import tpm
from tests.vm.places import say

__all__ = ["Boot", "firmware", "logs", "missing", "run"]

QEMU: Final = "qemu-system-x86_64"
QEMU_FLOOR: Final = 10  # 7.2 corrupts these guests
RESULTS_BYTES: Final = 256 << 20
WORDS: Final = (
    "console=ttyS0",
    "root=PARTUUID=74726f74-01",  # as image.py writes it
    "rw",
    "init=/sbin/troth-init",
    "nohibernate",  # or trothd does not start (BINDING 4.11)
    "panic=-1",
    "quiet",
)
TAIL_BYTES: Final = 6000
BINARY: Final = frozenset({"firmware.log"})  # an event log, as measured.sh names it
FIRMWARE: Final = Path("/usr/share/OVMF")
TOOLS: Final = ("debootstrap", "mke2fs", "make", "gcc", "apt-get", "dpkg-deb", *tpm.TOOLS)


def missing() -> str | None:
    """Say why no machine can be run here, or None."""
    if os.geteuid():
        return "root is needed, to build the guest's root"
    if shutil.which(QEMU) is None:
        return f"{QEMU} is missing: make system-deps-vm"
    told = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)", told)
    if found is None or int(found[1]) < QEMU_FLOOR:
        return f"QEMU {QEMU_FLOOR} is needed, this is {told.splitlines()[0]}: make system-deps-vm"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not (FIRMWARE / "OVMF_CODE_4M.fd").is_file():
        absent.append("ovmf")
    return f"missing: {', '.join(absent)}: make system-deps-vm" if absent else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What is booted.

    Attributes:
        kernel: the image.
        root: the root disk, which is not changed.
        payload: the disk with the job.
        words: further words of the command line.
        devices: further arguments of QEMU.
    """

    kernel: Path
    root: Path
    payload: Path
    words: str = ""
    devices: Sequence[str] = field(default_factory=tuple)


def run(boot: Boot, scratch: Path, *, deadline_s: float) -> Path:
    """Boot, wait for the end, and return the folder of results.

    Raises:
        RuntimeError: the guest hung, broke off or its job failed; with the console's tail, and
            those of the job's logs if it left any.
    """
    disk, console, results = scratch / "results.img", scratch / "console", scratch / "results"
    with disk.open("wb") as file:
        file.truncate(RESULTS_BYTES)
    say(f"booting {boot.kernel.name}")
    with console.open("wb") as log:
        process = subprocess.Popen(
            _command(boot, disk), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            status = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the guest hung for {deadline_s} s{_tail(console)}") from None
        finally:
            process.kill()
            process.wait()
    if status:
        raise RuntimeError(f"QEMU ended with {status}{_tail(console)}")
    results.mkdir()
    try:
        with tarfile.open(disk) as archive:
            archive.extractall(results, filter="data")
        ended = (results / "status").read_text(encoding="ascii").strip()
    except (tarfile.TarError, FileNotFoundError) as error:
        raise RuntimeError(f"the guest left no results ({error}){_tail(console)}") from None
    if ended != "0":
        raise RuntimeError(f"the job ended with status {ended}{_tail(console)}{logs(results)}")
    return results


def logs(results: Path) -> str:
    """Return the tails of what a job's programs logged, each under its file's name."""
    return "".join(
        f"\n--- {log.name}, its end:\n{_end(log)}"
        for log in sorted(results.glob("*.log"))
        if log.name not in BINARY
    )


def firmware(scratch: Path) -> Sequence[str]:
    """Return QEMU's arguments for UEFI firmware, which measures what it starts."""
    variables = scratch / "OVMF_VARS.fd"
    shutil.copy(FIRMWARE / "OVMF_VARS_4M.fd", variables)
    return (
        "-drive",
        f"if=pflash,format=raw,readonly=on,file={FIRMWARE / 'OVMF_CODE_4M.fd'}",
        "-drive",
        f"if=pflash,format=raw,file={variables}",
    )


def _command(boot: Boot, results: Path) -> list[str]:
    options = (
        "-machine q35",
        "-accel tcg",
        "-cpu max",
        "-smp 2",
        "-m 2048",
        "-nodefaults",
        "-no-reboot",
        "-display none",
        "-serial stdio",
        f"-kernel {boot.kernel}",
        f"-append {' '.join([*WORDS, boot.words])}",
        f"-drive file={boot.root},format=raw,if=none,id=root,snapshot=on",
        "-device nvme,drive=root,serial=root",
        f"-drive file={boot.payload},format=raw,if=none,id=payload,readonly=on",
        "-device virtio-blk-pci,drive=payload,serial=payload",
        f"-drive file={results},format=raw,if=none,id=results",
        "-device virtio-blk-pci,drive=results,serial=results",
    )
    words = [word for option in options for word in option.split(" ", 1)]
    return [QEMU, *words, *boot.devices]


def _tail(console: Path) -> str:
    return f"; the console's end:\n{_end(console)}"


def _end(file: Path) -> str:
    return file.read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")
