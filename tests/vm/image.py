# SPDX-License-Identifier: Apache-2.0
"""The root file system of the guest, and the test module; both are built once for their content.

The root is Debian's smallest, with Python, the locked dependencies of trothd, and pytest. What
changes from run to run (our wheel, our tests) comes on a disk of its own, see payload.py.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Final

from tests.vm.debian import SUITE, Kernel, mirror
from tests.vm.places import HERE, ROOT, built, checked, digest, say

__all__ = ["module", "root_image"]

PACKAGES: Final = ("python3", "kmod", "tpm2-tools")
TEST_TOOLS: Final = ("dcap-qvl", "iniconfig", "packaging", "pluggy", "pygments", "pytest")
PYTHON: Final = "3.11"  # Debian 12's
SITE: Final = f"usr/local/lib/python{PYTHON}/dist-packages"
KERNEL_MODULES: Final = (
    "fs/configfs/configfs.ko.xz",
    "drivers/block/virtio_blk.ko.xz",
    "drivers/virt/coco/tsm.ko.xz",
)
IMAGE_BYTES: Final = 1 << 30
FILE_SYSTEM_AT: Final = 1 << 20  # bytes; before it lies the table of partitions
DISK_SIGNATURE: Final = 0x74726F74
"""By it the kernel finds its root, without an initial file system: PARTUUID=74726f74-01."""


def root_image(kernel: Kernel) -> Path:
    """Return the disk with the guest's root file system."""
    requirements = ROOT / "requirements"
    files = [HERE / "image.py", HERE / "guest/init.sh", requirements / "guest.txt"]
    content = digest([kernel.version, *_pins(requirements / "dev.txt")], files)
    folder = built("root", content, lambda new: _build_root(new, kernel))
    return folder / "root.img"


def module(kernel: Kernel) -> Path:
    """Return the test module, built against the kernel's headers."""
    sources = sorted((HERE / "module").iterdir())
    content = digest([kernel.version, checked(["gcc", "--version"])], sources)
    return built("module", content, lambda new: _build_module(new, kernel)) / "troth_tsm_test.ko"


def _build_root(folder: Path, kernel: Kernel) -> None:
    tree = folder / "tree"
    say(f"debootstrap {SUITE} with {', '.join(PACKAGES)}")
    include = f"--include={','.join(PACKAGES)}"
    checked(["debootstrap", "--variant=minbase", include, SUITE, tree, mirror()])
    say("installing the locked dependencies")
    _install_dependencies(folder, tree / SITE)
    for name in KERNEL_MODULES:
        target = tree / "lib/modules" / kernel.release / "kernel" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kernel.modules / name, target)
    shutil.copy(HERE / "guest/init.sh", tree / "sbin/troth-init")
    (tree / "sbin/troth-init").chmod(0o755)
    (tree / "payload").mkdir()
    for leftover in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(tree / leftover)
    say("writing the disk")
    _write_disk(tree, folder / "root.img")
    shutil.rmtree(tree)


def _install_dependencies(folder: Path, target: Path) -> None:
    pins = folder / "pins.txt"
    lock = (ROOT / "requirements/guest.txt").read_text(encoding="utf-8")
    pins.write_text(lock + "\n".join(_pins(ROOT / "requirements/dev.txt")), encoding="utf-8")
    checked(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-q",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            PYTHON,
            "--implementation",
            "cp",
            "--target",
            target,
            "-r",
            pins,
        ]
    )
    pins.unlink()


def _pins(lock: Path) -> list[str]:
    """Return a lock's entries, with their hashes, for the tools that tests in the guest need."""
    entries = re.findall(r"^\S+==(?:.*\\\n)*.*$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    chosen = [entry for entry in entries if entry.split("==")[0] in TEST_TOOLS]
    if len(chosen) != len(TEST_TOOLS):
        raise RuntimeError(f"{lock.name} lacks one of {TEST_TOOLS}")
    return chosen


def _write_disk(tree: Path, disk: Path) -> None:
    """Write a table of one partition, and an ext4 file system in it."""
    with disk.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    blocks = (IMAGE_BYTES - FILE_SYSTEM_AT) // 4096
    checked(
        [
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-b",
            "4096",
            "-d",
            tree,
            "-E",
            f"offset={FILE_SYSTEM_AT}",
            disk,
            blocks,
        ]
    )
    sector = 512
    entry = bytes([0, 0, 0, 0, 0x83, 0, 0, 0])  # 0x83: Linux; addresses by cylinder are not used
    entry += (FILE_SYSTEM_AT // sector).to_bytes(4, "little")
    entry += ((IMAGE_BYTES - FILE_SYSTEM_AT) // sector).to_bytes(4, "little")
    table = DISK_SIGNATURE.to_bytes(4, "little") + bytes(2) + entry + bytes(48) + b"\x55\xaa"
    with disk.open("r+b") as file:
        file.seek(440)  # of a master boot record: signature, then four entries
        file.write(table)


def _build_module(folder: Path, kernel: Kernel) -> None:
    source = folder / "source"
    shutil.copytree(HERE / "module", source)
    checked(["make", "-s", "-C", kernel.headers, f"M={source}", "modules"])
    shutil.move(source / "troth_tsm_test.ko", folder)
    shutil.rmtree(source)
