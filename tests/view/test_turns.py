# SPDX-License-Identifier: Apache-2.0
"""One lock, had in the order of asking, and never held by two."""

from __future__ import annotations

import threading
import time

from tests.view.models import NONCE, OTHER, Model
from troth.tsm.emulated.view.turns import Turns


def wait_until(condition: object) -> None:
    end = time.monotonic() + 60
    while not condition():  # type: ignore[operator]  # a lambda of the test's own
        assert time.monotonic() < end
        time.sleep(0.001)


def test_turns_are_taken_in_order() -> None:
    turns, order = Turns(), []
    threads = []
    with turns:
        for number in range(8):

            def take(number: int = number) -> None:
                with turns:
                    order.append(number)

            threads.append(threading.Thread(target=take))
            threads[-1].start()
            wait_until(lambda number=number: len(turns._waiting) == number + 1)  # noqa: SLF001 - who waits is not public
    for one in threads:
        one.join()
    assert order == list(range(8))


def test_never_two_at_once() -> None:
    turns, inside, worst = Turns(), [], []

    def work() -> None:
        for _ in range(200):
            with turns:
                inside.append(1)
                worst.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(worst) == 1600
    assert set(worst) == {1}


def test_a_commit_during_a_report_waits_and_makes_the_reader_ask_again() -> None:
    model = Model(delay_ms=100)
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(model.read(f"{x}/outblob")))
    reader.start()
    wait_until(lambda: model.parameters.busy == 1)
    model.write(f"{x}/inblob", OTHER)
    reader.join()
    assert model.parameters.calls == 2
    assert read[0][24:88] == OTHER
