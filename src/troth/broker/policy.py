# SPDX-License-Identifier: Apache-2.0
"""Who gets which secret. What no rule grants is denied; there is no rule for everything.

    version = 1

    [[rule]]
    name = "payments database"
    paths = ["payments/database", "payments/keys/*"]
    verifier = "https://verifier.example"
    label = "payments"
    origin = ["configuration"]
    mode = ["fresh"]
    root = ["rtmr3"]
    platform = ["affirming"]
    orchestrator = ["affirming"]
    namespace = ["affirming"]
    policy = "any"
    model = "appraised"

Every key of a rule is required; the word "any" is the only way to not compare. A pattern is a path,
or a path and `/*` for everything below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from troth.broker.path import check_path
from troth.errors import MalformedError, UsageError
from troth.evidence.binding import RootRegister
from troth.token import Ear, Tier
from troth.wire.toml import line_of, parse_toml

__all__ = ["POLICY_MAX_BYTES", "Decision", "ReleasePolicy", "Rule", "parse_release_policy"]

POLICY_MAX_BYTES: Final = 256 * 1024
NO_RULE: Final = "default"  # the rule that denies what no other is about
_CODE: Final = "usage.policy"
_BELOW: Final = "/*"
_MODEL_APPRAISED: Final = 2  # AR4SI §2.3.4, executables: only recognised ones were loaded

AnyOf = Literal["any"]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}\Z")]
Some = Meta(min_length=1)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule; see the module's text. It grants if all of its conditions hold."""

    name: Name
    paths: Annotated[tuple[str, ...], Some]
    verifier: str
    label: str
    origin: (
        AnyOf | Annotated[tuple[Literal["configuration", "administrator", "runtime"], ...], Some]
    )
    mode: AnyOf | Annotated[tuple[Literal["fresh", "delegated"], ...], Some]
    root: AnyOf | Annotated[tuple[RootRegister, ...], Some]
    platform: AnyOf | Annotated[tuple[Tier, ...], Some]
    orchestrator: AnyOf | Annotated[tuple[Tier, ...], Some]
    namespace: AnyOf | Annotated[tuple[Tier, ...], Some]
    policy: AnyOf | Annotated[tuple[str, ...], Some]
    model: Literal["any", "appraised"]

    def covers(self, path: str) -> bool:
        """Say whether the rule is about `path`."""
        return any(
            path.startswith(one.removesuffix("*")) if one.endswith(_BELOW) else path == one
            for one in self.paths
        )

    def failing(self, ear: Ear) -> str:
        """Return the name of the first condition that does not hold; nothing if all do."""
        namespace = ear.submods["namespace"]
        conditions: tuple[tuple[str, object, object], ...] = (
            ("verifier", (self.verifier,), ear.iss),
            ("label", (self.label,), ear.troth.label),
            ("origin", self.origin, ear.troth.origin),
            ("mode", self.mode, ear.troth.mode),
            ("root", self.root, ear.troth.root),
            ("platform", self.platform, ear.submods["platform"].status),
            ("orchestrator", self.orchestrator, ear.submods["orchestrator"].status),
            ("namespace", self.namespace, namespace.status),
            ("policy", self.policy, namespace.policy_id),
        )
        for name, accepted, got in conditions:
            if accepted != "any" and got not in _sequence(accepted):
                return name
        if self.model == "appraised" and namespace.vector.executables != _MODEL_APPRAISED:
            return "model"
        return ""


class Decision(msgspec.Struct, frozen=True):
    """What the policy says of one token and one path.

    Attributes:
        granted: whether the secret may leave.
        rule: the rule that granted, or those that were about the path, or `default`.
        reason: the condition that did not hold, one for each of these rules.
    """

    granted: bool
    rule: str
    reason: str = ""


class ReleasePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All rules. With none, everything is denied."""

    version: Literal[1]
    rule: tuple[Rule, ...] = ()

    def decide(self, ear: Ear, path: str) -> Decision:
        """Decide on a token that has passed every check."""
        failed = []
        for rule in self.rule:
            if rule.covers(path):
                reason = rule.failing(ear)
                if not reason:
                    return Decision(granted=True, rule=rule.name)
                failed.append((rule.name, reason))
        if not failed:
            return Decision(granted=False, rule=NO_RULE, reason="no rule is about this path")
        return Decision(
            granted=False,
            rule=", ".join(name for name, _ in failed),
            reason=", ".join(reason for _, reason in failed),
        )


def parse_release_policy(data: bytes, name: str) -> ReleasePolicy:
    """Return the policy of a TOML text.

    Args:
        data: UTF-8, at most 256 KiB.
        name: what to call it in errors.

    Raises:
        UsageError: `usage.policy`, with the line where one can be named.
    """
    document, text = parse_toml(data, name, _CODE, max_bytes=POLICY_MAX_BYTES)
    try:
        policy = msgspec.convert(document, ReleasePolicy)
    except msgspec.ValidationError as error:
        where = _line(document, text)
        raise UsageError(_CODE, f"{name}{where}: {error}") from None
    names: set[str] = set()
    for at, rule in enumerate(policy.rule):
        where = line_of(text, ("rule", at, "paths"))
        if rule.name in names or rule.name == NO_RULE:
            raise UsageError(_CODE, f"{name}{where}: the name {rule.name!r} is taken")
        names.add(rule.name)
        for pattern in rule.paths:
            try:
                check_path(pattern.removesuffix(_BELOW))
            except MalformedError as error:
                raise UsageError(_CODE, f"{name}{where}: {pattern!r}: {error.detail}") from None
    return policy


def _line(document: dict[str, Any], text: str) -> str:
    """Return the line of the first rule that is none."""
    rules = document.get("rule")
    if not isinstance(rules, list):
        return ""
    for at, rule in enumerate(rules):
        try:
            msgspec.convert(rule, Rule)
        except msgspec.ValidationError:
            return line_of(text, ("rule", at))
    return ""


def _sequence(accepted: object) -> Sequence[object]:
    return accepted if isinstance(accepted, tuple) else ()
