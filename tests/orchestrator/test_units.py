# SPDX-License-Identifier: Apache-2.0
"""Parts of trothd where a real process would need luck to get into trouble."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.orchestrator.running import Trothd
from tests.orchestrator.tees import TEES
from tests.tdx import AT
from troth.errors import DeniedError, DriverError, StaleError, TrothError, UsageError
from troth.evidence.binding import Request
from troth.infra.metrics import OrchestratorMetrics
from troth.infra.service import handed_over, keep
from troth.orchestrator.boot import Boot, Register
from troth.orchestrator.configuration import Limits, load_configuration
from troth.orchestrator.delegation import Anchors, StatementKeys
from troth.orchestrator.device import Device
from troth.orchestrator.epoch import EpochBuilder, Settings
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.identity import Cgroup
from troth.orchestrator.journal import Journal
from troth.orchestrator.namespace import Creation, Namespace
from troth.orchestrator.root_step import root_step, will_extend
from troth.orchestrator.verifier_client import _refusal
from troth.tsm.driver import Report
from troth.tsm.emulated.driver import EmulatedDriver, Fault, Injection
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.wire import cbor
from troth.wire.merkle import Tree

UNTOUCHED: Final = Register(bytes(48), "sha-384")


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises((TrothError, UsageError)) as caught:
        call()
    return str(caught.value.code)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_in(tmp_path / "tee", SoftwareTdx.create(at=AT))
    return tmp_path / "tee"


@pytest.fixture
def crash(make: Callable[..., Trothd]) -> CrashPoints:
    return CrashPoints(load_configuration(str(make().config)).value)


# --- the boot and its memory ----------------------------------------------------------------------


def test_a_boot_survives_its_memory_and_nothing_else_does() -> None:
    boot = Boot.make(bytes(32), UNTOUCHED)
    descriptor = boot.seal()
    again = Boot.unseal(descriptor)
    assert (again.root, again.before, again.after) == (boot.root, boot.before, boot.after)
    with pytest.raises(PermissionError):
        os.write(descriptor, b"x")
    os.close(descriptor)
    assert repr(boot).count("key") == 0
    assert Boot.make(bytes(32), None).after is None


def test_memory_that_is_open_or_wrong_is_refused() -> None:
    bad = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    assert code_of(lambda: Boot.unseal(bad)) == "root.handed-over"
    os.close(bad)
    assert code_of(lambda: Boot.unseal(bad)) == "root.handed-over"
    own, other = Boot.make(bytes(32), None), Boot.make(bytes(32), None)
    mixed = Boot(key=own.key, root=other.root, before=None).seal()
    assert code_of(lambda: Boot.unseal(mixed)) == "root.handed-over"
    os.close(mixed)
    written: tuple[tuple[Any, str], ...] = (
        (bytes(48), "sha-256"),
        (bytes(20), "sha-1"),
        ("", "sha-384"),
    )
    for one in written:
        odd = Boot(key=own.key, root=own.root, before=Register(*one)).seal()
        assert code_of(partial(Boot.unseal, odd)) == "root.handed-over"
        os.close(odd)


@pytest.mark.parametrize("kind", ["tdx", "cca", "cca-256", "cca-384", "cove", "cove-sha3"])
def test_a_key_that_the_manager_kept_goes_on_where_it_was(
    tmp_path: Path, crash: CrashPoints, kind: str
) -> None:
    TEES[kind].create_in(tmp_path / "tee")
    driver = EmulatedDriver(tmp_path / "tee")
    first, descriptor = root_step(driver, tmp_path, bytes(32), None, crash)
    os.close(descriptor)
    second, descriptor = root_step(driver, tmp_path, bytes(32), first, crash)
    os.close(descriptor)
    assert second is first
    third, descriptor = root_step(driver, tmp_path, bytes(32), None, crash)
    os.close(descriptor)
    assert third.before is None  # unrooted: the key is gone
    assert driver.registers()[3] == first.after


def test_a_key_that_was_kept_before_the_extend_is_put_in(
    directory: Path, tmp_path: Path, crash: CrashPoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(EmulatedDriver):
        def extend(self, index: int, digest: bytes) -> None:
            raise DriverError("tsm.failed", f"{index} {len(digest)}")

    kept: list[int] = []
    monkeypatch.setattr(
        "troth.orchestrator.root_step.keep", lambda one, _: kept.append(os.dup(one))
    )
    args = (Failing(directory), tmp_path, bytes(32), None, crash)
    assert code_of(lambda: root_step(*args)) == "tsm.failed"
    held = Boot.unseal(kept[0])
    os.close(kept[0])
    boot, descriptor = root_step(EmulatedDriver(directory), tmp_path, bytes(32), held, crash)
    os.close(descriptor)
    assert boot is held
    assert EmulatedDriver(directory).registers()[3] == boot.after


def test_a_key_of_another_configuration_is_not_put_in(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    driver = EmulatedDriver(directory)
    held = Boot.make(bytes(32), UNTOUCHED)
    intent = cbor.encode([held.root.encoded, bytes(48), "sha-384"])
    (tmp_path / "root").write_bytes(intent)
    corrected = b"\1" * 32
    boot, descriptor = root_step(driver, tmp_path, corrected, held, crash)
    os.close(descriptor)
    assert boot is not held
    assert boot.root.configuration == corrected
    assert driver.registers()[3] == boot.after


def test_an_intent_that_cannot_be_read_was_never_whole(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    driver = EmulatedDriver(directory)
    first, descriptor = root_step(driver, tmp_path, bytes(32), None, crash)
    os.close(descriptor)
    whole = (tmp_path / "root").read_bytes()
    root = first.root.encoded
    for value in (
        [root, bytes(48)],
        [root, bytes(48), "sha-256"],
        [root, bytes(48), "md5"],
        [root, "0", "sha-384"],
        [b"", bytes(48), "sha-384"],
    ):
        (tmp_path / "root").write_bytes(cbor.encode(value))
        boot, descriptor = root_step(driver, tmp_path, bytes(32), first, crash)
        os.close(descriptor)
        assert boot is first  # what was handed over goes on, and nothing is extended
        assert driver.registers()[3] == first.after
        assert not will_extend(driver, tmp_path, None)
    (tmp_path / "root").write_bytes(whole)
    assert not will_extend(driver, tmp_path, first)


def test_an_extend_that_another_spoils_is_noticed(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    class Raced(EmulatedDriver):
        def extend(self, index: int, digest: bytes) -> None:
            super().extend(index, digest)
            super().extend(index, digest)

    args = (Raced(directory), tmp_path, bytes(32), None, crash)
    assert code_of(lambda: root_step(*args)) == "root.read-back"


def test_descriptors_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", "other")
    assert handed_over("troth-boot") is None
    monkeypatch.setenv("LISTEN_FDNAMES", "troth-boot")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert handed_over("troth-boot") is None
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    keep(0, "troth-boot")  # a manager that is deaf is no reason to fail


# --- epochs ---------------------------------------------------------------------------------------


class Here:
    def check(self) -> None:
        """Be here."""


def builder(
    directory: Path, crash: CrashPoints, *inject: Injection, **settings: float
) -> EpochBuilder:
    driver = EmulatedDriver(directory, inject=inject, latency_s=settings.pop("latency_s", 0.0))
    options = {"deadline_s": 30.0} | settings
    return EpochBuilder(
        Boot.make(bytes(32), None),
        Device(driver),
        StatementKeys(300, 900, time.monotonic),
        Anchors(900, time.monotonic),
        Settings(
            height=2,
            now=lambda: 5,
            clock=time.monotonic,
            alarms=lambda: 0,
            watch=lambda _: None,
            **options,
        ),
        metrics=OrchestratorMetrics(),
        crash=crash,
    )


def namespace(tmp_path: Path) -> Namespace:
    creation = Creation(id=Creation.new_id(), label="n", origin=1, cgroup="any")
    journal = Journal.create(tmp_path / creation.id.hex(), creation.encode())
    capabilities = frozenset({"evidence", "extend", "delegated"})
    return Namespace(creation, journal, Cgroup(Path(), None), capabilities, Limits())


WISH = Request(nonce=bytes(16), audience="x")


def test_a_report_that_comes_too_late_is_waited_for_no_longer(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    async def main() -> None:
        epochs = builder(directory, crash, latency_s=0.5, deadline_s=0.05)
        one = namespace(tmp_path)
        with pytest.raises(DriverError) as caught:
            await epochs.fresh(one, WISH, Here(), None)
        assert caught.value.code == "epoch.deadline"
        await epochs.close()
        one.release()

    asyncio.run(main())


def test_a_torn_report_is_said_if_it_stays_torn(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    async def main() -> None:
        torn = Injection(Fault.GENERATION, report=2, times=3)
        epochs = builder(directory, crash, torn)
        one = namespace(tmp_path)
        await epochs.fresh(one, WISH, Here(), None)
        with pytest.raises(DriverError) as caught:
            await epochs.fresh(one, WISH, Here(), None)
        assert caught.value.code == "tsm.report-torn"
        await epochs.close()
        one.release()

    asyncio.run(main())


def test_a_bug_refuses_its_callers_and_nobody_later(
    directory: Path, tmp_path: Path, crash: CrashPoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        epochs = builder(directory, crash)
        one = namespace(tmp_path)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        monkeypatch.setattr("troth.orchestrator.epoch.Tree", None)
        with pytest.raises(DriverError) as caught:
            await epochs.fresh(one, WISH, Here(), None)
        assert caught.value.code == "epoch.failed"
        monkeypatch.setattr("troth.orchestrator.epoch.Tree", Tree)
        assert await epochs.fresh(one, WISH, Here(), None)
        await epochs.close()
        one.release()

    asyncio.run(main())


def test_a_namespace_that_closes_while_it_waits_is_refused(
    directory: Path, tmp_path: Path, crash: CrashPoints
) -> None:
    async def main() -> None:
        epochs = builder(directory, crash, latency_s=0.2)
        one = namespace(tmp_path)
        first = asyncio.create_task(epochs.fresh(one, WISH, Here(), None))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(epochs.fresh(one, WISH, Here(), None))
        await asyncio.sleep(0.05)
        one.close()
        assert await first  # frozen while it lived
        with pytest.raises(DeniedError) as caught:
            await second
        assert caught.value.code == "namespace.closed"
        assert code_of(lambda: one.append("a", "b", "c")) == "namespace.closed"
        await epochs.close()

    asyncio.run(main())


def test_another_provider_is_another_machine(directory: Path) -> None:
    class Other(EmulatedDriver):
        def report(self, report_data: bytes, **_: object) -> Report:
            return Report(provider="sev_guest", outblob=report_data, generation=1)

    device = Device(Other(directory))
    with pytest.raises(DriverError) as caught:
        asyncio.run(device.report(bytes(64)))
    assert caught.value.code == "tsm.provider"
    device.close()


# --- keys and anchors -----------------------------------------------------------------------------


def test_a_statement_key_is_replaced_in_time_and_erased_in_time() -> None:
    now = [0.0]
    keys = StatementKeys(300, 900, lambda: now[0])
    first = keys.for_epoch()
    now[0] = 299.0
    assert keys.for_epoch() is first
    now[0] = 300.0
    second = keys.for_epoch()
    assert second is not first
    now[0] = 299.0 + 900
    keys.sweep()
    assert first.private.public.raw
    now[0] += 0.5
    keys.sweep()
    with pytest.raises(StaleError) as caught:
        _ = first.private
    assert caught.value.code == "evidence.anchor-missing"
    assert second.private.public.raw


def test_a_statement_key_is_erased_in_time_although_no_epoch_comes() -> None:
    now = [0.0]
    keys = StatementKeys(300, 900, lambda: now[0])
    only = keys.for_epoch()
    now[0] = 299.0
    assert keys.for_epoch() is only
    pause_s = keys.sweep()
    for _ in range(20):  # as the daemon does, and nobody asks
        if only.is_erased:
            break
        assert 1 <= pause_s <= 300
        now[0] += pause_s
        pause_s = keys.sweep()
    assert only.is_erased
    assert 299 + 900 < now[0] <= 299 + 900 + 2
    assert keys.for_epoch() is not only


def test_a_statement_key_signs_nothing_behind_its_time_swept_or_not() -> None:
    now = [0.0]
    keys = StatementKeys(300, 900, lambda: now[0])
    only = keys.for_epoch()
    now[0] = 900.0
    assert only.private.public.raw
    now[0] = 900.5
    assert code_of(lambda: only.private) == "evidence.anchor-missing"
    assert only.is_erased
    assert not keys.for_epoch().is_erased


def test_a_key_that_is_kept_for_less_than_its_period_is_named_no_more_when_erased() -> None:
    now = [0.0]
    keys = StatementKeys(300, 10, lambda: now[0])
    first = keys.for_epoch()
    now[0] = 11.0
    second = keys.for_epoch()
    assert (first.is_erased, second.is_erased) == (True, False)
    assert second.private.public.raw


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "verifier.unreachable"), (409, "verifier.stale"), (422, "verifier.refused")],
)
def test_a_verifiers_refusal_says_whether_to_ask_again(status: int, code: str) -> None:
    assert _refusal(status, b'{"code":"x"}').code == code
    assert _refusal(status, b"<html>").code == code
