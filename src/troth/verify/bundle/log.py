# SPDX-License-Identifier: Apache-2.0
"""Step 12 of BINDING 4.9: the log goes on from what we know, and the model is the policy's."""

from __future__ import annotations

from troth.crypto.digest import same
from troth.errors import DeniedError
from troth.evidence.binding import LogHead, LogPart, ModelClaims, Namespace, Phase
from troth.verify.bundle.facts import BundleFacts, Testimony
from troth.verify.bundle.memory import Memory, Recollection
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import NamespaceWanted
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["check_log", "check_model", "check_recollection", "left_model"]

_ANY = "any"
_ABSENT = "absent"


def check_log(verified: Verified[BundleFacts], memory: Memory, steps: Steps) -> None:
    """Step 12, log and memory: return if nothing contradicts what was accepted before.

    Raises:
        DeniedError: `binding.log` or `binding.forked`.
        DriverError: of the memory.
    """
    steps.begin(12)
    facts = verified.value
    namespace, shown = facts.statement.namespace, facts.bundle.log
    known = memory.recall(
        namespace.id,
        count=namespace.log.count,
        start=None if shown is None else shown.start,
        before=facts.nonce_issued,
    )
    if shown is not None:
        _check_shown(shown, namespace, known, steps)
    if known is None:
        steps.skipped("memory", why="nothing is remembered, by the caller's word")
        return
    check_recollection(namespace.log, known, steps)


def check_recollection(log: LogHead, known: Recollection, steps: Steps) -> None:
    """Return if a log's count and head agree with what is remembered.

    Bundles may arrive out of order: a lower count is a fault only below what was accepted before
    the nonce was issued.

    Raises:
        DeniedError: `binding.forked`.
    """
    steps.check(
        "head",
        known.head is None or same(known.head, log.head),
        "binding.forked",
        expected=known.head or "not accepted before",
        got=log.head,
        source=f"memory, at count {log.count}",
    )
    steps.check(
        "count",
        log.count >= known.floor,
        "binding.forked",
        expected=f"at least {known.floor}",
        got=log.count,
        source="memory, before the nonce was issued",
    )


def check_model(verified: Verified[BundleFacts], steps: Steps) -> None:
    """Step 12, model: return if it is in a state that the policy wants.

    Raises:
        DeniedError: `model.*`.
    """
    steps.begin(12)
    _check_model(verified.value, steps)


def left_model(verified: Verified[BundleFacts] | Verified[Testimony]) -> str | None:
    """Return the code that says how a namespace differs from its section; None if it does not.

    It is asked behind any refusal of steps 11 and 12: neither another audience nor a log that
    proves nothing hides a forensic point.
    """
    try:
        _check_model(verified.value, Steps(Trace()))
    except DeniedError as error:
        return error.code
    return None


def _check_model(facts: BundleFacts | Testimony, steps: Steps) -> None:
    wanted, namespace = facts.wanted, facts.statement.namespace
    source = f"{facts.policy}: namespace"
    model = namespace.model
    profile = _ABSENT if model is None else model.profile
    accepted = wanted.profile
    steps.check(
        "profile",
        isinstance(accepted, type) or profile in accepted,
        "model.absent" if model is None else "model.profile",
        expected=_ANY if isinstance(accepted, type) else accepted or "nothing",
        got=profile,
        source=f"{source}.profile",
    )
    if model is None:
        steps.skipped("model", why=f"no model, by {source}.profile")
    else:
        _check_claims(model, wanted, source, steps)
    most = wanted.gaps
    steps.check(
        "gaps",
        isinstance(most, type) or namespace.gaps <= most,
        "model.gaps",
        expected=_ANY if isinstance(most, type) else f"at most {most}",
        got=namespace.gaps,
        source=f"{source}.gaps",
    )


def _check_claims(model: ModelClaims, wanted: NamespaceWanted, source: str, steps: Steps) -> None:
    most = wanted.forensic_points
    steps.check(
        "forensic_points",
        isinstance(most, type) or model.forensic <= most,
        "model.forensic",
        expected=_ANY if isinstance(most, type) else f"at most {most}",
        got=model.forensic,
        source=f"{source}.forensic_points",
    )
    steps.check(
        "sealed",
        wanted.sealed == _ANY or model.phase != Phase.LEARNING,
        "model.unsealed",
        expected=wanted.sealed,
        got=Phase(model.phase).name.lower(),
        source=f"{source}.sealed",
    )
    steps.check(
        "state",
        isinstance(wanted.state, type) or model.state in wanted.state,
        "model.state",
        expected=_spell(wanted.state),
        got=model.state,
        source=f"{source}.state",
    )
    base = model.base or b""
    steps.check(
        "base",
        isinstance(wanted.base, type) or base in wanted.base,
        "model.base",
        expected=_spell(wanted.base),
        got=base or _ABSENT,
        source=f"{source}.base",
    )


def _spell(accepted: object) -> object:
    if not isinstance(accepted, frozenset):
        return _ANY
    return frozenset(one or _ABSENT for one in accepted) or "nothing"


def _check_shown(
    shown: LogPart, namespace: Namespace, known: Recollection | None, steps: Steps
) -> None:
    """Entries must chain from a head that we accepted, or from the empty log's."""
    with steps.noted("log", expected="entries that lead to the head", source="statement"):
        if shown.start == 0:
            before = LogHead.empty(namespace.id)
        elif known is not None and known.start is not None:
            before = LogHead(shown.start, known.start)
        else:
            raise DeniedError("binding.log", f"no head is known at {shown.start}")
        shown.check(before, namespace.log)
