# SPDX-License-Identifier: Apache-2.0
"""Tokens in the demo: one is fetched, and held to what it must say, as a relying party would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from demo.place import AUDIENCE, ISSUER, Site, refusal
from demo.steps import expect
from troth.errors import DeniedError

__all__ = ["FOR_BROKER", "fetch_token", "is_revoked", "verified_claims"]

FOR_BROKER = ("--audience", AUDIENCE)
_NAMED = ("--issuer", ISSUER, *FOR_BROKER)


def fetch_token(site: Site, label: str) -> tuple[Path, list[dict[str, Any]]]:
    """Return a fresh token of a namespace as a file, and the trace of its appraisal."""
    answer = site.appraise(site.attest(label, site.challenge()))
    expect("the appraisal", refusal(answer), due="200 accepted")
    path = site.directory / f"{label}.token"
    path.write_text(answer.json["token"])
    return path, answer.json["trace"]


def verified_claims(site: Site, token: Path) -> dict[str, Any]:
    """Return the claims of a token that holds; it says how far this TVM is to be trusted."""
    due = 0 if site.is_rooted else DeniedError.exit_code
    found = site.json("payments", "token", "verify", token, *_NAMED, due=due)
    expect("verdict of token verify", found["verdict"], due=site.tier)
    claims: dict[str, Any] = found["claims"]
    expect("TEE in the token", claims["troth"]["tee"], due=site.kind.tee)
    expect("root register in the token", claims["troth"]["root"], due=site.kernel.root)
    return claims


def is_revoked(site: Site, token: Path) -> bool:
    """Say whether `troth token verify` finds a token revoked."""
    command = site.workload("payments", "token", "verify", token, *_NAMED, "--json")
    status, out, _ = site.programs.attempt(command)
    return status == DeniedError.exit_code and json.loads(out).get("code") == "token.revoked"
