# SPDX-License-Identifier: Apache-2.0
"""RISC-V CoVE in a bundle: runtime register 3 holds the root, in that register's own hash.

A TVM has one to eight initial registers, and runtime registers or none. An image names every
initial one, as `initial0`, and of the runtime ones each of 0 to 2 that there is, as `runtime0`.
"""

from __future__ import annotations

import re
from typing import Final

from troth.evidence.binding import Bundle
from troth.evidence.cove import HashName
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.kinds._kind import BundleKind, Reported
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import CoveWanted, Wanted
from troth.verify.cove import CoveFacts, verify_cove
from troth.verify.options import AnyValue
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["COVE"]

_ROOT: Final = 3
_NAME: Final = re.compile(r"initial(0|[1-9][0-9]{0,4})|runtime[0-2]", re.ASCII)
_INITIAL: Final = "initial"


def _verify(
    bundle: Bundle, _: CoveWanted, inputs: BundleInputs, trace: Trace
) -> Verified[CoveFacts]:
    return verify_cove(
        bundle.report.outblob,
        roots=inputs.endorsements.cove_roots,
        at=inputs.at,
        challenge=AnyValue,
        trace=trace,
    )


def _check_voids(_: CoveFacts, __: CoveWanted, ___: Wanted, steps: Steps) -> None:
    steps.skipped("debug", why="a platform that is not secured was refused with its token")


def _reported(facts: CoveFacts) -> Reported:
    tvm = facts.tvm
    runtime = {one.index: one for one in tvm.runtime}
    root = runtime.get(_ROOT)
    boot = {f"{_INITIAL}{one.index}": one.value for one in tvm.initial}
    boot |= {f"runtime{at}": one.value for at, one in runtime.items() if at < _ROOT}
    if root is None:
        return Reported(data=tvm.challenge, boot=boot)
    return Reported(data=tvm.challenge, boot=boot, root=root.value, algorithm=root.algorithm.value)


def _is_boot(names: frozenset[str]) -> bool:
    return all(_NAME.fullmatch(one) for one in names) and any(
        one.startswith(_INITIAL) for one in names
    )


COVE: Final[BundleKind[CoveWanted, CoveFacts]] = BundleKind(
    register="runtime3",
    sizes=frozenset(one.size for one in HashName),
    is_boot=_is_boot,
    boot_words="initial0 and what other initial registers there are, runtime0 to runtime2",
    verify=_verify,
    check_voids=_check_voids,
    reported=_reported,
)
