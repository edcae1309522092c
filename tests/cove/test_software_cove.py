# SPDX-License-Identifier: Apache-2.0
"""The software CoVE: registers, settings, and the directory that keeps it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.cove.table import AT, CHALLENGE, SOUND, Accepted, Given, outcome, with_tvm
from tests.refusals import refused
from troth.crypto.signing_key import SigningKey
from troth.endorse.riscv import parse_roots
from troth.evidence.cove import CoveToken
from troth.tsm.emulated.cove import Settings, SoftwareCove, create_in, load, opened, save
from troth.tsm.emulated.cove.settings import Curves, Platform, Tsm

DIGEST: Final = b"\x11" * 48


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a fresh software CoVE."""
    create_in(tmp_path / "tee", SoftwareCove.create(at=AT))
    return tmp_path / "tee"


@pytest.mark.parametrize("algorithm", ["sha-384", "sha-512", "sha3-384", "sha3-512"])
def test_extend_hashes_value_and_digest(algorithm: Any) -> None:
    tee = SoftwareCove.create(with_tvm(algorithm=algorithm), at=AT)
    size = len(tee.registers()[0])
    before = tee.registers()
    tee.extend(2, b"\x22" * size)
    library = algorithm.replace("sha3-", "sha3_").replace("sha-", "sha")
    due = hashlib.new(library, bytes(size) + b"\x22" * size).digest()
    assert tee.registers() == (*before[:2], due, before[3])
    shown = CoveToken.parse(tee.token(CHALLENGE)).tvm.runtime
    assert tuple(one.value for one in shown) == tee.registers()


@pytest.mark.parametrize(
    ("index", "digest"), [(-1, DIGEST), (4, DIGEST), (0, DIGEST[1:]), (0, b""), (0, bytes(64))]
)
def test_what_cannot_be_extended_changes_nothing(index: int, digest: bytes) -> None:
    tee = SoftwareCove.create(at=AT)
    before = tee.registers()
    with refused("tsm.register"):
        tee.extend(index, digest)
    assert tee.registers() == before


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_challenge_is_64_bytes(size: int) -> None:
    with refused("tsm.report-data"):
        SoftwareCove.create(at=AT).token(bytes(size))


def test_the_public_key_is_the_callers_choice() -> None:
    own = SigningKey.generate("P-384").public.cose()
    token = SoftwareCove.create(at=AT).token(CHALLENGE, public_key=own)
    assert CoveToken.parse(token).tvm.public_key == own


@pytest.mark.parametrize(
    "settings",
    [
        with_tvm(initial=("00" * 64,)),
        with_tvm(runtime=("00" * 64,)),
        with_tvm(algorithm="sha-256"),
        with_tvm(initial=()),
        with_tvm(runtime=("00" * 48,) * 19),
        with_tvm(identity="00" * 63),
        replace(SOUND, platform=Platform(state="Secured")),  # type: ignore[arg-type]  # the fault
        replace(SOUND, tsm=Tsm(components=SOUND.tsm.components[:1])),
        replace(SOUND, curves=Curves(root="P-521")),  # type: ignore[arg-type]  # the fault
    ],
)
def test_settings_out_of_range_are_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"Expected|Invalid|register"):
        SoftwareCove.create(settings, at=AT)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SoftwareCove.create(at=datetime(2026, 1, 1))  # noqa: DTZ001 - the fault itself


def test_no_key_is_shown() -> None:
    tee = SoftwareCove.create(at=AT)
    assert "PRIVATE" not in repr(tee.keys) + repr(tee.keys.root)
    assert repr(tee.keys.root) == "SigningKey(Ed25519)"


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    curves = Curves(root="P-384", platform="P-256", tsm="Ed25519", tvm="P-256")
    tee = SoftwareCove.create(replace(SOUND, curves=curves), at=AT)
    tee.extend(1, DIGEST)
    create_in(tmp_path / "tee", tee)
    again = load(tmp_path / "tee")
    assert again.settings == tee.settings
    assert again.at == tee.at
    assert again.registers() == tee.registers()
    assert again.root == tee.root
    given = Given(evidence=again.token(CHALLENGE), roots=(tee.root,))
    assert outcome(given) == Accepted()


def test_the_file_for_verifiers_is_the_tees_own(directory: Path) -> None:
    root = load(directory).root
    roots = parse_roots((directory / "roots.json").read_bytes())
    assert roots.match(root.key.spki_sha256) == root


def test_keys_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_in(tmp_path / "tee", SoftwareCove.create(at=AT))
    finally:
        os.umask(before)
    keys = tmp_path / "tee" / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert set(modes) == {"root.pem", "platform.pem", "tsm.pem", "tvm.pem"}
    assert set(modes.values()) == {0o600}
    outside = [path for path in (tmp_path / "tee").iterdir() if path.is_file()]
    assert all(b"PRIVATE" not in path.read_bytes() for path in outside)


def test_a_directory_in_use_is_not_created_into(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError):
        create_in(tmp_path, SoftwareCove.create(at=AT))
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_registers_persist_also_when_what_follows_fails(directory: Path) -> None:
    def extend_and_fail() -> None:
        with opened(directory) as tee:
            tee.extend(0, DIGEST)
            raise RuntimeError

    before = load(directory).registers()
    with pytest.raises(RuntimeError):
        extend_and_fail()
    assert load(directory).registers()[0] == hashlib.sha384(before[0] + DIGEST).digest()


def test_nothing_is_written_when_nothing_was_extended(directory: Path) -> None:
    before = (directory / "tee.json").stat()
    with opened(directory) as tee:
        tee.token(CHALLENGE)
    assert (directory / "tee.json").stat().st_ino == before.st_ino


def test_no_extend_is_lost_when_several_hold_the_directory_in_turn(directory: Path) -> None:
    def extend_many() -> None:
        for _ in range(5):
            with opened(directory) as tee:
                tee.extend(3, DIGEST)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(extend_many) for _ in range(3)]:
            done.result()
    due = bytes(48)
    for _ in range(15):
        due = hashlib.sha384(due + DIGEST).digest()
    assert load(directory).registers()[3] == due


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


def state(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(directory: Path) -> None:
        path = directory / "tee.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return apply


def another_key(name: str, curve: Any) -> Callable[[Path], None]:
    def apply(directory: Path) -> None:
        (directory / "keys" / f"{name}.pem").write_bytes(SigningKey.generate(curve).pem())

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        lambda directory: (directory / "tee.json").unlink(),
        lambda directory: (directory / "tee.json").write_bytes(b"{}"),
        lambda directory: (directory / "tee.json").write_bytes(b" " * (1 << 21)),
        lambda directory: (directory / "roots.json").unlink(),
        lambda directory: (directory / "roots.json").write_bytes(b"[]"),
        lambda directory: (directory / "keys" / "tsm.pem").unlink(),
        lambda directory: (directory / "keys" / "tsm.pem").write_bytes(b"x"),
        another_key("root", "Ed25519"),
        another_key("platform", "P-256"),
        state(lambda one: one.update(version=2)),
        state(lambda one: one.update(kind="tdx")),
        state(lambda one: one.update(created="yesterday")),
        state(lambda one: one.update(more=1)),
        state(lambda one: one["registers"].pop()),
        state(lambda one: one.update(registers=["00" * 64] * 4)),
        state(lambda one: one["settings"]["tvm"].update(runtime=None)),
        state(lambda one: one["settings"]["tvm"].update(algorithm="sha-512")),
    ],
)
def test_a_directory_that_was_damaged_is_refused(
    directory: Path, damage: Callable[[Path], object]
) -> None:
    damage(directory)
    with refused("tsm.state"):
        load(directory)
    with refused("tsm.state"), opened(directory):
        pass


def test_no_directory_is_refused(tmp_path: Path) -> None:
    with refused("tsm.state"), opened(tmp_path / "none"):
        pass
