# SPDX-License-Identifier: Apache-2.0
"""The register that holds the root statement: what it is good for, and what its lack means."""

from __future__ import annotations

from demo.place import Site, refusal
from demo.programs import Command
from demo.steps import Steps, expect, say
from demo.tokens import fetch_token, verified_claims
from troth.errors import DriverError, UsageError

__all__ = ["extend_behind"]

_ANOTHERS = "rtmr3"


def extend_behind(site: Site, steps: Steps) -> None:
    """Somebody in the TVM extends the root register, or finds that there is none."""
    if site.is_rooted:
        _spoil(site, steps)
    else:
        _lack(site, steps)


def _spoil(site: Site, steps: Steps) -> None:
    """From then on nothing of this TVM is true."""
    with steps.step("somebody extends the root register behind trothd's back"):
        site.kernel.extend(b"\xab" * 48)
        answer = site.appraise(site.attest("payments", site.challenge()))
        say(f"POST /v1/appraise: {refusal(answer)}")
        expect("step", answer.json.get("step"), due=7)
        expect("code", answer.json.get("code"), due="binding.root-register")
    with steps.step("trothd has seen the foreign writer and raised an alarm"):
        status = site.status()
        say(f"GET /v1/status: alarms {status['alarms']}, rooted {status['rooted']}")
        expect("alarms", status["alarms"], due=1)
        expect("rooted", status["rooted"], due=False)


def _lack(site: Site, steps: Steps) -> None:
    """There is nothing that a foreign writer could extend, and nothing that could show one."""
    kind = site.kind
    with steps.step("nobody can extend a root register here: trothd cannot take root in one"):
        word, error, code = (
            (_ANOTHERS, UsageError, "usage.configuration")
            if kind.root == "none"
            else (kind.root, DriverError, "tsm.no-registers")
        )
        # A place of its own, so that the running one is left alone.
        other = site.directory / "other"
        other.mkdir()
        text = site.configuration(word)
        for name in ("run", "admin"):
            text = text.replace(f"{site.directory}/{name}", f"{other}/{name}")
        config = other / "trothd.toml"
        config.write_text(text)
        command = Command("trothd", ("root", "--config", config))
        status, _, told = site.programs.attempt(command)
        said = told.strip().splitlines()[-1:] or [""]
        say(f"trothd root, with root_register = {word!r}: exit status {status}: {said[0]}"[:150])
        expect("exit status", status, due=error.exit_code)
        expect(f"{code} is named", code in told, due=True)
    with steps.step("unrooted: every token of this TVM says so, and warns of trothd"):
        status_now = site.status()
        say(f"GET /v1/status: alarms {status_now['alarms']}, rooted {status_now['rooted']}")
        expect("rooted", status_now["rooted"], due=False)
        token, trace = fetch_token(site, "payments")
        rules = {one["rule"]: one["verdict"] for one in trace}
        expect("rule 7.root-register", rules.get("7.root-register"), due="skipped")
        claims = verified_claims(site, token)
        tier = claims["submods"]["orchestrator"]["ear.status"]
        say(f"token: root {claims['troth']['root']}, orchestrator {tier}")
        expect("what it says of trothd", tier, due="warning")
