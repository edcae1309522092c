# SPDX-License-Identifier: Apache-2.0
"""Bundles over the software TEEs that are not TDX, each with at most one fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from tests.bundles import AT, Machine, image_of
from tests.snp import world
from troth.endorse.arm import parse_cpak_store
from troth.endorse.riscv import parse_roots
from troth.evidence.binding import Epoch, Service, TsmReport
from troth.evidence.snp import SnpReport
from troth.policy.kinds import KINDS
from troth.tsm.emulated.cca import Settings as CcaSettings
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import Settings as CoveSettings
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.snp.settings import Service as SvsmService
from troth.verify import Anchors
from troth.verify.bundle import BundleTee
from troth.verify.endorsements import Endorsements

_CHALLENGE: Final = bytes(64)


class Cca(Machine):
    """A realm. `tee` is a SoftwareCca."""

    tee: Any
    kind: ClassVar[BundleTee] = "cca"
    register = "rem3"
    before = f'"{"00" * 64}"'

    @classmethod
    def of(cls, settings: Any = None, **values: Any) -> Cca:
        tee: Any = SoftwareCca.create(settings or CcaSettings(), at=AT)
        return cls(tee, **values)

    def report(self, epoch: Epoch, **changes: Any) -> TsmReport:
        outblob = self.evidence(changes.pop("report_data", epoch.report_data))
        return TsmReport(**({"provider": self.kind, "outblob": outblob} | changes))

    def evidence(self, data: bytes, **changes: Any) -> bytes:
        """Return a report over 64 bytes."""
        token: bytes = self.tee.token(data, **changes)
        return token

    @property
    def anchors(self) -> Anchors:
        return Anchors(())

    @property
    def collateral(self) -> tuple[Any, ...]:
        return ()

    @property
    def endorsements(self) -> Endorsements:
        return Endorsements(cpaks=parse_cpak_store(self.tee.store()))

    def section(self) -> str:
        text = KINDS[self.kind].template(self.evidence(_CHALLENGE), "test")
        found = [one for one in text.splitlines() if one.startswith(f"{self.register} = ")]
        return text.replace(found[0], f'{self.register} = "any"') if found else text

    def image(self) -> str:
        realm = self.tee.settings.realm
        values = (realm.rim, *realm.rems[:3])
        names = ("rim", "rem0", "rem1", "rem2")
        return image_of(dict(zip(names, map(bytes.fromhex, values), strict=True)))

    def files(self, folder: Path) -> tuple[str, ...]:
        """Write what vouches for it; return the options of `troth verify` that say so."""
        (folder / "cpak.json").write_bytes(self.tee.store())
        return ("--cpak", "cpak.json")


class Cove(Cca):
    """A TVM. `tee` is a SoftwareCove."""

    kind = "cove"
    register = "runtime3"
    before = f'"{"00" * 48}"'

    @classmethod
    def of(cls, settings: Any = None, **values: Any) -> Cove:
        tee: Any = SoftwareCove.create(settings or CoveSettings(), at=AT)
        return cls(tee, **values)

    @property
    def endorsements(self) -> Endorsements:
        return Endorsements(cove_roots=parse_roots(self.tee.roots()))

    def section(self) -> str:
        text = KINDS[self.kind].template(self.evidence(_CHALLENGE), "test")
        lines = ['runtime = "any"' if x.startswith("runtime = ") else x for x in text.splitlines()]
        return "\n".join(lines) + "\n"

    def image(self) -> str:
        tvm = self.tee.settings.tvm
        values = {f"initial{at}": one for at, one in enumerate(tvm.initial)}
        values |= {f"runtime{at}": one for at, one in enumerate(tvm.runtime[:3])}
        return image_of({name: bytes.fromhex(one) for name, one in values.items()})

    def files(self, folder: Path) -> tuple[str, ...]:
        (folder / "roots.json").write_bytes(self.tee.roots())
        return ("--root", "roots.json")


class Snp(Cca):
    """A guest. `tee` is a SoftwareSnp; no register holds its root."""

    kind = "snp"
    register = "none"
    before = ""

    @classmethod
    def of(cls, settings: Any = None, **values: Any) -> Snp:
        tee: Any = world.snp(settings or world.settings_of())
        return cls(tee, **values)

    @classmethod
    def changed(cls, change: Callable[[SnpReport], SnpReport]) -> Snp:
        """Return a machine whose firmware reports other fields."""
        made = cls.of()
        made.change = change
        return made

    change: Callable[[SnpReport], SnpReport] | None = None

    def root_step(self) -> None:
        pass

    def evidence(self, data: bytes, **changes: Any) -> bytes:
        if self.change is not None:
            changes["change"] = self.change
        report: bytes = self.tee.report(data, **changes)
        return report

    def report(self, epoch: Epoch, **changes: Any) -> TsmReport:
        if not self.tee.settings.services:
            return super().report(epoch, **changes)
        made = self.tee.attest(epoch.report_data, service="svsm")
        values = {
            "provider": "sev_guest",
            "outblob": made.report,
            "service": Service(provider="svsm", manifest=made.manifest),
        }
        return TsmReport(**(values | changes))

    @property
    def anchors(self) -> Anchors:
        return world.anchors(self.tee.pki.certificates["ark"])

    @property
    def endorsements(self) -> Endorsements:
        return Endorsements(snp=(self.tee.collateral(),))

    def section(self) -> str:
        return KINDS["snp"].template(self.tee.report(_CHALLENGE), "test")

    def image(self) -> str:
        return image_of({"measurement": bytes.fromhex(self.tee.settings.guest.measurement)})

    def files(self, folder: Path) -> tuple[str, ...]:
        (folder / "root.pem").write_bytes(self.tee.root_pem)
        (folder / "bundle.json").write_bytes(self.tee.bundle())
        return ("--root", "root.pem", "--collateral", "bundle.json")


def svsm() -> Snp:
    """Return a guest under an SVSM with one service."""
    return Snp.of(replace(world.settings_of(), services=(SvsmService(),)))


_MAKERS: Final[Mapping[BundleTee, Callable[[], Machine]]] = {
    "tdx": Machine.boot,
    "snp": Snp.of,
    "cca": Cca.of,
    "cove": Cove.of,
}


@cache
def machine_of(kind: BundleTee) -> Any:
    """Return the sound machine of a kind, made once."""
    return _MAKERS[kind]()


def fresh_machine(kind: BundleTee) -> Any:
    """Return a machine of a kind for one test."""
    return _MAKERS[kind]()
