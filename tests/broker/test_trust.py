# SPDX-License-Identifier: Apache-2.0
"""Revocation, keys that change, and a verifier that is slow, silent or gone."""

from __future__ import annotations

import threading
import time

import pytest

from tests.broker.world import ISSUER, NAMESPACE, STATEMENT, World
from troth.crypto.p256 import PrivateKey
from troth.errors import StaleError, TrothError
from troth.token import SigningKey


def code_of(world: World) -> str:
    with pytest.raises(TrothError) as caught:
        world.ask("payments/database")
    return caught.value.code


def test_revoked_is_refused_within_two_seconds(running: World) -> None:
    assert running.secret("payments/database")
    running.verifier.revoked.add(7)
    time.sleep(2.1)
    assert code_of(running) == "token.revoked"
    entry = running.log()[-1]
    assert (entry["event"], entry["code"]) == ("refused", "token.revoked")
    assert (entry["statement"], entry["namespace"]) == (STATEMENT, NAMESPACE)
    assert entry["label"] == "payments"


def test_another_tokens_revocation_changes_nothing(running: World) -> None:
    running.verifier.revoked.add(8)
    assert running.secret("payments/database") == b"hunter2"


def test_verifier_gone_is_refused_once_the_list_is_old(running: World) -> None:
    assert running.secret("payments/database")
    running.verifier.is_down = True
    time.sleep(2.1)
    assert code_of(running) == "token.status-missing"
    entry = running.log()[-1]
    assert (entry["code"], entry["statement"]) == ("token.status-missing", STATEMENT)
    assert ISSUER in entry["reason"]
    running.verifier.is_down = False
    assert running.secret("payments/database")


def test_verifier_gone_from_the_start(running: World) -> None:
    running.verifier.is_down = True
    assert code_of(running) == "token.keys-missing"
    entry = running.log()[-1]
    assert ISSUER in entry["reason"]  # the configuration's words, not the token's
    assert "statement" not in entry


def test_slow_verifier_costs_many_callers_one_timeout(running: World) -> None:
    running.verifier.delay_s = 3.0  # longer than fetch_timeout_s
    errors: list[str] = []

    def call() -> None:
        try:
            running.ask("payments/database")
        except StaleError as error:
            errors.append(error.code)

    threads = [threading.Thread(target=call) for _ in range(8)]
    started = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == ["token.keys-missing"] * 8
    assert time.monotonic() - started < 6


def test_list_is_fetched_once_in_two_seconds(running: World) -> None:
    for _ in range(5):
        running.secret("payments/database")
    assert running.verifier.asked.count("/v1/status/0") == 1


def test_new_key_is_fetched_when_a_token_names_it(running: World) -> None:
    assert running.secret("payments/database")
    new = SigningKey(PrivateKey.generate())
    running.verifier.keys = [new, running.verifier.key]
    running.verifier.key = new
    time.sleep(2.1)  # unknown names cause no more than one fetch in two seconds
    assert running.secret("payments/database")


def test_unknown_keys_cause_no_storm(running: World) -> None:
    assert running.secret("payments/database")
    good, running.verifier.key = running.verifier.key, SigningKey(PrivateKey.generate())
    for _ in range(5):
        assert code_of(running) == "token.key"
    running.verifier.key = good
    assert running.verifier.asked.count("/v1/jwks") <= 2
