# SPDX-License-Identifier: Apache-2.0
"""A kind of evidence: what `judge`, `inspect` and `policy init` need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from troth.errors import DeniedError
from troth.evidence.detect import Tee
from troth.policy.azure import takes_azure_alone
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.views import Fact, FactsView
from troth.verify import Trace, Verified

__all__ = ["Claims", "Kind", "section_of"]

F = TypeVar("F")
S = TypeVar("S")

_RULE: Final = "policy.section"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What evidence claims, with nothing verified.

    Attributes:
        what: in words, such as "TDX quote".
        facts: names and plain values.
        chain_error: why the certificates inside cannot be read, if there are any and they cannot.
        tail: the bytes behind it.
    """

    what: str
    facts: Mapping[str, Fact]
    chain_error: str | None = None
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class Kind(Generic[F]):
    """One kind.

    Attributes:
        verify: returns genuine facts; raises what its verifier does.
        appraise: returns if a policy accepts them, or raises DeniedError.
        view: shows genuine facts.
        claims: shows what evidence says, or raises MalformedError or UntrustedError.
        template: makes the text of a policy from evidence and the name of its source.
    """

    verify: Callable[[bytes, JudgeOptions, Trace], Verified[F]]
    appraise: Callable[[Verified[F], Policy, Trace], None]
    view: Callable[[F], FactsView]
    claims: Callable[[bytes], Claims]
    template: Callable[[bytes, str], str]


def section_of(section: S | None, key: Tee, policy: Policy, trace: Trace) -> S:
    """Return the section by which a policy takes evidence of a kind.

    Where a policy has [azure], its other sections are for what Azure's evidence consists of: they
    take no evidence of their kinds by itself, or the sender could leave out what [azure] asks for.

    Args:
        section: as the policy has it.
        key: the kind, and what the section is called.
        policy: whose it is.
        trace: where the rule is noted.

    Raises:
        DeniedError: `policy.section`, there is none, or it is not for such evidence.
    """
    name = policy.name
    if policy.azure is not None and key != "azure":
        alone = takes_azure_alone(name, f"{key} evidence by itself")
        trace.failed(_RULE, alone, expected="Azure's evidence", source=name)
        raise alone
    expected = f"a section [{key}]"
    if section is None:
        error = DeniedError("policy.section", f"{name} has no section [{key}]")
        trace.failed(_RULE, error, expected=expected, source=name)
        raise error
    trace.held(_RULE, expected=expected, got="one", source=name)
    return section
