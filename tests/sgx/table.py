# SPDX-License-Identifier: Apache-2.0
"""What the SGX tables share: a sound platform, ways to make one fault, and what is due.

As in `tests/negative/table.py`: every fault is signed over again under the test root. The platform
is that of the TDX tables, with the same keys and certificates, so that the faults of chains and
lists are transposed from there and not written twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import Accepted, Change, Due, Refused, Which, expected
from tests.tdx import AT, REPORT_DATA
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import TrothError
from troth.evidence.intel import EnclaveReport, QuoteHeader, SignatureSection
from troth.evidence.sgx import SgxQuote
from troth.evidence.tdx import TdxQuote
from troth.policy import parse_policy
from troth.policy.sgx import SgxPolicy, appraise_sgx
from troth.policy.sgx_template import policy_template_sgx
from troth.tsm.emulated.sgx import SgxSettings, SoftwareSgx
from troth.tsm.emulated.sgx.settings import QuoteVersion
from troth.tsm.emulated.tdx.documents import Document
from troth.verify import Anchor, Anchors, AnyValue, Cache, NoCache, Tail, Trace, WithoutCollateral
from troth.verify.sgx import SgxFacts, verify_sgx

VERSIONS: Final[tuple[QuoteVersion, ...]] = (3, 4, 5)
SOUND: Final = SgxSettings(platform=tdx.TEE.settings.platform)
TEE: Final = SoftwareSgx(SOUND, AT, tdx.PKI, tdx.TEE.secret)
OTHER: Final = SoftwareSgx.create(at=AT)
PKI: Final = TEE.pki
QUOTE: Final = TEE.quote(REPORT_DATA)
BUNDLE: Final = TEE.bundle()
EVIL: Final = PrivateKey.generate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    tee: SoftwareSgx = TEE
    quote: bytes = QUOTE
    bundles: tuple[bytes, ...] | type[WithoutCollateral] = (BUNDLE,)
    at: datetime = AT
    report_data: bytes | type[AnyValue] = REPORT_DATA
    floor: int = 0
    tail: Tail = Tail.ZEROS
    policy: str | None = None
    qe_mr_signer: bytes | None = None  # fixed in the anchor, as it is in Intel's
    cache: Cache | type[NoCache] = NoCache


Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge: `parse_bundle`, `verify_sgx`, and `appraise_sgx` if there is a policy.

    Anything but a TrothError escapes: it would be our bug.
    """
    try:
        facts = judged(given)
    except TrothError as error:
        return Refused(error.code, type(error).__name__)
    if facts.tcb is None:
        return Accepted("unknown", (), facts.trailing_bytes, None)
    tcb = facts.tcb
    return Accepted(facts.status, tcb.advisories, facts.trailing_bytes, tcb.evaluation_number)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def judged(given: Given) -> SgxFacts:
    """Return the facts that are found, or raise what is raised."""
    anchor = Anchor.of(Certificate(given.tee.pki.certificates["root"]))
    verified = verify_sgx(
        given.quote,
        collateral=_collateral(given),
        anchors=Anchors([replace(anchor, sgx_qe_mr_signer=given.qe_mr_signer)]),
        at=given.at,
        report_data=given.report_data,
        evaluation_floor=given.floor,
        tail=given.tail,
        cache=given.cache,
    )
    if given.policy is not None:
        appraise_sgx(verified, section(given.policy), name="p.toml", trace=Trace())
    return verified.value


def section(text: str) -> SgxPolicy:
    """Return the section of a policy, by the parser of policies."""
    found = parse_policy(text.encode(), "p.toml").sgx
    assert found is not None
    return found


def _collateral(given: Given) -> tuple[CollateralSet, ...] | type[WithoutCollateral]:
    if isinstance(given.bundles, type):
        return WithoutCollateral
    return tuple(parse_bundle(one, f"bundle {n}") for n, one in enumerate(given.bundles))


# --- quotes ---------------------------------------------------------------------------------------


def on(settings: SgxSettings, **changes: Change) -> Given:
    """Return a sound platform of its own kind, its quote and its own collateral."""
    tee = SoftwareSgx.create(settings, at=AT)
    return Given(tee=tee, quote=tee.quote(REPORT_DATA, **changes), bundles=(tee.bundle(),))


def quoted(**changes: Change) -> Given:
    """Return the sound platform with another quote; see `SoftwareSgx.quote`."""
    return Given(quote=TEE.quote(REPORT_DATA, **changes))


def header(form: QuoteVersion = 3, **fields: Change) -> Given:
    """Another header on a quote laid out in the format `form`."""

    def change(one: QuoteHeader) -> QuoteHeader:
        return replace(one, **fields)

    return quoted(version=form, header=change)


def body(version: QuoteVersion = 3, **fields: Change) -> Given:
    def change(one: EnclaveReport) -> EnclaveReport:
        return replace(one, **fields)

    return quoted(version=version, body=change)


def enclave(**fields: Change) -> Given:
    """Another report of the quoting enclave."""

    def change(one: EnclaveReport) -> EnclaveReport:
        return replace(one, **fields)

    return quoted(qe_report=change)


def unsigned(version: QuoteVersion = 3, **fields: Change) -> Given:
    """Change the signature section of the sound quote, and sign nothing again."""

    def change(one: SignatureSection) -> SignatureSection:
        return replace(one, **fields)

    return quoted(version=version, section=change)


def flipped(given: Given, at: int) -> Given:
    """Flip one bit of the quote, and sign nothing again."""
    quote = bytearray(given.quote)
    quote[at] ^= 1
    return dataclasses.replace(given, quote=bytes(quote))


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
    return bundled(**{which: text, f"{which}_signature": signature})


# --- from the TDX tables --------------------------------------------------------------------------


def chain_of(make: Callable[[], tdx.Given]) -> Given:
    """The PCK chain of a TDX case, in an SGX quote; the CA's and root's changes are there too."""
    given = make()
    chain = TdxQuote.parse(given.quote).section.certification_data
    assert not isinstance(given.bundles, type)
    lists = _lists_of(given.bundles[0]) if given.bundles else None
    return Given(
        quote=TEE.quote(REPORT_DATA, chain=chain), bundles=() if lists is None else (lists,)
    )


def _lists_of(text: bytes) -> bytes:
    """Return a bundle with the lists and issuer chains of a TDX case, and SGX's documents."""
    theirs = tdx.parsed(text.decode())
    documents = {"tcb_info", "tcb_info_signature", "qe_identity", "qe_identity_signature"}
    own = tdx.parsed(BUNDLE.decode())
    members = {name: own[name] if name in documents else theirs[name] for name in theirs}
    return msgspec.json.encode(members)


# --- policy ---------------------------------------------------------------------------------------

POLICY: Final = policy_template_sgx(SgxQuote.parse(QUOTE), "the sound quote")


def under(given: Given, **keys: str) -> Given:
    """Judge by the policy of the sound quote, with other TOML values for some keys."""
    lines = POLICY.splitlines()
    for key, value in keys.items():
        at = [n for n, line in enumerate(lines) if line.startswith(f"{key} = ")]
        assert len(at) == 1, key
        lines[at[0]] = f"{key} = {value}"
    return dataclasses.replace(given, policy="\n".join(lines))
