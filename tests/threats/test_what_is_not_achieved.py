# SPDX-License-Identifier: Apache-2.0
"""What troth does not prevent, shown: these tests fail when the threat model says too little."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from tests.appraisals import NONCE, judge, refused
from tests.bundles import Machine, namespace
from tests.orchestrator.running import Trothd, b64, call, until, wish
from troth.evidence.binding import LogHead

OURS = """
[[namespace]]
label = "ours"
cgroup = "any"
capabilities = ["evidence", "extend", "log.read"]
model = "A1"
[[namespace]]
label = "theirs"
cgroup = "any"
capabilities = ["evidence"]
"""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Trothd]:
    """Return a running trothd with two namespaces."""
    made = Trothd(tmp_path / "t", OURS).start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


@pytest.mark.parametrize("seconds", [0, 1, 1 << 40])
def test_the_guests_clock_decides_nothing(machine: Machine, seconds: int) -> None:
    """The host may set it to anything: a verifier judges by its own instant."""
    bundle = machine.fresh(NONCE, issued_at=seconds)
    assert judge(machine, bundle).value.statement.issued_at == seconds


def test_whoever_has_the_boot_key_says_what_it_likes(machine: Machine) -> None:
    """Label, log and state are trothd's word: with its key anybody's word is as good."""
    identifier = bytes(15) + b"\x01"
    made_up = namespace(id=identifier, log=LogHead(count=9, head=bytes(range(32))))
    assert judge(machine, machine.fresh(NONCE, made_up)).value.statement.namespace.log.count == 9


def test_without_the_boot_key_the_same_words_are_refused(machine: Machine) -> None:
    other = copy.copy(machine)  # the same registers, the same root statement, another key
    other.boot_key = machine.statement_key
    refused(machine, other.fresh(NONCE), 8, "binding.epoch-signature")


def test_two_relying_parties_can_tell_that_they_share_a_tvm(one: Trothd) -> None:
    roots = [cbor2.loads(one.evidence(label).body)["root"] for label in ("ours", "theirs")]
    assert roots[0] == roots[1]


def test_a_workload_says_anything_in_user_data_and_nothing_elsewhere(one: Trothd) -> None:
    said = b64(b"I am the root namespace")
    answer = call(one.socket("ours"), "POST", "/v1/evidence", wish(user_data=said))
    statement = cbor2.loads(cbor2.loads(answer.body)["statement"][1])
    assert statement[-65540] == b"I am the root namespace"
    assert statement[-65538][2] == "ours"
    for claim in ("namespace", "label", "model", "iat", "alarms", "caller"):
        asked = wish() | {claim: "root"}
        assert call(one.socket("ours"), "POST", "/v1/evidence", asked).code == "json.type"


def test_a_workload_cannot_take_the_seal_off_its_model(one: Trothd) -> None:
    assert call(one.admin, "POST", "/v1/namespaces/ours/seal").status == 200
    assert one.event("ours").json["forensic"] == 1
    for path in ("seal", "unseal", "close"):
        answer = call(one.socket("ours"), "POST", f"/v1/namespaces/ours/{path}", {})
        assert answer.code == "http.path"
    again = call(one.admin, "POST", "/v1/namespaces/ours/seal")
    assert (again.status, again.code) == (403, "model.phase")  # sealed is sealed, for anybody
    view = call(one.socket("ours"), "GET", "/v1/namespace").json
    assert (view["model"]["phase"], view["model"]["forensic"]) == ("sealed", 1)


def test_a_namespace_made_later_has_no_earlier_events(one: Trothd) -> None:
    """What a process did before its namespace was there is in no log and in no model."""
    assert one.event("ours").status == 200
    settings = {
        "label": "later",
        "cgroup": "any",
        "capabilities": ["evidence", "log.read"],
        "model": "A1",
    }
    assert call(one.admin, "POST", "/v1/namespaces", settings).status == 201
    answer = one.evidence("later", log_since=0)
    members = cbor2.loads(answer.body)
    assert cbor2.loads(members["log"][1]) == [0, []]
    claims = cbor2.loads(members["statement"][1])[-65538]
    assert (claims[4][0], claims[5], claims[7][3]) == (0, 0, 0)


def test_an_interruption_is_a_counted_gap_and_nothing_else(one: Trothd) -> None:
    """What happened while trothd was dead is not known; that it was dead is."""
    assert one.event("ours").json["count"] == 1
    one.kill_daemon()
    until(lambda: one.evidence("ours").status == 200)
    claims = cbor2.loads(cbor2.loads(one.evidence("ours").body)["statement"][1])[-65538]
    assert (claims[4][0], claims[5]) == (1, 1)


def test_a_statement_key_is_only_let_go_of() -> None:
    """Python has no way to wipe every copy; what is promised is that no reference is left."""
    program = """
import gc
from troth.crypto.p256 import PrivateKey
from troth.orchestrator.delegation import StatementKey

key = StatementKey(900.0, lambda: 0.0)
for erase in (lambda: None, key.erase):
    erase()
    gc.collect()
    print(sum(isinstance(one, PrivateKey) for one in gc.get_objects()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n0\n"
