# SPDX-License-Identifier: Apache-2.0
"""Steps 1, 9 and 11, and the choice of collateral: what no quote of Intel's goes without."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, Self, TypeVar

from troth.crypto.digest import same
from troth.endorse.intel import CollateralSet, choose
from troth.errors import TrothError, UntrustedError
from troth.evidence.intel import PckChain, QuoteHeader, SignatureSection
from troth.evidence.intel.layout import REPORT_DATA_BYTES
from troth.evidence.intel.signature import SectionReader
from troth.verify.cache import Cache, Seen, Shelf
from troth.verify.intel.seen import AttestationKey, Platform
from troth.verify.intel.tcb import TcbOutcome
from troth.verify.options import AnyValue, Tail
from troth.verify.trace import Trace

__all__ = [
    "check_quote_signature",
    "check_report_data",
    "check_well_formed",
    "chosen_collateral",
    "judge_platform",
]


class Quote(Protocol):
    """A parsed quote of either TEE."""

    @property
    def header(self) -> QuoteHeader: ...

    @property
    def signed(self) -> bytes: ...

    @property
    def section(self) -> SignatureSection: ...

    @property
    def size(self) -> int: ...

    @property
    def tail(self) -> bytes: ...

    @property
    def pck_chain(self) -> PckChain: ...

    @classmethod
    def parse(cls, data: bytes, read: SectionReader) -> Self: ...


Q = TypeVar("Q", bound=Quote)


def check_well_formed(
    kind: type[Q],
    evidence: bytes,
    *,
    expected: str,
    tail: Tail,
    code: str,
    cache: Cache,
    trace: Trace,
) -> Q:
    """Step 1: return the quote, its PCK chain read and what stands behind it allowed.

    Args:
        kind: the quote's class.
        evidence: at most 64 KiB.
        expected: what is due, for the trace.
        tail: what may stand behind the quote.
        code: of a refusal of what stands there.
        cache: in which sections are that were read before.
        trace: where it is noted.

    Raises:
        MalformedError: as `kind.parse` and `PckChain.parse`, and `code`.
        UntrustedError: `pck.chain-shape`.
    """
    source = "Intel DCAP, appendix A"
    try:
        quote = kind.parse(evidence, cache.read_section)
    except TrothError as error:
        trace.failed("1.format", error, expected=expected, source=source)
        raise
    got = ("version", quote.header.version, "of", quote.size, "bytes")
    trace.held("1.format", expected=expected, got=got, source=source)
    trace.check(
        "1.tail",
        tail is Tail.ANYTHING or not any(quote.tail),
        code,
        expected=tail.value,
        got=(len(quote.tail), "bytes"),
        source="caller",
    )
    return quote


def chosen_collateral(
    sets: Iterable[CollateralSet], chain: PckChain, *, tee: str, at: datetime, trace: Trace
) -> CollateralSet:
    """Return the set to judge the platform of `chain` by, for this TEE and no other.

    Raises:
        StaleError: `collateral.missing`.
    """
    fmspc = chain.extension.fmspc
    try:
        return choose(sets, tee=tee, fmspc=fmspc, ca=chain.intermediate, at=at)
    except TrothError as error:
        trace.failed("3.collateral", error, expected="a set for this platform", source="caller")
        raise


def check_quote_signature(quote: Quote, key: AttestationKey, trace: Trace) -> None:
    """Step 9: the attestation key, a point on its curve, signed header, descriptor and body.

    Raises:
        UntrustedError: `quote.key` or `quote.signature`.
    """
    expected = "signed by the attestation key"
    source = "QE report"
    try:
        key.loaded.verify(quote.section.signature, quote.signed, "quote.signature")
    except TrothError as error:
        trace.failed("9.quote-signature", error, expected=expected, source=source)
        raise
    trace.held("9.quote-signature", expected=expected, got="it is", source=source)


def judge_platform(
    quote: Quote,
    seen: Seen,
    shelf: Shelf[Platform],
    certify: Callable[[], AttestationKey],
    judge: Callable[[], TcbOutcome],
    trace: Trace,
) -> TcbOutcome:
    """Steps 2 (revocation) to 10: step 9 each time, the others now or before.

    Args:
        quote: whose signature is looked at.
        seen: all that `certify` and `judge` rest on.
        shelf: where what they return is kept, once step 9 has held too.
        certify: steps 2 to 8.
        judge: step 10.
        trace: where the rules are noted.

    Raises:
        UntrustedError, StaleError: as `certify` and `judge`; `quote.key`, `quote.signature`.
    """
    platform = seen.find(shelf)
    if platform is None:
        key, certified = seen.noted(certify)
    else:
        key, certified = platform.key, platform.certified
        seen.replay(certified)
    check_quote_signature(quote, key, trace)
    if platform is None:
        outcome, judged = seen.noted(judge)
        seen.keep(shelf, Platform(key, certified, outcome, judged))
        return outcome
    seen.replay(platform.judged)
    return platform.outcome


def check_report_data(
    got: bytes, expected: bytes | type[AnyValue], code: str, trace: Trace
) -> None:
    """Step 11. A short expectation is never a prefix match: the rest must be zero.

    Raises:
        UntrustedError: `code`.
    """
    if isinstance(expected, type):
        trace.skipped("11.report-data", why="no value is expected by the caller")
        return
    if len(expected) > REPORT_DATA_BYTES:
        error = UntrustedError(code, f"{len(expected)} bytes are expected, 64 exist")
        trace.failed("11.report-data", error, expected=expected, source="caller")
        raise error
    due = expected.ljust(REPORT_DATA_BYTES, b"\0")
    trace.check("11.report-data", same(due, got), code, expected=due, got=got, source="caller")
