# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted, so no case passes for another reason."""

from __future__ import annotations

from typing import Final

import cbor2
import pytest

from tests.cca.table import (
    LEGACY,
    OLD,
    Accepted,
    Given,
    Table,
    attested,
    on,
    payload,
    put,
    settle,
    under,
)
from troth.verify import AnyValue


def longer_integers(data: bytes) -> bytes:
    """Spell the label 10 in two bytes where one is enough."""
    assert data.count(b"\x0a\x58") >= 1
    return data.replace(b"\x0a\x58", b"\x18\x0a\x58", 1)


def reversed_order(data: bytes) -> bytes:
    return cbor2.dumps(dict(reversed(cbor2.loads(data).items())))


def indefinite(data: bytes) -> bytes:
    return b"\xbf" + data[1:] + b"\xff"


CASES: Final[Table] = {
    "2023": (Given, Accepted()),
    "legacy": (lambda: attested(OLD), Accepted(platform="legacy", realm="legacy")),
    "legacy-platform-of-a-2023-realm": (
        lambda: on({"profile": "legacy"}),
        Accepted(platform="legacy"),
    ),
    "2023-platform-of-a-legacy-realm": (lambda: on(profile="legacy"), Accepted(realm="legacy")),
    "platform-p256": (lambda: on({"curve": "P-256"}), Accepted()),
    "realm-p256": (lambda: on(curve="P-256"), Accepted()),
    "rak-sha-384": (lambda: on(rak_hash_algorithm="sha-384"), Accepted()),
    "rak-sha-512": (lambda: on(rak_hash_algorithm="sha-512"), Accepted()),
    "realm-sha-256": (lambda: on(hash_algorithm="sha-256"), Accepted()),
    "without-a-verification-service": (lambda: on({"verification_service": None}), Accepted()),
    "configuration-empty": (lambda: on({"config": ""}), Accepted()),
    "any-challenge": (lambda: Given(challenge=AnyValue), Accepted()),
    "under-its-template": (lambda: under(Given()), Accepted()),
    "unknown-claim-of-the-platform": (lambda: put("platform", 9999, [1, "x"]), Accepted(unknown=1)),
    "unknown-claim-of-the-realm": (lambda: put("realm", 256, b"\1" * 33), Accepted(unknown=1)),
    "integers-longer-than-they-need-to-be": (
        lambda: payload("platform", longer_integers),
        Accepted(),
    ),
    "claims-in-another-order": (lambda: payload("realm", reversed_order), Accepted()),
    "claims-of-indefinite-length": (lambda: payload("realm", indefinite), Accepted()),
}


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_the_legacy_settings_are_legacy_in_both_halves() -> None:
    assert (LEGACY.platform.profile, LEGACY.realm.profile) == ("legacy", "legacy")
