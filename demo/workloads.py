# SPDX-License-Identifier: Apache-2.0
"""What workloads live through: asking at once, getting a secret, being refused, losing it all."""

from __future__ import annotations

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from demo.place import AUDIENCE, LABELS, SECRETS, Site
from demo.programs import Command
from demo.steps import Steps, expect, say, until
from demo.tokens import FOR_BROKER, fetch_token, is_revoked, verified_claims
from troth.client import Trothd
from troth.errors import DeniedError
from troth.evidence.binding import Bundle

__all__ = ["ask_at_once", "get_secrets", "leave_model"]

_CALLERS = 16
_A_HANDFUL = 5  # two are enough; a busy machine starts its callers late
_LAST_STEP = 14


def ask_at_once(site: Site, steps: Steps) -> None:
    """Sixteen callers want evidence at the same time, each for its own nonce."""
    with steps.step(f"{_CALLERS} callers ask at once; a handful of reports answers them all"):
        key = json.loads(site.cnf.read_text())
        asked = [(LABELS[at % 2], site.challenge()) for at in range(_CALLERS)]
        before = site.reports()

        def ask(one: tuple[str, bytes]) -> bytes:
            return Trothd(str(site.socket(one[0]))).evidence(one[1], AUDIENCE, cnf=key)

        with ThreadPoolExecutor(_CALLERS) as pool:
            bundles = list(pool.map(ask, asked))
        made = site.reports() - before
        epochs = {Bundle.parse(one).epoch.epoch.report_data for one in bundles}
        say(f"POST /v1/evidence × {_CALLERS}; by trothd's count, reports of the TSM: {made}")
        expect("reports that the bundles rest on", len(epochs), due=made)
        expect("a handful of reports", made <= _A_HANDFUL, due=True)
        verdicts = Counter(site.appraise(one).status for one in bundles)
        say(f"POST /v1/appraise × {_CALLERS}: {dict(verdicts)}")
        expect("statuses of their appraisals", dict(verdicts), due={HTTPStatus.OK.value: _CALLERS})


def get_secrets(site: Site, steps: Steps) -> None:
    """One appraisal in full, then a secret that one namespace gets and the other does not."""
    with steps.step("payments is appraised; every rule that led to its token"):
        token, trace = fetch_token(site, "payments")
        _show(trace)
        failed = [one["rule"] for one in trace if one["verdict"] == "failed"]
        expect("failed rules", failed, due=[])
        expect("steps taken", sorted({_step(one) for one in trace}), due=list(range(1, 15)))
        claims = verified_claims(site, token)
        say(f"token: {claims['troth']['label']}, statement {claims['troth']['statement'][:16]}…")
        expect("label in the token", claims["troth"]["label"], due="payments")
    with steps.step("payments gets its secret, reports its own"):
        lines = {path: ("secret", "get", path, *FOR_BROKER, "--json") for path in SECRETS}
        outs = site.programs.run_all(
            *(site.workload(path.partition("/")[0], *line) for path, line in lines.items())
        )
        for (path, secret), out in zip(SECRETS.items(), outs, strict=True):
            opened = json.loads(out)
            value = base64.urlsafe_b64decode(opened["secret"] + "=" * (-len(opened["secret"]) % 4))
            expect(f"the secret {path}", value, due=secret)
            say(f"{path}: {value.decode()!r}, for namespace {opened['namespace'][:16]}…")
    with steps.step("reports is refused the secret of payments, by a named rule"):
        asked = ("secret", "get", "payments/database", "--audience", AUDIENCE)
        refused = site.json("reports", *asked, due=DeniedError.exit_code)
        expect("what reports is told", refused["code"], due="secret.denied")
        command = Command("troth-broker", ("log", "--config", site.broker_config, "--json"))
        entry = json.loads(site.programs.run(command))["entries"][-1]
        told = {name: entry[name] for name in ("event", "label", "path", "rule", "reason")}
        say(f"reports is told {refused['code']}; the log says {told}")
        due = {"event": "refused", "label": "reports", "path": "payments/database"}
        due |= {"rule": "payments only", "reason": "label"}
        expect("the log's last entry", told, due=due)


def leave_model(site: Site, steps: Steps, patience: float) -> None:
    """An event outside its model ends one namespace, within some seconds, and not the other."""
    with steps.step("reports has a token; broker and token verify take it"):
        token, _ = fetch_token(site, "reports")
        verified_claims(site, token)
        expect(
            "the broker's status",
            site.ask_broker("reports/smtp", token.read_text()).status,
            due=HTTPStatus.OK,
        )
        say("POST /v1/secret/reports/smtp: 200")
        mine, _ = fetch_token(site, "payments")
    with steps.step("reports appends an event outside its sealed model"):
        receipt = site.json(
            "reports", "event", "app", "run", "shell", "--in-model", due=DeniedError.exit_code
        )
        say(f"event {receipt['count']} in its log, forensic points: {receipt['forensic']}")
        expect("forensic points", receipt["forensic"], due=1)
    with steps.step("trothd told the verifier at once: the token of reports is revoked"):
        took = until("token verify refuses", lambda: is_revoked(site, token), seconds=patience)
        say(f"token verify refuses it {took:.1f} s later: token.revoked")
    with steps.step("the broker takes the token no more"):
        until(
            "the broker refuses the token",
            lambda: (
                site.ask_broker("reports/smtp", token.read_text()).status == HTTPStatus.FORBIDDEN
            ),
            seconds=patience,
        )
        answer = site.ask_broker("reports/smtp", token.read_text())
        say(f"POST /v1/secret/reports/smtp: {answer.status} {answer.json['code']}")
        expect("the broker's code", answer.json["code"], due="token.revoked")
    with steps.step("the verifier gives reports no other token, and so nobody a secret"):
        refused = site.json(
            "reports", "secret", "get", "reports/smtp", *FOR_BROKER, due=DeniedError.exit_code
        )
        say(f"{refused['code']}: {refused['detail']}")
        expect("code", refused["code"], due="model.forensic")
    with steps.step("payments lives: its token holds and its secret comes"):
        verified_claims(site, mine)
        site.json("payments", "secret", "get", "payments/database", *FOR_BROKER)


def _show(trace: list[dict[str, Any]]) -> None:
    """Print which rules were held at which step."""
    for step in range(1, _LAST_STEP + 1):
        rules = [one for one in trace if _step(one) == step]
        names = ", ".join(dict.fromkeys(one["rule"].split(".")[1] for one in rules))
        verdicts = ", ".join(
            f"{n} {one}" for one, n in Counter(r["verdict"] for r in rules).items()
        )
        say(f"  step {step:2}  {verdicts:20}  {names[:60]}")


def _step(entry: dict[str, Any]) -> int:
    return int(entry["rule"].partition(".")[0])
