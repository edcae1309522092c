# SPDX-License-Identifier: Apache-2.0
"""Two implementations, one answer: dcap-qvl judges the same inputs, and differences are listed.

An unlisted difference fails, in whichever direction it is. A listed one that has gone fails too,
so that the lists below are true of the version that they name. Nothing here says who is right;
`why` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.tdx import AT, PEER
from tests.verify.dcap_cases import CASES
from troth.crypto.x509 import Certificate
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import TrothError
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, AnyValue, Tail
from troth.verify.tdx import verify_tdx

PEER_VERSION: Final = "0.7.0"


class Difference(NamedTuple):
    """What comes out here, what comes out there, and why that is so.

    `ours` is a status or a code, `theirs` a status or a part of the peer's message.
    """

    ours: str
    theirs: str
    why: str


class Answer(NamedTuple):
    """A status with its advisories, or a refusal with its reason."""

    refused: bool
    word: str
    advisories: tuple[str, ...] = ()

    def agrees(self, other: Answer) -> bool:
        """Two refusals agree whatever their reasons: the orders of the checks differ."""
        return self == other or (self.refused and other.refused)


GENUINE: Final = "a status"

# Differences on real quotes, by kind. `ours` or `theirs` is GENUINE for any status.
ON_VECTORS: Final = {
    "debug": Difference(GENUINE, "Debug mode is enabled", "debug is our policy's to refuse"),
    "service-td": Difference(GENUINE, "Invalid MR service TD", "MRSERVICETD is our policy's"),
    "list-from-the-future": Difference(
        "crl.not-yet-valid", GENUINE, "dcap-qvl does not compare thisUpdate"
    ),
    "list-in-its-last-second": Difference(
        GENUINE, "CrlExpired", "nextUpdate is the last instant here, the first expired one there"
    ),
}

# Differences on quotes and collateral of a software TDX, by the name of the case.
ON_CASES: Final = {
    "current-behind-launch": Difference(
        "UpToDate", "UpToDate", "our advisories hold also those of the module that runs now"
    ),
    "debug-td": Difference("UpToDate", "Debug mode is enabled", "policy, here"),
    "td-under-debug-bit": Difference("UpToDate", "Reserved bits in TD attributes", "policy, here"),
    "sept-ve-disable-clear": Difference("UpToDate", "SEPT_VE_DISABLE", "policy, here"),
    "migratable-td": Difference("UpToDate", "TD migration is enabled", "policy, here"),
    "unnamed-attribute": Difference("UpToDate", "Reserved bits in TD attributes", "policy, here"),
    "service-td": Difference("UpToDate", "Invalid MR service TD", "policy, here"),
    "auth-data-empty": Difference("UpToDate", "auth data length", "any length is legal"),
    "auth-data-1000": Difference("UpToDate", "auth data length", "any length is legal"),
    "qe-report-data-second-half": Difference(
        "qe.binding", "UpToDate", "the QE sets the second half to zero, so another is no QE's"
    ),
    "trailing-garbage": Difference("tdx.trailing", "UpToDate", "a tail is refused or named"),
    "outer-type-5": Difference(
        "quote.certification-type", "UpToDate", "a type-6 block is due, and this says it is none"
    ),
    "slack-in-type-6": Difference(
        "quote.certification-length", "UpToDate", "lengths are consumed exactly"
    ),
    "chain-without-root": Difference("pck.chain-shape", "UpToDate", "Intel's quotes carry three"),
    "chain-four": Difference("pck.chain-shape", "UpToDate", "Intel's quotes carry three"),
    "chain-junk": Difference("wire.pem", "UpToDate", "nothing else may stand in a chain"),
    "root-expired": Difference("chain.expired", "UpToDate", "a root's window counts too"),
    "pck-list-future": Difference("crl.not-yet-valid", "UpToDate", "thisUpdate counts"),
    "root-list-future": Difference("crl.not-yet-valid", "UpToDate", "thisUpdate counts"),
    "info-pce-id": Difference("collateral.platform", "UpToDate", "another PCE's TCB info"),
    "info-tcb-type-1": Difference("collateral.tcb-type", "UpToDate", "its comparison is unknown"),
    "info-level-twice": Difference("collateral.levels", "UpToDate", "order would decide"),
    "info-sgx-empty": Difference(
        "collateral.components", "OutOfDate", "a level without components is no level"
    ),
    "identity-version-3": Difference(
        "unsupported.version", "UpToDate", "no document says what version 3 means"
    ),
    "signer-other-name": Difference("chain.role", "UpToDate", "the signer's role is in its name"),
    "signer-is-the-pck": Difference(
        "collateral.chain-shape", "UpToDate", "the root issues the signer directly"
    ),
    "signer-below-the-platform-ca": Difference(
        "collateral.chain-shape", "UpToDate", "the root issues the signer directly"
    ),
}


def ours(quote: bytes, given: CollateralSet | bytes, anchors: Anchors, at: datetime) -> Answer:
    """Judge as the library does, with zeros or, for real collectors' sake, anything behind."""
    tail = Tail.ANYTHING if INTEL_SGX_ROOT.name in anchors.names else Tail.ZEROS
    try:
        facts = verify_tdx(
            quote,
            collateral=[parse_bundle(given, "own") if isinstance(given, bytes) else given],
            anchors=anchors,
            at=at,
            report_data=AnyValue,
            tail=tail,
        ).value
    except TrothError as error:
        return Answer(refused=True, word=error.code)
    assert facts.tcb is not None
    return Answer(refused=False, word=facts.status, advisories=tuple(sorted(facts.tcb.advisories)))


def theirs(quote: bytes, text: bytes, root: bytes | None, at: datetime) -> Answer:
    """Judge as the peer does, under Intel's root if no other is given."""
    collateral = peer_collateral(text)
    now = int(at.timestamp())
    try:
        if root is None:
            report = PEER.verify(quote, collateral, now)
        else:
            report = PEER.verify_with_root_ca(quote, collateral, root, now)
    except ValueError as error:
        return Answer(refused=True, word=str(error))
    return Answer(refused=False, word=report.status, advisories=tuple(sorted(report.advisory_ids)))


@cache
def peer_collateral(text: bytes) -> object:
    return PEER.QuoteCollateralV3.from_json(text.decode())


def instants(collateral: CollateralSet) -> list[datetime]:
    """Return instants before, at, between, at and behind the ends of a set's window."""
    start, end, second = collateral.window.start, collateral.window.end, timedelta(seconds=1)
    middle = (start + (end - start) / 2).replace(microsecond=0)
    return [start - second, start, middle, end, end + second]


def listed(one: Answer, other: Answer) -> str | None:
    """Name the difference of two answers on a real quote, or nothing if it is none of those."""
    for name, known in ON_VECTORS.items():
        fits_ours = one.word == known.ours if one.refused else known.ours == GENUINE
        fits_theirs = known.theirs in other.word if other.refused else known.theirs == GENUINE
        if fits_ours and fits_theirs:
            return name
    return None


def crossed(vectors: Path) -> Iterator[tuple[str, Answer, Answer]]:
    """Judge each real quote with each bundle at each of its instants, by both."""
    anchors = Anchors([INTEL_SGX_ROOT])
    texts = [path.read_bytes() for path in sorted(vectors.glob("intel-collateral/*x-*.json"))]
    bundles = [(text, parse_bundle(text, "a bundle")) for text in texts]
    for path in sorted(vectors.glob("tdx-quote/*.quote")):
        quote = path.read_bytes()
        for text, collateral in bundles:
            for at in instants(collateral):
                name = f"{path.name}, FMSPC {collateral.fmspc.hex()}, {at}"
                yield name, ours(quote, collateral, anchors, at), theirs(quote, text, None, at)


def test_the_lists_are_about_this_version() -> None:
    assert PEER.__version__ == PEER_VERSION


def test_every_real_quote_with_every_bundle(vectors: Path) -> None:
    met: dict[str, int] = {}
    unlisted: list[str] = []
    same = 0
    for name, one, other in crossed(vectors):
        if one.agrees(other):
            same += not one.refused
            continue
        kind = listed(one, other)
        if kind is None:
            unlisted.append(f"{name}: {one} here, {other} there")
        else:
            met[kind] = met.get(kind, 0) + 1
    assert unlisted == []
    assert set(met) == set(ON_VECTORS), "a listed difference has gone"
    assert same >= 50, "hardly anything was compared"


@pytest.mark.parametrize("name", CASES)
def test_every_case_of_a_software_tdx(name: str) -> None:
    tee, quote, text = CASES[name]()
    root = tee.pki.certificates["root"]
    one = ours(quote, text, Anchors([Anchor.of(Certificate(root))]), AT)
    other = theirs(quote, text, root, AT)
    known = ON_CASES.get(name)
    if known is None:
        assert one.agrees(other), f"{one} here, {other} there"
    else:
        assert not one.agrees(other), f"no longer a difference: {known.why}"
        assert one.word == known.ours
        assert known.theirs in other.word


def test_every_listed_difference_is_a_case() -> None:
    assert set(ON_CASES) <= set(CASES)


def test_both_refuse_a_software_tdx_under_the_real_root() -> None:
    _, quote, text = CASES["sound-v4"]()
    one = ours(quote, text, Anchors([INTEL_SGX_ROOT]), AT)
    assert one == Answer(refused=True, word="chain.root")
    assert theirs(quote, text, None, AT).refused
