# SPDX-License-Identifier: Apache-2.0
"""Evidence alone: a software TEE is asked for some, it is judged, and forged in three ways.

Then evidence of others, where the vectors are found. Every step starts the `troth` command as a
user would and holds its JSON and exit status to what they must be.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from demo.kinds import Kind, Options
from demo.programs import Command, Programs
from demo.steps import Steps, expect, say

__all__ = ["Quotes", "judge_real", "judge_software", "refuse_forged"]

_ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("TROTH_VECTORS", _ROOT.parent / "shared" / "vectors"))
EXIT = {"accepted": 0, "genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5, "denied": 6}


class Quotes:
    """What the steps share: a software TEE of their own, a nonce, and how to ask for a verdict."""

    def __init__(self, programs: Programs, steps: Steps, directory: Path, kind: Kind) -> None:
        """Work in `directory`, which is there."""
        self.programs = programs
        self.steps = steps
        self.directory = directory
        self.kind = kind
        self.tee = directory / "alone"
        self.nonce = secrets.token_bytes(64)

    def run(self, *arguments: str | Path, due: int) -> bytes:
        """Start `troth`; return its standard output if it exits with `due`."""
        return self.programs.run(Command("troth", arguments, due=due))

    def ask(self, name: str) -> Path:
        """Return the file of new evidence for the nonce."""
        path = self.directory / name
        asked = ("--report-data", self.nonce.hex(), "--output", path)
        self.run("emulate", self.kind.tee, self.kind.word, self.tee, *asked, due=0)
        return path

    def judge(self, evidence: Path, *options: str | Path, due: str) -> dict[str, Any]:
        """Return the JSON of `troth verify` if verdict and exit status are those that are due."""
        named = ("--report-data", self.nonce.hex(), "--json")
        judgement: dict[str, Any] = json.loads(
            self.run("verify", evidence, *named, *options, due=EXIT[due])
        )
        expect("verdict", judgement["verdict"], due=due)
        said = f"{judgement['code']}: {judgement['detail']}" if judgement["code"] else "no fault"
        say(f"{due}: {said}"[:150])
        return judgement

    @property
    def trust(self) -> Options:
        """Options that name the software TEE's anchor, and what else vouches for it."""
        return (*self.kind.anchor(self.tee), *self.kind.endorsed(self.tee))


def judge_software(quotes: Quotes) -> None:
    """Make a TEE, ask it for evidence, judge that, write a policy from it and judge by that."""
    kind, steps = quotes.kind, quotes.steps
    with steps.step(f"a software {kind.name} makes a {kind.word} for a fresh nonce"):
        quotes.run("emulate", kind.tee, "init", quotes.tee, due=0)
        evidence = quotes.ask("evidence.bin")
    with steps.step(f"without a policy the {kind.word} is genuine, and that is not yet a yes"):
        judgement = quotes.judge(evidence, *quotes.trust, due="genuine")
        expect("TCB status", _status(judgement), due=kind.status)
        expect("appraised", judgement["appraised"], due=False)
        say(f"{len(judgement['trace'])} rules")
        failed = [one for one in judgement["trace"] if one["verdict"] == "failed"]
        expect("failed rules", failed, due=[])
    with steps.step("nobody but the one who names its root believes it"):
        code = quotes.judge(evidence, *kind.endorsed(quotes.tee), due="untrusted")["code"]
        expect("code", code, due=kind.stranger)
    with steps.step(f"a policy written from the {kind.word} accepts it"):
        policy = quotes.directory / "alone.toml"
        policy.write_bytes(quotes.run("policy", "init", "--from", evidence, due=0))
        judgement = quotes.judge(evidence, *quotes.trust, "--policy", policy, due="accepted")
        expect("appraised", judgement["appraised"], due=True)
    with steps.step(f"{kind.other.title}; the same policy now denies it"):
        later = _of_another_state(quotes)
        code = quotes.judge(later, *quotes.trust, "--policy", policy, due="denied")["code"]
        expect("code", code, due="policy.measurement")


def refuse_forged(quotes: Quotes) -> None:
    """Hand in three pieces of evidence, each sound but for one thing."""
    for at, one in enumerate(quotes.kind.forgeries(quotes.tee, quotes.nonce)):
        with quotes.steps.step(f"forgery: {one.title}"):
            forged = quotes.directory / f"forged-{at}.bin"
            forged.write_bytes(one.evidence)
            trust = quotes.trust if one.trust is None else one.trust
            code = quotes.judge(forged, *trust, due="untrusted")["code"]
            expect("code", code, due=one.code)


def judge_real(quotes: Quotes) -> None:
    """Judge what the vectors have of others; what is not judged is said."""
    kind = quotes.kind
    if not kind.real:
        print(f"\nReal evidence is NOT judged: {kind.real_title}.")
        return
    if not (VECTORS / kind.real[0].file).is_file():
        print(f"\nReal {kind.word}s are NOT judged: no vectors in {VECTORS}; set TROTH_VECTORS.")
        return
    with quotes.steps.step(kind.real_title):
        commands = [
            Command(
                "troth",
                ("verify", VECTORS / one.file, "--json", *_placed(one.options)),
                due=EXIT[one.verdict],
            )
            for one in kind.real
        ]
        for out, one in zip(quotes.programs.run_all(*commands), kind.real, strict=True):
            judgement = json.loads(out)
            say(f"{one.verdict}: {judgement['code'] or 'no fault'}: {Path(one.file).name}")
            expect("verdict", judgement["verdict"], due=one.verdict)
            expect("code", judgement["code"], due=one.code)
            expect("anchor", judgement["anchor"], due=one.anchor)
            expect("TCB status", _status(judgement), due=one.status)


def _of_another_state(quotes: Quotes) -> Path:
    """Return genuine evidence for the nonce, of a TEE that the policy was not written for."""
    kind, other = quotes.kind, quotes.kind.other
    if other.evidence is None:
        quotes.run("emulate", kind.tee, "extend", quotes.tee, *other.change, due=0)
        return quotes.ask("later.bin")
    path = quotes.directory / "later.bin"
    path.write_bytes(other.evidence(quotes.tee, quotes.nonce))
    return path


def _status(judgement: dict[str, Any]) -> str | None:
    tcb = judgement["tcb"]
    return None if tcb is None else tcb["status"]


def _placed(options: Options) -> Options:
    """Make the paths among options those of the vectors."""
    return tuple(VECTORS / one if isinstance(one, Path) else one for one in options)
