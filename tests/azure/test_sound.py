# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted, so no case passes for another reason."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

import pytest

from tests.azure.table import (
    CHALLENGE,
    EVIDENCE,
    ON_TDX,
    TDX_INPUTS,
    Accepted,
    Given,
    Table,
    on_snp,
    on_tdx,
    settle,
    template,
)
from troth.verify import AnyValue, Trace, WithoutCollateral
from troth.verify.azure import TdxInputs, verify_azure


def padded(document: dict[str, Any]) -> None:
    """Write base64url with its padding, as some collectors do."""
    for name in ("hcl_report", "td_quote"):
        document[name] += "=" * (-len(document[name]) % 4)
    assert "=" in document["hcl_report"] + document["td_quote"]


def another_claim(claims: dict[str, Any]) -> None:
    claims["vm-configuration"]["of-tomorrow"] = [1, {"x": None}]


def another_key(claims: dict[str, Any]) -> None:
    claims["keys"].append({"kid": "HCLEkPub", "kty": "RSA", "n": "AQ", "e": "AQAB"})


def few_words(claims: dict[str, Any]) -> None:
    claims["vm-configuration"] = {}


def under_own_template(given: Given) -> Given:
    return dataclasses.replace(given, policy=template(given.evidence))


CASES: Final[Table] = {
    "on-tdx": (Given, Accepted()),
    "on-snp": (on_snp, Accepted(hardware="snp")),
    "any-challenge": (lambda: Given(challenge=AnyValue), Accepted()),
    "some-registers": (
        lambda: Given(evidence=ON_TDX.evidence(CHALLENGE, (0, 4, 7))),
        Accepted(registers=3),
    ),
    "a-register-that-is-not-quoted-changed": (
        lambda: Given(evidence=ON_TDX.evidence(CHALLENGE, (0,), document=change_register)),
        Accepted(registers=1),
    ),
    "base64-with-padding": (lambda: on_tdx(document=padded), Accepted()),
    "claims-in-other-white-space": (lambda: on_tdx(runtime=lambda one: one + b"\n"), Accepted()),
    "a-claim-that-is-unknown": (lambda: on_tdx(claims=another_claim), Accepted()),
    "another-key-beside": (lambda: on_tdx(claims=another_key), Accepted()),
    "a-paravisor-of-few-words": (lambda: on_snp(claims=few_words), Accepted(hardware="snp")),
    "a-paravisor-of-few-words-under-its-template": (
        lambda: under_own_template(on_snp(claims=few_words)),
        Accepted(hardware="snp"),
    ),
    "without-zeros-behind": (lambda: on_tdx(hcl=lambda one: one.rstrip(b"\0")), Accepted()),
    "without-collateral": (
        lambda: Given(tdx=TdxInputs(collateral=WithoutCollateral, anchors=TDX_INPUTS.anchors)),
        Accepted(),
    ),
    **{
        f"on-{kind}-under-its-template": (
            lambda kind=kind: Given(evidence=EVIDENCE[kind], policy=template(EVIDENCE[kind])),  # type: ignore[misc]  # mypy reads no default here
            Accepted(hardware=kind),
        )
        for kind in EVIDENCE
    },
}


def change_register(document: dict[str, Any]) -> None:
    document["tpm_quote"]["pcrs"][14] = "01" * 32


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_the_form_is_that_of_other_verifiers() -> None:
    document = json.loads(EVIDENCE["tdx"])
    assert list(document) == ["version", "hcl_report", "tpm_quote", "td_quote"]
    assert list(document["tpm_quote"]) == ["message", "signature", "pcrs"]
    assert "vcek" in json.loads(EVIDENCE["snp"])


def test_every_step_is_in_the_trace() -> None:
    trace, given = Trace(), on_tdx()
    verify_azure(
        given.evidence,
        snp=given.snp,
        tdx=given.tdx,
        at=given.at,
        challenge=given.challenge,
        trace=trace,
    )
    assert "failed" not in {one.verdict for one in trace}
    assert len(trace) > 20
    assert next(iter(trace)).rule.startswith("1.")
