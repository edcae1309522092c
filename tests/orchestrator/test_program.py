# SPDX-License-Identifier: Apache-2.0
"""The program: configurations, second instances, supervision, the admin socket."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd, call, until

CREATION = {"label": "late", "cgroup": "any", "capabilities": ["evidence", "extend"], "model": "A1"}


TOKENS = "[[namespace]]\nlabel='x'\ncgroup='any'\ncapabilities=['token:a']\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "troth.orchestrator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_good_configuration_is_good_and_nothing_is_touched(make: Callable[..., Trothd]) -> None:
    one = make()
    for program in ("serve", "root"):
        done = run(program, "--config", str(one.config), "--check-config")
        assert (done.returncode, done.stderr) == (0, "")
        sockets = [f"{label} at {one.socket(label)}" for label in ("payments", "reports")]
        assert done.stdout == (
            f"{one.config}: driver emulated, root register rtmr3, administrator at {one.admin},"
            f" {', '.join(sockets)}: ok\n"
        )
    assert not one.run.exists()
    bare = make("", name="bare", root_register="none")
    done = run("serve", "--config", str(bare.config), "--check-config")
    assert "root register none" in done.stdout
    assert done.stdout.endswith("no namespace: ok\n")


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("[[namespace]]\nlabel = 'x'\ncgruop = 'any'", ["namespace[2].cgruop", "line", "unknown"]),
        ("[[namespace]]\nlabel = 'x'", ["namespace[2].cgroup is missing", "line"]),
        (
            "[[namespace]]\nlabel = 'payments'\ncgroup = 'any'\ncapabilities = []",
            ["namespace[2].label", "taken"],
        ),
        (
            "[[namespace]]\nlabel = 'root'\ncgroup = 'any'\ncapabilities = []",
            ["namespace[2].label", "taken"],
        ),
        (
            "[[namespace]]\nlabel = '../x'\ncgroup = 'any'\ncapabilities = []",
            ["namespace[2].label", "line"],
        ),
        (
            "[[namespace]]\nlabel = 'x'\ncgroup = 'any'\ncapabilities = ['all']",
            ["namespace[2].capabilities", "'all'"],
        ),
        (
            "[[namespace]]\nlabel = 'x'\ncgroup = '/../../etc'\ncapabilities = []",
            ["namespace[2].cgroup", "any"],
        ),
        (
            '[[namespace]]\nlabel = "x"\ncgroup = "/a\\u0000b"\ncapabilities = []',
            ["namespace[2].cgroup", "any"],
        ),
        (
            '[[namespace]]\nlabel = "x"\ncgroup = "any"\ncapabilities = []\ngroup = "a\\u0000b"',
            ["namespace[2].group", "line"],
        ),
        (
            "[[namespace]]\nlabel = 'x'\ncgroup = 'y'\ncapabilities = []",
            ["namespace[2].cgroup", "any"],
        ),
        (
            "[[namespace]]\nlabel='x'\ncgroup='any'\ncapabilities=[]\nimage_digest='sha256:00'",
            ["namespace[2].image_digest"],
        ),
        (
            "[[namespace]]\nlabel='x'\ncgroup='any'\ncapabilities=['token:a']\ntoken=[{audience='a'}]",
            ["namespace[2].token[0].verifier", "no [verifier]"],
        ),
        ("[verifier]\nurl = 'ftp://x'\naudience = 'a'", ["verifier.url", "line"]),
        ("[verifier]\nurl = 'http://verifier.example'\naudience = 'a'", ["verifier.url", "https"]),
        (
            "[verifier]\nurl = 'https://x'\naudience = 'a'\nca = '/nowhere/ca.pem'",
            ["verifier.url", "usage.tls", "/nowhere/ca.pem"],
        ),
        (
            TOKENS + "token=[{audience='a', verifier='http://x'}]",
            ["namespace[2].token[0].verifier", "https"],
        ),
        (
            TOKENS + "token=[{audience='a', ca='/x'}]\n[verifier]\nurl='https://x'\naudience='a'",
            ["namespace[2].token[0].ca"],
        ),
        (
            TOKENS
            + "token=[{audience='a', verifier='https://x'}, {audience='a', verifier='https://y'}]",
            ["namespace[2].token[1].audience", "taken"],
        ),
        (
            "[[namespace]]\nlabel='x'\ncgroup='any'\ncapabilities=['secret:db/*']",
            ["namespace[2].capabilities", "'secret:db/*'", "broker's policy"],
        ),
        ("[tsm2]", ["tsm2", "unknown"]),
        ("x =", ["trothd.toml"]),
    ],
)
def test_a_bad_configuration_names_file_key_and_line(
    make: Callable[..., Trothd], tail: str, words: list[str]
) -> None:
    one = make(tail=tail)
    done = run("serve", "--config", str(one.config), "--check-config")
    assert done.returncode == 2
    for word in (*words, "usage.configuration", "trothd.toml"):
        assert word in done.stderr


def test_errors_have_the_form_of_the_other_programs(make: Callable[..., Trothd]) -> None:
    one = make(tail="[tsm2]")
    done = run("serve", "--config", str(one.config))
    assert done.returncode == 2
    sentence, code = done.stderr.splitlines()
    assert sentence == "trothd: error: the configuration file cannot be used"
    assert code.startswith(f"  usage.configuration: {one.config}: tsm2")
    done = run("serve", "--confg", "x")
    assert done.returncode == 2
    sentence, code = done.stderr.splitlines()
    assert sentence == "trothd: error: the command line cannot be understood"
    assert code.startswith("  usage.arguments: ")
    (one.tee / "tee.json").unlink()
    one.config.write_text(one.config.read_text().replace("[tsm2]", ""))
    done = run("serve", "--config", str(one.config))
    assert done.returncode == 7
    assert "\ntrothd: error: the saved state of a software TEE" in f"\n{done.stderr}"
    assert "\n  tsm.state: " in done.stderr


def test_a_second_trothd_is_refused(make: Callable[..., Trothd]) -> None:
    one = make().start()
    for program in ("serve", "root"):
        done = run(program, "--config", str(one.config))
        assert done.returncode == 2
        assert "usage.running" in done.stderr
    assert one.evidence("payments").status == 200


def test_an_impossible_run_directory_is_refused(make: Callable[..., Trothd]) -> None:
    one = make()
    one.run.write_text("a file")
    done = run("root", "--config", str(one.config))
    assert (done.returncode, "usage.file" in done.stderr) == (2, True)


def test_a_namespace_that_cannot_be_made_ends_the_start(make: Callable[..., Trothd]) -> None:
    bad = "[[namespace]]\nlabel = 'x'\ncgroup = '/no/such/cgroup'\ncapabilities = []"
    one = make(tail=bad)
    done = run("serve", "--config", str(one.config))
    assert (done.returncode, "identity.cgroup" in done.stderr) == (7, True)


def test_without_a_software_tee_the_machine_is_to_blame(make: Callable[..., Trothd]) -> None:
    one = make()
    (one.tee / "tee.json").unlink()
    done = run("root", "--config", str(one.config))
    assert (done.returncode, "tsm.state" in done.stderr) == (7, True)


def test_a_configuration_that_changed_after_the_root_step_is_refused(
    make: Callable[..., Trothd],
) -> None:
    one = make().start()
    one.config.write_text(one.config.read_text() + "# another\n")
    os.kill(one.daemon_pid(), signal.SIGKILL)
    assert one.process is not None
    assert one.process.wait(30) == 2
    assert "not the configuration that this boot's root statement names" in one.log()


def test_serve_alone_is_unrooted_and_says_so(make: Callable[..., Trothd]) -> None:
    one = make().start(program="serve")
    assert not read(one.evidence("payments").body, one.software()).rooted
    assert call(one.admin, "GET", "/v1/health").json == {"status": "ok", "rooted": False}


def test_where_no_register_is_used_the_root_step_extends_none(make: Callable[..., Trothd]) -> None:
    one = make(root_register="none").start()
    got = read(one.evidence("payments").body, one.software())
    assert got.registers == (bytes(48),) * 4
    assert not one.status()["rooted"]
    key = got.root
    one.kill_daemon()
    assert read(one.evidence("payments").body, one.software()).root == key


def test_a_command_gets_the_key_and_its_status_is_ours(make: Callable[..., Trothd]) -> None:
    one = make()
    program = "import os, sys; os.fstat(3); sys.exit(os.environ['LISTEN_FDNAMES'] != 'troth-boot')"
    done = run("root", "--config", str(one.config), "--", sys.executable, "-c", program)
    assert done.returncode == 0


def test_sockets_are_for_owner_and_group_alone(shared: Trothd) -> None:
    for path in (shared.socket("payments"), shared.admin):
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o660
    assert stat.S_IMODE(shared.socket("payments").parent.stat().st_mode) == 0o750
    assert stat.S_IMODE((shared.run / "state").stat().st_mode) == 0o700
    for path in (shared.run / "state").iterdir():
        assert path.name == "boot" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_end_is_in_good_order(make: Callable[..., Trothd]) -> None:
    one = make().start()
    assert one.stop() == 0


def test_the_administrator_makes_seals_and_closes(make: Callable[..., Trothd]) -> None:
    one = make().start()
    made = call(one.admin, "POST", "/v1/namespaces", CREATION)
    assert made.status == 201
    got = read(one.evidence("late").body, one.software())
    assert got.namespace[3] == 2  # made by the administrator
    assert got.namespace[1].hex() == made.json["id"]
    one.event("late", "a")
    assert call(one.admin, "POST", "/v1/namespaces/late/seal").json["model"]["phase"] == "sealed"
    again = call(one.admin, "POST", "/v1/namespaces/late/seal")
    assert (again.status, again.code) == (403, "model.phase")
    assert call(one.admin, "POST", "/v1/namespaces/reports/seal").code == "model.phase"
    assert call(one.admin, "POST", "/v1/namespaces", CREATION).code == "namespace.label-taken"
    assert call(one.admin, "POST", "/v1/namespaces/late/close").status == 200
    assert not one.socket("late").exists()
    assert call(one.admin, "POST", "/v1/namespaces/late/close").code == "namespace.unknown"
    remade = call(one.admin, "POST", "/v1/namespaces", CREATION).json
    assert remade["id"] != made.json["id"]


def test_a_closed_namespace_refuses_open_connections(make: Callable[..., Trothd]) -> None:
    from tests.orchestrator.running import UnixConnection, ask, wish  # noqa: PLC0415 - only here

    one = make(tsm="latency_ms = 600").start()
    connection = UnixConnection(one.socket("payments"))
    assert ask(connection, "POST", "/v1/evidence", wish()).status == 200
    call(one.admin, "POST", "/v1/namespaces/payments/close")
    refused = 0
    try:
        refused = ask(connection, "POST", "/v1/evidence", wish()).status
    except OSError:
        refused = 403  # it was idle and is closed
    connection.close()
    assert refused == 403
    until(lambda: len(one.status()["namespaces"]) == 1)
    assert one.evidence("reports").status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"label": "Root"},
        {"label": ""},
        {"capabilities": ["everything"]},
        {"cgroup": "here"},
        {"unknown": 1},
        {"image_digest": "md5:00"},
    ],
)
def test_the_administrator_is_corrected(shared: Trothd, change: dict[str, object]) -> None:
    answer = call(shared.admin, "POST", "/v1/namespaces", CREATION | change)
    assert answer.status == 400
    assert answer.code in {"json.type", "namespace.settings"}


def test_a_namespace_whose_socket_cannot_be_made_is_not_there(make: Callable[..., Trothd]) -> None:
    one = make().start()
    settings = CREATION | {"group": "nobody-is-of-this-group"}
    answer = call(one.admin, "POST", "/v1/namespaces", settings)
    assert (answer.status, answer.code) == (503, "state.write")
    assert "nobody-is-of-this-group" in answer.json["detail"]
    assert not one.socket("late").exists()
    assert [each["label"] for each in one.status()["namespaces"]] == ["payments", "reports"]
    assert call(one.admin, "POST", "/v1/namespaces", CREATION).status == 201


def test_an_image_digest_is_in_the_statement(make: Callable[..., Trothd]) -> None:
    namespaces = f"""
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence"]
image_digest = "sha256:{"ab" * 32}"
"""
    one = make(namespaces, trothd="caller_uid = true").start()
    got = read(one.evidence("payments").body, one.software())
    assert got.namespace[6] == [-16, bytes.fromhex("ab" * 32)]
    assert got.statement[-65539] == {1: 1, 2: os.getuid()}


def test_full_logs_refuse_and_count_a_gap(make: Callable[..., Trothd]) -> None:
    namespaces = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend"]
limits = { log_entries = 2, log_bytes = 2048 }
"""
    one = make(namespaces).start()
    assert one.event("payments", "x" * 3000).code == "log.full"
    assert one.event("payments").status == 200
    assert one.event("payments").status == 200
    refused = one.event("payments")
    assert (refused.status, refused.code) == (403, "log.full")
    got = read(one.evidence("payments").body, one.software())
    assert (got.namespace[4][0], got.namespace[5]) == (2, 2)


def test_a_full_log_does_not_hide_the_step_out_of_the_model(make: Callable[..., Trothd]) -> None:
    namespaces = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend"]
model = "A1"
limits = { log_entries = 2, log_bytes = 2048 }
"""
    one = make(namespaces).start()
    assert one.event("payments", "known").status == 200
    assert call(one.admin, "POST", "/v1/namespaces/payments/seal").status == 200
    assert one.event("payments", "known").status == 200
    assert one.event("payments", "known").code == "log.full"
    left = one.event("payments", "unknown")
    assert (left.status, left.json["forensic"]) == (200, 1)
    assert one.event("payments", "another").code == "log.full"
    model = call(one.socket("payments"), "GET", "/v1/namespace").json["model"]
    assert model["forensic"] == 1


def test_the_metrics_name_no_namespace(shared: Trothd) -> None:
    shared.evidence("payments")
    text = call(shared.admin, "GET", "/metrics").body
    assert b"troth_epochs_total" in text
    assert b"payments" not in text


def test_the_run_directory_may_be_named_by_a_long_path(tmp_path: Path) -> None:
    one = Trothd(tmp_path / ("x" * 100), "[[namespace]]\nlabel='a'\ncgroup='any'\ncapabilities=[]")
    done = run("root", "--config", str(one.config))
    assert (done.returncode, "usage.socket" in done.stderr) == (2, True)
