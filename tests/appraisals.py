# SPDX-License-Identifier: Apache-2.0
"""Taking the steps of BINDING 4.9 in a test: with a fixed nonce, and a refusal's step."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pytest
from msgspec.structs import replace as struct_replace

from tests.bundles import AT, Machine
from troth.errors import TrothError
from troth.evidence.binding import (
    Bundle,
)
from troth.policy import Policy
from troth.policy.bundle import appraise_bundle
from troth.tsm.emulated.tdx import Settings
from troth.verify import AnyValue, Trace
from troth.verify.bundle import (
    BundleFacts,
    BundleInputs,
    ExpectedNonce,
    NoMemory,
    Nonces,
    Recollection,
    Steps,
    check_log,
    check_model,
    verify_bundle,
)
from troth.verify.verified import Verified

NONCE: Final = bytes(range(32))
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of P-256


class Dated:
    """The nonces of a verifier that issued NONCE now, and one anchor's nonce at an instant."""

    def __init__(self, anchor: bytes, issued: datetime) -> None:
        self._anchor = anchor
        self._issued = issued
        self._expected = ExpectedNonce(NONCE)

    def recognise(self, nonce: bytes, steps: Steps) -> datetime | None:
        return AT if nonce == NONCE else self._expected.recognise(nonce, steps)

    def compare(self, nonce: bytes, steps: Steps) -> None:
        self._expected.compare(nonce, steps)

    def issued(self, nonce: bytes, steps: Steps) -> datetime | None:
        return self._issued if nonce == self._anchor else self._expected.issued(nonce, steps)


def judge(
    machine: Machine,
    bundle: Bundle | bytes,
    policy: Policy | None = None,
    nonces: Nonces | None = None,
    trace: Trace | None = None,
    **changes: Any,
) -> Verified[BundleFacts]:
    """Take steps 1 to 13 with a fixed nonce."""
    policy = policy or machine.policy()
    values: dict[str, Any] = {
        "wanted": policy.for_bundles(),
        "collateral": machine.collateral,
        "anchors": machine.anchors,
        "at": AT,
        "nonces": nonces or ExpectedNonce(NONCE),
        "channel": AnyValue,
        "endorsements": machine.endorsements,
    }
    steps = Steps(Trace() if trace is None else trace)
    data = bundle if isinstance(bundle, bytes) else bundle.encoded
    verified = verify_bundle(data, BundleInputs(**(values | changes)), steps)
    check_log(verified, NoMemory(), steps)
    check_model(verified, steps)
    appraise_bundle(verified, policy, steps)
    return verified


def refused(
    machine: Machine, bundle: Bundle | bytes, step: int, code: str, **changes: Any
) -> TrothError:
    with pytest.raises(TrothError) as caught:
        judge(machine, bundle, **changes)
    assert (caught.value.code, caught.value.step) == (code, step), caught.value
    return caught.value


def td(**changes: Any) -> Machine:
    settings = Settings()
    changed = struct_replace(settings.td, **changes)
    return Machine.boot(struct_replace(settings, td=changed))


class Remembers:
    def __init__(self, known: Recollection) -> None:
        self._known = known

    def recall(self, *_: object, **__: object) -> Recollection:
        return self._known


def authentic(machine: Machine, bundle: Bundle) -> Verified[BundleFacts]:
    return authentic_by(machine, bundle, machine.policy())


def authentic_by(machine: Machine, bundle: Bundle, policy: Policy) -> Verified[BundleFacts]:
    """Take steps 1 to 11 by a policy."""
    inputs = BundleInputs(
        wanted=policy.for_bundles(),
        collateral=machine.collateral,
        anchors=machine.anchors,
        at=AT,
        nonces=ExpectedNonce(NONCE),
        channel=AnyValue,
        endorsements=machine.endorsements,
    )
    return verify_bundle(bundle.encoded, inputs, Steps(Trace()))
