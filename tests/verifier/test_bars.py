# SPDX-License-Identifier: Apache-2.0
"""Which refusals bar a namespace, and which must not (decision 0011): both directions, by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace as struct_replace

from tests.bundles import Machine, model, namespace, with_
from tests.verifiers import make_directory
from troth.crypto.p256 import PrivateKey
from troth.errors import DeniedError, TrothError
from troth.evidence.binding import (
    Bundle,
    Channel,
    Door,
    Namespace,
    Origin,
    ProvenStatement,
)
from troth.infra.database import Database
from troth.verifier import appraiser as appraiser_module
from troth.verifier.appraiser import Appraiser
from troth.verifier.keys import KeyRing
from troth.verifier.schema import MIGRATIONS
from troth.verifier.settings import Configured, load_settings
from troth.verifier.sources import Sources, load_sources
from troth.verifier.store import Store

CHANNEL: Final = Channel(1, b"e" * 32)


@dataclass
class Place:
    """A verifier without its sockets, and the machine whose root it trusts."""

    machine: Machine
    appraiser: Appraiser
    policy: Path

    def nonce(self) -> bytes:
        return self.appraiser.challenge()[0]

    def accept(self, mine: Namespace) -> None:
        self.appraiser.appraise(self.machine.fresh(self.nonce(), mine).encoded)

    def refuse(self, bundle: Bundle | bytes, step: int, code: str) -> None:
        data = bundle if isinstance(bundle, bytes) else bundle.encoded
        with pytest.raises(TrothError) as caught:
            self.appraiser.appraise(data)
        assert (caught.value.step, caught.value.code) == (step, code), caught.value

    def is_barred(self, mine: Namespace) -> bool:
        """Ask with a good statement at the same count: only a bar refuses it."""
        try:
            self.accept(mine)
        except DeniedError as error:
            if error.code != "binding.barred":
                raise
            return True
        return False

    def set_policy(self, labels: tuple[str, ...] = ("payments",), /, **replaced: str) -> None:
        self.policy.write_text(self.machine.policy_text(labels, **replaced))
        self.appraiser.reload()


Places = Callable[[Machine], Place]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """What makes a verifier for a machine; one in a test."""
    with ExitStack() as stack:

        def make(machine: Machine) -> Place:
            directory = tmp_path / "v"
            configured = load_settings(str(make_directory(directory, machine)))
            database = Database.open(configured.database, MIGRATIONS)
            stack.callback(database.close)
            store = Store(database, challenge_s=configured.value.challenge_s)
            found = Appraiser(configured, KeyRing(directory / "keys"), store)
            return Place(machine, found, directory / "policy.toml")

        yield make


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def place(places: Places, machine: Machine) -> Place:
    return places(machine)


def gone_from(mine: Namespace, **changes: Any) -> Namespace:
    """Return the same namespace behind an event outside its model."""
    return namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1), **changes)


def back_at(gone: Namespace) -> Namespace:
    """Return a namespace that says nothing happened, at the count of one that left."""
    return namespace(id=gone.id, log=gone.log)


# --- step 11: authentic, but not for us -------------------------------------------------------


HEARD: Final[dict[str, dict[str, Any]]] = {
    "claims.audience": {"audience": "urn:example:another"},
    "claims.cnf": {"cnf": None},
    "policy.alarms": {"alarms": 1},
}


@pytest.mark.parametrize("code", HEARD)
def test_who_left_is_heard_although_step_11_refuses(place: Place, code: str) -> None:
    mine = namespace()
    place.accept(mine)
    gone = gone_from(mine)
    bundle = place.machine.fresh(place.nonce(), gone, **HEARD[code])
    place.refuse(bundle, 14, "binding.barred")
    assert place.is_barred(back_at(gone))
    place.refuse(bundle, 14, "challenge.used")


@pytest.mark.parametrize("code", HEARD)
def test_step_11_alone_bars_nobody(place: Place, code: str) -> None:
    mine = namespace()
    place.accept(mine)
    place.refuse(place.machine.fresh(place.nonce(), mine, **HEARD[code]), 11, code)
    assert not place.is_barred(mine)


def test_a_push_has_no_channel_and_is_heard(
    places: Places, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that demands a channel refuses a push at step 11, and issues nothing for it."""

    def demanding(configured: Configured) -> Sources:
        found = load_sources(configured)
        claims = struct_replace(found.wanted.claims, channel="required")
        return replace(found, wanted=struct_replace(found.wanted, claims=claims))

    place = places(machine)
    mine = namespace()
    place.accept(mine)
    monkeypatch.setattr(appraiser_module, "load_sources", demanding)
    place.appraiser.reload()
    place.refuse(machine.fresh(place.nonce(), mine), 11, "claims.channel")
    place.refuse(machine.fresh(place.nonce(), mine, channel=CHANNEL), 11, "claims.channel")
    gone = gone_from(mine)
    place.refuse(machine.fresh(place.nonce(), gone), 14, "binding.barred")
    monkeypatch.undo()
    place.appraiser.reload()
    assert place.is_barred(back_at(gone))


def test_a_state_that_differs_bars_whom_we_accepted_and_nobody_else(place: Place) -> None:
    known, stranger = namespace(), namespace()
    place.accept(known)
    for one in (known, stranger):
        other = namespace(id=one.id, model=model(state=bytes(32)))
        code = "binding.barred" if one is known else "claims.cnf"
        step = 14 if one is known else 11
        place.refuse(place.machine.fresh(place.nonce(), other, cnf=None), step, code)
    assert place.is_barred(known)
    assert not place.is_barred(stranger)


@pytest.mark.parametrize("changes", [{"model": None}, {"model": model(profile="B7")}])
def test_a_model_that_became_another_bars_whom_we_accepted(
    place: Place, changes: dict[str, Any]
) -> None:
    mine = namespace()
    place.accept(mine)
    other = namespace(id=mine.id, **changes)
    code = "model.absent" if other.model is None else "model.profile"
    place.refuse(place.machine.fresh(place.nonce(), other), 12, code)
    assert place.is_barred(mine)


# --- step 11: by one whom the policy does not believe, or of nobody whom it names ----------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"configuration": f'["{"00" * 32}"]'}, "policy.configuration"),
        ({"label": '["another"]'}, "policy.label"),
        ({"origin": '["runtime"]'}, "policy.origin"),
        ({"image_digest": f'["sha256:{"00" * 32}"]'}, "policy.image-digest"),
    ],
)
def test_whom_the_policy_does_not_believe_bars_nobody(
    place: Place, changes: dict[str, str], code: str
) -> None:
    mine = namespace()
    place.accept(mine)
    gone = gone_from(mine)
    place.set_policy(**changes)
    place.refuse(place.machine.fresh(place.nonce(), gone), 11, code)
    place.set_policy()
    assert not place.is_barred(back_at(gone))


def test_a_boot_that_could_give_out_report_data_bars_nobody(places: Places) -> None:
    machine = Machine.boot(at=datetime.now(UTC), doors=(Door.RAW,))
    place = places(machine)
    mine = namespace()
    gone = gone_from(mine)
    place.set_policy(doors='["raw"]')
    place.accept(mine)
    place.set_policy()
    place.refuse(machine.fresh(place.nonce(), gone), 11, "policy.doors")
    place.set_policy(doors='["raw"]')
    assert not place.is_barred(back_at(gone))


def test_a_mode_that_is_not_accepted_bars_nobody(place: Place) -> None:
    mine = namespace()
    anchor = place.machine.fresh(place.nonce(), mine)
    place.appraiser.appraise(anchor.encoded)
    gone = gone_from(mine)
    place.set_policy(modes='["fresh"]')
    place.refuse(place.machine.delegated(anchor, place.nonce(), gone), 11, "policy.mode")
    place.set_policy()
    assert not place.is_barred(back_at(gone))


def test_a_section_of_another_origin_is_no_departure(place: Place) -> None:
    mine = namespace()
    place.accept(mine)
    gone = gone_from(mine, origin=Origin.ADMINISTRATOR)
    place.refuse(place.machine.fresh(place.nonce(), gone), 11, "policy.origin")
    assert not place.is_barred(back_at(gone))


# --- steps 1 to 10: a forgery bars nobody -----------------------------------------------------


def unproven(machine: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    """Return a bundle of ours in which the statement is another than the tree's."""
    true = machine.fresh(nonce)
    assert isinstance(true.claim, ProvenStatement)
    forged = machine.statement(nonce, gone)
    return with_(true, claim=replace(true.claim, statement=forged))


def of_another_epoch(machine: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    return with_(machine.fresh(nonce, gone), report=machine.fresh(nonce).report)


def of_another_boot(machine: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    true = machine.fresh(nonce, gone)
    return with_(true, root=machine.root_statement(software="another"))


def signed_by_another(machine: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    true = machine.fresh(nonce, gone)
    return with_(true, epoch=true.epoch.epoch.sign(PrivateKey.generate()))


def of_another_root(_: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    return Machine.boot(at=datetime.now(UTC)).fresh(nonce, gone)


def stolen_key(machine: Machine, nonce: bytes, gone: Namespace) -> Bundle:
    """The statement key alone, without an anchor that this verifier ever asked for."""
    anchor = machine.fresh(b"n" * 57, namespace(id=gone.id))
    return machine.delegated(anchor, nonce, gone)


Forge = Callable[[Machine, bytes, Namespace], Bundle]
FORGERIES: Final[dict[tuple[int, str], Forge]] = {
    (2, "challenge.unknown"): lambda machine, _, gone: machine.fresh(b"n" * 57, gone),
    (3, "chain.root"): of_another_root,
    (5, "binding.report-data"): of_another_epoch,
    (6, "binding.root-digest"): of_another_boot,
    (8, "binding.epoch-signature"): signed_by_another,
    (10, "binding.proof"): unproven,
    (10, "challenge.unknown"): stolen_key,
}


@pytest.mark.parametrize("where", FORGERIES, ids=lambda where: f"{where[0]}-{where[1]}")
def test_a_forgery_bars_nobody(place: Place, where: tuple[int, str]) -> None:
    mine = namespace()
    place.accept(mine)
    gone = gone_from(mine)
    forged = FORGERIES[where](place.machine, place.nonce(), gone)
    place.refuse(forged, *where)
    assert not place.is_barred(back_at(gone))


def test_a_torn_bundle_bars_nobody(place: Place) -> None:
    mine = namespace()
    place.accept(mine)
    gone = gone_from(mine)
    data = place.machine.fresh(place.nonce(), gone).encoded
    place.refuse(data[:-1], 1, "cbor.syntax")
    assert not place.is_barred(back_at(gone))


def test_who_spoils_the_root_register_bars_nobody_and_gets_nothing(places: Places) -> None:
    machine = Machine.boot(at=datetime.now(UTC))
    place = places(machine)
    mine = namespace()
    place.accept(mine)
    machine.tee.extend(3, bytes(48))
    place.refuse(machine.fresh(place.nonce(), gone_from(mine)), 7, "binding.root-register")
    place.refuse(machine.fresh(place.nonce(), mine), 7, "binding.root-register")


# --- two histories ----------------------------------------------------------------------------


def test_two_histories_bar_the_id_for_good(place: Place) -> None:
    mine = namespace()
    one, other = mine.log.append(b"\x01"), mine.log.append(b"\x02")
    place.accept(namespace(id=mine.id, log=one))
    forked = place.machine.fresh(place.nonce(), namespace(id=mine.id, log=other))
    place.refuse(forked, 12, "binding.forked")
    for log in (one, one.append(b"\x03"), other.append(b"\x03")):
        bundle = place.machine.fresh(place.nonce(), namespace(id=mine.id, log=log))
        place.refuse(bundle, 14, "binding.barred")


def test_two_histories_are_seen_behind_step_11(place: Place) -> None:
    mine = namespace()
    place.accept(namespace(id=mine.id, log=mine.log.append(b"\x01")))
    other = namespace(id=mine.id, log=mine.log.append(b"\x02"))
    place.refuse(place.machine.fresh(place.nonce(), other, cnf=None), 14, "binding.barred")
    assert place.is_barred(namespace(id=mine.id, log=mine.log.append(b"\x01", b"\x02")))


def test_a_lower_count_alone_bars_nobody(place: Place) -> None:
    """Clocks of two verifiers may differ, so the floor is a refusal and no proof."""
    mine = namespace()
    later = namespace(id=mine.id, log=mine.log.append(b"\x01"))
    place.accept(later)
    place.refuse(place.machine.fresh(place.nonce(), mine), 12, "binding.forked")
    assert not place.is_barred(later)
