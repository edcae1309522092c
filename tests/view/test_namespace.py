# SPDX-License-Identifier: Apache-2.0
"""`troth emulate tdx -- PROGRAM`: the view where the kernel would show a TEE."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import HEARS_SIGINT, PROGRAM, Outcome, environment, troth
from tests.view.mounting import is_mount, needs_fuse
from troth.evidence.eventlog import MAPPINGS, parse_cc_log, replay
from troth.evidence.eventlog.ccel_table import CC_TYPE_TDX, CcelTable
from troth.tsm.emulated.view.placing import planned

pytestmark = needs_fuse

ENTRY = "/sys/kernel/config/tsm/report/x"
MEASUREMENTS = "/sys/class/misc/tdx_guest/measurements"
TABLES = "/sys/firmware/acpi/tables"


def inside(script: str, *options: str) -> Outcome:
    """Run a shell inside."""
    return troth("emulate", "tdx", *options, "--", "sh", "-c", script)


def test_the_hard_coded_path_works(tmp_path: Path) -> None:
    script = f"mkdir {ENTRY} && head -c 64 /dev/zero > {ENTRY}/inblob && wc -c < {ENTRY}/outblob"
    done = troth("emulate", "tdx", "--", "sh", "-c", script, TMPDIR=str(tmp_path))
    assert done.status == 0, done.err
    assert int(done.text) > 4000
    assert not Path(ENTRY).exists()
    assert not is_mount(Path("/sys/kernel"))
    assert list(tmp_path.iterdir()) == []


def test_a_quote_from_inside_verifies_under_the_root_that_is_named_there(tmp_path: Path) -> None:
    done = inside(
        f"mkdir {ENTRY} && head -c 64 /dev/zero > {ENTRY}/inblob && cat {ENTRY}/outblob"
        f" > {tmp_path}/quote && cp $TROTH_EMULATED_TDX/root.pem"
        f" $TROTH_EMULATED_TDX/collateral.json {tmp_path}"
    )
    assert done.status == 0, done.err
    own = ("--root", tmp_path / "root.pem", "--collateral", tmp_path / "collateral.json")
    assert troth("verify", tmp_path / "quote", *own, "--json").json()["verdict"] == "genuine"


def test_the_registers_are_at_both_paths_and_the_log_replays_to_them(tmp_path: Path) -> None:
    done = inside(
        f"cp {TABLES}/CCEL {tmp_path}/table; cp {TABLES}/data/CCEL {tmp_path}/log;"
        f"for n in 0 1 2 3; do cp {MEASUREMENTS}/rtmr$n:sha384 {tmp_path}/rtmr$n; done;"
        f"cmp {MEASUREMENTS}/rtmr0:sha384"
        " /sys/devices/virtual/misc/tdx_guest/measurements/rtmr0:sha384"
    )
    assert done.status == 0, done.err
    table = CcelTable.parse((tmp_path / "table").read_bytes())
    log = (tmp_path / "log").read_bytes()
    assert (table.cc_type, table.log_area_bytes) == (CC_TYPE_TDX, len(log))
    parsed = parse_cc_log(log)
    values = replay(parsed.extends("sha384"), MAPPINGS["cc"])
    assert set(values) == {"rtmr0", "rtmr1", "rtmr2"}
    for name, value in values.items():
        assert (tmp_path / name).read_bytes() == value
        assert value != bytes(48)
    assert (tmp_path / "rtmr3").read_bytes() == bytes(48)
    assert parsed.examine("sha384").findings == []


def test_the_rest_of_sys_is_as_it_was_and_nothing_can_be_made_there() -> None:
    done = inside(
        "ls /sys/kernel; ls /sys/class/misc; cat /sys/kernel/uevent_seqnum;"
        "touch /sys/kernel/new 2>/dev/null && echo made"
    )
    names = set(done.text.split())
    assert {one.name for one in Path("/sys/kernel").iterdir()} <= names
    assert {one.name for one in Path("/sys/class/misc").iterdir()} <= names
    assert "made" not in names


def test_where_a_tee_is_another_can_be_put_over_it() -> None:
    look = f"cat {MEASUREMENTS}/rtmr3:sha384 {TABLES}/CCEL {TABLES}/data/CCEL | sha256sum"
    extend = f"head -c 48 /dev/zero > {MEASUREMENTS}/rtmr3:sha384"
    nested = f"{PROGRAM} emulate tdx -- sh -c 'mkdir {ENTRY}; {extend}; {look}'"
    done = inside(f"mkdir {ENTRY}; {look}; {nested} && rmdir {ENTRY} && {look}")
    assert done.status == 0, done.err
    outer, inner, outer_again = done.text.splitlines()
    assert outer == outer_again != inner


@pytest.mark.parametrize("status", [0, 7])
def test_the_exit_status_is_the_programs(status: int) -> None:
    assert inside(f"exit {status}").status == status


def test_a_program_that_a_signal_killed() -> None:
    assert inside("kill -KILL $$").status == 128 + signal.SIGKILL


def test_programs_that_cannot_run(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for name, status in (("no-such-program", 127), (plain, 126)):
        done = troth("emulate", "tdx", "--", name)
        assert done.status == status
        assert str(name) in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_program(number: signal.Signals, tmp_path: Path) -> None:
    script = f"trap 'exit 42' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*HEARS_SIGINT, PROGRAM, "emulate", "tdx", "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        assert running.wait(timeout=60) == 42
    assert list(tmp_path.iterdir()) == []


KILL_THE_DAEMON = """
import errno, os, signal, sys
from pathlib import Path
for stat in Path("/proc").glob("[0-9]*/stat"):
    parent = int(stat.read_text().rpartition(")")[2].split()[1])
    if parent == os.getppid() and int(stat.parent.name) != os.getpid():
        os.kill(int(stat.parent.name), signal.SIGKILL)
        break
while True:
    try:
        os.listdir("/sys/kernel/config/tsm")
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            sys.exit(3)
"""


def test_a_daemon_that_dies_is_said_and_the_status_is_the_programs(tmp_path: Path) -> None:
    program = (sys.executable, "-c", KILL_THE_DAEMON)
    done = troth("emulate", "tdx", "--", *program, TMPDIR=str(tmp_path))
    assert done.status == 3
    assert "daemon died" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_named_tee_is_shown_and_kept(tee: Path) -> None:
    done = inside("echo $TROTH_EMULATED_TDX", "--tee", str(tee))
    assert done.text == f"{tee}\n"
    assert (tee / "tee.json").exists()


def test_kernel_6_12_has_no_registers() -> None:
    done = inside(f"test -e {MEASUREMENTS} || mkdir {ENTRY}", "--kernel", "6.12")
    assert done.status == 0, done.err


def test_without_the_right_to_mount_a_user_namespace_is_taken() -> None:
    script = f"mkdir {ENTRY} && head -c 64 /dev/zero > {ENTRY}/inblob && wc -c < {ENTRY}/outblob"
    without_mounting = ("/usr/bin/setpriv", "--bounding-set", "-sys_admin")
    done = subprocess.run(
        [*without_mounting, PROGRAM, "emulate", "tdx", "--", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 4000
    assert "a user namespace" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mount", "somewhere", "--", "true"), "choose one"),
        (("--",), "name the program"),
        (("--fail", "nonsense", "--", "true"), "no such errno"),
        (("--tee", "absent", "--", "true"), "no such directory"),
        (("--tee", "", "--", "true"), "take a directory"),
        (("--mount", ""), "take a directory"),
        (("--kernel", "5.10", "--", "true"), "5.10"),
        (("--mount", "somewhere", "quote", "td", "--report-data", "00"), "go without a command"),
    ],
)
def test_misuse(arguments: tuple[str, ...], said: str) -> None:
    done = troth("emulate", "tdx", *arguments)
    assert done.status == 2
    assert said in done.err
    assert "software TDX of" not in done.err


def test_nothing_is_announced_that_is_not_there() -> None:
    done = troth("emulate", "tdx", "--tee", "/etc", "--", "true")
    assert done.status == 2
    assert "usage.file: /etc: no software TEE; make one with" in done.err
    assert "software TDX of" not in done.err


def test_alone_it_says_how_it_is_used() -> None:
    done = troth("emulate", "tdx")
    assert done.status == 2
    assert "-- PROGRAM" in done.err


def test_the_plan_covers_what_exists_and_widens_what_does_not(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "there/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("there")
    targets = [Path("kernel/config/tsm"), Path("there/deep"), Path("link"), Path("new/a/b")]
    plan = planned(targets, tmp_path)
    assert plan.covered == [Path("there/deep")]
    assert plan.widened == {Path(): {"new"}, Path("kernel"): {"config"}}
