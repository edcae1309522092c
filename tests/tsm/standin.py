# SPDX-License-Identifier: Apache-2.0
"""The kernel's side of the drivers' file operations, in memory, with faults on request.

    files = ConfigfsFiles(Tdx())                  files = SysfsFiles(Tdx())
    files.fail("read", "outblob", errno.EBUSY)    # the next such call; each call uses one up
    files.before("read", "outblob", act)          # what somebody else does just before it

What is in it is what the drivers rely on: a commit at close, one report for each commit, a count.
The kernel's finer points are the FUSE view's and the kernel's own; see the contract suite.
"""

from __future__ import annotations

import errno
import os
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha512
from pathlib import Path
from typing import Any, Final, Protocol

from troth.crypto.digest import sha384
from troth.tsm.driver import SNP, TDX
from troth.tsm.emulated.tdx import SoftwareTdx

# Not from tests.tdx: the contract suite also runs in a guest, without the peer that is there.
AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
SYSFS: Final = Path("/a/stand-in")
REPORTS: Final = SYSFS / "kernel/config/tsm/report"
STATE: Final = SYSFS / "class/tsm/tsm0"
REGISTERS: Final = SYSFS / "class/misc/tdx_guest/measurements"
BASE: Final = frozenset({"generation", "provider", "inblob", "outblob"})
LEVELS: Final = frozenset({"privlevel", "privlevel_floor", "auxblob"})
SERVICES: Final = frozenset(
    {"service_provider", "service_guid", "service_manifest_version", "manifestblob"}
)
NAME_MAX: Final = 255


class Blobs(dict[str, bytes]):
    """What a provider made, by attribute."""


class Provider(Protocol):
    name: str
    attributes: frozenset[str]
    floor: int

    def make(self, written: dict[str, bytes]) -> Blobs: ...


class Tdx:
    """A software TDX; its quotes are real but for their root."""

    name = TDX
    attributes = BASE
    floor = 0

    def __init__(self) -> None:
        self._tee = SoftwareTdx.create(at=AT)
        self.registers = list(self._tee.registers())
        self.changes: Callable[[bytes], bytes] = lambda quote: quote

    def make(self, written: dict[str, bytes]) -> Blobs:
        one = self._tee
        tee = SoftwareTdx(one.settings, AT, one.pki, one.secret, registers=tuple(self.registers))
        return Blobs(outblob=self.changes(tee.quote(written["inblob"])))


class Snp:
    """A firmware that says what it was asked, under an SVSM if `services` are there."""

    name = SNP

    def __init__(self, *, floor: int = 0, services: bool = False) -> None:
        self.attributes = BASE | LEVELS | (SERVICES if services else frozenset())
        self.floor = floor
        self.aux = b"certificates"
        self.manifest = b"a manifest"
        self.signed_manifest: bytes | None = None
        self.tail = b""

    def make(self, written: dict[str, bytes]) -> Blobs:
        blobs = Blobs(auxblob=self.aux)
        data = written["inblob"]
        if "service_provider" in written:
            blobs["manifestblob"] = self.manifest
            signed = self.manifest if self.signed_manifest is None else self.signed_manifest
            data = sha512(data + signed).digest()
        level = int(written.get("privlevel", b"0"))
        if level < self.floor:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        blobs["outblob"] = snp_report(data, level) + self.tail
        return blobs


def snp_report(report_data: bytes, vmpl: int = 0) -> bytes:
    """Return a report of version 2 that nobody signed (AMD 56860, ATTESTATION_REPORT)."""
    report = bytearray(0x4A0)
    struct.pack_into("<I4xQ", report, 0, 2, 1 << 17)
    struct.pack_into("<II", report, 0x030, vmpl, 1)
    report[0x050:0x090] = report_data
    return bytes(report)


class Faulty:
    """The part that is common: faults, what others do meanwhile, and a record of all calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self._faults: dict[tuple[str, str], list[BaseException | int | None]] = defaultdict(list)
        self._before: dict[tuple[str, str], list[Callable[[], Any]]] = defaultdict(list)

    def fail(self, operation: str, name: str, *numbers: BaseException | int | None) -> None:
        """Let the next calls fail: an errno, another exception, None for not this time."""
        self._faults[operation, name] += numbers

    def heal(self) -> None:
        """Let no call fail any more."""
        self._faults.clear()

    def before(self, operation: str, name: str, act: Callable[[], Any]) -> None:
        """Do something just before the next call."""
        self._before[operation, name].append(act)

    def count(self, operation: str, name: str) -> int:
        return self.calls.count((operation, name))

    def enter(self, operation: str, path: Path, name: str = "") -> None:
        key = operation, name or path.name
        self.calls.append(key)
        if self._before[key]:
            self._before[key].pop(0)()
        fault = self._faults[key].pop(0) if self._faults[key] else None
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None:
            refuse(fault)


def refuse(number: int) -> None:
    raise OSError(number, os.strerror(number))


@dataclass
class Item:
    attributes: frozenset[str]
    mode: int = 0o755
    generation: int = 0
    read_generation: int = -1
    written: dict[str, bytes] = field(default_factory=dict)
    blobs: Blobs = field(default_factory=Blobs)

    def commit(self, name: str, data: bytes) -> None:
        self.written[name] = data
        self.generation += 1


class ConfigfsFiles(Faulty):
    """configfs-tsm and tsm-mr as `troth.tsm.raw.Files`."""

    def __init__(self, provider: Provider | None, *, registers: list[bytes] | None = None) -> None:
        super().__init__()
        self.provider = provider
        self.items: dict[str, Item] = {}
        self.registers = registers
        self.reports_made = 0

    def make(self, path: Path) -> None:
        self.enter("make", path, "entry")
        if self.provider is None:
            refuse(errno.ENXIO)
        if len(path.name) > NAME_MAX:
            refuse(errno.ENAMETOOLONG)
        if path.parent != REPORTS or path.name in self.items:
            refuse(errno.EEXIST)
        assert self.provider is not None
        self.items[path.name] = Item(self.provider.attributes)

    def restrict(self, path: Path) -> None:
        self.enter("restrict", path, "entry")
        self._item(path).mode = 0o700

    def remove(self, path: Path) -> None:
        self.enter("remove", path, "entry")
        self._item(path)
        del self.items[path.name]

    def names(self, path: Path) -> frozenset[str]:
        self.enter("names", path, "entry" if path.parent == REPORTS else "")
        if path == REPORTS:
            return frozenset(self.items)
        if path == REGISTERS and self.registers is not None:
            return frozenset(f"rtmr{index}:sha384" for index in range(4))
        return self._item(path).attributes

    def read(self, path: Path, most: int) -> bytes:
        self.enter("read", path)
        if path.parent == REGISTERS:
            return self._register(path)[1][:most]
        item = self._item(path.parent)
        if path.name not in item.attributes:
            refuse(errno.ENOENT)
        if path.name == "generation":
            return b"%d\n" % item.generation
        if self.provider is None:
            refuse(errno.ENXIO)
        assert self.provider is not None
        if path.name == "provider":
            return self.provider.name.encode() + b"\n"
        if path.name == "privlevel_floor":
            return b"%d\n" % self.provider.floor
        if not item.written.get("inblob"):
            refuse(errno.EINVAL)
        if item.read_generation != item.generation:
            item.blobs = Blobs()
            item.blobs = self.provider.make(item.written)
            item.read_generation = item.generation
            self.reports_made += 1
        return item.blobs.get(path.name, b"")[:most]

    def write(self, path: Path, data: bytes) -> int:
        self.enter("write", path)
        if path.parent == REGISTERS:
            index, value = self._register(path)
            assert self.registers is not None
            self.registers[index] = sha384(value + data)
            return len(data)
        self._item(path.parent).commit(path.name, data)
        return len(data)

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        self.enter("lock", path)
        yield

    def _item(self, path: Path) -> Item:
        item = self.items.get(path.name) if path.parent == REPORTS else None
        if item is None:
            refuse(errno.ENOENT)
        assert item is not None
        return item

    def _register(self, path: Path) -> tuple[int, bytes]:
        names = [f"rtmr{index}:sha384" for index in range(4)]
        if self.registers is None or path.name not in names:
            refuse(errno.ENOENT)
        assert self.registers is not None
        index = names.index(path.name)
        return index, self.registers[index]


class SysfsFiles(ConfigfsFiles):
    """The one state of the v2 series: a value that does not change does not count."""

    def __init__(self, provider: Provider, *, extra: bool = False) -> None:
        super().__init__(provider)
        self.values = {"inhex": b"\n"}
        if extra:
            self.values |= {"privlevel": b"0\n", "format": b"default\n"}
        self.generation = 0
        self.is_locked = False
        self.prefix = b""

    def names(self, path: Path) -> frozenset[str]:
        if path != STATE:
            return super().names(path)
        self.enter("names", path)
        return frozenset(self.values) | {"outblob", "generation"}

    def read(self, path: Path, most: int) -> bytes:
        if path.parent != STATE:
            return super().read(path, most)
        self.enter("read", path)
        if path.name == "generation":
            return b"%d\n" % self.generation
        if path.name != "outblob":
            return self.values[path.name]
        assert self.provider is not None
        data = bytes.fromhex(self.values["inhex"].decode())
        if not data:
            refuse(errno.EINVAL)
        written = {"inblob": data}
        if "privlevel" in self.values:
            written["privlevel"] = self.values["privlevel"].strip()
        blobs = self.provider.make(written)
        is_extended = self.values.get("format") == b"extended\n"
        return self.prefix + blobs["outblob"] + (blobs["auxblob"] if is_extended else b"")

    def write(self, path: Path, data: bytes) -> int:
        if path.parent != STATE:
            return super().write(path, data)
        self.enter("write", path)
        self.put(path.name, data)
        return len(data)

    def put(self, name: str, data: bytes) -> None:
        self.generation += self.values[name] != data
        self.values[name] = data

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        self.enter("lock", path)
        assert not self.is_locked
        self.is_locked = True
        try:
            yield
        finally:
            self.is_locked = False


class FakeClock:
    """Time that passes when somebody sleeps, and never else."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
