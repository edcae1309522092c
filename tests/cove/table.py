# SPDX-License-Identifier: Apache-2.0
"""What the tables for CoVE share: a sound TEE, ways to make one fault, and what is due.

A case is a function that makes what is judged, and the code that is due, or the outcome where the
row is accepted. Every fault is signed over again by the keys of the layers above, so that nothing
but the named thing is wrong; `test_sound.py` shows that the original is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from troth.crypto.signing_key import SigningKey
from troth.endorse.riscv import CoveRoot, CoveRoots
from troth.errors import CODES, TrothError
from troth.evidence.cove import PlatformState
from troth.policy.cove import CONVERTERS, CovePolicy, appraise_cove
from troth.tsm.emulated.cove import Settings, SoftwareCove
from troth.tsm.emulated.cove.settings import Curves
from troth.verify import AnyValue, Trace
from troth.verify.cove import SECURED, verify_cove

Claims = dict[int, Any]
Change = Callable[[Claims], object]

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHALLENGE: Final = bytes(range(64))
SOUND: Final = Settings(curves=Curves(tvm="Ed25519"))  # so that any key may sign in any place
TEE: Final = SoftwareCove.create(SOUND, at=AT)
OTHER: Final = SoftwareCove.create(SOUND, at=AT)
EVIL: Final = SigningKey.generate("Ed25519")
TOKEN: Final = TEE.token(CHALLENGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    evidence: bytes = TOKEN
    roots: tuple[CoveRoot, ...] = (TEE.root,)
    challenge: bytes | type[AnyValue] = CHALLENGE
    states: frozenset[PlatformState] = SECURED
    policy: Mapping[str, Any] | None = None  # the section as TOML has it


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as."""

    state: str = "secured"
    runtime: int = 4


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path. Anything but a TrothError escapes: it would be our bug."""
    try:
        verified = verify_cove(
            given.evidence,
            roots=CoveRoots(given.roots),
            at=AT,
            challenge=given.challenge,
            states=given.states,
        )
        if given.policy is not None:
            appraise_cove(verified, policy_of(given.policy), name="p", trace=Trace())
    except TrothError as error:
        return Refused(error.code, type(error).__name__)
    facts = verified.value
    return Accepted(facts.platform.state.word, len(facts.tvm.runtime))


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def policy_of(section: Mapping[str, Any]) -> CovePolicy:
    """Return the struct of a section, every key converted as a policy file's is."""
    return CovePolicy(**{key: CONVERTERS[key](value) for key, value in section.items()})


def made(tee: SoftwareCove = TEE, /, **changes: Any) -> Given:
    """Return a token with `changes`, under the TEE's own root."""
    return Given(evidence=tee.token(CHALLENGE, **changes), roots=(tee.root,))


def claims(layer: str, change: Change) -> Given:
    """Return a token in which one layer says something else, signed as it is."""
    changes: dict[str, Any] = {layer: {"claims": change}}
    return made(**changes)


def on(settings: Settings) -> Given:
    """Return the token of another TEE."""
    return made(SoftwareCove.create(settings, at=AT))


def with_tvm(**fields: Any) -> Settings:
    return replace(SOUND, tvm=replace(SOUND.tvm, **fields))


def with_platform(**fields: Any) -> Settings:
    return replace(SOUND, platform=replace(SOUND.platform, **fields))


def builtins(value: object) -> Any:
    """Return a struct of settings as a table of TOML."""
    return msgspec.to_builtins(value)
