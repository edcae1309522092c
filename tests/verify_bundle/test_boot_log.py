# SPDX-License-Identifier: Apache-2.0
"""Step 9 by a boot log: of each register it must prove the history that is wanted, and no other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.appraisals import NONCE, judge, refused
from tests.bundles import AT, IMAGE_NAMES, Machine, with_
from troth.errors import MalformedError
from troth.evidence.eventlog import TcgEvent, build_cc_log, build_tpm_log, parse_cc_log
from troth.policy import Policy, parse_policy
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, boot_log, booted
from troth.verify import AnyValue, Trace
from troth.verify.bundle import BundleInputs, ExpectedNonce, Image, Steps, verify_bundle

LOG: Final = boot_log()
EVENTS: Final = tuple(parse_cc_log(LOG))
LOGGED: Final = ("rtmr0", "rtmr1", "rtmr2")
SEPARATOR: Final = EVENTS[3]
"""Firmware puts the same one into each register."""


def machine_of(log: bytes) -> Machine:
    """Return a machine whose firmware left a log."""
    return Machine(SoftwareTdx.create(booted(Settings(), log), at=AT))


@pytest.fixture(scope="module")
def machine() -> Machine:
    return machine_of(LOG)


def digest(event: TcgEvent) -> str:
    return event.digests["sha384"].hex()


def history(
    events: Iterable[TcgEvent] = EVENTS, logged: Iterable[str] = LOGGED
) -> dict[str, list[object]]:
    """Return the digests of each register's events, in the order of the log."""
    found: dict[str, list[object]] = {name: [] for name in logged}
    for one in events:
        found.get(f"rtmr{one.register - 1}", []).append(digest(one))
    return found


def image(
    machine: Machine,
    logged: Iterable[str] = LOGGED,
    events: Mapping[str, Sequence[object]] | None = None,
    name: str = "logged",
) -> str:
    """Return an image that leaves registers to the log: by default of the boot of `EVENTS`."""
    body = machine.tee_body()
    names = tuple(logged)
    values = {one: getattr(body, one).hex() for one in IMAGE_NAMES} | dict.fromkeys(names, "log")
    told = "".join(f', {key} = "{value}"' for key, value in values.items())
    due = history(logged=names) if events is None else events
    listed = ", ".join(f"{key} = {json.dumps(one)}" for key, one in due.items())
    return f'{{name = "{name}"{told}, events = {{{listed}}}}}'


def policy_of(machine: Machine, *images: str) -> Policy:
    return machine.policy(images=f"[{', '.join(images)}]")


def evidence(machine: Machine, ccel: bytes | None = LOG) -> Any:
    return with_(machine.fresh(NONCE), ccel=ccel)


def test_a_log_that_leads_to_the_registers(machine: Machine) -> None:
    facts = judge(machine, evidence(machine), policy_of(machine, image(machine))).value
    assert facts.image == "logged"


@pytest.mark.parametrize("filler", [b"\xff", b"\x00"])
def test_the_padding_of_the_log_area(machine: Machine, filler: bytes) -> None:
    policy = policy_of(machine, image(machine))
    judge(machine, evidence(machine, LOG + filler * 4096), policy)


def test_entries_behind_the_match_are_no_evidence(machine: Machine) -> None:
    """The kernel went on after the report; what came then need not be wanted."""
    later = TcgEvent.of_data(3, 0xD, b"kernel_cmdline: later\0")
    policy = policy_of(machine, image(machine))
    assert judge(machine, evidence(machine, build_cc_log((*EVENTS, later))), policy).value.image


def test_where_the_log_matched_is_in_the_trace(machine: Machine) -> None:
    later = TcgEvent.of_data(3, 0xD, b"kernel_cmdline: later\0")
    said = traced(machine, evidence(machine, build_cc_log((*EVENTS, later))))
    assert said["9.boot-log.logged.rtmr0"] == "4 entries, 0 behind"
    assert said["9.boot-log.logged.rtmr2"] == "7 entries, 1 behind"
    assert said["9.boot-log.logged.rtmr1.events"] == "4 of them"
    assert said["9.boot-log-data"] == "types and data of events: no register proves them"


def traced(machine: Machine, bundle: Any) -> dict[str, str | None]:
    steps = Steps(Trace())
    inputs = BundleInputs(
        wanted=policy_of(machine, image(machine)).for_bundles(),
        collateral=machine.collateral,
        anchors=machine.anchors,
        at=AT,
        nonces=ExpectedNonce(NONCE),
        channel=AnyValue,
    )
    verify_bundle(bundle.encoded, inputs, steps)
    return {one.rule: one.got for one in steps.trace}


def test_an_image_by_its_values_needs_no_log(machine: Machine) -> None:
    plain = machine.image()
    for images in ((plain, image(machine)), (image(machine), plain)):
        facts = judge(machine, machine.fresh(NONCE), policy_of(machine, *images)).value
        assert facts.image == "test"


def test_the_first_image_that_the_log_leads_to(machine: Machine) -> None:
    other = history() | {"rtmr2": ["00" * 48]}
    images = (image(machine, events=other, name="a"), image(machine, name="b"))
    assert judge(machine, evidence(machine), policy_of(machine, *images)).value.image == "b"


@pytest.mark.parametrize("at", range(len(EVENTS)))
def test_one_of_several_digests_at_a_position(at: int) -> None:
    """Two kernels: the image is one, and either may stand at that position."""
    other = TcgEvent.of_data(EVENTS[at].register, 0xD, b"the other kernel")
    events = with_alternative(at, digest(other))
    for log in (LOG, build_cc_log((*EVENTS[:at], other, *EVENTS[at + 1 :]))):
        booted = machine_of(log)
        policy = policy_of(booted, image(booted, events=events))
        assert judge(booted, evidence(booted, log), policy).value.image == "logged"


def with_alternative(at: int, other: str) -> dict[str, list[object]]:
    """Return the history in which another digest may stand in the place of an event."""
    register, position = place(at)
    found = history()
    found[register][position] = [other, digest(EVENTS[at])]
    return found


def place(at: int) -> tuple[str, int]:
    """Return the register of an event of the log, and its position there, from 0."""
    number = EVENTS[at].register
    return f"rtmr{number - 1}", sum(one.register == number for one in EVENTS[:at])


def test_a_table_of_its_own_for_the_events(machine: Machine) -> None:
    """As a person would write it: a list can be as long as it needs to be."""
    body = machine.tee_body()
    values = {one: getattr(body, one).hex() for one in IMAGE_NAMES} | dict.fromkeys(LOGGED, "log")
    told = "\n".join(f'{key} = "{value}"' for key, value in values.items())
    listed = "\n".join(f"{key} = {json.dumps(one, indent=1)}" for key, one in history().items())
    text = machine.policy_text(images="[]").replace("images = []\n", "")
    text += f'\n[[boot.images]]\nname = "x"\n{told}\n\n[boot.images.events]\n{listed}\n'
    policy = parse_policy(text.encode(), "p.toml")
    assert judge(machine, evidence(machine), policy).value.image == "x"


# --- refusals ---------------------------------------------------------------------------------


def test_no_log(machine: Machine) -> None:
    policy = policy_of(machine, image(machine))
    refused(machine, evidence(machine, None), 9, "policy.boot-log", policy=policy)


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (b"", "wire.truncated"),
        (LOG[:-1], "wire.truncated"),
        (bytes(64), "eventlog.header"),
        (LOG + b"\xff" * 64 + b"\1", "eventlog.trailing"),
    ],
)
def test_a_log_that_is_unusable(machine: Machine, log: bytes, code: str) -> None:
    policy = policy_of(machine, image(machine))
    error = refused(machine, evidence(machine, log), 9, code, policy=policy)
    assert isinstance(error, MalformedError)


def test_a_log_in_another_bank(machine: Machine) -> None:
    log = bytearray(build_tpm_log([TcgEvent.of_data(1, 4, bytes(4), ["sha256"])]))
    log[0] = 1  # filed as a CC log
    policy = policy_of(machine, image(machine))
    refused(machine, evidence(machine, bytes(log)), 9, "eventlog.bank", policy=policy)


@pytest.mark.parametrize("at", range(len(EVENTS)))
def test_a_log_without_one_event(machine: Machine, at: int) -> None:
    log = build_cc_log(EVENTS[:at] + EVENTS[at + 1 :])
    policy = policy_of(machine, image(machine))
    error = refused(machine, evidence(machine, log), 9, "policy.boot-log", policy=policy)
    assert f"rtmr{EVENTS[at].register - 1}" in error.detail


def test_where_log_and_register_part(machine: Machine) -> None:
    put_in = TcgEvent.of_data(2, 0x8000_0007, b"never extended")
    log = build_cc_log((*EVENTS[:5], put_in, *EVENTS[5:]))
    error = refused(
        machine,
        evidence(machine, log),
        9,
        "policy.boot-log",
        policy=policy_of(
            machine, image(machine, events=history((*EVENTS[:5], put_in, *EVENTS[5:])))
        ),
    )
    assert "rtmr1: entry 5 was not extended" in error.detail


def denied(machine: Machine, events: Mapping[str, Sequence[object]], log: bytes = LOG) -> str:
    """Return the detail of the denial of a boot by its log."""
    policy = policy_of(machine, image(machine, events=events))
    return refused(machine, evidence(machine, log), 9, "policy.boot-log", policy=policy).detail


@pytest.mark.parametrize("at", range(len(EVENTS)))
def test_an_event_that_is_not_wanted(machine: Machine, at: int) -> None:
    register, position = place(at)
    events = history()
    events[register][position] = ["00" * 48, "11" * 48]
    told = f"{register}: position {position + 1}: entry {at}, {digest(EVENTS[at])[:32]}"
    assert told in denied(machine, events)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5, 7, 8])  # 6 is RTMR2's only one
def test_an_event_more_than_are_wanted(machine: Machine, at: int) -> None:
    register, position = place(at)
    events = history()
    del events[register][position]
    assert f"{register}: position {position + 1}: entry {at}, " in denied(machine, events)


@pytest.mark.parametrize("register", LOGGED)
def test_an_event_fewer_than_are_wanted(machine: Machine, register: str) -> None:
    """Also where the log has it behind the match: there it is no evidence."""
    later = TcgEvent.of_data(int(register[-1]) + 1, 0xD, b"claimed and never extended")
    events = history((*EVENTS, later))
    due = len(events[register])
    assert f"{register}: position {due}: nothing was extended" in denied(machine, events)
    log = build_cc_log((*EVENTS, later))
    assert f"{register}: position {due}: nothing was extended" in denied(machine, events, log)


BOOTS: Final = {
    "a separator alone in each register": [
        SEPARATOR._replace(register=number) for number in (1, 2, 3)
    ],
    "no command line, a separator in its place": [
        SEPARATOR._replace(register=3) if one.register == 3 else one for one in EVENTS
    ],
    "RTMR2 holds an event of RTMR0 alone": [
        EVENTS[0]._replace(register=3) if one.register == 3 else one for one in EVENTS
    ],
    "an event of RTMR0 is in RTMR1": [
        one._replace(register=2) if one is EVENTS[2] else one for one in EVENTS
    ],
    "the command line also in RTMR1": [*EVENTS, EVENTS[6]._replace(register=2)],
    "the first event of each register alone": [EVENTS[0], EVENTS[4], EVENTS[6]],
    "reversed": [*EVENTS[::-1]],
    "two neighbours changed places": [EVENTS[1], EVENTS[0], *EVENTS[2:]],
    "one event fifty times more": [*EVENTS, *EVENTS[-1:] * 50],
    "all of it twice": [*EVENTS, *EVENTS],
    "nothing in RTMR2": [one for one in EVENTS if one.register != 3],
    "nothing at all": [],
}
"""Boots that measured wanted events alone, and are not the boot that is wanted."""


@pytest.mark.parametrize("boot", BOOTS)
def test_a_boot_of_wanted_events_that_is_another(boot: str) -> None:
    """The log is the true one, and leads to every register; so does the honest boot's, denied."""
    log = build_cc_log(BOOTS[boot])
    machine = machine_of(log)
    assert "rtmr" in denied(machine, history(), log)
    assert "rtmr" in denied(machine, history())


def test_a_register_that_is_not_left_to_the_log(machine: Machine) -> None:
    """RTMR2 has a value; a log of another command line leads to the others, and does not help."""
    other = machine_of(boot_log("init=/bin/sh"))
    policy = policy_of(machine, image(machine, ("rtmr0", "rtmr1")))
    judge(machine, evidence(machine), policy)
    refused(other, evidence(other, boot_log("init=/bin/sh")), 9, "policy.boot", policy=policy)


def test_a_register_that_the_log_says_was_extended() -> None:
    """No entry is the shortest prefix, and leads to a register that nobody extended."""
    empty = machine_of(build_cc_log(one for one in EVENTS if one.register != 3))
    policy = policy_of(empty, image(empty))
    refused(empty, evidence(empty), 9, "policy.boot-log", policy=policy)


def test_a_register_that_there_is_not(machine: Machine) -> None:
    """No policy file can say so; whoever makes a Wanted otherwise is refused as well."""
    body = machine.tee_body()
    values = {name: getattr(body, name) for name in IMAGE_NAMES}
    made = Image(name="x", values=values, events={"rtmr9": (frozenset({bytes(48)}),)})
    wanted = machine.policy().for_bundles()
    wanted = replace(wanted, boot=replace(wanted.boot, images=(made,)))
    refused(machine, evidence(machine), 9, "policy.boot", wanted=wanted)


def test_the_type_of_an_event_is_not_relied_on(machine: Machine) -> None:
    """No register proves it: a log that calls every event something else says the same."""
    renamed = [one._replace(type=0x8000_00FF, data=b"anything") for one in EVENTS]
    policy = policy_of(machine, image(machine))
    judge(machine, evidence(machine, build_cc_log(renamed)), policy)
