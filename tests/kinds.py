# SPDX-License-Identifier: Apache-2.0
"""Sound evidence of every kind, what vouches for it, and the files that tell the program so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.snp import world
from tests.tdx import AT
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.crypto.tpm_certificate import TpmCertificate
from troth.crypto.x509 import Certificate
from troth.endorse.arm import parse_cpak_store
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.endorse.riscv import parse_roots
from troth.evidence.detect import Tee
from troth.policy import Endorsements, JudgeOptions
from troth.tsm.emulated.azure import Settings as AzureSettings
from troth.tsm.emulated.azure import SoftwareAzure
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.sgx import SoftwareSgx
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tpm import Settings as TpmSettings
from troth.tsm.emulated.tpm import SoftwareTpm
from troth.verify import Anchor, Anchors, WithoutCollateral
from troth.verify.anchors import Keyed

CHALLENGE: Final = bytes(range(64))
_NOTHING: Final = Endorsements()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Sound evidence for `CHALLENGE`, what it is judged by, and that as files with options."""

    evidence: bytes
    options: JudgeOptions
    files: Mapping[str, bytes]
    arguments: tuple[str, ...]

    def written(self, folder: Path) -> tuple[str, ...]:
        """Write evidence and files to a folder; return the arguments of a sound judgement."""
        for name, data in {"evidence": self.evidence, **self.files}.items():
            (folder / name).write_bytes(data)
        placed = (str(folder / one) if one in self.files else one for one in self.arguments)
        return (str(folder / "evidence"), *placed, "--at", "2026-11-01T12:00:00Z")


@cache
def example(tee: Tee) -> Example:
    """Return the example of a kind, made once."""
    return _MAKERS[tee]()


def _options(
    *,
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral] = WithoutCollateral,
    root: Keyed | None = None,
    endorsements: Endorsements = _NOTHING,
) -> JudgeOptions:
    return JudgeOptions(
        collateral=collateral,
        anchors=Anchors(() if root is None else [Anchor.of(root)]),
        at=AT,
        report_data=CHALLENGE,
        policy=None,
        endorsements=endorsements,
    )


def _intel(tee: SoftwareTdx | SoftwareSgx) -> Example:
    root = Certificate(tee.pki.certificates["root"])
    return Example(
        evidence=tee.quote(CHALLENGE),
        options=_options(collateral=(parse_bundle(tee.bundle(), "bundle"),), root=root),
        files={"root.pem": tee.root_pem, "bundle.json": tee.bundle()},
        arguments=("--root", "root.pem", "--collateral", "bundle.json"),
    )


def _snp() -> Example:
    tee = world.snp()
    root = PssCertificate(tee.pki.certificates["ark"])
    return Example(
        evidence=tee.report(CHALLENGE),
        options=_options(root=root, endorsements=Endorsements(snp=(tee.collateral(),))),
        files={"root.pem": tee.root_pem, "bundle.json": tee.bundle()},
        arguments=("--root", "root.pem", "--collateral", "bundle.json"),
    )


def _cca() -> Example:
    tee = SoftwareCca.create(at=AT)
    return Example(
        evidence=tee.token(CHALLENGE),
        options=_options(endorsements=Endorsements(cpaks=parse_cpak_store(tee.store()))),
        files={"cpak.json": tee.store()},
        arguments=("--cpak", "cpak.json"),
    )


def _cove() -> Example:
    tee = SoftwareCove.create(at=AT)
    return Example(
        evidence=tee.token(CHALLENGE),
        options=_options(endorsements=Endorsements(cove_roots=parse_roots(tee.roots()))),
        files={"roots.json": tee.roots()},
        arguments=("--root", "roots.json"),
    )


def _tpm() -> Example:
    tee = SoftwareTpm.create(at=AT)
    root = TpmCertificate(tee.pki.certificates["root"])
    return Example(
        evidence=tee.evidence(CHALLENGE),
        options=_options(root=root),
        files={"root.pem": tee.root_pem},
        arguments=("--root", "root.pem"),
    )


def _azure() -> Example:
    hardware = world.snp()
    tee = SoftwareAzure(
        AzureSettings(), hardware, SoftwareTpm.create(TpmSettings(key="RSA"), at=AT)
    )
    held = hardware.pki.certificates
    root = PssCertificate(held["ark"])
    return Example(
        evidence=tee.evidence(CHALLENGE),
        options=_options(
            root=root,
            endorsements=Endorsements(
                amd_certificates=(PssCertificate(held["ask"]), root),
                amd_crls=(PssCrl(hardware.crl),),
            ),
        ),
        files={
            "root.pem": hardware.root_pem,
            "ask.der": held["ask"],
            "ark.der": held["ark"],
            "ark.crl": hardware.crl,
        },
        arguments=(
            *("--root", "root.pem", "--collateral", "ask.der"),
            *("--collateral", "ark.der", "--collateral", "ark.crl"),
        ),
    )


_MAKERS: Final[Mapping[Tee, Callable[[], Example]]] = {
    "tdx": lambda: _intel(SoftwareTdx.create(at=AT)),
    "sgx": lambda: _intel(SoftwareSgx.create(at=AT)),
    "snp": _snp,
    "cca": _cca,
    "cove": _cove,
    "tpm": _tpm,
    "azure": _azure,
}
