# SPDX-License-Identifier: Apache-2.0
"""Policy for Arm CCA: which genuine realms, on which platforms, are wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from troth.errors import MalformedError
from troth.evidence.cca import PlatformClaims, RealmClaims, SoftwareComponent
from troth.evidence.cca.layout import (
    CHALLENGE_BYTES,
    HASH_BYTES,
    HASHES,
    IMPLEMENTATION_ID_BYTES,
    INSTANCE_ID_BYTES,
    LEGACY,
    PERSONALIZATION_BYTES,
    PLATFORM_PROFILES,
    REALM_PROFILES,
)
from troth.policy import values
from troth.policy.rules import Rules, spell
from troth.policy.values import ANY, Allowed, Words
from troth.verify import AnyValue, Trace, Verified
from troth.verify.cca import CcaFacts
from troth.wire.text import parse_hex

__all__ = ["CONVERTERS", "CcaComponent", "CcaPolicy", "appraise_cca", "spell_component"]

REGISTERS: Final = ("rem0", "rem1", "rem2", "rem3")
ABSENT: Final = "absent"  # how a component without a type or a version is named
_MATCH: Final = "match"
_MOST_COMPONENTS: Final = 1024
_MOST_BYTES: Final = 65_536


class CcaComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted build of a component of the firmware: a table `[[cca.components]]`."""

    type: str
    version: str
    measurement: bytes
    signer_id: bytes


class CcaPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[cca]`, one field a key; see the guide on policies for what each means."""

    debug: str
    platform_profile: Words
    realm_profile: Words
    implementation_id: Allowed
    instance_id: Allowed
    platform_config: Allowed
    components: frozenset[CcaComponent] | type[AnyValue]
    hash_algorithm: Words
    hash_sizes: str
    personalization_value: Allowed
    rim: Allowed
    rem0: Allowed
    rem1: Allowed
    rem2: Allowed
    rem3: Allowed
    challenge: Allowed


def appraise_cca(
    verified: Verified[CcaFacts], policy: CcaPolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.cca` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    facts = verified.value
    rules = Rules("cca", name, trace)
    _platform_rules(facts.platform, policy, rules)
    _realm_rules(facts.realm, policy, rules)
    rules.decide()


def spell_component(one: SoftwareComponent) -> CcaComponent:
    """Return a component of a token as a policy names it."""
    return CcaComponent(
        type=ABSENT if one.type is None else one.type,
        version=ABSENT if one.version is None else one.version,
        measurement=one.measurement,
        signer_id=one.signer_id,
    )


def _platform_rules(platform: PlatformClaims, policy: CcaPolicy, rules: Rules) -> None:
    rules.holds(
        "debug",
        policy.debug == ANY or platform.secured,
        "policy.debug",
        expected=policy.debug,
        got=platform.lifecycle_state,
    )
    rules.fits("platform_profile", platform.profile, policy.platform_profile, "policy.profile")
    for name in ("implementation_id", "instance_id", "platform_config"):
        value = platform.config if name == "platform_config" else getattr(platform, name)
        rules.fits(name, value, getattr(policy, name), "policy.platform")
    _component_rule(platform, policy, rules)


def _component_rule(platform: PlatformClaims, policy: CcaPolicy, rules: Rules) -> None:
    """Each component is an accepted one, and each type that the policy names is there."""
    accepted = policy.components
    got = frozenset(spell_component(one) for one in platform.components)
    rules.holds(
        "components",
        isinstance(accepted, type) or (got <= accepted and _types(accepted) <= _types(got)),
        "policy.component",
        expected=ANY if isinstance(accepted, type) else _names(accepted),
        got=_names(got),
    )


def _types(components: frozenset[CcaComponent]) -> frozenset[str]:
    return frozenset(one.type for one in components)


def _realm_rules(realm: RealmClaims, policy: CcaPolicy, rules: Rules) -> None:
    rules.fits("realm_profile", realm.profile_name, policy.realm_profile, "policy.profile")
    rules.fits(
        "hash_algorithm", realm.hash_algorithm, policy.hash_algorithm, "policy.hash-algorithm"
    )
    rules.holds(
        "hash_sizes",
        policy.hash_sizes == ANY or realm.sizes_match,
        "policy.hash-algorithm",
        expected=f"{HASHES[realm.hash_algorithm]} bytes" if policy.hash_sizes == _MATCH else ANY,
        got=" ".join(str(len(one)) for one in (realm.rim, *realm.rems)),
    )
    rules.fits(
        "personalization_value",
        realm.personalization_value,
        policy.personalization_value,
        "policy.measurement",
    )
    rules.fits("rim", realm.rim, policy.rim, "policy.measurement")
    for name, value in zip(REGISTERS, realm.rems, strict=True):
        rules.fits(name, value, getattr(policy, name), "policy.measurement")
    rules.fits("challenge", realm.challenge, policy.challenge, "policy.report-data")


def _names(components: frozenset[CcaComponent]) -> object:
    """Return components as a trace shows them: type, version, and how the measurement begins."""
    return spell(
        frozenset(f"{one.type} {one.version} {one.measurement.hex()[:16]};" for one in components)
    )


def _hex(value: object, sizes: tuple[int, ...] | None) -> Allowed:
    """Return a list of hex strings, each of one of `sizes` bytes, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    return frozenset(_one(text, sizes) for text in values.word_set(value))


def _one(text: str, sizes: tuple[int, ...] | None) -> bytes:
    try:
        data = parse_hex(text)
    except MalformedError as error:
        message = f"{text!r}: {error.detail}"
        raise ValueError(message) from None
    if len(data) > _MOST_BYTES or (sizes is not None and len(data) not in sizes):
        due = " or ".join(str(one) for one in sizes or (f"up to {_MOST_BYTES}",))
        message = f"{text!r}: {due} bytes are due"
        raise ValueError(message)
    return data


def _components(value: object) -> frozenset[CcaComponent] | type[AnyValue]:
    if value == ANY:
        return AnyValue
    if not isinstance(value, list) or len(value) > _MOST_COMPONENTS:
        message = f'up to {_MOST_COMPONENTS} tables [[cca.components]], or "any", are due'
        raise ValueError(message)
    return frozenset(_component(one) for one in value)


def _component(value: object) -> CcaComponent:
    due = CcaComponent.__struct_fields__
    if not isinstance(value, dict) or value.keys() != set(due):
        message = f"a component has {', '.join(due)} and nothing else"
        raise ValueError(message)
    if not all(isinstance(one, str) for one in value.values()):
        message = "every key of a component is a text"
        raise ValueError(message)
    return CcaComponent(
        type=value["type"],
        version=value["version"],
        measurement=_one(value["measurement"], HASH_BYTES),
        signer_id=_one(value["signer_id"], HASH_BYTES),
    )


def _sizes(value: object) -> str:
    if value not in (_MATCH, ANY):
        message = '"match" or "any" is due'
        raise ValueError(message)
    return str(value)


def _profiles(*known: str) -> Callable[[object], Words]:
    return lambda value: values.words(value, frozenset(known))


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "debug": values.debug,
    "platform_profile": _profiles(*PLATFORM_PROFILES),
    "realm_profile": _profiles(*REALM_PROFILES, LEGACY),
    "implementation_id": lambda value: values.values(value, IMPLEMENTATION_ID_BYTES),
    "instance_id": lambda value: values.values(value, INSTANCE_ID_BYTES),
    "platform_config": lambda value: _hex(value, None),
    "components": _components,
    "hash_algorithm": _profiles(*HASHES),
    "hash_sizes": _sizes,
    "personalization_value": lambda value: values.values(value, PERSONALIZATION_BYTES),
    "rim": lambda value: _hex(value, HASH_BYTES),
    **{name: lambda value: _hex(value, HASH_BYTES) for name in REGISTERS},
    "challenge": lambda value: values.values(value, CHALLENGE_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
