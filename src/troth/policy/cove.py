# SPDX-License-Identifier: Apache-2.0
"""Policy for RISC-V CoVE: which genuine TVMs, on which platforms, are wanted ones.

Digests are written with their algorithm, `sha-384:…`, since a token may use several. A register
that a token has and the policy does not name denies, and so does the reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from troth.crypto.digest import sha256
from troth.evidence.cove import Component, Measurement, PlatformState, TvmClaims
from troth.evidence.cove.labels import CHALLENGE_BYTES, IDENTITY_BYTES, MANUFACTURER_ID_BYTES
from troth.policy import values
from troth.policy.cove_values import (
    CoveComponent,
    Registers,
    components,
    registers,
    spell_component,
    spell_register,
)
from troth.policy.rules import Rules, spell
from troth.policy.values import ABSENT, ANY, Allowed, Words
from troth.verify import AnyValue, Trace, Verified
from troth.verify.cove import CoveFacts

__all__ = ["CONVERTERS", "CovePolicy", "appraise_cove"]

_KEY_DIGEST_BYTES: Final = 32
_STATES: Final = frozenset(one.word for one in PlatformState)


class CovePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[cove]`, one field a key; see the guide on policies for what each means."""

    state: Words
    manufacturer_id: Allowed
    platform_components: frozenset[CoveComponent] | type[AnyValue]
    tsm_components: frozenset[CoveComponent] | type[AnyValue]
    identity: Allowed
    public_key_sha256: Allowed
    initial: Registers
    runtime: Registers
    challenge: Allowed


def appraise_cove(
    verified: Verified[CoveFacts], policy: CovePolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.cove` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    facts = verified.value
    rules = Rules("cove", name, trace)
    platform = facts.platform
    rules.fits("state", platform.state.word, policy.state, "policy.state")
    rules.fits(
        "manufacturer_id", platform.manufacturer_id, policy.manufacturer_id, "policy.platform"
    )
    _component_rule("platform_components", platform.components, policy.platform_components, rules)
    _component_rule("tsm_components", facts.tsm.components, policy.tsm_components, rules)
    _tvm_rules(facts.tvm, policy, rules)
    rules.decide()


def _component_rule(
    name: str,
    shown: Iterable[Component],
    accepted: frozenset[CoveComponent] | type[AnyValue],
    rules: Rules,
) -> None:
    """Each component is an accepted one, and each type that the policy names is there."""
    got = frozenset(spell_component(one) for one in shown)
    rules.holds(
        name,
        isinstance(accepted, type) or (got <= accepted and _types(accepted) <= _types(got)),
        "policy.component",
        expected=ANY if isinstance(accepted, type) else _names(accepted),
        got=_names(got),
    )


def _tvm_rules(tvm: TvmClaims, policy: CovePolicy, rules: Rules) -> None:
    identity = ABSENT if tvm.identity is None else tvm.identity
    rules.fits("identity", identity, policy.identity, "policy.identity")
    digest = sha256(tvm.public_key)
    rules.fits("public_key_sha256", digest, policy.public_key_sha256, "policy.key")
    _register_rules("initial", tvm.initial, policy.initial, rules)
    _register_rules("runtime", tvm.runtime, policy.runtime, rules)
    rules.fits("challenge", tvm.challenge, policy.challenge, "policy.report-data")


def _register_rules(
    name: str, shown: Iterable[Measurement], accepted: Registers, rules: Rules
) -> None:
    """The registers are those that the policy names, and each of them has an accepted value."""
    got = {one.index: spell_register(one) for one in shown}
    wanted = got.keys() if isinstance(accepted, type) else accepted.keys()
    rules.holds(
        name,
        got.keys() == wanted,
        "policy.measurement",
        expected=ANY if isinstance(accepted, type) else _indices(wanted),
        got=_indices(got),
    )
    if isinstance(accepted, type):
        return
    for index in sorted(got.keys() & wanted):
        rules.fits(f"{name}.{index}", got[index], accepted[index], "policy.measurement")


def _types(shown: frozenset[CoveComponent]) -> frozenset[str]:
    return frozenset(one.type for one in shown)


def _names(shown: frozenset[CoveComponent]) -> object:
    """Return components as a trace shows them: type, SVN, and how the measurement begins."""
    return spell(frozenset(f"{one.type} {one.svn} {one.measurement[:24]};" for one in shown))


def _indices(indices: Iterable[int]) -> object:
    return tuple(str(one) for one in sorted(indices))


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "state": lambda value: values.words(value, _STATES),
    "manufacturer_id": lambda value: values.values(value, MANUFACTURER_ID_BYTES),
    "platform_components": components,
    "tsm_components": components,
    "identity": lambda value: values.values(value, IDENTITY_BYTES, absent=True),
    "public_key_sha256": lambda value: values.values(value, _KEY_DIGEST_BYTES),
    "initial": registers,
    "runtime": registers,
    "challenge": lambda value: values.values(value, CHALLENGE_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
