# SPDX-License-Identifier: Apache-2.0
"""A real verifier process over its sockets: challenge, appraise, token, replay, restart."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundles import AUDIENCE, Machine, model, namespace
from tests.verifiers import Answer, Server, configure, free_port, make_directory, running, start
from troth.errors import DeniedError
from troth.evidence.binding import LogHead, LogPart, Phase
from troth.token.keys import SigningKey
from troth.verifier.ear import trace_digest
from troth.verifier.keys import KeyRing, rotate_keys
from troth.verify import TraceEntry

LISTEN = '\n[[listen]]\ntcp = "127.0.0.1:{port}"\n'


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def configuration(tmp_path: Path, machine: Machine) -> Path:
    return make_directory(tmp_path / "v", machine)


@pytest.fixture
def server(configuration: Path) -> Iterator[Server]:
    port = free_port()
    with configuration.open("a") as file:
        file.write(LISTEN.format(port=port))
    with running(configuration, port) as found:
        yield found


def refused(answer: Answer) -> tuple[int, str, int | None]:
    body = answer.json
    return answer.status, body["code"], body.get("step")


@pytest.mark.parametrize("tcp", [False, True])
def test_challenge_appraise_token(server: Server, machine: Machine, tcp: bool) -> None:
    mine = namespace()
    bundle = machine.fresh(server.nonce(tcp=tcp), mine)
    answer = server.appraise(bundle.encoded, tcp=tcp)
    assert answer.status == 200, answer.body
    ear = server.settle(answer.json["token"]).ear
    assert (ear.aud, ear.iss) == (AUDIENCE, "https://verifier.example")
    assert ear.troth.namespace_id == mine.id.hex()
    assert ear.troth.statement == bundle.statement.digest.hex()
    assert ear.exp - ear.iat == 300
    assert ear.tier == "affirming"
    trace = tuple(TraceEntry(**one) for one in answer.json["trace"])
    assert trace_digest(trace) == ear.troth.trace
    assert {one.rule.split(".")[0] for one in trace} == {str(n) for n in range(1, 15)}


def test_replay_in_the_same_process(server: Server, machine: Machine) -> None:
    bundle = machine.fresh(server.nonce()).encoded
    assert server.appraise(bundle).status == 200
    assert refused(server.appraise(bundle)) == (409, "challenge.used", 14)


def test_replay_in_another_process_and_after_a_restart(
    configuration: Path, machine: Machine
) -> None:
    with running(configuration) as first:
        bundle = machine.fresh(first.nonce()).encoded
        second_configuration = configuration.with_name("second.toml")
        text = configuration.read_text().replace('"verifier.sock"', '"second.sock"')
        second_configuration.write_text(text)
        with running(second_configuration) as second:
            second.socket = str(configuration.parent / "second.sock")
            assert first.appraise(bundle).status == 200
            assert refused(second.appraise(bundle)) == (409, "challenge.used", 14)
        first.stop(signal.SIGKILL)
    with running(configuration) as again:
        assert refused(again.appraise(bundle)) == (409, "challenge.used", 14)


def test_of_replays_in_parallel_exactly_one_wins(configuration: Path, machine: Machine) -> None:
    with running(configuration) as first:
        second_configuration = configuration.with_name("second.toml")
        text = configuration.read_text().replace('"verifier.sock"', '"second.sock"')
        second_configuration.write_text(text)
        with running(second_configuration) as second:
            second.socket = str(configuration.parent / "second.sock")
            for _ in range(3):
                bundle = machine.fresh(first.nonce()).encoded
                with ThreadPoolExecutor(16) as pool:
                    asked = [
                        pool.submit(server.appraise, bundle)
                        for server in (first, second)
                        for _ in range(8)
                    ]
                    answers = [one.result() for one in asked]
                assert [one.status for one in answers].count(200) == 1
                assert {refused(one) for one in answers if one.status != 200} == {
                    (409, "challenge.used", 14)
                }


def test_a_forged_mac_is_refused_at_step_2(server: Server, machine: Machine) -> None:
    nonce = bytearray(server.nonce())
    nonce[-1] ^= 1
    answer = server.appraise(machine.fresh(bytes(nonce)).encoded)
    assert refused(answer) == (409, "challenge.unknown", 2)


def test_delegated_evidence_gets_a_token_too(server: Server, machine: Machine) -> None:
    anchor = machine.fresh(server.nonce())
    assert server.appraise(anchor.encoded).status == 200
    answer = server.appraise(machine.delegated(anchor, server.nonce()).encoded)
    assert answer.status == 200, answer.body
    assert server.settle(answer.json["token"]).ear.troth.mode == "delegated"


def test_leaving_the_model_revokes_and_bars_across_a_kill(
    configuration: Path, machine: Machine
) -> None:
    reports, payments = namespace(), namespace()
    one = LogHead.empty(reports.id).append(b"\x01")
    gone = namespace(id=reports.id, log=one, model=model(forensic=1))
    with running(configuration) as server:
        token = server.appraise(machine.fresh(server.nonce(), reports).encoded).json["token"]
        other = server.appraise(machine.fresh(server.nonce(), payments).encoded).json["token"]
        in_flight = machine.fresh(server.nonce(), reports).encoded
        server.settle(token)
        answer = server.appraise(machine.fresh(server.nonce(), gone).encoded)
        assert refused(answer) == (403, "model.forensic", 12)
        server.stop(signal.SIGKILL)
    with running(configuration) as server:
        with pytest.raises(DeniedError, match=r"token\.revoked"):
            server.settle(token)
        server.settle(other)
        assert refused(server.appraise(in_flight)) == (403, "binding.barred", 14)
        back = machine.fresh(server.nonce(), namespace(id=reports.id, log=one)).encoded
        assert refused(server.appraise(back)) == (403, "binding.barred", 14)


def test_a_log_that_proves_nothing_hides_no_forensic_point(
    server: Server, machine: Machine
) -> None:
    mine = namespace()
    token = server.appraise(machine.fresh(server.nonce(), mine).encoded).json["token"]
    gone = namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1))
    part = LogPart(start=7, entries=(b"x",))
    bundle = machine.over(machine.statement(server.nonce(), gone), part)
    assert refused(server.appraise(bundle.encoded)) == (403, "binding.log", 12)
    with pytest.raises(DeniedError, match=r"token\.revoked"):
        server.settle(token)


def test_one_that_still_learns_can_ask_again_when_sealed(server: Server, machine: Machine) -> None:
    mine = namespace(model=model(phase=Phase.LEARNING))
    answer = server.appraise(machine.fresh(server.nonce(), mine).encoded)
    assert refused(answer) == (403, "model.unsealed", 12)
    sealed = machine.fresh(server.nonce(), namespace(id=mine.id)).encoded
    assert server.appraise(sealed).status == 200
    later = machine.fresh(server.nonce(), namespace(id=mine.id, model=model(state=bytes(32))))
    assert refused(server.appraise(later.encoded)) == (403, "model.state", 12)
    assert refused(
        server.appraise(machine.fresh(server.nonce(), namespace(id=mine.id)).encoded)
    ) == (
        403,
        "binding.barred",
        14,
    )


def test_a_fork_is_seen_by_whoever_remembers(server: Server, machine: Machine) -> None:
    first = namespace()
    longer = LogHead.empty(first.id).append(b"\x01")
    other = LogHead.empty(first.id).append(b"\x02")
    assert (
        server.appraise(
            machine.fresh(server.nonce(), namespace(id=first.id, log=longer)).encoded
        ).status
        == 200
    )
    forked = machine.fresh(server.nonce(), namespace(id=first.id, log=other)).encoded
    assert refused(server.appraise(forked)) == (403, "binding.forked", 12)
    back = machine.fresh(server.nonce(), first).encoded
    assert refused(server.appraise(back)) == (403, "binding.forked", 12)


def test_out_of_order_is_no_fork(server: Server, machine: Machine) -> None:
    mine = namespace()
    early = machine.fresh(server.nonce(), mine).encoded
    late = namespace(id=mine.id, log=mine.log.append(b"\x01"))
    assert server.appraise(machine.fresh(server.nonce(), late).encoded).status == 200
    assert server.appraise(early).status == 200


def test_keys_rotate_under_a_running_server(server: Server, machine: Machine) -> None:
    before = server.appraise(machine.fresh(server.nonce()).encoded).json["token"]
    kid = rotate_keys(server.directory / "keys")
    after = server.appraise(machine.fresh(server.nonce()).encoded).json["token"]
    assert server.keys().kids[0] == kid
    assert len(server.keys().kids) == 2
    server.settle(before)
    server.settle(after)
    assert KeyRing(server.directory / "keys").signing.kid == kid
    assert isinstance(KeyRing(server.directory / "keys").signing, SigningKey)


def test_policy_is_read_again_on_sighup(server: Server, machine: Machine) -> None:
    policy = server.directory / "policy.toml"
    policy.write_text(machine.policy_text(("reports",)))
    server.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        answer = server.appraise(machine.fresh(server.nonce()).encoded)
        if answer.status == 403:
            break
    assert refused(answer) == (403, "policy.label", 11)
    policy.write_text("version = 2\n")
    server.process.send_signal(signal.SIGHUP)
    assert (
        server.appraise(machine.fresh(server.nonce(), namespace("reports")).encoded).status == 200
    )


def test_a_silent_stop_leaves_a_log_without_secrets(configuration: Path, machine: Machine) -> None:
    server = start(configuration)
    bundle = machine.fresh(server.nonce())
    answer = server.appraise(bundle.encoded)
    log = server.stop()
    assert answer.json["token"] not in log
    assert bundle.statement.nonce.hex() not in log
    assert '"event": "appraised"' in log.replace('":"', '": "')


def test_expired_challenges_are_refused(configuration: Path, machine: Machine) -> None:
    configure(configuration, challenge_s="5")
    with running(configuration) as server:
        bundle = machine.fresh(server.nonce()).encoded
        time.sleep(5.2)
        assert refused(server.appraise(bundle)) == (409, "challenge.expired", 2)
