# SPDX-License-Identifier: Apache-2.0
"""Each claim is there, of its type, of its size, and of a value that is known."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pytest

from tests.cca.table import OLD, Accepted, Table, claims, on, put, settle, without

PLATFORM: Final = {
    "profile": 265,
    "challenge": 10,
    "implementation-id": 2396,
    "instance-id": 256,
    "config": 2401,
    "lifecycle": 2395,
    "components": 2399,
    "hash-algorithm": 2402,
}
REALM: Final = {
    "challenge": 10,
    "personalization-value": 44235,
    "hash-algorithm": 44236,
    "rak": 44237,
    "rim": 44238,
    "rems": 44239,
    "rak-hash-algorithm": 44240,
}
LABELS: Final = {"platform": PLATFORM, "realm": REALM}
# Sizes in bytes that are refused, by claim.
SIZES: Final = {
    ("platform", 10): (0, 31, 33, 47, 63, 65),
    ("platform", 2396): (0, 31, 33, 64),
    ("platform", 256): (0, 32, 34),
    ("realm", 10): (0, 32, 48, 63, 65),
    ("realm", 44235): (0, 63, 65),
    ("realm", 44238): (0, 31, 33, 47, 65),
}
SECURED: Final = (0x3000, 0x3003, 0x30FF)
NON_ROT_DEBUG: Final = (0x4000, 0x40FF)
RECOVERABLE_DEBUG: Final = (0x5000, 0x50FF)
NOT_DEPLOYED: Final = (
    *(0x0000, 0x00FF, 0x1000, 0x10FF, 0x2000, 0x20FF, 0x2FFF),
    *(0x3100, 0x3FFF, 0x4100, 0x4FFF, 0x5100, 0x5FFF, 0x6000, 0x60FF, 0x7000, 0xFFFF),
)


def component(**members: Any) -> dict[int, Any]:
    """Return a sound component with other members; None leaves one out."""
    sound = {"1": "RMM", "2": bytes(32), "4": "1", "5": bytes(32), "6": "sha-256"}
    found = {int(key): value for key, value in (sound | members).items()}
    return {key: value for key, value in found.items() if value is not None}


def components(*members: Any) -> partial[Any]:
    return partial(put, "platform", 2399, list(members))


CASES: Final[Table] = {
    **{
        f"{half}-without-{name}": (partial(without, half, label), "cca.claim-missing")
        for half, labels in LABELS.items()
        for name, label in labels.items()
    },
    **{
        f"{half}-{name}-a-boolean": (partial(put, half, label, value=True), "cca.claim")
        for half, labels in LABELS.items()
        for name, label in labels.items()
    },
    **{
        f"{half}-{name}-a-text-or-bytes": (
            partial(put, half, label, b"x" if "algorithm" in name or name == "profile" else "x"),
            "cca.claim",
        )
        for half, labels in LABELS.items()
        for name, label in labels.items()
    },
    **{
        f"{half}-{label}-of-{size}-bytes": (
            partial(put, half, label, b"\1" * size),
            "cca.claim",
        )
        for (half, label), sizes in SIZES.items()
        for size in sizes
    },
    "instance-id-of-another-type": (
        lambda: put("platform", 256, b"\2" + bytes(32)),
        "cca.claim",
    ),
    "verification-service-bytes": (lambda: put("platform", 2400, b"x"), "cca.claim"),
    "verification-service-too-long": (lambda: put("platform", 2400, "x" * 1025), "cca.claim"),
    "verification-service-long": (lambda: put("platform", 2400, "x" * 1024), Accepted()),
    "realm-profile-bytes": (lambda: put("realm", 265, b"x"), "cca.claim"),
    # Profiles.
    "platform-profile-of-psa": (
        lambda: put("platform", 265, "http://arm.com/PSA-SSD/1.0.0"),
        "unsupported.profile",
    ),
    "platform-profile-newer": (
        lambda: put("platform", 265, "tag:arm.com,2024:cca_platform#2.0.0"),
        "unsupported.profile",
    ),
    "platform-profile-a-prefix": (
        lambda: put("platform", 265, "tag:arm.com,2023:cca_platform#1.0.0x"),
        "unsupported.profile",
    ),
    "realm-profile-newer": (
        lambda: put("realm", 265, "tag:arm.com,2024:realm#2.0.0"),
        "unsupported.profile",
    ),
    "realm-profile-empty": (lambda: put("realm", 265, ""), "unsupported.profile"),
    "legacy-realm-that-names-the-legacy-platform-profile": (
        lambda: put("realm", 265, "http://arm.com/CCA-SSD/1.0.0", OLD),
        "unsupported.profile",
    ),
    # Hash algorithms.
    **{
        f"{half}-{label}-{name or 'empty'}": (
            partial(put, half, label, name),
            "unsupported.algorithm",
        )
        for half, label in (("platform", 2402), ("realm", 44236), ("realm", 44240))
        for name in ("none", "", "SHA-256", "sha256", "sha-1", "sha3-256")
    },
    # Lifecycle.
    **{
        f"lifecycle-{one:04x}": (partial(put, "platform", 2395, one), Accepted()) for one in SECURED
    },
    **{
        f"lifecycle-{one:04x}": (
            partial(put, "platform", 2395, one),
            Accepted(lifecycle="non-cca-platform-rot-debug"),
        )
        for one in NON_ROT_DEBUG
    },
    **{
        f"lifecycle-{one:04x}": (
            partial(put, "platform", 2395, one),
            Accepted(lifecycle="recoverable-cca-platform-rot-debug"),
        )
        for one in RECOVERABLE_DEBUG
    },
    **{
        f"lifecycle-{one:04x}": (partial(put, "platform", 2395, one), "cca.lifecycle")
        for one in NOT_DEPLOYED
    },
    "lifecycle-negative": (lambda: put("platform", 2395, -1), "cca.claim"),
    "lifecycle-of-17-bits": (lambda: put("platform", 2395, 0x1_3000), "cca.claim"),
    # Software components.
    "components-none": (components(), "cca.claim"),
    "components-257": (components(*[component()] * 257), "cca.claim"),
    "components-256": (components(*[component()] * 256), Accepted()),
    "components-a-map": (lambda: put("platform", 2399, component()), "cca.claim"),
    "component-bytes": (components(component(), b"x"), "cca.claim"),
    "component-without-a-measurement": (components(component(**{"2": None})), "cca.claim-missing"),
    "component-without-a-signer": (components(component(**{"5": None})), "cca.claim-missing"),
    "component-with-these-two-alone": (
        components(component(**{"1": None, "4": None, "6": None})),
        Accepted(),
    ),
    "component-measurement-of-31-bytes": (components(component(**{"2": bytes(31)})), "cca.claim"),
    "component-signer-of-33-bytes": (components(component(**{"5": bytes(33)})), "cca.claim"),
    "component-type-a-number": (components(component(**{"1": 1})), "cca.claim"),
    "component-version-bytes": (components(component(**{"4": b"1"})), "cca.claim"),
    "component-hash-algorithm-unknown": (
        components(component(**{"6": "md5"})),
        "unsupported.algorithm",
    ),
    "component-second-one-wrong": (
        components(component(), component(**{"2": None})),
        "cca.claim-missing",
    ),
    # Measurements of the realm.
    "rems-three": (lambda: put("realm", 44239, [bytes(64)] * 3), "cca.claim"),
    "rems-five": (lambda: put("realm", 44239, [bytes(64)] * 5), "cca.claim"),
    "rems-a-map": (lambda: put("realm", 44239, {n: bytes(64) for n in range(4)}), "cca.claim"),
    "rem-of-33-bytes": (
        lambda: put("realm", 44239, [*[bytes(64)] * 3, bytes(33)]),
        "cca.claim",
    ),
    "rem-a-text": (lambda: put("realm", 44239, ["x" * 64] * 4), "cca.claim"),
    "measurements-of-another-algorithms-size": (
        lambda: claims("realm", lambda one: one.update({44236: "sha-256"})),
        Accepted(),
    ),
    "legacy-rak-of-96-bytes": (lambda: put("realm", 44237, b"\4" * 96, OLD), "cca.claim"),
    "legacy-rak-of-98-bytes": (lambda: put("realm", 44237, b"\4" * 98, OLD), "cca.claim"),
    "ids-of-the-sound-platform": (lambda: on({"implementation_id": "ab" * 32}), Accepted()),
}


@pytest.mark.parametrize("name", CASES)
def test_claim(name: str) -> None:
    settle(CASES[name])
