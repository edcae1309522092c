# SPDX-License-Identifier: Apache-2.0
"""What the negative tables share: a sound platform, ways to make one fault, and what is due.

A case is a function that makes what is judged, and the code that is due, or the outcome where the
row is accepted. Every fault is signed over again under the test root, so that nothing but the
named thing is wrong; `test_sound.py` shows that the original is accepted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA
from troth.crypto.issue import CertificateSpec, Name, certificate_pem
from troth.crypto.issue_crl import CrlSpec
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import CODES, DeniedError, TrothError
from troth.evidence.intel import EnclaveReport, SignatureSection
from troth.evidence.tdx import QuoteHeader, TdReportBody
from troth.policy import JudgeOptions, judge, parse_policy
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.tsm.emulated.tdx.documents import Document
from troth.tsm.emulated.tdx.pki import Issuer, Role
from troth.verify import Anchor, Anchors, AnyValue, Cache, NoCache, Tail, WithoutCollateral
from troth.verify.tdx import TdxFacts, verify_tdx

Which = Literal["tcb_info", "qe_identity"]
Change = Any  # the keyword arguments of QuoteChanges, of a spec or of a struct, by a case's choice

DAY: Final = timedelta(days=1)
SOUND: Final = Settings()
TEE: Final = SoftwareTdx.create(SOUND, at=AT)
OTHER: Final = SoftwareTdx.create(SOUND, at=AT)
PKI: Final = TEE.pki
QUOTE: Final = TEE.quote(REPORT_DATA)
BUNDLE: Final = TEE.bundle()
EVIL: Final = PrivateKey.generate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    tee: SoftwareTdx = TEE
    quote: bytes = QUOTE
    bundles: tuple[bytes, ...] | type[WithoutCollateral] = (BUNDLE,)
    at: datetime = AT
    report_data: bytes | type[AnyValue] = REPORT_DATA
    floor: int = 0
    tail: Tail = Tail.ZEROS
    policy: bytes | None = None
    td_qe_mr_signer: bytes | None = None  # fixed in the anchor, as it is in Intel's
    cache: Cache | type[NoCache] = NoCache
    seen: Given | None = None  # what was judged before, and is remembered


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as."""

    status: str = "UpToDate"
    advisories: tuple[str, ...] = ()
    trailing: int = 0
    number: int | None = 20


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path: `parse_bundle` and `verify_tdx`, or `judge` if there is a policy.

    Anything but a TrothError escapes: it would be our bug.
    """
    try:
        if given.policy is not None:
            return _appraised(given, given.policy)
        return _accepted(judged(_remembered(given)))
    except TrothError as error:
        return Refused(error.code, type(error).__name__)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


def _remembered(given: Given) -> Given:
    """Return the same with a cache that knows what was judged before, if a case says so."""
    if given.seen is None:
        return given
    cache = Cache(most=8)
    judged(dataclasses.replace(given.seen, cache=cache))
    return dataclasses.replace(given, cache=cache)


def _collateral(given: Given) -> tuple[CollateralSet, ...] | type[WithoutCollateral]:
    if isinstance(given.bundles, type):
        return WithoutCollateral
    return tuple(parse_bundle(one, f"bundle {n}") for n, one in enumerate(given.bundles))


def _anchors(tee: SoftwareTdx, td_qe_mr_signer: bytes | None = None) -> Anchors:
    anchor = Anchor.of(Certificate(tee.pki.certificates["root"]))
    return Anchors([replace(anchor, td_qe_mr_signer=td_qe_mr_signer)])


def judged(given: Given) -> TdxFacts:
    """Return the facts that the library finds, or raise what it raises."""
    return verify_tdx(
        given.quote,
        collateral=_collateral(given),
        anchors=_anchors(given.tee, given.td_qe_mr_signer),
        at=given.at,
        report_data=given.report_data,
        evaluation_floor=given.floor,
        tail=given.tail,
        cache=given.cache,
    ).value


def _accepted(facts: TdxFacts) -> Accepted:
    tcb = facts.tcb
    if tcb is None:
        return Accepted("unknown", (), facts.trailing_bytes, None)
    return Accepted(facts.status, tcb.advisories, facts.trailing_bytes, tcb.evaluation_number)


def _appraised(given: Given, policy: bytes) -> Refused | Accepted:
    judgement = judge(
        given.quote,
        JudgeOptions(
            collateral=_collateral(given),
            anchors=_anchors(given.tee),
            at=given.at,
            report_data=given.report_data,
            policy=parse_policy(policy, "policy.toml"),
            tail=given.tail,
        ),
    )
    if judgement.code is not None:
        denied = judgement.error_class == DeniedError.__name__
        assert judgement.verdict != "accepted"
        assert (judgement.facts is not None) == denied, "only genuine facts are shown"
        return Refused(judgement.code, judgement.error_class or "")
    assert (judgement.verdict, judgement.appraised) == ("accepted", True)
    assert judgement.tcb is not None
    tcb, trailing = judgement.tcb, judgement.trailing_bytes or 0
    return Accepted(tcb.status, tcb.advisories, trailing, tcb.evaluation_number)


# --- quotes ---------------------------------------------------------------------------------------


def on(settings: Settings, *, version: Literal[4, 5] = 4, **changes: Change) -> Given:
    """Return a sound platform of its own kind, its quote and its own collateral."""
    tee = SoftwareTdx.create(settings, at=AT)
    quote = tee.quote(REPORT_DATA, version=version, **changes)
    return Given(tee=tee, quote=quote, bundles=(tee.bundle(),))


def quoted(**changes: Change) -> Given:
    """Return the sound platform with another quote; see `SoftwareTdx.quote`."""
    return Given(quote=TEE.quote(REPORT_DATA, **changes))


def header(**fields: Change) -> Given:
    def change(one: QuoteHeader) -> QuoteHeader:
        return replace(one, **fields)

    return quoted(header=change)


def body(version: Literal[4, 5] = 4, **fields: bytes) -> Given:
    def change(one: TdReportBody) -> TdReportBody:
        return replace(one, **fields)

    return quoted(version=version, body=change)


def enclave(**fields: Change) -> Given:
    def change(one: EnclaveReport) -> EnclaveReport:
        return replace(one, **fields)

    return quoted(qe_report=change)


def section(**fields: Change) -> Given:
    """Change the signature section of the sound quote, and sign nothing again."""

    def change(one: SignatureSection) -> SignatureSection:
        return replace(one, **fields)

    return quoted(section=change)


def flipped(given: Given, at: int) -> Given:
    """Flip one bit of the quote, and sign nothing again."""
    quote = bytearray(given.quote)
    quote[at] ^= 1
    return dataclasses.replace(given, quote=bytes(quote))


# --- certificates and lists -----------------------------------------------------------------------


def named(common_name: str) -> Name:
    """Return a name of the test platform."""
    return dataclasses.replace(PKI.spec("root").subject, common_name=common_name)


def certificate(role: Role, *, signed_by: PrivateKey | None = None, **fields: Change) -> bytes:
    """Issue the certificate of a role again with other fields of its spec, DER."""

    def change(spec: CertificateSpec) -> CertificateSpec:
        return dataclasses.replace(spec, **fields)

    return PKI.certificate(role, change, signed_by=signed_by)


def chained(**places: bytes) -> Given:
    """Return the sound quote with other certificates in its PCK chain."""
    return quoted(chain=PKI.pck_chain(**places))


def pem(*certificates: bytes) -> bytes:
    return certificate_pem(*certificates)


def crl(issuer: Issuer, *, signed_by: PrivateKey | None = None, **fields: Change) -> bytes:
    """Issue the list of a CA again with other fields of its spec, DER."""

    def change(spec: CrlSpec) -> CrlSpec:
        return dataclasses.replace(spec, **fields)

    return PKI.crl(issuer, change, signed_by=signed_by)


# --- collateral -----------------------------------------------------------------------------------


def endorsed(**changes: Change) -> Given:
    """Return the sound quote with other collateral; see `CollateralChanges`."""
    return Given(bundles=(TEE.collateral(**changes).json(),))


def bundled(**fields: str) -> Given:
    """Return the sound quote with other members in the bundle, and sign nothing again."""
    return Given(bundles=(replace(TEE.collateral(), **fields).json(),))


def info(change: Callable[[Document], object]) -> Given:
    return endorsed(tcb_info=change)


def identity(change: Callable[[Document], object]) -> Given:
    return endorsed(qe_identity=change)


def instant(days: float) -> str:
    return (AT + days * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(which: Which, **fields: Change) -> Given:
    """Sign one document again with other members at its top."""

    def change(one: Document) -> None:
        one.update(fields)

    return info(change) if which == "tcb_info" else identity(change)


def written(which: Which, spell: Callable[[str], str]) -> Given:
    """Spell one document in another way and sign that spelling."""
    bundle = TEE.collateral()
    text = spell(getattr(bundle, which))
    signature = PKI.keys["tcb-signing"].sign(text.encode()).hex()
    changed = replace(bundle, **{which: text, f"{which}_signature": signature})
    return Given(bundles=(changed.json(),))


def levels(document: Document) -> list[Document]:
    found: list[Document] = document["tcbLevels"]
    return found


def newest(document: Document) -> Document:
    found: Document = levels(document)[0]["tcb"]
    return found


def modules(document: Document) -> list[Document]:
    found: list[Document] = document["tdxModuleIdentities"]
    return found


def parsed(document: str) -> Document:
    found: Document = msgspec.json.decode(document)
    return found
