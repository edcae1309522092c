# SPDX-License-Identifier: Apache-2.0
"""A software SEV-SNP in the demo. It has no runtime registers, so its boots are unrooted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from demo.kinds import Forgery, Kind, Options, Other, Real
from troth.crypto.digest import sha384
from troth.crypto.signing_key import SigningKey
from troth.endorse.amd import snp_bundle
from troth.evidence.snp import SnpReport
from troth.tsm.emulated.snp import SoftwareSnp, load

__all__ = ["SNP"]

_REAL_AT: Final = ("--at", "2026-03-31")


def _anchor(guest: Path) -> Options:
    return ("--root", guest / "root.pem")


def _endorsed(guest: Path) -> Options:
    return ("--collateral", guest / "collateral.json")


def _measured(report: bytes) -> bytes:
    return SnpReport.parse(report).measurement


def _another_guest(guest: Path, report_data: bytes) -> bytes:
    """Return the report of another image, launched on the same chip."""
    tee = load(guest)
    image = replace(tee.settings.guest, measurement=sha384(b"another image").hex())
    settings = replace(tee.settings, guest=image)
    return SoftwareSnp(settings, tee.at, tee.pki, crl=tee.crl).report(report_data)


def _forgeries(guest: Path, nonce: bytes) -> Iterator[Forgery]:
    tee = load(guest)
    yield Forgery(
        title="another key than the chip's, under its genuine certificate",
        evidence=tee.report(nonce, signed_by=SigningKey.generate("P-384")),
        code="snp.signature",
    )
    yield Forgery(
        title="a genuine report that was made for somebody else's nonce",
        evidence=tee.report(secrets.token_bytes(64)),
        code="snp.report-data",
    )
    revoking = guest / "revoking"
    revoking.mkdir()
    # The chip's own certificate has the serial number 0, so AMD's list names what certified it.
    (revoking / "ark.crl").write_bytes(tee.pki.crl(revoked=("ask",)))
    (revoking / "chip.json").write_bytes(snp_bundle(replace(tee.collateral(), crl=None)))
    yield Forgery(
        title="a chip whose certifying key AMD has revoked",
        evidence=tee.report(nonce),
        code="chain.revoked",
        trust=(*_anchor(guest), "--collateral", revoking),
    )


def _real(report: str, chip: str, product: str, *, code: str | None = None) -> Real:
    named = (f"sev-{product}-{chip}.der", f"ask_ark_{product}.pem")
    given = tuple(one for name in named for one in ("--collateral", Path("snp-certs") / name))
    listed: Options = ("--without-crl",) if code is None else ()
    return Real(
        file=f"snp/snp-v3-{product}-vcek-{report}.report",
        options=(*given, *listed, *_REAL_AT),
        verdict="genuine" if code is None else "stale",
        anchor=f"amd-ark-{product}" if code is None else None,
        code=code,
    )


SNP: Final = Kind(
    tee="snp",
    name="SEV-SNP",
    word="report",
    anchor=_anchor,
    endorsed=_endorsed,
    served=lambda guest: (*_anchor(guest), *_endorsed(guest)),
    stranger="chain.root",
    status=None,
    root="none",
    measured=_measured,
    signature="snp.signature",
    other=Other(
        title="SNP measures at launch alone: another image is launched on the same chip",
        evidence=_another_guest,
    ),
    forgeries=_forgeries,
    real=(
        _real("e75e8d4e", "27c3ccfc", "milan"),
        _real("4ae0e73a", "1b40c122", "genoa"),
        _real("4ae0e73a", "1b40c122", "genoa", code="crl.missing"),
    ),
    real_title="two of AMD's own chips, and one of them again without a revocation list",
)
"""Secure Encrypted Virtualization, Secure Nested Paging."""
