# SPDX-License-Identifier: Apache-2.0
"""Debian's own kernel and packages, taken from where this machine takes its Debian from.

Nothing is installed here: packages are fetched and unpacked. No mirror's address is written down;
apt is asked for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.vm.places import HERE, built, checked, digest

__all__ = ["SUITE", "Kernel", "kernel", "mirror"]

SUITE: Final = "bookworm"
IMAGE: Final = "linux-image-6.12-cloud-amd64"
HEADERS: Final = "linux-headers-6.12-cloud-amd64"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that was unpacked.

    Attributes:
        release: as `uname -r` says it.
        version: the package's.
        root: where its packages were unpacked.
    """

    release: str
    version: str
    root: Path

    @property
    def image(self) -> Path:
        """The bootable image."""
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        """The folder of modules."""
        return self.root / "lib/modules" / self.release / "kernel"

    @property
    def headers(self) -> Path:
        """What modules are built against."""
        return self.root / "usr/src" / f"linux-headers-{self.release}"


def mirror() -> str:
    """Return the address from which apt takes the suite.

    Raises:
        RuntimeError: this machine has no such source.
    """
    told = checked(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    )
    for line in told.splitlines():
        address, _, suite = line.partition(" ")
        if suite == SUITE:
            return address
    raise RuntimeError(f"apt has no source for {SUITE} on this machine")


@cache
def kernel() -> Kernel:
    """Fetch and unpack the kernel and what modules need, once for each of its versions."""
    image = _depends(IMAGE, r"linux-image-.*")
    headers = _depends(HEADERS, r"linux-headers-.*")
    release = image.removeprefix("linux-image-")
    packages = [
        image,
        headers,
        _depends(headers, r"linux-headers-.*-common"),
        _depends(headers, r"linux-kbuild-.*"),
    ]
    version = _field(image, "Version")
    content = digest([release, version], [HERE / "debian.py"])
    root = built("kernel", content, lambda folder: _unpack(folder, packages, release))
    return Kernel(release, version, root)


def _unpack(folder: Path, packages: list[str], release: str) -> None:
    downloads = folder / "downloads"
    downloads.mkdir()
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages]
    try:
        checked(command, cwd=downloads)
    except RuntimeError:  # the lists may name a version that the mirror replaced
        checked(["apt-get", "update", "-qq"])
        checked(command, cwd=downloads)
    for package in downloads.iterdir():
        checked(["dpkg-deb", "-x", package, folder])
        package.unlink()
    downloads.rmdir()
    headers = folder / "usr/src" / f"linux-headers-{release}"
    (headers / "vmlinux").unlink()  # with it, type information would be made for modules
    top = headers / "Makefile"  # names the common headers where an install would have put them
    common = re.sub(
        r"^include /usr/src/", "include $(dir $(lastword $(MAKEFILE_LIST)))/../", _text(top)
    )
    top.write_text(common, encoding="ascii")


def _depends(package: str, pattern: str) -> str:
    """Return the one package matching `pattern` on which another depends."""
    told = checked(["apt-cache", "depends", "--no-recommends", "--no-suggests", package])
    found = re.findall(rf"^ *\|?Depends: ({pattern})$", told, re.MULTILINE)
    names: list[str] = [name for name in found if not name.endswith("-unsigned")]
    if not names:
        raise RuntimeError(f"{package} depends on nothing like {pattern}; is apt's list fresh?")
    return names[0]


def _field(package: str, field: str) -> str:
    told = checked(["apt-cache", "show", "--no-all-versions", package])
    found = re.search(rf"^{field}: (.*)$", told, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{package} has no {field}")
    return str(found[1])


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii")
