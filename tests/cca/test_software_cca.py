# SPDX-License-Identifier: Apache-2.0
"""The software CCA: registers as the monitor keeps them, settings, and its directory."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.cca.table import CHALLENGE, LEGACY, SOUND, TEE
from tests.refusals import refused
from tests.tdx import AT
from troth.crypto.signing_key import SigningKey
from troth.endorse.arm import parse_cpak_store
from troth.evidence.cca import CcaToken
from troth.tsm.emulated.cca import Settings, SoftwareCca, create_in, load, opened, save
from troth.tsm.emulated.cca.settings import Platform, Realm
from troth.verify.cca import CcaFacts, verify_cca

DIGEST: Final = b"\x11" * 48


def genuine(tee: SoftwareCca) -> CcaFacts:
    return verify_cca(
        tee.token(CHALLENGE), anchors=parse_cpak_store(tee.store()), at=AT, challenge=CHALLENGE
    ).value


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a fresh software CCA."""
    create_in(tmp_path / "tee", SoftwareCca.create(at=AT))
    return tmp_path / "tee"


@pytest.mark.parametrize(("name", "size"), [("sha-256", 32), ("sha-384", 48), ("sha-512", 64)])
def test_a_register_is_the_hash_of_its_value_and_what_extends_it(name: Any, size: int) -> None:
    tee = SoftwareCca.create(replace(SOUND, realm=Realm(hash_algorithm=name)), at=AT)
    assert tee.registers() == (bytes(size),) * 4
    expected = bytes(size)
    for digest in (DIGEST, b"x", b"y" * 64):
        tee.extend(2, digest)
        expected = hashlib.new(name.replace("-", ""), expected + digest).digest()
    assert tee.registers() == (bytes(size), bytes(size), expected, bytes(size))
    assert genuine(tee).realm.rems == tee.registers()


@pytest.mark.parametrize(("index", "digest"), [(-1, DIGEST), (4, DIGEST), (0, b""), (0, b"x" * 65)])
def test_an_extend_that_cannot_be_is_refused_and_changes_nothing(index: int, digest: bytes) -> None:
    tee = SoftwareCca.create(at=AT)
    with refused("tsm.register"):
        tee.extend(index, digest)
    assert tee.registers() == (bytes(64),) * 4


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_a_challenge_has_64_bytes(size: int) -> None:
    with refused("tsm.report-data"):
        TEE.token(bytes(size))


def test_what_the_settings_say_stands_in_the_token() -> None:
    settings = Settings(
        platform=Platform(
            profile="legacy",
            curve="P-256",
            implementation_id="ab" * 32,
            instance_id="01" + "cd" * 32,
            config="",
            lifecycle=0x3003,
            components=SOUND.platform.components[:1],
            hash_algorithm="sha-512",
            verification_service=None,
        ),
        realm=Realm(
            curve="P-256",
            hash_algorithm="sha-384",
            rak_hash_algorithm="sha-512",
            personalization_value="ef" * 64,
            rim="12" * 48,
            rems=("34" * 48,) * 4,
        ),
    )
    token = CcaToken.parse(SoftwareCca.create(settings, at=AT).token(CHALLENGE))
    platform, realm = token.platform, token.realm
    assert platform.profile == "http://arm.com/CCA-SSD/1.0.0"
    assert platform.implementation_id == b"\xab" * 32
    assert platform.instance_id == b"\1" + b"\xcd" * 32
    assert (platform.config, platform.lifecycle) == (b"", 0x3003)
    assert [one.type for one in platform.components] == ["BL2"]
    assert (platform.hash_algorithm, platform.verification_service) == ("sha-512", None)
    assert realm.profile == "tag:arm.com,2023:realm#1.0.0"
    assert (realm.hash_algorithm, realm.rak_hash_algorithm) == ("sha-384", "sha-512")
    assert realm.personalization_value == b"\xef" * 64
    assert (realm.rim, realm.rems) == (b"\x12" * 48, (b"\x34" * 48,) * 4)
    assert (token.platform_token.algorithm, token.realm_token.algorithm) == (-7, -7)
    assert realm.challenge == CHALLENGE


@pytest.mark.parametrize(
    "settings",
    [
        Settings(realm=Realm(rim="00" * 32)),
        Settings(realm=Realm(hash_algorithm="sha-256", rems=("00" * 64,) * 4)),
        Settings(realm=Realm(rems=("00" * 64,) * 3)),
        Settings(realm=Realm(profile="legacy", curve="P-256")),
        Settings(platform=Platform(instance_id="02" + "00" * 32)),
        Settings(platform=Platform(lifecycle=0x1_0000)),
        Settings(platform=Platform(implementation_id="00")),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"measurement|legacy|Expected|Object"):
        SoftwareCca.create(settings, at=AT)


def test_an_instant_has_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SoftwareCca.create(at=AT.replace(tzinfo=None))


def test_each_platform_has_its_own_id_and_keys() -> None:
    one, two = (SoftwareCca.create(at=AT).cpak for _ in range(2))
    assert one.instance_id != two.instance_id
    assert one.key != two.key
    assert one.implementation_id == two.implementation_id


@pytest.mark.parametrize("settings", [SOUND, LEGACY], ids=["2023", "legacy"])
def test_what_is_saved_comes_back(tmp_path: Path, settings: Settings) -> None:
    tee = SoftwareCca.create(settings, at=AT)
    tee.extend(1, DIGEST)
    create_in(tmp_path / "tee", tee)
    again = load(tmp_path / "tee")
    assert (again.settings, again.at, again.registers()) == (
        tee.settings,
        tee.at,
        tee.registers(),
    )
    assert again.cpak == tee.cpak
    assert (tmp_path / "tee" / "cpak.json").read_bytes() == tee.store() + b"\n"
    assert genuine(again).realm.rems[1] == tee.registers()[1]


def test_keys_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_in(tmp_path / "tee", SoftwareCca.create(at=AT))
    finally:
        os.umask(before)
    keys = tmp_path / "tee" / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert modes == {"cpak.pem": 0o600, "rak.pem": 0o600}


def test_no_key_is_anywhere_but_among_the_keys(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            assert b"PRIVATE" not in path.read_bytes()


def test_a_directory_in_use_is_not_created_into(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError):
        create_in(tmp_path, SoftwareCca.create(at=AT))
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_what_was_extended_is_kept_also_after_an_exception(directory: Path) -> None:
    def fail() -> None:
        with opened(directory) as tee:
            tee.extend(3, DIGEST)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with opened(directory) as tee:
        assert tee.registers()[3] == hashlib.sha512(bytes(64) + DIGEST).digest()


def test_extends_of_many_do_not_overlap(directory: Path) -> None:
    def once(_: int) -> None:
        with opened(directory) as tee:
            tee.extend(3, DIGEST)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(24)))
    expected = SoftwareCca.create(at=AT)
    for _ in range(24):
        expected.extend(3, DIGEST)
    assert load(directory).registers() == expected.registers()


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


def state(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        path = directory / "tee.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return spoil


def put(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda directory: (directory / name).write_bytes(data)


SPOILT: Final[dict[str, Callable[[Path], object]]] = {
    "no-state": lambda directory: (directory / "tee.json").unlink(),
    "no-key": lambda directory: (directory / "keys" / "rak.pem").unlink(),
    "no-store": lambda directory: (directory / "cpak.json").unlink(),
    "state-enormous": put("tee.json", b" " * (1024 * 1024 + 1)),
    "state-no-json": put("tee.json", b"{"),
    "another-kind": state(lambda one: one.update(kind="tdx")),
    "another-version": state(lambda one: one.update(version=2)),
    "unknown-member": state(lambda one: one.update(more=1)),
    "registers-missing": state(lambda one: one.pop("registers")),
    "registers-of-another-size": state(lambda one: one.update(registers=["00" * 32] * 4)),
    "registers-three": state(lambda one: one.update(registers=["00" * 64] * 3)),
    "created-no-instant": state(lambda one: one.update(created="yesterday")),
    "instance-open": state(lambda one: one["settings"]["platform"].update(instance_id=None)),
    "rim-open": state(lambda one: one["settings"]["realm"].update(rim=None)),
    "rems-open": state(lambda one: one["settings"]["realm"].update(rems=None)),
    "another-instance": state(
        lambda one: one["settings"]["platform"].update(instance_id="01" + "00" * 32)
    ),
    "key-of-another-curve": put("keys/rak.pem", SigningKey.generate("P-256").pem()),
    "key-of-another-platform": put("keys/cpak.pem", SigningKey.generate("P-384").pem()),
    "key-no-pem": put("keys/cpak.pem", b"x"),
    "store-of-another-platform": put("cpak.json", TEE.store() + b"\n"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_directory_is_refused(directory: Path, case: str) -> None:
    SPOILT[case](directory)
    with refused("tsm.state"):
        load(directory)


def test_a_directory_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with refused("tsm.state"), opened(tmp_path / "nowhere"):
        pass
