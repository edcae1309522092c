# SPDX-License-Identifier: Apache-2.0
"""The software SNP, CCA and CoVE as providers of the model: what the kernel's drivers answer."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from tests.view.errnos import refused_with
from tests.view.models import NONCE, OTHER, Files
from troth.endorse.amd import parse_table
from troth.errors import DriverError
from troth.evidence.cca import CcaToken
from troth.evidence.cove import CoveToken
from troth.evidence.snp import SnpReport
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated import cca, snp
from troth.tsm.emulated.snp.svsm import bound_report_data, services_manifest
from troth.tsm.emulated.view import (
    KERNELS,
    Tree,
    cca_tree,
    cove_tree,
    snp_tree,
    tdx_tree,
)
from troth.tsm.emulated.view.attributes import ATTRIBUTES
from troth.tsm.emulated.view.device import Device

NEW: Final = KERNELS["7.3"]
OLD: Final = KERNELS["6.12"]
FOUR: Final = {"generation", "provider", "inblob", "outblob"}
LEVELS: Final = {"privlevel", "privlevel_floor", "auxblob"}
SERVICES: Final = {"service_provider", "service_guid", "service_manifest_version", "manifestblob"}
VTPM: Final = UUID("c476f1eb-0123-45a5-9641-b4e7dde5bfe3")


@dataclass(frozen=True)
class Kind:
    """What is expected of a kind.

    Attributes:
        tree: what shows it.
        provider: its name.
        shown: its attributes.
        sizes: of inblobs that it takes.
        data: what a report says that it is for.
        broken: the errno of a TEE that is gone.
    """

    tree: Callable[..., Tree]
    provider: str
    shown: set[str]
    sizes: range
    data: Callable[[bytes], bytes]
    broken: int = errno.EIO


KINDS: Final = {
    "tdx": Kind(
        tdx_tree,
        "tdx_guest",
        FOUR,
        range(64, 65),
        lambda out: TdxQuote.parse(out).body.report_data,
    ),
    "snp": Kind(
        snp_tree,
        "sev_guest",
        FOUR | LEVELS,
        range(64, 65),
        lambda out: SnpReport.parse(out).report_data,
    ),
    "cca": Kind(
        cca_tree,
        "arm_cca_guest",
        FOUR | LEVELS | SERVICES,
        range(32, 65),
        lambda out: CcaToken.parse(out).realm.challenge,
        errno.ENXIO,
    ),
    "cove": Kind(
        cove_tree,
        "cove_guest",
        FOUR,
        range(64, 65),
        lambda out: CoveToken.parse(out).tvm.challenge,
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def files(tees: Path, kind: str, **troubles: float) -> Files:
    return Files(KINDS[kind].tree(tees / kind, NEW, **troubles))


def svsm(tees: Path) -> tuple[Files, str]:
    """Return the files of a guest under an SVSM, and an entry that asks for its service."""
    model = Files(snp_tree(tees / "svsm", NEW))
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE)
    model.write(f"{entry}/service_provider", b"svsm\n")
    return model, entry


@every_kind
def test_what_an_entry_shows_and_says(kind: str, tees: Path) -> None:
    model = files(tees, kind)
    entry = model.make()
    assert set(model.tree.names(model.tree.node(entry))) == KINDS[kind].shown
    assert model.read(f"{entry}/provider") == f"{KINDS[kind].provider}\n".encode()
    assert set(ATTRIBUTES) == FOUR | LEVELS | SERVICES


@every_kind
def test_only_tdx_has_registers_and_a_log(kind: str, tees: Path) -> None:
    shown = files(tees, kind).tree.parts
    assert (shown == ["/kernel/config/tsm/report"]) == (kind != "tdx")


@every_kind
def test_a_report_is_for_the_inblob(kind: str, tees: Path) -> None:
    model = files(tees, kind)
    entry = model.make()
    for data in (NONCE, OTHER):
        model.write(f"{entry}/inblob", data)
        assert KINDS[kind].data(model.read(f"{entry}/outblob")) == data


@every_kind
@pytest.mark.parametrize("size", [1, 31, 32, 63, 64])
def test_the_sizes_that_a_driver_takes(kind: str, size: int, tees: Path) -> None:
    model = files(tees, kind)
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE[:size])
    if size not in KINDS[kind].sizes:
        with refused_with(errno.EINVAL):
            model.read(f"{entry}/outblob")
        return
    padded = NONCE[:size].ljust(64, b"\0")
    assert KINDS[kind].data(model.read(f"{entry}/outblob")) == padded


@every_kind
def test_a_tee_that_is_gone_is_an_error_of_the_device(
    kind: str, tees: Path, tmp_path: Path
) -> None:
    own = tmp_path / kind
    shutil.copytree(tees / kind, own)
    model = files(tmp_path, kind)
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE)
    shutil.rmtree(own)
    with refused_with(KINDS[kind].broken):
        model.read(f"{entry}/outblob")
    with pytest.raises(DriverError) as caught:
        files(tmp_path, kind)
    assert caught.value.code == "tsm.state"


@every_kind
def test_another_kinds_directory_is_refused(kind: str, tees: Path) -> None:
    for other in set(KINDS) - {kind}:
        with pytest.raises(DriverError) as caught:
            KINDS[kind].tree(tees / other, NEW)
        assert caught.value.code == "tsm.state"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleep for no time, and say for how long it would have been."""
    told: list[float] = []
    monkeypatch.setattr(time, "sleep", told.append)
    return told


@every_kind
def test_troubles_on_request(kind: str, tees: Path, slept: list[float]) -> None:
    model = files(tees, kind, fails_with=errno.EBUSY)
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE)
    with refused_with(errno.EBUSY):
        model.read(f"{entry}/outblob")
    assert slept == [0.0]
    slow = files(tees, kind, latency_s=1e6)
    entry = slow.make()
    slow.write(f"{entry}/inblob", NONCE)
    slow.read(f"{entry}/outblob")
    assert slept[1] > 9e5


def test_a_failure_takes_its_time_as_well(slept: list[float]) -> None:
    with refused_with(errno.EIO):
        Device(latency_s=1e6, fails_with=errno.EIO).ask(lambda: pytest.fail("it was asked"))
    assert slept[0] > 9e5


def test_an_old_kernel_hides_the_failed_quotes_of_tdx_alone(tees: Path) -> None:
    for kind in ("tdx", "snp", "cove"):
        model = Files(KINDS[kind].tree(tees / kind, OLD, fails_with=errno.EIO))
        entry = model.make()
        model.write(f"{entry}/inblob", NONCE)
        if kind == "tdx":
            assert model.read(f"{entry}/outblob") == b""
            continue
        with refused_with(errno.EIO):
            model.read(f"{entry}/outblob")


def test_an_old_kernel_has_no_cca(tees: Path) -> None:
    with pytest.raises(ValueError, match="arm_cca_guest"):
        cca_tree(tees / "cca", OLD)


# --- SNP ------------------------------------------------------------------------------------------


def test_auxblob_is_the_hosts_certificate_table(tees: Path) -> None:
    model = files(tees, "snp")
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE)
    report = SnpReport.parse(model.read(f"{entry}/outblob"))
    (one,) = parse_table(model.read(f"{entry}/auxblob"), "auxblob")
    assert one.leaf.chip_id == report.chip_id
    assert model.read(f"{entry}/auxblob") == snp.load(tees / "snp").certificate_table()


@pytest.mark.parametrize("level", range(4))
def test_a_report_at_each_level(level: int, tees: Path) -> None:
    model = files(tees, "snp")
    entry = model.make()
    assert model.read(f"{entry}/privlevel_floor") == b"0\n"
    model.write(f"{entry}/inblob", NONCE)
    model.write(f"{entry}/privlevel", b"%d\n" % level)
    assert SnpReport.parse(model.read(f"{entry}/outblob")).vmpl == level


def test_under_an_svsm_a_guest_has_to_name_its_level(tees: Path) -> None:
    model = Files(snp_tree(tees / "svsm", NEW))
    entry = model.make()
    assert set(model.tree.names(model.tree.node(entry))) == FOUR | LEVELS | SERVICES
    assert model.read(f"{entry}/privlevel_floor") == b"2\n"
    model.write(f"{entry}/inblob", NONCE)
    with refused_with(errno.EINVAL):
        model.read(f"{entry}/outblob")
    with refused_with(errno.EINVAL):
        model.write(f"{entry}/privlevel", b"1")
    model.write(f"{entry}/privlevel", b"2")
    assert SnpReport.parse(model.read(f"{entry}/outblob")).vmpl == 2
    assert model.read(f"{entry}/manifestblob") == b""


def test_the_svsm_binds_its_manifest(tees: Path) -> None:
    model, entry = svsm(tees)
    report = SnpReport.parse(model.read(f"{entry}/outblob"))
    manifest = model.read(f"{entry}/manifestblob")
    assert manifest == services_manifest(snp.load(tees / "svsm").settings.services)
    assert (report.vmpl, report.report_data) == (0, bound_report_data(NONCE, manifest))
    assert parse_table(model.read(f"{entry}/auxblob"), "auxblob")


def test_one_service_has_its_own_manifest(tees: Path) -> None:
    model, entry = svsm(tees)
    model.write(f"{entry}/service_guid", str(VTPM).encode())
    report = SnpReport.parse(model.read(f"{entry}/outblob"))
    manifest = model.read(f"{entry}/manifestblob")
    assert manifest == bytes.fromhex(snp.load(tees / "svsm").settings.services[0].data)
    assert report.report_data == bound_report_data(NONCE, manifest)
    model.write(f"{entry}/service_guid", str(UUID(int=0)).encode())
    assert len(model.read(f"{entry}/manifestblob")) > len(manifest)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("service_provider", b"another"),
        ("service_provider", b"\n"),
        ("service_guid", str(UUID(int=1)).encode()),
        ("service_manifest_version", b"1"),
    ],
)
def test_a_service_that_is_not_there(option: str, value: bytes, tees: Path) -> None:
    model, entry = svsm(tees)
    model.write(f"{entry}/privlevel", b"2")  # so that the firmware itself would answer
    model.write(f"{entry}/service_guid", str(VTPM).encode())
    model.write(f"{entry}/{option}", value)
    with refused_with(errno.EINVAL):
        model.read(f"{entry}/outblob")


# --- CCA ------------------------------------------------------------------------------------------


def test_cca_takes_levels_and_services_and_they_come_to_nothing(tees: Path) -> None:
    model = files(tees, "cca")
    entry = model.make()
    assert model.read(f"{entry}/privlevel_floor") == b"0\n"
    model.write(f"{entry}/inblob", NONCE)
    model.write(f"{entry}/privlevel", b"3")
    model.write(f"{entry}/service_provider", b"svsm")
    assert CcaToken.parse(model.read(f"{entry}/outblob")).realm.challenge == NONCE
    assert model.read(f"{entry}/auxblob") == model.read(f"{entry}/manifestblob") == b""
    with refused_with(errno.EINVAL):
        model.write(f"{entry}/privlevel", b"4")
    assert model.generation(entry) == 3


def test_what_a_realm_was_extended_with_is_in_the_next_token(tees: Path, tmp_path: Path) -> None:
    shutil.copytree(tees / "cca", tmp_path / "cca")
    model = files(tmp_path, "cca")
    entry = model.make()
    model.write(f"{entry}/inblob", NONCE)
    before = CcaToken.parse(model.read(f"{entry}/outblob")).realm.rems
    with cca.opened(tmp_path / "cca") as tee:
        tee.extend(0, bytes(64))
    model.write(f"{entry}/inblob", NONCE)
    after = CcaToken.parse(model.read(f"{entry}/outblob")).realm.rems
    assert (before[0] != after[0], before[1:]) == (True, after[1:])
