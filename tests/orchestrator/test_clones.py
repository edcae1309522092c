# SPDX-License-Identifier: Apache-2.0
"""Where a TVM might exist twice: hibernation is refused, and a new generation id is heard.

No device here changes a generation id, so the kernel's word is a stand-in's; that a process's word
is not the kernel's is tried on a real netlink socket.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import select
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import AUDIENCE, Trothd, until
from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError, StaleError
from troth.evidence.binding import Mode, Request
from troth.infra.http import HttpServer
from troth.orchestrator.api import workload_api
from troth.orchestrator.boot import Boot
from troth.orchestrator.clones import GenerationWatch, Uevents, demand_no_hibernation
from troth.orchestrator.configuration import load_configuration
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.delegation import StatementKeys
from troth.orchestrator.device import Device
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.identity import Cgroup, Peer
from troth.orchestrator.namespaces import Namespaces
from troth.tsm.emulated.driver import EmulatedDriver

CHANGED = b"change@/devices/platform/VMGENCTR\0ACTION=change\0NEW_VMGENID=1\0SEQNUM=7\0"
OTHER = b"change@/devices/x\0ACTION=change\0SEQNUM=8\0"


# --- hibernation ----------------------------------------------------------------------------------


def sysfs(directory: Path, state: str | None) -> Path:
    (directory / "kernel").mkdir(parents=True)
    if state is not None:
        (directory / "power").mkdir()
        (directory / "power" / "state").write_text(state)
    return directory


@pytest.mark.parametrize("state", [None, "", "freeze mem\n", "freeze standby mem\n"])
def test_a_kernel_that_cannot_hibernate_is_one_to_run_on(tmp_path: Path, state: str | None) -> None:
    demand_no_hibernation(sysfs(tmp_path / "sys", state))


@pytest.mark.parametrize("state", ["disk\n", "freeze mem disk\n", "freeze disk mem", "\xff"])
def test_a_kernel_that_can_hibernate_is_none(tmp_path: Path, state: str) -> None:
    with pytest.raises(DriverError, match=r"clone.hibernation"):
        demand_no_hibernation(sysfs(tmp_path / "sys", state))


def test_where_nobody_can_tell_it_is_none(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"clone\.hibernation.*not mounted"):
        demand_no_hibernation(tmp_path)
    (sysfs(tmp_path / "sys", None) / "power" / "state").mkdir(parents=True)
    with pytest.raises(DriverError, match=r"clone.hibernation"):
        demand_no_hibernation(tmp_path / "sys")


@pytest.mark.parametrize("program", ["root", "serve"])
def test_trothd_does_not_start_where_its_tvm_can_hibernate(
    make: Callable[..., Trothd], program: str
) -> None:
    one = make()
    sysfs(one.tee / "sys", "freeze mem disk\n")
    command = [sys.executable, "-m", "troth.orchestrator", program, "--config", str(one.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "clone.hibernation" in done.stderr) == (7, True)
    assert not one.run.exists()  # before the root step, and before anything is made
    (one.tee / "sys" / "power" / "state").write_text("freeze mem\n")
    one.start()
    assert read(one.evidence("payments").body, one.software()).rooted


# --- the generation id ----------------------------------------------------------------------------


class Kernel(socket.socket):
    """A socket whose messages come from the sender that the test names."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        super().__init__(fileno=ours.detach())
        self.settimeout(0)
        self.errors: list[int] = []

    def say(self, message: bytes, port: int = 0) -> None:
        self.theirs.send(port.to_bytes(4, "big") + message)

    def recvfrom(self, size: int, *_: object) -> tuple[bytes, tuple[int, int]]:
        if self.errors:
            number = self.errors.pop()
            raise OSError(number, os.strerror(number))
        data = self.recv(size)
        return data[4:], (int.from_bytes(data[:4], "big"), 1)

    def close(self) -> None:
        self.theirs.close()
        super().close()


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ([], False),
        ([(CHANGED, 0)], True),
        ([(OTHER, 0), (CHANGED, 0), (OTHER, 0)], True),
        ([(OTHER, 0)], False),
        ([(CHANGED, 77)], False),
        ([(CHANGED, 77), (OTHER, 0)], False),
        ([(CHANGED.replace(b"NEW_VMGENID=1", b"XNEW_VMGENID=1"), 0)], False),
        ([(CHANGED.replace(b"NEW_VMGENID=1", b"NEW_VMGENID=10"), 0)], False),
    ],
)
def test_the_kernel_is_heard_and_nobody_else(
    said: list[tuple[bytes, int]], *, changed: bool
) -> None:
    kernel = Kernel()
    uevents = Uevents(kernel)
    for message, port in said:
        kernel.say(message, port)
    assert uevents.tell_new_generation() is changed
    assert uevents.tell_new_generation() is False
    uevents.close()


def test_where_messages_were_lost_one_may_have_been_this_one() -> None:
    kernel = Kernel()
    kernel.errors = [errno.ENOBUFS]
    assert Uevents(kernel).tell_new_generation()
    kernel.errors = [errno.EBADF]
    with pytest.raises(OSError, match=r"Bad file"):
        Uevents(kernel).tell_new_generation()
    kernel.close()


def test_a_process_that_speaks_like_the_kernel_is_not_heard() -> None:
    uevents = Uevents.open()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15) as liar:
        liar.bind((0, 0))
        with socket.socket(fileno=os.dup(uevents.fileno())) as same:
            port, _ = same.getsockname()
        try:
            liar.sendto(CHANGED, (port, 0))
        except OSError as error:
            pytest.skip(f"this machine lets no process speak on this socket: {error}")
        assert select.select([uevents], [], [], 10)[0]  # it did arrive
        assert uevents.tell_new_generation() is False
    uevents.close()


def test_a_kernel_that_lets_nobody_listen_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(DriverError, match=r"clone.unwatched"):
        Uevents.open()


def test_a_copy_draws_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are drawn from the kernel's generator alone, which is seeded anew in a copy."""
    monkeypatch.setattr(secrets, "token_bytes", bytes)
    assert PrivateKey.generate().public.raw == PrivateKey.generate().public.raw
    monkeypatch.undo()
    assert PrivateKey.generate().public.raw != PrivateKey.generate().public.raw


def test_every_statement_key_is_erased() -> None:
    now = [0.0]
    keys = StatementKeys(300, 900, lambda: now[0])
    old = keys.for_epoch()
    now[0] = 300.0
    current = keys.for_epoch()
    keys.renew()
    for key in (old, current):
        with pytest.raises(StaleError, match=r"evidence\.anchor-missing"):
            _ = key.private
    assert keys.for_epoch().public not in {old.public, current.public}


class Here(Peer):
    """A caller that is always there."""

    def __init__(self) -> None:
        super().__init__(-1, 1, 0, Cgroup(Path(), None))

    def check(self) -> None:
        """Be here."""


class Scene:
    """A daemon in this process, its kernel a stand-in."""

    def __init__(self, one: Trothd) -> None:
        self.configuration = load_configuration(str(one.config)).value
        (one.run / "ns").mkdir(parents=True)
        self.kernel = Kernel()
        self.daemon = Daemon(
            self.configuration,
            Boot.make(bytes(32), None),
            Device(EmulatedDriver(one.tee, latency_s=0.2)),
            Namespaces(one.run),
            CrashPoints(self.configuration),
        )

    async def ask(self, mode: Mode) -> bytes:
        request = Request(nonce=secrets.token_bytes(16), audience=AUDIENCE, mode=mode)
        return await self.daemon.evidence(self.daemon.namespaces.find("payments"), request, Here())

    async def refusal(self) -> str:
        """Return why a delegated request is refused."""
        with pytest.raises(StaleError, match=r"evidence.anchor-missing") as caught:
            await self.ask(Mode.DELEGATED)
        return caught.value.detail

    async def play(self, scene: Callable[[Scene], Awaitable[None]]) -> None:
        server = HttpServer(workload_api(self.daemon))
        watch = GenerationWatch(Uevents(self.kernel), self.daemon.generation_changed)
        try:
            await self.daemon.start(server)
            await scene(self)
        finally:
            watch.close()
            await server.close()
            await self.daemon.stop()

    def gaps(self) -> list[int]:
        spaces = self.daemon.namespaces
        return [one.state.gaps for one in (*spaces, spaces.root)]

    async def change(self) -> None:
        before = self.gaps()
        self.kernel.say(CHANGED)
        while self.gaps() == before:  # noqa: ASYNC110 - the daemon has no event for tests
            await asyncio.sleep(0.01)


def play(make: Callable[..., Trothd], scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60):  # a machine that hangs
            await Scene(make()).play(scene)

    asyncio.run(main())


def test_a_new_generation_goes_on_fresh_with_another_key_and_a_gap(
    make: Callable[..., Trothd],
) -> None:
    async def scene(on: Scene) -> None:
        await on.ask(Mode.FRESH)
        assert await on.ask(Mode.DELEGATED)
        on.kernel.say(CHANGED, 4711)  # not the kernel
        on.kernel.say(OTHER)
        await asyncio.sleep(0.1)
        assert await on.ask(Mode.DELEGATED)
        assert on.gaps() == [0, 0, 0]
        await on.change()
        assert on.gaps() == [1, 1, 1]
        assert await on.refusal() == "ask fresh"  # the anchor is gone, and not its key alone
        assert on.daemon.namespaces.root.state.log.count == 1
        await on.ask(Mode.FRESH)
        assert await on.ask(Mode.DELEGATED)

    play(make, scene)


def test_an_epoch_in_flight_anchors_nothing_under_a_key_that_was_copied(
    make: Callable[..., Trothd],
) -> None:
    async def scene(on: Scene) -> None:
        flying = asyncio.create_task(on.ask(Mode.FRESH))
        await asyncio.sleep(0.1)
        await on.change()
        assert await flying  # asked for before, and fresh all the same
        assert await on.refusal() == "its key was erased; ask fresh"
        await on.ask(Mode.FRESH)
        assert await on.ask(Mode.DELEGATED)

    play(make, scene)


def test_an_idle_daemon_keeps_no_statement_key(make: Callable[..., Trothd]) -> None:
    one = make(trothd="statement_key_s = 1\nmaximum_delegation_s = 1")

    async def scene(on: Scene) -> None:
        await on.ask(Mode.FRESH)
        found = on.daemon.namespaces.find("payments").creation.id
        key = on.daemon._anchors.find(found, AUDIENCE).of.key  # noqa: SLF001 - no caller sees it
        while not key.is_erased:  # noqa: ASYNC110 - the daemon has no event for tests
            await asyncio.sleep(0.05)

    async def main() -> None:
        async with asyncio.timeout(60):  # a machine that hangs
            await Scene(one).play(scene)

    asyncio.run(main())


def test_the_gap_of_a_new_generation_survives_a_kill(make: Callable[..., Trothd]) -> None:
    one = make()

    async def main() -> None:
        await Scene(one).play(lambda on: on.change())

    asyncio.run(main())
    one.start(program="serve")
    until(lambda: [each["gaps"] for each in one.status()["namespaces"]] == [2, 2])
