# SPDX-License-Identifier: Apache-2.0
"""The rules that the sections of Intel's TEEs share: how good must the platform be?"""

from __future__ import annotations

from typing import Protocol

from troth.policy.rules import Rules, spell
from troth.policy.values import ANY, Words
from troth.verify import AnyValue
from troth.verify.intel.tcb import TcbOutcome

__all__ = ["platform_rules"]


class Facts(Protocol):
    """Facts of a quote of either TEE."""

    @property
    def tcb(self) -> TcbOutcome | None: ...

    @property
    def status(self) -> str: ...


class Wanted(Protocol):
    """The keys that both sections have."""

    @property
    def status(self) -> Words: ...

    @property
    def advisories_allowed(self) -> Words: ...

    @property
    def advisories_denied(self) -> frozenset[str]: ...

    @property
    def minimum_evaluation_number(self) -> int | type[AnyValue]: ...


def platform_rules(facts: Facts, policy: Wanted, rules: Rules) -> None:
    """Try the rules about the platform: status, advisories, evaluation number."""
    rules.fits("status", facts.status, policy.status, "policy.status")
    advisories = frozenset(facts.tcb.advisories) if facts.tcb else frozenset()
    allowed = policy.advisories_allowed
    rules.holds(
        "advisories_allowed",
        isinstance(allowed, type) or advisories <= allowed,
        "policy.advisory",
        expected=spell(allowed),
        got=advisories,
    )
    rules.holds(
        "advisories_denied",
        not advisories & policy.advisories_denied,
        "policy.advisory",
        expected=("none of", *sorted(policy.advisories_denied)),
        got=advisories,
    )
    least = policy.minimum_evaluation_number
    number = facts.tcb.evaluation_number if facts.tcb else None
    rules.holds(
        "minimum_evaluation_number",
        isinstance(least, type) or (number is not None and number >= least),
        "policy.evaluation-number",
        expected=ANY if isinstance(least, type) else f"at least {least}",
        got="unknown" if number is None else number,
    )
