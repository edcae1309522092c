# SPDX-License-Identifier: Apache-2.0
"""trothd as a process over each software TEE: the root step, bundles, alarms, crashes, settings."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import cbor2
import pytest

from tests.orchestrator.conftest import PAYMENTS, REPORTS
from tests.orchestrator.reader import ALARMS, ANCHOR, read
from tests.orchestrator.running import Trothd
from tests.orchestrator.tees import TEES, judged
from troth.evidence.binding import Bundle
from troth.policy import parse_policy
from troth.policy.bundle_template import bundle_policy_template
from troth.policy.judgement import BundleView
from troth.tsm.emulated.driver import EmulatedDriver

Make = Callable[..., Trothd]

SVSM: Final = "[tsm.service]\n"
EVERY: Final = {
    "snp": "",
    "snp-vlek-level-2": "",
    "svsm": SVSM,
    "cca": "",
    "cca-256": "",
    "cca-384": "",
    "cove": "",
    "cove-sha3": "",
}
ROOTED: Final = [one for one in EVERY if TEES[one].register != "none"]
UNROOTED: Final = [one for one in EVERY if TEES[one].register == "none"]
PROVIDERS: Final = {"rem3": "arm_cca_guest", "runtime3": "cove_guest", "none": "sev_guest"}
TEST: Final = "[test]\ncrash = true"


@pytest.fixture(scope="module", params=EVERY)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trothd]:
    """Return a trothd over each software TEE, for tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("kind") / "t"
    one = Trothd(directory, PAYMENTS + REPORTS, kind=request.param, tsm=EVERY[request.param])
    yield one.start()
    one.kill()


def test_a_boot_is_rooted_where_there_is_a_register_and_says_it_where_there_is_none(
    running: Trothd,
) -> None:
    is_rooted = running.kind in ROOTED
    status = running.status()
    assert (status["rooted"], status["alarms"]) == (is_rooted, 0)
    assert status["provider"] == PROVIDERS[TEES[running.kind].register]
    assert ("root.extended" in running.log()) is is_rooted
    assert ("root.unrooted" in running.log()) is not is_rooted


def test_a_fresh_bundle_holds_from_the_statement_to_the_root(running: Trothd) -> None:
    answer = running.evidence("payments")
    assert (answer.status, Bundle.parse(answer.body).encoded) == (200, answer.body)
    got = read(answer.body, running.software())
    assert got.rooted is (running.kind in ROOTED)
    assert got.statement[ALARMS] == 0


def test_a_delegated_bundle_rests_on_a_fresh_one(running: Trothd) -> None:
    assert running.evidence("payments").status == 200
    answer = running.evidence("payments", mode="delegated")
    assert Bundle.parse(answer.body).encoded == answer.body
    got = read(answer.body, running.software())
    assert ANCHOR in got.statement
    assert got.rooted is (running.kind in ROOTED)


def test_the_bundle_has_what_the_kernel_would_hand_out(running: Trothd) -> None:
    got = read(running.evidence("payments").body, running.software())
    report: dict[str, Any] = cbor2.loads(got.members["report"][1])
    is_snp = running.kind in UNROOTED
    assert set(report) - {"provider", "outblob"} == {
        *(["auxblob"] if is_snp else []),
        *(["service"] if running.kind == "svsm" else []),
    }
    if is_snp:
        assert report["auxblob"] == running.software().certificate_table()
    # The SVSM reports from level 0; without it the lowest level that the guest may ask from.
    assert got.vmpl == {"snp": 0, "snp-vlek-level-2": 2, "svsm": 0}.get(running.kind)


def test_a_verifier_accepts_the_whole_bundle_by_the_policy_made_from_one(running: Trothd) -> None:
    tee, bundle = running.software(), running.evidence("payments").body
    text = bundle_policy_template(Bundle.parse(bundle), "bundle")
    text = text.replace('emulated = "deny"', 'emulated = "accept"')
    text = text.replace('cnf = "required"', 'cnf = "any"')
    text = text.replace('modes = ["fresh"]', 'modes = ["fresh", "delegated"]')
    policy = parse_policy(text.encode(), "p.toml")
    due = TEES[running.kind].register
    for data in (bundle, running.evidence("payments", mode="delegated").body):
        found = judged(data, tee, policy)
        assert (found.verdict, found.code) == ("accepted", None)
        assert f".{found.tee}" in TEES[running.kind].module.__name__
        assert isinstance(found.bundle, BundleView)
        assert found.bundle.root == due
    other = TEES[running.kind].make()
    if running.kind not in UNROOTED:  # another platform's key vouches for nothing here
        assert judged(bundle, other, policy).verdict == "untrusted"


# --- registers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cca", "cca-256", "cove-sha3"])
def test_a_foreign_extend_raises_alarms_in_later_statements(make: Make, kind: str) -> None:
    one = make(kind=kind).start()
    assert read(one.evidence("payments").body, one.software()).rooted
    size = len(one.software().registers()[3])
    one.extend(2, bytes(size))
    still = read(one.evidence("payments").body, one.software())
    assert (still.rooted, still.statement[ALARMS]) == (True, 0)  # it was hashed before
    one.extend(3, bytes(size))
    spoiled = read(one.evidence("payments").body, one.software())
    assert (spoiled.rooted, spoiled.statement[ALARMS]) == (False, 1)
    later = read(one.evidence("payments").body, one.software())
    assert later.statement[ALARMS] == 2
    assert (one.status()["alarms"], one.status()["rooted"]) == (2, False)
    name = {"rem3": "REM", "runtime3": "runtime register "}[TEES[kind].register]
    assert f'"{name}2"' in one.log()
    assert f'"{name}3"' in one.log()


def test_an_injected_foreign_extend_is_an_alarm(make: Make) -> None:
    inject = '[[tsm.inject]]\nfault = "foreign-extend"\nreport = 2'
    one = make(kind="cca", tail=inject).start()
    rooted = [read(one.evidence("payments").body, one.software()).rooted for _ in range(3)]
    assert rooted == [True, False, False]
    assert one.status()["alarms"] == 1


@pytest.mark.parametrize("kind", ["snp", "svsm"])
def test_without_registers_there_are_no_alarms(make: Make, kind: str) -> None:
    one = make(kind=kind, tsm=EVERY[kind]).start()
    for _ in range(3):
        assert read(one.evidence("payments").body, one.software()).statement[ALARMS] == 0
    assert one.status()["alarms"] == 0


@pytest.mark.parametrize("kind", ["cca", "cove"])
def test_a_foreign_extend_before_the_root_step_shows(make: Make, kind: str) -> None:
    one = make(kind=kind)
    one.extend(3, bytes(len(one.software().registers()[3])))
    one.start()
    assert not read(one.evidence("payments").body, one.software()).rooted
    assert "root.unrooted" in one.log()


@pytest.mark.parametrize("kind", ["cca", "cove"])
def test_a_register_that_is_not_used_is_left_as_it_is(make: Make, kind: str) -> None:
    one = make(kind=kind, root_register="none").start()
    got = read(one.evidence("payments").body, one.software())
    assert (got.rooted, any(map(any, got.registers))) == (False, False)


# --- crashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["snp", "cca-384", "cove"])
def test_a_restart_goes_on_with_the_same_boot_key(make: Make, kind: str) -> None:
    one = make(kind=kind).start()
    one.event("payments")
    before = read(one.evidence("payments").body, one.software())
    one.kill_daemon()
    assert one.evidence("payments", mode="delegated").code == "evidence.anchor-missing"
    after = read(one.evidence("payments").body, one.software())
    assert after.root == before.root
    assert after.rooted is before.rooted is (kind in ROOTED)
    assert after.namespace[4][0] == 1
    delegated = read(one.evidence("payments", mode="delegated").body, one.software())
    assert ANCHOR in delegated.statement


@pytest.mark.parametrize("kind", ["snp", "cca", "cove-sha3"])
def test_a_restart_without_the_key_is_unrooted(make: Make, kind: str) -> None:
    one = make(kind=kind).start()
    before = read(one.evidence("payments").body, one.software())
    one.kill()
    one.start()
    after = read(one.evidence("payments").body, one.software())
    assert after.root[2] != before.root[2]
    assert (after.rooted, one.status()["rooted"]) == (False, False)


@pytest.mark.parametrize("kind", ["cca", "cca-256", "cove-sha3"])
def test_a_restart_without_key_and_intent_is_unrooted(make: Make, kind: str) -> None:
    one = make(kind=kind).start()
    one.kill()
    (one.run / "root").unlink()
    one.start()
    assert not read(one.evidence("payments").body, one.software()).rooted


@pytest.mark.parametrize(
    ("point", "rooted"),
    [("root.sealed", True), ("root.intended", True), ("root.extended", False)],
)
@pytest.mark.parametrize("kind", ["cca-256", "cove-sha3"])
def test_killed_in_the_root_step(
    make: Make, tmp_path: Path, kind: str, point: str, *, rooted: bool
) -> None:
    environment = {"TROTH_CRASH_AT": f"{point}@{tmp_path / 'crashed'}"}
    one = make(kind=kind, tail=TEST, environment=environment).start(wait=False)
    assert one.process is not None
    assert one.process.wait(30) == -signal.SIGKILL
    one.kill()
    one.start()
    got = read(one.evidence("payments").body, one.software())
    assert got.rooted is rooted
    assert one.status()["rooted"] is rooted


# --- what a configuration asks for and the TSM does not have --------------------------------------


def ended(one: Trothd, program: str = "root") -> int:
    one.start(program=program, wait=False)
    assert one.process is not None
    return one.process.wait(60)


@pytest.mark.parametrize("program", ["root", "serve"])
@pytest.mark.parametrize(
    ("kind", "word", "said"),
    [
        ("tdx", "rem3", 'that of tdx_guest is "rtmr3"'),
        ("cca", "rtmr3", 'that of arm_cca_guest is "rem3"'),
        ("cove", "rem3", 'that of cove_guest is "runtime3"'),
        ("snp", "rtmr3", 'SEV-SNP has no runtime registers; write "none"'),
    ],
)
def test_a_root_register_of_another_tsm_is_refused_with_the_word_to_write(
    make: Make, program: str, kind: str, word: str, said: str
) -> None:
    one = make(kind=kind, root_register=word)
    assert ended(one, program) == 2
    assert "usage.configuration" in one.log()
    assert "trothd.root_register (line 4)" in one.log()
    assert said in one.log()
    if kind != "snp":
        assert not any(map(any, EmulatedDriver(one.tee).registers()))


def test_a_word_that_is_no_register_is_refused(make: Make) -> None:
    one = make(kind="snp", root_register="pcr8")
    assert ended(one) == 2
    assert "usage.configuration" in one.log()


def test_a_register_that_does_not_take_the_root_digest_ends_the_root_step(make: Make) -> None:
    one = make(kind="cove-512")
    assert ended(one) == 7
    assert "tsm.register" in one.log()
    assert not any(EmulatedDriver(one.tee).registers()[3])
    assert make(kind="cove-512", root_register="none").start().status()["rooted"] is False


@pytest.mark.parametrize(
    ("kind", "tsm", "code"),
    [
        ("snp", '[[tsm.inject]]\nfault = "foreign-extend"', "tsm.no-registers"),
        ("snp", SVSM, "tsm.argument"),
        ("svsm", "privlevel = 1", "tsm.argument"),
        ("svsm", '[tsm.service]\nguid = "00000000-0000-0000-0000-000000000001"', "tsm.argument"),
        ("cca", SVSM, "tsm.argument"),
        ("cove", "privlevel = 0", "tsm.argument"),
    ],
)
def test_what_the_tsm_does_not_have_is_refused_at_the_start(
    make: Make, kind: str, tsm: str, code: str
) -> None:
    one = make(kind=kind, tsm=tsm)
    assert ended(one) == 7
    assert code in one.log()
