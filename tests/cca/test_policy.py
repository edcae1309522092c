# SPDX-License-Identifier: Apache-2.0
"""Each rule of the section [cca] accepts and denies, and all of them are tried."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pytest

from tests.cca.table import (
    OLD,
    TEE,
    TOKEN,
    Accepted,
    Given,
    Table,
    attested,
    claims,
    on,
    put,
    section,
    settle,
    template,
    under,
    with_keys,
)
from tests.refusals import refused
from tests.tdx import AT
from troth.evidence.cca import CcaToken
from troth.policy.cca import CONVERTERS, CcaPolicy, appraise_cca
from troth.policy.cca_template import policy_template_cca
from troth.tsm.emulated.cca import SoftwareCca
from troth.verify import AnyValue, Trace
from troth.verify.cca import verify_cca

KEYS: Final = CcaPolicy.__struct_fields__
RULES: Final = {f"policy.{name}" for name in KEYS}
PARSED: Final = CcaToken.parse(TOKEN)
# For each key that lists values, what its denial is called.
LISTS: Final = {
    "platform_profile": "policy.profile",
    "realm_profile": "policy.profile",
    "implementation_id": "policy.platform",
    "instance_id": "policy.platform",
    "platform_config": "policy.platform",
    "components": "policy.component",
    "hash_algorithm": "policy.hash-algorithm",
    "personalization_value": "policy.measurement",
    "rim": "policy.measurement",
    "rem0": "policy.measurement",
    "rem1": "policy.measurement",
    "rem2": "policy.measurement",
    "rem3": "policy.measurement",
    "challenge": "policy.report-data",
}
SIZES: Final = {"implementation_id": 32, "instance_id": 33, "platform_config": 4}
NON_ROT_DEBUG, RECOVERABLE_DEBUG = 0x4000, 0x5000
OLD_GIVEN: Final = attested(OLD)


def hexes(*some: bytes) -> str:
    return "[" + ", ".join(f'"{one.hex()}"' for one in some) + "]"


def table(name: str, **keys: str) -> str:
    """Return an inline table of one of the sound token's components, with other keys."""
    (one,) = (one for one in PARSED.platform.components if one.type == name)
    found = {
        "type": one.type or "",
        "version": one.version or "",
        "measurement": one.measurement.hex(),
        "signer_id": one.signer_id.hex(),
    } | keys
    return "{" + ", ".join(f'{key} = "{value}"' for key, value in found.items()) + "}"


def components(*tables: str) -> Given:
    return under(Given(), components="[" + ", ".join(tables) + "]")


SOUND: Final = tuple(table(name) for name in ("BL2", "BL31", "RMM"))


def unnamed() -> Given:
    """A component without type and version, under a policy that knows it as absent."""
    return claims("platform", lambda one: one.update({2399: [{2: bytes(32), 5: bytes(32)}]}))


CASES: Final[Table] = {
    **{
        f"empty-{key.replace('_', '-')}": (partial(under, Given(), **{key: "[]"}), code)
        for key, code in LISTS.items()
    },
    **{
        f"any-{key.replace('_', '-')}": (partial(under, Given(), **{key: '"any"'}), Accepted())
        for key in KEYS
    },
    **{
        f"another-{key.replace('_', '-')}": (
            partial(under, Given(), **{key: hexes(bytes(SIZES.get(key, 64)))}),
            code,
        )
        for key, code in LISTS.items()
        if code in {"policy.platform", "policy.report-data"} or key == "rim"
    },
    **{
        f"another-{key}": (partial(under, Given(), **{key: hexes(b"\1" * 64)}), code)
        for key, code in LISTS.items()
        if key.startswith("rem") or key == "personalization_value"
    },
    "extended-rem": (
        lambda: under(put("realm", 44239, [b"\1" * 64] * 4), rem2=hexes(bytes(64))),
        "policy.measurement",
    ),
    # Debug.
    "debug-non-rot": (lambda: under(on({"lifecycle": NON_ROT_DEBUG})), "policy.debug"),
    "debug-recoverable": (lambda: under(on({"lifecycle": RECOVERABLE_DEBUG})), "policy.debug"),
    "debug-tolerated": (
        lambda: under(on({"lifecycle": NON_ROT_DEBUG}), debug='"any"'),
        Accepted(lifecycle="non-cca-platform-rot-debug"),
    ),
    "retired-though-debug-is-tolerated": (
        lambda: under(on({"lifecycle": 0x6000}), debug='"any"'),
        "cca.lifecycle",
    ),
    # Profiles.
    "legacy-platform-not-accepted": (
        lambda: under(OLD_GIVEN, platform_profile='["tag:arm.com,2023:cca_platform#1.0.0"]'),
        "policy.profile",
    ),
    "legacy-realm-not-accepted": (
        lambda: under(OLD_GIVEN, realm_profile='["tag:arm.com,2023:realm#1.0.0"]'),
        "policy.profile",
    ),
    "legacy-accepted": (lambda: under(OLD_GIVEN), Accepted(platform="legacy", realm="legacy")),
    # Hash algorithms.
    "algorithm-not-accepted": (
        lambda: under(Given(), hash_algorithm='["sha-256"]'),
        "policy.hash-algorithm",
    ),
    "sizes-of-another-algorithm": (
        lambda: under(put("realm", 44236, "sha-256"), hash_sizes='"match"'),
        "policy.hash-algorithm",
    ),
    "rem-of-another-size": (
        lambda: under(put("realm", 44239, [*[bytes(64)] * 3, bytes(32)]), hash_sizes='"match"'),
        "policy.hash-algorithm",
    ),
    "sizes-of-another-algorithm-tolerated": (
        lambda: under(put("realm", 44236, "sha-256")),
        Accepted(),
    ),
    # Firmware.
    "components-as-they-are": (lambda: components(*SOUND), Accepted()),
    "components-in-another-order": (lambda: components(*reversed(SOUND)), Accepted()),
    "component-with-another-build": (
        lambda: components(*SOUND, table("RMM", measurement="ab" * 32, version="2.0.0")),
        Accepted(),
    ),
    "component-not-accepted": (lambda: components(*SOUND[:2]), "policy.component"),
    "component-missing": (
        lambda: components(*SOUND, table("RMM", type="BL33")),
        "policy.component",
    ),
    **{
        f"component-of-another-{key}": (
            partial(components, *SOUND[:2], table("RMM", **{key: value})),
            "policy.component",
        )
        for key, value in {
            "type": "RMM2",
            "version": "1.0.1",
            "measurement": "00" * 32,
            "signer_id": "00" * 32,
        }.items()
    },
    "component-unnamed": (lambda: under(unnamed()), Accepted()),
    "component-unnamed-under-a-name": (
        lambda: under(
            unnamed(),
            components=(
                f'[{{type = "RMM", version = "absent", measurement = "{"00" * 32}", '
                f'signer_id = "{"00" * 32}"}}]'
            ),
        ),
        "policy.component",
    ),
    # The challenge.
    "challenge-of-the-policy": (
        lambda: under(Given(), challenge=hexes(bytes(range(64)))),
        Accepted(),
    ),
    "challenge-of-the-policy-a-prefix": (
        lambda: under(Given(), challenge=hexes(bytes(range(32)))),
        "policy.report-data",
    ),
    "platform-config-empty": (
        lambda: under(on({"config": ""}), platform_config='["cf"]'),
        "policy.platform",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_policy(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("token", [TOKEN, OLD_GIVEN.token, unnamed().token])
def test_the_template_accepts_what_it_was_made_from(token: bytes) -> None:
    tee = OLD if token == OLD_GIVEN.token else TEE
    settle(
        (
            lambda: Given(token=token, store=attested(tee).store, policy=template(token)),
            Accepted("secured", *(("legacy", "legacy") if tee is OLD else ("2023", "2023"))),
        )
    )


def appraised(token: bytes, text: str) -> Trace:
    trace = Trace()
    verified = verify_cca(token, anchors=attested().store, at=AT, challenge=AnyValue, trace=Trace())
    appraise_cca(verified, section(text), name="p.toml", trace=trace)
    return trace


def test_every_rule_is_tried_and_named() -> None:
    rows = list(appraised(TOKEN, template()))
    assert [row.rule for row in rows if row.verdict == "held"] == [row.rule for row in rows]
    assert {row.rule for row in rows} == RULES
    assert {row.source for row in rows} == {f"p.toml: cca.{name}" for name in KEYS}


def test_every_rule_is_tried_after_one_said_no() -> None:
    trace = Trace()
    verified = verify_cca(TOKEN, anchors=attested().store, at=AT, challenge=AnyValue, trace=Trace())
    empty = with_keys(template(), **dict.fromkeys(LISTS, "[]"))
    with refused("policy.profile", "cca.platform_profile"):
        appraise_cca(verified, section(empty), name="p.toml", trace=trace)
    rows = list(trace)
    assert {row.rule for row in rows} == RULES
    assert {row.rule for row in rows if row.verdict == "failed"} == {
        f"policy.{key}" for key in LISTS
    }
    assert {row.expected for row in rows if row.verdict == "failed"} == {"nothing"}


COMPONENT: Final = {
    "type": "RMM",
    "version": "1",
    "measurement": "00" * 32,
    "signer_id": "00" * 32,
}
WRONG: Final[dict[str, tuple[str, Any]]] = {
    "debug": ("debug", "allow"),
    "debug-boolean": ("debug", True),
    "profile-unknown": ("platform_profile", ["tag:arm.com,2023:cca_platform"]),
    "profile-of-the-other-half": ("realm_profile", ["http://arm.com/CCA-SSD/1.0.0"]),
    "profile-a-text": ("realm_profile", "legacy"),
    "implementation-id-short": ("implementation_id", ["00" * 31]),
    "instance-id-short": ("instance_id", ["00" * 32]),
    "config-no-hex": ("platform_config", ["cf:cf"]),
    "config-enormous": ("platform_config", ["00" * 65_537]),
    "algorithm-unknown": ("hash_algorithm", ["sha256"]),
    "sizes": ("hash_sizes", "yes"),
    "rim-of-33-bytes": ("rim", ["00" * 33]),
    "rim-a-text": ("rim", "00" * 32),
    "rem-no-hex": ("rem3", ["zz" * 32]),
    "personalization-short": ("personalization_value", ["00" * 32]),
    "challenge-long": ("challenge", ["00" * 65]),
    "components-a-table": ("components", {}),
    "components-too-many": ("components", [COMPONENT] * 1025),
    "component-a-text": ("components", ["RMM"]),
    "component-without-a-key": ("components", [{"type": "RMM"}]),
    "component-with-a-number": ("components", [COMPONENT | {"version": 1}]),
    "component-of-31-bytes": ("components", [COMPONENT | {"measurement": "00" * 31}]),
    "component-of-no-hex": ("components", [COMPONENT | {"signer_id": "z" * 64}]),
    "component-with-one-more-key": ("components", [COMPONENT | {"svn": "1"}]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_that_cannot_be_meant_is_refused(case: str) -> None:
    key, value = WRONG[case]
    with pytest.raises(ValueError, match=r"due|and nothing else|not one of|a text|hex|Odd"):
        CONVERTERS[key](value)


def test_every_key_has_a_converter_and_none_is_left_over() -> None:
    assert set(CONVERTERS) == set(KEYS)


def test_a_template_spells_hostile_texts_and_reads_them_back() -> None:
    hostile = 'a"]\n[tdx]\ndebug = "any"\\ \x00\x7f\u2028'
    given = claims(
        "platform",
        lambda one: one.update({2399: [{1: hostile, 2: bytes(32), 4: hostile, 5: bytes(32)}]}),
    )
    text = policy_template_cca(CcaToken.parse(given.token), "name\nversion = 2")
    components: Any = section(text).components
    (one,) = components
    assert (one.type, one.version) == (hostile, hostile)
    settle((lambda: Given(token=given.token, policy=text), Accepted()))


def test_the_template_of_a_fresh_platform_is_a_whole_policy() -> None:
    text = template(SoftwareCca.create(at=AT).token(bytes(64)))
    assert text.startswith("# Policy for `troth verify --policy`.")
    assert "version = 1" in text.splitlines()
    section(text)
