# SPDX-License-Identifier: Apache-2.0
"""What the trace says of steps 9 to 11: what was wanted, and what came."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pytest

from tests.appraisals import NONCE
from tests.bundles import AT, CONFIGURATION, Machine
from troth.errors import TrothError
from troth.evidence.binding import Bundle, Channel
from troth.policy import Policy
from troth.verify import AnyValue, Trace
from troth.verify.bundle import BundleInputs, ExpectedNonce, Steps, verify_bundle

MINE: Final = Channel(1, bytes(32))
PEERS: Final = Channel(2, bytes(32))
_ZEROS: Final = ", ".join(
    f'{name} = "{"00" * 48}"' for name in ("mr_td", "rtmr0", "rtmr1", "rtmr2")
)
OTHER: Final = f'[{{name = "other", {_ZEROS}}}]'

# A key of the policy, its value, the rule, and what the trace says was wanted and came.
SAID: Final = {
    "configuration-any": ("configuration", '"any"', "11.configuration", "any", CONFIGURATION.hex()),
    "configuration-none": (
        "configuration",
        "[]",
        "11.configuration",
        "nothing",
        CONFIGURATION.hex(),
    ),
    "doors-any": ("doors", '"any"', "11.doors", "any", "none"),
    "doors-none": ("doors", "[]", "11.doors", "none", "none"),
    "alarms-any": ("alarms", '"any"', "11.alarms", "any", "0"),
    "alarms-some": ("alarms", "3", "11.alarms", "at most 3", "0"),
    "image-any": ("image_digest", '"any"', "11.image_digest", "any", "absent"),
    "image-absent": ("image_digest", '["absent"]', "11.image_digest", "absent", "absent"),
    "image-none": ("image_digest", "[]", "11.image_digest", "nothing", "absent"),
    "boot-other": ("images", OTHER, "9.boot", "other", None),
    "boot-one": ("alarms", "0", "9.boot", "test", "test"),
}


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


def said(
    machine: Machine,
    bundle: Bundle,
    policy: Policy | None = None,
    channel: Channel | type[AnyValue] = AnyValue,
) -> dict[str, tuple[str | None, str | None]]:
    steps = Steps(Trace())
    inputs = BundleInputs(
        wanted=(policy or machine.policy()).for_bundles(),
        collateral=machine.collateral,
        anchors=machine.anchors,
        at=AT,
        nonces=ExpectedNonce(NONCE),
        channel=channel,
    )
    with suppress(TrothError):
        verify_bundle(bundle.encoded, inputs, steps)
    return {one.rule: (one.expected, one.got) for one in steps.trace}


@pytest.mark.parametrize("name", SAID)
def test_what_was_wanted_and_what_came(machine: Machine, name: str) -> None:
    key, value, rule, expected, got = SAID[name]
    body = machine.tee_body()
    measured = " ".join(one.hex() for one in (body.mr_td, body.rtmr0, body.rtmr1, body.rtmr2))
    found = said(machine, machine.fresh(NONCE), machine.policy(**{key: value}))
    assert found[rule] == (expected, measured if got is None else got)


def test_a_channel_that_is_missing_or_anothers(machine: Machine) -> None:
    for bundle, got in (
        (machine.fresh(NONCE), "none"),
        (machine.fresh(NONCE, channel=PEERS), "another's"),
    ):
        found = said(machine, bundle, channel=MINE)
        assert found["11.channel"] == ("this connection's exporter", got)


def test_what_binds_a_statement(machine: Machine) -> None:
    fresh = machine.fresh(NONCE)
    assert said(machine, fresh)["10.statement"][0] == "a leaf of the epoch's tree"
    delegated = machine.delegated(fresh, NONCE)
    assert said(machine, delegated)["10.statement"][0] == "signed by the epoch's key"
