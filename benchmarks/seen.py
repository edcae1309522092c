# SPDX-License-Identifier: Apache-2.0
"""Judgements with a cache, and how much of their evidence was seen before.

    tdx-hot            attestation key, chain and collateral seen; the quote is new
    tdx-warm           chain and collateral seen; QE report and quote are new
    tdx-chain-new      collateral and CAs seen; PCK certificate, QE report and quote are new
    snp-seen           chain of the VCEK seen; the report is new
    snp-new            CAs seen; VCEK and report are new

What must be new comes from a ring with more members than the cache holds, so that none is found.
dcap-qvl and go-tdx-guest remember nothing: they do the same work whatever they saw before.
go-sev-guest keeps root certificates and revocation list decoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Final, NamedTuple

import dcap_qvl  # type: ignore[import-untyped]  # the wheel ships stubs without a marker
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from benchmarks.cases import AT, Case, p256_limit, software_tdx, times
from benchmarks.go_peers import GoPeers, snp_files, tdx_files
from benchmarks.rates import Contender, Here
from troth.crypto.issue import CertificateSpec
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.x509 import Certificate
from troth.endorse.amd import LeafCertificate, SnpCollateral
from troth.endorse.intel import parse_bundle
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import Anchor, Anchors, AnyValue, Cache, ChipId, Revocation
from troth.verify.snp import verify_snp
from troth.verify.tdx import verify_tdx

__all__ = ["seen_cases", "snp_seen", "tdx_hot"]

_HELD: Final = 16
_RING: Final = 64  # more than are held

Work = Callable[[], object]


class _Ring(NamedTuple):
    """One case of TDX: what is judged in turn, its signatures, and the bars."""

    name: str
    what: str
    quotes: list[bytes]
    signatures: int
    bars: dict[str, float]


def seen_cases(peers: GoPeers | None) -> Iterator[Case]:
    """Return the cases in the order in which they are measured."""
    yield from _tdx_cases(peers)
    yield from _snp_cases(peers)


def tdx_hot() -> Work:
    """Return one judgement of a quote whose platform was seen before."""
    tee = software_tdx()
    return _judging_tdx(tee, [tee.quote(bytes(64))])


def snp_seen() -> Work:
    """Return one judgement of a report whose VCEK was seen before."""
    tee = SoftwareSnp.create(at=AT)
    collateral = tee.collateral()
    return _judging_snp(tee.report(bytes(64)), collateral, lambda: collateral)


def p384_limit() -> Work:
    """Return one P-384 verification as `cryptography` does it, with the key loaded."""
    private, algorithm = ec.generate_private_key(ec.SECP384R1()), ec.ECDSA(hashes.SHA384())
    message = bytes(0x2A0)  # as long as what a report's signature covers
    signature = private.sign(message, algorithm)
    public = private.public_key()
    return lambda: public.verify(signature, message, algorithm)


def _tdx_cases(peers: GoPeers | None) -> Iterator[Case]:
    tee = software_tdx()
    pki, bundle = tee.pki, tee.bundle()
    root, seconds = pki.certificates["root"], int(AT.timestamp())
    given = dcap_qvl.QuoteCollateralV3.from_json(bundle.decode())
    limit = p256_limit()

    def peer(ring: list[bytes]) -> Work:
        turn = cycle(ring)
        return lambda: dcap_qvl.verify_with_root_ca(next(turn), given, root, seconds)

    for ring in _rings(tee):
        contenders: dict[str, Contender] = {
            "troth": Here(_judging_tdx(tee, ring.quotes)),
            "dcap-qvl": Here(peer(ring.quotes)),
            f"P-256 limit / {ring.signatures}": Here(times(limit, ring.signatures)),
        }
        if peers is not None:
            files = tdx_files(ring.quotes, tee.root_pem, bundle)
            contenders["go-tdx-guest"] = peers.peer("tdx", ring.name, files, AT)
        yield Case(ring.name, ring.what, contenders, ring.bars)


def _rings(tee: SoftwareTdx) -> tuple[_Ring, ...]:
    pki = tee.pki

    def serial(number: int) -> Callable[[CertificateSpec], CertificateSpec]:
        return lambda spec: dataclasses.replace(spec, serial=number)

    chains = (pki.pck_chain(leaf=pki.certificate("pck", serial(n + 2**64))) for n in range(_RING))
    return (
        _Ring(
            "tdx-hot",
            "attestation key, chain and collateral seen; the quote is new",
            [tee.quote(bytes(64))],
            1,
            {"P-256 limit / 1": 0.8, "dcap-qvl": 8},
        ),
        _Ring(
            "tdx-warm",
            "chain and collateral seen; QE report and quote are new",
            [tee.quote(bytes(64)) for _ in range(_RING)],  # each with a QE report signed anew
            2,
            {"dcap-qvl": 4},
        ),
        _Ring(
            "tdx-chain-new",
            "collateral and CAs seen; PCK certificate and below are new",
            [tee.quote(bytes(64), chain=chain) for chain in chains],
            3,
            {"dcap-qvl": 1.8},
        ),
    )


def _judging_tdx(tee: SoftwareTdx, ring: list[bytes]) -> Work:
    sets = [parse_bundle(tee.bundle(), "bundle")]
    anchors = Anchors([Anchor.of(Certificate(tee.pki.certificates["root"]))])
    cache, turn = Cache(most=_HELD), cycle(ring)
    return lambda: verify_tdx(
        next(turn), collateral=sets, anchors=anchors, at=AT, report_data=AnyValue, cache=cache
    )


def _snp_cases(peers: GoPeers | None) -> Iterator[Case]:
    tee = SoftwareSnp.create(at=AT)
    collateral, report = tee.collateral(), tee.report(bytes(64))
    limit = Here(p384_limit())

    def leaf(number: int) -> bytes:
        return tee.pki.certificate("vcek", lambda spec: dataclasses.replace(spec, serial=number))

    leaves = [leaf(n) for n in range(_RING)]
    turn = cycle(leaves)

    def new() -> SnpCollateral:
        certificate = PssCertificate(next(turn))
        return replace(collateral, leaf=LeafCertificate.of(certificate))

    for name, what, given, vceks, bars in (
        (
            "snp-seen",
            "chain of the VCEK seen; the report is new",
            lambda: collateral,
            [collateral.leaf.certificate.der],
            {"P-384 limit": 0.9, "go-sev-guest": 2.4},
        ),
        (
            "snp-new",
            "CAs seen; VCEK, from its bytes, and report are new",
            new,
            leaves,
            {"go-sev-guest": 1.8},
        ),
    ):
        contenders: dict[str, Contender] = {
            "troth": Here(_judging_snp(report, collateral, given)),
            "P-384 limit": limit,
        }
        if peers is not None:
            files = snp_files(report, collateral, vceks)
            contenders["go-sev-guest"] = peers.peer("snp", name, files, AT)
        yield Case(name, what, contenders, bars)


def _judging_snp(
    report: bytes, collateral: SnpCollateral, next_set: Callable[[], SnpCollateral]
) -> Work:
    anchors, cache = Anchors([Anchor.of(collateral.root)]), Cache(most=_HELD)
    return lambda: verify_snp(
        report,
        collateral=[next_set()],
        anchors=anchors,
        at=AT,
        report_data=AnyValue,
        revocation=Revocation.REQUIRED,
        chip=ChipId.NAMED,
        cache=cache,
    )
