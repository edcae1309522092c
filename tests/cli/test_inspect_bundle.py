# SPDX-License-Identifier: Apache-2.0
"""`troth inspect` of a bundle: what the bundle claims, and its report; nothing verified."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Machine, namespace
from tests.program import troth
from troth.evidence.binding import Bundle, LogHead, LogPart, TsmReport
from troth.evidence.tdx import TdxQuote, describe_pck, describe_quote

NONCE = bytes(range(32))


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


def inspect(tmp_path: Path, bundle: Bundle) -> tuple[dict[str, Any], str]:
    """Return what --json tells of a bundle and its report, and the text for people."""
    path = tmp_path / "b.cmw"
    path.write_bytes(bundle.encoded)
    done = troth("inspect", path)
    assert done.status == 0, done.err
    told = troth("inspect", path, "--json").json()
    assert told["verified"] is False
    return told, done.text


def test_a_fresh_bundle(tmp_path: Path, machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    told, text = inspect(tmp_path, bundle)
    assert text.startswith("NOTHING VERIFIED  evidence bundle; these are claims\n")
    claims = told["bundle"]
    said = bundle.statement
    statement, space = claims["statement"], claims["namespace"]
    assert statement["nonce"] == NONCE.hex()
    assert statement["mode"] == "fresh"
    assert statement["digest"] == said.digest.hex()
    assert statement["cnf"] == "EC P-256 for ECDH-ES+A256KW"
    assert (space["label"], space["id"]) == ("payments", said.namespace.id.hex())
    assert space["origin"] == "configuration"
    assert claims["model"]["phase"] == "sealed"
    quote = TdxQuote.parse(bundle.report.outblob)
    assert told["report"]["facts"] == describe_quote(quote) | describe_pck(quote)
    for value in (NONCE.hex(), "payments", quote.body.mr_td.hex(), "Event model", "Registers"):
        assert value in text


def test_a_delegated_bundle_names_its_anchor(tmp_path: Path, machine: Machine) -> None:
    anchor = machine.fresh(bytes(32))
    told, text = inspect(tmp_path, machine.delegated(anchor, NONCE))
    assert told["bundle"]["statement"]["mode"] == "delegated"
    shown = told["bundle"]["parts"]["anchor"]
    assert shown == anchor.statement.digest.hex()
    assert shown in text


def test_what_is_left_out_is_null_and_a_log_is_counted(tmp_path: Path, machine: Machine) -> None:
    identifier = bytes(16)
    log = LogHead.empty(identifier).append(b"a", b"b")
    bare = namespace(id=identifier, log=log, model=None)
    statement = machine.statement(NONCE, bare, cnf=None)
    bundle = machine.over(statement, LogPart(start=0, entries=(b"a", b"b")))
    told, text = inspect(tmp_path, bundle)
    assert told["bundle"]["model"] == {}
    assert told["bundle"]["statement"]["cnf"] is None
    assert told["bundle"]["parts"]["log_entries"] == 2
    assert "Event model" not in text


def test_a_report_that_is_not_read_here_is_said_so(tmp_path: Path, machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    report = TsmReport(provider="another", outblob=b"not a quote")
    told, text = inspect(tmp_path, replace(bundle, report=report))
    assert told["report"] is None
    assert str(told["report_error"]).startswith("evidence.unknown")
    assert "the report cannot be read: evidence.unknown" in text
    assert "payments" in text


def test_what_only_begins_like_a_bundle_is_malformed(machine: Machine) -> None:
    done = troth("inspect", "-", stdin=machine.fresh(NONCE).encoded[:-1])
    assert done.status == 3
    assert "cbor." in done.err
