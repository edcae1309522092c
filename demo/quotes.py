# SPDX-License-Identifier: Apache-2.0
"""Quotes alone: a software TD is quoted, judged, and forged in three ways; then Intel's own quotes.

Every step starts the `troth` command as a user would and holds its JSON and exit status to what
they must be.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from demo.programs import Command, Programs
from demo.steps import Steps, expect, say
from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx import SoftwareTdx, load

__all__ = ["Quotes", "judge_real_quotes", "judge_software_td", "refuse_forged_quotes"]

_ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("TROTH_VECTORS", _ROOT.parent / "shared" / "vectors"))

# Intel's own: a file, the instant to judge at, and the outcome that is on record for it.
REAL = (
    ("tdx-v4-90c06f000000-140cbd8c.quote", "1774995607", ("genuine", "UpToDate", None)),
    ("tdx-v5-90c06f000000-d0010db6.quote", "1774995607", ("genuine", "OutOfDate", None)),
    ("tdx-v4-90c06f000000-f8f82dc7.quote", "1774995607", ("untrusted", None, "tcb.no-level")),
)
EXIT = {"accepted": 0, "genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5, "denied": 6}


class Quotes:
    """What the steps share: a software TD of their own, a nonce, and how to ask for a verdict."""

    def __init__(self, programs: Programs, steps: Steps, directory: Path) -> None:
        """Work in `directory`, which is there."""
        self.programs = programs
        self.steps = steps
        self.directory = directory
        self.td = directory / "quoted"
        self.nonce = secrets.token_bytes(64)

    def run(self, *arguments: str | Path, due: int) -> bytes:
        """Start `troth`; return its standard output if it exits with `due`."""
        return self.programs.run(Command("troth", arguments, due=due))

    def judge(self, quote: Path, *options: str | Path, due: str) -> dict[str, Any]:
        """Return the JSON of `troth verify` if verdict and exit status are those that are due."""
        out = self.run("verify", quote, "--json", *options, due=EXIT[due])
        judgement: dict[str, Any] = json.loads(out)
        expect("verdict", judgement["verdict"], due=due)
        said = f"{judgement['code']}: {judgement['detail']}" if judgement["code"] else "no fault"
        say(f"{due}: {said}"[:150])
        return judgement

    def emulated(self, collateral: Path | None = None) -> tuple[str | Path, ...]:
        """Options that name the software TD's root, its collateral and the expected nonce."""
        return (
            *("--root", self.td / "root.pem"),
            *("--collateral", collateral or self.td / "collateral.json"),
            *("--report-data", self.nonce.hex()),
        )


def judge_software_td(quotes: Quotes) -> SoftwareTdx:
    """Make a TD, quote it, judge the quote, write a policy from it and judge by that."""
    with quotes.steps.step("a software TD is launched and quoted for a fresh nonce"):
        quotes.run("emulate", "tdx", "init", quotes.td, due=0)
        quote = quotes.directory / "quote.bin"
        nonce = quotes.nonce.hex()
        quotes.run(
            "emulate", "tdx", "quote", quotes.td, "--report-data", nonce, "--output", quote, due=0
        )
    with quotes.steps.step("without a policy the quote is genuine, and that is not yet a yes"):
        judgement = quotes.judge(quote, *quotes.emulated(), due="genuine")
        expect("TCB status", judgement["tcb"]["status"], due="UpToDate")
        expect("appraised", judgement["appraised"], due=False)
        say(f"{len(judgement['trace'])} rules held")
        expect("failed rules", [e for e in judgement["trace"] if e["verdict"] != "held"], due=[])
    with quotes.steps.step("nobody but the one who names its root believes it"):
        code = quotes.judge(quote, *quotes.emulated()[2:], due="untrusted")["code"]
        expect("code", code, due="chain.root")
    with quotes.steps.step("a policy written from the quote accepts it"):
        policy = quotes.directory / "td.toml"
        policy.write_bytes(quotes.run("policy", "init", "--from", quote, due=0))
        judgement = quotes.judge(quote, *quotes.emulated(), "--policy", policy, due="accepted")
        expect("appraised", judgement["appraised"], due=True)
    with quotes.steps.step("the TD is measured into; the same policy now denies it"):
        digest = secrets.token_hex(48)
        quotes.run("emulate", "tdx", "extend", quotes.td, "--index", "3", "--digest", digest, due=0)
        later = quotes.directory / "later.bin"
        quotes.run(
            "emulate", "tdx", "quote", quotes.td, "--report-data", nonce, "--output", later, due=0
        )
        code = quotes.judge(later, *quotes.emulated(), "--policy", policy, due="denied")["code"]
        expect("code", code, due="policy.measurement")
    return load(quotes.td)


def refuse_forged_quotes(quotes: Quotes, tee: SoftwareTdx) -> None:
    """Three quotes, each sound but for one thing."""
    forged = quotes.directory / "forged.bin"
    with quotes.steps.step("forgery: another attestation key, under the genuine QE report"):
        forged.write_bytes(tee.quote(quotes.nonce, attestation_key=PrivateKey.generate()))
        code = quotes.judge(forged, *quotes.emulated(), due="untrusted")["code"]
        expect("code", code, due="qe.binding")
    with quotes.steps.step("forgery: a genuine quote that was made for somebody else's nonce"):
        forged.write_bytes(tee.quote(secrets.token_bytes(64)))
        code = quotes.judge(forged, *quotes.emulated(), due="untrusted")["code"]
        expect("code", code, due="tdx.report-data")
    with quotes.steps.step("forgery: a platform whose PCK certificate is revoked"):
        forged.write_bytes(tee.quote(quotes.nonce))
        revoking = quotes.directory / "revoking.json"
        revoked = tee.pki.crl("platform-ca", revoked=(tee.pki.serial("pck"),))
        revoking.write_bytes(tee.collateral(pck_crl=revoked).json())
        options = quotes.emulated(collateral=revoking)
        expect("code", quotes.judge(forged, *options, due="untrusted")["code"], due="pck.revoked")


def judge_real_quotes(quotes: Quotes) -> None:
    """Intel's own quotes, with the collateral of the day, where the vectors are found."""
    if not (VECTORS / "tdx-quote").is_dir():
        print(f"\nIntel's real quotes are NOT judged: no vectors in {VECTORS}; set TROTH_VECTORS.")
        return
    with quotes.steps.step("three of Intel's own, with the collateral of the day"):
        collateral = ("--collateral", VECTORS / "intel-collateral")
        commands = [
            Command(
                "troth",
                ("verify", VECTORS / "tdx-quote" / name, "--json", *collateral, "--at", at),
                due=EXIT[due[0]],
            )
            for name, at, due in REAL
        ]
        for out, (name, _, due) in zip(quotes.programs.run_all(*commands), REAL, strict=True):
            judgement = json.loads(out)
            verdict, status, code = due
            say(f"{verdict}: {judgement['code'] or 'no fault'}: {name}")
            expect("verdict", judgement["verdict"], due=verdict)
            expect("code", judgement["code"], due=code)
            expect("anchor", judgement["anchor"], due="intel-sgx-root" if status else None)
            expect("TCB status", judgement["tcb"] and judgement["tcb"]["status"], due=status)
