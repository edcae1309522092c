# SPDX-License-Identifier: Apache-2.0
"""A software TDX in the demo."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from demo.kinds import Forgery, Kind, Options, Other, Real
from troth.crypto.p256 import PrivateKey
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import load

__all__ = ["TDX"]

_AT: Final = ("--collateral", Path("intel-collateral"), "--at", "1774995607")


def _anchor(td: Path) -> Options:
    return ("--root", td / "root.pem")


def _endorsed(td: Path) -> Options:
    return ("--collateral", td / "collateral.json")


def _measured(quote: bytes) -> bytes:
    return TdxQuote.parse(quote).body.mr_td


def _forgeries(td: Path, nonce: bytes) -> Iterator[Forgery]:
    tee = load(td)
    yield Forgery(
        title="another attestation key, under the genuine QE report",
        evidence=tee.quote(nonce, attestation_key=PrivateKey.generate()),
        code="qe.binding",
    )
    yield Forgery(
        title="a genuine quote that was made for somebody else's nonce",
        evidence=tee.quote(secrets.token_bytes(64)),
        code="tdx.report-data",
    )
    revoking = td / "revoking.json"
    revoked = tee.pki.crl("platform-ca", revoked=(tee.pki.serial("pck"),))
    revoking.write_bytes(tee.collateral(pck_crl=revoked).json())
    yield Forgery(
        title="a platform whose PCK certificate is revoked",
        evidence=tee.quote(nonce),
        code="pck.revoked",
        trust=(*_anchor(td), "--collateral", revoking),
    )


def _real(name: str) -> str:
    return f"tdx-quote/tdx-{name}.quote"


TDX: Final = Kind(
    tee="tdx",
    name="TDX",
    word="quote",
    anchor=_anchor,
    endorsed=_endorsed,
    served=lambda td: (*_anchor(td), *_endorsed(td)),
    stranger="chain.root",
    status="UpToDate",
    root="rtmr3",
    register_file="class/misc/tdx_guest/measurements/rtmr3:sha384",
    measured=_measured,
    signature="quote.signature",
    other=Other(
        title="the TD is measured into",
        change=("--index", "3", "--digest", secrets.token_hex(48)),
    ),
    forgeries=_forgeries,
    real=(
        Real(
            file=_real("v4-90c06f000000-140cbd8c"),
            options=_AT,
            verdict="genuine",
            anchor="intel-sgx-root",
            status="UpToDate",
        ),
        Real(
            file=_real("v5-90c06f000000-d0010db6"),
            options=_AT,
            verdict="genuine",
            anchor="intel-sgx-root",
            status="OutOfDate",
        ),
        Real(
            file=_real("v4-90c06f000000-f8f82dc7"),
            options=_AT,
            verdict="untrusted",
            code="tcb.no-level",
        ),
    ),
    real_title="three of Intel's own, with the collateral of the day",
)
"""Trust Domain Extensions."""
