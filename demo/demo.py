# SPDX-License-Identifier: Apache-2.0
"""See troth work: a software TD is quoted, judged, and forged in three ways that are refused.

Every step starts the `troth` command as a user would and holds its JSON and exit status to what
they must be. The first step that does not hold ends the demo with status 1 and the step's name.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx import SoftwareTdx, load

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 40  # characters of an argument; longer ones are cut in the middle
VECTORS = Path(os.environ.get("TROTH_VECTORS", ROOT.parent / "shared" / "vectors"))

# Intel's own: a file, the instant to judge at, and the outcome that is on record for it.
REAL = (
    ("tdx-v4-90c06f000000-140cbd8c.quote", "1774995607", ("genuine", "UpToDate", None)),
    ("tdx-v5-90c06f000000-d0010db6.quote", "1774995607", ("genuine", "OutOfDate", None)),
    ("tdx-v4-90c06f000000-f8f82dc7.quote", "1774995607", ("untrusted", None, "tcb.no-level")),
)
EXIT = {"accepted": 0, "genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5, "denied": 6}


class StepFailedError(Exception):
    """A step did not come out as it must."""


class Demo:
    """The steps, and what they share: the command to start and a directory to work in."""

    def __init__(self, troth: list[str], directory: Path) -> None:
        """Work in `directory` with the command `troth`."""
        self.troth = troth
        self.td = directory / "td"
        self.directory = directory
        self.nonce = secrets.token_bytes(64)
        self.number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Number and time a step; whatever fails inside is reported under its title."""
        self.number += 1
        print(f"\n{self.number}. {title}", flush=True)
        started = time.perf_counter()
        try:
            yield
        except StepFailedError as error:
            raise StepFailedError(f"step {self.number} ({title}): {error}") from None
        print(f"   {time.perf_counter() - started:.2f} s", flush=True)

    def run(self, *arguments: str | Path, due: int) -> bytes:
        """Start `troth`; return its standard output if it exits with `due`."""
        spelled = [str(one) for one in arguments]
        print(f"   $ troth {shlex.join(self._short(one) for one in spelled)}", flush=True)
        done = subprocess.run([*self.troth, *spelled], capture_output=True, check=False)
        if done.returncode != due:
            told = done.stderr.decode(errors="replace").strip()
            raise StepFailedError(f"exit status {done.returncode}, {due} is due: {told}")
        return done.stdout

    def judge(self, quote: Path, *options: str | Path, due: str) -> dict[str, Any]:
        """Return the JSON of `troth verify` if verdict and exit status are those that are due."""
        out = self.run("verify", quote, "--json", *options, due=EXIT[due])
        judgement: dict[str, Any] = json.loads(out)
        expect("verdict", judgement["verdict"], due=due)
        said = f"{judgement['code']}: {judgement['detail']}" if judgement["code"] else "no fault"
        print(f"   {due}: {said}"[:150])
        return judgement

    def emulated(self, collateral: Path | None = None) -> tuple[str | Path, ...]:
        """Options that name the software TD's root, its collateral and the expected nonce."""
        return (
            *("--root", self.td / "root.pem"),
            *("--collateral", collateral or self.td / "collateral.json"),
            *("--report-data", self.nonce.hex()),
        )

    def _short(self, argument: str) -> str:
        argument = argument.removeprefix(f"{self.directory}/").removeprefix(f"{VECTORS}/")
        return argument if len(argument) < SHOWN else f"{argument[:16]}…{argument[-16:]}"


def expect(what: str, got: object, *, due: object) -> None:
    """Demand that something came out as it must."""
    if got != due:
        raise StepFailedError(f"{what} is {got!r}, {due!r} is due")


def judge_software_td(demo: Demo) -> SoftwareTdx:
    """Make a TD, quote it, judge the quote, write a policy from it and judge by that."""
    with demo.step("a software TD is launched and quoted for a fresh nonce"):
        demo.run("emulate", "tdx", "init", demo.td, due=0)
        quote = demo.directory / "quote.bin"
        nonce = demo.nonce.hex()
        demo.run(
            "emulate", "tdx", "quote", demo.td, "--report-data", nonce, "--output", quote, due=0
        )
    with demo.step("without a policy the quote is genuine, and that is not yet a yes"):
        judgement = demo.judge(quote, *demo.emulated(), due="genuine")
        expect("TCB status", judgement["tcb"]["status"], due="UpToDate")
        expect("appraised", judgement["appraised"], due=False)
        for entry in judgement["trace"]:
            print(f"     {entry['verdict']:7} {entry['rule']:28} {entry['got'][:60]}")
        expect("failed rules", [e for e in judgement["trace"] if e["verdict"] != "held"], due=[])
    with demo.step("nobody but the one who names its root believes it"):
        code = demo.judge(quote, *demo.emulated()[2:], due="untrusted")["code"]
        expect("code", code, due="chain.root")
    with demo.step("a policy written from the quote accepts it"):
        policy = demo.directory / "td.toml"
        policy.write_bytes(demo.run("policy", "init", "--from", quote, due=0))
        judgement = demo.judge(quote, *demo.emulated(), "--policy", policy, due="accepted")
        expect("appraised", judgement["appraised"], due=True)
    with demo.step("the TD is measured into; the same policy now denies it"):
        digest = secrets.token_hex(48)
        demo.run("emulate", "tdx", "extend", demo.td, "--index", "3", "--digest", digest, due=0)
        later = demo.directory / "later.bin"
        demo.run(
            "emulate", "tdx", "quote", demo.td, "--report-data", nonce, "--output", later, due=0
        )
        code = demo.judge(later, *demo.emulated(), "--policy", policy, due="denied")["code"]
        expect("code", code, due="policy.measurement")
    return load(demo.td)


def refuse_forgeries(demo: Demo, tee: SoftwareTdx) -> None:
    """Three quotes, each sound but for one thing."""
    forged = demo.directory / "forged.bin"
    with demo.step("forgery: another attestation key, under the genuine QE report"):
        forged.write_bytes(tee.quote(demo.nonce, attestation_key=PrivateKey.generate()))
        code = demo.judge(forged, *demo.emulated(), due="untrusted")["code"]
        expect("code", code, due="qe.binding")
    with demo.step("forgery: a genuine quote that was made for somebody else's nonce"):
        forged.write_bytes(tee.quote(secrets.token_bytes(64)))
        code = demo.judge(forged, *demo.emulated(), due="untrusted")["code"]
        expect("code", code, due="tdx.report-data")
    with demo.step("forgery: a platform whose PCK certificate is revoked"):
        forged.write_bytes(tee.quote(demo.nonce))
        revoking = demo.directory / "revoking.json"
        revoked = tee.pki.crl("platform-ca", revoked=(tee.pki.serial("pck"),))
        revoking.write_bytes(tee.collateral(pck_crl=revoked).json())
        options = demo.emulated(collateral=revoking)
        expect("code", demo.judge(forged, *options, due="untrusted")["code"], due="pck.revoked")


def judge_real_quotes(demo: Demo) -> None:
    """Intel's own quotes, with the collateral of the day, where the vectors are found."""
    if not (VECTORS / "tdx-quote").is_dir():
        print(f"\nIntel's real quotes are NOT judged: no vectors in {VECTORS}; set TROTH_VECTORS.")
        return
    for name, at, (verdict, status, code) in REAL:
        with demo.step(f"one of Intel's: {name}"):
            judgement = demo.judge(
                VECTORS / "tdx-quote" / name,
                *("--collateral", VECTORS / "intel-collateral", "--at", at),
                due=verdict,
            )
            expect("code", judgement["code"], due=code)
            expect("anchor", judgement["anchor"], due="intel-sgx-root" if status else None)
            expect("TCB status", judgement["tcb"] and judgement["tcb"]["status"], due=status)


def main() -> int:
    """Run all steps; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = shlex.join([str(Path(sys.executable).with_name("troth"))])
    parser.add_argument("--troth", default=default, help="the command to start [%(default)s]")
    troth = shlex.split(parser.parse_args().troth)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="troth-demo-") as directory:
        demo = Demo(troth, Path(directory))
        try:
            tee = judge_software_td(demo)
            refuse_forgeries(demo, tee)
            judge_real_quotes(demo)
        except StepFailedError as error:
            print(f"\nDEMO FAILED at {error}", file=sys.stderr)
            return 1
    print(f"\nAll {demo.number} steps held, in {time.perf_counter() - started:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
