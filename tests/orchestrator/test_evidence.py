# SPDX-License-Identifier: Apache-2.0
"""Bundles of a running trothd, read by a reader that shares nothing with it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cbor2
import pytest

from tests.orchestrator.reader import ALARMS, ANCHOR, CALLER, read
from tests.orchestrator.running import AUDIENCE, Trothd, b64, call, wish

CBOR = "application/vnd.troth.request+cbor"


def test_a_fresh_bundle_holds_from_the_statement_to_the_root(shared: Trothd) -> None:
    nonce = secrets.token_bytes(24)
    user_data = b64(b"\x07" * 64)
    answer = call(
        shared.socket("payments"), "POST", "/v1/evidence", wish(nonce, user_data=user_data)
    )
    assert answer.status == 200
    assert answer.media_type == "application/cmw+cbor"
    got = read(answer.body, shared.software())
    assert got.rooted
    assert got.statement[10] == nonce
    assert got.statement[3] == AUDIENCE
    assert got.statement[-65540] == b"\x07" * 64
    assert got.statement[CALLER] == {1: 1}
    assert got.statement[ALARMS] == 0
    assert got.namespace[2] == "payments"
    assert got.namespace[3] == 1
    assert got.epoch[3] == 10
    assert got.root[3] == hashlib.sha256(shared.config.read_bytes()).digest()


def test_a_request_in_cbor_is_the_same_request(shared: Trothd) -> None:
    nonce = secrets.token_bytes(16)
    body = cbor2.dumps({1: nonce, 2: AUDIENCE})
    answer = call(shared.socket("reports"), "POST", "/v1/evidence", body, CBOR)
    got = read(answer.body, shared.software())
    assert got.statement[10] == nonce
    assert got.namespace[2] == "reports"
    assert 7 not in got.namespace


def test_delegated_needs_an_anchor_of_the_same_audience_first(shared: Trothd) -> None:
    audience = f"https://{secrets.token_hex(4)}.example"
    early = shared.evidence("payments", audience=audience, mode="delegated")
    assert (early.status, early.code) == (409, "evidence.anchor-missing")
    fresh = read(shared.evidence("payments", audience=audience).body, shared.software())
    asked = wish(audience=audience, mode="delegated")
    answer = call(shared.socket("payments"), "POST", "/v1/evidence", asked)
    got = read(answer.body, shared.software())
    assert ANCHOR in got.statement
    assert b64(got.statement[10]) == asked["nonce"]
    assert got.salt == fresh.salt
    assert shared.evidence("payments", audience=AUDIENCE + "/", mode="delegated").status == 409


def test_sixteen_anchors_are_kept_and_no_more(make: Callable[..., Trothd]) -> None:
    one = make().start()
    names = [f"urn:audience:{number}" for number in range(17)]
    for name in names:
        assert one.evidence("payments", audience=name).status == 200
    statuses = [one.evidence("payments", audience=name, mode="delegated").status for name in names]
    assert statuses == [409] + [200] * 16


def test_a_missing_capability_is_named(shared: Trothd) -> None:
    for answer, missing in (
        (shared.evidence("reports", mode="delegated"), "delegated"),
        (shared.evidence("reports", log_since=0), "log.read"),
        (shared.event("reports"), "extend"),
        (
            call(shared.socket("reports"), "GET", "/v1/token?audience=urn:x"),
            "token:urn:x",
        ),
    ):
        assert (answer.status, answer.code) == (403, "capability.missing")
        assert answer.json["detail"] == missing


def test_sixteen_callers_share_a_handful_of_reports(make: Callable[..., Trothd]) -> None:
    one = make(tsm="latency_ms = 100").start()
    with ThreadPoolExecutor(16) as pool:
        labels = ["payments", "reports"] * 8
        answers = list(pool.map(one.evidence, labels))
    reports = one.metric("troth_reports_total")
    assert reports <= 4
    tee = one.software()
    gots = [read(answer.body, tee) for answer in answers]
    assert [got.namespace[2] for got in gots] == labels
    assert len({got.epoch[2] for got in gots}) == reports
    assert len({got.salt for got in gots}) == 16
    places = [(got.epoch[2], got.index) for got in gots]
    assert len(set(places)) == 16


def test_an_epoch_holds_no_more_than_its_tree(make: Callable[..., Trothd]) -> None:
    one = make(trothd="height = 1", tsm="latency_ms = 50").start()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one.evidence, ["payments"] * 8))
    tee = one.software()
    epochs = [read(answer.body, tee).epoch[2] for answer in answers]
    assert max(epochs.count(epoch) for epoch in epochs) <= 2


def test_a_tree_of_one_leaf_works(make: Callable[..., Trothd]) -> None:
    one = make(trothd="height = 0").start()
    got = read(one.evidence("payments").body, one.software())
    assert (got.index, got.epoch[3]) == (0, 0)


def test_who_waits_beyond_the_cap_is_refused_and_others_are_not(
    make: Callable[..., Trothd],
) -> None:
    namespaces = """
[[namespace]]
label = "small"
cgroup = "any"
capabilities = ["evidence"]
limits = { waiting = 2 }
[[namespace]]
label = "other"
cgroup = "any"
capabilities = ["evidence"]
"""
    one = make(namespaces, tsm="latency_ms = 700").start()
    with ThreadPoolExecutor(9) as pool:
        small = [pool.submit(one.evidence, "small") for _ in range(8)]
        other = pool.submit(one.evidence, "other")
        statuses = sorted(each.result().status for each in small)
        codes = {each.result().code for each in small if each.result().status != 200}
    assert other.result().status == 200
    assert 503 in statuses
    assert statuses.count(200) >= 2
    assert codes == {"epoch.waiting"}


def test_an_event_does_not_wait_for_a_report_and_is_in_the_next_statement(
    make: Callable[..., Trothd],
) -> None:
    one = make(tsm="latency_ms = 1500").start()
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(one.evidence, "payments")
        while one.metric("troth_waiting") < 1:
            pass
        assert one.event("payments").json["count"] == 1
        assert not pending.done()  # the report is still being made
        first = read(pending.result().body, one.software())
    assert first.namespace[4][0] == 0  # frozen before the event
    assert read(one.evidence("payments").body, one.software()).namespace[4][0] == 1


def test_log_entries_chain_to_the_head(make: Callable[..., Trothd]) -> None:
    one = make().start()
    for content in "abc":
        one.event("payments", content)
    got = read(one.evidence("payments", log_since=0).body, one.software())
    start, entries = cbor2.loads(got.members["log"][1])
    head = hashlib.sha256(b"troth/log/v1\0" + got.namespace[1]).digest()
    for entry in entries:
        head = hashlib.sha256(b"\2" + head + hashlib.sha256(entry).digest()).digest()
    assert (start, got.namespace[4]) == (0, [3, head])
    assert cbor2.loads(entries[1]) == [2, "app", "do", "b"]
    part = one.evidence("payments", log_since=2).body
    assert len(cbor2.loads(read(part, one.software()).members["log"][1])[1]) == 1
    assert one.evidence("payments", log_since=4).code == "log.range"


@pytest.mark.parametrize("fault", ["fail", "empty", "report-data", "generation"])
def test_a_bad_report_is_asked_for_again(make: Callable[..., Trothd], fault: str) -> None:
    inject = f'[[tsm.inject]]\nfault = "{fault}"\nreport = 2\ntimes = 2'
    one = make(tail=inject).start()
    assert one.evidence("payments").status == 200
    assert read(one.evidence("payments").body, one.software()).rooted
    assert one.metric("troth_reports_total") == 4


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("fail", "tsm.failed"),
        ("empty", "tsm.report-empty"),
        ("report-data", "tsm.report-other"),
    ],
)
def test_three_bad_reports_refuse_the_epoch_and_not_the_next(
    make: Callable[..., Trothd], fault: str, code: str
) -> None:
    one = make(tail=f'[[tsm.inject]]\nfault = "{fault}"\ntimes = 3').start()
    refused = one.evidence("payments")
    assert (refused.status, refused.code) == (503, code)
    assert one.evidence("payments").status == 200


def test_a_foreign_extend_raises_alarms_in_later_statements(make: Callable[..., Trothd]) -> None:
    one = make().start()
    assert read(one.evidence("payments").body, one.software()).statement[ALARMS] == 0
    one.extend(3, bytes(48))
    revealing = read(one.evidence("payments").body, one.software())
    assert revealing.statement[ALARMS] == 0  # it was hashed before
    assert not revealing.rooted
    later = read(one.evidence("payments").body, one.software())
    assert later.statement[ALARMS] == 1
    delegated = read(one.evidence("payments", mode="delegated").body, one.software())
    assert delegated.statement[ALARMS] == 1
    status = one.status()
    assert (status["alarms"], status["root_log"], status["rooted"]) == (1, 1, False)
    one.kill_daemon()
    assert one.status()["alarms"] == 1
