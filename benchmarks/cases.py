# SPDX-License-Identifier: Apache-2.0
"""What is measured: contenders that do the same work on the same bytes.

The evidence is a software TD's, so that the benchmark runs anywhere; its shape and sizes are those
of real quotes. Peers get the software root as their own, and troth the same. The FMSPC has no
letters: go-tdx-guest 0.3.1 compares it with the text of the TCB info in lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dcap_qvl  # type: ignore[import-untyped]  # the wheel ships stubs without a marker
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from benchmarks.go_peers import GoPeers, tdx_files
from benchmarks.rates import Contender, Here
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.verify import Anchor, Anchors, AnyValue
from troth.verify.tdx import verify_tdx

AT = datetime(2026, 9, 1, tzinfo=UTC)

# Signatures that a judgement from nothing but bytes rests on: root on itself, CA, PCK, two
# revocation lists, TCB signer, TCB info, QE identity, QE report, quote.
COLD_SIGNATURES = 10


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work, and who does it; `troth` is always among the contenders.

    Attributes:
        name: of the case.
        what: the work, in words.
        contenders: who does it.
        bars: how many times as often as a contender troth is to do it.
    """

    name: str
    what: str
    contenders: dict[str, Contender]
    bars: Mapping[str, float] = field(default_factory=dict)


def software_tdx() -> SoftwareTdx:
    """Return the machine whose quotes are verified."""
    settings = Settings()
    platform = replace(settings.platform, fmspc="900000000000")
    return SoftwareTdx.create(replace(settings, platform=platform), at=AT)


def all_cases(peers: GoPeers | None) -> Iterator[Case]:
    """Return the cases in the order in which they are measured."""
    tee = software_tdx()
    quote, bundle = tee.quote(bytes(64)), tee.bundle()
    root = x509.load_pem_x509_certificate(tee.root_pem).public_bytes(Encoding.DER)
    anchors = Anchors([Anchor.of(Certificate(root))])
    seconds = int(AT.timestamp())
    limit = Here(times(p256_limit(), COLD_SIGNATURES))

    def ours(evidence: bytes, collateral: bytes) -> object:
        sets = [parse_bundle(collateral, "bundle")]
        return verify_tdx(evidence, collateral=sets, anchors=anchors, at=AT, report_data=AnyValue)

    def peer(evidence: bytes, collateral: str) -> object:
        parsed = dcap_qvl.QuoteCollateralV3.from_json(collateral)
        return dcap_qvl.verify_with_root_ca(evidence, parsed, root, seconds)

    text = bundle.decode()
    ready = [parse_bundle(bundle, "bundle")]
    peer_ready = dcap_qvl.QuoteCollateralV3.from_json(text)
    cold: dict[str, Contender] = {
        "troth": Here(lambda: ours(quote, bundle)),
        "dcap-qvl": Here(lambda: peer(quote, text)),
        f"P-256 limit / {COLD_SIGNATURES}": limit,
    }
    if peers is not None:
        files = tdx_files([quote], tee.root_pem, bundle)
        cold["go-tdx-guest"] = peers.peer("tdx", "tdx-cold", files, AT)
    yield Case("tdx-cold", "TDX quote and collateral from bytes, nothing seen before", cold)
    yield Case(
        "tdx-collateral-parsed",
        "TDX quote from bytes, collateral parsed before and verified anew each time",
        {
            "troth": Here(
                lambda: verify_tdx(
                    quote, collateral=ready, anchors=anchors, at=AT, report_data=AnyValue
                )
            ),
            "dcap-qvl": Here(
                lambda: dcap_qvl.verify_with_root_ca(quote, peer_ready, root, seconds)
            ),
            f"P-256 limit / {COLD_SIGNATURES}": limit,
        },
    )
    yield Case(
        "tdx-parse",
        "TDX quote parsed, its certificates not",
        {
            "troth": Here(lambda: TdxQuote.parse(quote)),
            "dcap-qvl": Here(lambda: dcap_qvl.parse_quote(quote)),
        },
    )
    yield Case(
        "tdx-parse-chain",
        "TDX quote parsed, with PCK chain and SGX extension",
        {"troth": Here(lambda: TdxQuote.parse(quote).pck_chain.extension)},
    )
    yield Case(
        "collateral-parse",
        "collateral bundle parsed",
        {
            "troth": Here(lambda: parse_bundle(bundle, "bundle")),
            "dcap-qvl": Here(lambda: dcap_qvl.QuoteCollateralV3.from_json(text)),
        },
    )


def p256_limit() -> Callable[[], object]:
    """Return one P-256 verification as `cryptography` does it, with the key loaded."""
    private = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(hashes.SHA256())
    message = bytes(632)  # as long as what a quote's signature covers
    signature = private.sign(message, algorithm)
    public = private.public_key()
    return lambda: public.verify(signature, message, algorithm)


def times(work: Callable[[], object], number: int) -> Callable[[], object]:
    """Return work that does `work` so many times."""

    def repeated() -> None:
        for _ in range(number):
            work()

    return repeated
