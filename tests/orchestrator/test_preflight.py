# SPDX-License-Identifier: Apache-2.0
"""What keeps trothd from starting is known before the extend, which is not taken back."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.orchestrator.conftest import PAYMENTS
from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd
from tests.orchestrator.test_program import run
from troth.errors import DriverError, UsageError
from troth.infra.http import bind_unix
from troth.orchestrator.clones import Uevents
from troth.orchestrator.configuration import load_configuration
from troth.orchestrator.preflight import demand_startable
from troth.orchestrator.run_directory import lock_file, make_run_directory
from troth.tsm.emulated.driver import EmulatedDriver

UNTOUCHED = bytes(48)
OTHER = "[[namespace]]\nlabel = 'x'\ncgroup = {cgroup}\ncapabilities = []\n{more}"
NO_GROUP = OTHER.format(cgroup="'any'", more="group = 'nobody-is-of-this-group'")
NO_CGROUP = OTHER.format(cgroup="'/no/such/cgroup'", more="")


def root(one: Trothd, *more: str) -> tuple[int, str]:
    done = run("root", "--config", str(one.config), *more)
    return done.returncode, done.stderr


def untouched(one: Trothd) -> bool:
    return EmulatedDriver(one.tee).registers()[3] == UNTOUCHED


@pytest.mark.parametrize(
    ("tail", "status", "words"),
    [
        (NO_GROUP, 2, ["usage.configuration", "namespace[1].group (line", "no group"]),
        (NO_CGROUP, 7, ["identity.cgroup", "namespace[1].cgroup (line", "/no/such/cgroup"]),
    ],
)
def test_who_is_named_must_exist_before_the_extend(
    make: Callable[..., Trothd], tail: str, status: int, words: list[str]
) -> None:
    one = make(PAYMENTS, tail=tail)
    for program in ("serve", "root"):
        done = run(program, "--config", str(one.config), "--check-config")
        assert (done.returncode, done.stdout) == (status, "")
        assert all(word in done.stderr for word in words)
        assert "or name another" in done.stderr
    assert not one.run.exists()
    got, said = root(one)
    assert got == status
    assert all(word in said for word in words)
    assert untouched(one)
    # Corrected, the same boot takes root.
    one.config.write_text(one.config.read_text().replace(tail, ""))
    one.start()
    assert read(one.evidence("payments").body, one.software()).rooted


def test_a_command_that_is_not_there_is_known_before_the_extend(
    make: Callable[..., Trothd],
) -> None:
    one = make(PAYMENTS)
    got, said = root(one, "--", "/no/such/program")
    assert (got, "usage.file: /no/such/program" in said) == (2, True)
    assert untouched(one)


def test_a_configuration_that_can_be_read_once_is_not_enough(make: Callable[..., Trothd]) -> None:
    one = make(PAYMENTS)
    done = subprocess.run(
        [sys.executable, "-m", "troth.orchestrator", "root", "--config", "-"],
        input=one.config.read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "not a file" in done.stderr) == (2, True)
    assert untouched(one)


def startable(one: Trothd) -> None:
    loaded = load_configuration(str(one.config))
    demand_startable(loaded, make_run_directory(str(one.run)))


def test_what_can_start_is_let_through_twice(make: Callable[..., Trothd]) -> None:
    one = make()
    for _ in range(2):
        startable(one)
    assert stat.S_IMODE((one.run / "state").stat().st_mode) == 0o700
    assert list((one.run / "state").iterdir()) == []


def test_a_trothd_that_serves_already_is_seen_before_the_extend(
    make: Callable[..., Trothd],
) -> None:
    one = make().start(program="serve")
    got, said = root(one)
    assert (got, "usage.running" in said) == (2, True)
    assert untouched(one)


def test_a_lock_that_another_holds_is_seen(make: Callable[..., Trothd]) -> None:
    one = make()
    held = lock_file(make_run_directory(str(one.run)) / "lock")
    with pytest.raises(UsageError, match=r"usage\.running"):
        startable(one)
    os.close(held)
    startable(one)


def test_the_administrators_socket_of_another_is_seen(make: Callable[..., Trothd]) -> None:
    one = make()
    one.admin.parent.mkdir()
    with bind_unix(one.admin):
        with pytest.raises(UsageError, match=r"usage\.socket.*another program"):
            startable(one)
        got, said = root(one)
        assert (got, "usage.socket" in said) == (2, True)
    assert untouched(one)


def test_a_namespaces_socket_that_cannot_be_bound_is_seen(make: Callable[..., Trothd]) -> None:
    one = make()
    make_run_directory(str(one.run))
    one.socket("reports").mkdir(parents=True)  # where the socket is to be
    with pytest.raises(UsageError, match=r"usage\.socket"):
        startable(one)


def test_a_state_directory_that_is_none_is_seen(make: Callable[..., Trothd]) -> None:
    one = make()
    (make_run_directory(str(one.run)) / "state").write_text("a file")
    with pytest.raises(UsageError, match=r"usage\.file"):
        startable(one)


def test_a_kernel_that_lets_nobody_listen_is_seen(
    make: Callable[..., Trothd], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Uevents:
        raise DriverError("clone.unwatched")

    monkeypatch.setattr(Uevents, "open", refuse)
    with pytest.raises(DriverError, match=r"clone\.unwatched"):
        startable(make())


def test_a_ca_file_that_went_away_is_seen_before_the_extend(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    one = make(tail=f"[verifier]\nurl = 'https://x'\naudience = 'a'\nca = '{ca}'")
    got, said = root(one)
    assert (got, "usage.tls" in said) == (2, True)
    assert untouched(one)


def test_a_boot_that_has_its_root_is_not_held_up(make: Callable[..., Trothd]) -> None:
    one = make().start()
    one.kill()
    one.admin.unlink()
    with bind_unix(one.admin):  # trothd serve says so itself, and is not started again
        got, said = root(one)
    assert (got, "usage.socket" in said) == (2, True)
    assert "root.unrooted" in said


# --- what --check-config can see ------------------------------------------------------------------


def checked(one: Trothd, program: str = "root") -> tuple[int, str, str]:
    before = {path: path.read_bytes() for path in one.tee.rglob("*") if path.is_file()}
    done = run(program, "--config", str(one.config), "--check-config")
    assert {path: path.read_bytes() for path in one.tee.rglob("*") if path.is_file()} == before
    assert not one.run.exists()
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("program", ["root", "serve"])
@pytest.mark.parametrize(
    ("kind", "register", "tsm", "status", "code"),
    [
        ("tdx", "rem3", "", 2, "usage.configuration"),
        ("snp", "rtmr3", "", 2, "usage.configuration"),
        ("snp", "none", "[tsm.service]", 7, "tsm.argument"),
        ("svsm", "none", "privlevel = 1", 7, "tsm.argument"),
        ("cca", "rem3", "privlevel = 0", 7, "tsm.argument"),
        ("snp", "none", '[[tsm.inject]]\nfault = "foreign-extend"', 7, "tsm.no-registers"),
    ],
)
def test_a_check_refuses_what_the_start_refuses(
    make: Callable[..., Trothd],
    program: str,
    *,
    kind: str,
    register: str,
    tsm: str,
    status: int,
    code: str,
) -> None:
    one = make(kind=kind, root_register=register, tsm=tsm)
    assert checked(one, program)[:2] == (status, "")
    assert code in checked(one, program)[2]


def test_a_check_sees_a_directory_that_is_no_software_tee(make: Callable[..., Trothd]) -> None:
    one = make()
    (one.tee / "tee.json").write_text('{"kind": "sgx"}')
    status, said, error = checked(one)
    assert (status, said) == (7, "")
    assert "tsm.state" in error
    assert "'sgx' comes in no bundle" in " ".join(error.split())


def test_a_check_sees_a_register_that_does_not_take_the_root_digest(
    make: Callable[..., Trothd],
) -> None:
    one = make(kind="cove-512")
    status, said, error = checked(one)
    assert (status, said, "tsm.register" in error) == (7, "", True)
    assert checked(one, "serve")[0] == 0  # without a root step it starts, unrooted


def test_a_check_sees_a_software_tvm_that_can_hibernate(make: Callable[..., Trothd]) -> None:
    one = make()
    state = one.tee / "sys" / "power" / "state"
    state.parent.mkdir(parents=True)
    state.write_text("freeze mem disk\n")
    status, said, error = checked(one)
    assert (status, said, "clone.hibernation" in error) == (7, "", True)


@pytest.mark.parametrize("driver", ["configfs", "auto"])
def test_a_check_does_not_ask_a_real_tsm_and_says_so(
    make: Callable[..., Trothd], driver: str
) -> None:
    one = make()
    section = f'driver = "emulated"\ndirectory = "{one.tee}"'
    text = one.config.read_text()
    assert section in text
    one.config.write_text(text.replace(section, f'driver = "{driver}"'))
    status, said, _ = checked(one)
    assert (status, f"driver {driver} (the TSM was not asked), root" in said) == (0, True)
    assert said.endswith(": ok\n")


def test_a_check_compares_the_register_of_a_provider_that_is_named(
    make: Callable[..., Trothd],
) -> None:
    one = make()
    section = f'driver = "emulated"\ndirectory = "{one.tee}"'
    other = 'driver = "ioctl"\nprovider = "sev_guest"'
    one.config.write_text(one.config.read_text().replace(section, other))
    status, said, error = checked(one)
    assert (status, said) == (2, "")
    assert "SEV-SNP has no runtime registers" in " ".join(error.split())
