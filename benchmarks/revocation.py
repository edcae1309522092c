# SPDX-License-Identifier: Apache-2.0
"""From an event outside the model to a token that nobody takes any more."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.daemons import AUDIENCE, Site, site
from benchmarks.figures import Spread
from tests.orchestrator.running import call
from troth.client import Broker, Trothd
from troth.errors import DeniedError, TrothError
from troth.token.seal import AgreementKey

__all__ = ["revocation"]

LIMIT_S = 30.0


def revocation(directory: Path, *, rounds: int, latency_ms: int) -> dict[str, object]:
    """Take a token, leave the model, and wait for verifier and broker to refuse the token."""
    directory.mkdir()
    with site(directory, rounds, latency_ms=latency_ms) as world:
        listed, broker = [], []
        for number in range(rounds):
            at_verifier, at_broker = _once(world, f"n{number}")
            listed.append(at_verifier)
            broker.append(at_broker)
    return {
        "report_ms": latency_ms,
        "refused_by_the_status_list_ms": Spread(tuple(listed)).view(1),
        "refused_by_the_broker_ms": Spread(tuple(broker)).view(1),
        "broker_keeps_a_list_for_ms": 2000,
    }


def _once(world: Site, label: str) -> tuple[float, float]:
    key = AgreementKey()
    bundle = Trothd(f"unix:{world.trothd.socket(label)}").evidence(
        world.verifier.nonce(), AUDIENCE, cnf=key.jwk
    )
    answer = world.verifier.appraise(bundle)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own
        raise RuntimeError(answer.body)
    token = answer.json["token"]
    broker = Broker(f"unix:{world.broker / 'broker.sock'}")

    def get() -> object:
        return broker.secret(f"shared/{label}", token, secrets.token_bytes(32))

    get()
    world.verifier.settle(token)
    event = {"domain": "app", "operation": "do", "content": "outside"}
    told = call(world.trothd.socket(label), "POST", "/v1/events", event).json
    begun = time.perf_counter()
    if told["forensic"] != 1:
        raise RuntimeError(told)
    at_verifier = _until_refused(lambda: world.verifier.settle(token), begun)
    return at_verifier, _until_refused(get, begun)


def _until_refused(ask: Callable[[], object], begun: float) -> float:
    """Return after how many milliseconds a token is refused as revoked."""
    while time.perf_counter() < begun + LIMIT_S:
        try:
            ask()
        except DeniedError as error:
            if error.code != "token.revoked":
                raise
            return 1000 * (time.perf_counter() - begun)
        except TrothError as error:
            raise RuntimeError(str(error)) from error
        time.sleep(0.002)
    raise RuntimeError("the token lives on")
