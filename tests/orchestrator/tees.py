# SPDX-License-Identifier: Apache-2.0
"""The software TEEs under a trothd of the tests: how each is made, and how its report is verified.

A verifier here has the TEE's own anchors and nothing of trothd's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.snp import world
from tests.snp.world import AT
from troth.crypto.x509 import certificates_from_pem
from troth.endorse.arm import parse_cpak_store
from troth.endorse.intel import parse_bundle
from troth.endorse.riscv import parse_roots
from troth.policy import Endorsements, Judgement, Policy
from troth.policy.bundle_judgement import BundleOptions, judge_bundle
from troth.tsm.emulated import cca, cove, snp, tdx
from troth.tsm.emulated.snp.settings import Guest, Service
from troth.verify import (
    Anchor,
    Anchors,
    AnyValue,
    ChipId,
    Revocation,
    WithoutCollateral,
)
from troth.verify.cca import verify_cca
from troth.verify.cove import verify_cove
from troth.verify.snp import verify_snp
from troth.verify.tdx import verify_tdx

HASHES: Final = {
    "sha-256": hashlib.sha256,
    "sha-384": hashlib.sha384,
    "sha-512": hashlib.sha512,
    "sha3-384": hashlib.sha3_384,
}


@dataclass(frozen=True)
class Verified:
    """What a genuine report says: its registers, what extends them, and its privilege level."""

    registers: tuple[bytes, ...]
    algorithm: str = "sha-384"
    vmpl: int | None = None


@dataclass(frozen=True)
class Tee:
    """A kind of software TEE, with the word for its root register."""

    module: Any
    make: Callable[[], Any]
    register: str

    def create_in(self, directory: Path) -> None:
        self.module.create_in(directory, self.make())


def _tdx(quote: bytes, tee: Any, report_data: bytes) -> Verified:
    (root,) = certificates_from_pem(tee.root_pem, most=1)
    verified = verify_tdx(
        quote,
        collateral=[parse_bundle(tee.bundle(), "bundle")],
        anchors=Anchors([Anchor.of(root)]),
        at=AT,
        report_data=report_data,
    )
    return Verified(verified.value.body.rtmrs)


def _snp(report: bytes, tee: Any, report_data: bytes) -> Verified:
    verified = verify_snp(
        report,
        collateral=[tee.collateral()],
        anchors=world.anchors(tee.pki.certificates["ark"]),
        at=AT,
        report_data=report_data,
        revocation=Revocation.REQUIRED,
        chip=ChipId.NAMED,
    )
    return Verified((), vmpl=verified.value.report.vmpl)


def _cca(token: bytes, tee: Any, report_data: bytes) -> Verified:
    anchors = parse_cpak_store(tee.store())
    realm = verify_cca(token, anchors=anchors, at=AT, challenge=report_data).value.token.realm
    return Verified(realm.rems, realm.hash_algorithm)


def _cove(token: bytes, tee: Any, report_data: bytes) -> Verified:
    roots = parse_roots(tee.roots())
    tvm = verify_cove(token, roots=roots, at=AT, challenge=report_data).value.token.tvm
    return Verified(tuple(one.value for one in tvm.runtime), tvm.runtime[0].algorithm.value)


def _realm(algorithm: Any) -> Tee:
    settings = cca.Settings(realm=replace(cca.Settings().realm, hash_algorithm=algorithm))
    return Tee(cca, lambda: cca.SoftwareCca.create(settings, at=AT), "rem3")


def _tvm(algorithm: Any) -> Tee:
    settings = cove.Settings(tvm=replace(cove.Settings().tvm, algorithm=algorithm))
    return Tee(cove, lambda: cove.SoftwareCove.create(settings, at=AT), "runtime3")


def _guest(**settings: Any) -> Tee:
    chosen = replace(world.settings_of(), **settings)
    return Tee(snp, lambda: world.snp(chosen), "none")


TEES: Final = {
    "tdx": Tee(tdx, lambda: tdx.SoftwareTdx.create(at=AT), "rtmr3"),
    "snp": _guest(),
    "snp-vlek-level-2": _guest(guest=Guest(floor=2), signing_key="VLEK"),
    "svsm": _guest(guest=Guest(floor=2), services=(Service(), Service(data="ff" * 300))),
    "cca": _realm("sha-512"),
    "cca-256": _realm("sha-256"),
    "cca-384": _realm("sha-384"),
    "cove": _tvm("sha-384"),
    "cove-sha3": _tvm("sha3-384"),
    "cove-512": _tvm("sha-512"),
}


def judged(bundle: bytes, tee: Any, policy: Policy) -> Judgement:
    """Return the judgement of a whole bundle by what vouches for a software TEE."""
    is_tdx, is_snp = isinstance(tee, tdx.SoftwareTdx), isinstance(tee, snp.SoftwareSnp)
    anchors = (
        [Anchor.of(one) for one in certificates_from_pem(tee.root_pem, most=1)] if is_tdx else ()
    )
    options = BundleOptions(
        collateral=(parse_bundle(tee.bundle(), "bundle"),) if is_tdx else WithoutCollateral,
        anchors=world.anchors(tee.pki.certificates["ark"]) if is_snp else Anchors(anchors),
        at=AT,
        nonce=AnyValue,
        channel=AnyValue,
        policy=policy,
        endorsements=Endorsements(
            snp=(tee.collateral(),) if is_snp else (),
            cpaks=parse_cpak_store(tee.store() if isinstance(tee, cca.SoftwareCca) else b"[]"),
            cove_roots=parse_roots(tee.roots() if isinstance(tee, cove.SoftwareCove) else b"[]"),
        ),
    )
    return judge_bundle(bundle, options)


VERIFIERS: Final[dict[type, Callable[[bytes, Any, bytes], Verified]]] = {
    tdx.SoftwareTdx: _tdx,
    snp.SoftwareSnp: _snp,
    cca.SoftwareCca: _cca,
    cove.SoftwareCove: _cove,
}


def verified(report: bytes, tee: Any, report_data: bytes) -> Verified:
    """Return what a report says that is genuine under the anchors of the software TEE."""
    return VERIFIERS[type(tee)](report, tee, report_data)
