# SPDX-License-Identifier: Apache-2.0
"""What a verifier is made of: the seal, the anchors, the trace."""

from __future__ import annotations

import copy
import hashlib
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.errors import CODES, DeniedError, UntrustedError
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, AnyValue, Trace, Verified
from troth.verify.tdx import TdxFacts, verify_tdx

Field = Any  # an argument of the verifier, or a function

TEE: Final = SoftwareTdx.create(at=AT)
ROOT: Final = Certificate(TEE.pki.certificates["root"])


def genuine(**changes: Field) -> Verified[TdxFacts]:
    arguments: dict[str, Any] = {
        "collateral": [parse_bundle(TEE.bundle(), "own")],
        "anchors": Anchors([Anchor.of(ROOT)]),
        "at": AT,
        "report_data": AnyValue,
    }
    return verify_tdx(TEE.quote(REPORT_DATA), **(arguments | changes))


# --- the seal -------------------------------------------------------------------------------------


def test_nobody_else_can_make_one() -> None:
    for seal in (None, object(), True, "seal"):
        with pytest.raises(TypeError, match="not by its callers"):
            Verified("forged", _seal=seal)
    with pytest.raises(TypeError):
        Verified("forged")  # type: ignore[call-arg]  # that it cannot is the test


def test_a_subclass_cannot_make_one_either() -> None:
    with pytest.raises(TypeError, match="no subclasses"):
        type("Forged", (Verified,), {"__init__": object.__init__})


def test_one_cannot_be_changed() -> None:
    verified = genuine()
    facts = verified.value
    with pytest.raises(AttributeError, match="cannot be changed"):
        verified.value = facts
    with pytest.raises(AttributeError, match="cannot be changed"):
        verified.other = facts
    with pytest.raises(AttributeError, match="cannot be changed"):
        del verified.value
    with pytest.raises(TypeError):
        Verified.__init__(verified, facts, _seal=None)
    assert verified.value is facts
    with pytest.raises(AttributeError):
        facts.tcb = None  # type: ignore[misc]  # likewise


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_one_is_not_saved(protocol: int) -> None:
    with pytest.raises(TypeError, match="not saved and not copied"):
        pickle.dumps(genuine(), protocol)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_one_is_not_copied(copied: Field) -> None:
    with pytest.raises(TypeError, match="not saved and not copied"):
        copied(genuine())


def test_one_says_what_it_holds() -> None:
    verified = genuine()
    assert repr(verified) == f"Verified({verified.value!r})"
    assert verified.value.body.report_data == REPORT_DATA
    assert verified.value.status == "UpToDate"


# --- anchors --------------------------------------------------------------------------------------


def test_no_anchors_trust_nothing() -> None:
    with refused("chain.root"):
        genuine(anchors=Anchors([]))
    assert Anchors([]).names == ()


def test_only_the_key_of_a_root_counts() -> None:
    same_key = Certificate(TEE.pki.certificate("root"))
    assert same_key != ROOT
    assert genuine(anchors=Anchors([Anchor.of(same_key)])).value.anchor == Anchor.of(ROOT)
    other = Anchor.of(Certificate(SoftwareTdx.create(at=AT).pki.certificates["root"]))
    with refused("chain.root", f"sha256:{ROOT.spki_sha256.hex()} is not trusted"):
        genuine(anchors=Anchors([other, INTEL_SGX_ROOT]))
    both = Anchors([other, Anchor.of(ROOT)])
    assert genuine(anchors=both).value.anchor == Anchor.of(ROOT)
    assert repr(both) == f"Anchors({other.name}, {Anchor.of(ROOT).name})"


def test_a_named_root_is_no_vendors() -> None:
    anchor = Anchor.of(ROOT)
    assert anchor.name == f"sha256:{ROOT.spki_sha256.hex()}"
    assert not anchor.is_vendor
    assert INTEL_SGX_ROOT.is_vendor


def test_the_pinned_root_is_the_one_under_every_real_quote(vectors: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote"
    root = TdxQuote.parse(path.read_bytes()).pck_chain.root
    assert Anchor.of(root) is INTEL_SGX_ROOT
    # As a person compares it: the digest of the SubjectPublicKeyInfo, cut out of the certificate.
    at = root.der.index(bytes.fromhex("3059301306072a8648ce3d0201"))
    assert hashlib.sha256(root.der[at : at + 91]).digest() == INTEL_SGX_ROOT.spki_sha256
    assert hashlib.sha256(root.der).hexdigest().startswith("44a0196b")


# --- options --------------------------------------------------------------------------------------


def test_the_floor_keeps_old_collateral_out() -> None:
    for floor in (0, 19, 20):
        assert genuine(evaluation_floor=floor).value.status == "UpToDate"
    trace = Trace()
    with refused("collateral.below-floor", "at least 21"):
        genuine(evaluation_floor=21, trace=trace)
    last = list(trace)[-1]
    assert (last.rule, last.got, last.verdict) == ("4.evaluation-number", "20", "failed")


@pytest.mark.parametrize("size", [64, 65, 128, 0, 1, 63])
def test_report_data_is_compared_whole(size: int) -> None:
    if size == 64:
        assert genuine(report_data=REPORT_DATA).value.body.report_data == REPORT_DATA
        return
    expected = (REPORT_DATA * 2)[:size]
    with refused("tdx.report-data"):
        genuine(report_data=expected)


def test_facts_say_what_they_rest_on() -> None:
    facts = genuine().value
    assert facts.at == AT
    assert facts.collateral is not None
    assert facts.collateral.source == "own"
    assert facts.trailing_bytes == 0


# --- the trace ------------------------------------------------------------------------------------


def test_the_trace_has_the_steps_in_their_order() -> None:
    trace = Trace()
    genuine(trace=trace)
    rules = [row.rule for row in trace]
    assert len(trace) == len(rules)
    steps = [int(rule.partition(".")[0]) for rule in rules]
    assert steps == sorted(steps)
    assert set(steps) == set(range(1, 12))
    assert {row.verdict for row in trace if row.rule != "11.report-data"} == {"held"}


def test_values_are_spelt_for_people() -> None:
    trace = Trace()
    for expected, spelt in (
        ("text", "text"),
        (b"\xab\0", "ab00"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00Z"),
        (frozenset({"b", "a"}), "a b"),
        (frozenset({b"\2", b"\1"}), "01 02"),
        (ROOT, "'Intel SGX Root CA'"),
        (frozenset(), "none"),
        (("a", AT, 1), "a 2026-11-01T12:00:00Z 1"),
        ((), "none"),
        (None, "None"),
        (7, "7"),
    ):
        trace.held("r", expected=expected, got=b"", source="s")
        assert list(trace)[-1].expected == spelt


def test_a_check_notes_and_raises_the_class_of_its_code() -> None:
    trace = Trace()
    holds, fails = True, False
    trace.check("1.a", holds, "policy.debug", expected=1, got=1, source="s")
    for code, kind in (("policy.debug", DeniedError), ("crl.issuer", UntrustedError)):
        with pytest.raises(kind) as caught:
            trace.check("1.b", fails, code, expected="x", got="y", source="s")
        assert caught.value.code == code
        assert caught.value.detail == "expected x, got y"
    assert [row.verdict for row in trace] == ["held", "failed", "failed"]


def test_a_failure_that_was_raised_elsewhere_is_noted_with_its_words() -> None:
    trace = Trace()
    trace.failed("1.a", UntrustedError("crl.issuer", "not this"), expected="x", source="s")
    trace.failed("1.b", UntrustedError("crl.issuer"), expected="x", source="s")
    trace.skipped("1.c", why="nobody asked")
    rows = list(trace)
    assert [row.got for row in rows] == ["not this", CODES["crl.issuer"][1], "nobody asked"]
    assert (rows[2].verdict, rows[2].source) == ("skipped", "caller")
