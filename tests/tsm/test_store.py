# SPDX-License-Identifier: Apache-2.0
"""A software TDX in a directory: what is saved comes back, privately, or is refused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA, peer_status
from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, create_in, load, opened, save

DIGEST = b"\x11" * 48


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a fresh software TDX."""
    create_in(tmp_path / "tee", SoftwareTdx.create(at=AT))
    return tmp_path / "tee"


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    tee = SoftwareTdx.create(Settings(quote_version=5).with_status(qe="OutOfDate"), at=AT)
    tee.extend(1, DIGEST)
    create_in(tmp_path / "tee", tee)
    again = load(tmp_path / "tee")
    assert again.settings == tee.settings
    assert again.at == tee.at
    assert again.registers() == tee.registers()
    assert again.bundle() == tee.bundle()
    assert again.root_pem == tee.root_pem
    assert again.pki.certificates == tee.pki.certificates
    again.quote_of(tee.tdreport(REPORT_DATA))
    assert peer_status(tee, again.quote(REPORT_DATA)) == "OutOfDate"


def test_the_files_for_verifiers_are_the_tees_own(directory: Path) -> None:
    tee = load(directory)
    assert (directory / "root.pem").read_bytes() == tee.root_pem
    assert (directory / "collateral.json").read_bytes() == tee.bundle()


def test_keys_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_in(tmp_path / "tee", SoftwareTdx.create(at=AT))
    finally:
        os.umask(before)
    keys = tmp_path / "tee" / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert len(modes) == 7
    assert set(modes.values()) == {0o600}


def test_no_key_is_anywhere_but_among_the_keys(directory: Path) -> None:
    tee = load(directory)
    for path in directory.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            content = path.read_bytes()
            assert b"PRIVATE" not in content
            assert tee.secret.cpu_key not in content
            assert tee.secret.cpu_key.hex().encode() not in content


def test_a_directory_in_use_is_not_created_into(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError):
        create_in(tmp_path, SoftwareTdx.create(at=AT))
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_an_empty_directory_is_created_into(tmp_path: Path) -> None:
    create_in(tmp_path, SoftwareTdx.create(at=AT))
    load(tmp_path)


def test_registers_persist(directory: Path) -> None:
    with opened(directory) as tee:
        tee.extend(0, DIGEST)
        tee.extend(2, DIGEST)
        expected = tee.registers()
    assert load(directory).registers() == expected


def test_registers_persist_when_what_follows_fails(directory: Path) -> None:
    def extend_and_fail() -> None:
        with opened(directory) as tee:
            tee.extend(0, DIGEST)
            raise RuntimeError

    before = load(directory).registers()
    with pytest.raises(RuntimeError):
        extend_and_fail()
    assert load(directory).registers() != before


def test_nothing_is_written_when_nothing_was_extended(directory: Path) -> None:
    before = (directory / "tee.json").stat()
    with opened(directory) as tee:
        tee.quote(REPORT_DATA)
    assert (directory / "tee.json").stat().st_ino == before.st_ino


def test_no_extend_is_lost_when_several_hold_the_directory_in_turn(directory: Path) -> None:
    # The lock belongs to the open directory, so it holds between threads as between processes.
    def extend_many() -> None:
        for _ in range(10):
            with opened(directory) as tee:
                tee.extend(3, DIGEST)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(extend_many) for _ in range(3)]:
            done.result()
    expected = SoftwareTdx.create(at=AT)
    for _ in range(30):
        expected.extend(3, DIGEST)
    assert load(directory).registers()[3] == expected.registers()[3]


def test_a_crash_before_the_rename_leaves_the_old_state(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tee = load(directory)
    before = tee.registers()
    tee.extend(0, DIGEST)

    def crash(self: Path, target: Path) -> Path:
        raise OSError(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match=r"tee\.json"):
            save(directory, tee)
    assert load(directory).registers() == before
    save(directory, tee)
    assert load(directory).registers() == tee.registers()


def test_a_crash_during_creation_leaves_nothing_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = Path.replace
    written: list[str] = []

    def crash_at_last(self: Path, target: Path) -> Path:
        written.append(target.name)
        if target.name == "tee.json":
            raise OSError(target)
        return renamed(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash_at_last)
        with pytest.raises(OSError, match=r"tee\.json"):
            create_in(tmp_path / "tee", SoftwareTdx.create(at=AT))
    assert written[-1] == "tee.json"
    assert_refused(tmp_path / "tee")


def assert_refused(directory: Path) -> None:
    with pytest.raises(DriverError) as caught:
        load(directory)
    assert caught.value.code == "tsm.state"


def changed(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the state in place and write it back."""
    path = directory / "tee.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(version=2),
        lambda d: d.update(kind="snp"),
        lambda d: d.update(created="yesterday"),
        lambda d: d.update(unknown=1),
        lambda d: d.pop("registers"),
        lambda d: d["registers"].pop(),
        lambda d: d["registers"].append("00" * 48),
        lambda d: d.update(registers=["00" * 47] * 4),
        lambda d: d.update(registers=["zz" * 48] * 4),
        lambda d: d.update(registers=["00" * 48 + "\n"] * 4),
        lambda d: d["settings"]["td"].update(mrtd="00" * 48),
        lambda d: d["settings"]["platform"].update(components=[256] + [0] * 15),
        lambda d: d["settings"].update(quote_version=3),
    ],
)
def test_a_state_that_is_not_one_is_refused(
    directory: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    load(directory)
    changed(directory, change)
    assert_refused(directory)


def test_a_state_cut_short_is_refused(directory: Path) -> None:
    path = directory / "tee.json"
    content = path.read_bytes().rstrip()
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        assert_refused(directory)


@pytest.mark.parametrize(
    "name",
    [
        "tee.json",
        "collateral.json",
        "keys/pck.pem",
        "keys/attestation.pem",
        "keys/cpu.key",
        "certificates/root.der",
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"\xff" * 31, b"{}", b" " * (1 << 20) + b" "])
def test_a_file_that_is_missing_or_not_what_it_should_be_is_refused(
    directory: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (directory / name).unlink()
    else:
        (directory / name).write_bytes(content)
    assert_refused(directory)


def test_a_key_that_does_not_go_with_its_certificate_is_refused(directory: Path) -> None:
    (directory / "keys" / "pck.pem").write_bytes(PrivateKey.generate().pem())
    assert_refused(directory)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nowhere")
    with pytest.raises(DriverError) as caught, opened(tmp_path / "nowhere"):
        pass
    assert caught.value.code == "tsm.state"


def test_an_attestation_key_can_be_replaced(directory: Path) -> None:
    # The QE vouches for whichever key it holds, so a new one is as good as the old one.
    (directory / "keys" / "attestation.pem").write_bytes(PrivateKey.generate().pem())
    tee = load(directory)
    assert peer_status(tee, tee.quote(REPORT_DATA)) == "UpToDate"


def test_other_collateral_can_be_put_in_place(directory: Path) -> None:
    tee = load(directory)
    other = tee.collateral(tcb_info=lambda doc: doc.update(tcbEvaluationDataNumber=21))
    (directory / "collateral.json").write_bytes(other.json())
    assert load(directory).bundle() == other.json()
    broken = replace(other, tcb_info="")
    (directory / "collateral.json").write_bytes(broken.json()[:-1])
    assert_refused(directory)
