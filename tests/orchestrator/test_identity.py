# SPDX-License-Identifier: Apache-2.0
"""Who is on a socket: what the kernel says of living, dead and moved processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd, until
from troth.errors import DeniedError, DriverError
from troth.orchestrator.identity import Cgroup, Peer, admit, find_hierarchy

ANYWHERE = Cgroup(Path(), None)

# Connects, hands the connection to a child, and ends when told; the child asks on request.
PARENT = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
if os.fork() == 0:
    print("up", flush=True)
    for line in sys.stdin:
        s.sendall(b"GET /v1/namespace HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
        print(s.recv(65536).split(b" ")[1].decode(), flush=True)
    os._exit(0)
os.wait() if sys.argv[2] == "stay" else os._exit(0)
"""

# Moves itself into a cgroup, connects, asks when told, and moves when told.
MOVER = """
import os, socket, sys
open(sys.argv[2] + "/cgroup.procs", "w").write(str(os.getpid()))
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.settimeout(20)
for line in sys.stdin:
    if line.startswith("/"):
        open(line.strip() + "/cgroup.procs", "w").write(str(os.getpid()))
        print("moved", flush=True)
        continue
    s.sendall(b"GET /v1/namespace HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
    answer = s.recv(65536)
    code = answer.partition(b'"code":"')[2].split(b'"')[0]
    print(answer.split(b" ")[1].decode(), code.decode(), flush=True)
"""


def talk(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):
            stream.close()
    process.wait(20)


@pytest.fixture
def cgroups() -> Iterator[Callable[[str], Path]]:
    """Return a maker of cgroups; skipped where this machine lets us make none."""
    made: list[Path] = []

    def maker(name: str) -> Path:
        try:
            path = find_hierarchy() / f"troth-{os.getpid()}-{name}"
            path.mkdir(parents=True)
        except (DriverError, OSError) as error:
            pytest.skip(f"no cgroup can be made here: {error}")
        made.append(path)
        return path

    yield maker
    for path in reversed(made):
        until(lambda path=path: "populated 0" in (path / "cgroup.events").read_text(), 10)
        path.rmdir()


def namespace(label: str, path: Path) -> str:
    below = "/" + str(path.relative_to(find_hierarchy()))
    return f"""
[[namespace]]
label = "{label}"
cgroup = "{below}"
capabilities = ["evidence"]
"""


def test_a_living_connector_is_answered_through_its_child(shared: Trothd) -> None:
    process = talk(PARENT, str(shared.socket("payments")), "stay")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert say(process, "ask") == "200"
    end(process)


def test_a_dead_connector_with_a_living_child_is_refused(shared: Trothd) -> None:
    process = talk(PARENT, str(shared.socket("payments")), "go")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.wait(20)
    assert say(process, "ask") == "403"
    end(process)


def test_admit_refuses_who_was_reaped_before_accept(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen()
    program = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "os.fork() or __import__('time').sleep(30)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "s")], start_new_session=True
    )
    process.wait(20)
    accepted, _ = listening.accept()
    with pytest.raises(DeniedError, match=r"identity.unknown"):
        admit(accepted, ANYWHERE)
    os.killpg(process.pid, 15)
    accepted.close()
    listening.close()


def test_a_peer_is_ours_until_it_is_closed() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    peer = admit(left, ANYWHERE)
    peer.check()
    assert peer.pid == os.getpid()
    peer.close()
    peer.close()
    with pytest.raises(DeniedError, match=r"identity.gone"):
        peer.check()
    left.close()
    right.close()


def test_a_socket_that_is_no_unix_socket_has_no_peer() -> None:
    with socket.socket(socket.AF_INET) as one, pytest.raises(DeniedError) as caught:
        admit(one, ANYWHERE)
    assert caught.value.code == "identity.unknown"


def test_a_cgroup_is_told_by_id_and_from_below(cgroups: Callable[[str], Path]) -> None:
    outer = cgroups("outer")
    inner = cgroups("outer/inner")
    other = cgroups("other")
    mount = find_hierarchy()
    with running_in(inner) as peer:
        Cgroup.at(mount, str(inner.relative_to(mount))).check(peer)
        above = Cgroup.at(mount, "/" + str(outer.relative_to(mount)))
        above.check(peer)
        above.check(peer)  # remembered
        with pytest.raises(DeniedError, match=r"identity.cgroup-other"):
            Cgroup.at(mount, str(other.relative_to(mount))).check(peer)


def test_a_path_used_again_is_another_cgroup(cgroups: Callable[[str], Path]) -> None:
    path = cgroups("again")
    mount = find_hierarchy()
    before = Cgroup.at(mount, str(path.relative_to(mount)))
    path.rmdir()
    path.mkdir()
    with running_in(path) as peer, pytest.raises(DeniedError, match=r"identity.cgroup-other"):
        before.check(peer)


def test_a_missing_cgroup_is_said() -> None:
    with pytest.raises(DriverError, match=r"identity.cgroup"):
        Cgroup.at(find_hierarchy(), "/no/such/cgroup")


def test_without_the_newest_call_the_cgroup_file_is_read(
    cgroups: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cgroups("old")
    mount = find_hierarchy()
    monkeypatch.setattr("troth.orchestrator.identity._PIDFD_GET_INFO", 0)
    with running_in(path) as peer:
        Cgroup.at(mount, str(path.relative_to(mount))).check(peer)
    with pytest.raises(DeniedError, match=r"identity.gone"):
        peer.check()


def test_the_wrong_namespaces_socket_is_refused_and_noted(
    make: Callable[..., Trothd], cgroups: Callable[[str], Path]
) -> None:
    mine, yours = cgroups("mine"), cgroups("yours")
    one = make(namespace("mine", mine) + namespace("yours", yours)).start()
    process = talk(MOVER, str(one.socket("mine")), str(mine))
    assert say(process, "ask") == "200"
    intruder = talk(MOVER, str(one.socket("mine")), str(yours))
    assert say(intruder, "ask") == "403 identity.cgroup-other"
    assert one.status()["root_log"] == 1
    assert one.evidence("mine").status == 403  # we are in neither
    end(process)
    end(intruder)


def test_a_process_that_moves_is_refused_from_then_on(
    make: Callable[..., Trothd], cgroups: Callable[[str], Path]
) -> None:
    mine, yours = cgroups("mine"), cgroups("yours")
    one = make(namespace("mine", mine)).start()
    process = talk(MOVER, str(one.socket("mine")), str(mine))
    assert say(process, "ask") == "200"
    assert say(process, str(yours)) == "moved"
    assert say(process, "ask") == "403 identity.cgroup-other"
    assert say(process, str(mine)) == "moved"
    assert say(process, "ask") == "200"
    end(process)


@contextlib.contextmanager
def running_in(path: Path) -> Iterator[Peer]:
    """Hold a process in a cgroup, as a peer."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1)
    (path / "cgroup.procs").write_text(str(process.pid))
    try:
        yield Peer(os.pidfd_open(process.pid), process.pid, 0, ANYWHERE)
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def test_who_leaves_before_the_freeze_costs_nothing(make: Callable[..., Trothd]) -> None:
    one = make(tsm="latency_ms = 500").start()
    body = b'{"nonce":"AAAAAAAAAAAAAAAAAAAAAA","audience":"x"}'
    head = b"POST /v1/evidence HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    for _ in range(2):  # the first is frozen at once, the second waits and leaves
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(one.socket("payments")))
            caller.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.1)
    until(lambda: one.metric("troth_waiting") == 0)
    assert one.metric("troth_epochs_total") == 1
    assert read(one.evidence("payments").body, one.software()).rooted


BEGUN = """
import os, socket, sys, time
body = sys.argv[2].encode()
path = sys.argv[3]
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
head = f"POST {path} HTTP/1.1\\r\\nhost: a\\r\\ncontent-type: application/json\\r\\n"
s.sendall(f"{head}content-length: {len(body)}\\r\\n\\r\\n".encode() + body[:5])
time.sleep(0.3)  # trothd has looked at us, and reads on
if os.fork():
    os._exit(0)
time.sleep(0.3)
s.sendall(body[5:])
print(s.recv(65536).split()[1].decode(), flush=True)
"""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/events", '{"domain": "app", "operation": "run", "content": "x"}'),
        ("/v1/evidence", '{"nonce": "' + "A" * 43 + '", "audience": "a"}'),
    ],
)
def test_who_dies_while_its_request_is_read_is_refused(
    shared: Trothd, path: str, body: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGUN, str(shared.socket("payments")), body, path],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout.strip() == "403", done.stderr
