# SPDX-License-Identifier: Apache-2.0
"""One interpreter on two threads: what two do together, against one that does all of it.

A thread that verifies a signature lets others run meanwhile; one that runs Python does not. So the
limit of `cryptography` on two threads is measured as well, and in the same round. The clock is the
one on the wall: on a machine whose cores others use, these figures mean nothing.

    tdx-two-threads    as tdx-hot
    snp-two-threads    as snp-seen
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from benchmarks.cases import Case, p256_limit, times
from benchmarks.rates import Contender, Together
from benchmarks.seen import p384_limit, snp_seen, tdx_hot

__all__ = ["thread_cases"]

_BATCH: Final = 64  # judgements of one thread
_BAR: Final = 1.7

Work = Callable[[], object]


def thread_cases() -> Iterator[Case]:
    """Return the cases in the order in which they are measured."""
    for name, work, limit in (
        ("tdx-two-threads", tdx_hot(), p256_limit()),
        ("snp-two-threads", snp_seen(), p384_limit()),
    ):
        contenders: dict[str, Contender] = {
            "troth": Together(_on_two_threads(work)),
            "one thread": Together(times(work, 2 * _BATCH)),
            "limit on two threads": Together(_on_two_threads(limit)),
            "limit on one thread": Together(times(limit, 2 * _BATCH)),
        }
        what = f"{2 * _BATCH} judgements, all seen before but for quote or report, on two threads"
        yield Case(name, what, contenders, {"one thread": _BAR})


def _on_two_threads(work: Work) -> Work:
    pool, batch = ThreadPoolExecutor(2), times(work, _BATCH)

    def two() -> None:
        for future in [pool.submit(batch) for _ in range(2)]:
            future.result()

    return two
