# SPDX-License-Identifier: Apache-2.0
"""The appraisal of a CoVE token: one chain of keys from the root of trust to the TVM.

Source: RISC-V CoVE, draft 0.7, "Layered Evidence" and "Evidence Format". The steps:

 1. the token is well-formed: three layers, every claim that is due and no other, digests of their
    algorithm's size, one entry for each register
 2. a known root of trust signed the platform token, and it is one of the manufacturer that the
    platform names
 3. the platform is in a state in which its keys are protected
 4. the platform's key signed the TSM token
 5. the TSM's key signed the TVM token
 6. no two layers have one key: a layer that vouches for itself is no chain
 7. the challenge is what the caller expects

Everything else about the layers (components, registers, identity) is policy. Nothing in a token
has a date and the draft has no revocation: a root that is no longer trusted leaves the list.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.digest import same
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.riscv import CoveRoot, CoveRoots
from troth.errors import MalformedError, UntrustedError
from troth.evidence.cove import CoveToken, Layer, PlatformState
from troth.evidence.cove.labels import CHALLENGE_BYTES, PROFILE
from troth.verify.anchors import Anchor
from troth.verify.cove.facts import CoveFacts
from troth.verify.options import AnyValue
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["SECURED", "verify_cove"]

SECURED: Final = frozenset({PlatformState.SECURED})
"""The one state in which a platform's keys are worth something, unless a caller names others."""

_DRAFT: Final = "RISC-V CoVE draft 0.7"
_SIGNATURES: Final = {  # rule, code, and who states the key
    Layer.PLATFORM: ("2.platform-signature", "cove.platform-signature", "roots of trust"),
    Layer.TSM: ("4.tsm-signature", "cove.tsm-signature", "platform token"),
    Layer.TVM: ("5.tvm-signature", "cove.tvm-signature", "TSM token"),
}


def verify_cove(
    evidence: bytes,
    *,
    roots: CoveRoots,
    at: datetime,
    challenge: bytes | type[AnyValue],
    states: frozenset[PlatformState] = SECURED,
    trace: Trace | None = None,
) -> Verified[CoveFacts]:
    """Return the facts of a genuine CoVE token, judged at `at`.

    Args:
        evidence: the token's bytes, at most 64 KiB.
        roots: the roots of trust that are known.
        at: the instant (aware) of the judgement; nothing in a token has a date.
        challenge: the 64 bytes that are expected; of fewer, the rest must be zero.
        states: the platform states that do; each besides SECURED is one in which keys may leak.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError: nothing else escapes.

    Unchecked here: components, SVNs, registers, identity (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    token = _well_formed(evidence, trace)  # (1)
    root = _check_platform(token, roots, trace)  # (2)
    _check_state(token.platform.state, states, trace)  # (3)
    _check_layer(token, Layer.TSM, token.platform.key, trace)  # (4)
    _check_layer(token, Layer.TVM, token.tsm.key, trace)  # (5)
    _check_keys(token, root, trace)  # (6)
    _check_challenge(token.tvm.challenge, challenge, trace)  # (7)
    return seal(CoveFacts(token, Anchor(root.name, root.key.spki_sha256), at))


def _well_formed(evidence: bytes, trace: Trace) -> CoveToken:
    """Step 1."""
    expected = f"a CoVE token, {PROFILE}"
    try:
        token = CoveToken.parse(evidence)
    except MalformedError as error:
        trace.failed("1.format", error, expected=expected, source=_DRAFT)
        raise
    trace.held("1.format", expected=expected, got=f"{token.size} bytes", source=_DRAFT)
    return token


def _check_platform(token: CoveToken, roots: CoveRoots, trace: Trace) -> CoveRoot:
    """Step 2; return the root of trust."""
    source = "roots of trust"
    try:
        root = roots.match(token.root_id)
    except UntrustedError as error:
        trace.failed("2.root", error, expected=roots.names, source=source)
        raise
    trace.held("2.root", expected=roots.names, got=root.name, source=source)
    _check_layer(token, Layer.PLATFORM, root.key, trace)
    trace.check(
        "2.manufacturer",
        token.platform.manufacturer_id == root.manufacturer_id,
        "cove.manufacturer",
        expected=root.manufacturer_id,
        got=token.platform.manufacturer_id,
        source=root.name,
    )
    return root


def _check_state(state: PlatformState, states: frozenset[PlatformState], trace: Trace) -> None:
    """Step 3."""
    trace.check(
        "3.state",
        state in states,
        "cove.state",
        expected=frozenset(one.word for one in states),
        got=state.word,
        source="caller",
    )


def _check_layer(token: CoveToken, layer: Layer, key: VerifyingKey, trace: Trace) -> None:
    """Steps 2, 4 and 5: whether the key of the layer above signed this one."""
    rule, code, source = _SIGNATURES[layer]
    expected = ("signed by", key.raw)
    try:
        token.envelopes[layer].verify(key, code)
    except UntrustedError as error:
        trace.failed(rule, error, expected=expected, source=source)
        raise
    trace.held(rule, expected=expected, got="it is", source=source)


def _check_keys(token: CoveToken, root: CoveRoot, trace: Trace) -> None:
    """Step 6. The TVM's own key is of its choice, and vouches for nothing."""
    keys = (root.key, token.platform.key, token.tsm.key)
    trace.check(
        "6.keys",
        len(set(keys)) == len(keys),
        "cove.key-reuse",
        expected="three keys",
        got=tuple(one.raw for one in keys),
        source=_DRAFT,
    )


def _check_challenge(challenge: bytes, expected: bytes | type[AnyValue], trace: Trace) -> None:
    """Step 7. A short expectation is never a prefix match: the rest must be zero."""
    if isinstance(expected, type):
        trace.skipped("7.challenge", why="no value is expected by the caller")
        return
    due = expected.ljust(CHALLENGE_BYTES, b"\0")
    trace.check(
        "7.challenge",
        same(due, challenge),
        "cove.challenge",
        expected=due,
        got=challenge,
        source="caller",
    )
