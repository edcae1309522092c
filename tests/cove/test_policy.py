# SPDX-License-Identifier: Apache-2.0
"""Each rule of the section [cove] accepts and denies, and all of them are tried."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.cove.table import (
    AT,
    CHALLENGE,
    SOUND,
    TEE,
    TOKEN,
    Accepted,
    Given,
    Table,
    made,
    on,
    policy_of,
    settle,
    with_platform,
    with_tvm,
)
from tests.refusals import refused
from troth.crypto.digest import sha256
from troth.endorse.riscv import CoveRoots
from troth.evidence.cove import CoveToken, PlatformState
from troth.policy.cove import CONVERTERS, CovePolicy, appraise_cove
from troth.policy.cove_template import policy_template_cove
from troth.tsm.emulated.cove import SoftwareCove
from troth.verify import Trace
from troth.verify.cove import CoveFacts, verify_cove

Section = dict[str, Any]

ZERO: Final = "00" * 48
ONE: Final = "sha-384:" + "11" * 48
KEYS: Final = CovePolicy.__struct_fields__
ROM: Final = SOUND.platform.components[0]


def section(evidence: bytes = TOKEN) -> Section:
    """Return the section that the template writes for a token."""
    text = policy_template_cove(CoveToken.parse(evidence), "token.cbor")
    found: Section = tomllib.loads(text)["cove"]
    return found


def under(given: Given | None = None, /, **changes: Any) -> Given:
    """Judge by the template's policy for the sound token, with other values for some keys."""
    return dataclasses.replace(given or Given(), policy=section() | changes)


def own(given: Given, /, **changes: Any) -> Given:
    """Judge by the template's policy for this very token, with other values for some keys."""
    return dataclasses.replace(given, policy=section(given.evidence) | changes)


def with_build(key: str, at: int, **fields: str) -> Section:
    """Accept another build of a component instead of the one there is."""
    tables = section()[key]
    return {key: [*tables[:at], tables[at] | fields, *tables[at + 1 :]]}


def registers(key: str, change: Callable[[Section], Section]) -> Section:
    return {key: change(section()[key])}


def with_rom_called(name: str) -> Given:
    components = (replace(ROM, type=name), *SOUND.platform.components[1:])
    settings = replace(TEE.settings, platform=replace(SOUND.platform, components=components))
    return made(SoftwareCove(settings, AT, TEE.keys))


def in_debug(given: Given) -> Given:
    return dataclasses.replace(given, states=frozenset({PlatformState.DEBUG}))


def component_cases(key: str) -> Table:
    cases: Table = {
        **{
            f"other-{name}": (
                partial(lambda fields: under(**with_build(key, 0, **fields)), {name: value}),
                "policy.component",
            )
            for name, value in {
                "type": "x",
                "svn": "2",
                "measurement": ONE,
                "signer": ONE,
                "manifest": ONE,
            }.items()
        },
        "none-accepted": (lambda: under(**{key: []}), "policy.component"),
        "one-not-accepted": (lambda: under(**{key: section()[key][1:]}), "policy.component"),
        "one-missing": (
            lambda: under(**{key: [*section()[key], section()[key][0] | {"type": "more"}]}),
            "policy.component",
        ),
        "a-second-build": (
            lambda: under(**{key: [*section()[key], section()[key][0] | {"svn": "2"}]}),
            Accepted(),
        ),
        "any": (lambda: under(**{key: "any"}), Accepted()),
    }
    return {f"{key}-{name}": case for name, case in cases.items()}


def register_cases(key: str) -> Table:
    cases: Table = {
        "another-value": (
            lambda: under(**registers(key, lambda one: one | {"1": [ONE]})),
            "policy.measurement",
        ),
        "another-algorithm": (
            lambda: under(
                **registers(key, lambda one: one | {"1": [f"sha3-384:{one['1'][0][8:]}"]})
            ),
            "policy.measurement",
        ),
        "nothing-accepted": (
            lambda: under(**registers(key, lambda one: one | {"1": []})),
            "policy.measurement",
        ),
        "not-named": (
            lambda: under(**registers(key, lambda one: {k: v for k, v in one.items() if k != "1"})),
            "policy.measurement",
        ),
        "named-and-not-there": (
            lambda: under(**registers(key, lambda one: one | {"9": "any"})),
            "policy.measurement",
        ),
        "none-named": (lambda: under(**{key: {}}), "policy.measurement"),
        "a-second-value": (
            lambda: under(**registers(key, lambda one: one | {"1": [*one["1"], ONE]})),
            Accepted(),
        ),
        "one-any": (lambda: under(**registers(key, lambda one: one | {"1": "any"})), Accepted()),
        "any": (lambda: under(**{key: "any"}), Accepted()),
    }
    return {f"{key}-{name}": case for name, case in cases.items()}


CASES: Final[Table] = {
    "template": (under, Accepted()),
    "template-of-another-token": (lambda: own(on(with_tvm(identity="ab" * 64))), Accepted()),
    "template-without-runtime": (lambda: own(on(with_tvm(runtime=()))), Accepted(runtime=0)),
    "state-not-listed": (lambda: under(state=[]), "policy.state"),
    "state-debug": (lambda: own(in_debug(on(with_platform(state="debug")))), "policy.state"),
    "state-debug-accepted": (
        lambda: own(in_debug(on(with_platform(state="debug"))), state=["debug"]),
        Accepted(state="debug"),
    ),
    "state-any": (lambda: under(state="any"), Accepted()),
    "manufacturer": (lambda: under(manufacturer_id=["00" * 64]), "policy.platform"),
    "manufacturer-any": (lambda: under(manufacturer_id="any"), Accepted()),
    **component_cases("platform_components"),
    **component_cases("tsm_components"),
    "component-renamed": (lambda: under(with_rom_called("boot ROM")), "policy.component"),
    **register_cases("initial"),
    **register_cases("runtime"),
    "identity-absent": (lambda: under(identity=["ab" * 64]), "policy.identity"),
    "identity-there": (
        lambda: own(on(with_tvm(identity="ab" * 64)), identity=["absent"]),
        "policy.identity",
    ),
    "identity-another": (
        lambda: own(on(with_tvm(identity="ab" * 64)), identity=["cd" * 64]),
        "policy.identity",
    ),
    "identity-any": (lambda: under(identity="any"), Accepted()),
    "key": (lambda: under(public_key_sha256=["00" * 32]), "policy.key"),
    "key-own": (
        lambda: under(public_key_sha256=[sha256(TEE.keys.tvm.public.cose()).hex()]),
        Accepted(),
    ),
    "challenge": (lambda: under(challenge=["00" * 64]), "policy.report-data"),
    "challenge-a-prefix": (lambda: under(challenge=[CHALLENGE[:32].hex()]), "policy.report-data"),
    "challenge-own": (lambda: under(challenge=[CHALLENGE.hex()]), Accepted()),
}


@pytest.mark.parametrize("name", CASES)
def test_policy(name: str) -> None:
    settle(CASES[name])


def facts() -> tuple[CoveFacts, Trace]:
    verified = verify_cove(TOKEN, roots=CoveRoots([TEE.root]), at=AT, challenge=CHALLENGE)
    trace = Trace()
    appraise_cove(verified, policy_of(section()), name="p.toml", trace=trace)
    return verified.value, trace


def test_every_rule_is_in_the_trace() -> None:
    _, trace = facts()
    due = {
        *KEYS,
        *(f"initial.{one}" for one in range(2)),
        *(f"runtime.{one}" for one in range(4)),
    }
    rows = list(trace)
    assert {row.rule for row in rows} == {f"policy.{one}" for one in due}
    assert len(rows) == len(due)
    assert {row.verdict for row in rows} == {"held"}
    assert {row.source.partition(": ")[0] for row in rows} == {"p.toml"}


def test_all_rules_are_tried_and_the_first_refusal_is_raised() -> None:
    verified = verify_cove(TOKEN, roots=CoveRoots([TEE.root]), at=AT, challenge=CHALLENGE)
    nothing: Section = {key: [] for key in KEYS} | {"initial": {}, "runtime": {}}
    trace = Trace()
    with refused("policy.state", "cove.state"):
        appraise_cove(verified, policy_of(nothing), name="p", trace=trace)
    assert {row.rule for row in trace} == {f"policy.{one}" for one in KEYS}
    assert {row.verdict for row in trace} == {"failed"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", ["Secured"]),
        ("state", "secured"),
        ("manufacturer_id", ["00" * 63]),
        ("platform_components", {}),
        ("platform_components", [{}]),
        ("platform_components", ["x"]),
        ("platform_components", [{}] * 1025),
        ("identity", ["none"]),
        ("public_key_sha256", ["00" * 31]),
        ("initial", ["sha-384:" + ZERO]),
        ("initial", {"00": "any"}),
        ("initial", {"-1": "any"}),
        ("initial", {"x": "any"}),
        ("initial", {"65536": "any"}),
        ("initial", {"٣": "any"}),
        ("initial", {str(one): "any" for one in range(1025)}),
        ("initial", {"0": ZERO}),
        ("initial", {"0": [ZERO]}),
        ("initial", {"0": ["sha-384:" + ZERO[2:]]}),
        ("initial", {"0": ["sha-512:" + ZERO]}),
        ("initial", {"0": ["sha-384:" + "AB" * 48]}),
        ("initial", {"0": ["sha-256:" + "00" * 32]}),
        ("runtime", 3),
        ("challenge", ["00" * 65]),
    ],
)
def test_what_is_no_value_of_a_key_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"due|not |nothing else|every key|digit"):
        CONVERTERS[key](value)


@pytest.mark.parametrize(
    "change",
    [
        {"svn": 1},
        {"measurement": ZERO},
        {"signer": "absent"},
        {"manifest": "none"},
        {"more": "x"},
    ],
)
def test_what_is_no_component_is_refused(change: Section) -> None:
    table = section()["platform_components"][0] | change
    with pytest.raises(ValueError, match=r"due|not |nothing else|every key"):
        CONVERTERS["platform_components"]([table])


def test_a_list_of_components_is_of_bounded_length() -> None:
    table = section()["platform_components"][0]
    assert len(CONVERTERS["platform_components"]([table] * 1024)) == 1
    with pytest.raises(ValueError, match="up to 1024"):
        CONVERTERS["platform_components"]([table] * 1025)


def test_the_template_names_every_key_and_survives_a_hostile_name() -> None:
    assert set(section()) == set(KEYS) == set(CONVERTERS)
    text = policy_template_cove(CoveToken.parse(TOKEN), "a\nstate = 'any'")
    assert tomllib.loads(text)["cove"] == section()


def test_the_template_keeps_what_a_component_is_called() -> None:
    given = with_rom_called('a "ROM" \\ b')
    assert section(given.evidence)["platform_components"][0]["type"] == 'a "ROM" \\ b'
    settle((lambda: own(given), Accepted()))
